package diagnose

import (
	"fmt"
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/wire"
)

// transportUnreachable: ICMP says that a hop cannot be reached, or TCP was refused or reset there.
func transportUnreachable(x *Case) *report {
	events := x.hopEvents(wire.EventICMP, wire.EventTCPRefused, wire.EventTCPReset)
	if lost, _, ok := x.lostConnection(); ok {
		events = slices.DeleteFunc(events, func(e call.Event) bool { return e.Ref == lost.Ref && e.Kind == lost.Kind })
	}
	if len(events) == 0 {
		return nil
	}
	e := &events[0]
	dst := e.Flow.Dst
	rep := x.report("transport.unreachable", 1, "%s cannot reach %s: %s.", e.Flow.Src, dst, unreachableWords(e)).
		do("%s", unreachableCheck(e)).
		do("Correct the address that %s uses for its next hop (DNS, dispatcher, trunk) if %s is not the one that was meant.", e.Flow.Src.Addr(), dst)
	for i := range events {
		if i == maxEventsShown {
			break
		}
		rep.seeEvent(&events[i], "%s", unreachableWords(&events[i]))
	}
	if d := x.DecidingRef(); d.Valid() {
		rep.see(d, "%d followed", x.Sighting(d).Status)
	}
	return rep.suspect(dst, call.RoleUnknown)
}

const maxEventsShown = 4

func unreachableWords(e *call.Event) string {
	switch e.Kind {
	case wire.EventTCPRefused:
		return "the TCP connection was refused (RST in answer to SYN)"
	case wire.EventTCPReset:
		return "the TCP connection was reset"
	case wire.EventSYNTimeout:
		return "its SYN was not answered"
	}
	return fmt.Sprintf("ICMP %s from %s", e.Detail, e.From)
}

// unreachableCheck is the first thing to look at, by what was reported.
func unreachableCheck(e *call.Event) string {
	port := fmt.Sprintf("On %s: is a SIP server running and listening on port %d (ss -lnp), on this address and transport?", e.Flow.Dst.Addr(), e.Flow.Dst.Port())
	if e.Kind != wire.EventICMP {
		return port
	}
	const adminV4, adminV6 = 13, 1 // RFC 1812 §5.2.7.1, RFC 4443 §3.1
	switch {
	case !e.V6 && e.Code == 3, e.V6 && e.Code == 4:
		return port
	case !e.V6 && (e.Code == 9 || e.Code == 10 || e.Code == adminV4), e.V6 && e.Code == adminV6:
		return fmt.Sprintf("%s forbids it: look for a firewall rule there for %s.", e.From, e.Flow.Dst)
	}
	return fmt.Sprintf("Ask %s, which reported it, for its route to %s: the host or network is down or has no route.", e.From, e.Flow.Dst.Addr())
}
