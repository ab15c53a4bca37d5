package diagnose

import (
	"strings"

	"sipcause/internal/call"
	"sipcause/sip"
)

// policyAnonymityDisallowed: calls without a calling number are not accepted: 433 (RFC 5079), or the words of
// another refusal to a caller that hides its number.
func policyAnonymityDisallowed(x *Case) *report {
	r, ok := x.decidingRefusal()
	if !ok {
		return nil
	}
	code, words := x.said()
	conf := 1.0
	if code != 433 {
		if !x.Says(saysAnonymous...) || !strings.Contains(strings.ToLower(x.From), "anonymous") && !x.hides(r.ref) {
			return nil
		}
		conf = 0.85
	}
	return x.report("policy.anonymity-disallowed", conf, "%s does not take calls without a calling number (%d %s); this one comes from %s.", r.txn.Server, code, words, x.From).
		do("See who hides the number: the caller's own setting, the PBX, or a provider's service code (Privacy header, From anonymous@anonymous.invalid).").
		do("Call again with the number shown.").
		see(x.RequestRef(r.ref), "from %s", x.From).
		see(x.FinalRef(r.ref), "%d %s", code, words).
		blame(x.firstWith(r.ref, func(m *sip.Message) []byte { return m.Header(sip.HeaderFrom) })).
		tell("The number you called does not accept anonymous calls. Call again with your number shown.")
}

// hides says whether a request asks for privacy of its identity (RFC 3323 §4.2, RFC 3325 §9.3).
func (x *Case) hides(ref call.TxnRef) bool {
	m := x.Request(ref)
	if m == nil {
		return false
	}
	v := strings.ToLower(string(m.Header(sip.HeaderPrivacy)))
	return v != "" && v != "none"
}
