package decode

import (
	"strconv"

	"sipcause/internal/wire"
)

// TCP flags (RFC 9293 §3.1).
const (
	tcpFIN = 1 << iota
	tcpSYN
	tcpRST
	_
	tcpACK
)

// segment reads a TCP header and goes on with what it says of its connection. Connections are made by SYNs
// and by data, and by a RST that concerns SIP.
func (d *Decoder) segment(b []byte) {
	d.stats.tcp.Segments++
	if len(b) < 20 || b[12]>>4 < 5 || len(b) < int(b[12]>>4)*4 {
		d.skip(reasonTCPBad)
		return
	}
	sport, dport, seq, ack, flags := be16(b), be16(b[2:]), be32(b[4:]), be32(b[8:]), b[13]
	data := b[int(b[12]>>4)*4:]
	size := len(data) + d.cur.missing
	if flags&(tcpSYN|tcpRST|tcpFIN) == 0 && size == 0 && d.tcp.holes.head == nil && d.tcp.unanswered.head == nil {
		return // a bare acknowledgement that nobody waits for
	}
	key, dir := d.connKeyOf(sport, dport)
	c := d.tcp.conns[key]
	if c == nil {
		if size == 0 && flags&tcpSYN == 0 && (flags&tcpRST == 0 || !usualPort(sport) && !usualPort(dport)) {
			return
		}
		c = d.newConn(key, dir, sport, dport)
	}
	h := &c.half[dir]
	if flags&tcpSYN != 0 {
		d.synchronize(c, dir, seq, ack, flags&tcpACK != 0)
		seq++ // data on a SYN (RFC 7413) begins after it
	} else if !c.answered && flags&tcpRST == 0 {
		c.answered = true // or nothing would follow, whether the SYN/ACK was captured or not
		c.syn.leave()
	}
	d.touch(c)
	if flags&tcpACK != 0 {
		d.acknowledged(&c.half[1-dir], ack)
	}
	if flags&tcpRST != 0 {
		d.resetConn(c, dir)
		return
	}
	if size > 0 {
		if c.kind == kindOther {
			d.skip(reasonTCPNotSIP)
			return
		}
		d.data(h, seq, data, d.cur.missing)
	}
	if flags&tcpFIN != 0 {
		d.finished(h, seq+uint32(size))
	}
}

// synchronize takes a SYN or SYN/ACK.
func (d *Decoder) synchronize(c *conn, dir int, seq, ack uint32, answer bool) {
	h, peer := &c.half[dir], &c.half[1-dir]
	if answer || c.syns > 0 && c.client != int8(dir) { // the latter opens from both sides (RFC 9293 §3.5)
		c.answered = true
		c.syn.leave()
		if c.client < 0 {
			c.client = int8(1 - dir)
		}
		if !h.open {
			h.open, h.next = true, seq+1
		}
		if answer && !peer.open {
			peer.open, peer.next = true, ack
			c.fromSYN = true
		}
		return
	}
	switch behind := h.next - (seq + 1); {
	case c.syns > 0 && c.isn == seq:
		c.syns++
		return
	case c.syns == 0 && (c.answered || h.open && behind < 1<<20): // captured after what it opened
	case h.open || c.syns > 0 || peer.open:
		d.renew(c)
	}
	c.client, c.isn, c.syns, c.first, c.fromSYN = int8(dir), seq, 1, d.cur.stamp, true
	if !h.open {
		h.open, h.next = true, seq+1
	}
	if !c.answered && d.concerns(c) {
		d.tcp.unanswered.push(&c.syn, c)
	}
}

// acknowledged takes the peer's word for what h sent: what is missing below it the sender will not repeat.
func (d *Decoder) acknowledged(h *half, ack uint32) {
	if h.hole.in == &d.tcp.holes && int32(ack-h.next) > 0 {
		h.holeAt = d.cur.time
		d.tcp.ackedHoles.push(&h.hole, h)
	}
}

