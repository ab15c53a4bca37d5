package diagnose

import (
	"bytes"
	"fmt"

	"sipcause/internal/call"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// peopleRules are callee.* and caller.*: what people did.
var peopleRules = []rule{
	{id: "callee.busy", on: onCalls, check: calleeBusy},
	{id: "callee.declined", on: onCalls, codes: []int{603, 486, 480, 483, 403}, check: calleeDeclined},
	{id: "callee.unavailable", on: onCalls | onTransactions, check: calleeUnavailable},
	{id: "callee.answered-elsewhere", on: onCalls, check: calleeAnsweredElsewhere},
	{id: "callee.forwarded", on: onCalls, always: true, check: calleeForwarded},
	{id: "caller.abandoned", on: onCalls, check: callerAbandoned},
	{id: "caller.hung-up-early", on: onCalls, always: true, check: callerHungUpEarly},
}

// alerted returns the first 180 of transaction r, the response that says that the callee is being alerted
// (RFC 3261 §21.1.2), with how long that had lasted at the end of the transaction or when it was cancelled. ok is
// false when the callee was not seen alerting.
func (x *Case) alerted(r call.TxnRef) (ringing call.MsgRef, ns int64, ok bool) {
	return x.lasted(r, 180)
}

// progressing is alerted of any response that says that the call got on: 180, or 181 to 183 of a network that rings
// in early media.
func (x *Case) progressing() (at call.MsgRef, ns int64, ok bool) {
	for _, known := range [...]func() (call.TxnRef, bool){x.DecidingTxn, x.LastTry} {
		if r, ok := known(); ok {
			if at, ns, ok := x.lasted(r, 183); ok {
				return at, ns, true
			}
		}
	}
	return call.NoMsg, 0, false
}

// statusLine is a response for people: "183 Session Progress".
func (x *Case) statusLine(r call.MsgRef) string {
	if m := x.Msg(r); m != nil {
		return fmt.Sprintf("%d %s", m.Status, call.Clean(m.ReasonPhrase()))
	}
	return fmt.Sprint(x.Sighting(r).Status)
}

// lasted returns the first provisional response of transaction r from 180 up to most, and how long it had
// been the state of things at the end.
func (x *Case) lasted(r call.TxnRef, most uint16) (first call.MsgRef, ns int64, ok bool) {
	l, t := x.Legs[r.Leg], x.Txn(r)
	for i := range l.Messages(t) {
		s := &l.Sightings[i]
		if s.Status < 180 || s.Status > most || s.Repeat != call.First {
			continue
		}
		end := l.Sightings[t.Last].Time
		switch {
		case t.Cancel != call.None:
			end = l.Start(&l.Txns[t.Cancel])
		case t.Final != call.None:
			end = l.Sightings[t.Final].Time
		}
		return call.MsgRef{Leg: r.Leg, Msg: i}, int64(end - s.Time), true
	}
	return call.NoMsg, 0, false
}

// ringing is alerted of the deciding transaction, else of the originator's last try.
func (x *Case) ringing() (at call.MsgRef, ns int64, ok bool) {
	if r, known := x.DecidingTxn(); known {
		if at, ns, ok = x.alerted(r); ok {
			return at, ns, true
		}
	}
	if r, known := x.LastTry(); known {
		return x.alerted(r)
	}
	return call.NoMsg, 0, false
}

// cancelled returns the CANCEL of the originator's last try, as a message.
func (x *Case) cancelled() (cancel call.MsgRef, at wire.Time, ok bool) {
	r, known := x.LastTry()
	if !known || x.Txn(r).Cancel == call.None {
		return call.NoMsg, 0, false
	}
	l := x.Lead()
	c := &l.Txns[x.Txn(r).Cancel]
	return call.MsgRef{Msg: c.First}, l.Start(c), true
}

// givenUp returns the request by which the caller ended the originator's last try before its answer: a CANCEL, or a
// BYE in the early dialog (RFC 3261 §15).
func (x *Case) givenUp() (end call.TxnRef, at wire.Time, ok bool) {
	r, known := x.LastTry()
	if !known {
		return call.TxnRef{}, 0, false
	}
	l := x.Lead()
	k := l.EndedBy(r.Txn)
	if k == call.None {
		return call.TxnRef{}, 0, false
	}
	return call.TxnRef{Txn: k}, l.Start(&l.Txns[k]), true
}

// hasSIPReason says whether the message carries a Reason with the SIP status as its cause (RFC 3326).
func hasSIPReason(m *sip.Message, cause int) bool {
	if m == nil {
		return false
	}
	for v := range m.Reasons() {
		if equalFold(v.Protocol, "SIP") && v.Cause == cause {
			return true
		}
	}
	return false
}

// equalFold is bytes.EqualFold of a word of the standards.
func equalFold(b []byte, s string) bool { return bytes.EqualFold(b, []byte(s)) }

// callee names the called party for people.
func (x *Case) callee() string {
	if x.To != "" {
		return x.To
	}
	return x.Target
}
