package diagnose

import "sipcause/internal/call"

// authRealmMismatch: the credentials are for a realm that never asked (RFC 3261 §22.1: they are valid in their
// realm only).
func authRealmMismatch(x *Case) *report {
	d, f, ok := x.faulted(faultRealm)
	if !ok {
		return nil
	}
	e := &d.steps[f.step]
	t := x.Txn(e.ref)
	user, realm := account(&f.cred)
	asked := call.Clean(f.asked.Realm)
	conf := 0.95
	if !challenged(e.code) {
		conf = 0.85
	}
	r := x.report("auth.realm-mismatch", conf,
		"%s asks for credentials of realm %q; %s sent those of user %q for realm %q, and got %d.", e.maker, asked, t.Client.Addr(), user, realm, e.code)
	if n, known := x.Ledger.Nonce(call.Clean(f.cred.Nonce), x.Start(e.ref)); known && n.Server.Addr() != e.maker.Addr() {
		r.do("The nonce in them was issued by %s (frame %d): see why %s sends credentials for that server to %s.", n.Server, n.Ref.Number, t.Client.Addr(), e.maker)
	} else {
		r.do("See whether the realm is set by hand in %s: it must be taken from the challenge, or be %q.", t.Client.Addr(), asked)
	}
	return r.do("Set the realm of the account in %s to %q (or to \"any\"), or the realm of %s to %q if clients cannot be changed.", t.Client.Addr(), asked, e.maker.Addr(), realm).
		seeRefusal(d, f).
		suspect(t.Client, x.clientRole(e.ref)).
		tell("The login settings of your phone or app are for another telephone service.")
}
