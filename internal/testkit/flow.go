package testkit

import (
	"bytes"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"sipcause/internal/wire"
)

// Item is one thing that decode would hand on: exactly one field is set.
type Item struct {
	Payload *wire.Payload
	Event   *wire.Event
	Gap     *wire.Gap
	Media   *wire.Media
}

// Flow is one call flow: what it puts on the wire and what diagnosis should say of it.
type Flow struct {
	Name    string // "main" for the leading part of a file
	Items   []Item // as decode hands them on; their data belong to the flow
	Packets []wire.Packet
	Begin   wire.Time
	End     wire.Time // of the last line and of the last packet; flush here
	Wants   []Want
	keys    map[string]string
}

// CallID returns the Call-ID that callid=key stands for; the first call's key is "1".
func (f *Flow) CallID(key string) string { return callID(f.Name, key) }

// Keys returns the keys of the flow's Call-IDs, in order of name.
func (f *Flow) Keys() []string { return slices.Sorted(maps.Keys(f.keys)) }

// Pcap returns the flow as a capture file: nanoseconds, Ethernet.
func (f *Flow) Pcap() []byte { return Pcap(f.Packets) }

// packetise turns emissions into packets and items, in order of time.
func (s *player) packetise(f *Flow) {
	slices.SortStableFunc(s.out, func(a, b emission) int { return int(a.at - b.at) })
	f.Begin, f.End = base, base.Add(max(s.now, 0))
	if n := len(s.out); n > 0 {
		f.End = max(f.End, base.Add(s.out[n-1].at))
	}
	w := &writer{f: f, syns: map[*conn]*int{}}
	for i := range s.out {
		e := &s.out[i]
		if !e.unseen && e.kind != emitGap {
			w.expire(base.Add(e.at))
		}
		if !e.unseen {
			w.put(e)
		}
	}
	w.flush()
}

// writer appends packets and items to a flow.
type writer struct {
	f    *Flow
	at   wire.Time
	frag []absence // datagrams of which a fragment is missing
	syn  []absence // SYNs without answer
	syns map[*conn]*int
}

// absence is something that decode reports when it has waited for it in vain.
type absence struct {
	since  wire.Time
	report func(until wire.Time)
}

// How long decode waits until it says that something is missing.
const (
	fragmentWait = 30 * time.Second
	synWait      = 20 * time.Second
)

// expire reports what has been missing long enough.
func (w *writer) expire(now wire.Time) {
	for _, l := range []struct {
		list *[]absence
		wait time.Duration
	}{{&w.frag, fragmentWait}, {&w.syn, synWait}} {
		for len(*l.list) > 0 && now.Sub((*l.list)[0].since) > l.wait {
			a := (*l.list)[0]
			*l.list = (*l.list)[1:]
			a.report(a.since.Add(l.wait))
		}
	}
}

// flush reports what is missing at the end.
func (w *writer) flush() {
	for _, a := range append(w.frag, w.syn...) {
		a.report(w.f.End)
	}
}

// packet appends one packet and returns its name.
func (w *writer) packet(ip []byte, snap int) wire.PacketRef {
	frame := Ethernet(ip)
	p := wire.Packet{Ref: wire.PacketRef{Number: uint64(len(w.f.Packets) + 1)}, Time: w.at, Link: 1, WireLen: len(frame), Data: frame}
	if snap > 0 && snap < len(frame) {
		p.Data = frame[:snap:snap]
	}
	w.f.Packets = append(w.f.Packets, p)
	return p.Ref
}

func (w *writer) put(e *emission) {
	w.at = base.Add(e.at)
	switch e.kind {
	case emitMessage:
		if e.conn != nil {
			w.stream(e)
		} else {
			w.datagram(e)
		}
	case emitICMP:
		w.icmp(e)
	case emitSYN, emitSYNRefused:
		w.unanswered(e)
	case emitRST, emitFIN:
		w.end(e)
	case emitRTP:
		m := e.media
		b := m.Data
		if !m.RTCP {
			b = RTP(&m, 160)
		}
		m.Ref = w.packet(UDP(e.flow.Src, e.flow.Dst, 0, b), 0)
		m.Time = w.at
		w.f.Items = append(w.f.Items, Item{Media: &m})
	case emitGap:
		g := *e.gap
		g.Ref = wire.PacketRef{Number: uint64(len(w.f.Packets))}
		w.f.Items = append(w.f.Items, Item{Gap: &g})
	}
}

