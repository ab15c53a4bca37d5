package diagnose

import (
	"sipcause/internal/call"
	"sipcause/sip"
)

// capabilitySIPS: Warning 380 or 381, or a 480 to a sips target, which alone proves nothing (RFC 5630).
func capabilitySIPS(x *Case) *report {
	status, t, ok := x.deciding()
	if !ok || status < 300 {
		return nil
	}
	w, at, warned := x.Warning(380, 381)
	if !warned && (status != 480 || !sipsTarget(x.Request(t))) {
		return nil
	}
	code, words := x.said()
	if !warned {
		return x.report("capability.sips", 0.45, "%s answered %d %s to a sips Request-URI: perhaps the callee has no contact that can be reached over TLS on every hop.", x.originName(), code, words).
			do("Call the same user with a sip: URI: if that works, sips was the reason.").
			see(x.RequestRef(t), "sips Request-URI").
			see(x.DecidingRef(), "%d", code)
	}
	means, fix := "it does not take sips here", "Use a sip: URI for this target (TLS on the first hop does not need sips)."
	if w.Code == 381 {
		means, fix = "it takes sips only", "Use a sips: URI for this target, and in the caller's Contact."
	}
	return x.report("capability.sips", 0.95, "%s refused the %s with %d %s: %s (Warning %d %q).", x.originName(), x.methodOf(t), code, words, means, w.Code, call.Clean(w.Text)).
		do("%s", fix).
		do("Look at the callee's binding at the registrar: sips contacts are only there if the device registered a sips address of record.").
		see(x.RequestRef(t), "the request").
		see(at, "Warning: %d %s", w.Code, call.Clean(w.Text))
}

func sipsTarget(q *sip.Message) bool {
	if q == nil {
		return false
	}
	u, ok := sip.ParseURI(q.RequestURI())
	return ok && equalFold(u.Scheme, "sips")
}
