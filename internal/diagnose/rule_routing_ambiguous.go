package diagnose

import "strings"

// routingAmbiguous: 485, the address fits several; the Contacts are the choices (RFC 3261 §21.4.23).
func routingAmbiguous(x *Case) *report {
	status, r, ok := x.deciding()
	if !ok || status != 485 {
		return nil
	}
	uri, _, _ := x.requestURI(r)
	var choices []string
	for _, c := range contactsOf(x.Deciding()) {
		choices = append(choices, c.text)
	}
	rep := x.report("routing.ambiguous", 1, "%s finds more than one that %s could mean.", x.originName(), uri)
	if len(choices) > 0 {
		rep.add(" It offers: %s.", strings.Join(choices, ", ")).
			do("Call one of these: %s.", strings.Join(choices, ", "))
	} else {
		rep.add(" It does not say which.").
			do("Ask the operator of %s which users the address matches.", x.Txn(r).Server)
	}
	return rep.do("Use the full address, or make the aliases at %s unique.", x.Txn(r).Server).
		see(x.RequestRef(r), "the request for %s", uri).
		see(x.DecidingRef(), "485 with %d choices", len(choices))
}
