package diagnose

import (
	"time"

	"sipcause/internal/call"
	"sipcause/sip"
)

// leastWait is what waiting for a silent hop takes at least, in seconds: T1 (RFC 3261 §17.1.1.1), before which not even
// the first retransmission is due.
const leastWait = 0.5

// timeoutRequest: 408 made by a hop that got nothing final from the next one (RFC 3261 §16.7, §21.4.9).
func timeoutRequest(x *Case) *report {
	if r, waited, ok := x.proxyGaveUp(); ok {
		return x.gaveUpOn(r, waited)
	}
	d, ok := x.DecidingTxn()
	ref := x.DecidingRef()
	if !ok || x.Sighting(ref).Status != 408 {
		return nil
	}
	if _, ns, rang := x.progressing(); rang && ns >= int64(call.LongRing) {
		return nil // it rang: nobody answered
	}
	t := x.Txn(d)
	waited := Seconds(x.Start(d), x.FinalTime(d))
	next, known := x.silentNext()
	if cause, _ := x.Q850(); !known && (elsewhereCause(cause) || outageCauses[cause]) {
		return nil // the network names what it was
	}
	if !known {
		if waited < leastWait && !x.Began.Ordinal() {
			return x.report("timeout.request", 0.5, "%s answered 408 after only %s: nobody was waited for in that time, so it knew already that its next hop does not answer (a blocked or dead target, a lost connection, a device gone), or passes on what an element behind it said.", t.Server, shortTime(waited)).
				do("Look in the log of %s why it answered at once: which target it had, and whether that was marked dead or its connection gone.", t.Server).
				do("Capture behind %s: a request that leaves there and its answer, or none, tell the rest.", t.Server).
				see(ref, "408 after %s", shortTime(waited))
		}
		r := x.report("timeout.request", 0.6, "%s gave up after %.1f s with 408: an element behind it did not answer, and this capture does not show which.", t.Server, waited).
			do("Capture on %s towards its next hop: the request that leaves there without an answer names the silent element.", t.Server).
			do("Check that the next hop %s is configured for is up and reachable from it.", t.Server).
			see(ref, "408 after %.1f s", waited)
		return r
	}
	n := x.Txn(next)
	silence := Seconds(x.Start(next), x.FinalTime(d))
	until := x.FinalTime(d)
	confidence := x.Absent(0.95, next, until)
	answered := "sent nothing back"
	switch {
	case n.Progress != call.None:
		answered = "sent only provisional responses"
	case n.Trying != call.None:
		answered = "sent only 100 Trying"
	}
	method := n.Method
	r := x.report("timeout.request", confidence, "%s waited %.1f s for %s, which %s to the %s, and then answered 408 itself.", t.Server, silence, n.Server, answered, method).
		do("Check %s: is it up, and does its own log or a capture on it show the %s arriving?", n.Server, method)
	if method == sip.MethodInvite && n.Trying == call.None && n.Progress == call.None {
		r.do("If the request arrives there, look for the way back: its responses must reach %s.", n.Client)
	}
	return r.do("Let %s fail over sooner than %.0f s if it has another target.", t.Server, silence).
		see(x.RequestRef(next), "sent to the silent hop, %d times in all", n.Resent+1).
		see(ref, "408 made by %s", t.Server).
		suspect(n.Server, call.RoleUnknown)
}

// gaveUpOn is timeoutRequest of a hop that cancelled a branch which had sent nothing but 100.
func (x *Case) gaveUpOn(r call.TxnRef, waited time.Duration) *report {
	t := x.Txn(r)
	if t.Progress != call.None {
		return nil // it rang: timeout.no-answer
	}
	return x.report("timeout.request", 0.9, "%s waited %.1f s for %s, which sent only 100 Trying, then cancelled the INVITE there and answered %d %s itself.", t.Client, waited.Seconds(), t.Server, x.Code, x.Reason).
		do("Look at %s: what did it do with the INVITE after its 100? Capture on its far side: an INVITE that leaves there names the next silent element.", t.Server).
		do("If %s only needs longer (post-dial delay of mobile and international calls reaches ten seconds): raise the timer of %s for the time until the first ringing.", t.Server, t.Client).
		see(x.RequestRef(r), "sent to the slow hop").
		see(x.RequestRef(call.TxnRef{Leg: r.Leg, Txn: t.Cancel}), "given up").
		see(x.Final, "%d made by %s", x.Code, t.Client).
		suspect(t.Server, call.RoleUnknown)
}
