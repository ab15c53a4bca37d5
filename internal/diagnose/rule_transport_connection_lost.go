package diagnose

import (
	"sipcause/internal/call"
	"sipcause/internal/wire"
)

// transportConnectionLost: a TCP connection was reset or closed while the server behind it still worked on a request
// (RFC 3261 §18.4): it had sent a provisional response, or it was the server that closed it in order, and no final response
// came.
func transportConnectionLost(x *Case) *report {
	e, r, ok := x.lostConnection()
	if !ok {
		return nil
	}
	t := x.Txn(r)
	last := t.Progress
	if last == call.None {
		last = t.Trying
	}
	said := call.MsgRef{Leg: r.Leg, Msg: last}
	since := "the request"
	if said.Valid() {
		since = x.statusLine(said)
	} else {
		said = x.RequestRef(r)
	}
	what := "was closed (FIN)"
	if e.Kind == wire.EventTCPReset {
		what = "was reset (RST)"
	}
	rep := x.report("transport.connection-lost", x.Absent(0.95, r, e.Time), "The TCP connection between %s and %s %s %s after %s, with the %s still open: its final response can no longer come that way.", t.Client, t.Server, what, shortTime(Seconds(x.Sighting(said).Time, e.Time)), since, x.methodOf(r)).
		do("Look on %s at that second: a process that crashed or was restarted, a connection limit, an application that hangs up without a response.", t.Server).
		do("If neither side says that it closed it: a firewall, NAT or load balancer between them ended the connection (idle timer, state table).").
		see(x.RequestRef(r), "the open %s", x.methodOf(r)).
		seeEvent(&e, "the connection %s", what)
	if said != x.RequestRef(r) {
		rep.see(said, "the last that came")
	}
	if d := x.DecidingRef(); d.Valid() {
		rep.see(d, "%d followed", x.Sighting(d).Status)
	}
	return rep.suspect(t.Server, call.RoleUnknown)
}

// lostConnection returns the event that ended the connection of a dead end while its request was open: after a provisional
// response, or by the server itself before its client had waited for as long as Timer B or F runs. A reset before any
// response is transport.unreachable.
func (x *Case) lostConnection() (call.Event, call.TxnRef, bool) {
	events := x.hopEvents(wire.EventTCPReset, wire.EventTCPClosed)
	if len(events) == 0 {
		return call.Event{}, call.TxnRef{}, false
	}
	for _, r := range x.deadEnds() {
		t := x.Txn(r)
		last := max(t.Request, t.Trying, t.Progress)
		if last == call.None {
			continue
		}
		silent := t.Trying == call.None && t.Progress == call.None
		for _, e := range events {
			if e.Flow.Dst != t.Server || e.Flow.Src.Addr() != t.Client.Addr() || e.Time <= x.Legs[r.Leg].Sightings[last].Time {
				continue
			}
			if !silent || e.Kind == wire.EventTCPClosed && e.From == t.Server.Addr() && e.Flow.Src == t.Client && Seconds(x.Start(r), e.Time) < call.TimerB.Seconds()-1 {
				return e, r, true
			}
		}
	}
	return call.Event{}, call.TxnRef{}, false
}
