package diagnose

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"sipcause/internal/call"
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

	msgs     pool[sip.Message]
	sessions pool[sdp.Session]
	auth     digest // see Case.digest
	words    string // see Says
	hasWords bool
}

// pool hands out values by message and keeps them for the next case.
type pool[T any] struct {
	refs   []call.MsgRef
	values []*T
	bad    []bool
}

func (p *pool[T]) reset() { p.refs = p.refs[:0]; p.bad = p.bad[:0] }

// get returns the value of r, made by fill the first time; nil when fill says there is none.
func (p *pool[T]) get(r call.MsgRef, fill func(*T) bool) *T {
	for i, have := range p.refs {
		if have == r {
			if p.bad[i] {
				return nil
			}
			return p.values[i]
		}
	}
	n := len(p.refs)
	if n == len(p.values) {
		p.values = append(p.values, new(T))
	}
	v := p.values[n]
	ok := fill(v)
	p.refs, p.bad = append(p.refs, r), append(p.bad, !ok)
	if !ok {
		return nil
	}
	return v
}

func (x *Case) begin(c *call.Call, l *peer.Ledger) {
	x.Call, x.Ledger = c, l
	x.msgs.reset()
	x.sessions.reset()
	x.auth.done = false
	x.hasWords = false
}

// Failed says whether the originator did not get what it asked for.
func (x *Case) Failed() bool { return x.Outcome.Bad() }

// Lead is the first leg: the originator's.
func (x *Case) Lead() *call.Leg { return x.Legs[0] }

// Msg returns the parsed message that r names, nil when r names none or it does not parse.
func (x *Case) Msg(r call.MsgRef) *sip.Message {
	if !r.Valid() {
		return nil
	}
	return x.msgs.get(r, func(m *sip.Message) bool { return m.Parse(x.Raw(r)) == nil })
}

// Session returns the session description that a message carries, nil when it carries none.
func (x *Case) Session(r call.MsgRef) *sdp.Session {
	m := x.Msg(r)
	if m == nil || len(m.Body) == 0 {
		return nil
	}
	return x.sessions.get(r, func(s *sdp.Session) bool {
		body, ok := sdp.FindSDP(m.Header(sip.HeaderContentType), m.Body)
		return ok && s.Parse(body)
	})
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
	if !x.hasWords {
		var b strings.Builder
		for _, r := range [...]call.MsgRef{x.Final, x.DecidingRef()} {
			m := x.Msg(r)
			if m == nil || m.IsRequest() {
				continue
			}
			fmt.Fprintf(&b, "%s\n", m.ReasonPhrase())
			for v := range m.Reasons() {
				fmt.Fprintf(&b, "%s\n", v.Text)
			}
			for w := range m.Warnings() {
				fmt.Fprintf(&b, "%s\n", w.Text)
			}
			fmt.Fprintf(&b, "%s\n", m.Header(sip.HeaderErrorInfo))
		}
		x.words, x.hasWords = strings.ToLower(b.String()), true
	}
	for _, f := range fragments {
		if strings.Contains(x.words, f) {
			return true
		}
	}
	return false
}

// Q850 returns the Q.850 cause in the Reason of the deciding response, else of the final one, and the message
// it stands in. cause is -1 when there is none (RFC 6432).
func (x *Case) Q850() (cause int, in call.MsgRef) {
	for _, r := range [...]call.MsgRef{x.DecidingRef(), x.Final} {
		if m := x.Msg(r); m != nil {
			for v := range m.Reasons() {
				if strings.EqualFold(string(v.Protocol), "Q.850") && v.Cause >= 0 {
					return v.Cause, r
				}
			}
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
	return confidence * (1 - x.Ledger.Loss(x.Start(r), until, t.Client.Addr(), t.Server.Addr()))
}

// Events returns the wire events about packets that the client of a transaction sent to its server, from its
// start until after its last message.
func (x *Case) Events(r call.TxnRef) []call.Event {
	t := x.Txn(r)
	l := x.Legs[r.Leg]
	from, until := l.Start(t)-eventSlack, max(l.Sightings[t.Last].Time, t.LastResent)+eventSlack
	return slices.DeleteFunc(x.Ledger.Events(t.Server.Addr(), from, until), func(e call.Event) bool {
		return e.Flow.Dst != t.Server || e.Flow.Src.Addr() != t.Client.Addr()
	})
}

// EventsBehind returns the wire events about packets that the server of a transaction sent to others while it
// worked on the request: what kept it from passing the request on, even where no SIP could be sent.
func (x *Case) EventsBehind(r call.TxnRef) []call.Event {
	t := x.Txn(r)
	from, until := x.Start(r), x.FinalTime(r)
	if until == 0 {
		until = x.Legs[r.Leg].Sightings[t.Last].Time + eventSlack
	}
	return slices.DeleteFunc(x.Ledger.Events(t.Server.Addr(), from, until), func(e call.Event) bool {
		return e.Flow.Src.Addr() != t.Server.Addr() || e.Flow.Dst.Addr() == t.Client.Addr()
	})
}

// eventSlack is how far outside a transaction's messages an event may still belong to it: SYNs precede the
// request, ICMP errors follow the last one.
const eventSlack = wire.Time(35e9)

// Hop names a transaction's two ends for people: "192.0.2.1:5060 -> 198.51.100.1:5060".
func Hop(t *call.Txn) string { return t.Client.String() + " -> " + t.Server.String() }

// Private says whether a is an address that is not reachable from the Internet: RFC 1918, RFC 4193,
// carrier-grade NAT (RFC 6598), link-local.
func Private(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLinkLocalUnicast() || cgnat.Contains(a)
}

var cgnat = netip.MustParsePrefix("100.64.0.0/10")

// Seconds returns the time from a to b in seconds.
func Seconds(a, b wire.Time) float64 { return b.Sub(a).Seconds() }
