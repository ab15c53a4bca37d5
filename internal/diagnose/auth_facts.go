package diagnose

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/peer"
	"sipcause/internal/wire"
	"sipcause/sip"
)

const (
	maxExchanges = 16 // how many of a client's latest tries are read for their digest parameters
	maxRelays    = 16 // how far down a response is followed to its maker

	// nonceOld is the age at which a nonce may have run out without the server being at fault: servers keep
	// one for 30 s and more. A client answers a challenge within milliseconds.
	nonceOld = 30 * time.Second
)

// exchange is one try of a client and what it was told, with the digest parameters of both.
type exchange struct {
	ref   call.TxnRef
	code  int            // final response, 0 = none
	maker netip.AddrPort // the element that made it
	sent  []sip.Credentials
	asked []sip.Challenge
}

// digest is what the client that had to authenticate did, oldest try first.
type digest struct {
	done  bool
	steps []exchange
	start int     // the first try after the last success
	last  refusal // of the last credentials that were refused since then; its fault is faultNone if none were
}

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
}

func challenged(code int) bool { return code == 401 || code == 407 }

// digest reads the digest parameters of the client that met the challenges. The answer is kept for the case.
func (x *Case) digest() *digest {
	d := &x.auth
	if d.done {
		return d
	}
	*d = digest{done: true, steps: d.steps[:0], last: refusal{offer: -1}}
	refs := x.challengedTries()
	if over := len(refs) - maxExchanges; over > 0 {
		refs = refs[over:]
	}
	for _, r := range refs {
		d.steps = append(d.steps, x.exchange(r))
		if c := d.steps[len(d.steps)-1].code; c >= 200 && c < 300 {
			d.start = len(d.steps)
		}
	}
	for i := len(d.steps) - 1; i >= d.start; i-- {
		if len(d.steps[i].sent) > 0 {
			if c := d.steps[i].code; challenged(c) || c == 403 {
				d.last = x.refusalOf(d, i)
			}
			break
		}
	}
	return d
}

func (x *Case) exchange(r call.TxnRef) exchange {
	e := exchange{ref: r, code: x.Status(r)}
	if e.code == 0 {
		e.maker = x.Txn(r).Server
	} else {
		e.maker = x.maker(r)
	}
	if x.Txn(r).HasAuth {
		if m := x.Request(r); m != nil {
			for c := range m.Credentials() {
				// IMS clients announce themselves with empty credentials (3GPP TS 24.229 §5.1.1.2).
				if len(c.Nonce) > 0 || !bytes.EqualFold(c.Scheme, []byte("Digest")) {
					e.sent = append(e.sent, c)
				}
			}
		}
	}
	if challenged(e.code) {
		if m := x.Msg(x.FinalRef(r)); m != nil {
			for c := range m.Challenges() {
				e.asked = append(e.asked, c)
			}
		}
	}
	return e
}

// challengedTries returns the tries of the client that had to answer the challenges of this call: the element
// that sent the deciding request again itself (a proxy with an account), else the originator of that leg, or
// of the leg behind it when a B2BUA answered for a leg that ended challenged.
func (x *Case) challengedTries() []call.TxnRef {
	leg := 0
	if r, ok := x.DecidingTxn(); ok {
		leg = r.Leg
		if own := x.answeredOnTheWay(r); own != nil {
			return own
		}
		if down := x.Downstream(r); len(down) > 0 {
			last := down[len(down)-1]
			if last.Leg != r.Leg && challenged(x.Status(last)) {
				leg = last.Leg
			}
		}
	}
	var out []call.TxnRef
	for _, t := range x.Legs[leg].Tries() {
		out = append(out, call.TxnRef{Leg: leg, Txn: t})
	}
	return out
}

// answeredOnTheWay returns the tries of the nearest element above r that met a challenge from the next hop and
// sent the request to it again by itself; nil when none did.
func (x *Case) answeredOnTheWay(r call.TxnRef) []call.TxnRef {
	l := x.Legs[r.Leg]
	for range maxRelays {
		t := x.Txn(r)
		if t.Parent == call.None {
			return nil
		}
		var same []call.TxnRef
		for k := range l.Children(t.Parent) {
			if o := &l.Txns[k]; o.Method == t.Method && o.Server.Addr() == t.Server.Addr() {
				same = append(same, call.TxnRef{Leg: r.Leg, Txn: k})
			}
		}
		if len(same) > 1 && challenged(x.Status(same[0])) {
			return same
		}
		r.Txn = t.Parent
	}
	return nil
}

// maker returns the element that made the final response of r: the most downstream one seen sending it.
func (x *Case) maker(r call.TxnRef) netip.AddrPort {
	for range maxRelays {
		code, at := x.Status(r), x.FinalTime(r)
		next, found := r, false
		for _, k := range x.Downstream(r) {
			if x.Status(k) == code && x.FinalTime(k) <= at {
				next, found = k, true
			}
		}
		if !found {
			break
		}
		r = next
	}
	return x.Txn(r).Server
}

