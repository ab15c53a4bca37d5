package diagnose

import "sipcause/internal/call"

// serverUnimplemented: 501 although the server knows the method, so that a feature of the request is meant
// (RFC 3261 §21.5.2). An unknown method is capability.method.
func serverUnimplemented(x *Case) *report {
	status, r, ok := x.deciding()
	if !ok || status != 501 {
		return nil
	}
	method := x.methodOf(r)
	m := x.Deciding()
	if m == nil {
		return nil
	}
	if cause, _ := x.Q850(); !knowsMethod(m, method) || elsewhereCause(cause) {
		return nil
	}
	return x.report("server.unimplemented", 0.75, "%s answered 501 %s to %s, a method that it knows: it lacks a feature that this request needs.", x.originName(), call.Clean(m.ReasonPhrase()), method).add("%s%s", x.ownWords(), x.causeClause()).
		do("Compare with a request that it accepts: body types, Require, URI scheme and parameters; what is new in this one is what it lacks.").
		do("Ask the operator of %s, or send such calls elsewhere.", x.Txn(r).Server).
		see(x.RequestRef(r), "the request").
		see(x.DecidingRef(), "501")
}
