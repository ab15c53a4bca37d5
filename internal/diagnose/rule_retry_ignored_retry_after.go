package diagnose

import (
	"time"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/peer"
	"sipcause/sip"
)

// retryIgnoredRetryAfter: a peer that had asked with Retry-After to be left alone for some seconds was tried again sooner.
// In a 503 that is about the server as a whole, whatever the request (RFC 3261 §21.5.4), in other responses about the same
// callee. An OPTIONS asks whether the server is back.
func retryIgnoredRetryAfter(x *Case) *report {
	for k, l := range x.Legs {
		for i := range l.Txns {
			t := &l.Txns[i]
			if t.Method == sip.MethodAck || t.Method == sip.MethodCancel || t.Method == sip.MethodOptions || t.InDialog || t.Request == call.None {
				continue
			}
			r := call.TxnRef{Leg: k, Txn: int32(i)}
			if rep := x.ignoredBy(r, t); rep != nil {
				return rep
			}
		}
	}
	return nil
}

func (x *Case) ignoredBy(r call.TxnRef, t *call.Txn) *report {
	at := x.Start(r)
	asked := x.Ledger.RetryAfters(t.Server, at)
	for i := len(asked) - 1; i >= 0; i-- {
		a := &asked[i]
		if a.To.Addr() != t.Client.Addr() || a.Time.Add(time.Duration(a.Seconds)*time.Second) <= at || a.Seconds > maxRetryAfter {
			continue
		}
		if a.Code != 503 && !x.sameParties(a) {
			continue
		}
		rep := x.report("retry.ignored-retry-after", 0.95, "%s tried %s again %.1f s after its %d had asked for %d s (Retry-After).", t.Client, t.Server, Seconds(a.Time, at), a.Code, a.Seconds).
			do("Let %s keep away from %s for the time that a Retry-After names, and use another route meanwhile.", t.Client, t.Server).
			do("If another process or line of %s sent it: they have to share what the peer asked for.", t.Client.Addr()).
			seeRef(a.Ref, "%d with Retry-After: %d", a.Code, a.Seconds).
			see(x.RequestRef(r), "tried again, %.1f s later", Seconds(a.Time, at)).
			suspect(t.Client, call.RoleUnknown)
		if !x.Failed() {
			rep.severity(finding.Info)
		}
		return rep
	}
	return nil
}

// maxRetryAfter is the Retry-After, in seconds, beyond which it is taken for a mistake: a day.
const maxRetryAfter = 86400

// sameParties says whether a Retry-After was given to this caller's try to reach the same callee.
func (x *Case) sameParties(a *peer.RetryAfter) bool {
	if a.CallID == x.ID {
		return true
	}
	for _, p := range x.Ledger.Attempts(x.From, x.To, x.Began) {
		if p.Ref == a.Ref {
			return true
		}
	}
	return false
}
