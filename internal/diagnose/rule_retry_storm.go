package diagnose

import (
	"time"
)

// A storm: so many tries, each after a failure, in so short a time or at intervals that do not grow.
const (
	stormTries  = 5
	stormWindow = 10 * time.Second
	stormPace   = 2 * time.Minute // intervals longer than this are no storm, however regular
	stormGrowth = 1.2             // an interval longer by this than the one before it is a growing one
)

// retryStorm: new attempts (not retransmissions) of one caller to one target, again and again after failures, in
// the same call or not.
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
	if !fast && !steady(run[n-stormTries:]) {
		return nil
	}
	t := x.Txn(r)
	span := Seconds(run[0].began, run[n-1].began)
	rep := x.report("retry.storm", 0.95, "%s tried %s for %s %d times in %.1f s, each time after a failure, the last being %d.", t.Client, t.Server, x.callee(), n, span, run[n-1].code).
		do("Stop the retries at %s (dialler, trunk failover, application): look at its retry count and interval.", t.Client).
		do("Let it wait longer after each failure, and stop on codes that a retry does not cure; honour Retry-After.")
	return seeEnded(rep, run).suspect(t.Client, x.clientRole(r))
}

// stormRun returns where in a history the last run of tries begins, each of which, but for the last, had failed
// before the next was made.
func stormRun(list []ended) int {
	i := len(list) - 1
	for i > 0 && refused(list[i-1].code) && list[i-1].ended <= list[i].began {
		i--
	}
	return max(i, 0)
}

// steady says whether the intervals between tries are short and do not grow.
func steady(run []ended) bool {
	before := time.Duration(0)
	for i := 1; i < len(run); i++ {
		d := run[i].began.Sub(run[i-1].began)
		if d > stormPace || before != 0 && float64(d) > stormGrowth*float64(before) {
			return false
		}
		before = d
	}
	return true
}
