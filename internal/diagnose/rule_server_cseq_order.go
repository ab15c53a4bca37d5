package diagnose

import (
	"sipcause/internal/call"
	"sipcause/sip"
)

// serverCSeqOrder: 500 to a request in a dialog whose CSeq is not above the one before it from the same side
// (RFC 3261 §12.2.2).
func serverCSeqOrder(x *Case) *report {
	for r, t := range x.Txns() {
		if !t.InDialog || t.Request == call.None || x.Status(r) != 500 || t.Method == sip.MethodAck || t.Method == sip.MethodCancel {
			continue
		}
		for o, before := range x.Txns() {
			if o == r {
				break
			}
			if o.Leg != r.Leg || before.Dialog != t.Dialog || before.Client != t.Client || before.Server != t.Server || before.Request == call.None ||
				before.Method == sip.MethodAck || before.Method == sip.MethodCancel || before.CSeq <= t.CSeq {
				continue
			}
			return x.report("server.cseq-order", 0.95, "%s sent %s with CSeq %d after %d in the same dialog; %s refused it with 500.", t.Client, x.methodOf(r), t.CSeq, before.CSeq, t.Server).
				do("Look at %s: each new request of a dialog needs a greater CSeq. Two processes that share a dialog, or a B2BUA that mixes both sides' numbers, do this.", t.Client).
				see(x.RequestRef(o), "CSeq %d", before.CSeq).
				see(x.RequestRef(r), "CSeq %d, sent later", t.CSeq).
				see(x.FinalRef(r), "500").
				suspect(t.Client, call.RoleUnknown)
		}
	}
	return nil
}
