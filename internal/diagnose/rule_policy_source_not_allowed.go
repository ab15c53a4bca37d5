package diagnose

import (
	"sipcause/internal/call"
	"sipcause/internal/peer"
)

// policySourceNotAllowed: one source is refused without a challenge whatever it asks, while others are served.
func policySourceNotAllowed(x *Case) *report {
	if x.Code == 0 {
		return x.sourceIgnored()
	}
	r, ok := x.decidingRefusal()
	if !ok || r.txn.HasAuth || x.Status(r.ref) != 403 {
		return nil
	}
	other, others := x.othersServed(&r)
	text := x.Says(saysSource...)
	always := !r.served && peer.Before(r.client.FirstRefused, x.Start(r.ref))
	conf := 0.0
	switch {
	case r.served && !text:
		return nil
	case text:
		conf = 0.85
	case always && others && !x.saysPolicy() && x.Challenge == 0:
		conf = 0.7
	default:
		return nil
	}
	code, words := x.said()
	out := x.report("policy.source-not-allowed", conf, "%s refuses %s by its address: %d %s, without asking for credentials.", r.txn.Server, r.txn.Client.Addr(), code, words)
	if always {
		out.do("Nothing that %s sent to %s was served in this capture, not only this request: compare its address with the list of allowed peers there.", r.txn.Client.Addr(), r.txn.Server.Addr())
	} else {
		out.do("Compare %s, as %s sees it, with the list of allowed peers there.", r.txn.Client, r.txn.Server.Addr())
	}
	if others {
		out.do("%s does serve %s (since %s): its entry there is the one to compare with.", r.txn.Server.Addr(), other.Host, other.FirstServed.Std().Format("15:04:05"))
	}
	return out.do("Add the address there, or send from the one that is allowed (a second interface, NAT or a new public address is the usual reason).").
		see(x.RequestRef(r.ref), "from %s", r.txn.Client).
		see(x.FinalRef(r.ref), "refused without a challenge").
		suspect(r.txn.Server, x.makerRole())
}

// sourceIgnored: a server that answers others never answered this host. That can be a list of allowed peers, a
// firewall or the way back, so it only explains.
func (x *Case) sourceIgnored() *report {
	ref, ok := x.LastTry()
	if !ok {
		return nil
	}
	t := x.Txn(ref)
	if t.Request == call.None || t.Trying != call.None || t.Progress != call.None || t.Resent == 0 {
		return nil
	}
	r := refusedTxn{ref: ref, txn: t, at: x.Ended}
	for _, c := range x.Ledger.Clients(t.Server) {
		if c.Host == t.Client.Addr() && (peer.Before(c.FirstServed, r.at) || peer.Before(c.FirstRefused, r.at)) {
			return nil
		}
	}
	other, ok := x.othersServed(&r)
	if !ok {
		return nil
	}
	conf := x.Absent(0.4, ref, x.Ended)
	if conf < 0.3 {
		return nil // the capture misses too much there
	}
	return x.report("policy.source-not-allowed", conf,
		"%s answers %s, but has not answered anything of %s: it may drop what comes from addresses it does not know.", t.Server, other.Host, t.Client.Addr()).
		do("Capture at %s: a request that arrives and is not answered is dropped there by a list of allowed peers; one that does not arrive is lost on the way.", t.Server.Addr()).
		see(x.RequestRef(ref), "sent %d times, never answered", t.Resent+1).
		suspect(t.Server, call.RoleUnknown)
}
