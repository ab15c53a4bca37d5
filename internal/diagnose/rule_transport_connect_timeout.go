package diagnose

import (
	"sipcause/internal/call"
	"sipcause/internal/wire"
)

// transportConnectTimeout: a SYN that nobody answered, so that no SIP could be sent.
func transportConnectTimeout(x *Case) *report {
	events := x.hopEvents(wire.EventSYNTimeout)
	if len(events) == 0 {
		return nil
	}
	e := &events[0]
	rep := x.report("transport.connect-timeout", 0.95, "%s could not open a TCP connection to %s: its SYN was not answered for %.0f s, so no SIP was sent.", e.Flow.Src.Addr(), e.Flow.Dst, Seconds(e.Time, max(e.Until, e.Time))).
		do("From %s: can port %d of %s be reached (nc -vz)? No answer at all points to a firewall that drops, a wrong address, or a host that is down.", e.Flow.Src.Addr(), e.Flow.Dst.Port(), e.Flow.Dst.Addr()).
		do("If the server speaks UDP only, correct the transport (DNS SRV or NAPTR, transport= of the route).").
		seeEvent(e, "SYN without an answer")
	if d := x.DecidingRef(); d.Valid() {
		rep.see(d, "%d followed", x.Sighting(d).Status)
	}
	return rep.suspect(e.Flow.Dst, call.RoleUnknown)
}
