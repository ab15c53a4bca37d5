package diagnose

import "sipcause/internal/call"

// routingFlowFailed: 430, the edge proxy no longer has the flow over which the user had registered (RFC 5626).
func routingFlowFailed(x *Case) *report {
	status, r, ok := x.deciding()
	if !ok || status != 430 && x.Code != 430 {
		return nil
	}
	t := x.Txn(r)
	b := x.calleeBinding(r)
	rep := x.report("routing.flow-failed", 1, "%s has lost the flow (connection or NAT binding) over which %s had registered: %d %s.", x.originName(), x.callee(), status, x.reasonOf(r))
	if b.last.Time != 0 {
		rep.add(" The last REGISTER in the capture came from %s, %.0f s before.", b.last.Source, Seconds(b.last.Time, x.Start(r))).
			seeRef(b.last.Ref, "the registration: %s", bindingWords(&b.last)).
			suspect(b.last.Source, call.RoleUAS)
	}
	return rep.do("Look at the device: is it online, and does it keep its flow open (CRLF or STUN keepalives of RFC 5626 §3.5)?").
		do("It must register again when its flow breaks; let the registrar drop the binding on 430 and try the user's other flows (reg-id).").
		do("If the flow ought to be alive: was %s restarted, or did a NAT or firewall on the way forget it?", t.Server).
		see(x.RequestRef(r), "the request").
		see(x.DecidingRef(), "%d", status).
		tell("The device you are calling is not connected at the moment.")
}
