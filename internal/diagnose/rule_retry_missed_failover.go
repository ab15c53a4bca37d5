package diagnose

import (
	"net/netip"
	"slices"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/peer"
)

// failoverCodes allow another route (RFC 3261 §16.7 step 6, §21.5; 480 where a gateway made it).
var failoverCodes = []int{408, 480, 500, 502, 503, 504}

// routeLately is how long after its last call a target is still one of the proxy's routes: tables change.
const routeLately = 24 * time.Hour

// retryMissedFailover: a target failed with a code that allows another route; the same proxy had used another one
// for such numbers, and tried none.
func retryMissedFailover(x *Case) *report {
	for _, r := range x.stoppedAt() {
		t := x.Txn(r)
		status := x.Status(r)
		if t.Parent == call.None || status != 0 && !slices.Contains(failoverCodes, status) || t.Progress != call.None {
			continue
		}
		if status == 0 && !x.unanswered(r) {
			continue
		}
		if rep := x.missedFailover(r, status); rep != nil {
			return rep
		}
	}
	return nil
}

func (x *Case) missedFailover(r call.TxnRef, status int) *report {
	t := x.Txn(r)
	if try, ok := x.LastTry(); !ok || x.Txn(try).Cancel != call.None {
		return nil // the caller gave up first
	}
	if peer.LeadOf(number(x.To)) <= peer.LeadShort {
		return nil // an extension: its targets are the devices of one user
	}
	if status == 480 {
		if cause, _ := x.Q850(); cause == 17 || cause == 18 || cause == 19 || cause == 20 || cause == 21 {
			return nil // the network reached the callee's side
		}
	}
	if b := x.calleeBinding(r); b.state != peer.NeverSeen {
		return nil
	}
	targets := x.Ledger.Targets(t.Client, peer.Prefix(x.To), x.Start(r))
	callee := peer.Key(x.To)
	if !slices.ContainsFunc(targets, func(o peer.Target) bool { return o.Server == t.Server && o.OthersThan(callee, x.Start(r)) }) {
		return nil // a target of this one callee, not a route
	}
	for i := range targets {
		o := &targets[i]
		if o.Server == t.Server || !peer.Before(o.FirstAnswered, x.Start(r)) || !peer.Before(o.Several, x.Start(r)) || x.Start(r).Sub(o.Last) > routeLately || x.used(o.Server) {
			continue
		}
		what := "did not answer"
		if status != 0 {
			what = "answered " + x.attemptWords(&call.Attempt{Target: t.Server, Code: status, Leg: r.Leg, Txn: r.Txn, FinalMS: float64(x.FinalTime(r)-x.Start(r)) / 1e6})
		}
		confidence := 0.75 * (1 - x.Ledger.Missed(x.Start(r), x.Ended, t.Client.Addr(), o.Server.Addr()))
		if status == 0 {
			confidence = min(confidence, x.Absent(0.75, r, x.Ended))
		}
		rep := x.report("retry.missed-failover", confidence, "%s %s, which allows another route, and %s did not try one, although it had put calls to numbers beginning with %s through %s.", t.Server, what, t.Client, o.Prefix, o.Server).
			do("Look at the failover rules of %s: on which codes and timers does it go on to the next target of this set, and was %s marked as down?", t.Client, o.Server).
			do("Add %s as second route for numbers beginning with %s, unless cost or contract forbids it.", o.Server, o.Prefix).
			see(x.RequestRef(r), "the only target tried")
		if status != 0 {
			rep.see(x.FinalRef(r), "%d", status)
		}
		return rep.suspect(t.Client, call.RoleProxy)
	}
	return nil
}

// used says whether this call had gone to a server.
func (x *Case) used(server netip.AddrPort) bool {
	for _, t := range x.Txns() {
		if t.Server == server && !t.InDialog {
			return true
		}
	}
	return false
}
