package correlate

import (
	"sipcause/internal/call"
	"sipcause/internal/peer"
	"sipcause/sip"
)

// unanswered tells the ledger of the call's requests that had no response at all: of every OPTIONS, of others once for each
// way of a leg. A request that its sender may still wait for, or that it cancelled, tells nothing.
func (b *builder) unanswered(c *call.Call) {
	for k, l := range c.Legs {
		for i := range l.Txns {
			t := &l.Txns[i]
			provisional := t.Trying != call.None || t.Progress != call.None
			if provisional && t.Final == call.None || t.Final != call.None && l.MidCall {
				b.ledger.AddHeard(t.Server, t.Client.Addr())
			}
			if provisional || t.Final != call.None || t.Request == call.None || t.Method == sip.MethodAck ||
				t.Method == sip.MethodCancel || t.Cancel != call.None || l.Evicted ||
				t.Resent < 3 && b.end.Sub(l.Start(t)) < call.TimerB {
				continue
			}
			came := heard(l, t)
			if came {
				b.ledger.AddHeard(t.Server, t.Client.Addr())
			}
			if k == 0 && !came && l.Kind == call.KindCall && t.Method == sip.MethodInvite && !t.InDialog && t.Parent == call.None {
				b.ledger.AddAttempt(peer.Pair(peer.Key(c.From), peer.Key(c.To)), peer.Attempt{
					Time: l.Start(t), Ended: max(t.LastResent, l.Start(t)), Ref: l.Sightings[t.Request].Ref, CallID: l.CallID, Server: t.Server,
				})
			}
			ping := t.Method == sip.MethodOptions && !t.InDialog
			first := !came && !before(l, i)
			if !first && !ping {
				continue
			}
			b.ledger.AddUnanswered(peer.Unanswered{
				Client: t.Client.Addr(), Server: t.Server, Time: l.Start(t), Ref: l.Sightings[t.Request].Ref,
				Options: ping, First: first, Retried: t.Resent > 0, Followed: followed(l, t),
			})
		}
	}
}

// heard says whether anything of the leg came back from the server's host to the client's.
func heard(l *call.Leg, t *call.Txn) bool {
	for i := range l.Flows {
		if f := &l.Flows[i]; f.Src.Addr() == t.Server.Addr() && f.Dst.Addr() == t.Client.Addr() {
			return true
		}
	}
	return false
}

// before says whether an earlier transaction of the leg went the same way.
func before(l *call.Leg, i int) bool {
	for k := range i {
		if l.Txns[k].Server == l.Txns[i].Server && l.Txns[k].Client.Addr() == l.Txns[i].Client.Addr() {
			return true
		}
	}
	return false
}

// followed says whether the client went on as if the server had answered: with a To tag that it must have learned.
func followed(l *call.Leg, t *call.Txn) bool {
	if t.Method != sip.MethodInvite || t.InDialog {
		return false
	}
	if t.Ack != call.None {
		return true
	}
	for i := range l.Txns {
		if o := &l.Txns[i]; o.Client.Addr() == t.Client.Addr() && o.Server.Addr() == t.Server.Addr() && o.InDialog {
			return true
		}
	}
	return false
}