// refusalOf says what was wrong with the credentials of step i.
func (x *Case) refusalOf(d *digest, i int) refusal {
	e := &d.steps[i]
	r := refusal{step: i, offer: -1, cred: e.sent[0]}
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
	default:
		x.nonceFault(d, &r)
	}
	return r
}

// passed says whether a refusal without a challenge came from another element than the one that had asked for
// the credentials: it had let them pass, or never got them.
func (x *Case) passed(d *digest, i int) bool {
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
func (d *digest) askedBefore(i int) []sip.Challenge {
	for k := i - 1; k >= 0; k-- {
		if len(d.steps[k].asked) > 0 {
			return d.steps[k].asked
		}
	}
	return nil
}

// wrongAddressee pairs the credentials of step i with the challenges they failed. It sets r.cred and r.asked
// to the pair, and says what is wrong when there is none: other header field, other realm, or a realm missing.
func (d *digest) wrongAddressee(r *refusal, asked []sip.Challenge, i int) fault {
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
func (d *digest) realmAsked(realm []byte, i int) bool {
	for k := range i {
		if realmIn(d.steps[k].asked, realm) {
			return true
		}
	}
	return false
}

// offerOf returns the step before i whose response issued the nonce of c, -1 if none did.
func (d *digest) offerOf(c sip.Credentials, i int) int {
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
func (x *Case) nonceFault(d *digest, r *refusal) {
	e := &d.steps[r.step]
	at := x.Start(e.ref)
	for k := range r.step {
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
		for k := r.offer + 1; k < r.step; k++ {
			r.newer = r.newer || realmIn(d.steps[k].asked, r.cred.Realm)
		}
		switch {
		case r.fault == faultReplay:
		case r.newer, r.used, r.age > nonceOld:
			r.fault = faultOld
		case o.maker.Addr() != e.maker.Addr():
			r.fault = faultForeign
			r.issued, r.known = peer.Nonce{Time: x.FinalTime(o.ref), Ref: x.Sighting(x.FinalRef(o.ref)).Ref, Server: o.maker, Realm: call.Clean(r.cred.Realm)}, true
		default:
			r.fault = faultRefused
		}
		return
	}
	r.issued, r.known = x.Ledger.Nonce(call.Clean(r.cred.Nonce), at)
	switch {
	case r.known && r.issued.Server.Addr() != e.maker.Addr():
		r.age = at.Sub(r.issued.Time)
		r.fault = faultForeign
	case r.known:
		r.age = at.Sub(r.issued.Time)
		r.fault = faultOld
	case r.step > 0 && realmIn(d.steps[r.step-1].asked, r.cred.Realm):
		r.unseen = true
		r.fault = faultForeign
	default: // it may have been issued before the capture began
		r.unseen = true
		r.fault = faultOld
	}
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

// worked returns the last time before at that the capture shows the account accepted: by a 2xx, or by an
// answer that only the called user gives.
func (x *Case) worked(user, realm string, before wire.Time) (peer.Login, bool) {
	list := x.Ledger.Logins(user, realm, before-1)
	for i := len(list) - 1; i >= 0; i-- {
		switch g := list[i]; {
		case g.Code >= 200 && g.Code < 300, g.Code == 486, g.Code == 487, g.Code == 488:
			return g, true
		}
	}
	return peer.Login{}, false
}

// account names credentials for people.
func account(c *sip.Credentials) (user, realm string) {
	return call.Clean(c.Username), call.Clean(c.Realm)
}

// clientRole says what the client of a try is in the call.
func (x *Case) clientRole(r call.TxnRef) call.Role {
	switch {
	case x.Txn(r).Parent != call.None:
		return call.RoleProxy
	case r.Leg > 0:
		return call.RoleB2BUA
	}
	return call.RoleUAC
}

// headerNames returns the header field of a challenge and the one that answers it (RFC 3261 §22.2, §22.3).
func headerNames(proxy bool) (challenge, answer string) {
	if proxy {
		return "Proxy-Authenticate", "Proxy-Authorization"
	}
	return "WWW-Authenticate", "Authorization"
}

// offers words what the challenges for a realm offer: "MD5 qop=auth, SHA-256 qop=auth".
func offers(asked []sip.Challenge, realm []byte) string {
	var b bytes.Buffer
	for _, n := range asked {
		if !bytes.Equal(n.Realm, realm) {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		if !bytes.EqualFold(n.Scheme, []byte("Digest")) {
			b.WriteString("scheme " + call.Clean(n.Scheme))
			continue
		}
		b.WriteString(call.Clean(algorithm(n.Algorithm)))
		if len(n.QOP) > 0 {
			b.WriteString(" qop=" + call.Clean(n.QOP))
		}
	}
	return b.String()
}

// ageWords words an age for people: "20 ms", "4.2 s", "7 min".
func ageWords(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d min", int(d.Minutes()))
}
