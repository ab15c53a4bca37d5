package diagnose

import (
	"cmp"
	"slices"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/wire"
)

// retryRules are retry.*: what happened after a failure.
var retryRules = []rule{
	{id: "retry.recovered", on: onAll, always: true, check: retryRecovered},
	{id: "retry.ignored-retry-after", on: onAll, always: true, check: retryIgnoredRetryAfter},
	{id: "retry.storm", on: onAll, check: retryStorm},
	{id: "retry.pointless", on: onAll, check: retryPointless},
	{id: "retry.missed-failover", on: onCallsAndTransactions, check: retryMissedFailover},
}

// machineWait is the time within which a machine tries again and a person does not.
const machineWait = 2 * time.Second

// ended is one ended try of a caller, of this call or an earlier one.
type ended struct {
	began, ended wire.Time
	ref          wire.PacketRef
	callID       string
	code         int
	silent       bool // nothing at all came back
}

// once says whether a try without any response was sent a single time: over UDP it was most likely answered unseen, as
// Case.missed says.
func (e ended) once() bool { return e.silent && e.ended == e.began }

// triesOf returns the originator's tries at the server of r for the same callee, oldest first, this call's own
// included, up to and with r.
func (x *Case) triesOf(r call.TxnRef) []ended {
	var out []ended
	server, until := x.Txn(r).Server, x.Start(r)
	if x.Kind == call.KindCall {
		for _, a := range x.Ledger.Attempts(x.From, x.To, until+1) {
			if a.Server == server {
				out = append(out, ended{a.Time, a.Ended, a.Ref, a.CallID, a.Code, a.Code == 0})
			}
		}
		return out
	}
	for i := range x.Attempts {
		a := &x.Attempts[i]
		if a.Hop != 0 || a.Target != server || a.At > until {
			continue
		}
		e := ended{began: a.At, ended: a.At + wire.Time(a.FinalMS*1e6), callID: x.ID, code: a.Code}
		if f := x.FinalRef(refOf(a)); f.Valid() {
			e.ref = x.Sighting(f).Ref
		} else if t := x.Txn(refOf(a)); x.unanswered(refOf(a)) && t.Cancel == call.None {
			e.ended, e.ref, e.silent = max(t.LastResent, a.At), x.Sighting(x.RequestRef(refOf(a))).Ref, true
		}
		out = append(out, e)
	}
	slices.SortStableFunc(out, func(a, b ended) int { return cmp.Compare(a.began, b.began) })
	return out
}

// seeEnded adds tries as evidence, the newest ones when they are many.
func seeEnded(rep *report, list []ended) *report {
	for i := max(0, len(list)-maxAttemptsShown); i < len(list); i++ {
		if list[i].silent {
			rep.seeRef(list[i].ref, "try of %s: no response", clock(list[i].began))
			continue
		}
		rep.seeRef(list[i].ref, "try of %s: %d at %s", clock(list[i].began), list[i].code, clock(list[i].ended))
	}
	return rep
}

// refused says whether a final code is a failure that a caller may have answered with another try: not a
// challenge, and not the end of a call that was given up.
func refused(code int) bool {
	return code >= 300 && code != 401 && code != 407 && code != 487
}
