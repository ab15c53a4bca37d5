package diagnose

import "sipcause/internal/call"

// outageCauses are the Q.850 causes of a network that is out of order rather than full.
var outageCauses = map[int]bool{27: true, 38: true, 41: true}

// serverUnavailable: 503, or Q.850 27, 38 or 41 behind another code, without signs of load: maintenance, a trunk
// down, no target left in a dispatcher (RFC 3261 §21.5.4).
func serverUnavailable(x *Case) *report {
	status, r, ok := x.deciding()
	if !ok || status < 400 {
		return nil
	}
	cause, in := x.Q850()
	if _, silent := x.silentNext(); status != 503 && !outageCauses[cause] || silent {
		return nil // with a silent next hop there is a better explanation
	}
	if elsewhereCause(cause) {
		return nil // the network says that it was not the server
	}
	t := x.Txn(r)
	rep := x.report("server.unavailable", 0.75, "%s does not take the %s now (%s).", x.originName(), x.wanted(r), x.answer())
	rep.add("%s", x.ownWords())
	if outageCauses[cause] {
		rep.f.Confidence = 0.9
		rep.add(" The network's cause is %d (%s): an outage, not a full trunk.", cause, causeName(cause))
		if in != x.DecidingRef() {
			rep.see(in, "Reason: Q.850;cause=%d", cause)
		}
	}
	if !outageCauses[cause] {
		rep.add("%s", x.causeClause())
	}
	if s, ok := x.retryAfter(); ok {
		rep.add(" It asks to come back after %d s.", s)
	}
	if len(x.Downstream(r)) == 0 && x.Origin != nil && x.Says("no destination", "no gateway", "no route", "no available", "dispatcher") {
		rep.f.Confidence = 0.85
		rep.add(" By its words it had no target left to send the call to.")
	}
	return rep.do("Ask whether %s is in maintenance or its trunk is down: its state page or log, or an OPTIONS to it.", t.Server).
		do("If it is a proxy with a dispatcher: which of its targets are marked inactive, and since when?").
		do("Send calls over another route; honour Retry-After before coming back.").
		see(x.DecidingRef(), "%d made by %s", status, t.Server)
}

// wanted is what a request is for people: the call, or the REGISTER.
func (x *Case) wanted(r call.TxnRef) string {
	if x.Kind == call.KindCall {
		return "call"
	}
	return x.methodOf(r)
}
