package diagnose

import (
	"strings"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/wire"
)

// redirectWait is how long after a redirect the same caller's next try may follow it. A failed leg stays open
// longer than this (correlate), so that the ledger holds these tries when the call is judged.
const redirectWait = 30 * time.Second

// routingRedirectNotFollowed: 300, 301 or 302 with usable Contacts, and none of them was tried, neither under this
// Call-ID nor another (RFC 3261 §8.1.3.4).
func routingRedirectNotFollowed(x *Case) *report {
	m, ok := x.redirect()
	if !ok {
		return nil
	}
	contacts := contactsOf(m)
	list := usable(contacts)
	if len(list) == 0 || x.loopingContacts(contacts) {
		return nil
	}
	at := x.Sighting(x.Final).Time
	for i := range contacts {
		c := &contacts[i]
		if _, tried := x.tried(c.uri, x.Began, max(x.Ended, at)); tried || x.redialled(c, at) {
			return nil
		}
	}
	try, ok := x.LastTry()
	if !ok {
		return nil
	}
	t := x.Txn(try)
	confidence := x.Absent(0.75, try, at.Add(redirectWait)) // a follow-up that still rings is not in the ledger
	if x.Lead().AtEnd || x.Kind != call.KindCall {
		// The capture ends before the client had its time, or nothing tells of its requests under other Call-IDs.
		confidence = x.Absent(cutShort, try, at)
	}
	return x.report("routing.redirect-not-followed", confidence, "%s sent %s to another address with %d %s (%s), and it never tried there.", x.originName(), t.Client, x.Code, x.Reason, strings.Join(list, ", ")).
		do("Check whether %s may follow redirects: many PBXs and SBCs do so only when told (recurse on 3xx), and only to addresses they trust.", t.Client).
		do("If it may not: let %s forward the request itself, as a proxy, instead of redirecting.", x.originName()).
		do("Check that %s is reachable and dialable for %s.", list[0], t.Client.Addr()).
		see(x.RequestRef(try), "the request").
		see(x.Final, "%d with Contact %s", x.Code, list[0]).
		suspect(t.Client, x.clientRole(try)).
		tell("The call was redirected to another address, but your phone system did not follow.")
}

// redialled says whether the caller went to the contact under another Call-ID soon after the redirect.
func (x *Case) redialled(c *contact, at wire.Time) bool {
	for _, to := range [...]string{x.To, c.text} {
		for _, a := range x.Ledger.Attempts(x.From, to, at.Add(redirectWait)) {
			if a.CallID == x.ID || a.Time < at {
				continue
			}
			if to != x.To || a.Server.Addr() == c.uri.Addr() {
				return true
			}
		}
	}
	return false
}

// loopingContacts says whether every usable contact is where a request of this call had gone before the redirect.
func (x *Case) loopingContacts(list []contact) bool {
	n := 0
	at := x.Sighting(x.Final).Time
	for i := range list {
		if !list[i].usable {
			continue
		}
		if _, ok := x.tried(list[i].uri, x.Began, at); !ok {
			return false
		}
		n++
	}
	return n > 0
}
