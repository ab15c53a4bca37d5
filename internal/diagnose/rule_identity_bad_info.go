package diagnose

// identityBadInfo: the verifier could not get the certificate that the info parameter names (436).
func identityBadInfo(x *Case) *report {
	v, ok := x.verified()
	if !ok {
		return nil
	}
	out := x.report("identity.bad-info", 1, "%s could not fetch the certificate of the signature from %s (436).", v.txn.Server, v.certificates())
	if faults := v.faults(436); len(faults) > 0 {
		out.add(" What can be seen: %s.", faults[0]).more(faults)
	}
	return out.do("Fetch that address from outside: it has to be https, resolve, answer 200 without redirect or login, and its own certificate has to be valid.").
		do("Repair it, or let the signer name the right address (info parameter and x5u claim must agree).").
		see(x.RequestRef(v.ref), "signed: %s", signedAs(v.ids)).
		see(x.FinalRef(v.ref), "436 %s", x.Reason).
		blame(x.presenter(v.ref))
}
