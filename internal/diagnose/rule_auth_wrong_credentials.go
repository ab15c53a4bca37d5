package diagnose

import (
	"bytes"
	"fmt"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/digest"
	"sipcause/sip"
)

// Words by which a 403 says that it is about the credentials, that it is about the nonce, and that it is about
// something else.
var (
	saysCredentials = []string{"password", "passwd", "credential", "auth fail", "authentication fail", "authentification", "authorization fail", "authentication error", "bad auth", "wrong auth", "invalid auth", "not authenticated", "login fail", "digest", "username", "user name", "wrong user", "invalid user", "wrong auth id", "unauthorized user"}
	saysNonce       = []string{"nonce"}
)

// authWrongCredentials: credentials for the challenged realm and a fresh nonce, in the right header field, were
// refused (RFC 3261 §22.1, RFC 7616 §3.4). A 403 counts when nothing speaks for a refusal by policy.
func authWrongCredentials(x *Case) *report {
	d, f, ok := x.faulted(faultRefused, faultOld)
	if !ok {
		return x.saidUnseen(d)
	}
	e := &d.steps[f.step]
	if !challenged(e.code) && x.proof(d, f).Result == digest.Matches {
		return nil // what is right is forbidden for another reason
	}
	if x.Says(saysNonce...) || f.ranOut() || f.fault == faultOld && challenged(e.code) {
		return nil
	}
	user, realm := account(&f.cred)
	t := x.Txn(e.ref)
	before, worked := x.worked(user, realm, x.Start(e.ref))
	conf := 0.95
	if !challenged(e.code) {
		if conf = x.refusalByCode(e, &f.cred, worked); conf == 0 {
			return nil
		}
	} else if worked || aka(&f.cred) || f.age > slowAnswer && f.lifetime == 0 {
		conf = 0.8
	}
	how := fmt.Sprintf("%s answered the challenge with the nonce just issued (%s later), and got %d %s%s", t.Client.Addr(), ageWords(f.age), e.code, x.phraseOf(e), timesWords(d.refusals(faultRefused, x)))
	if f.fault == faultOld {
		conf = min(conf, 0.75)
		how = fmt.Sprintf("%s sent them unasked, and got %d %s", t.Client.Addr(), e.code, x.phraseOf(e))
		if f.offer >= 0 {
			how = fmt.Sprintf("%s answered a challenge that was %s old, and got %d %s", t.Client.Addr(), ageWords(f.age), e.code, x.phraseOf(e))
		}
	}
	r := x.report("auth.wrong-credentials", conf, "%s did not accept the credentials of user %q for realm %q: %s.", e.maker, user, realm, how)
	if r.prove(d, f) {
		return r.seeRefusal(d, f)
	}
	r.do("Compare user name and password for realm %q in %s with those of the account on %s: the log there tells \"no such user\" from \"wrong password\", the wire does not.", realm, t.Client.Addr(), e.maker.Addr())
	r.do("Check that %q is the authentication user that %s expects, and not the extension or the number of the account.", user, e.maker.Addr())
	if f.age > slowAnswer && f.lifetime == 0 {
		r.do("The answer came %s after the challenge: if nonces of %s live shorter than that, the password may be right; answer a fresh challenge at once to see.", ageWords(f.age), e.maker.Addr())
	}
	if m := x.Request(e.ref); m != nil && len(f.cred.URI) > 0 && !bytes.Equal(f.cred.URI, m.RequestURI()) {
		r.do("The digest covers uri=%q while the Request-URI is %q: a device on the way that rewrites the Request-URI breaks a correct password as well.", call.Clean(f.cred.URI), call.Clean(m.RequestURI()))
	}
	if len(f.asked.QOP) > 0 && len(f.cred.QOP) == 0 {
		r.do("The challenge offers qop=%q and the answer has none, which RFC 3261 §22.4 forbids: rule out that %s refuses it for that.", call.Clean(f.asked.QOP), e.maker.Addr())
	}
	if aka(&f.cred) {
		r.do("With AKA a second challenge may only renew the sequence number (SQN): see whether the answer carries auts, and whether the SIM's key and OP match the HSS.")
	}
	if !challenged(e.code) && conf < 0.8 {
		r.do("Not excluded: the credentials are right and %s forbids this %s for another reason (403 says no more); its log settles it.", e.maker.Addr(), t.Method)
	}
	if worked {
		r.do("The account had been accepted before (frame %d): see whether its password was changed since, or another device uses it with an old one.", before.Ref.Number)
	}
	return r.seeRefusal(d, f).
		suspect(t.Client, x.clientRole(e.ref)).
		tell(wrongLogin)
}

