package diagnose

import "sipcause/internal/call"

// authNonceMismatch: the nonce is not one of the server that has to check it: another element issued it, or
// none did after a challenge with another one (RFC 3261 §22.4, RFC 7616 §3.4).
func authNonceMismatch(x *Case) *report {
	d, f, ok := x.faulted(faultForeign)
	if !ok {
		return nil
	}
	e := &d.steps[f.step]
	t := x.Txn(e.ref)
	user, realm := account(&f.cred)
	if f.unseen {
		// That no challenge carried it rests on absence: one may have been lost.
		return x.report("auth.nonce-mismatch", x.Absent(0.85, e.ref, x.FinalTime(e.ref)),
			"%s was challenged with one nonce and answered (user %q, realm %q) with another that no challenge in the capture carries; %s answered %d.", t.Client.Addr(), user, realm, e.maker, e.code).
			do("See whether a device between %s and %s answers or rewrites challenges (an SBC that authenticates by itself, an ALG).", t.Client, e.maker).
			do("If there is none, update %s: it must answer with the nonce of the last challenge.", t.Client.Addr()).
			seeRefusal(d, f).suspect(t.Client, x.clientRole(e.ref))
	}
	r := x.report("auth.nonce-mismatch", 0.9,
		"%s answered with a nonce that %s had issued, and %s, which did not issue it, refused it with %d (user %q, realm %q).", t.Client.Addr(), f.issued.Server, e.maker, e.code, user, realm)
	return r.do("See whether %s and %s are servers of one service (same realm %q) behind one name or load balancer.", f.issued.Server, e.maker, call.Clean([]byte(f.issued.Realm))).
		do("If so, give them one nonce secret or let the load balancer keep a client on one of them; otherwise let %s answer each server's own challenge.", t.Client.Addr()).
		seeRefusal(d, f).suspect(e.maker, x.makerRole())
}
