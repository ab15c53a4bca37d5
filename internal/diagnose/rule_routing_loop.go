package diagnose

import (
	"sipcause/internal/call"
	"sipcause/sip"
)

// routingLoop: 482 of an element that had had the request before, or a request that went over one hop twice with
// nothing changed that routing goes by (RFC 3261 §16.3 item 4). A spiral, which comes back changed, is no loop.
func routingLoop(x *Case) *report {
	if !x.Failed() {
		return x.loopRecorded()
	}
	if d, ok := x.DecidingTxn(); ok && x.Status(d) == 482 {
		return x.loop482(d)
	}
	for _, r := range x.stoppedAt() {
		if rep := x.loopSeen(r); rep != nil {
			return rep
		}
		if c, ok := x.cycleTo(r); ok && c.same && x.Status(r) == 483 {
			return x.loopAdvice(x.report("routing.loop", 0.95, "The %s goes round in a circle: %s. It came back with the same Request-URI until its Max-Forwards was used up.", x.methodOf(r), c.String()), &c).
				see(x.FinalRef(r), "483")
		}
	}
	return nil
}

// loop482 reads what the capture shows behind a 482.
func (x *Case) loop482(d call.TxnRef) *report {
	t := x.Txn(d)
	if c, ok := x.cycleTo(d); ok {
		confidence := 1.0
		if !c.same {
			confidence = 0.9
		}
		rep := x.report("routing.loop", confidence, "The %s goes round in a circle: %s. %s noticed and answered 482.", t.Method, c.String(), t.Server)
		return x.loopAdvice(rep, &c).see(x.FinalRef(d), "482")
	}
	if sentBy, n := viaCycle(x.Request(d)); n > 0 {
		return x.report("routing.loop", 0.9, "The %s had passed %s %d times when it reached %s, which answered 482: it goes round in a circle.", t.Method, sentBy, n, t.Server).
			do("Read the Via header fields of frame %d from the bottom: they are the way it took.", x.Sighting(x.RequestRef(d)).Ref.Number).
			do("Look at the routing of %s for %s: it must not lead back there (wrong alias, domain not known as its own, two proxies that name each other as next hop).", sentBy, x.Target).
			see(x.RequestRef(d), "%s stands %d times in its Via", sentBy, n).
			see(x.FinalRef(d), "482")
	}
	if _, merged := x.mergedWith(d); merged {
		return nil
	}
	return x.report("routing.loop", 0.45, "%s answered 482: it had seen this request before, either because it went round in a circle or because it arrived by two paths; this capture shows neither.", t.Server).
		do("Capture at %s: a second copy of the request there, with its own address further down in the Via, is a loop; one with other Via entries and the same Call-ID, CSeq and From tag is a request forked upstream.", t.Server).
		do("Check that the routing for %s does not lead back to an element which already had the request.", x.Target).
		see(x.RequestRef(d), "the request").
		see(x.FinalRef(d), "482")
}

// loopSeen finds a hop that the request took twice, unchanged.
func (x *Case) loopSeen(r call.TxnRef) *report {
	chain := x.chain(r)
	txns := x.Legs[r.Leg].Txns
	for j := len(chain) - 1; j > 0; j-- {
		b := &txns[chain[j]]
		for i := j - 1; i >= 0; i-- {
			a := &txns[chain[i]]
			if a.Server != b.Server || a.Client.Addr() != b.Client.Addr() {
				continue
			}
			c := x.cycleOf(r.Leg, chain, i, j)
			if !c.same {
				break
			}
			rep := x.report("routing.loop", 1, "The %s goes round in a circle: %s. It took that hop %d times with the same Request-URI.", b.Method, c.String(), c.rounds+1)
			x.loopAdvice(rep, &c)
			if d := x.DecidingRef(); d.Valid() {
				rep.see(d, "%d ended it", x.Sighting(d).Status)
			}
			return rep
		}
	}
	return nil
}

// loopAdvice adds what holds for every loop whose elements are known.
func (x *Case) loopAdvice(rep *report, c *cycle) *report {
	turn := c.at[0] // who sends it the wrong way: the element before the one that had it already
	if len(c.at) > 1 {
		turn = c.at[len(c.at)-2]
	}
	uri, _, _ := x.requestURI(c.again)
	if !c.same {
		if before, _, ok := x.requestURI(c.first); ok && before != uri {
			rep.add(" Its Request-URI had become %s instead of %s.", uri, before)
		}
	}
	return rep.do("Ask %s why it sends %s to %s, which had it already: alias or domain that it does not know as its own, forward to the caller's side, two proxies that name each other as next hop.", turn, uri, c.at[len(c.at)-1]).
		do("Give each of the elements one rule that takes the request out of the circle.").
		see(x.RequestRef(c.first), "first time at %s, %s", x.Txn(c.first).Server, x.forwards(c.first)).
		see(x.RequestRef(c.again), "again at %s, %s", x.Txn(c.again).Server, x.forwards(c.again)).
		suspect(turn, call.RoleProxy)
}

// forwards words a request's Max-Forwards.
func (x *Case) forwards(r call.TxnRef) string {
	if m := x.Request(r); m != nil && m.Count(sip.HeaderMaxForwards) > 0 {
		return "Max-Forwards " + call.Clean(m.Header(sip.HeaderMaxForwards))
	}
	return "no Max-Forwards"
}

// leastRounds is how often a request has to have passed a proxy for a circle: a spiral may come back once or twice.
const leastRounds = 3

// loopRecorded finds a circle in the Record-Route header fields of a request of which the capture shows no answer.
func (x *Case) loopRecorded() *report {
	if x.Outcome != call.Ongoing && x.Outcome != call.Unknown {
		return nil
	}
	try, ok := x.LastTry()
	if !ok || x.Status(try) != 0 {
		return nil
	}
	m := x.Request(try)
	if m == nil {
		return nil
	}
	by, most := "", 0
	times := map[string]int{}
	for rr := range m.RecordRoutes() {
		if uri := string(rr.URI); len(times) < maxChain {
			if times[uri]++; times[uri] > most {
				by, most = uri, times[uri]
			}
		}
	}
	if most < leastRounds {
		return nil
	}
	return x.report("routing.loop", 0.85, "The %s has passed %s %d times: it stands as often in the Record-Route, so the request goes round in a circle.", x.methodOf(try), call.CleanString(by), most).
		do("Look at the routing of %s for %s: it must not lead back there (wrong alias, domain or address not known as its own).", call.CleanString(by), x.Target).
		do("Let it answer 483 when Max-Forwards is used up, and 482 when it finds itself in the Via.").
		see(x.RequestRef(try), "the same Record-Route %d times", most)
}
