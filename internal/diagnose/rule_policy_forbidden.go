package diagnose

import (
	"sipcause/internal/call"
	"sipcause/sip"
)

// policyForbidden: 403 that is not about credentials (RFC 3261 §21.4.4: authorization will not help).
func policyForbidden(x *Case) *report {
	d := x.digest()
	conf, why := 0.8, ""
	switch f := &d.last; f.fault {
	case faultNone:
		why = "before any credentials were sent"
	case faultElsewhere:
		why, conf = "although the credentials had been let through by the element that asked for them", 0.85
	case faultRefused, faultOld:
		user, realm := account(&f.cred)
		e := &d.steps[f.step]
		_, worked := x.worked(user, realm, x.Start(e.ref))
		switch {
		case x.Says(saysNonce...), x.Says(saysCredentials...):
			return nil
		case worked:
			why = "to an account that it had accepted before"
		case x.saysPolicy():
			why, conf = "in words that are not about credentials", 0.75
		case x.Txn(e.ref).Method == sip.MethodRegister:
			return nil
		default:
			why, conf = "after credentials, which it may or may not have accepted", 0.5
		}
	default:
		return nil // the credentials could not be accepted: auth.* says why
	}
	r, ok := x.decidingRefusal()
	if !ok {
		return nil
	}
	if r.txn.Progress != call.None {
		why += ", after alerting"
	}
	code, words := x.said()
	out := x.report("policy.forbidden", conf, "%s understood the %s of %s and refuses it (%d %s) %s.", r.txn.Server, r.txn.Method, r.txn.Client.Addr(), code, words, why)
	out.do("Ask for the reason in the log of %s at that time: 403 itself does not tell, and neither another try nor other credentials help.", r.txn.Server.Addr())
	if r.served {
		out.do("%s serves other requests of %s: compare destination, calling number and account of this one with theirs.", r.txn.Server.Addr(), r.txn.Client.Addr())
	} else {
		out.do("No request of %s was served by %s in this capture: check that its address is allowed there, and its account active.", r.txn.Client.Addr(), r.txn.Server.Addr())
	}
	return out.do("Then check the rights of the account for this destination and its calling number there.").
		see(x.RequestRef(r.ref), "the refused request").
		see(x.FinalRef(r.ref), "%d %s", code, words)
}
