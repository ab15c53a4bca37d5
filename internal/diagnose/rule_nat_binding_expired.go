package diagnose

import (
	"sipcause/internal/call"
	"sipcause/internal/peer"
)

// bindingIdle is how long a translator keeps a UDP binding at least; RFC 4787 §4.3 wants two minutes, many keep
// half of one.
const bindingIdle = 30.0

// natBindingExpired: requests to a registered contact behind NAT go unanswered, and the last traffic from there
// is older than a translator keeps its binding. Without signs of NAT it is transport.no-response.
func natBindingExpired(x *Case) *report {
	for _, r := range x.deadEnds() {
		t := x.Txn(r)
		if !x.unanswered(r) || t.Resent == 0 || t.Transport.Reliable() {
			continue
		}
		at := x.Start(r)
		b, ok := x.bindingAt(r)
		if !ok || b.Source != t.Server {
			continue
		}
		seen, ok := x.Ledger.LastSeen(t.Server, at)
		if !ok || Seconds(seen, at) < bindingIdle {
			continue
		}
		idle := Seconds(seen, at)
		return x.report("nat.binding-expired", x.Absent(0.85, r, x.Ended), "%s registered from %s behind NAT (its Contact says %s) and had been silent for %.0f s when the %s was sent there: the translator has closed its binding, nothing arrives.", call.Clean([]byte(b.AOR)), t.Server, b.Contact, idle, x.methodOf(r)).
			do("Let the device send keepalives every 20-25 s (RFC 5626 CRLF or STUN; setting 'NAT keepalive'), or let the registrar ping it (Kamailio: nathelper with nat_bflag and natping_interval; Asterisk: qualify).").
			do("Check that registration refresh is shorter than the translator's UDP timeout if keepalives are not possible.").
			see(x.RequestRef(r), "sent %d times, never answered", t.Resent+1).
			seeRef(b.Ref, "the REGISTER answered for this contact").
			suspect(t.Server, call.RoleUAS)
	}
	return nil
}

// bindingAt finds the binding by which the request of r was routed: of its Request-URI's or To's user, with a
// Contact that is not the address its REGISTER came from.
func (x *Case) bindingAt(r call.TxnRef) (peer.Binding, bool) {
	for _, aor := range x.calledAORs(r) {
		state, b := x.Ledger.Binding(aor, x.Start(r))
		if state == peer.Bound && b.Contact != "" && !contactIs(b.Contact, b.Source) {
			return b, true
		}
	}
	return peer.Binding{}, false
}
