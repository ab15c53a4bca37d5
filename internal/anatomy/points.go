package anatomy

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// Passage is what became of the messages of a call on the way from one capture point to the next, in one direction
// of one hop. Times are on one clock.
type Passage struct {
	Near, Far  int // points: indices into clocks.Points.Names
	Src, Dst   netip.Addr
	FarSrc     netip.Addr // as the far point saw it: another where addresses are translated or an element relays
	FarDst     netip.Addr
	Between    Between
	Messages   int // seen at both
	Lost       []call.MsgRef
	LostMore   int           // beyond maxLost
	Doubtful   int           // not seen at the far point, which may have missed them
	Duplicated int           // packets that the far point saw once more
	Reordered  int           // messages that overtook another
	Median     time.Duration // delay; meaningful when Messages > 0
	Max        time.Duration //
	Slowest    call.MsgRef   // the message with that delay, at the near point
	Rewrites   []Rewrite

	passed [][2]wire.Time // when each left the near point and came to the far one
}

// Between says what must be between two points.
type Between uint8

// What is between, with the names of the report.
const (
	Wire       Between = iota // nothing that changes a message
	Translator                // other addresses in the packets, the same message: NAT
	ALG                       // no Via of its own, but a message that is not the same
	Proxy                     // a Via of its own
	Relay                     // a Via of its own, and rewrites what a proxy leaves alone (RFC 3261 §16.6)
	B2BUA                     // another Call-ID: a B2BUA or SBC
)

var betweenNames = [...]string{"wire", "nat", "alg", "proxy", "rewriting-proxy", "b2bua"}

// String returns the name used in output.
func (b Between) String() string { return betweenNames[b] }

// Bounds of what is told of one call.
const (
	maxPassages = 32
	maxLost     = 16
)

// Passages returns what became of a call's messages between the capture points that saw it; nil unless several did.
func Passages(c *call.Call) []Passage {
	if c.Points == nil {
		return nil
	}
	v := passages{c: c}
	for k, l := range c.Legs {
		v.leg(k, l)
	}
	v.relays()
	v.joined()
	for i := range v.list {
		v.list[i].finish()
	}
	return v.list
}

// passages gathers them.
type passages struct {
	c    *call.Call
	list []Passage
}

// of returns the passage of one direction of a hop between two points, nil when there are too many.
func (v *passages) of(near, far int, src, dst, farSrc, farDst netip.Addr) *Passage {
	for i := range v.list {
		if p := &v.list[i]; p.Near == near && p.Far == far && p.Src == src && p.Dst == dst && (p.FarSrc == farSrc && p.FarDst == farDst || !farSrc.IsValid()) {
			return p
		}
	}
	if len(v.list) == maxPassages {
		return nil
	}
	if !farSrc.IsValid() {
		farSrc, farDst = src, dst
	}
	v.list = append(v.list, Passage{Near: near, Far: far, Src: src, Dst: dst, FarSrc: farSrc, FarDst: farDst, Slowest: call.NoMsg})
	return &v.list[len(v.list)-1]
}

// leg compares the messages that no element put a Via on: those of one transaction, and of the ones with the same
// branch on the other side of an address translator.
func (v *passages) leg(k int, l *call.Leg) {
	roots := make([]int32, len(l.Txns))
	for i := range l.Txns {
		t := &l.Txns[i]
		roots[i] = int32(i)
		if p := t.Parent; p != call.None && p < int32(i) && len(t.Branch) > 0 && bytes.Equal(l.Txns[p].Branch, t.Branch) {
			roots[i] = roots[p]
		}
	}
	groups := map[sameMessage][]int32{}
	var order []sameMessage
	for i := range l.Sightings {
		s := &l.Sightings[i]
		if s.Txn == call.None {
			continue
		}
		key := sameMessage{root: roots[s.Txn], method: s.Method, status: s.Status}
		if !s.IsRequest() {
			first := int32(i)
			if s.Of != call.None {
				first = s.Of
			}
			if m := v.c.Msg(call.MsgRef{Leg: k, Msg: first}); m != nil {
				key.tag = string(m.ToTag())
			}
		}
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], int32(i))
	}
	for _, key := range order {
		v.message(k, l, groups[key])
	}
}

// sameMessage is what the sightings of one message and its retransmissions have in common.
type sameMessage struct {
	root   int32
	method sip.Method
	status uint16
	tag    string // To tag of a response
}

// message compares what the points saw of one message and its retransmissions.
func (v *passages) message(k int, l *call.Leg, all []int32) {
	var points []int
	at := map[int][]int32{}
	for _, i := range all {
		p := int(l.Sightings[i].Point)
		if at[p] == nil {
			points = append(points, p)
		}
		at[p] = append(at[p], i)
	}
	slices.Sort(points)
	for _, near := range points {
		for far := range v.c.Points.Clocks {
			if far != near && v.onward(l, at[near], at[far], near, far) {
				v.compare(k, l, at[near], at[far], near, far)
			}
		}
	}
}

