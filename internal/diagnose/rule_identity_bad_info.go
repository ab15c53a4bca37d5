package diagnose

// identityBadInfo: the verifier could not get the certificate that the info parameter names (436).
func identityBadInfo(x *Case) *report {
	r, id, ok := x.verified()
	if !ok {
		return nil
	}
	return x.report("identity.bad-info", 1, "%s could not fetch the certificate of the signature from %q (436).", r.txn.Server, id.info).
		do("Fetch that address from outside: it has to be https, resolve, answer 200 without redirect or login, and its own certificate has to be valid.").
		do("Repair it, or let the signer name the right address (info parameter and x5u claim must agree).").
		see(x.RequestRef(r.ref), "Identity with info=%s", id.info).
		see(x.FinalRef(r.ref), "436 %s", x.Reason)
}
