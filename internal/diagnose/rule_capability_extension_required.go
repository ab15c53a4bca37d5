package diagnose

import (
	"sipcause/internal/call"
	"sipcause/sip"
)

// secAgree is the option tag of RFC 3329.
var secAgree = []byte("sec-agree")

// capabilityExtensionRequired: 421, by its Require against the request's Supported (RFC 3261 §21.4.16).
func capabilityExtensionRequired(x *Case) *report {
	m := x.Deciding()
	if m == nil || listed(m, sip.HeaderRequire, secAgree) {
		return nil // capability.security-agreement
	}
	r := x.lacking("capability.extension-required", 0.95, []int{421}, "it serves this request only with an extension that the client does not offer")
	if r == nil {
		return nil
	}
	t, _ := x.DecidingTxn()
	wants := headerList(m, sip.HeaderRequire, "")
	if wants == "" {
		r.f.Confidence = 0.8
		r.add(" The response has no Require to say which.").
			do("Ask the operator of %s which extension it wants; usual ones are 100rel, timer, path, sec-agree.", x.Txn(t).Server)
	} else {
		r.add(" It requires %s.", wants).
			do("Switch %s on at %s (it must be listed in Supported).", wants, x.Txn(t).Client)
	}
	if q := x.Request(t); q != nil {
		r.add(" The request supports %s.", headerList(q, sip.HeaderSupported, "nothing (no Supported header)"))
	}
	return r.do("Or let %s do without: a server should not insist, RFC 3261 §21.4.16 says.", x.Txn(t).Server).
		suspect(x.Txn(t).Client, call.RoleUnknown)
}

// capabilitySecurityAgreement: 494, or 421 that requires sec-agree (RFC 3329 §2.3.1).
func capabilitySecurityAgreement(x *Case) *report {
	status, t, ok := x.deciding()
	m := x.Deciding()
	if !ok || m == nil || status == 421 && !listed(m, sip.HeaderRequire, secAgree) {
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
		do("Switch the mechanism on at %s and let it send Require and Proxy-Require: sec-agree; an IMS client that is not registered over IPsec has to register first.", x.Txn(t).Client).
		suspect(x.Txn(t).Client, call.RoleUnknown)
}
