package diagnose

import (
	"bytes"
	"strconv"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/peer"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// fault says what was wrong with credentials that were refused.
type fault uint8

const (
	faultNone      fault = iota // nothing was refused
	faultElsewhere              // refused by another element than the one that had asked for them, or after it let them pass
	faultPartial                // they answer one of the realms that asked
	faultHeader                 // they stand in the other header field
	faultRealm                  // they are for a realm that had not asked
	faultAlgorithm              // they use a scheme, an algorithm or a qop that was not offered
	faultForeign                // their nonce was issued by another element, or by none
	faultStale                  // the server says that the nonce is stale
	faultStripped               // they did not reach the element that had asked for them: one on the way removed them
	faultReplay                 // nonce and nonce count had been used before
	faultOld                    // their nonce is old, replaced by a newer one or used before, and the server does not say stale
	faultRefused                // they answer a fresh challenge by its own terms, and were refused
)

// refusal is what became of one try with credentials.
type refusal struct {
	fault  fault
	step   int // index into digest.steps
	cred   sip.Credentials
	asked  sip.Challenge // the challenge they failed: of the response; when that has none, of the one before it
	offer  int           // the step whose response had issued the nonce, -1 if it is not among them
	issued peer.Nonce    // what the ledger knows of the nonce
	known  bool          // issued is valid
	age    time.Duration // of the nonce when it was used; 0 unknown
	newer  bool          // a newer nonce had been issued for the realm
	used   bool          // the nonce had been used before
	unseen bool          // no challenge with this nonce is in the capture

	lifetime time.Duration // of the nonce by its own words; 0 not said
	late     time.Duration // how much later than that it was used
}

// refusalOf says what was wrong with the credentials of step i.
func (x *Case) refusalOf(d *digestTries, i int) refusal {
	e := &d.steps[i]
	r := refusal{step: i, offer: -1, cred: e.sent[0]}
	if e.blind {
		return r
	}
	asked := e.asked
	if !challenged(e.code) {
		asked = d.askedBefore(i)
		if x.Txn(e.ref).Progress != call.None || x.passed(d, i) {
			r.fault = faultElsewhere
			return r
		}
	}
	if r.fault = d.wrongAddressee(&r, asked, i); r.fault != faultNone {
		return r
	}
	r.offer = d.offerOf(r.cred, i)
	offered := asked
	if r.offer >= 0 {
		offered = d.steps[r.offer].asked
	}
	switch {
	case challenged(e.code) && saysStale(e.asked, r.cred):
		r.fault = faultStale
		x.nonceFault(d, &r) // for age and issuer
		r.fault = faultStale
	case len(offered) > 0 && !fits(offered, r.cred):
		r.fault = faultAlgorithm
	case x.stripped(e, r.cred):
		r.fault = faultStripped
	default:
		x.nonceFault(d, &r)
	}
	return r
}

// stripped says whether the credentials c of a try are missing in the request that reached the element which
// refused it.
func (x *Case) stripped(e *exchange, c sip.Credentials) bool {
	m := x.Request(e.made)
	if e.made == e.ref || m == nil || x.blind(x.RequestRef(e.made)) {
		return false
	}
	for got := range m.Credentials() {
		if bytes.Equal(got.Nonce, c.Nonce) && bytes.Equal(got.Realm, c.Realm) {
			return false
		}
	}
	return true
}

// passed says whether a refusal without a challenge came from another element than the one that had asked for
// the credentials: it had let them pass, or never got them.
func (x *Case) passed(d *digestTries, i int) bool {
	e := &d.steps[i]
	for k := i - 1; k >= 0; k-- {
		if p := &d.steps[k]; len(p.asked) > 0 {
			return p.maker.Addr() != e.maker.Addr()
		}
	}
	if n, ok := x.Ledger.Nonce(call.Clean(e.sent[0].Nonce), x.Start(e.ref)); ok {
		return n.Server.Addr() != e.maker.Addr()
	}
	return false
}

// askedBefore returns the challenges that the client had last met before step i.
func (d *digestTries) askedBefore(i int) []sip.Challenge {
	for k := i - 1; k >= 0; k-- {
		if len(d.steps[k].asked) > 0 {
			return d.steps[k].asked
		}
	}
	return nil
}

// wrongAddressee pairs the credentials of step i with the challenges they failed. It sets r.cred and r.asked
// to the pair, and says what is wrong when there is none: other header field, other realm, or a realm missing.
func (d *digestTries) wrongAddressee(r *refusal, asked []sip.Challenge, i int) fault {
	sent := d.steps[i].sent
	if len(asked) == 0 {
		return faultNone
	}
	if missing := unanswered(asked, sent); missing >= 0 {
		r.asked = asked[missing]
		for _, c := range sent {
			if d.realmAsked(c.Realm, i) || realmIn(asked, c.Realm) {
				r.cred = c
				return faultPartial
			}
		}
	}
	other := -1
	for k := range asked {
		for _, c := range sent {
			if !bytes.Equal(c.Realm, asked[k].Realm) {
				continue
			}
			if c.Proxy == asked[k].Proxy {
				r.cred, r.asked = c, asked[k]
				return faultNone
			}
			other, r.cred, r.asked = k, c, asked[k]
		}
	}
	if other >= 0 {
		return faultHeader
	}
	r.cred, r.asked = sent[0], asked[0]
	return faultRealm
}

// unanswered returns the index of a challenge whose realm none of the credentials name, -1 if all are named.
func unanswered(asked []sip.Challenge, sent []sip.Credentials) int {
	for k := range asked {
		found := false
		for _, c := range sent {
			found = found || bytes.Equal(c.Realm, asked[k].Realm)
		}
		if !found {
			return k
		}
	}
	return -1
}

func realmIn(asked []sip.Challenge, realm []byte) bool {
	for _, n := range asked {
		if bytes.Equal(n.Realm, realm) {
			return true
		}
	}
	return false
}

// realmAsked says whether a challenge before step i was for realm.
func (d *digestTries) realmAsked(realm []byte, i int) bool {
	for k := range i {
		if realmIn(d.steps[k].asked, realm) {
			return true
		}
	}
	return false
}

// offerOf returns the step before i whose response issued the nonce of c, -1 if none did.
func (d *digestTries) offerOf(c sip.Credentials, i int) int {
	for k := i - 1; k >= 0; k-- {
		for _, n := range d.steps[k].asked {
			if bytes.Equal(n.Nonce, c.Nonce) {
				return k
			}
		}
	}
	return -1
}

func saysStale(asked []sip.Challenge, c sip.Credentials) bool {
	for _, n := range asked {
		if n.Stale && bytes.Equal(n.Realm, c.Realm) {
			return true
		}
	}
	return false
}

// fits says whether c uses what one of the challenges for its realm offers.
func fits(offered []sip.Challenge, c sip.Credentials) bool {
	realm := false
	for _, n := range offered {
		if !bytes.Equal(n.Realm, c.Realm) {
			continue
		}
		realm = true
		if bytes.EqualFold(n.Scheme, c.Scheme) && bytes.EqualFold(algorithm(n.Algorithm), algorithm(c.Algorithm)) && qopFits(n.QOP, c.QOP) {
			return true
		}
	}
	return !realm
}

// algorithm returns the algorithm that a parameter stands for: MD5 when it is absent (RFC 7616 §3.3).
func algorithm(b []byte) []byte {
	if len(b) == 0 {
		return []byte("MD5")
	}
	return b
}

// qopFits says whether a server that offers a list of qop values can accept the one used. Most accept an answer
// without qop where "auth" is offered, although RFC 3261 §22.4 wants one.
func qopFits(offered, used []byte) bool {
	if len(offered) == 0 {
		return len(used) == 0
	}
	if len(used) == 0 {
		used = []byte("auth")
	}
	for q := range bytes.SplitSeq(offered, []byte(",")) {
		if bytes.EqualFold(bytes.TrimSpace(q), used) {
			return true
		}
	}
	return false
}

// nonceFault judges the nonce of credentials that are otherwise in order.
func (x *Case) nonceFault(d *digestTries, r *refusal) {
	e := &d.steps[r.step]
	at := x.Start(e.ref)
	for k := r.offer + 1; k < r.step; k++ { // a server may issue a nonce again: what counts is its use since then
		for _, c := range d.steps[k].sent {
			if bytes.Equal(c.Nonce, r.cred.Nonce) {
				r.used = true
				if counted(c) && counted(r.cred) && count(c.NC) >= count(r.cred.NC) {
					r.fault = faultReplay
				}
			}
		}
	}
	if r.offer >= 0 {
		o := &d.steps[r.offer]
		r.age = at.Sub(x.FinalTime(o.ref))
		x.lifetime(e, r)
		for k := r.offer + 1; k < r.step; k++ {
			r.newer = r.newer || realmIn(d.steps[k].asked, r.cred.Realm)
		}
		switch {
		case r.fault == faultReplay:
		case r.newer, r.used, r.ranOut(), r.lifetime == 0 && !reissued(e, r.cred) && r.age > x.patience(r, at):
			r.fault = faultOld
		case o.maker.Addr() != e.maker.Addr():
			r.fault = faultForeign
			r.issued, r.known = peer.Nonce{Time: x.FinalTime(o.ref), Ref: x.Sighting(x.FinalRef(o.ref)).Ref, Server: o.maker, Realm: call.Clean(r.cred.Realm)}, true
		default:
			r.fault = faultRefused
		}
		return
	}
	if r.issued, r.known = x.Ledger.Nonce(call.Clean(r.cred.Nonce), at); r.known {
		r.age = at.Sub(r.issued.Time)
	}
	x.lifetime(e, r)
	switch {
	case r.known && r.issued.Server.Addr() != e.maker.Addr() && r.age <= nonceDead:
		r.fault = faultForeign
	case r.known:
		r.fault = faultOld
	case r.step > 0 && realmIn(d.steps[r.step-1].asked, r.cred.Realm):
		r.unseen = true
		r.fault = faultForeign
	default: // it may have been issued before the capture began
		r.unseen = true
		r.fault = faultOld
	}
}

// reissued says whether the refusal offers the very nonce that was refused: then it still is good.
func reissued(e *exchange, c sip.Credentials) bool {
	for _, n := range e.asked {
		if bytes.Equal(n.Nonce, c.Nonce) && !n.Stale {
			return true
		}
	}
	return false
}

// patience returns the age from which a refused nonce, whose lifetime is not known, may have run out: soon for an
// account that had been accepted before, since a device that has the password answers at once.
func (x *Case) patience(r *refusal, at wire.Time) time.Duration {
	user, realm := account(&r.cred)
	if _, worked := x.worked(user, realm, at); worked {
		return slowAnswer
	}
	return nonceOld
}

func counted(c sip.Credentials) bool { return len(c.QOP) > 0 && len(c.NC) > 0 }

// count reads a nonce count: eight hexadecimal digits (RFC 7616 §3.4).
func count(b []byte) uint64 {
	n, err := strconv.ParseUint(string(b), 16, 32)
	if err != nil {
		return 0
	}
	return n
}