// saidUnseen reports a 403 whose words are about the credentials, when the capture misses the request that had
// them.
func (x *Case) saidUnseen(d *digestTries) *report {
	if len(d.steps) == 0 || d.last.fault != faultNone {
		return nil
	}
	e := &d.steps[len(d.steps)-1]
	if e.code != 403 || !e.blind || x.Says(saysNonce...) || !x.Says(saysCredentials...) {
		return nil
	}
	t := x.Txn(e.ref)
	return x.report("auth.wrong-credentials", 0.7,
		"%s says that the credentials of %s are wrong: 403 %s. The request that had them is not in the capture, or not all of it.", e.maker, t.Client.Addr(), x.phraseOf(e)).
		do("Capture the request as well: its realm, nonce and user name against the challenge tell whether it is the password.").
		do("Compare user name and password in %s with those of the account on %s.", t.Client.Addr(), e.maker.Addr()).
		see(x.FinalRef(e.ref), "403 %s", x.phraseOf(e)).
		suspect(t.Client, x.clientRole(e.ref)).
		tell(wrongLogin)
}

// refusalByCode says how likely a 403 to credentials, fresh and well addressed, is about the credentials;
// 0 when something speaks against it.
func (x *Case) refusalByCode(e *exchange, c *sip.Credentials, worked bool) float64 {
	switch {
	case x.Says(saysCredentials...):
		return 0.9
	case x.saysPolicy():
		return 0
	case x.Txn(e.ref).Method == sip.MethodRegister && worked:
		return 0.7 // a registrar has little else to forbid: another password, or an account that was locked
	case x.Txn(e.ref).Method == sip.MethodRegister:
		return 0.85
	case worked:
		return 0
	case x.refusedElsewhere(c, e):
		return 0.7
	}
	return 0.55
}

// refusedLately is how long a refusal of an account speaks for its credentials: they are corrected some time.
const refusedLately = 24 * time.Hour

// refusedElsewhere says whether the account had lately met a 403 in another call or registration.
func (x *Case) refusedElsewhere(c *sip.Credentials, e *exchange) bool {
	user, realm := account(c)
	for _, g := range x.Ledger.Logins(user, realm, x.Start(e.ref)-1) {
		if g.Code == 403 && x.Start(e.ref).Sub(g.Time) <= refusedLately && g.CallID != x.Legs[e.ref.Leg].CallID {
			return true
		}
	}
	return false
}

// refusals counts the tries since the last success that were refused with one fault.
func (d *digestTries) refusals(f fault, x *Case) int {
	n := 0
	for i := d.start; i < len(d.steps); i++ {
		e := &d.steps[i]
		if len(e.sent) == 0 || !challenged(e.code) && e.code != 403 {
			continue
		}
		if r := x.refusalOf(d, i); r.fault == f {
			n++
		}
	}
	return n
}

// aka says whether credentials are a SIM's (RFC 3310).
func aka(c *sip.Credentials) bool { return bytes.HasPrefix(bytes.ToUpper(c.Algorithm), []byte("AKA")) }

// phraseOf returns the reason phrase of a try's final response.
func (x *Case) phraseOf(e *exchange) string {
	if m := x.Msg(x.FinalRef(e.ref)); m != nil {
		return call.Clean(m.ReasonPhrase())
	}
	return ""
}

func timesWords(n int) string {
	switch {
	case n < 2:
		return ""
	case n == 2:
		return ", twice"
	}
	return ", again and again"
}
