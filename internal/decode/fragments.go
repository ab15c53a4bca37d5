package decode

import (
	"net/netip"
	"slices"

	"sipcause/internal/wire"
)

const (
	maxDatagram = 65535 // bytes of an IP payload; beyond is an attack (ping of death)
	maxParts    = 256   // disjoint pieces held of a datagram; an honest one has at most 45 of 1480 bytes
	maxEchoes   = 1024  // completed datagrams remembered to know their fragments captured again
)

// fragmentKey names a datagram: RFC 791 §3.2 and RFC 8200 §4.5 (which leaves the protocol out). The same
// packets captured at two points are two datagrams.
type fragmentKey struct {
	src, dst netip.Addr
	id       uint32
	point    uint16
	proto    uint8
	v6       bool
}

// fragment is one IP fragment as its header tells.
type fragment struct {
	key    fragmentKey
	proto  uint8
	more   bool
	offset int
	data   []byte
}

// part is a piece of a datagram: bytes [off,end) of it as sent, of which have are captured, at data[pos:].
type part struct{ off, end, pos, have int }

// datagram is one being put together.
type datagram struct {
	node[datagram]
	key         fragmentKey
	first, last stamp
	parts       []part // disjoint, by offset
	data        []byte // of all parts, in order of arrival
	whole       []byte // scratch for those that did not arrive in order
	total       int    // length of the payload, -1 until the last fragment came
	covered     int    // bytes of it seen
	count       int    // fragments
	proto       uint8
	dead        bool // overlapped in IPv6: what else comes is ignored
	echo        bool // its fragments were delivered just before: captured twice
}

// fragments holds the datagrams being put together, oldest first.
type fragments struct {
	byKey  map[fragmentKey]*datagram
	order  list[datagram]
	held   int // bytes
	free   []*datagram
	echoes map[fragmentKey]wire.Time
	ring   []fragmentKey // keys of echoes, oldest overwritten first
	next   int
}

func (f *fragments) init() {
	f.byKey = map[fragmentKey]*datagram{}
	f.echoes = map[fragmentKey]wire.Time{}
}

// fragment takes one IP fragment and goes on with the datagram if it is the last one missing.
func (d *Decoder) fragment(f fragment) {
	st := &d.stats.frag
	st.Seen++
	end := f.offset + len(f.data) + d.cur.missing
	if end > maxDatagram || end == f.offset || (f.more && (end-f.offset)%8 != 0) {
		d.skip(reasonFragmentBad)
		return
	}
	g := d.frags.byKey[f.key]
	if g == nil {
		g = d.newDatagram(f.key)
	}
	g.count++
	g.last = d.cur.stamp
	if g.dead {
		d.skip(reasonFragmentBad)
		return
	}
	if !f.more {
		if g.total >= 0 && g.total != end {
			d.skip(reasonFragmentBad)
			return
		}
		g.total = end
	}
	if f.offset == 0 {
		g.proto = f.proto
	}
	if !d.addPart(g, f.offset, end, f.data) {
		return
	}
	if g.total >= 0 && g.covered == g.total && g.parts[len(g.parts)-1].end == g.total {
		d.complete(g)
		return
	}
	for d.frags.held > d.opt.MaxFragmentBytes {
		d.evictDatagram()
	}
}

func (d *Decoder) newDatagram(key fragmentKey) *datagram {
	fs := &d.frags
	for fs.order.n >= d.opt.MaxDatagrams {
		d.evictDatagram()
	}
	var g *datagram
	if n := len(fs.free); n > 0 {
		g, fs.free = fs.free[n-1], fs.free[:n-1]
	} else {
		g = new(datagram)
	}
	*g = datagram{key: key, first: d.cur.stamp, parts: g.parts[:0], data: g.data[:0], whole: g.whole, total: -1, proto: key.proto}
	if at, ok := fs.echoes[key]; ok && d.cur.time-at <= wire.Time(fragmentEcho) {
		g.echo = true
		d.stats.frag.EchoesAfterComplete++
	}
	fs.byKey[key] = g
	fs.order.push(&g.node, g)
	return g
}

