package diagnose

import "sipcause/internal/call"

// callerAbandoned: CANCEL or early BYE from the caller before ten seconds of alerting, or before any, while the next
// hop still worked on the call (RFC 3261 §9.1, §15).
func callerAbandoned(x *Case) *report {
	end, at, ok := x.givenUp()
	if !ok || x.Outcome != call.Cancelled || hasSIPReason(x.Request(end), 200) {
		return nil
	}
	if _, _, said := x.announcement(announceable...); said {
		return nil // the network had said why before the caller hung up
	}
	try, _ := x.LastTry()
	t := x.Txn(try)
	if t.Trying == call.None && t.Progress == call.None && t.Resent > 0 {
		return nil // nothing ever answered: the network is the cause
	}
	began := x.Start(try)
	ringing, ns, alerting := x.alerted(try)
	progress, since, early := x.lasted(try, 183)
	waited := at.Sub(began)
	if !alerting && waited >= call.TimerC {
		return nil
	}
	var r *report
	silent := false
	switch {
	case alerting:
		r = x.report("caller.abandoned", 1, "The caller hung up after %.1f s of ringing, before %s picked up.", float64(ns)/1e9, x.callee()).
			see(ringing, "the callee was alerted")
	case early:
		r = x.report("caller.abandoned", 0.9, "The caller hung up %.1f s after %s from %s, before %s picked up; no 180 said that it rang.", float64(since)/1e9, x.statusLine(progress), t.Server, x.callee()).
			see(progress, "the call got on")
	case t.Request == call.None && t.Trying == call.None && t.Progress == call.None:
		r = x.report("caller.abandoned", 0.7, "The caller gave up before %s answered. The INVITE is not in this capture, so it does not show how long that took and whether it rang.", x.callee()).
			do("Begin the capture before the call to learn how long it rang.")
		silent = true
	default:
		r = x.report("caller.abandoned", 0.9, "The caller hung up %.1f s after dialling, before anything rang.", waited.Seconds())
		silent = waited.Seconds() > stallPatience
		if waited.Seconds() > 5 {
			r.do("Nothing rang for %.1f s: if callers complain, look at what %s did meanwhile (post-dial delay).", waited.Seconds(), t.Server)
		}
	}
	r.see(x.RequestRef(end), "the caller's %s", x.methodOf(end))
	switch e := x.Txn(end); {
	case e.Final == call.None && e.Resent >= 3:
		r.add(" %s sent the %s %d times and got no answer: the callee may ring on.", e.Client, x.methodOf(end), e.Resent+1).
			do("%s had answered the INVITE, but not the %s: capture there. It does not arrive (NAT or firewall state, Route, branch not that of the INVITE), or its responses get lost.", e.Server, x.methodOf(end))
	case t.Final == call.None && x.Status(end)/100 == 2:
		r.do("No final response to the INVITE follows the %s in this capture: if it was not cut short there, %s has to end the INVITE with 487 (RFC 3261 §9.2).", x.methodOf(end), t.Server)
	case x.networkEnded(r, end):
	case !silent:
		r.do("Nothing is broken as far as this capture shows.")
	}
	return r.tell("The caller hung up before the call was answered.")
}

// networkEnded adds what a CANCEL says of its reason, when it is no hang-up.
func (x *Case) networkEnded(r *report, end call.TxnRef) bool {
	m := x.Request(end)
	if m == nil {
		return false
	}
	for v := range m.Reasons() {
		if !v.Q850() || saysLittle(v.Cause) {
			continue
		}
		r.f.Confidence = min(r.f.Confidence, 0.7)
		r.add(" Its %s says cause %d (%s): not a person, but the network before %s ended the attempt.", x.methodOf(end), v.Cause, causeName(v.Cause), x.Txn(end).Client).
			do("Look before %s for what failed: the cause came from there.", x.Txn(end).Client)
		return true
	}
	return false
}
