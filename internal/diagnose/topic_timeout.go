package diagnose

import (
	"time"

	"sipcause/internal/call"
)

// timeoutRules are timeout.*: somebody waited, and for whom.
var timeoutRules = []rule{
	{id: "timeout.no-answer", on: onCalls, check: timeoutNoAnswer},
	{id: "timeout.request", on: onAll, codes: []int{408, 480, 500, 503, 504}, check: timeoutRequest},
	{id: "timeout.downstream", on: onAll, codes: []int{408, 480, 500, 502, 503, 504}, check: timeoutDownstream},
	{id: "timeout.provisional-stall", on: onCalls, check: timeoutProvisionalStall},
}

// proxyGaveUp returns the branch that an element on the way gave up by a CANCEL of its own, the caller having sent
// none, before it told the caller something else: its timer had run out.
func (x *Case) proxyGaveUp() (branch call.TxnRef, waited time.Duration, ok bool) {
	status, r, known := x.deciding()
	if !known || status != 487 || x.Code == 487 || x.Code < 400 || x.Origin == nil || x.Origin.Role != call.RoleProxy {
		return call.TxnRef{}, 0, false
	}
	c := x.Txn(r).Cancel
	if _, _, caller := x.givenUp(); c == call.None || caller {
		return call.TxnRef{}, 0, false
	}
	cancel := call.TxnRef{Leg: r.Leg, Txn: c}
	if hasSIPReason(x.Request(cancel), 200) {
		return call.TxnRef{}, 0, false
	}
	return r, x.Start(cancel).Sub(x.Start(r)), true
}

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
