package diagnose

// identityUnsupportedCredential: the certificate was fetched and is not one that the verifier trusts (437).
func identityUnsupportedCredential(x *Case) *report {
	r, id, ok := x.verified()
	if !ok {
		return nil
	}
	return x.report("identity.unsupported-credential", 1, "%s does not accept the certificate at %q that signed the call (437).", r.txn.Server, id.info).
		do("Read the certificate: issued by a CA on the verifier's list (STI-PA for SHAKEN), within its validity, not revoked, and covering %s (TNAuthList).", number(x.From)).
		do("Have one issued by an approved CA and point info and x5u to it.").
		see(x.RequestRef(r.ref), "Identity with info=%s", id.info).
		see(x.FinalRef(r.ref), "437 %s", x.Reason)
}
