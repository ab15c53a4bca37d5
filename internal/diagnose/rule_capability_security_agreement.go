package diagnose

import (
	"sipcause/internal/call"
	"sipcause/sip"
)

// capabilitySecurityAgreement: 494, or 421 that requires sec-agree (RFC 3329 §2.3.1).
func capabilitySecurityAgreement(x *Case) *report {
	status, t, ok := x.deciding()
	m := x.Deciding()
	if !ok || m == nil || status == 421 && !listsToken(m, sip.HeaderRequire, secAgree) {
		return nil
	}
	r := x.lacking("capability.security-agreement", 0.95, []int{421, 494}, "the first hop wants the security mechanism negotiated first")
	if r == nil {
		return nil
	}
	if offers := call.Clean(m.HeaderByName("Security-Server")); offers != "" {
		r.add(" Security-Server: %s.", offers)
	}
	if q := x.Request(t); q != nil {
		switch client := call.Clean(q.HeaderByName("Security-Client")); client {
		case "":
			r.add(" The request has no Security-Client.")
		default:
			r.add(" Security-Client: %s.", client)
		}
	}
	return r.do("Compare Security-Client with Security-Server: one mechanism must be on both lists.").
		do("Switch the mechanism on at %s and let it send Require and Proxy-Require: sec-agree; an IMS client that is not registered over IPsec has to register first.", x.requester(t)).
		suspect(x.requester(t), call.RoleUnknown)
}
