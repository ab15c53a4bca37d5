package diagnose

import (
	"sipcause/internal/call"
	"sipcause/sip"
)

// identityMissing: the verifier wants an Identity header and there is none (RFC 8224 §6.2.2, 428).
func identityMissing(x *Case) *report {
	r, ok := x.decidingRefusal()
	if !ok {
		return nil
	}
	code, words := x.said()
	lost, from := x.lostIdentity(r.ref)
	var out *report
	switch m := x.Request(r.ref); {
	case m != nil && m.Count(sip.HeaderIdentity) > 0:
		v := verifiedTxn{r, x.identities(r.ref)}
		out = x.report("identity.missing", 0.9, "%s asks for an Identity header (%d %s) although the request has one (%s): what it has is not a signature it can use.", r.txn.Server, code, words, signedAs(v.ids)).
			do("Compare the Identity header with RFC 8224: a PASSporT of the type (ppt) that %s expects, in an own header field.", r.txn.Server.Addr())
		if faults := v.faults(); len(faults) > 0 {
			out.add(" What can be seen: %s.", faults[0]).more(faults)
		}
	case lost != nil:
		out = x.report("identity.missing", 1, "%s wants a signed call (%d %s); the caller had signed it, and %s dropped the Identity header on the way.", r.txn.Server, code, words, lost.Server).
			do("Let %s pass the Identity header on, or sign there again after it changes From or To.", lost.Server.Addr()).
			see(from, "with Identity").
			suspect(lost.Server, call.RoleProxy)
	default:
		out = x.report("identity.missing", 1, "%s takes only signed calls (%d %s), and the call of %s carries no Identity header.", r.txn.Server, code, words, number(x.From)).
			do("See who signs for the number %s: its provider, or an authentication service of %s.", number(x.From), r.txn.Client.Addr()).
			do("Have the calls signed there before they leave for %s.", r.txn.Server.Addr()).
			suspect(r.txn.Client, x.clientRole(r.ref))
	}
	return out.see(x.RequestRef(r.ref), "the request as it reached the verifier").see(x.FinalRef(r.ref), "%d %s", code, words)
}

// lostIdentity finds the transaction above r whose request still had an Identity header, and that request.
func (x *Case) lostIdentity(r call.TxnRef) (*call.Txn, call.MsgRef) {
	for range maxRelays {
		t := x.Txn(r)
		if t.Parent == call.None {
			break
		}
		r.Txn = t.Parent
		if m := x.Request(r); m != nil && m.Count(sip.HeaderIdentity) > 0 {
			return x.Txn(r), x.RequestRef(r)
		}
	}
	return nil, call.NoMsg
}
