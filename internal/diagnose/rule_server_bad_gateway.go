package diagnose

// serverBadGateway: 502, an invalid response from downstream (RFC 3261 §21.5.3).
func serverBadGateway(x *Case) *report {
	status, r, ok := x.deciding()
	if !ok || status != 502 {
		return nil
	}
	if cause, _ := x.Q850(); elsewhereCause(cause) {
		return nil // the network says that it was not the server
	}
	t := x.Txn(r)
	rep := x.report("server.bad-gateway", 0.85, "%s got an answer it could not use from an element behind it and said %s.", x.originName(), x.answer())
	rep.add("%s", x.ownWords())
	if cause, in := x.Q850(); cause >= 0 {
		rep.add(" The network's cause is %d (%s).", cause, causeName(cause))
		if in != x.DecidingRef() {
			rep.see(in, "Reason: Q.850;cause=%d", cause)
		}
	}
	return rep.do("Capture behind %s, or read its log: the response it received and refused is there.", t.Server).
		do("Use another route meanwhile; a 502 allows that.").
		see(x.DecidingRef(), "502 made by %s", t.Server)
}
