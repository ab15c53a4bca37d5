package diagnose

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"

	"sipcause/code"
	"sipcause/internal/anatomy"
	"sipcause/internal/call"
	"sipcause/internal/digest"
	"sipcause/internal/finding"
	"sipcause/internal/passport"
	"sipcause/internal/peer"
	"sipcause/internal/wire"
	"sipcause/sdp"
	"sipcause/sip"
)

// Case is one call as rules see it: the call, the ledger, and messages parsed when they are asked for.
// Everything it returns is valid until the verdict is given.
type Case struct {
	*call.Call
	Ledger *peer.Ledger

	secrets  *digest.Secrets
	certs    *passport.Store
	sessions sessions
	auth     digestTries // see Case.digest
	offers   anatomy.Offers
	q850     struct {
		read  bool
		cause int
		in    call.MsgRef
	} // see Case.Q850

	reports []*report // those written so far, and spare ones of earlier cases
	written int
	accused finding.Suspect // of the verdict, when it is the origin
	refs    []call.TxnRef   // behind the slices that Downstream returned

	words      *words // see Says
	vocabulary vocabulary
	text       []byte // scratch of spoken
}

func (x *Case) begin(c *call.Call, l *peer.Ledger) {
	x.Call, x.Ledger = c, l
	x.sessions.reset()
	x.auth.done, x.q850.read = false, false
	x.words, x.written, x.refs = nil, 0, x.refs[:0]
}

// Failed says whether the originator did not get what it asked for.
func (x *Case) Failed() bool { return x.Outcome.Bad() }

// Lead is the first leg: the originator's.
func (x *Case) Lead() *call.Leg { return x.Legs[0] }

// sessions keeps the session descriptions of the case at hand by message; nil: there is none.
type sessions struct {
	refs   []call.MsgRef
	values []*sdp.Session
	spare  []*sdp.Session // of earlier cases
}

func (p *sessions) reset() {
	for _, s := range p.values {
		if s != nil {
			p.spare = append(p.spare, s)
		}
	}
	clear(p.values)
	p.refs, p.values = p.refs[:0], p.values[:0]
}

// Session returns the session description that a message carries, nil when it carries none.
func (x *Case) Session(r call.MsgRef) *sdp.Session {
	m := x.Msg(r)
	if m == nil || len(m.Body) == 0 || x.Sighting(r).Truncated {
		return nil
	}
	p := &x.sessions
	if i := slices.Index(p.refs, r); i >= 0 {
		return p.values[i]
	}
	var s *sdp.Session
	if body, ok := sdp.FindSDP(m.Header(sip.HeaderContentType), m.Body); ok {
		if n := len(p.spare); n > 0 {
			s, p.spare = p.spare[n-1], p.spare[:n-1]
		} else {
			s = new(sdp.Session)
		}
		if !s.Parse(body) {
			p.spare = append(p.spare, s)
			s = nil
		}
	}
	p.refs, p.values = append(p.refs, r), append(p.values, s)
	return s
}

// FinalMsg is the final response as the originator saw it, nil when there was none.
func (x *Case) FinalMsg() *sip.Message { return x.Msg(x.Final) }

// DecidingRef names the deciding message as it left its origin; the final response when that is not known.
func (x *Case) DecidingRef() call.MsgRef {
	if x.Origin != nil && x.Origin.Msg.Valid() {
		return x.Origin.Msg
	}
	return x.Final
}

// Deciding is the deciding message as it left its origin, nil when nothing final was seen.
func (x *Case) Deciding() *sip.Message { return x.Msg(x.DecidingRef()) }

// answer is the deciding response for people: "503 Channel limit exceeded".
func (x *Case) answer() string {
	status, words := x.said()
	return fmt.Sprintf("%d %s", status, words)
}

// DecidingTxn names the transaction of the deciding message; ok is false when there is none.
func (x *Case) DecidingTxn() (call.TxnRef, bool) {
	r := x.DecidingRef()
	if !r.Valid() {
		return call.TxnRef{}, false
	}
	t := x.Sighting(r).Txn
	return call.TxnRef{Leg: r.Leg, Txn: t}, t != call.None
}

// LastTry is the originator's last try (see call.Leg.Tries); ok is false when the capture shows none.
func (x *Case) LastTry() (call.TxnRef, bool) {
	tries := x.Lead().Tries()
	if len(tries) == 0 {
		return call.TxnRef{}, false
	}
	return call.TxnRef{Leg: 0, Txn: tries[len(tries)-1]}, true
}

// RequestRef names the request of a transaction as first seen; not Valid when it was not captured.
func (x *Case) RequestRef(r call.TxnRef) call.MsgRef {
	return call.MsgRef{Leg: r.Leg, Msg: x.Txn(r).Request}
}

// Request is the parsed request of a transaction, nil when it was not captured.
func (x *Case) Request(r call.TxnRef) *sip.Message { return x.Msg(x.RequestRef(r)) }

// FinalRef names the final response of a transaction; not Valid when there was none.
func (x *Case) FinalRef(r call.TxnRef) call.MsgRef {
	return call.MsgRef{Leg: r.Leg, Msg: x.Txn(r).Final}
}

