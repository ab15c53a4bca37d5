package diagnose

import (
	"fmt"

	"sipcause/internal/call"
	"sipcause/internal/wire"
)

// transportNoResponse: a request sent again and again, or for as long as Timer B or F runs, with not one
// response from that hop and nothing else that explains it (RFC 3261 §17.1.1.2, §17.1.2.2).
func transportNoResponse(x *Case) *report {
	if len(x.hopEvents(wire.EventICMP, wire.EventTCPReset, wire.EventTCPRefused, wire.EventSYNTimeout)) > 0 {
		return nil
	}
	for _, r := range x.deadEnds() {
		if x.unanswered(r) {
			if rep := x.noResponse(r); rep != nil {
				return rep
			}
		}
	}
	return nil
}

func (x *Case) noResponse(r call.TxnRef) *report {
	t := x.Txn(r)
	until := x.Ended
	d, decided := x.DecidingTxn()
	if decided {
		until = x.FinalTime(d)
	}
	waited := Seconds(x.Start(r), until)
	confidence := 0.95
	switch {
	case t.Resent > 0 || waited >= call.TimerB.Seconds()-1:
	case t.Transport == wire.UDP:
		confidence = 0.45 // over UDP an unanswered request is repeated: this one was answered unseen, or its sender gave up
	default:
		confidence = 0.7
	}
	sent := "once"
	if t.Resent > 0 {
		sent = fmt.Sprintf("%d times in %.1f s", t.Resent+1, Seconds(x.Start(r), t.LastResent))
	}
	confidence = x.Absent(confidence, r, until)
	lost, between := x.lostBetween(x.RequestRef(r))
	if between {
		confidence = 1
	}
	rep := x.report("transport.no-response", confidence, "%s sent the %s to %s %s and not one response came back.", t.Client, x.methodOf(r), t.Server, sent)
	if between {
		rep.add(" It left %s and never reached %s.", lost.from, lost.to).
			do("Look at what is between the capture points %s and %s: firewall rules, routes and interface counters for packets from %s to %s.", lost.from, lost.to, t.Client, t.Server)
	} else {
		rep.do("Capture on %s: does the %s arrive there?", t.Server.Addr(), x.methodOf(r)).
			do("If it does not: routing, firewall or address between %s and %s; check that %s is what was meant.", t.Client.Addr(), t.Server.Addr(), t.Server).
			do("If it arrives and is answered: the way back is broken (NAT, firewall, response sent to another address). If it arrives and is not answered: the server process is down or overloaded.")
	}
	rep.see(x.RequestRef(r), "the request, sent %s", sent)
	if decided && d != r {
		rep.see(x.DecidingRef(), "%s gave up after %.1f s", x.Txn(d).Server, waited)
	}
	if n := x.Lead(); n.Evicted {
		rep.f.Confidence /= 2
	}
	return rep.suspect(t.Server, call.RoleUnknown)
}
