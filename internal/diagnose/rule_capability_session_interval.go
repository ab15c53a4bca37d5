package diagnose

import "sipcause/internal/call"

// capabilitySessionInterval: 422, the Session-Expires of the request against Min-SE of the response (RFC 4028 §6, §5).
func capabilitySessionInterval(x *Case) *report {
	r := x.lacking("capability.session-interval", 0.95, []int{422}, "the session interval asked for is too small")
	if r == nil {
		return nil
	}
	t, _ := x.DecidingTxn()
	asked, known := -1, false
	if q := x.Request(t); q != nil {
		asked, _, known = q.SessionExpires()
	}
	least, says := x.Deciding().MinSE()
	x.interval(r, t, "Session-Expires", asked, known, "Min-SE", least, says)
	if known && says && asked >= least {
		r.f.Confidence = 0.7
		r.do("The request asks for no less than Min-SE: %s refuses against RFC 4028 §5; a hop between may have changed the number.", x.Txn(t).Server)
	}
	return r.do("Let %s repeat the request with Session-Expires and Min-SE of at least the value of the response, as RFC 4028 §7.4 wants; Asterisk: timers_sess_expires, FreeSWITCH: session-timeout.", x.requester(t)).
		do("Or lower Min-SE at %s (90 s is the least that RFC 4028 §4 allows).", x.Txn(t).Server).
		suspect(x.requester(t), call.RoleUnknown)
}
