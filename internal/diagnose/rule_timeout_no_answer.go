package diagnose

import "sipcause/internal/call"

// timeoutNoAnswer: the callee was alerted for ten seconds or more and nobody picked up, or the network says
// so with Q.850 19.
func timeoutNoAnswer(x *Case) *report {
	cause, in := x.Q850()
	ringing, ns, alerting := x.ringing()
	gaveUp := x.Code == 0 || x.Code == 487 || x.Code == 408 || x.Code == 480
	if !(alerting && ns >= longRing && gaveUp) && cause != 19 {
		return nil
	}
	if rejectedAfterRing(x, cause) {
		return nil
	}
	d := x.DecidingRef()
	var r *report
	if alerting {
		r = x.report("timeout.no-answer", 1, "%s rang for %.0f s and nobody picked up; %s.", x.callee(), float64(ns)/1e9, x.whoGaveUp()).
			see(ringing, "the callee was alerted")
	} else {
		r = x.report("timeout.no-answer", 0.9, "Nobody picked up at %s: the network says so with cause 19; %s.", x.callee(), x.whoGaveUp())
	}
	if cancel, _, ok := x.cancelled(); ok {
		r.see(cancel, "CANCEL: the caller's side gave up")
	}
	if d.Valid() {
		r.see(d, "%d ended it", x.Sighting(d).Status)
	}
	if in.Valid() && in != d {
		r.see(in, "Reason: Q.850;cause=%d", cause)
	}
	return r.do("Nothing is broken: call again later.").
		do("If the callee never heard it ring: check the device's sound and do-not-disturb, and whether this is the device the callee uses.").
		tell("Nobody answered the call.")
}

// rejectedAfterRing says whether the response that ended a long ring tells of a person's no.
func rejectedAfterRing(x *Case, cause int) bool {
	return x.Code == 480 && (cause == 21 || x.Says(rejected...))
}

// whoGaveUp says for people how the ringing ended.
func (x *Case) whoGaveUp() string {
	if _, _, ok := x.cancelled(); ok {
		return "the caller hung up"
	}
	if x.Code == 0 {
		return "the capture shows no end of it"
	}
	role := call.RoleUnknown
	if x.Origin != nil {
		role = x.Origin.Role
	}
	if role == call.RoleProxy || role == call.RoleTimer {
		return x.originName() + " ended the attempt"
	}
	return "the called side ended the attempt with " + x.answer()
}
