package diagnose

import (
	"fmt"
	"slices"
	"time"

	"sipcause/internal/call"
)

// A storm: so many tries, each after a failure, in so short a time or at intervals that do not grow.
const (
	stormTries  = 5
	stormWindow = 10 * time.Second
	stormPace   = 2 * time.Minute // intervals longer than this are no storm, however regular
	stormGrowth = 1.2             // an interval longer by this than the one before it is a growing one
)

// retryStorm: new attempts (not retransmissions) of one caller to one target, again and again after failures, in
// the same call or not. A try without any response has failed when its client stopped sending it.
func retryStorm(x *Case) *report {
	r, ok := x.LastTry()
	if !ok {
		return nil
	}
	list := x.triesOf(r)
	run := list[stormRun(list):]
	if len(run) < stormTries {
		return nil
	}
	n := len(run)
	fast := run[n-1].began.Sub(run[n-stormTries].began) <= stormWindow
	silent := slices.ContainsFunc(run[n-stormTries:], func(e ended) bool { return e.silent })
	pace := stormPace
	if silent {
		pace = call.TimerB - 1 // a client that waits for its own timer before it tries again behaves
	}
	if !fast && !steady(run[n-stormTries:], pace) {
		return nil
	}
	t := x.Txn(r)
	span, confidence, last := Seconds(run[0].began, run[n-1].began), 0.95, fmt.Sprintf("the last being %d", run[n-1].code)
	if silent {
		confidence = x.Absent(0.9, r, x.Ended)
		if !t.Transport.Reliable() && slices.ContainsFunc(run[n-stormTries:], ended.once) {
			confidence = min(confidence, guess)
		}
	}
	if run[n-1].silent {
		last = "the last without any response"
	}
	rep := x.report("retry.storm", confidence, "%s tried %s for %s %d times in %.1f s, each time after a failure, %s.", t.Client, t.Server, x.callee(), n, span, last).
		do("Stop the retries at %s (dialler, trunk failover, application): look at its retry count and interval.", t.Client).
		do("Let it wait longer after each failure, and stop on codes that a retry does not cure; honour Retry-After.")
	return seeEnded(rep, run).suspect(t.Client, x.clientRole(r))
}

// stormRun returns where in a history the last run of tries begins, each of which, but for the last, had failed
// before the next was made, no longer than stormPace before.
func stormRun(list []ended) int {
	i := len(list) - 1
	for i > 0 && (list[i-1].silent || refused(list[i-1].code)) && list[i-1].ended <= list[i].began && list[i].began.Sub(list[i-1].began) <= stormPace {
		i--
	}
	return max(i, 0)
}

// steady says whether the intervals between tries are no longer than pace and do not grow.
func steady(run []ended, pace time.Duration) bool {
	before := time.Duration(0)
	for i := 1; i < len(run); i++ {
		d := run[i].began.Sub(run[i-1].began)
		if d > pace || before != 0 && float64(d) > stormGrowth*float64(before) {
			return false
		}
		before = d
	}
	return true
}
