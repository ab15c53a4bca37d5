package diagnose

import "sipcause/internal/call"

// routingMaxBreadth: 440, more parallel branches wanted than Max-Breadth allows (RFC 5393 §5).
func routingMaxBreadth(x *Case) *report {
	status, r, ok := x.deciding()
	if !ok || status != 440 {
		return nil
	}
	breadth := "no Max-Breadth"
	if m := x.Request(r); m != nil {
		if v := m.HeaderByName("Max-Breadth"); len(v) > 0 {
			breadth = "Max-Breadth " + call.Clean(v)
		}
	}
	return x.report("routing.max-breadth", 1, "%s would have to fork the %s into more branches than it may (%s): 440 %s.", x.originName(), x.methodOf(r), breadth, x.reasonOf(r)).
		do("Count the contacts and group members behind %s: a user with dozens of stale bindings, or groups within groups, fork too wide.", x.Target).
		do("Remove stale bindings, hunt one after another, or raise Max-Breadth at the first proxy (60 is usual).").
		see(x.RequestRef(r), "%s", breadth).
		see(x.DecidingRef(), "440")
}
