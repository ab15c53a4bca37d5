package correlate

import (
	"cmp"
	"encoding/binary"
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
	maxArrivals    = 1 << 16         // legs that a B2BUA's next leg may belong to; the oldest go
	heuristicAfter = 4 * time.Second // a B2BUA's second leg leaves within this time of the first
)

// confidence of a join, by key.
var confidence = [...]float64{call.KeyCallID: 1, call.KeySessionID: 0.98, call.KeyICID: 0.95, call.KeyVia: 0.9, call.KeyHeuristic: 0.6}

// Linker joins legs into calls. It is fed once per batch, in event order, by one goroutine.
type Linker struct {
	emit     func(*call.Call)
	builder  builder
	members  []*member          // by call.Leg.Place - 1
	free     []*member          // those of members that may be used again
	owners   map[uint64]*member // by keyID
	wanted   map[uint64]*member // by keyID
	arrivals map[uint64]*member // by arrivalKey: the newest; see member.older
	recent   []*member          // arrivals in order of opening, the first of them expired
	expired  int                // of recent
	legs     []*call.Leg        // scratch of finish
	seq      uint64
	looked   uint64 // grows with each Look
	waiting  int
	touched  uint64 // of no meaning: see call.Leg.Touch
	Stats    LinkerStats
}

// LinkerStats count what the linker did.
type LinkerStats struct {
	Joined     uint64 // legs joined to another
	Incomplete uint64 // calls sent out before all their legs had ended, because too many waited
}

// keyID is what a key is looked up by: the values are hashes already.
func keyID(k *call.Key) uint64 { return k.Value + uint64(k.Kind)*0x9e3779b97f4a7c15 }

// arrivalKey indexes legs by the element they reached and the number called: where a B2BUA's next leg starts. Who
// looks something up compares the two themselves as well.
func arrivalKey(at netip.Addr, called uint64) uint64 {
	b := at.As16()
	return called ^ binary.LittleEndian.Uint64(b[:])*0x9e3779b97f4a7c15 ^ binary.LittleEndian.Uint64(b[8:])*0xc2b2ae3d27d4eb4f
}

// member is one open or closed leg, alone or of a group. It is used again when its call went out, its leg is closed
// and it is among the arrivals no more.
type member struct {
	op       Opened
	place    int32
	group    *group    // nil: alone
	leg      *call.Leg // nil while open
	gone     bool      // its call went out
	arrived  bool      // among the arrivals
	seq      uint64    // of opening
	relayed  *member   // not nil: no member but where a relay took the INVITE of this one
	relaySeq uint64    // seq of relayed
	older    *member   // the arrival of the same key before this one; it has expired unless its seq is olderSeq
	olderSeq uint64
}

type group struct {
	members []*member
	links   []call.Link
	open    int
	looked  uint64
}

// NewLinker returns a linker that hands each complete call to emit. The call is valid until emit returns; its legs
// belong to the receiver. The ledger must know everything up to the end of each batch before the batch is given.
func NewLinker(ledger *peer.Ledger, emit func(*call.Call)) *Linker {
	return &Linker{
		emit: emit, builder: builder{ledger: ledger},
		owners: map[uint64]*member{}, wanted: map[uint64]*member{}, arrivals: map[uint64]*member{},
	}
}

// Batch takes the outputs of all shards for one batch of packets: legs opened, then legs closed.
// It sorts both, so the order in which shards are given does not matter. end is the greatest event time read.
func (k *Linker) Batch(opened []*Opened, closed []*call.Leg, end wire.Time) {
	k.builder.end = max(k.builder.end, end)
	k.warm(closed)
	slices.SortFunc(opened, func(a, b *Opened) int { return order(a.Time, b.Time, a.Ref, b.Ref, a.CallID, b.CallID) })
	slices.SortFunc(closed, func(a, b *call.Leg) int {
		if c := byBeginning(a, b); c != 0 {
			return c
		}
		return cmp.Compare(a.Kind, b.Kind)
	})
	for _, op := range opened {
		k.opened(op)
	}
	for _, l := range closed {
		k.closed(l)
	}
}

