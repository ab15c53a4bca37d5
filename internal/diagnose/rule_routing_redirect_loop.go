package diagnose

import "strings"

// routingRedirectLoop: a redirect whose every target had been tried by this call already (RFC 3261 §8.1.3.4: a
// client must not add a URI to its targets twice).
func routingRedirectLoop(x *Case) *report {
	m, ok := x.redirect()
	if !ok {
		return nil
	}
	contacts := contactsOf(m)
	if !x.loopingContacts(contacts) {
		return nil
	}
	list := usable(contacts)
	at := x.Sighting(x.Final).Time
	rep := x.report("routing.redirect-loop", 0.95, "%s redirects to %s with %d, where this call had been already.", x.originName(), strings.Join(list, ", "), x.Code).
		do("Look at the forward at %s: it leads back, to itself or by way of another forward (A forwards to B, B forwards to A).", x.originName()).
		do("Break the circle at one end; let the client stop at a target that it had tried.")
	for i := range contacts {
		if r, tried := x.tried(contacts[i].uri, x.Began, at); tried && contacts[i].usable {
			rep.see(x.RequestRef(r), "had gone to %s", contacts[i].text)
			break
		}
	}
	return rep.see(x.Final, "%d with Contact %s", x.Code, list[0])
}
