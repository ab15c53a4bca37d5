package diagnose

import (
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/peer"
)

// classDigits is the length from which a number is more than its prefix: shorter ones are extensions.
const classDigits = 7

// policyDestinationBarred: destinations of this kind are refused, by the words of the response or because the
// same client's calls to others are served.
func policyDestinationBarred(x *Case) *report {
	r, ok := x.decidingRefusal()
	if !ok || r.txn.Progress != call.None {
		return nil
	}
	prefix := peer.Prefix(x.To)
	var works string
	refusedBefore, servedBefore := false, false
	for _, d := range x.Ledger.Dialled(r.txn.Server, r.txn.Client.Addr()) {
		switch {
		case d.Prefix != prefix:
			if works == "" && peer.Before(d.FirstAnswered, r.at) {
				works = d.Prefix
			}
		default:
			refusedBefore = peer.Before(d.FirstRefused, x.Start(r.ref))
			servedBefore = peer.Before(d.FirstAnswered, r.at)
		}
	}
	dialled := strings.Trim(prefix, "0123456789") == ""
	text := x.Says(saysDestination...) || dialled && x.Says(saysBarred...)
	conf := 0.0
	switch {
	case text && works != "":
		conf = 0.9
	case text:
		conf = 0.8
	case refusedBefore && !servedBefore && works != "" && len(number(x.To)) >= classDigits && !x.saysPolicy():
		conf = 0.7
	default:
		return nil
	}
	code, words := x.said()
	before := ""
	if refusedBefore {
		before = ", as it had refused an earlier one"
	}
	out := x.report("policy.destination-barred", conf, "%s refuses calls of %s to numbers like %q (beginning with %s)%s: %d %s.", r.txn.Server, r.txn.Client.Addr(), number(x.To), prefix, before, code, words)
	if works != "" {
		out.do("Calls of %s to numbers beginning with %s are put through by %s: compare the rights for the two.", r.txn.Client.Addr(), works, r.txn.Server.Addr())
	}
	return out.do("Ask the provider behind %s whether this class of destinations (international, premium, mobile, special numbers) is barred for the account, and have it opened if it is wanted.", r.txn.Server.Addr()).
		do("Rule out a wrong number format: a number without its country code or with a doubled prefix falls into a class it is not meant for.").
		see(x.RequestRef(r.ref), "to %s", number(x.To)).
		see(x.FinalRef(r.ref), "%d %s", code, words).
		tell("Calls to this kind of number are not allowed from this line.")
}