// warm touches the legs and their members before they are worked on: see call.Leg.Touch.
func (k *Linker) warm(closed []*call.Leg) {
	sum := k.touched
	for _, l := range closed {
		sum += l.Touch()
	}
	for _, l := range closed {
		sum += l.TouchToJudge()
		if l.Place > 0 {
			sum += k.members[l.Place-1].seq
		}
	}
	k.touched = sum
}

func order(at, bt wire.Time, ar, br wire.PacketRef, aid, bid string) int {
	if c := cmp.Compare(at, bt); c != 0 {
		return c
	}
	if c := ar.Compare(br); c != 0 {
		return c
	}
	return cmp.Compare(aid, bid)
}

func byBeginning(a, b *call.Leg) int {
	return order(a.Began, b.Began, firstRef(a), firstRef(b), a.CallID, b.CallID)
}

func firstRef(l *call.Leg) wire.PacketRef {
	if len(l.Sightings) == 0 {
		return wire.PacketRef{}
	}
	return l.Sightings[0].Ref
}

// Held returns how many legs the linker has room for, knows, and finds by keys. They depend on what goes on, not on how
// long it has run.
func (k *Linker) Held() (room, known, keys int) {
	return len(k.members), len(k.members) - len(k.free), len(k.owners) + len(k.wanted) + len(k.arrivals) + len(k.recent)
}

// Flush sends out what still waits.
func (k *Linker) Flush() {
	var left []*member
	for _, m := range k.members {
		if !m.gone && (m.group == nil || m.group.members[0] == m) {
			left = append(left, m)
		}
	}
	slices.SortFunc(left, func(x, y *member) int {
		return order(x.op.Time, y.op.Time, x.op.Ref, y.op.Ref, x.op.CallID, y.op.CallID)
	})
	for _, m := range left {
		if m.group != nil {
			k.finish(m.group)
		}
	}
}

func (k *Linker) opened(op *Opened) {
	if op.Relay {
		k.relayed(op)
		return
	}
	m := k.member()
	m.op = *op
	op.Leg.Place = m.place
	for i := range op.Keys {
		k.match(m, &op.Keys[i])
	}
	if m.group == nil {
		k.guess(m)
	}
	for i := range op.Keys {
		key := &op.Keys[i]
		if key.Own {
			k.owners[keyID(key)] = m
		} else {
			k.wanted[keyID(key)] = m
		}
	}
	if op.Called != 0 {
		k.arrive(m)
	}
	k.expireArrivals(op.Time)
}

// relayed notes that a proxy took the INVITE of an open leg further: a B2BUA may be behind it as well.
func (k *Linker) relayed(op *Opened) {
	if op.Called == 0 || op.Leg.Place == 0 {
		return
	}
	of := k.members[op.Leg.Place-1]
	m := k.member()
	m.op, m.relayed, m.relaySeq = *op, of, of.seq
	k.arrive(m)
	k.expireArrivals(op.Time)
}

// arrive puts m where guess finds it.
func (k *Linker) arrive(m *member) {
	key := arrivalKey(m.op.Server.Addr(), m.op.Called)
	if m.older = k.arrivals[key]; m.older != nil {
		m.olderSeq = m.older.seq
	}
	k.arrivals[key] = m
	m.arrived = true
	k.recent = append(k.recent, m)
}

// of returns the member whose INVITE arrived as m says, nil when its call went out.
func (m *member) of() *member {
	if m.relayed == nil {
		if m.gone {
			return nil
		}
		return m
	}
	if m.relayed.gone || m.relayed.seq != m.relaySeq {
		return nil
	}
	return m.relayed
}

// member returns an empty member.
func (k *Linker) member() *member {
	k.seq++
	n := len(k.free)
	if n == 0 {
		m := &member{place: int32(len(k.members)) + 1, seq: k.seq}
		k.members = append(k.members, m)
		return m
	}
	m := k.free[n-1]
	k.free = k.free[:n-1]
	place := m.place
	*m = member{}
	m.place, m.seq = place, k.seq
	return m
}

// recycle keeps m for use if nothing refers to it any more.
func (k *Linker) recycle(m *member) {
	if !m.arrived && (m.relayed != nil || m.gone && m.leg != nil) {
		k.free = append(k.free, m)
	}
}