// onward says whether what one point saw went on to another: as other messages of that hop did. Where that cannot be
// told, it went the way of time.
func (v *passages) onward(l *call.Leg, near, far []int32, a, b int) bool {
	f := l.FlowOf(&l.Sightings[near[0]])
	_, to := v.c.Points.Next(a, b, f.Src, f.Dst)
	if len(far) == 0 {
		return to
	}
	g := l.FlowOf(&l.Sightings[far[0]])
	_, back := v.c.Points.Next(b, a, g.Src, g.Dst)
	if to != back {
		return to
	}
	x, y := l.Sightings[near[0]].Time, l.Sightings[far[0]].Time
	return x < y || x == y && a < b
}

// compare notes of one message what reached the far point.
func (v *passages) compare(k int, l *call.Leg, near, far []int32, a, b int) {
	f := l.FlowOf(&l.Sightings[near[0]])
	var farSrc, farDst netip.Addr
	if len(far) > 0 {
		g := l.FlowOf(&l.Sightings[far[0]])
		farSrc, farDst = g.Src.Addr(), g.Dst.Addr()
	}
	p := v.of(a, b, f.Src.Addr(), f.Dst.Addr(), farSrc, farDst)
	if p == nil {
		return
	}
	if p.FarSrc != p.Src || p.FarDst != p.Dst {
		p.Between = max(p.Between, Translator)
	}
	passing, _ := v.c.Points.Next(a, b, f.Src, f.Dst)
	met, doubtful := pairUp(l, near, far), len(far) == 0 && (passing == 0 || arrived(l, near[0]))
	for i, n := range near {
		s := &l.Sightings[n]
		if met[i] == call.None && doubtful {
			p.Doubtful++
			continue
		}
		if met[i] == call.None {
			v.missing(p, call.MsgRef{Leg: k, Msg: n}, s, b)
			continue
		}
		o := &l.Sightings[met[i]]
		p.add(call.MsgRef{Leg: k, Msg: n}, s.Time, o.Time)
		v.rewritten(p, call.MsgRef{Leg: k, Msg: n}, call.MsgRef{Leg: k, Msg: met[i]})
	}
	p.Duplicated += copies(l, far) - copies(l, near)
}

// arrived says whether the transaction shows that a message reached whom it was for: a request by any response, a
// final response to an INVITE by the ACK.
func arrived(l *call.Leg, i int32) bool {
	s := &l.Sightings[i]
	t := &l.Txns[s.Txn]
	switch {
	case s.IsRequest() && s.Method == sip.MethodAck:
		return false
	case s.IsRequest():
		return t.Trying != call.None || t.Progress != call.None || t.Final != call.None
	case s.Status < 200 || s.Method != sip.MethodInvite:
		return false
	case t.Ack != call.None:
		return true
	}
	return t.Dialog != call.None && l.Dialogs[t.Dialog].AckAt != 0
}

// pairUp returns for each sighting at the near point the one of the same packet at the far point, None where there is
// none: by the IP identification, else in the order in which they came.
func pairUp(l *call.Leg, near, far []int32) []int32 {
	met, used := make([]int32, len(near)), make([]bool, len(far))
	for i, n := range near {
		met[i] = call.None
		id := l.Sightings[n].IPID
		for j, o := range far {
			if id != 0 && !used[j] && l.Sightings[o].IPID == id {
				met[i], used[j] = o, true
				break
			}
		}
	}
	for i := range near {
		if met[i] != call.None {
			continue
		}
		for j := range far {
			if x, y := l.Sightings[near[i]].IPID, l.Sightings[far[j]].IPID; !used[j] && (x == 0 || y == 0 || l.FlowOf(&l.Sightings[near[i]]) != l.FlowOf(&l.Sightings[far[j]])) {
				met[i], used[j] = far[j], true
				break
			}
		}
	}
	return met
}

// copies returns how many of the sightings at one point are of a packet that was there already.
func copies(l *call.Leg, list []int32) (n int) {
	for i, a := range list {
		for _, b := range list[:i] {
			if id := l.Sightings[a].IPID; id != 0 && id == l.Sightings[b].IPID {
				n++
				break
			}
		}
	}
	return n
}

// around is how long before and after a message a point must have captured for the message to have been lost before it.
const around = wire.Time(time.Second)

// missing notes a message that the far point did not see.
func (v *passages) missing(p *Passage, r call.MsgRef, s *call.Sighting, far int) {
	switch {
	case !v.c.Points.Running(far, s.Time, s.Time+around):
		p.Doubtful++
	case len(p.Lost) == maxLost:
		p.LostMore++
	default:
		p.Lost = append(p.Lost, r)
	}
}

