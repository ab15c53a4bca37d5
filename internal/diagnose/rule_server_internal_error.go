package diagnose

// serverInternalError: 500 with no better explanation (RFC 3261 §21.5.1).
func serverInternalError(x *Case) *report {
	status, r, ok := x.deciding()
	if _, silent := x.silentNext(); !ok || status != 500 || silent {
		return nil // with a silent next hop there is a better explanation
	}
	if cause, _ := x.Q850(); elsewhereCause(cause) {
		return nil // the network says that it was not the server
	}
	t := x.Txn(r)
	confidence := 0.8
	if x.Origin != nil && len(x.Origin.Alternatives) > 0 {
		confidence = 0.7
	}
	rep := x.report("server.internal-error", confidence, "%s failed inside and answered %s to the %s.", x.originName(), x.answer(), x.methodOf(r)).add("%s%s", x.ownWords(), x.causeClause())
	if n, of := x.often(r, status); n > 1 {
		rep.add(" It did so to %d of %d INVITEs of this capture so far.", n, of)
	}
	return rep.do("Read the log of %s at that second: the error behind a 500 (script, database, licence, memory) is only written there.", t.Server).
		do("Compare with a call that it accepts: what differs in the request (codec, header, number) is the trigger.").
		do("Send calls over another route meanwhile; a 500 allows that.").
		see(x.DecidingRef(), "500 made by %s", t.Server)
}
