package diagnose

import "sipcause/internal/call"

// calleeBusy: 486 or 600, as the code or as the reason given for another one (RFC 3326 §2), or Q.850 17 behind another
// code (RFC 3261 §21.4.24, RFC 3398 §7.2.4.1).
func calleeBusy(x *Case) *report {
	cause, in := x.Q850()
	code := x.Code
	if x.Origin != nil {
		code = x.Origin.Code
	}
	byCode := code == 486 || code == 600
	d := x.DecidingRef()
	byReason := !byCode && (hasSIPReason(x.Msg(d), 486) || hasSIPReason(x.Msg(d), 600))
	if !byCode && !byReason && cause != 17 || !saysLittle(cause) && cause != 17 && cause != causeRejected {
		return nil
	}
	confidence := 1.0
	where := "the called device"
	switch {
	case cause == causeRejected:
		confidence = 0.6
		where = "the called side"
	case code == 600:
		where = "every device of the callee"
	case byReason && cause != 17:
		confidence = 0.9
		where = "an element further on, by the Reason of another's answer,"
	case !byCode:
		confidence = 0.95
		where = "the called line, by the network's cause 17"
	case x.Origin != nil && x.Origin.Role == call.RoleProxy:
		confidence = 0.8
	}
	r := x.report("callee.busy", confidence, "%s is busy: %s said so with %s.", x.callee(), where, x.answer()).
		do("Nothing is broken: call again later.").
		see(d, "%d says busy", x.Sighting(d).Status)
	if cause == causeRejected {
		r.add(" Its cause is 21, call rejected: the device or a service refused rather than that a call was going on.")
	}
	if in.Valid() && in != d {
		r.see(in, "Reason: Q.850;cause=%d", cause)
	}
	return r.do("If the callee says the line was free: check call limits and call waiting on the device, and whether do-not-disturb answers 486 there.")
}