// mtu of every link: an IP packet that is longer is fragmented.
const mtu = 1500

// datagram sends a message over UDP.
func (w *writer) datagram(e *emission) {
	p := wire.Payload{Time: w.at, Flow: e.flow, Data: e.data, IPID: e.ipid}
	ip := UDP(e.flow.Src, e.flow.Dst, e.ipid, e.data)
	if len(ip) <= mtu {
		p.Ref = w.packet(ip, e.snap)
		if lost := 14 + len(ip) - e.snap; e.snap > 0 && lost > 0 {
			p.Truncated = true
			p.Data = wholeFields(p.Data[:max(0, len(p.Data)-lost)])
		}
		w.f.Items = append(w.f.Items, Item{Payload: &p})
		return
	}
	frags := Fragment(ip, mtu, uint32(len(w.f.Packets)+1))
	if e.loseFrag > 0 {
		w.lossy(e, ip, frags)
		return
	}
	for _, fr := range frags {
		p.Ref = w.packet(fr, 0)
	}
	p.Fragments = len(frags)
	w.f.Items = append(w.f.Items, Item{Payload: &p})
}

// wholeFields takes the last line off a message that is cut inside its header, as decode does.
func wholeFields(b []byte) []byte {
	if bytes.Contains(b, []byte("\r\n\r\n")) {
		return b
	}
	return b[:bytes.LastIndexByte(b, '\n')+1]
}

// lossy sends all fragments of a datagram but one. Without the first one its ports are not known.
func (w *writer) lossy(e *emission, ip []byte, frags [][]byte) {
	header := 20
	if e.flow.Src.Addr().Is6() {
		header = 40
	}
	var first wire.PacketRef
	covered, prefix := 0, -1
	for i, fr := range frags {
		if i+1 == e.loseFrag {
			prefix = covered
			continue
		}
		ref := w.packet(fr, 0)
		if covered == 0 {
			first = ref
		}
		if covered += len(fr) - header; header == 40 {
			covered -= 8 // the fragment header
		}
	}
	ev := wire.Event{
		Kind: wire.EventFragLost, Ref: first, Time: w.at, Flow: e.flow, V6: header == 40, Detail: "fragments missing", FirstBytes: covered,
	}
	if prefix > 8 {
		ev.Quote = ip[header+8 : header+prefix]
	} else {
		ev.Flow.Src, ev.Flow.Dst = netip.AddrPortFrom(e.flow.Src.Addr(), 0), netip.AddrPortFrom(e.flow.Dst.Addr(), 0)
	}
	w.frag = append(w.frag, absence{w.at, func(until wire.Time) {
		ev.Until = until
		gap := wire.Gap{
			Kind: wire.GapFragments, Ref: ev.Ref, From: ev.Time, Until: until,
			Where: ev.Flow.Src.String() + " -> " + ev.Flow.Dst.String(), Flow: ev.Flow,
		}
		w.f.Items = append(w.f.Items, Item{Event: &ev}, Item{Gap: &gap})
	}})
}

// stream sends a message over TCP, opening the connection first.
func (w *writer) stream(e *emission) {
	c := e.conn
	if !c.opened {
		c.opened = true
		w.packet(TCP(c.client, c.server, c.seq[0], 0, SYN, nil), 0)
		w.packet(TCP(c.server, c.client, c.seq[1], c.seq[0]+1, SYN|ACK, nil), 0)
		c.seq[0]++
		c.seq[1]++
		w.packet(TCP(c.client, c.server, c.seq[0], c.seq[1], ACK, nil), 0)
	}
	dir := 0
	if e.flow.Src == c.server {
		dir = 1
	}
	p := wire.Payload{Time: w.at, Flow: e.flow, Data: e.data}
	for part := range slices.Chunk(e.data, 1400) {
		p.Ref = w.packet(TCP(e.flow.Src, e.flow.Dst, c.seq[dir], c.seq[1-dir], PSH|ACK, part), 0)
		c.seq[dir] += uint32(len(part))
	}
	w.f.Items = append(w.f.Items, Item{Payload: &p})
}

