package diagnose

import (
	"time"

	"sipcause/internal/call"
)

// timeoutRules are timeout.*: somebody waited, and for whom.
var timeoutRules = []rule{
	{id: "timeout.no-answer", on: onCalls, check: timeoutNoAnswer},
	{id: "timeout.request", on: onAll, codes: []int{408}, check: timeoutRequest},
	{id: "timeout.downstream", on: onAll, codes: []int{408, 480, 500, 502, 503, 504}, check: timeoutDownstream},
	{id: "timeout.provisional-stall", on: onCalls, check: timeoutProvisionalStall},
}

// timerC is what a proxy waits for a final response to an INVITE at least (RFC 3261 §16.6 step 11).
const timerC = 3 * time.Minute

// silentNext returns the branch below the deciding transaction that had sent no final response when the
// server answered for itself, the one tried last.
func (x *Case) silentNext() (call.TxnRef, bool) {
	d, ok := x.DecidingTxn()
	if !ok {
		return call.TxnRef{}, false
	}
	at := x.FinalTime(d)
	found := false
	var silent call.TxnRef
	for _, k := range x.Downstream(d) {
		if x.Start(k) <= at && (x.FinalTime(k) == 0 || x.FinalTime(k) > at) {
			silent, found = k, true
		}
	}
	return silent, found
}
