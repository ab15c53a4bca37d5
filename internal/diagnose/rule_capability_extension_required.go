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
	if m == nil || listsToken(m, sip.HeaderRequire, secAgree) {
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
			do("Switch %s on at %s (it must be listed in Supported).", wants, x.requester(t))
	}
	if q := x.Request(t); q != nil {
		r.add(" The request supports %s.", headerList(q, sip.HeaderSupported, "nothing (no Supported header)"))
	}
	return r.do("Or let %s do without: a server should not insist, RFC 3261 §21.4.16 says.", x.Txn(t).Server).
		suspect(x.requester(t), call.RoleUnknown)
}