// icmp sends an error that quotes a packet: as much as fits in 576 bytes (RFC 1812 §4.3.2.3), or for IPv6 in
// the minimum MTU (RFC 4443 §2.4).
func (w *writer) icmp(e *emission) {
	k := e.icmp
	v6 := e.flow.Src.Addr().Is6()
	quoted := UDP(e.flow.Src, e.flow.Dst, e.ipid, e.data)
	if e.flow.Transport == wire.TCP {
		quoted = TCP(e.flow.Src, e.flow.Dst, 1, 1, PSH|ACK, e.data)
	}
	room, header := 576-28, 20
	typ, code, words := k.typ4, k.code4, k.words4
	if v6 {
		room, header = 1280-48, 40
		typ, code, words = k.typ6, k.code6, k.words6
	}
	header += 8
	if e.flow.Transport == wire.TCP {
		header += 12
	}
	cut := quoted[:min(len(quoted), room)]
	ev := wire.Event{
		Kind: wire.EventICMP, Time: w.at, Flow: e.flow, From: e.from, ICMPType: typ, ICMPCode: code, V6: v6,
		Detail: words, Quote: cut[header:],
	}
	if k.mtu != 0 {
		ev.Kind = wire.EventICMPTooBig
	}
	ev.Ref = w.packet(ICMP(e.from, e.flow.Src.Addr(), typ, code, k.mtu, cut), 0)
	w.f.Items = append(w.f.Items, Item{Event: &ev})
}

// unanswered sends a SYN that gets no answer, or a RST.
func (w *writer) unanswered(e *emission) {
	c := e.conn
	ref := w.packet(TCP(c.client, c.server, c.seq[0], 0, SYN, nil), 0)
	ev := wire.Event{Kind: wire.EventSYNTimeout, Ref: ref, Time: w.at, Flow: e.flow, V6: c.client.Addr().Is6()}
	if e.kind == emitSYNRefused {
		ev.Ref = w.packet(TCP(c.server, c.client, 0, c.seq[0]+1, RST|ACK, nil), 0)
		ev.Kind, ev.From, ev.Detail = wire.EventTCPRefused, c.server.Addr(), "connection refused"
		w.f.Items = append(w.f.Items, Item{Event: &ev})
		return
	}
	if n, ok := w.syns[c]; ok {
		*n++
		return
	}
	n := 1
	w.syns[c] = &n
	w.syn = append(w.syn, absence{w.at, func(until wire.Time) {
		if n == 1 && until.Sub(ev.Time) < 3*time.Second {
			return // too early to say
		}
		ev.Until, ev.Detail = until, strconv.Itoa(n)+" SYN without answer"
		w.f.Items = append(w.f.Items, Item{Event: &ev})
	}})
}

// end resets or closes a connection.
func (w *writer) end(e *emission) {
	c, dir := e.conn, 0
	if e.flow.Src == c.server {
		dir = 1
	}
	ev := wire.Event{
		Kind: wire.EventTCPReset, Time: w.at, Flow: wire.Flow{Transport: wire.TCP, Src: c.client, Dst: c.server},
		From: e.flow.Src.Addr(), V6: e.flow.Src.Addr().Is6(), Detail: "connection reset",
	}
	flags := byte(RST | ACK)
	if e.kind == emitFIN {
		flags = FIN | ACK
		ev.Kind, ev.Detail = wire.EventTCPClosed, "connection closed"
	}
	ev.Ref = w.packet(TCP(e.flow.Src, e.flow.Dst, c.seq[dir], c.seq[1-dir], flags, nil), 0)
	w.f.Items = append(w.f.Items, Item{Event: &ev})
}
