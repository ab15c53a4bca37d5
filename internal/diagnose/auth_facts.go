package diagnose

import (
	"bytes"
	"fmt"
	"net/netip"
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

	// nonceDead is the age from which its own issuer refuses a nonce too: servers keep one for minutes.
	nonceDead = time.Hour

	slowAnswer = 2 * time.Second // an answer after more than this is a person's, or was held up
)

// exchange is one try of a client and what it was told, with the digest parameters of both.
type exchange struct {
	ref   call.TxnRef
	code  int            // final response, 0 = none
	made  call.TxnRef    // the transaction at whose server it was made: ref, or one that relays it
	maker netip.AddrPort // that server
	blind bool           // the headers of the request or of the response are not in the capture, or not all of them
	sent  []sip.Credentials
	asked []sip.Challenge
}

// digestTries is what the client that had to authenticate did, oldest try first.
type digestTries struct {
	done  bool
	steps []exchange
	start int     // the first try after the last success
	last  refusal // of the last credentials that were refused since then; its fault is faultNone if none were
}

func challenged(code int) bool { return code == 401 || code == 407 }

// digest reads the digest parameters of the client that met the challenges. The answer is kept for the case.
func (x *Case) digest() *digestTries {
	d := &x.auth
	if d.done {
		return d
	}
	*d = digestTries{done: true, steps: d.steps[:0], last: refusal{offer: -1}}
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
	e := exchange{ref: r, code: x.Status(r), made: r, blind: x.blind(x.RequestRef(r))}
	if e.code != 0 {
		e.made = x.maker(r)
		e.blind = e.blind || x.blind(x.FinalRef(r))
	}
	e.maker = x.Txn(e.made).Server
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
// that sent the deciding request again itself (a proxy with an account), else the originator of that leg.
func (x *Case) challengedTries() []call.TxnRef {
	leg := 0
	if r, ok := x.DecidingTxn(); ok {
		leg = r.Leg
		if own := x.answeredOnTheWay(r); own != nil {
			return own
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

// blind says whether a message is missing, or the capture cut it within its headers.
func (x *Case) blind(r call.MsgRef) bool {
	return !r.Valid() || x.Sighting(r).Truncated && !bytes.Contains(x.Raw(r), []byte("\r\n\r\n"))
}

// maker returns the transaction at whose server the final response of r was made: the most downstream one that
// has it.
func (x *Case) maker(r call.TxnRef) call.TxnRef {
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
	return r
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
