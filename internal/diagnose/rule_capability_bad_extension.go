package diagnose

import (
	"bytes"
	"strings"

	"sipcause/internal/call"
	"sipcause/sip"
)

// capabilityBadExtension: 420, by its Unsupported against Require and Proxy-Require (RFC 3261 §8.2.2.3, §21.4.15).
func capabilityBadExtension(x *Case) *report {
	r := x.lacking("capability.bad-extension", 0.95, []int{420}, "it does not support an extension that the request insists on")
	if r == nil {
		return nil
	}
	t, _ := x.DecidingTxn()
	m, q := x.Deciding(), x.Request(t)
	unsupported := headerList(m, sip.HeaderUnsupported, "")
	demanded := ""
	if q != nil {
		demanded = strings.TrimPrefix(headerList(q, sip.HeaderRequire, "")+", "+headerList(q, sip.HeaderProxyRequire, ""), ", ")
		demanded = strings.TrimSuffix(demanded, ", ")
	}
	switch {
	case unsupported != "" && demanded != "":
		r.add(" Unsupported: %s; the request requires %s.", unsupported, demanded)
		r.do("Take %s out of Require (or Proxy-Require) at %s, so that it is in Supported only; RFC 3261 §8.1.1.9 wants Require for nothing that both sides may do without.", unsupported, x.requester(t))
		if !demandsAny(q, m) {
			r.f.Confidence = 0.8
			r.do("The request as captured does not require %s: a hop between added it; capture in front of %s.", unsupported, x.Txn(t).Server)
		}
	case unsupported != "":
		r.add(" Unsupported: %s, which the request as captured does not require.", unsupported)
		r.f.Confidence = 0.8
		r.do("A hop between added the demand: capture in front of %s.", x.Txn(t).Server)
	case demanded != "":
		r.add(" The request requires %s; the response has no Unsupported to say which it lacks.", demanded)
		r.do("Take %s out of Require at %s, one by one.", demanded, x.requester(t))
	default:
		r.f.Confidence = 0.7
		r.do("Neither Require nor Unsupported is there: ask the operator of %s which extension it means.", x.Txn(t).Server)
	}
	return r.do("Or switch the extension on at %s, if it has it.", x.Txn(t).Server).
		suspect(x.requester(t), call.RoleUnknown)
}

// demandsAny says whether the request requires one of the extensions that the response calls unsupported.
func demandsAny(q, m *sip.Message) bool {
	for v := range m.Values(sip.HeaderUnsupported) {
		if v = bytes.TrimSpace(v); listsToken(q, sip.HeaderRequire, v) || listsToken(q, sip.HeaderProxyRequire, v) {
			return true
		}
	}
	return false
}
