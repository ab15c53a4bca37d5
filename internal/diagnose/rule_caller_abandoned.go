package diagnose

import "sipcause/internal/call"

// callerAbandoned: CANCEL from the caller before ten seconds of alerting, or before any, while the next hop
// still worked on the call (RFC 3261 §9.1).
func callerAbandoned(x *Case) *report {
	cancel, at, ok := x.cancelled()
	if !ok || x.Outcome != call.Cancelled || hasReason(x.Msg(cancel), "SIP", 200) {
		return nil
	}
	try, _ := x.LastTry()
	t := x.Txn(try)
	if t.Trying == call.None && t.Progress == call.None && t.Resent > 0 {
		return nil // nothing ever answered: the network is the cause
	}
	began := x.Start(try)
	ringing, ns, alerting := x.alerted(try)
	waited := at.Sub(began)
	if !alerting && waited >= timerC {
		return nil
	}
	var r *report
	if alerting {
		r = x.report("caller.abandoned", 1, "The caller hung up after %.1f s of ringing, before %s picked up.", float64(ns)/1e9, x.callee()).
			see(ringing, "the callee was alerted")
	} else {
		r = x.report("caller.abandoned", 0.9, "The caller hung up %.1f s after dialling, before anything rang.", waited.Seconds())
		if waited.Seconds() > 5 {
			r.do("Nothing rang for %.1f s: if callers complain, look at what %s did meanwhile (post-dial delay).", waited.Seconds(), t.Server)
		}
	}
	return r.do("Nothing is broken as far as this capture shows.").
		see(cancel, "the caller's CANCEL").
		tell("The caller hung up before the call was answered.")
}
