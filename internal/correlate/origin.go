package correlate

import (
	"math"

	"sipcause/internal/call"
	"sipcause/sip"
)

// findOrigin follows the deciding response from the caller downstream to the element that made it: the most
// downstream one seen sending a failing response that did not itself receive one for the same request.
func (b *builder) findOrigin(c *call.Call) {
	l := c.Legs[0]
	r := call.TxnRef{Txn: l.Sightings[c.Final.Msg].Txn}
	if r.Txn == call.None {
		return
	}
	o := &b.origin
	seen := r
	*o = call.Origin{Confidence: 1, Evidence: o.Evidence[:0], Alternatives: o.Alternatives[:0]}
	c.Origin = o
	b.prose.reset()
	if !b.follow(c, o, &r) {
		b.passedOn(c, seen, r)
		b.madeBy(c, o, r)
	}
	o.Confidence = math.Round(o.Confidence*100) / 100
	o.Evidence, o.Alternatives = b.prose.lists(o.Evidence, o.Alternatives)
}

// follow moves r to the transaction whose server made the response. It returns true when that is known to be
// somebody else: who cancelled.
func (b *builder) follow(c *call.Call, o *call.Origin, r *call.TxnRef) bool {
	for hop := range maxHops {
		t := &c.Legs[r.Leg].Txns[r.Txn]
		if t.Final == call.None {
			break
		}
		code := c.Legs[r.Leg].FinalStatus(t)
		o.Msg = call.MsgRef{Leg: r.Leg, Msg: t.Final}
		if code == 487 {
			if end := c.Legs[r.Leg].EndedBy(r.Txn); end != call.None {
				b.canceller(c, o, *r, end, hop)
				return true
			}
		}
		next, ok := b.relayed(c, *r, code)
		if !ok {
			next, ok = b.relayedUnasked(c, *r, code)
		}
		if !ok {
			break
		}
		if next.Leg != r.Leg {
			o.Confidence *= linkConfidence(c, next.Leg)
		}
		if c.Legs[next.Leg].FinalStatus(&c.Legs[next.Leg].Txns[next.Txn]) != code {
			o.Confidence *= 0.9
		}
		*r = next
	}
	return false
}

func linkConfidence(c *call.Call, leg int) float64 {
	for _, k := range c.Links {
		if k.To == c.Legs[leg].CallID {
			return k.Confidence
		}
	}
	return 1
}

// canceller names who sent the CANCEL, or the early BYE, behind a 487: the origin of a 487 is who gave up.
func (b *builder) canceller(c *call.Call, o *call.Origin, r call.TxnRef, end int32, hop int) {
	l := c.Legs[r.Leg]
	t := &l.Txns[r.Txn]
	o.Address, o.Role, o.Code = t.Client, call.RoleUAC, 487
	if hop > 0 {
		o.Role = call.RoleProxy
	}
	cancel := &l.Txns[end]
	if cancel.Request != call.None {
		verb := " sent CANCEL in frame "
		if cancel.Method == sip.MethodBye {
			verb = " sent BYE in frame "
		}
		b.prose.addr(t.Client).text(verb).number(l.Sightings[cancel.Request].Ref.Number).evidence()
	}
}

// relayed finds the downstream transaction whose final response the server of r passed on (or turned into
// code), and says what that rests on. ok is false when the response was made here.
func (b *builder) relayed(c *call.Call, r call.TxnRef, code int) (next call.TxnRef, ok bool) {
	l := c.Legs[r.Leg]
	t := &l.Txns[r.Txn]
	at := l.Sightings[t.Final].Time
	// The first that was silent and the last of the others count.
	none := call.TxnRef{Txn: call.None}
	same, other, silent, asked := none, none, none, none
	answered := false
	b.refs = c.AppendDownstream(b.refs[:0], r)
	for _, k := range b.refs {
		kl := c.Legs[k.Leg]
		kt := &kl.Txns[k.Txn]
		switch st := kl.FinalStatus(kt); {
		case kl.Start(kt) > at:
		case st == 0 || kl.Sightings[kt.Final].Time > at:
			if silent == none {
				silent = k
			}
		case st == code:
			same = k
		case st < 300:
			answered = true
		case st == 401 || st == 407:
			asked = k
		case other == none || st/100 == code/100 || c.Status(other)/100 != code/100:
			other = k // of several, one of the code's own class: a proxy makes 500 of 503, not of 404
		}
	}
	if other == none && !answered {
		other = asked // a challenge is met by another try; the last one was not
	}
	p := &b.prose
	switch {
	case same != none:
		p.addr(t.Server).text(" relayed the ").number(uint64(code)).text(" of ").addr(c.Txn(same).Server).evidence()
		return same, true
	case silent != none:
		b.silence(c, t.Server, silent, at)
	case other != none:
		p.addr(t.Server).text(" received ").number(uint64(c.Status(other))).text(" from ").addr(c.Txn(other).Server).
			text(" and answered ").number(uint64(code)).text(" upstream").evidence()
		return other, true
	case answered:
		p.addr(t.Server).text(" answered ").number(uint64(code)).text(" although a branch had succeeded").evidence()
	}
	return next, false
}

// relayedUnasked is relayed where no request was captured: the hop below sent the same response, by its To tag, before.
func (b *builder) relayedUnasked(c *call.Call, r call.TxnRef, code int) (next call.TxnRef, ok bool) {
	l := c.Legs[r.Leg]
	t := &l.Txns[r.Txn]
	if t.Request != call.None {
		return next, false
	}
	for k := range l.Txns {
		o := &l.Txns[k]
		if o.Request != call.None || o.Final == call.None || o.Method != t.Method || o.CSeq != t.CSeq || o.Client.Addr() != t.Server.Addr() || l.FinalStatus(o) != code || o.Final >= t.Final {
			continue
		}
		n := call.TxnRef{Leg: r.Leg, Txn: int32(k)}
		if sameTag(c.Msg(call.MsgRef{Leg: r.Leg, Msg: t.Final}), c.Msg(call.MsgRef{Leg: r.Leg, Msg: o.Final})) {
			b.prose.addr(t.Server).text(" relayed the ").number(uint64(code)).text(" of ").addr(o.Server).evidence()
			return n, true
		}
	}
	return next, false
}
