package diagnose

import (
	"fmt"
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/peer"
	"sipcause/sip"
)

// noRouteWords are what servers and networks write when their tables had nothing for the destination.
var noRouteWords = []string{
	"no route", "no_route", "noroute", "route not found", "no matching route", "no dialplan", "no matching dial", "not in dialplan",
	"no gateway", "no carrier", "no lcr", "no rate", "no outbound", "no trunk", "no destination", "unroutable", "not routable",
}

// noRouteCodes are those whose words are believed; a cause is behind any code.
var noRouteCodes = []int{404, 480, 500, 502, 503, 604}

// routingNoRoute: Q.850 2 or 3, words saying that no route, gateway or rule was found for this destination, or a
// 404 for a user who is registered at the very server that sends it. A target that is there but down is
// server.unavailable.
func routingNoRoute(x *Case) *report {
	if cause, in, ok := x.announcement(2, 3); ok {
		return x.announced("routing.no-route", cause, in, fmt.Sprintf("There is no route to %s", number(x.To))).
			do("Look up %s in the routing table of the network that said so, or ask its operator.", number(x.To))
	}
	status, r, ok := x.deciding()
	if !ok {
		return nil
	}
	cause, in := x.Q850()
	byCause := cause == 2 || cause == 3
	words := x.Says(noRouteWords...)
	if !byCause && !words && status == 404 && cause < 0 {
		return x.noRouteToBound(r)
	}
	if !byCause && (!words || cause > 0 || !slices.Contains(noRouteCodes, status) && !slices.Contains(noRouteCodes, x.Code)) || !mappable(status) {
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

// noRouteToBound: the callee's device is registered at the server that answers 404 to the call: it knows the user, and
// its dial plan has nothing for the address.
func (x *Case) noRouteToBound(r call.TxnRef) *report {
	t := x.Txn(r)
	if t.Method != sip.MethodInvite || len(x.Downstream(r)) > 0 {
		return nil
	}
	b := x.calleeBinding(r)
	if b.state != peer.Bound || b.last.Server.Addr() != t.Server.Addr() {
		return nil
	}
	uri, _, _ := x.requestURI(r)
	return x.report("routing.no-route", 0.7, "%s is registered at %s, which answers 404 to a call for %s all the same: it has no route from this address to that device.", b.last.AOR, t.Server, uri).
		do("Look up %s in the dial plan of %s, in the context or domain that calls of %s enter: no extension or rule there leads to the device.", number(uri), t.Server, t.Client.Addr()).
		do("Add the rule, or correct the context of the caller's account.").
		seeRef(b.last.Ref, "%s is registered: %s", b.last.AOR, bindingWords(&b.last)).
		see(x.RequestRef(r), "the request for %s", uri).
		see(x.FinalRef(r), "404").
		acts(finding.ActsProxy)
}
