package correlate

import (
	"sipcause/internal/call"
	"sipcause/internal/peer"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// builder makes calls of legs, one after the other in the same memory. It is used by one goroutine.
type builder struct {
	call   call.Call
	origin call.Origin
	reg    call.Registration
	names  names
	refs   []call.TxnRef // scratch
	prose  prose         // of origin
	ledger *peer.Ledger
	end    wire.Time // event time up to which the capture was read
	look   bool      // the legs may be open, and the ledger is told nothing
}

// build makes the call of a complete group. legs are in order of their beginning. The call is valid until the next
// one is built.
func (b *builder) build(legs []*call.Leg, links []call.Link) *call.Call {
	l := legs[0]
	c := &b.call
	c.Reset()
	c.ID, c.Kind, c.Began, c.Final = l.CallID, l.Kind, l.Began, call.NoMsg
	c.From, c.To, c.Target, c.UserAgent = l.Head.From, l.Head.To, l.Head.Target, l.Head.UserAgent
	c.Legs, c.Links = append(c.Legs, legs...), append(c.Links, links...)
	for _, leg := range legs {
		c.Began, c.Ended = min(c.Began, leg.Began), max(c.Ended, leg.Ended)
		if leg.Evicted {
			c.Gaps = append(c.Gaps, wire.Gap{Kind: wire.GapEvicted, From: leg.Ended, Until: leg.Ended, Where: leg.CallID})
		}
		if leg.Dropped > 0 {
			c.Gaps = append(c.Gaps, wire.Gap{Kind: wire.GapEvicted, From: leg.Began, Until: leg.Ended, Where: leg.CallID, Lost: uint64(leg.Dropped)})
		}
	}
	tries := l.Tries()
	c.Challenge = challenges(l, tries)
	if d, ok := decisive(l, tries); ok {
		b.outcome(c, l, d)
		timings(&c.Timings, l, tries, d)
	}
	b.attempts(c, tries)
	if c.Final.Valid() && c.Outcome.Bad() {
		b.findOrigin(c)
	}
	if c.Outcome.Bad() && b.ledger.HasEvents() {
		b.bindEvents(c)
	}
	if !b.look {
		b.unanswered(c)
	}
	if c.Kind == call.KindRegistration {
		b.registration(c, tries)
	}
	hangUp(c)
	return c
}

// decisive returns the try that decided: the first that was answered, else the last.
func decisive(l *call.Leg, tries []int32) (int32, bool) {
	for _, ti := range tries {
		if st := l.FinalStatus(&l.Txns[ti]); st >= 200 && st < 300 && l.Kind == call.KindCall {
			return ti, true
		}
	}
	if len(tries) == 0 {
		return 0, false
	}
	last := tries[len(tries)-1]
	for _, ti := range tries {
		if t := &l.Txns[ti]; t.CSeq > l.Txns[last].CSeq && t.Client == l.Txns[last].Client && l.Start(&l.Txns[last])-l.Start(t) < reordered {
			last = ti
		}
	}
	return last, true
}

// reordered is how much later than the next one a request may come out of a capture that does not keep the order: the
// CSeq tells which was sent last (RFC 3261 §12.2.1.1).
const reordered = 2 * wire.Time(second)

func challenges(l *call.Leg, tries []int32) (n int) {
	for _, ti := range tries {
		if st := l.FinalStatus(&l.Txns[ti]); st == 401 || st == 407 {
			n++
		}
	}
	return n
}

// byCode returns the outcome that a final code means by itself.
func byCode(code int) (call.Outcome, bool) {
	switch code {
	case 401, 407:
		return call.Challenged, true
	case 486, 600:
		return call.Busy, true
	case 603, 607:
		return call.Declined, true
	}
	return call.Unknown, false
}

// outcome says how the call ended for its originator, by transaction d of leg l.
func (b *builder) outcome(c *call.Call, l *call.Leg, d int32) {
	t := &l.Txns[d]
	st := l.FinalStatus(t)
	challenged := st == 401 || st == 407
	if (t.Final == call.None || challenged) && lived(l) || challenged && !t.HasAuth && b.ledger.Stopped(l.Ended, l.Ended.Add(call.TimerB)) {
		c.Outcome = call.Unknown // it went on, unseen, or may have
		return
	}
	if t.Final == call.None {
		answer, ok := acknowledged(l, t)
		if !ok {
			c.Outcome = b.unfinished(l, t)
			return
		}
		t.Final = answer
	}
	c.Final = call.MsgRef{Leg: 0, Msg: t.Final}
	c.Code = l.FinalStatus(t)
	c.Reason = b.names.of(reasonPhrase(l.Raw(t.Final)))
	long := ringTime(l, t) >= int64(call.LongRing)
	switch out, known := byCode(c.Code); {
	case c.Code < 300 && c.Kind == call.KindCall && unconfirmed(l):
		c.Outcome = call.Failed
	case c.Code < 300:
		c.Outcome = call.Answered
	case c.Code < 400:
		c.Outcome = call.Redirected
	case (c.Code == 401 || c.Code == 407) && t.HasAuth:
		c.Outcome = call.Failed // credentials came and were refused
	case known:
		c.Outcome = out
	case c.Kind != call.KindCall:
		c.Outcome = call.Failed
	case c.Code == 487 && !long && l.EndedBy(d) != call.None:
		c.Outcome = call.Cancelled
	case (c.Code == 487 || c.Code == 408 || c.Code == 480) && long, (c.Code == 408 || c.Code == 480) && rangBehind(l, t) && saidNoAnswer(c):
		c.Outcome = call.NoAnswer
	default:
		c.Outcome = call.Failed
	}
}

// rangBehind says whether t or an attempt on its behalf, on any later hop, was alerting: a proxy may keep the 180 to itself.
func rangBehind(l *call.Leg, t *call.Txn) bool {
	for i := range l.Txns {
		o := &l.Txns[i]
		if o.Method == t.Method && o.CSeq == t.CSeq && !o.InDialog && o.Progress != call.None {
			return true
		}
	}
	return false
}

// saidNoAnswer says whether the final response has the Q.850 cause 19, no answer from user.
func saidNoAnswer(c *call.Call) bool {
	m := c.Msg(c.Final)
	if m == nil {
		return false
	}
	for r := range m.Reasons() {
		if r.Cause == 19 && r.Q850() {
			return true
		}
	}
	return false
}

// lived says whether a request was accepted in a dialog whose making the capture does not show.
func lived(l *call.Leg) bool {
	for i := range l.Txns {
		t := &l.Txns[i]
		if st := l.FinalStatus(t); t.InDialog && t.Dialog == call.None && st >= 200 && st < 300 {
			return true
		}
	}
	return false
}

// acknowledged finds the 2xx of an INVITE whose caller acknowledged it although the capture shows it only on
// a later hop: it must have reached the caller.
func acknowledged(l *call.Leg, t *call.Txn) (answer int32, ok bool) {
	if t.Method != sip.MethodInvite {
		return call.None, false
	}
	for i := range l.Dialogs {
		d := &l.Dialogs[i]
		if d.Confirmed == 0 || d.AckAt == 0 {
			continue
		}
		if inv := &l.Txns[d.Invite]; inv.CSeq == t.CSeq && inv.Final != call.None {
			return inv.Final, true
		}
	}
	return call.None, false
}

// unreachable says whether the capture shows that a request of t could not be delivered.
func (b *builder) unreachable(l *call.Leg, t *call.Txn) bool {
	from := l.Start(t)
	for _, e := range b.ledger.Events(t.Server.Addr(), from, l.Sightings[t.Last].Time+wire.Time(call.TimerB)) {
		switch e.Kind {
		case wire.EventICMP, wire.EventTCPRefused, wire.EventSYNTimeout:
			if e.Flow.Dst == t.Server && e.Flow.Src.Addr() == t.Client.Addr() && e.Concerns(l) {
				return true
			}
		}
	}
	return false
}

// unfinished says what became of a try without a final response.
func (b *builder) unfinished(l *call.Leg, t *call.Txn) call.Outcome {
	last := l.Sightings[t.Last].Time
	waited := int64(b.end - l.Start(t))
	provisional := t.Trying != call.None || t.Progress != call.None
	switch {
	case t.Request == call.None:
		return call.Unknown
	case t.Ack != call.None:
		return call.Unknown // acknowledged on its own branch: it failed, by a response that the capture misses
	case t.Cancel != call.None:
		if ringTime(l, t) >= int64(call.LongRing) {
			return call.NoAnswer
		}
		return call.Cancelled
	case !provisional && b.unreachable(l, t):
		return call.Failed
	case provisional && l.Evicted, b.unheard(l, t, provisional):
		return call.Unknown
	case t.Progress == call.None && b.cutOff(l, t):
		return call.Failed
	case provisional && int64(b.end-last) < int64(call.TimerC):
		return call.Ongoing
	case !provisional && waited < int64(call.TimerB) && t.Resent < 3:
		return call.Ongoing
	case !provisional && (followed(l, t) || b.missed(l, t)):
		return call.Unknown
	}
	return call.Failed
}

// unheard says whether nobody listened at a time when the response may have come: after the last message of t, while its
// client waited.
func (b *builder) unheard(l *call.Leg, t *call.Txn, provisional bool) bool {
	last := l.Sightings[t.Last].Time
	until := max(last, l.Start(t).Add(call.TimerB))
	if provisional {
		until = last.Add(call.TimerC)
	}
	return b.ledger.Stopped(last, until)
}

// cutOff says whether the connection of t ended while it waited, and for as long as Timer B runs its server, which would have
// had to open another one (RFC 3261 §18.2.2), sent nothing.
func (b *builder) cutOff(l *call.Leg, t *call.Txn) bool {
	last := l.Sightings[t.Last].Time
	for _, e := range b.ledger.Events(t.Server.Addr(), last, b.end-wire.Time(call.TimerB)) {
		if e.Kind != wire.EventTCPReset && e.Kind != wire.EventTCPClosed {
			continue
		}
		if f := e.Flow; f.Src == t.Client && f.Dst == t.Server || f.Src == t.Server && f.Dst == t.Client {
			return true
		}
	}
	return false
}

// missed says whether a request without a response was most likely answered where the capture did not see it: over UDP
// its sender would have sent it again (RFC 3261 §17.1.1.2, §17.1.2.2), and the server is seen to send to somebody; or
// it has credentials that only the answer to an earlier one can have asked for.
func (b *builder) missed(l *call.Leg, t *call.Txn) bool {
	if s := l.At(t.Request); s.Truncated && !s.Time.Ordinal() {
		return true // the answer may be there, cut too short to be known
	}
	if t.Resent > 0 || t.Transport.Reliable() {
		return false
	}
	if _, alive := b.ledger.LastSeen(t.Server, b.end); alive || wire.Placeholder(t.Server.Addr()) {
		return true // a log that does not give its own address is that element's own
	}
	for i := range l.Txns {
		if o := &l.Txns[i]; t.HasAuth && o.CSeq < t.CSeq && o.Method == t.Method && o.Server == t.Server && !o.HasAuth && o.Resent == 0 {
			return true
		}
	}
	return false
}

// ringTime returns how long the callee was alerted, in ns: from the first 18x to the final response or CANCEL.
func ringTime(l *call.Leg, t *call.Txn) int64 {
	if t.Progress == call.None {
		return 0
	}
	end := wire.Time(0)
	if t.Cancel != call.None {
		end = l.Start(&l.Txns[t.Cancel])
	} else if t.Final != call.None {
		end = l.Sightings[t.Final].Time
	}
	if end == 0 {
		return 0
	}
	return int64(end - l.Sightings[t.Progress].Time)
}

// hangUp says who ended an answered call.
func hangUp(c *call.Call) {
	for _, l := range c.Legs {
		for i := range l.Dialogs {
			if d := &l.Dialogs[i]; d.Bye != call.None && d.Confirmed != 0 {
				c.HungUpBy = "callee"
				if d.ByeFromCaller {
					c.HungUpBy = "caller"
				}
				return
			}
		}
	}
}
