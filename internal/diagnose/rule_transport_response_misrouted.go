package diagnose

import "sipcause/internal/call"

// lostOnTheWay is how often a request must be repeated after responses that went to the right socket before they count
// as lost behind the capture point.
const lostOnTheWay = 3

// neverArrived is the weight of what kept the final response from the client: whatever that says, the client does not
// know it.
const neverArrived = 999

// transportResponseMisrouted: responses go to another socket than the request's top Via asks for (RFC 3261 §18.2.2,
// RFC 3581 §4), or leave for the right one, and the client goes on repeating its request. A client that did not ask for
// its own port is nat.rport-missing.
func transportResponseMisrouted(x *Case) *report {
	u, ok := x.unheard()
	if !ok || u.to == u.due && u.due != x.Txn(u.txn).Client {
		return nil
	}
	t := x.Txn(u.txn)
	if u.to == u.due {
		if u.after < lostOnTheWay {
			return nil
		}
		return x.lostBehind(u)
	}
	rule := "its sent-by address"
	if u.rport {
		rule = "the address and port it came from, as its rport asks"
	}
	rep := x.report("transport.response-misrouted", x.Absent(0.9, u.txn, t.LastResent), "%s sent its responses to the %s of %s to %s; the top Via wants them at %s (%s). The client repeated the request %d times after the first of them.",
		t.Server, x.methodOf(u.txn), t.Client, u.to, u.due, rule, u.after)
	rep.do("On %s: see why it does not answer to where the request came from: an option that forces or ignores rport and received, a wrong advertised address, or a reply route that was set by hand.", t.Server.Addr()).
		do("If a load balancer or NAT between them changed the source port of the request, let it keep it, or answer through it.")
	rep.f.Weight = neverArrived
	return rep.see(x.RequestRef(u.txn), "the request from %s, sent-by %s", t.Client, u.sent).
		see(u.reply, "sent to %s", u.to).
		suspect(t.Server, call.RoleUnknown)
}

// lostBehind is for responses that leave for the right socket and do not arrive there.
func (x *Case) lostBehind(u unheard) *report {
	t := x.Txn(u.txn)
	if w, ok := x.lostBetween(u.reply); ok {
		return x.report("transport.response-misrouted", 1, "%s answered the %s of %s at the right address, %s. The response left %s and never reached %s; the client repeated its request %d times after that.",
			t.Server, x.methodOf(u.txn), t.Client, u.to, w.from, w.to, u.after).
			do("Look at what is between the capture points %s and %s: firewall rules, routes and interface counters for packets from %s to %s; the other way works.", w.from, w.to, t.Server, t.Client).
			see(x.RequestRef(u.txn), "sent %d times", t.Resent+1).
			see(u.reply, "the first response, which did not reach %s", w.to).
			suspect(t.Client, call.RoleUnknown)
	}
	return x.report("transport.response-misrouted", 0.6, "%s answered the %s of %s at the right address, %s, but the client repeated it %d times after that and did nothing else: the responses are lost behind the point of capture, or the client does not take them for its own.",
		t.Server, x.methodOf(u.txn), t.Client, u.to, u.after).
		do("Capture on %s: do the responses arrive there?", t.Client.Addr()).
		do("If not: look for a firewall or an asymmetric route from %s to %s; the other way works.", t.Server.Addr(), t.Client.Addr()).
		do("If they do: compare the branch and sent-by of their Via with the request; the client drops what it did not send (RFC 3261 §17.1.3, §18.1.2).").
		see(x.RequestRef(u.txn), "sent %d times", t.Resent+1).
		see(u.reply, "the first response, sent to %s", u.to).
		suspect(t.Client, call.RoleUnknown)
}
