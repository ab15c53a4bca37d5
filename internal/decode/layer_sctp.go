package decode

import (
	"slices"

	"sipcause/internal/wire"
)

const (
	maxChunkParts = 256     // chunks held of one direction of an association
	maxChunkBytes = 4 << 20 // bytes held of all associations
	chunkMemory   = 64      // TSNs remembered of one direction, to know a chunk that is sent again
)

// dataChunk is a DATA chunk (RFC 9260 §3.3.1). cut says that the capture does not have all of data.
type dataChunk struct {
	tsn                   uint32
	stream, seq           uint16
	begin, end, unordered bool
	cut                   bool
	data                  []byte
	at                    stamp
	flow                  wire.Flow
}

// joins says whether n is the chunk after c of the same message: its TSN is the next, and it is of the same
// stream and number (RFC 9260 §6.9).
func (c *dataChunk) joins(n *dataChunk) bool {
	return n.tsn == c.tsn+1 && !c.end && !n.begin && n.stream == c.stream && n.seq == c.seq && n.unordered == c.unordered
}

// associationKey names one direction of an association: the verification tag is the receiver's (RFC 9260 §3.1).
// Addresses are left out: a sender may use several.
type associationKey struct {
	tag          uint32
	sport, dport uint16
	point        uint16
}

// association is one direction of an association that carried SIP.
type association struct {
	node[association]
	key    associationKey
	recent [chunkMemory]uint32 // TSNs of chunks taken, the oldest overwritten
	taken  int
	parts  []dataChunk // of messages under way, by TSN
	held   int         // bytes of parts
	last   wire.Time   // when the last of parts came
}

// associations are those that carried SIP, least recently used first.
type associations struct {
	byKey map[associationKey]*association
	order list[association]
	held  int
	whole []byte // scratch for a message of several chunks
}

func (s *associations) init() { s.byKey = map[associationKey]*association{} }

// sctp reads an SCTP packet (RFC 9260 §3). A SIP message is one user message (RFC 4168 §3.2, §5.1), in whatever stream
// and order. What bears no data is understood and bears nothing.
func (d *Decoder) sctp(b []byte) {
	if len(b) < 12 {
		d.skip(reasonSCTPBad)
		return
	}
	flow := d.flow(wire.SCTP, be16(b), be16(b[2:]))
	key := associationKey{tag: be32(b[4:]), sport: be16(b), dport: be16(b[2:]), point: d.cur.point}
	other := false
	for b = b[12:]; len(b) >= 4; {
		typ, flags, size := b[0], b[1], int(be16(b[2:]))
		cut := size > len(b)
		if size < 4 || cut && d.cur.missing == 0 {
			d.skip(reasonSCTPBad)
			return
		}
		chunk := b[:min(size, len(b))]
		b = b[min(len(b), (size+3)&^3):]
		if typ != 0 {
			continue
		}
		if size <= 16 { // no user data is an error (RFC 9260 §3.3.10.9)
			d.skip(reasonSCTPBad)
			return
		}
		if len(chunk) <= 16 {
			continue // cut before the data
		}
		d.stats.sctp.Chunks++
		c := dataChunk{
			tsn: be32(chunk[4:]), stream: be16(chunk[8:]), seq: be16(chunk[10:]),
			end: flags&1 != 0, begin: flags&2 != 0, unordered: flags&4 != 0, cut: cut, data: chunk[16:], at: d.cur.stamp, flow: flow,
		}
		other = !d.chunk(key, &c) || other
	}
	if other {
		d.skip(reasonSCTP)
	}
}

// chunk takes one DATA chunk; false when it is of no interest.
func (d *Decoder) chunk(key associationKey, c *dataChunk) bool {
	a := d.sctps.byKey[key]
	if c.begin && c.end && keepalive(c.data) {
		d.stats.keepalives++
		return true
	}
	if a == nil && !(c.begin && isSIP(c.data)) {
		return false
	}
	if a == nil {
		a = d.newAssociation(key)
	}
	d.sctps.order.push(&a.node, a)
	if slices.Contains(a.recent[:min(a.taken, chunkMemory)], c.tsn) {
		d.stats.sctp.Repeated++
		return true
	}
	a.recent[a.taken%chunkMemory] = c.tsn
	a.taken++
	if c.begin && c.end {
		if !isSIP(c.data) {
			return false
		}
		d.deliver(c.data, c.flow, c.at, c.cut)
		return true
	}
	d.part(a, c)
	return true
}

