package diagnose

import "fmt"

// noRouteWords are what servers and networks write when their tables had nothing for the destination.
var noRouteWords = []string{
	"no route", "no_route", "noroute", "route not found", "no matching route", "no dialplan", "no matching dial", "not in dialplan",
	"no gateway", "no carrier", "no lcr", "no rate", "no outbound", "no trunk", "no destination", "unroutable", "not routable",
}

// routingNoRoute: Q.850 2 or 3, or words saying that no route, gateway or rule was found for this destination.
// A target that is there but down is server.unavailable.
func routingNoRoute(x *Case) *report {
	status, r, ok := x.deciding()
	if !ok {
		return nil
	}
	cause, in := x.Q850()
	byCause := cause == 2 || cause == 3
	words := x.Says(noRouteWords...)
	if !byCause && (!words || cause > 0) {
		return nil
	}
	if !byCause && status >= 500 && x.Says("available", "active", "alive", "reachable") {
		return nil // the targets are known and down
	}
	confidence, why := 0.8, "by its words"
	if byCause {
		confidence, why = 0.95, fmt.Sprintf("cause %d, %s", cause, causeName(cause))
	}
	t := x.Txn(r)
	dialled := number(x.To)
	if text, _, ok := x.requestURI(r); ok {
		dialled = number(text)
	}
	rep := x.report("routing.no-route", confidence, "%s has no route to %s: %d %s (%s).", x.originName(), dialled, status, x.reasonOf(r), why).
		do("Look up %s in the routing table of %s (dial plan, LCR, dispatcher set, carrier's prefixes): which rule should have matched?", dialled, t.Server)
	if cause == 2 {
		rep.do("Cause 2 is about the transit network chosen: check the carrier selection code or the trunk group in the request.")
	}
	if works := x.answeredPrefix(r); works != "" {
		rep.do("Calls to numbers beginning with %s are put through there: compare that rule with the one for this number.", works)
	}
	rep.do("Add the route, or send such calls elsewhere; a number in the wrong form (country code, prefix) also matches nothing.").
		see(x.RequestRef(r), "the request").
		see(x.DecidingRef(), "%d %s", status, x.reasonOf(r))
	if in.Valid() && in != x.DecidingRef() {
		rep.see(in, "Reason: Q.850;cause=%d", cause)
	}
	return rep
}
