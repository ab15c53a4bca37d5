package diagnose

import (
	"strings"

	"sipcause/internal/call"
	"sipcause/sip"
)

// policyRejectedByAnalytics: a provider's analysis rejected the call: 608 (RFC 8688), or 603 with a Reason of
// an analytics engine (ATIS-1000099).
func policyRejectedByAnalytics(x *Case) *report {
	r, ok := x.decidingRefusal()
	if !ok {
		return nil
	}
	m := x.Msg(x.FinalRef(r.ref))
	if m == nil {
		return nil
	}
	conf := 1.0
	redress := ""
	if m.Status != 608 {
		if redress, ok = analyticsReason(m); !ok {
			return nil
		}
		conf = 0.95
	}
	if info := call.Clean(m.Header(sip.HeaderCallInfo)); info != "" {
		redress = info
	}
	out := x.report("policy.rejected-by-analytics", conf, "An analysis of calling numbers at %s rejected the call of %s to %s (%d %s), not the callee.", r.txn.Server, number(x.From), number(x.To), m.Status, call.Clean(m.ReasonPhrase()))
	if redress != "" {
		out.do("The response names whom to turn to: %s", redress)
	} else {
		out.do("The response names nobody to turn to (RFC 8688 wants a Call-Info with purpose=jwscard): ask the provider behind %s.", r.txn.Server)
	}
	return out.do("Check the reputation of %s with the analytics providers, and that calls from it are signed (STIR) with attestation A.", number(x.From)).
		see(x.FinalRef(r.ref), "%d %s", m.Status, call.Clean(m.ReasonPhrase())).
		tell("A call protection service rejected the call because of the calling number.")
}

// analyticsReason finds the Reason by which a 603 says that analytics made it, and what it says about redress.
func analyticsReason(m *sip.Message) (string, bool) {
	for v := range m.Reasons() {
		if text := call.Clean(v.Text); strings.Contains(strings.ToLower(text), "v=analytics") {
			return text, true
		}
	}
	return "", false
}
