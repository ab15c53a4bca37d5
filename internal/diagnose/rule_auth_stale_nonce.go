package diagnose

import (
	"fmt"
	"slices"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/finding"
)

const (
	fastRetry = 5 * time.Second // within it a retry is the device's: nobody has typed another password
	freshUse  = 5 * time.Second // a nonce that is stale so soon was not too old
)

// authStaleNonce: the credentials were refused for their nonce, not for the password (RFC 7616 §3.3): the
// server says stale=true, or it does not and the nonce was old or used before. A retry that succeeds makes it
// a note.
func authStaleNonce(x *Case) *report {
	if !x.Failed() {
		if x.Challenge == 0 || !x.refusedCredentials() {
			return nil
		}
		return x.staleThenAccepted()
	}
	if !slices.Contains(authCodes, x.Code) && (x.Origin == nil || !slices.Contains(authCodes, x.Origin.Code)) {
		return nil
	}
	d, f, ok := x.faulted(faultStale, faultOld, faultReplay)
	if !ok && !(d.last.fault == faultRefused && x.Says(saysNonce...)) {
		return nil
	}
	e := &d.steps[f.step]
	if e.code == 403 && !f.ranOut() && !x.Says(saysNonce...) {
		return nil // 403 to an old nonce is no word about the nonce
	}
	user, realm := account(&f.cred)
	t := x.Txn(e.ref)
	_, worked := x.worked(user, realm, x.Start(e.ref))
	why, conf := f.words(worked)
	if x.Says(saysNonce...) {
		why, conf = fmt.Sprintf("it says %q", x.phraseOf(e)), finding.Proven
	}
	again := d.refusals(faultStale, x)
	certain := "for their nonce, not for the password"
	if conf < finding.Proven {
		certain = "most likely " + certain
	}
	r := x.report("auth.stale-nonce", conf,
		"%s refused the credentials of user %q (realm %q) %s: %s. %s", e.maker, user, realm, certain, why, gaveUp(x, d, f, t, again))
	switch {
	case f.fault == faultStale && (again > 1 || f.age > 0 && f.age < freshUse):
		r.do("The nonce was %s old when it was refused. See whether several servers answer at %s without sharing nonces or their secret, and whether the nonce lifetime there is too short.", ageWords(f.age), e.maker)
		r.do("Share the nonce secret between the servers, or keep a client on one of them; give nonces at least 30 s.")
	case f.fault == faultStale:
		r.do("Update or replace the software of %s: after stale=true it has to repeat the request with the new nonce, without asking for the password again.", t.Client.Addr())
	case e.code == 403:
		r.do("Restart the registration of %s: with a fresh challenge the same account is accepted, if it is only the nonce.", t.Client.Addr())
		r.do("Let %s answer an unknown or old nonce with a challenge and stale=true instead of 403, which clients take for the end.", e.maker.Addr())
	case f.fault == faultReplay:
		r.do("Let %s raise the nonce count (nc) with each request that uses a nonce again, or answer each challenge with its own nonce.", t.Client.Addr())
	case f.ranOut():
		r.do("See why %s took %s to answer: a person who types the password, or a client that keeps nonces; then raise the nonce lifetime at %s (now %s).", t.Client.Addr(), ageWords(f.age), e.maker.Addr(), ageWords(f.lifetime))
		r.do("Let %s say stale=true when a nonce has run out: without it clients take the 401 for a wrong password and give up.", e.maker.Addr())
	default:
		r.do("See whether %s accepts the same account right after a fresh challenge (restart the registration): then the password is right.", e.maker.Addr())
		r.do("Let %s say stale=true when a nonce has run out: without it clients take the 401 for a wrong password and give up.", e.maker.Addr())
	}
	return r.seeRefusal(d, f).suspect(e.maker, x.makerRole()).
		tell("The telephone service asked your phone to log in again and the phone did not. Restarting it usually helps.")
}

// words says what is known of the refused nonce, and how sure it is that the nonce was the reason.
func (f *refusal) words(worked bool) (string, float64) {
	switch {
	case f.fault == faultStale:
		return "stale=true", 1
	case f.fault == faultReplay:
		return fmt.Sprintf("nonce count %s had been used with it before", call.Clean(f.cred.NC)), 0.8
	}
	conf := 0.6
	if worked && (f.age == 0 || f.age > nonceOld || f.used) {
		conf = 0.8
	}
	switch {
	case f.ranOut():
		return fmt.Sprintf("by its own words it was good for %s, and it was used %s later than that", ageWords(f.lifetime), ageWords(f.late)), 0.95
	case f.newer:
		return "a newer one had been issued and was not used; the challenge does not say stale=true", conf
	case f.unseen:
		return "it was issued before the capture begins; the challenge does not say stale=true", conf
	case f.used:
		return "it had been used before; the challenge does not say stale=true", conf
	}
	return fmt.Sprintf("it was %s old; the challenge does not say stale=true", ageWords(f.age)), conf
}

