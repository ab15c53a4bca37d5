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
	if info := redressOf(m); info != "" {
		redress = info
	}
	ids := x.identities(r.ref)
	out := x.report("policy.rejected-by-analytics", conf, "An analysis of calling numbers at %s rejected the call of %s to %s (%d %s), not the callee. As it got there the call was %s.", r.txn.Server, number(x.From), number(x.To), m.Status, call.Clean(m.ReasonPhrase()), attested(ids))
	v := verifiedTxn{r, ids}
	if faults := v.faults(); len(faults) > 0 {
		out.add(" What can be seen of the signature: %s.", faults[0]).more(faults)
	}
	if redress != "" {
		out.do("The response names whom to turn to: %s", redress)
	} else {
		out.do("The response names nobody to turn to (RFC 8688 wants a Call-Info with purpose=jwscard): ask the provider behind %s.", r.txn.Server)
	}
	return out.do("Check the reputation of %s with the analytics providers, and that calls from it are signed (STIR) with attestation A.", number(x.From)).
		see(x.FinalRef(r.ref), "%d %s", m.Status, call.Clean(m.ReasonPhrase())).
		see(x.RequestRef(r.ref), "%s", attested(ids)).
		tell("A call protection service rejected the call because of the calling number.")
}

// redressOf returns the Call-Info that says whom to turn to: the one with the jCard (RFC 8688 §3.1), else the first.
func redressOf(m *sip.Message) string {
	first := ""
	for v := range m.Values(sip.HeaderCallInfo) {
		text := call.Clean(v)
		if strings.Contains(strings.ToLower(text), "jwscard") {
			return text
		}
		if first == "" {
			first = text
		}
	}
	return first
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
