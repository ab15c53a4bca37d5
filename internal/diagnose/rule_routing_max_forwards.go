package diagnose

import (
	"strings"

	"sipcause/internal/call"
)

// fewForwards is the Max-Forwards below which a request began with too few rather than took too many hops.
const fewForwards = 10

// routingMaxForwards: 483, or a request whose Max-Forwards had come down to 0 and that then went unanswered
// (RFC 3261 §16.3 item 3). The hops that it took more than once are named.
func routingMaxForwards(x *Case) *report {
	for _, r := range x.stoppedAt() {
		if rep := x.maxForwardsAt(r); rep != nil {
			return rep
		}
	}
	return nil
}

func (x *Case) maxForwardsAt(r call.TxnRef) *report {
	t := x.Txn(r)
	m := x.Request(r)
	status := x.Status(r)
	left, known := 0, false
	if m != nil {
		left, known = m.MaxForwards()
	}
	confidence := 1.0
	switch {
	case status == 483 && known && left == 0:
	case status == 483 && x.meansDecline(x.FinalRef(r)):
		return nil // protocol.code-misuse
	case status == 483:
		confidence = 0.9 // an element further on may have counted it down
	case status == 0 && known && left == 0 && t.Parent != call.None: // counted down on the way, and then silence
		confidence = x.Absent(0.6, r, x.Ended)
	default:
		return nil
	}
	chain := x.chain(r)
	first := call.TxnRef{Leg: r.Leg, Txn: chain[0]}
	began, beganKnown := 0, false
	if req := x.Request(first); req != nil {
		began, beganKnown = req.MaxForwards()
	}
	rep := x.report("routing.max-forwards", confidence, "The %s ran out of hops at %s (%s)", t.Method, t.Server, x.forwards(r))
	if status == 0 {
		rep.add(" and got no answer")
	} else {
		rep.add(": 483 %s", x.reasonOf(r))
	}
	rep.add(".")
	c, round := x.cycleTo(r)
	sentBy, n := viaCycle(m)
	switch {
	case round:
		rep.add(" It went round: %s, %d time(s).", c.String(), c.rounds)
		uri, _, _ := x.requestURI(c.again)
		rep.do("Ask %s why it sends %s back to %s: look at its alias, forward and domain rules.", c.at[max(len(c.at)-2, 0)], uri, c.at[len(c.at)-1]).
			see(x.RequestRef(c.first), "%s", x.forwards(c.first)).
			see(x.RequestRef(c.again), "%s", x.forwards(c.again)).
			suspect(c.at[max(len(c.at)-2, 0)], call.RoleProxy)
	case n > 0:
		rep.add(" By its Via it had passed %s %d times.", sentBy, n).
			do("Look at the routing of %s for %s: the request comes back to it.", sentBy, x.Target)
	case beganKnown && began < fewForwards:
		rep.add(" It began with Max-Forwards %d only: %s allows it too few hops.", began, x.Txn(first).Client).
			do("Let %s begin with 70 (RFC 3261 §8.1.1.6), unless it counts hops on purpose, as traceroute-like tests do.", x.Txn(first).Client).
			suspect(x.Txn(first).Client, call.RoleUAC)
	default:
		rep.do("Capture at %s and the elements behind it: one that meets the request twice is on the circle.", t.Server).
			do("If %s forwards to itself (a name that it does not know as its own, an alias of its own address), give it that name as a local domain.", t.Server)
	}
	if way := x.way(chain, r.Leg); way != "" {
		rep.do("The way that it took in this capture: %s.", way)
	}
	if beganKnown && r != first {
		rep.see(x.RequestRef(first), "began with Max-Forwards %d", began)
	}
	rep.see(x.RequestRef(r), "%s", x.forwards(r))
	if status != 0 {
		rep.see(x.FinalRef(r), "483")
	}
	return rep
}

// maxWay bounds how many hops are printed.
const maxWay = 12

// way prints the hops of a chain, "" when it is only one.
func (x *Case) way(chain []int32, leg int) string {
	if len(chain) < 2 {
		return ""
	}
	txns := x.Legs[leg].Txns
	parts := []string{txns[chain[0]].Client.String()}
	for i, k := range chain {
		if i == maxWay {
			parts = append(parts, "…")
			break
		}
		parts = append(parts, txns[k].Server.String())
	}
	return strings.Join(parts, " -> ")
}
