package diagnose

// authWrongHeader: a 407 answered with Authorization, or a 401 with Proxy-Authorization (RFC 3261 §22.2, §22.3).
func authWrongHeader(x *Case) *report {
	d, f, ok := x.faulted(faultHeader)
	if !ok {
		return nil
	}
	e := &d.steps[f.step]
	t := x.Txn(e.ref)
	user, realm := account(&f.cred)
	challenge, want := headerNames(f.asked.Proxy)
	_, sent := headerNames(f.cred.Proxy)
	return x.report("auth.wrong-header", 0.95,
		"%s challenged in %s; %s put the credentials of user %q (realm %q) into %s, where that challenge is not answered, and got %d.", e.maker, challenge, t.Client.Addr(), user, realm, sent, e.code).
		do("See whether %s sends a 401 with Proxy-Authenticate or a 407 with WWW-Authenticate: then the server misleads the client.", e.maker.Addr()).
		do("Update %s: a challenge in %s is answered in %s.", t.Client.Addr(), challenge, want).
		seeRefusal(d, f).
		suspect(t.Client, x.clientRole(e.ref))
}
