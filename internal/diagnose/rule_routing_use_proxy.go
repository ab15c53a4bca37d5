package diagnose

import "strings"

// routingUseProxy: 305, the user is reached through the proxy in Contact only (RFC 3261 §21.3.4).
func routingUseProxy(x *Case) *report {
	m, ok := x.redirect()
	if !ok || x.Code != 305 {
		return nil
	}
	contacts := contactsOf(m)
	list := usable(contacts)
	if len(list) == 0 {
		return nil
	}
	at := x.Sighting(x.Final).Time
	for i := range contacts {
		if _, tried := x.tried(contacts[i].uri, at, x.Ended); tried || x.redialled(&contacts[i], at) {
			return nil
		}
	}
	try, ok := x.LastTry()
	if !ok {
		return nil
	}
	t := x.Txn(try)
	confidence := 0.9
	if x.openEnded() {
		confidence = cutShort
	}
	return x.report("routing.use-proxy", confidence, "%s takes requests through a proxy only, %s, and said so with 305; %s did not go there.", x.originName(), strings.Join(list, ", "), t.Client).
		do("Set %s as outbound proxy or route for this destination at %s.", list[0], t.Client).
		do("Few clients follow a 305 by themselves: expect to configure it.").
		see(x.RequestRef(try), "sent past the proxy").
		see(x.Final, "305 with Contact %s", list[0]).
		suspect(t.Client, x.clientRole(try))
}
