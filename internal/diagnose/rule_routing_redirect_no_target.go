package diagnose

// routingRedirectNoTarget: 3xx without a Contact that a request can be sent to (RFC 3261 §21.3).
func routingRedirectNoTarget(x *Case) *report {
	m, ok := x.redirect()
	if !ok {
		return nil
	}
	list := contactsOf(m)
	if len(usable(list)) > 0 {
		return nil
	}
	what := "without a Contact"
	if len(list) > 0 {
		what = "with a Contact that no request can be sent to: " + list[0].text
	}
	rep := x.report("routing.redirect-no-target", 0.95, "%s redirects with %d %s, but %s: the caller has nowhere to go.", x.originName(), x.Code, x.Reason, what).
		do("Correct the forward or route at %s that made the redirect: its target is empty or no SIP, SIPS or tel URI.", x.originName())
	if x.Code == 300 {
		rep.do("With 300 the choices may stand in the body instead: read it.")
	}
	if r, ok := x.LastTry(); ok {
		rep.see(x.RequestRef(r), "the request")
	}
	return rep.see(x.Final, "%d %s", x.Code, what)
}