// gaveUp says what the client did after the refusal.
func gaveUp(x *Case, d *digestTries, f *refusal, t *call.Txn, again int) string {
	if f.step == len(d.steps)-1 && again > 1 {
		return fmt.Sprintf("%s answered %d challenges, each with the nonce it had just got, and each was called stale.", t.Client.Addr(), again)
	}
	tries := 0
	for i := d.start; i < len(d.steps); i++ {
		if len(d.steps[i].sent) > 0 {
			tries++
		}
	}
	if f.step == len(d.steps)-1 && tries > 1 {
		return fmt.Sprintf("%s had sent credentials %d times since it was last let through, and did not try again after that.", t.Client.Addr(), tries)
	}
	if f.step == len(d.steps)-1 {
		return fmt.Sprintf("%s did not try again with the new nonce.", t.Client.Addr())
	}
	return fmt.Sprintf("%s tried again and ended with %d.", t.Client.Addr(), x.Code)
}

// refusedCredentials says, without parsing, whether a try of the originator with credentials was challenged.
func (x *Case) refusedCredentials() bool {
	l := x.Lead()
	for i := range l.Txns {
		if t := &l.Txns[i]; t.HasAuth && t.Parent == call.None && challenged(l.FinalStatus(t)) {
			return true
		}
	}
	return false
}

// staleThenAccepted reports credentials that were refused and, with another nonce, accepted at once.
func (x *Case) staleThenAccepted() *report {
	d := x.digest()
	count, young, first := 0, 0, refusal{}
	for i := range d.steps {
		e := &d.steps[i]
		if len(e.sent) == 0 || !challenged(e.code) {
			continue
		}
		f := x.refusalOf(d, i)
		switch f.fault {
		case faultStale, faultOld, faultReplay, faultForeign:
		default:
			continue
		}
		if !x.acceptedSoon(d, i, &f) {
			continue
		}
		if count++; count == 1 {
			first = f
		}
		if f.age > 0 && f.age < freshUse {
			young++
		}
	}
	if count == 0 {
		return nil
	}
	e := &d.steps[first.step]
	user, realm := account(&first.cred)
	conf, said := 0.8, "without stale=true"
	if first.fault == faultStale {
		conf, said = 1, "with stale=true"
	}
	r := x.report("auth.stale-nonce", conf,
		"%s challenged the credentials of user %q (realm %q) again, %s, and then accepted the same account with a new nonce: the nonce was refused, not the password.", e.maker, user, realm, said).
		severity(finding.Info)
	if first.fault != faultStale {
		r.do("Let %s say stale=true when a nonce has run out: some clients take the bare challenge for a wrong password and give up.", e.maker.Addr())
	}
	if young > 1 {
		r.severity(finding.Warning)
		r.do("It happened to %d nonces younger than %s: see whether several servers answer at %s without sharing nonces, or the nonce lifetime is too short.", young, ageWords(freshUse), e.maker)
	}
	if len(r.f.Actions) == 0 {
		r.do("Nothing: this is how a nonce is renewed.")
	}
	return r.seeRefusal(d, &first)
}

// acceptedSoon says whether the same account was accepted after step i, with another nonce: at once, or at any
// time when the server had said stale.
func (x *Case) acceptedSoon(d *digestTries, i int, f *refusal) bool {
	for k := i + 1; k < len(d.steps); k++ {
		e := &d.steps[k]
		if e.code < 200 || e.code >= 300 {
			continue
		}
		for _, c := range e.sent {
			if string(c.Username) == string(f.cred.Username) && string(c.Realm) == string(f.cred.Realm) {
				return string(c.Nonce) != string(f.cred.Nonce) && (f.fault == faultStale || x.Start(e.ref).Sub(x.FinalTime(d.steps[i].ref)) < fastRetry)
			}
		}
		return false
	}
	return false
}

// makerRole is the origin's role, when it is known.
func (x *Case) makerRole() call.Role {
	if x.Origin != nil {
		return x.Origin.Role
	}
	return call.RoleUnknown
}
