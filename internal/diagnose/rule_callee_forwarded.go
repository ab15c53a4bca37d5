package diagnose

import (
	"sipcause/internal/call"
	"sipcause/sip"
)

// calleeForwarded: 181 says that the call is being forwarded
// (RFC 3261 §21.1.3). Of a call that failed after it was forwarded it is no cause.
func calleeForwarded(x *Case) *report {
	if x.Outcome == call.Redirected {
		return x.redirected()
	}
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

// redirected is the case of a 3xx that names where the callee is now; whether the caller goes there is
// routing.redirect-not-followed's question.
func (x *Case) redirected() *report {
	m := x.FinalMsg()
	if m == nil {
		return nil
	}
	for c := range m.Contacts() {
		if len(c.URI) == 0 || c.Star {
			continue
		}
		return x.report("callee.forwarded", 0.8, "%s redirects this call to %s (%d %s).", x.originName(), call.Clean(c.URI), x.Code, x.Reason).
			do("Look for the call that the caller makes to %s next: it is a call of its own when it has another Call-ID.", call.Clean(c.URI)).
			do("If the forward is not wanted, remove it in the callee's settings.").
			see(x.Final, "%d with Contact", x.Code)
	}
	return nil
}
