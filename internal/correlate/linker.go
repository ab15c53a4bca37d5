package correlate

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/peer"
	"sipcause/internal/wire"
)

// Bounds of the linker.
const (
	maxWaiting     = 8192            // closed legs that wait for their group; over it a group goes out incomplete
	maxGroup       = 32              // legs of one call
	heuristicAfter = 4 * time.Second // a B2BUA's second leg leaves within this time of the first
)

// confidence of a join, by key.
var confidence = [...]float64{call.KeyCallID: 1, call.KeySessionID: 0.98, call.KeyICID: 0.95, call.KeyVia: 0.9, call.KeyHeuristic: 0.6}

// Linker joins legs into calls. It is fed once per batch, in event order, by one goroutine.
type Linker struct {
	emit     func(*call.Call)
	builder  builder
	open     map[string][]*member // by Call-ID, in order of opening
	owners   map[keyID]*member
	wanted   map[keyID]*member
	arrivals map[arrival][]*member
	recent   []*member // arrivals in order of time, for expiry
	waiting  int
	Stats    LinkerStats
}

// LinkerStats count what the linker did.
type LinkerStats struct {
	Joined     uint64 // legs joined to another
	Incomplete uint64 // calls sent out before all their legs had ended, because too many waited
}

type keyID struct {
	kind  call.KeyKind
	value uint64
}

// arrival indexes legs by the element they reached and the number called: where a B2BUA's next leg starts.
type arrival struct {
	at     netip.Addr
	called uint64
}

// member is one open or closed leg of a group.
type member struct {
	op    Opened
	group *group
	leg   *call.Leg // nil while open
	gone  bool      // its group went out
}

type group struct {
	members []*member
	links   []call.Link
	open    int
}

// NewLinker returns a linker that hands each complete call to emit. The call's legs belong to the receiver.
// The ledger must know everything up to the end of each batch before the batch is given.
func NewLinker(ledger *peer.Ledger, emit func(*call.Call)) *Linker {
	return &Linker{
		emit: emit, builder: builder{ledger: ledger}, open: map[string][]*member{}, owners: map[keyID]*member{}, wanted: map[keyID]*member{},
		arrivals: map[arrival][]*member{},
	}
}

// Batch takes the outputs of all shards for one batch of packets: legs opened, then legs closed.
// It sorts both, so the order in which shards are given does not matter. end is the greatest event time read.
func (k *Linker) Batch(opened []Opened, closed []*call.Leg, end wire.Time) {
	k.builder.end = max(k.builder.end, end)
	slices.SortFunc(opened, func(a, b Opened) int { return order(a.Time, b.Time, a.Ref, b.Ref, a.CallID, b.CallID) })
	slices.SortFunc(closed, func(a, b *call.Leg) int {
		if c := order(a.Began, b.Began, firstRef(a), firstRef(b), a.CallID, b.CallID); c != 0 {
			return c
		}
		return cmp.Compare(a.Kind, b.Kind)
	})
	for i := range opened {
		k.opened(opened[i])
	}
	for _, l := range closed {
		k.closed(l)
	}
}

func order(at, bt wire.Time, ar, br wire.PacketRef, aid, bid string) int {
	if c := cmp.Compare(at, bt); c != 0 {
		return c
	}
	if ar != br {
		if ar.Less(br) {
			return -1
		}
		return 1
	}
	return cmp.Compare(aid, bid)
}

func firstRef(l *call.Leg) wire.PacketRef {
	if len(l.Sightings) == 0 {
		return wire.PacketRef{}
	}
	return l.Sightings[0].Ref
}

// Flush sends out what still waits.
func (k *Linker) Flush() {
	var left []*group
	seen := map[*group]bool{}
	for _, ms := range k.open {
		for _, m := range ms {
			if !m.gone && !seen[m.group] {
				seen[m.group] = true
				left = append(left, m.group)
			}
		}
	}
	slices.SortFunc(left, func(a, b *group) int {
		x, y := a.members[0].op, b.members[0].op
		return order(x.Time, y.Time, x.Ref, y.Ref, x.CallID, y.CallID)
	})
	for _, g := range left {
		k.finish(g)
	}
}

func (k *Linker) opened(op Opened) {
	alone := &struct {
		member
		group
		list [1]*member
	}{member: member{op: op}}
	m := &alone.member
	alone.list[0] = m
	alone.group = group{members: alone.list[:], open: 1}
	m.group = &alone.group
	for _, key := range op.Keys {
		k.match(m, key)
	}
	if len(m.group.members) == 1 {
		k.guess(m)
	}
	for _, key := range op.Keys {
		id := keyID{key.Kind, key.Value}
		if key.Own {
			k.owners[id] = m
		} else {
			k.wanted[id] = m
		}
	}
	k.open[op.CallID] = append(k.open[op.CallID], m)
	if op.Called != 0 {
		at := arrival{op.Server.Addr(), op.Called}
		k.arrivals[at] = append(k.arrivals[at], m)
		k.recent = append(k.recent, m)
	}
	k.expireArrivals(op.Time)
}