// addPart keeps what of [off,end) is not there yet; the first to come wins (RFC 5722 §4 forbids any
// overlap in IPv6 but an exact duplicate). False when nothing was added.
func (d *Decoder) addPart(g *datagram, off, end int, data []byte) bool {
	st := &d.stats.frag
	i, _ := slices.BinarySearchFunc(g.parts, off, func(p part, off int) int {
		if p.end <= off {
			return -1
		}
		return 1
	})
	if i == len(g.parts) || g.parts[i].off >= end { // touches nothing: the only honest case but a duplicate
		return d.insertPart(g, i, off, end, data)
	}
	if g.parts[i].off <= off && g.parts[i].end >= end {
		if g.parts[i].off == off && g.parts[i].end == end {
			st.Duplicate++
			return false
		}
		st.Overlapping++
		d.overlap6(g)
		return false
	}
	st.Overlapping++
	if d.overlap6(g) {
		return false
	}
	added := false
	for at := off; at < end; i++ {
		stop := end
		if i < len(g.parts) {
			stop = min(end, g.parts[i].off)
		}
		if at < stop {
			if !d.insertPart(g, i, at, stop, data[min(at-off, len(data)):min(stop-off, len(data))]) {
				return added
			}
			added = true
			i++
		}
		if i == len(g.parts) {
			break
		}
		at = g.parts[i].end
	}
	return added
}

// overlap6 gives an IPv6 datagram up for an overlap and says whether it did.
func (d *Decoder) overlap6(g *datagram) bool {
	if g.key.v6 {
		g.dead = true
		d.frags.held -= len(g.data)
		g.data = g.data[:0]
	}
	return g.key.v6
}

func (d *Decoder) insertPart(g *datagram, i, off, end int, data []byte) bool {
	if len(g.parts) >= maxParts {
		d.skip(reasonFragmentCap)
		return false
	}
	g.parts = slices.Insert(g.parts, i, part{off, end, len(g.data), len(data)})
	g.data = append(g.data, data...)
	g.covered += end - off
	d.frags.held += len(data)
	d.stats.frag.PeakHeld = max(d.stats.frag.PeakHeld, d.frags.held)
	return true
}

// complete goes on with a whole datagram; it is the packet at hand that completed it.
func (d *Decoder) complete(g *datagram) {
	d.stats.frag.Reassembled++
	d.remember(g.key)
	d.unlinkDatagram(g)
	data := g.prefix()
	d.cur.frags = len(g.parts)
	d.cur.missing = g.total - len(data)
	proto, ok := g.proto, true
	if g.key.v6 {
		proto, data, ok = skipExtensions(proto, data)
	}
	if !ok || proto == protoFragment {
		d.skip(reasonIPBad)
	} else if d.enter() {
		d.ipPayload(proto, data)
	}
	d.recycle(g)
}

// prefix returns the bytes of the datagram from its beginning up to the first that is missing.
func (g *datagram) prefix() []byte {
	g.whole = g.whole[:0]
	inOrder := true
	for i, at := 0, 0; i < len(g.parts); i++ {
		p := g.parts[i]
		if p.off != at {
			break
		}
		if p.pos != p.off {
			inOrder = false
		}
		g.whole = append(g.whole, g.data[p.pos:p.pos+p.have]...)
		if p.have < p.end-p.off {
			break
		}
		at = p.end
	}
	if inOrder {
		return g.data[:len(g.whole)]
	}
	return g.whole
}

func (d *Decoder) remember(key fragmentKey) {
	fs := &d.frags
	if _, ok := fs.echoes[key]; !ok {
		if len(fs.ring) < maxEchoes {
			fs.ring = append(fs.ring, key)
		} else {
			delete(fs.echoes, fs.ring[fs.next])
			fs.ring[fs.next] = key
			fs.next = (fs.next + 1) % maxEchoes
		}
	}
	fs.echoes[key] = d.cur.time
}

