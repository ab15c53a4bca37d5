package diagnose

import (
	"fmt"

	"sipcause/sip"
)

// burstCPS is the rate of calls of one client from which a refusal with Retry-After may be about the rate.
const burstCPS = 5

// policyRateLimited: refused for this customer's calls per second or concurrent calls. A limit of the whole
// server is server.overload, a full trunk server.capacity.
func policyRateLimited(x *Case) *report {
	r, ok := x.decidingRefusal()
	if !ok {
		return nil
	}
	m := x.Msg(x.FinalRef(r.ref))
	if m == nil {
		return nil
	}
	retryAfter, retry := m.RetryAfter()
	second, ten := x.callRate(&r)
	conf := 0.0
	text := x.Says(saysRate...) && !x.Says("calls in progress") // FreeSWITCH's words for its own limit, whoever calls
	switch {
	case text && (retry || second >= burstCPS):
		conf = 0.9
	case text:
		conf = 0.8
	case retry && second >= burstCPS && r.served:
		conf = 0.45
	default:
		return nil
	}
	code, words := x.said()
	wait := ""
	if retry {
		wait = fmt.Sprintf(", Retry-After %d s", retryAfter)
	}
	out := x.report("policy.rate-limited", conf, "%s limits the calls of %s: %d %s%s.", r.txn.Server, r.txn.Client.Addr(), code, words, wait)
	if r.txn.Method == sip.MethodInvite && ten > 0 {
		out.do("%s had begun %d call(s) there in the second before, %d in ten seconds: compare that with the calls per second and the concurrent calls agreed on.", r.txn.Client.Addr(), second, ten)
	} else {
		out.do("Compare the calls per second and the concurrent calls agreed on with those at that time.")
	}
	return out.do("Spread the calls (pace the dialler, queue at %s), or have the limit raised; retry no sooner than Retry-After.", r.txn.Client.Addr()).
		see(x.FinalRef(r.ref), "%d %s%s", code, words, wait).
		suspect(r.txn.Client, x.clientRole(r.ref)).
		tell("Too many calls are being made at once. Try again in a moment.")
}