// match joins m to the leg that the key names, or that names it.
func (k *Linker) match(m *member, key *call.Key) {
	from := k.owners
	if key.Own && (key.Kind == call.KeyCallID || key.Kind == call.KeyVia) {
		from = k.wanted // an owner of the same Call-ID is the same leg, evicted and back
	}
	other := from[keyID(key)]
	if other == nil || other == m || other.op.CallID == m.op.CallID {
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
	var found, byCaller *member
	others, callers := 0, 0
	seq := uint64(0)
	for a := k.arrivals[arrivalKey(m.op.Client.Addr(), m.op.Called)]; a != nil && a.arrived && (seq == 0 || a.seq == seq); a, seq = a.older, a.olderSeq {
		age := m.op.Time.Sub(a.op.Time)
		from := a.op.Client.Addr()
		of := a.of()
		if of == nil || of == found || age < 0 || age > heuristicAfter || from == m.op.Client.Addr() || from == m.op.Server.Addr() || a.op.FromTag == m.op.FromTag && a.op.CallID == m.op.CallID ||
			a.op.Server.Addr() != m.op.Client.Addr() || a.op.Called != m.op.Called {
			continue
		}
		found = of
		others++
		if a.op.Caller == m.op.Caller {
			byCaller = of
			callers++
		}
	}
	conf := confidence[call.KeyHeuristic]
	if callers > 0 {
		found, others = byCaller, callers
		conf += 0.15
	}
	if others != 1 {
		return
	}
	k.join(found, m, call.Link{From: found.op.CallID, To: m.op.CallID, By: call.KeyHeuristic.String(), Confidence: conf})
}

// join puts the smaller group into the larger; links are kept in order of discovery.
func (k *Linker) join(a, b *member, l call.Link) {
	ga, gb := a.inGroup(), b.inGroup()
	if ga == gb || len(ga.members)+len(gb.members) > maxGroup {
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

// inGroup returns the group of an open member, a new one when it was alone.
func (m *member) inGroup() *group {
	if m.group == nil {
		m.group = &group{members: []*member{m}, open: 1}
	}
	return m.group
}

func (k *Linker) expireArrivals(now wire.Time) {
	n := k.expired
	for ; n < len(k.recent) && (now.Sub(k.recent[n].op.Time) > heuristicAfter || len(k.recent)-n > maxArrivals); n++ {
		m := k.recent[n]
		if key := arrivalKey(m.op.Server.Addr(), m.op.Called); k.arrivals[key] == m {
			delete(k.arrivals, key)
		}
		m.arrived = false
		k.recycle(m)
	}
	if k.expired = n; n > len(k.recent)/2 {
		k.recent, k.expired = append(k.recent[:0], k.recent[n:]...), 0
	}
}

func (k *Linker) closed(l *call.Leg) {
	if l.Place == 0 { // never announced
		k.send(l)
		return
	}
	m := k.members[l.Place-1]
	m.leg = l
	switch {
	case m.gone: // its call went out incomplete
		k.recycle(m)
		k.send(l)
		return
	case m.group == nil:
		k.forget(m)
		k.send(l)
		return
	}
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

// send sends a leg out as a call of its own.
func (k *Linker) send(l *call.Leg) {
	k.legs = append(k.legs[:0], l)
	k.emit(k.builder.build(k.legs, nil))
}

// finish sends a group out and forgets it. Members still open become calls of their own when they close.
func (k *Linker) finish(g *group) {
	legs := k.legs[:0]
	for _, m := range g.members {
		if m.gone {
			continue
		}
		if m.leg != nil {
			legs = append(legs, m.leg)
			k.waiting--
		}
		k.forget(m)
	}
	k.legs = legs
	if len(legs) == 0 {
		return
	}
	slices.SortStableFunc(legs, byBeginning)
	k.emit(k.builder.build(legs, g.links))
}

// forget takes a member whose call goes out from where it can be found.
func (k *Linker) forget(m *member) {
	m.gone = true
	for i := range m.op.Keys {
		key := &m.op.Keys[i]
		in, id := k.wanted, keyID(key)
		if key.Own {
			in = k.owners
		}
		if in[id] == m {
			delete(in, id)
		}
	}
	k.recycle(m)
}
