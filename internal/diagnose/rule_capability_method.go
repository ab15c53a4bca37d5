package diagnose

import (
	"strings"

	"sipcause/internal/call"
	"sipcause/sip"
)

// capabilityMethod: 405, or 501 for a method that the server does not list (RFC 3261 §8.2.1, §21.4.6, §21.5.2).
func capabilityMethod(x *Case) *report {
	status, t, ok := x.deciding()
	m := x.Deciding()
	if !ok || m == nil || status == 501 && knowsMethod(m, x.methodOf(t)) {
		return nil // server.unimplemented: it lacks a feature
	}
	method := x.methodOf(t)
	r := x.lacking("capability.method", 0.95, []int{405, 501}, "it does not do "+method+" there")
	if r == nil {
		return nil
	}
	allow := headerList(m, sip.HeaderAllow, "")
	switch {
	case allow == "":
		r.f.Confidence = 0.9
		r.add(" The response lists no Allow.")
	case listsToken(m, sip.HeaderAllow, []byte(method)):
		r.f.Confidence = 0.8
		r.add(" Allow: %s: the method is known, but not allowed for this Request-URI.", allow).
			do("Look at the Request-URI: a server that allows %s for its users may refuse it for itself or for a trunk.", method)
	default:
		r.add(" Allow: %s.", allow)
	}
	return r.do("Switch the feature that needs %s off at %s for this peer, or use a method that it allows.", method, x.requester(t)).
		do("Or enable %s at %s (module, application or policy that handles it).", method, x.Txn(t).Server).
		suspect(x.requester(t), call.RoleUnknown)
}

// knowsMethod says whether the sender of m does the method: by its Allow, or because every element does.
func knowsMethod(m *sip.Message, method string) bool {
	known := method == "INVITE" || method == "REGISTER" || method == "OPTIONS"
	for v := range m.Values(sip.HeaderAllow) {
		known = known || strings.EqualFold(string(v), method)
	}
	return known
}
