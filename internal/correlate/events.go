package correlate

import (
	"cmp"
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/wire"
)

// eventSlack is how far outside a transaction's messages an event may still belong to it: SYNs precede the
// request, ICMP errors follow the last one.
const eventSlack = wire.Time(35 * second)

// bindEvents gives the legs of a call that failed the wire events of its hops: those about a request without a
// final response, and those about what the server of a failed request sent on while it worked on it.
func (b *builder) bindEvents(c *call.Call) {
	for _, l := range c.Legs {
		for i := range l.Txns {
			t := &l.Txns[i]
			status := l.FinalStatus(t)
			if status > 0 && status < 300 || t.Request == call.None {
				continue
			}
			begun, ended := l.Start(t), max(l.Sightings[t.Last].Time, t.LastResent)
			for _, e := range b.ledger.Events(t.Server.Addr(), begun-eventSlack, ended+eventSlack) {
				if status == 0 && overturned(&e, t) {
					e.Flow = e.Flow.Reverse()
				}
				about := status == 0 && e.Flow.Dst == t.Server && e.Flow.Src.Addr() == t.Client.Addr()
				behind := status > 0 && e.Flow.Src.Addr() == t.Server.Addr() && e.Flow.Dst.Addr() != t.Client.Addr() && e.Time >= begun && e.Time <= ended
				if behind && e.CallID == "" && awaited(c, t, e.Time) {
					continue
				}
				if (about || behind) && e.Concerns(l) {
					e.Txn = int32(i)
					l.Events = append(l.Events, e)
				}
			}
		}
		slices.SortStableFunc(l.Events, func(x, y call.Event) int { return cmp.Or(x.Ref.Compare(y.Ref), nearer(l, &x, &y)) })
		l.Events = slices.CompactFunc(l.Events, func(x, y call.Event) bool { return x.Ref == y.Ref && x.Kind == y.Kind })
	}
}

// awaited says whether the server of t waited just then for the answer to what it had sent on for t: what happens
// between it and others, and does not say for which call, is another call's.
func awaited(c *call.Call, t *call.Txn, at wire.Time) bool {
	for _, l := range c.Legs {
		for i := range l.Txns {
			u := &l.Txns[i]
			if u.Method != t.Method || u.Client.Addr() != t.Server.Addr() || u.Server == t.Server || u.Request == call.None || l.Start(u) > at {
				continue
			}
			if u.Final == call.None && l.Sightings[u.Last].Time >= at || u.Final != call.None && l.Sightings[u.Final].Time > at {
				return true
			}
		}
	}
	return false
}

// overturned says whether e ended the connection that t's request went over, which its server had opened: a user agent
// behind NAT is reached over the connection that it registered by (RFC 5626 §3.1).
func overturned(e *call.Event, t *call.Txn) bool {
	return (e.Kind == wire.EventTCPReset || e.Kind == wire.EventTCPClosed) && t.Transport.Reliable() &&
		e.Flow.Src == t.Server && e.Flow.Dst.Addr() == t.Client.Addr()
}

// nearer orders two bindings of one event: the transaction whose request it is about comes before the one whose server
// sent that on; of several on the same hop the last that had begun by then.
func nearer(l *call.Leg, x, y *call.Event) int {
	rank := func(e *call.Event) int {
		t := &l.Txns[e.Txn]
		switch about := e.Flow.Dst == t.Server; {
		case about && l.Start(t) <= e.Time:
			return 0
		case about:
			return 1
		}
		return 2
	}
	a, b := rank(x), rank(y)
	if a == 0 && b == 0 {
		return cmp.Compare(y.Txn, x.Txn)
	}
	return cmp.Compare(a, b)
}
