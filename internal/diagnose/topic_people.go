package diagnose

import (
	"sipcause/internal/call"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// peopleRules are callee.* and caller.*: what people did.
var peopleRules = []rule{
	{id: "callee.busy", on: onCalls, check: calleeBusy},
	{id: "callee.declined", on: onCalls, codes: []int{603, 486, 480, 483}, check: calleeDeclined},
	{id: "callee.unavailable", on: onCalls | onTransactions, codes: []int{480}, check: calleeUnavailable},
	{id: "callee.answered-elsewhere", on: onCalls, check: calleeAnsweredElsewhere},
	{id: "callee.forwarded", on: onCalls, always: true, check: calleeForwarded},
	{id: "caller.abandoned", on: onCalls, check: callerAbandoned},
	{id: "caller.hung-up-early", on: onCalls, always: true, check: callerHungUpEarly},
}

// alerted returns the first 180 (or 183 and others that alert: 181 and 182 do not) of transaction r as
// RFC 3261 §13.2.2.1 has it, with how long it had alerted at the end of the transaction or when it was
// cancelled. ok is false when the callee was not seen alerting.
func (x *Case) alerted(r call.TxnRef) (ringing call.MsgRef, ns int64, ok bool) {
	l, t := x.Legs[r.Leg], x.Txn(r)
	for i := range l.Messages(t) {
		s := &l.Sightings[i]
		if s.Status != 180 || s.Repeat != call.First {
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

// longRing is the ring time from which on nobody picked up; before it the caller gave up.
const longRing = int64(10e9)

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

// hasReason says whether the message carries a Reason of the protocol with the cause (RFC 3326).
func hasReason(m *sip.Message, protocol string, cause int) bool {
	if m == nil {
		return false
	}
	for v := range m.Reasons() {
		if equalFold(v.Protocol, protocol) && v.Cause == cause {
			return true
		}
	}
	return false
}

func equalFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range b {
		if b[i]|0x20 != s[i]|0x20 {
			return false
		}
	}
	return true
}

// callee names the called party for people.
func (x *Case) callee() string {
	if x.To != "" {
		return x.To
	}
	return x.Target
}