// resetConn takes a RST: once per connection it is an event if the connection concerns SIP.
func (d *Decoder) resetConn(c *conn, dir int) {
	if c.reset {
		return
	}
	flow, worth := d.clientFlow(c), d.concerns(c) && !c.closed
	refused := c.syns > 0 && !c.answered && c.client == int8(1-dir)
	handshake := c.shakesHands()
	for i := range c.half {
		d.abandon(&c.half[i])
	}
	c.reset, c.over = true, true
	c.syn.leave()
	d.touch(c)
	if !worth {
		return
	}
	e := wire.Event{
		Kind: wire.EventTCPReset, Ref: d.cur.ref, Time: d.cur.time, Point: d.cur.point, Flow: flow,
		From: d.cur.src, V6: d.cur.src.Is6(), Detail: "connection reset",
	}
	if refused {
		e.Kind, e.Detail = wire.EventTCPRefused, "connection refused"
	} else if handshake {
		e.Detail = "connection reset in the TLS handshake"
	}
	d.event(&e)
}

// finished takes a FIN at sequence number seq.
func (d *Decoder) finished(h *half, seq uint32) {
	c := h.conn
	if !c.closed && c.sip {
		c.closed = true
		d.event(&wire.Event{
			Kind: wire.EventTCPClosed, Ref: d.cur.ref, Time: d.cur.time, Point: d.cur.point, Flow: d.clientFlow(c),
			From: d.cur.src, V6: d.cur.src.Is6(), Detail: "connection closed",
		})
	}
	if h.fin {
		return
	}
	h.fin, h.finSeq = true, seq
	if h.open && seq == h.next {
		d.endOfStream(h)
	}
	if c.half[1-h.dir].fin && len(h.segs) == 0 && len(c.half[1-h.dir].segs) == 0 {
		c.over = true
		d.touch(c)
	}
}

// expireStreams gives up what has waited too long: holes and SYNs. A clock that leaps back expires them too.
func (d *Decoder) expireStreams(now wire.Time) {
	s := &d.tcp
	late := func(at wire.Time, wait wire.Time) bool { return now-at > wait || at-now > wait }
	for s.holes.head != nil && late(s.holes.head.owner.holeAt, wire.Time(holeWait)) {
		d.giveUp(s.holes.head.owner)
	}
	for s.ackedHoles.head != nil && late(s.ackedHoles.head.owner.holeAt, wire.Time(ackedHoleWait)) {
		d.giveUp(s.ackedHoles.head.owner)
	}
	for s.unanswered.head != nil && late(s.unanswered.head.owner.first.time, wire.Time(synWait)) {
		c := s.unanswered.head.owner
		d.synTimeout(c, c.first.time.Add(synWait))
	}
}

// synTimeout reports a connection that was never answered.
func (d *Decoder) synTimeout(c *conn, until wire.Time) {
	c.syn.leave()
	f := c.flow[c.client]
	d.event(&wire.Event{
		Kind: wire.EventSYNTimeout, Ref: c.first.ref, Time: c.first.time, Point: uint16(c.key.point), Flow: f,
		V6: f.Src.Addr().Is6(), Until: until, Detail: strconv.Itoa(c.syns) + " SYN without answer",
	})
}

// flushStreams ends the capture: holes are given up, partial messages handed on as such, and SYNs without
// answer reported if they were repeated or are old enough.
func (d *Decoder) flushStreams(at wire.Time) {
	s := &d.tcp
	for s.holes.head != nil {
		d.giveUp(s.holes.head.owner)
	}
	for s.ackedHoles.head != nil {
		d.giveUp(s.ackedHoles.head.owner)
	}
	for s.held.head != nil {
		h := s.held.head.owner
		d.abandon(h)
		h.keep.leave()
	}
	for n := s.unanswered.head; n != nil; n = s.unanswered.head {
		c := n.owner
		if c.syns > 1 || at-c.first.time >= wire.Time(synFlushWait) {
			d.synTimeout(c, at)
		} else {
			c.syn.leave()
		}
	}
}
