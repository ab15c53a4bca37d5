package diagnose

import (
	"sipcause/internal/call"
	"sipcause/sip"
)

// How often a request may be repeated: Timer A doubles from 500 ms until Timer B, 6 times; Timer E is capped at 4 s, 10
// times (RFC 3261 §17.1.1.2, §17.1.2.2). One more is granted for a T1 a little below 500 ms.
const (
	mostINVITE = 7
	mostOther  = 11
	deaf       = 3 // repetitions after a response that has to stop them
)

// protocolRetransmissionStorm: a request repeated more often than Timer A or E allow, over a reliable transport, or
// after a response that should have stopped it.
func protocolRetransmissionStorm(x *Case) *report {
	for k, l := range x.Legs {
		for i := range l.Txns {
			t := &l.Txns[i]
			if t.Request == call.None || t.Resent < deaf || t.Method == sip.MethodAck {
				continue
			}
			if rep := x.storm(call.TxnRef{Leg: k, Txn: int32(i)}); rep != nil {
				return rep
			}
		}
	}
	return nil
}

func (x *Case) storm(r call.TxnRef) *report {
	t, l := x.Txn(r), x.Legs[r.Leg]
	most := mostOther
	stop := t.Final
	if t.Method == sip.MethodInvite {
		most = mostINVITE
		for _, i := range [...]int32{t.Trying, t.Progress} {
			if i != call.None && (stop == call.None || l.Sightings[i].Time < l.Sightings[stop].Time) {
				stop = i // a provisional response ends Timer A
			}
		}
	}
	after := 0
	if stop != call.None {
		_, after = lastOf(l, t, t.Request, l.Sightings[stop].Time.Add(timerSlack))
	}
	seconds := Seconds(x.Start(r), t.LastResent)
	var rep *report
	switch {
	case t.Transport.Reliable():
		rep = x.report("protocol.retransmission-storm", 0.85, "%s repeated its %s %d times over %s, which delivers by itself.", t.Client, x.methodOf(r), t.Resent, t.Transport).
			do("Look at %s: over TCP, TLS and WebSocket a request is sent once (Timers A and E do not run).", t.Client)
	case int(t.Resent) > most:
		rep = x.report("protocol.retransmission-storm", 0.9, "%s repeated its %s %d times in %.1f s; the timers of RFC 3261 allow %d.", t.Client, x.methodOf(r), t.Resent, seconds, most-1).
			do("Look at the timers of %s: T1 below 500 ms, no doubling, or an application that repeats on top of the stack.", t.Client)
	case after >= deaf:
		ref := call.MsgRef{Leg: r.Leg, Msg: stop}
		rep = x.report("protocol.retransmission-storm", 0.75, "%s repeated its %s %d times after %s had sent %d: either the response does not reach it, or it does not take it.", t.Client, x.methodOf(r), after, t.Server, x.Sighting(ref).Status).
			see(ref, "the response that should have ended it").
			do("Capture on %s: if the response arrives there, compare its Via (branch, sent-by) and CSeq with the request; if not, look for NAT or a firewall on the way back.", t.Client)
	default:
		return nil
	}
	return rep.see(x.RequestRef(r), "repeated %d times", t.Resent).suspect(t.Client, call.RoleUnknown)
}
