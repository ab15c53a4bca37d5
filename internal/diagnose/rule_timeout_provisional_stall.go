package diagnose

import (
	"sipcause/internal/call"
	"sipcause/internal/wire"
)

// stallPatience is how long a caller must have waited on nothing but 100 before a hang-up counts as giving up
// on a stall that cannot be told from an early change of mind, in seconds.
const stallPatience = 20.0

// ownTimer is the least that a proxy's timer for what has not rung yet counts as one for a stall, in seconds: shorter ones
// are there to try the next target.
const ownTimer = 10.0

// timeoutProvisionalStall: 100 only, then silence until Timer C or until the caller gave up
// (RFC 3261 §16.6 step 11, §16.8).
func timeoutProvisionalStall(x *Case) *report {
	try, ok := x.LastTry()
	if !ok {
		return nil
	}
	t := x.Txn(try)
	l := x.Lead()
	if t.Trying == call.None || t.Progress != call.None {
		return nil
	}
	stalled := try // the most downstream transaction that got no further than 100
	for {
		next, found := call.TxnRef{}, false
		for _, k := range x.Downstream(stalled) {
			n := x.Txn(k)
			ended := n.Final == call.None || n.Cancel != call.None && x.Status(k) == 487 // 487: to the CANCEL that ended the wait
			if n.Trying != call.None && n.Progress == call.None && ended {
				next, found = k, true
			}
		}
		if !found {
			break
		}
		stalled = next
	}
	cancel, at, cancelled := x.cancelled()
	var end wire.Time
	switch {
	case cancelled:
		end = at
	case t.Final == call.None:
		end = l.Sightings[t.Last].Time.Add(call.TimerC)
	case x.Code == 408 || x.Code == 487:
		end = x.FinalTime(try)
	default:
		return nil
	}
	waited := Seconds(l.Sightings[t.Trying].Time, end)
	least := call.TimerC.Seconds() - 1
	if stalled != try && x.Code == 408 {
		least = ownTimer // the element before it has a shorter timer of its own
	}
	if cancelled && waited < stallPatience || !cancelled && t.Final != call.None && waited < least {
		return nil
	}
	s := x.Txn(stalled)
	r := x.report("timeout.provisional-stall", x.Absent(0.9, stalled, end), "%s took the INVITE with 100 Trying and then nothing came for %.0f s: neither ringing nor a final response.", s.Server, waited).
		do("Look at %s, the last element seen working on the call: what did it do with the INVITE after its 100?", s.Server).
		do("Capture on its far side: an INVITE that leaves there names the next silent element; none means it is stuck itself (script, database, DNS).").
		see(call.MsgRef{Leg: stalled.Leg, Msg: s.Trying}, "100 Trying, the last that came from there")
	if cancelled {
		r.see(cancel, "the caller gave up")
	}
	if t.Final != call.None {
		r.see(x.Final, "%d after %.0f s", x.Code, waited)
	}
	return r.suspect(s.Server, call.RoleUnknown)
}