// match joins m to the leg that the key names, or that names it.
func (k *Linker) match(m *member, key call.Key) {
	id := keyID{key.Kind, key.Value}
	other := k.owners[id]
	if key.Own && (key.Kind == call.KeyCallID || key.Kind == call.KeyVia) {
		other = k.wanted[id] // an owner of the same Call-ID is the same leg, evicted and back
	}
	if other == nil || other == m || other.gone || other.op.CallID == m.op.CallID {
		return
	}
	k.join(other, m, call.Link{From: other.op.CallID, To: m.op.CallID, By: key.Kind.String(), Header: key.Header, Confidence: confidence[key.Kind]})
}

// guess looks for the leg that a B2BUA answers for with m: it reached the element that now sends, for the
// same number, shortly before. Several candidates are told apart by the calling number, or not at all.
func (k *Linker) guess(m *member) {
	if m.op.Called == 0 {
		return
	}
	var found, byCaller []*member
	for _, a := range k.arrivals[arrival{m.op.Client.Addr(), m.op.Called}] {
		age := m.op.Time.Sub(a.op.Time)
		from := a.op.Client.Addr()
		if a.gone || age < 0 || age > heuristicAfter || from == m.op.Client.Addr() || from == m.op.Server.Addr() || a.op.FromTag == m.op.FromTag && a.op.CallID == m.op.CallID {
			continue
		}
		found = append(found, a)
		if a.op.Caller == m.op.Caller {
			byCaller = append(byCaller, a)
		}
	}
	conf := confidence[call.KeyHeuristic]
	if len(byCaller) > 0 {
		found = byCaller
		conf += 0.15
	}
	if len(found) != 1 {
		return
	}
	k.join(found[0], m, call.Link{From: found[0].op.CallID, To: m.op.CallID, By: call.KeyHeuristic.String(), Confidence: conf})
}

// join puts the smaller group into the larger; links are kept in order of discovery.
func (k *Linker) join(a, b *member, l call.Link) {
	ga, gb := a.group, b.group
	if ga == gb {
		return
	}
	if len(ga.members)+len(gb.members) > maxGroup {
		return
	}
	k.Stats.Joined++
	ga.members = append(ga.members, gb.members...)
	ga.links = append(append(ga.links, gb.links...), l)
	ga.open += gb.open
	for _, m := range gb.members {
		m.group = ga
	}
}

func (k *Linker) expireArrivals(now wire.Time) {
	n := 0
	for _, m := range k.recent {
		if now.Sub(m.op.Time) <= heuristicAfter {
			break
		}
		n++
		at := arrival{m.op.Server.Addr(), m.op.Called}
		if list := k.arrivals[at]; len(list) > 1 {
			k.arrivals[at] = list[1:]
		} else {
			delete(k.arrivals, at)
		}
	}
	if n > 0 {
		k.recent = append(k.recent[:0], k.recent[n:]...)
	}
}

func (k *Linker) closed(l *call.Leg) {
	ms := k.open[l.CallID]
	var m *member
	if l.Kind == call.KindCall {
		for _, c := range ms {
			if c.leg == nil && !c.gone && c.op.Time >= l.Began && c.op.Time <= l.Ended {
				m = c
				break
			}
		}
	}
	if m == nil {
		k.emit(k.builder.build([]*call.Leg{l}, nil))
		return
	}
	m.leg = l
	m.group.open--
	k.waiting++
	switch {
	case m.group.open == 0:
		k.finish(m.group)
	case k.waiting > maxWaiting:
		k.Stats.Incomplete++
		k.finish(m.group)
	}
}

// finish sends a group out and forgets it. Members still open become calls of their own when they close.
func (k *Linker) finish(g *group) {
	legs := make([]*call.Leg, 0, len(g.members))
	for _, m := range g.members {
		if m.gone {
			continue
		}
		if m.leg != nil {
			legs = append(legs, m.leg)
			k.waiting--
		}
		m.gone = true
		k.forget(m)
	}
	if len(legs) == 0 {
		return
	}
	slices.SortStableFunc(legs, func(a, b *call.Leg) int {
		return order(a.Began, b.Began, firstRef(a), firstRef(b), a.CallID, b.CallID)
	})
	k.emit(k.builder.build(legs, g.links))
}

func (k *Linker) forget(m *member) {
	for _, key := range m.op.Keys {
		id := keyID{key.Kind, key.Value}
		if k.owners[id] == m {
			delete(k.owners, id)
		}
		if k.wanted[id] == m {
			delete(k.wanted, id)
		}
	}
	list := k.open[m.op.CallID]
	list = slices.DeleteFunc(list, func(o *member) bool { return o == m })
	if len(list) == 0 {
		delete(k.open, m.op.CallID)
	} else {
		k.open[m.op.CallID] = list
	}
}
