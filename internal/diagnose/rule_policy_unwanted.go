package diagnose

// policyUnwanted: the callee, or who acts for it, marks the call as unwanted (RFC 8197).
func policyUnwanted(x *Case) *report {
	r, ok := x.decidingRefusal()
	if !ok {
		return nil
	}
	return x.report("policy.unwanted", 1, "The callee %s (answer of %s) does not want calls of %s: 607.", number(x.To), r.txn.Server, number(x.From)).
		do("Do not repeat the call: providers count 607 against the calling number.").
		do("If it was wanted: have the callee take %s off its block list, and check what its provider's call protection knows of the number.", number(x.From)).
		see(x.FinalRef(r.ref), "607 %s", x.Reason)
}
