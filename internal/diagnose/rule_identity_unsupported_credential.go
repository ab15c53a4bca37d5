package diagnose

// identityUnsupportedCredential: the certificate was fetched and is not one that the verifier trusts (437).
func identityUnsupportedCredential(x *Case) *report {
	v, ok := x.verified()
	if !ok {
		return nil
	}
	out := x.report("identity.unsupported-credential", 1, "%s does not accept the certificate at %s that signed the call (437).", v.txn.Server, v.certificates())
	if faults := v.faults(437); len(faults) > 0 {
		out.add(" What can be seen: %s.", faults[0]).more(faults)
	}
	for i := range v.ids {
		if k := v.ids[i].Key; k != nil && k.Authority != nil {
			out.add(" The certificate in %s is for %s.", k.File, k.Authority)
		}
	}
	return out.do("Read the certificate: issued by a CA on the verifier's list (STI-PA for SHAKEN), within its validity, not revoked, and covering %s (TNAuthList). With the certificate and its CA's in a folder, --stir-certs checks all but the list and the revocation.", number(x.From)).
		do("Have one issued by an approved CA and point info and x5u to it.").
		see(x.RequestRef(v.ref), "signed: %s", signedAs(v.ids)).
		see(x.FinalRef(v.ref), "437 %s", x.Reason)
}
