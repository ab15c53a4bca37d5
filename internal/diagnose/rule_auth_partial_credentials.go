package diagnose

import "sipcause/internal/call"

// authPartialCredentials: several realms asked on the way, and the last answer serves only some of them: each
// proxy and the UAS want credentials of their own, all in one request (RFC 3261 §22.3, §16.7 step 7).
func authPartialCredentials(x *Case) *report {
	d, f, ok := x.faulted(faultPartial)
	if !ok {
		return nil
	}
	e := &d.steps[f.step]
	t := x.Txn(e.ref)
	user, realm := account(&f.cred)
	missing := call.Clean(f.asked.Realm)
	conf := 0.95
	if !challenged(e.code) {
		conf = 0.6
	}
	_, answer := headerNames(f.asked.Proxy)
	r := x.report("auth.partial-credentials", conf,
		"Two realms ask on the way to the callee. %s has credentials for %q (user %q), but not for %q, asked for by %s with %d.", t.Client.Addr(), realm, user, missing, e.maker, e.code).
		do("See whether %s is meant to have an account at %s (realm %q): a proxy that relays to a trunk normally answers the trunk's challenge itself.", t.Client.Addr(), e.maker.Addr(), missing).
		do("If it is: add that account in %s, so that the request carries both, %s for %q beside the first. If not: let the element before %s authenticate, or let %s trust it by address.", t.Client.Addr(), answer, missing, e.maker.Addr(), e.maker.Addr())
	for k := range f.step {
		if realmIn(d.steps[k].asked, f.cred.Realm) {
			r.see(x.FinalRef(d.steps[k].ref), "realm %q asks", realm)
			break
		}
	}
	return r.see(x.RequestRef(e.ref), "credentials for %q only", realm).
		see(x.FinalRef(e.ref), "realm %q asks", missing).
		suspect(t.Client, x.clientRole(e.ref))
}