// Downstream is that of call.Call, without an allocation of its own.
func (x *Case) Downstream(r call.TxnRef) []call.TxnRef {
	from := len(x.refs)
	x.refs = x.AppendDownstream(x.refs, r)
	return x.refs[from:len(x.refs):len(x.refs)]
}

// Txns yields every transaction of every leg, in order.
func (x *Case) Txns() iter.Seq2[call.TxnRef, *call.Txn] {
	return func(yield func(call.TxnRef, *call.Txn) bool) {
		for k, l := range x.Legs {
			for i := range l.Txns {
				if !yield(call.TxnRef{Leg: k, Txn: int32(i)}, &l.Txns[i]) {
					return
				}
			}
		}
	}
}

// Says reports whether the words of the final or the deciding response (reason phrase, texts of Reason and
// Warning, Error-Info) contain one of the fragments. Fragments are lower case.
func (x *Case) Says(fragments ...string) bool {
	if x.words == nil {
		x.words = x.vocabulary.of(x.spoken())
	}
	for _, f := range fragments {
		if x.words.contain(f) {
			return true
		}
	}
	return false
}

// spoken gathers the words that Says looks through. They are valid until it is called again.
func (x *Case) spoken() []byte {
	b := x.text[:0]
	for i, r := range [...]call.MsgRef{x.Final, x.DecidingRef()} {
		m := x.Msg(r)
		if m == nil || m.IsRequest() || i > 0 && r == x.Final {
			continue
		}
		b = append(append(b, m.ReasonPhrase()...), '\n')
		for v := range m.Reasons() {
			if !namesCause(v) {
				b = append(append(b, v.Text...), '\n')
			}
		}
		for w := range m.Warnings() {
			b = append(append(b, w.Text...), '\n')
		}
		b = append(append(b, m.Header(sip.HeaderErrorInfo)...), '\n')
	}
	x.text = b
	return b
}

// unspecific are the Q.850 causes that say so little that their text is worth reading: normal clearing, call
// rejected, normal unspecified, temporary failure, not implemented, incompatible, interworking.
var unspecific = map[int]bool{16: true, 21: true, 31: true, 41: true, 65: true, 79: true, 88: true, 127: true}

// namesCause says whether the text of a Q.850 Reason is but the cause's name in some switch's wording: no words
// of the server's own, and full of "user", "barred" and "rejected".
func namesCause(v sip.Reason) bool {
	_, known := code.Q850(v.Cause)
	return known && !unspecific[v.Cause] && v.Q850()
}

// Q850 returns the Q.850 cause in the Reason of the deciding response, else of the final one, and the message
// it stands in. cause is -1 when there is none (RFC 6432).
func (x *Case) Q850() (cause int, in call.MsgRef) {
	if !x.q850.read {
		x.q850.cause, x.q850.in = x.readQ850()
		x.q850.read = true
	}
	return x.q850.cause, x.q850.in
}

func (x *Case) readQ850() (cause int, in call.MsgRef) {
	for _, r := range [...]call.MsgRef{x.DecidingRef(), x.Final} {
		if cause = telephoneCause(x.Msg(r)); cause >= 0 {
			return cause, r
		}
	}
	return -1, call.NoMsg
}

// Warning returns the first Warning with one of the codes in the deciding or final response.
func (x *Case) Warning(codes ...int) (sip.Warning, call.MsgRef, bool) {
	for _, r := range [...]call.MsgRef{x.DecidingRef(), x.Final} {
		if m := x.Msg(r); m != nil {
			for w := range m.Warnings() {
				for _, c := range codes {
					if w.Code == c {
						return w, r, true
					}
				}
			}
		}
	}
	return sip.Warning{}, call.NoMsg, false
}

// Frame names a message for people: "frame 12".
func (x *Case) Frame(r call.MsgRef) string {
	if !r.Valid() {
		return "no frame"
	}
	return fmt.Sprintf("frame %d", x.Sighting(r).Ref.Number)
}

// Absent lowers the confidence of a finding that rests on something not having been seen on the hop of
// transaction r from its start until a later time, by the share of packets that the capture is known to have
// lost there.
func (x *Case) Absent(confidence float64, r call.TxnRef, until wire.Time) float64 {
	t := x.Txn(r)
	if t.Resent < 2 && t.FinalResent < 2 && x.holes() { // who sends again and again has not got it, whatever the capture lacks
		confidence = min(confidence, guess)
	}
	return confidence * (1 - x.Ledger.Missed(x.Start(r), until, t.Client.Addr(), t.Server.Addr()))
}

// Events returns the wire events bound to a transaction of a call that failed: about its request when that got
// no final response, else about what its server sent on while it worked on it.
func (x *Case) Events(r call.TxnRef) []call.Event {
	var out []call.Event
	for _, e := range x.Legs[r.Leg].Events {
		if e.Txn == r.Txn {
			out = append(out, e)
		}
	}
	return out
}

// Private says whether a is an address that is not reachable from the Internet: RFC 1918, RFC 4193,
// carrier-grade NAT (RFC 6598), link-local.
func Private(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLinkLocalUnicast() || cgnat.Contains(a)
}

var cgnat = netip.MustParsePrefix("100.64.0.0/10")

// Seconds returns the time from a to b in seconds.
func Seconds(a, b wire.Time) float64 { return b.Sub(a).Seconds() }