func (d *Decoder) newAssociation(key associationKey) *association {
	s := &d.sctps
	for s.order.n >= d.opt.MaxAssociations {
		old := s.order.head.owner
		d.stats.sctp.Evicted++
		d.loseParts(old, len(old.parts), d.cur.time, wire.GapEvicted)
		old.leave()
		delete(s.byKey, old.key)
	}
	a := &association{key: key}
	s.byKey[key] = a
	s.order.push(&a.node, a)
	return a
}

// part keeps a part of a message and hands the message on when it was the last one missing.
func (d *Decoder) part(a *association, c *dataChunk) {
	s := &d.sctps
	if len(a.parts) > 0 && d.cur.time-a.last > wire.Time(fragmentWait) {
		d.loseParts(a, len(a.parts), d.cur.time, wire.GapFragments)
	}
	for len(a.parts) >= maxChunkParts || len(a.parts) > 0 && a.held+len(c.data) > d.opt.MaxStreamBytes {
		d.loseParts(a, 1, d.cur.time, wire.GapEvicted)
	}
	for s.held+len(c.data) > maxChunkBytes {
		d.loseParts(s.holder(), 1, d.cur.time, wire.GapEvicted)
	}
	i, _ := slices.BinarySearchFunc(a.parts, c.tsn, func(p dataChunk, tsn uint32) int { return int(int32(p.tsn - tsn)) })
	kept := *c
	kept.data = slices.Clone(c.data)
	a.parts = slices.Insert(a.parts, i, kept)
	a.held += len(c.data)
	a.last = d.cur.time
	s.held += len(c.data)
	d.stats.sctp.PeakHeld = max(d.stats.sctp.PeakHeld, s.held)
	first, end := i, i+1
	for first > 0 && a.parts[first-1].joins(&a.parts[first]) {
		first--
	}
	for end < len(a.parts) && a.parts[end-1].joins(&a.parts[end]) {
		end++
	}
	if a.parts[first].begin && a.parts[end-1].end {
		d.join(a, first, end)
	}
}

// holder returns the association that was idle longest of those that hold something; there is one.
func (s *associations) holder() *association {
	n := s.order.head
	for len(n.owner.parts) == 0 {
		n = n.next
	}
	return n.owner
}

// join hands on the message that the parts from first to end make.
func (d *Decoder) join(a *association, first, end int) {
	s := &d.sctps
	s.whole = s.whole[:0]
	at, flow, cut := a.parts[first].at, a.parts[first].flow, false
	for i := first; i < end; i++ {
		p := &a.parts[i]
		if !cut {
			s.whole = append(s.whole, p.data...)
		}
		cut = cut || p.cut
		if at.ref.Less(p.at.ref) {
			at = p.at
		}
	}
	d.forget(a, first, end)
	if !isSIP(s.whole) {
		d.skip(reasonSCTP)
		return
	}
	d.stats.sctp.Reassembled++
	d.deliver(s.whole, flow, at, cut)
}

// forget takes parts out of a.
func (d *Decoder) forget(a *association, first, end int) {
	for i := first; i < end; i++ {
		a.held -= len(a.parts[i].data)
		d.sctps.held -= len(a.parts[i].data)
	}
	a.parts = slices.Delete(a.parts, first, end)
}

// loseParts gives up the first n parts of a. The beginning of a message among them is handed on as far as it came.
func (d *Decoder) loseParts(a *association, n int, until wire.Time, kind wire.GapKind) {
	if n == 0 {
		return
	}
	first, size, point := a.parts[0], 0, d.cur.point
	d.cur.point = a.key.point
	for i := range n {
		p := &a.parts[i]
		size += len(p.data)
		if p.begin && isSIP(p.data) {
			d.deliver(p.data, p.flow, p.at, true)
		}
	}
	d.cur.point = point
	d.stats.sctp.Lost += uint64(n)
	d.forget(a, 0, n)
	d.gap(wire.Gap{
		Kind: kind, Point: a.key.point, Ref: first.at.ref, From: first.at.time, Until: until,
		Where: "SCTP " + first.flow.Src.String() + " -> " + first.flow.Dst.String(), Flow: first.flow, Lost: uint64(n), Bytes: uint64(size),
	})
}

// flushAssociations gives up what is partial, at the end of a capture.
func (d *Decoder) flushAssociations(at wire.Time) {
	for n := d.sctps.order.head; n != nil; n = n.next {
		d.loseParts(n.owner, len(n.owner.parts), at, wire.GapFragments)
	}
}
