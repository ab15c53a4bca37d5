package kpi

import (
	"strconv"

	"sipcause/internal/call"
	"sipcause/internal/record"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// codes counts final responses as the most upstream hop saw them: those to the originator's own requests, and those to
// requests inside the dialogs. What proxies relayed is not counted again.
func (k *cells) codes() {
	c := k.c.Call
	if len(c.Legs) == 0 {
		return
	}
	l := c.Legs[0]
	for _, ti := range l.Tries() {
		t := &l.Txns[ti]
		if t.Final == call.None {
			continue
		}
		id := codeFinal
		if challenges(l, t) && !(c.Final.Valid() && c.Final.Leg == 0 && c.Final.Msg == t.Final) {
			id = codeChallenge
		}
		k.code(id, l, t)
	}
	for i := range l.Txns {
		t := &l.Txns[i]
		if t.InDialog && t.Parent == call.None && t.Final != call.None && t.Method != sip.MethodAck && t.Method != sip.MethodCancel {
			id := codeDialog
			if challenges(l, t) {
				id = codeChallenge
			}
			k.code(id, l, t)
		}
	}
	if o := c.Origin; o != nil && c.Final.Valid() {
		label := strconv.Itoa(o.Code) + " " + string(o.Role)
		if k.c.Ways.Maker != "" {
			label += " " + k.c.Ways.Maker
		}
		k.came(minuteOf(c.Sighting(c.Final).Time))(codeMaker, label, record.NoBucket, 1)
	}
}

// challenges says whether the final response of t asks for credentials that t did not have.
func challenges(l *call.Leg, t *call.Txn) bool {
	s := l.FinalStatus(t)
	return s == 401 || s == 407
}

func (k *cells) code(id counter, l *call.Leg, t *call.Txn) {
	k.came(minuteOf(l.Sightings[t.Final].Time))(id, codeLabel(t.Method, l.FinalStatus(t)), record.NoBucket, 1)
}

// codeLabel names a method and a code. Methods without a number of their own are one, so that traffic cannot make labels.
func codeLabel(m sip.Method, code int) string {
	name := m.String()
	if m == sip.MethodUnknown {
		name = "other"
	}
	return name + " " + strconv.Itoa(code)
}

// upstream counts what each hop does anew, at the most upstream one only: requests and their retransmissions.
func (k *cells) upstream(came sink) {
	if len(k.c.Call.Legs) == 0 {
		return
	}
	l := k.c.Call.Legs[0]
	var n [4]int64
	for i := range l.Txns {
		if t := &l.Txns[i]; t.Parent == call.None {
			hop(t, &n)
		}
	}
	sent(came, &n)
}

// hop adds up what one transaction sent: requests, retransmissions, final responses, retransmissions.
func hop(t *call.Txn, n *[4]int64) {
	if t.Method == sip.MethodAck || t.Method == sip.MethodCancel { // each hop makes its own (RFC 3261 §9.2, §17.1.1.3)
		return
	}
	if t.Request != call.None {
		n[0]++
		n[1] += int64(t.Resent)
	}
	if t.Final != call.None {
		n[2]++
		n[3] += int64(t.FinalResent)
	}
}

func sent(s sink, n *[4]int64) {
	for i, id := range [4]counter{requests, requestsResent, finals, finalsResent} {
		if n[i] > 0 {
			s(id, "", record.NoBucket, n[i])
		}
	}
}

// quality counts how much of the case the capture shows.
func (k *cells) quality(s sink) {
	c := k.c.Call
	s.one(seen)
	if half(c) {
		s.one(seenHalf)
	}
	if oneWay(c) {
		s.one(seenOneWay)
	}
}

// half says whether the capture misses the beginning, the end or something in between.
func half(c *call.Call) bool {
	if c.Outcome == call.Unknown || len(c.Gaps) > 0 {
		return true
	}
	for _, l := range c.Legs {
		if l.MidCall || l.Evicted || l.Dropped > 0 {
			return true
		}
	}
	return false
}

// oneWay says whether all messages seen went from one host to another although the other direction cannot have been
// empty: a response, or a request that only an answer can have led to. A request that is sent again and again says
// nothing about it. Where both ends share one address, their ports tell them apart.
func oneWay(c *call.Call) bool {
	proved := false
	for _, l := range c.Legs {
		if len(l.Flows) == 0 {
			return false
		}
		first := l.Flows[0]
		for i := range l.Sightings {
			s := &l.Sightings[i]
			if f := l.FlowOf(s); !sameEnds(&f, &first) {
				return false
			}
			proved = proved || !s.IsRequest() || s.HasToTag || s.HasAuth
		}
	}
	return proved
}

// sameEnds says whether two flows go from one end to the other alike.
func sameEnds(a, b *wire.Flow) bool {
	if a.Src.Addr() != b.Src.Addr() || a.Dst.Addr() != b.Dst.Addr() {
		return false
	}
	return a.Src.Addr() != a.Dst.Addr() || a.Src == b.Src && a.Dst == b.Dst
}

// longestCall is how long a call counts as up at most: so far back a series of concurrent calls has to look.
const longestCall = 24 * 60 * minute

// longestBinding is how long a binding counts at most.
const longestBinding = 7 * 24 * 60 * minute

// gauge counts when the call was up.
func (k *cells) gauge(over bool) {
	c := k.c.Call
	if c.Outcome != call.Answered || !c.Final.Valid() {
		return
	}
	from := c.Sighting(c.Final).Time
	until := wire.Time(0)
	l := c.Legs[0]
	if bye := byeOf(l); bye != call.None {
		until = l.Start(&l.Txns[bye])
	} else if over && !l.AtEnd {
		until = c.Ended
	}
	k.span(up, down, from, until, longestCall)
}

// span counts that something was there from from until until (0: not known yet).
func (k *cells) span(begin, end counter, from, until, most wire.Time) {
	k.every(minuteOf(from)).one(begin)
	if until != 0 {
		k.every(minuteOf(min(max(until, from), from+most))).one(end)
	}
}

// binding counts when a registration held.
func (k *cells) binding() {
	c := k.c.Call
	reg := c.Reg
	if reg == nil || len(c.Legs) == 0 {
		return
	}
	l := c.Legs[0]
	from, last := wire.Time(0), wire.Time(0)
	for _, ti := range l.Tries() {
		if t := &l.Txns[ti]; t.Final != call.None && l.FinalStatus(t)/100 == 2 {
			last = l.Sightings[t.Final].Time
			if from == 0 {
				from = last
			}
		}
	}
	if from == 0 || reg.Expires < 0 || reg.Until == 0 && last == from {
		return // nothing granted, or only removed
	}
	k.came(minuteOf(from)).one(bindingsUp)
	if reg.Until == 0 {
		k.came(minuteOf(last)).one(bindingsDown)
		return
	}
	s := k.came(minuteOf(min(reg.Until, from+longestBinding)))
	s.one(bindingsDown)
	s.one(bindingsRanOut)
}

// destination counts the call by the beginning of the number called.
func (k *cells) destination(u *unit) {
	if !u.ended() {
		return
	}
	label, s := prefixOf(k.c.Call.Target), k.at(k.began, "")
	if label == "" {
		label = prefixOf(k.c.Call.To)
	}
	if label == "" {
		label = "none"
	}
	s(prefix, label, record.NoBucket, 1)
	if u.answered() {
		s(prefixAnswered, label, record.NoBucket, 1)
	}
}

// prefixOf returns the first three digits of a URI's number, "" when it has fewer.
func prefixOf(uri string) string {
	u, ok := sip.ParseURI([]byte(uri))
	if !ok {
		return ""
	}
	number := u.User
	if len(number) > 0 && number[0] == '+' {
		number = number[1:]
	}
	if len(number) < 3 {
		return ""
	}
	for _, d := range number[:3] {
		if d < '0' || d > '9' {
			return ""
		}
	}
	return string(number[:3])
}

// verdict counts what diagnosis said.
func (k *cells) verdict() {
	v, c := k.c.Verdict, k.c.Call
	if v == nil {
		return
	}
	s := k.every(k.began)
	if c.Outcome.Bad() {
		label := "unknown"
		if v.Root != nil {
			label = string(v.Root.ID)
		}
		s(cause, label, record.NoBucket, 1)
	}
	for i := range v.Findings {
		s(findings, string(v.Findings[i].ID), record.NoBucket, 1)
	}
}
