package diagnose

import (
	"slices"

	"sipcause/internal/call"
)

// gatewayWait is how long a gateway must have waited before its 408, 500 or 503 tells of a timer, in seconds.
const gatewayWait = 4.0

// longWait is from when on a wait tells of a timer even without words, in seconds: nobody thinks that long about a
// refusal of his own.
const longWait = 10.0

// timeoutDownstream: 504, or 408, 500, 503 of a gateway that had waited on an element behind it: Q.850 102
// (recovery on timer expiry) or words that say so (RFC 3261 §21.5.5, RFC 3398 §7.2.4.1).
func timeoutDownstream(x *Case) *report {
	d, ok := x.DecidingTxn()
	if !ok {
		return nil
	}
	ref := x.DecidingRef()
	code := int(x.Sighting(ref).Status)
	if _, silent := x.silentNext(); silent && code == 408 {
		return nil // the silent hop is in the capture: timeout.request names it
	}
	waited := Seconds(x.Start(d), x.FinalTime(d))
	cause, in := x.Q850()
	if !slices.Contains([]int{408, 500, 503, 504}, code) && cause != 102 {
		return nil
	}
	if elsewhereCause(cause) {
		return nil // the network says that it was no timer
	}
	confidence := 0.0
	why := ""
	switch {
	case cause == 102:
		confidence, why = 0.95, "Q.850 cause 102, recovery on timer expiry"
	case code == 504 && waited >= 1:
		confidence, why = 0.9, "504 after a wait"
	case code == 504:
		confidence, why = 0.6, "504"
	case waited >= gatewayWait && x.Says("timeout", "timed out", "time-out", "time out"):
		confidence, why = 0.8, "its words say timeout"
	case (code == 500 || code == 503) && waited >= longWait && x.Txn(d).Progress == call.None && !outageCauses[cause] && !fullCauses[cause]:
		confidence, why = 0.6, "so long a wait with nothing but silence before it tells of a timer"
	default:
		return nil
	}
	t := x.Txn(d)
	if x.Origin != nil && x.Origin.Role == call.RoleTimer {
		confidence = min(confidence, 0.8)
	}
	because := "because"
	if confidence <= 0.6 {
		because = "most likely because"
	}
	r := x.report("timeout.downstream", confidence, "%s answered %s after %s %s an element behind it did not answer in time (%s).", t.Server, x.answer(), shortTime(waited), because, why).
		do("Ask the operator of %s which element it was waiting for: that one is silent, overloaded or unreachable.", t.Server).
		do("Send calls to another route meanwhile if there is one.").
		see(ref, "%d after %.1f s", code, waited)
	if waited < leastWait && !x.Began.Ordinal() {
		r.add(" In so short a time it waited for nobody itself: it knew that already, or passes it on.")
	}
	if in.Valid() && in != ref {
		r.see(in, "Reason: Q.850;cause=%d", cause)
	}
	return r
}
