package diagnose

// routingAddressIncomplete: 484, digits are missing (RFC 3261 §21.4.22).
func routingAddressIncomplete(x *Case) *report {
	status, r, ok := x.deciding()
	if !ok || status != 484 && x.Code != 484 {
		return nil
	}
	if cause, _ := x.Q850(); cause == causeUnallocated || cause == causeChanged {
		return nil
	}
	uri, _, ok := x.requestURI(r)
	if !ok {
		uri = x.Target
	}
	dialled := number(uri)
	rep := x.report("routing.address-incomplete", 0.9, "%s needs more digits than %q (%d characters): %d %s.", x.originName(), dialled, len(dialled), status, x.reasonOf(r)).
		do("Compare %q with the full number as it is written: area code, trailing extension, a digit lost to a dial plan's pattern or timer?", dialled)
	if works := x.answeredPrefix(r); works != "" {
		rep.do("Calls to numbers beginning with %s are answered there: compare their length.", works)
	}
	rep.do("If the caller dials digit by digit (overlap): the phone must send further INVITEs with more digits after each 484 (RFC 3578), or wait longer before it sends.").
		see(x.RequestRef(r), "Request-URI %s", uri).
		see(x.DecidingRef(), "%d", status)
	if cause, in := x.Q850(); in.Valid() && in != x.DecidingRef() {
		rep.see(in, "Reason: Q.850;cause=%d", cause)
	}
	return rep
}