func (d *Decoder) unlinkDatagram(g *datagram) {
	delete(d.frags.byKey, g.key)
	g.leave()
	d.frags.held -= len(g.data)
}

func (d *Decoder) recycle(g *datagram) {
	if cap(g.data)+cap(g.whole) <= 32<<10 && len(d.frags.free) < 64 {
		d.frags.free = append(d.frags.free, g)
	}
}

func (d *Decoder) evictDatagram() {
	g := d.frags.order.head.owner
	d.stats.frag.Evicted++
	d.stats.undecoded[reasonFragmentCap] += uint64(g.count)
	d.unlinkDatagram(g)
	if !g.echo {
		d.gap(wire.Gap{
			Kind: wire.GapEvicted, Point: g.key.point, Ref: g.first.ref, From: g.first.time, Until: g.last.time,
			Where: "fragments " + g.key.src.String() + " -> " + g.key.dst.String(), Bytes: uint64(len(g.data)),
		})
	}
	d.recycle(g)
}

// expireFragments gives up datagrams begun too long before now; a clock that leaps back expires them too,
// or one wrong timestamp would hold up the queue.
func (d *Decoder) expireFragments(now wire.Time) {
	for n := d.frags.order.head; n != nil; n = d.frags.order.head {
		age := now - n.owner.first.time
		if age >= -wire.Time(fragmentWait) && age <= wire.Time(fragmentWait) {
			return
		}
		d.loseDatagram(n.owner, n.owner.first.time.Add(fragmentWait))
	}
}

func (d *Decoder) flushFragments(at wire.Time) {
	for n := d.frags.order.head; n != nil; n = d.frags.order.head {
		d.loseDatagram(n.owner, at)
	}
}

// loseDatagram reports a datagram that never became whole, if it was SIP or nothing says it was not.
func (d *Decoder) loseDatagram(g *datagram, until wire.Time) {
	d.stats.frag.Lost++
	d.stats.undecoded[reasonFragment] += uint64(g.count)
	d.unlinkDatagram(g)
	defer d.recycle(g)
	if g.echo {
		return
	}
	flow, quote, sip := d.lostFlow(g)
	if !sip {
		return
	}
	d.cur.point = g.key.point
	detail := "fragments missing"
	if g.dead {
		detail = "overlapping fragments discarded"
	}
	d.event(&wire.Event{
		Kind: wire.EventFragLost, Ref: g.first.ref, Time: g.first.time, Point: g.key.point, Flow: flow,
		V6: g.key.v6, Until: until, Detail: detail, Quote: quote, FirstBytes: g.covered,
	})
	d.gap(wire.Gap{
		Kind: wire.GapFragments, Point: g.key.point, Ref: g.first.ref, From: g.first.time, Until: until,
		Where: flow.Src.String() + " -> " + flow.Dst.String(), Flow: flow,
	})
}

// lostFlow says whose an incomplete datagram is: ports only if its first fragment came. Only UDP and TCP
// matter, and not what is visibly something else.
func (d *Decoder) lostFlow(g *datagram) (flow wire.Flow, quote []byte, sip bool) {
	flow.Src, flow.Dst = netip.AddrPortFrom(g.key.src, 0), netip.AddrPortFrom(g.key.dst, 0)
	proto := g.proto
	if g.dead || len(g.parts) == 0 || g.parts[0].off != 0 {
		switch {
		case proto == protoTCP:
			flow.Transport = wire.TCP
		case proto == protoUDP:
			flow.Transport = wire.UDP
		case !g.key.v6 || proto != 0:
			return flow, nil, false
		}
		return flow, nil, true
	}
	flow, quote, ok := quotedFlow(proto, g.key.src, g.key.dst, g.prefix())
	return flow, quote, ok && d.concernsSIP(flow, quote)
}
