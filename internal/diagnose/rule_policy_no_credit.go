package diagnose

// policyNoCredit: 402, or another refusal whose words are about money.
func policyNoCredit(x *Case) *report {
	r, ok := x.decidingRefusal()
	if !ok {
		return nil
	}
	code, words := x.said()
	conf := 0.95
	if code != 402 {
		if !x.Says(saysCredit...) {
			return nil
		}
		conf = 0.9
	}
	return x.report("policy.no-credit", conf, "%s refuses the call of %s to %s for want of credit: %d %s.", r.txn.Server, number(x.From), number(x.To), code, words).
		do("Look at the balance and the credit limit of the account that %s bills (by the calling number or the address %s).", r.txn.Server.Addr(), r.txn.Client.Addr()).
		do("Top it up or raise the limit; then the same call goes through.").
		see(x.FinalRef(r.ref), "%d %s", code, words).
		tell("There is not enough credit for this call.")
}
