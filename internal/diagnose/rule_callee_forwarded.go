package diagnose

import (
	"sipcause/internal/call"
	"sipcause/sip"
)

// calleeForwarded: 181 says that the call is being forwarded
// (RFC 3261 §21.1.3). Of a call that failed after it was forwarded it is no cause.
func calleeForwarded(x *Case) *report {
	if x.Failed() {
		return nil
	}
	for r, t := range x.Txns() {
		if t.Method != sip.MethodInvite || t.InDialog {
			continue
		}
		l := x.Legs[r.Leg]
		for i := range l.Messages(t) {
			s := &l.Sightings[i]
			if s.Status != 181 || s.Repeat != call.First {
				continue
			}
			m := call.MsgRef{Leg: r.Leg, Msg: i}
			return x.report("callee.forwarded", 1, "%s forwards calls: %s said 181 before the call went on.", x.callee(), t.Server).
				do("Nothing is broken; if the forward is not wanted, remove it in the callee's settings.").
				see(m, "181: the call is being forwarded")
		}
	}
	return nil
}
