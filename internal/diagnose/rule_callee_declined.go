package diagnose

import "sipcause/internal/call"

// rejected are words by which phones and servers say that a person refused.
var rejected = []string{"declin", "reject", "refused by", "user refus"}

// leastThought is how long a person needs at least to refuse a call whose ringing the capture does not show.
const leastThought = int64(1500e6)

// declinedEarly is calleeDeclined of a call whose network rang in early media, without a 180.
func (x *Case) declinedEarly(progress call.MsgRef, ns int64) *report {
	d := x.DecidingRef()
	cause, in := x.Q850()
	code := int(x.Sighting(d).Status)
	if code != 603 && cause != 21 || cause != causeRejected && !unansweredCause(cause) {
		return nil
	}
	r := x.report("callee.declined", 0.75, "%s declined the call (%s), %.1f s after %s: no 180 says that it rang, but the time is that of a person.", x.callee(), x.answer(), float64(ns)/1e9, x.statusLine(progress)).
		do("Ask the callee whether the call was refused by hand; if not, listen to the early media for an announcement: a screening service or the network may have refused it.").
		see(progress, "the call got on").
		see(d, "%d ended it", code)
	if in.Valid() && in != d {
		r.see(in, "Reason: Q.850;cause=%d", cause)
	}
	return r
}

// calleeDeclined: 603 after alerting; 486 or 480 of a user agent that was alerting and whose words say
// rejected; Q.850 21 together with alerting. A 603 without alerting is the network's no, not a person's.
func calleeDeclined(x *Case) *report {
	ringing, ns, alerting := x.ringing()
	if !alerting {
		if ringing, ns, alerting = x.progressing(); !alerting || ns < leastThought {
			return nil
		}
		return x.declinedEarly(ringing, ns)
	}
	cause, in := x.Q850()
	d := x.DecidingRef()
	code := int(x.Sighting(d).Status)
	confidence := 0.9
	switch {
	case code == 603:
		confidence = 0.95
	case cause == 21:
	case x.Says(rejected...):
	default:
		return nil
	}
	r := x.report("callee.declined", confidence, "%s declined the call after %.1f s of ringing (%s).", x.callee(), float64(ns)/1e9, x.answer()).
		do("Nothing is broken: the callee, or a rule on the callee's device, refused this call.").
		do("If nobody refused it: look for an automatic reject, a do-not-disturb or a call-screening app on the device.").
		see(ringing, "the device was alerting").
		see(d, "%d ended it", code)
	if in.Valid() && in != d {
		r.see(in, "Reason: Q.850;cause=%d", cause)
	}
	return r
}