func (p *Passage) add(r call.MsgRef, left, came wire.Time) {
	if d := came.Sub(left); p.Messages == 0 || d > p.Max {
		p.Max, p.Slowest = d, r
	}
	p.Messages++
	p.passed = append(p.passed, [2]wire.Time{left, came})
}

// finish makes figures of what was gathered.
func (p *Passage) finish() {
	p.Duplicated = max(p.Duplicated, 0)
	slices.SortFunc(p.passed, func(x, y [2]wire.Time) int { return cmp.Or(cmp.Compare(x[0], y[0]), cmp.Compare(x[1], y[1])) })
	latest, delays := wire.Time(0), make([]time.Duration, len(p.passed))
	for i, m := range p.passed {
		if m[1] < latest {
			p.Reordered++
		}
		latest = max(latest, m[1])
		delays[i] = m[1].Sub(m[0])
	}
	if n := len(delays); n > 0 {
		slices.Sort(delays)
		p.Median = delays[n/2]
	}
	slices.SortFunc(p.Lost, func(x, y call.MsgRef) int { return cmp.Or(x.Leg-y.Leg, int(x.Msg-y.Msg)) })
}

// LostAll returns how many messages were lost on the way.
func (p *Passage) LostAll() int { return len(p.Lost) + p.LostMore }

// Notable says whether something happened on the way that a wire does not do.
func (p *Passage) Notable() bool {
	return p.LostAll()+p.Duplicated+p.Reordered+len(p.Rewrites) > 0
}

// relays compares requests that an element put a Via on between two points, and their responses.
func (v *passages) relays() {
	for k, l := range v.c.Legs {
		for i := range l.Txns {
			t := &l.Txns[i]
			if t.Parent == call.None || bytes.Equal(l.Txns[t.Parent].Branch, t.Branch) {
				continue
			}
			up := &l.Txns[t.Parent]
			v.across(k, up, k, t)
		}
	}
}

// joined compares the calls that a B2BUA made of one.
func (v *passages) joined() {
	for _, ln := range v.c.Links {
		a, b := v.legOf(ln.From), v.legOf(ln.To)
		if a < 0 || b < 0 {
			continue
		}
		if v.c.Legs[b].Began < v.c.Legs[a].Began {
			a, b = b, a
		}
		x, y := v.c.Legs[a].Tries(), v.c.Legs[b].Tries()
		if len(x) > 0 && len(y) > 0 {
			v.across(a, &v.c.Legs[a].Txns[x[0]], b, &v.c.Legs[b].Txns[y[0]])
		}
	}
}

func (v *passages) legOf(id string) int {
	return slices.IndexFunc(v.c.Legs, func(l *call.Leg) bool { return l.CallID == id })
}

// across compares a transaction with the one that an element made of it, when one point saw the one and another point
// the other.
func (v *passages) across(ka int, up *call.Txn, kb int, down *call.Txn) {
	a, b := v.c.Legs[ka], v.c.Legs[kb]
	if up.Request == call.None || down.Request == call.None {
		return
	}
	near, far := int(a.Sightings[up.Request].Point), int(b.Sightings[down.Request].Point)
	if near == far || seenAt(a, up, far) || seenAt(b, down, near) {
		return
	}
	between := Proxy
	if ka != kb {
		between = B2BUA
	}
	pass := func(xr, yr call.MsgRef, near, far int) {
		s, o := v.c.Sighting(xr), v.c.Sighting(yr)
		f, g := v.c.Legs[xr.Leg].FlowOf(s), v.c.Legs[yr.Leg].FlowOf(o)
		if p := v.of(near, far, f.Src.Addr(), f.Dst.Addr(), g.Src.Addr(), g.Dst.Addr()); p != nil {
			p.Between = max(p.Between, between)
			p.add(xr, s.Time, o.Time)
			v.rewritten(p, xr, yr)
		}
	}
	pass(call.MsgRef{Leg: ka, Msg: up.Request}, call.MsgRef{Leg: kb, Msg: down.Request}, near, far)
	for i := range b.Messages(down) {
		s := &b.Sightings[i]
		if s.IsRequest() || s.Repeat != call.First || s.Status == 100 {
			continue
		}
		for j := range a.Messages(up) {
			if o := &a.Sightings[j]; o.Status == s.Status && o.Repeat == call.First && o.Time >= s.Time {
				pass(call.MsgRef{Leg: kb, Msg: i}, call.MsgRef{Leg: ka, Msg: j}, far, near)
				break
			}
		}
	}
}

// seenAt says whether a point saw anything of a transaction.
func seenAt(l *call.Leg, t *call.Txn, point int) bool {
	for i := range l.Messages(t) {
		if int(l.Sightings[i].Point) == point {
			return true
		}
	}
	return false
}
