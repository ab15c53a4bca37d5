package diagnose

import "strings"

// routingGone: 410, the address is no longer there and no new one is known (RFC 3261 §21.4.10).
func routingGone(x *Case) *report {
	status, r, ok := x.deciding()
	if !ok || status != 410 {
		return nil
	}
	uri, _, _ := x.requestURI(r)
	rep := x.report("routing.gone", 0.95, "%s says that %s is gone for good: 410 %s.", x.originName(), uri, x.reasonOf(r))
	if list := usable(contactsOf(x.Deciding())); len(list) > 0 {
		rep.do("The response names another address: %s.", strings.Join(list, ", "))
	}
	return rep.do("Ask the operator of %s whether the user was removed or moved, and remove the address from directories, speed dials and routes.", x.Txn(r).Server).
		do("If it ought to exist: look for a removed account or a ported number at %s.", x.Txn(r).Server.Addr()).
		see(x.RequestRef(r), "the request for %s", uri).
		see(x.DecidingRef(), "410")
}
