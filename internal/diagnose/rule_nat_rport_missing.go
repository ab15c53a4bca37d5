package diagnose

import (
	"fmt"

	"sipcause/internal/call"
)

// natRportMissing: the request came from another port than its Via says and without rport, so that its responses go to
// the port in the Via, where the client does not get them (RFC 3581 §3).
func natRportMissing(x *Case) *report {
	u, ok := x.unheard()
	if !ok {
		return nil
	}
	t := x.Txn(u.txn)
	if u.rport || u.to != u.due || u.due == t.Client {
		return nil
	}
	confidence, why := 0.75, "the client sends from another port than it listens on, or a translator changed the port"
	if u.moved {
		confidence, why = 0.9, fmt.Sprintf("a translator made %s of its own %s", t.Client, u.sent)
	}
	rep := x.report("nat.rport-missing", x.Absent(confidence, u.txn, t.LastResent), "%s sent the %s from port %d, but its Via says port %d and has no rport: %s answers to %s, where nobody listens (%s). The client repeated the request %d times.",
		t.Client.Addr(), x.methodOf(u.txn), t.Client.Port(), u.sent.Port(), t.Server, u.to, why, u.after)
	rep.f.Weight = neverArrived
	return rep.do("Let the client add rport to its Via (RFC 3581; settings called 'rport', 'symmetric response', 'NAT support').").
		do("If it cannot: let %s answer to where requests come from all the same (Kamailio: force_rport(); Asterisk: force_rport=yes).", t.Server).
		see(x.RequestRef(u.txn), "from %s, Via without rport", t.Client).
		see(u.reply, "the response, sent to %s", u.to).
		suspect(t.Client, call.RoleUAC)
}
