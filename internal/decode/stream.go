package decode

import (
	"bytes"
	"slices"

	"sipcause/internal/hep"
	"sipcause/internal/wire"
	"sipcause/sip"
)

const (
	maxSegments = 1024     // pieces held beyond holes of one direction
	searchBytes = 64 << 10 // looked through for SIP in a connection begun before the capture
	maxOpening  = 512      // bytes of a first line without end that may still become a start line
	farAway     = 1 << 24  // sequence numbers further apart belong to different connections
)

// data takes the bytes of one segment at sequence number seq; missing more were on the wire but are not captured.
func (d *Decoder) data(h *half, seq uint32, b []byte, missing int) {
	if h.opaque {
		d.skip(h.why)
		return
	}
	if !h.open {
		h.open, h.next = true, seq
	}
	ahead := int32(seq - h.next)
	if ahead > farAway || ahead < -farAway { // another connection whose SYN we did not see
		d.abandon(h)
		h.next, ahead = seq, 0
		h.fin = false
	}
	if ahead < 0 {
		old := int(-ahead)
		if old >= len(b)+missing {
			d.stats.tcp.Retransmitted++
			return
		}
		b, missing = behead(b, missing, old)
		seq, ahead = h.next, 0
	}
	if ahead > 0 {
		d.stats.tcp.OutOfOrder++
		d.beyondHole(h, seq, b, missing)
		return
	}
	d.advance(h, b, missing, d.cur.stamp)
	if len(h.segs) > 0 || h.fin {
		d.drain(h, d.cur.stamp)
	}
}

// behead drops the first n bytes of a segment of which missing are not captured.
func behead(b []byte, missing, n int) ([]byte, int) {
	if n <= len(b) {
		return b[n:], missing
	}
	return nil, missing - (n - len(b))
}

// advance takes bytes that are next in order, then passes over those that were not captured.
func (d *Decoder) advance(h *half, b []byte, missing int, at stamp) {
	h.next += uint32(len(b) + missing)
	if len(b) > 0 {
		d.consume(h, b, at)
	}
	if missing > 0 {
		d.lose(h, missing, wire.GapSnapLength, at)
	}
}

// beyondHole keeps what came before what precedes it; what is there already wins.
func (d *Decoder) beyondHole(h *half, seq uint32, b []byte, missing int) {
	for len(h.segs) >= maxSegments || h.segBytes+len(b) > d.opt.MaxStreamBytes {
		d.giveUp(h)
		if ahead := int32(seq - h.next); ahead <= 0 { // the hole before it is gone: in order now
			d.data(h, seq, b, missing)
			return
		}
	}
	i := 0
	for len(b)+missing > 0 {
		for i < len(h.segs) && int32(h.segs[i].end-seq) <= 0 {
			i++
		}
		n := len(b) + missing
		if i < len(h.segs) {
			n = min(n, max(0, int(int32(h.segs[i].seq-seq))))
		}
		if n > 0 {
			d.insertSegment(h, i, seq, b[:min(n, len(b))], n)
			i++
		} else {
			n = min(len(b)+missing, int(int32(h.segs[i].end-seq)))
		}
		seq += uint32(n)
		b, missing = behead(b, missing, n)
	}
	d.startHole(h)
}

func (d *Decoder) insertSegment(h *half, i int, seq uint32, b []byte, size int) {
	data := append(d.getBuf(), b...)
	h.segBytes += cap(data)
	h.segs = slices.Insert(h.segs, i, tcpSegment{seq, seq + uint32(size), data, d.cur.stamp})
	d.charge(h, cap(data))
}

func (d *Decoder) startHole(h *half) {
	if h.hole.in == nil {
		h.holeAt = d.cur.time
		d.tcp.holes.push(&h.hole, h)
	}
}

// drain consumes held segments as far as they follow without a hole. Messages they complete are of the
// latest packet involved, at being one.
func (d *Decoder) drain(h *half, at stamp) {
	for len(h.segs) > 0 && int32(h.segs[0].seq-h.next) <= 0 {
		s := h.segs[0]
		h.segs = slices.Delete(h.segs, 0, 1)
		h.segBytes -= cap(s.data)
		d.tcp.buffered -= cap(s.data)
		latest := max(at.time, s.at.time) // a file may have its packets in another order than they came
		if at.ref.Less(s.at.ref) {
			at = s.at
		}
		at.time = latest
		if int32(s.end-h.next) > 0 {
			b, missing := behead(s.data, int(s.end-s.seq)-len(s.data), int(h.next-s.seq))
			d.advance(h, b, missing, at)
		}
		d.putBuf(s.data)
	}
	h.hole.leave()
	switch {
	case len(h.segs) > 0:
		d.startHole(h)
	case len(h.buf) == 0 && len(h.wsText) == 0:
		h.keep.leave()
	}
	if h.fin && len(h.segs) == 0 && h.next == h.finSeq {
		d.endOfStream(h)
	}
}

// giveUp passes over the first hole of h and consumes what is beyond it.
func (d *Decoder) giveUp(h *half) {
	if len(h.segs) == 0 {
		h.hole.leave()
		return
	}
	d.cur.point = uint16(h.conn.key.point)
	first := h.segs[0]
	d.lose(h, int(first.seq-h.next), wire.GapTCP, first.at)
	h.next = first.seq
	d.drain(h, first.at)
}

// lose records n missing bytes: the message under way is handed on as far as it came.
func (d *Decoder) lose(h *half, n int, kind wire.GapKind, at stamp) {
	st := &d.stats.tcp
	st.LostBytes += uint64(n)
	from := h.last.time
	d.partial(h)
	d.outOfStep(h)
	if kind == wire.GapSnapLength { // capture reports the snap length once; here it would be once per packet
		return
	}
	if kind == wire.GapTCP {
		st.Holes++
	}
	if from == 0 {
		from = at.time
	}
	d.gap(wire.Gap{Kind: kind, Point: uint16(h.conn.key.point), Ref: at.ref, From: from, Until: at.time, Where: where(h), Flow: h.conn.flow[h.dir], Bytes: uint64(n)})
}

// partial hands on the beginning of a message whose rest will not come, and empties h's buffer.
func (d *Decoder) partial(h *half) {
	if h.conn.kind == kindSIP && isSIP(h.buf) {
		d.message(h, h.buf, h.last, true)
	}
	d.release(h)
}

// outOfStep says that bytes of h are missing. SIP finds a start line again by itself.
func (d *Decoder) outOfStep(h *half) {
	h.skip, h.wsZip = 0, false
	switch h.conn.kind {
	case kindUndecided:
		h.conn.fromSYN = false
	case kindHTTP:
		d.become(h.conn, kindSearch)
	case kindWS:
		h.wsOn, h.wsLost = true, true
		h.loseContext()
	case kindTLS:
		d.tlsOutOfStep(h)
	}
}

// abandon ends h for good: what is beyond holes is consumed, what is partial handed on.
func (d *Decoder) abandon(h *half) {
	for len(h.segs) > 0 {
		d.giveUp(h)
	}
	if len(h.buf)+len(h.wsText) > 0 || h.inner() != nil {
		d.endOfStream(h)
	}
}

// endOfStream hands on what only the end of the stream delimits, or the beginning of what is cut by it.
func (d *Decoder) endOfStream(h *half) {
	if h.conn.kind == kindSIP && len(h.buf) > 0 {
		d.cur.point = uint16(h.conn.key.point)
		for len(h.buf) > 0 {
			kind, n := sip.Frame(h.buf, true)
			if kind != sip.FrameMessage || n <= 0 || n > len(h.buf) {
				break
			}
			d.message(h, h.buf[:n], h.last, true)
			d.shift(h, n)
		}
		d.partial(h)
		return
	}
	d.release(h)
	if in := h.inner(); in != nil {
		d.endOfStream(in)
	}
}

// consume takes bytes in order: looked at where they lie if nothing is held before them, else appended first.
func (d *Decoder) consume(h *half, b []byte, at stamp) {
	if h.skip > 0 {
		n := min(h.skip, len(b))
		h.skip -= n
		b = b[n:]
	}
	if h.conn.kind == kindOther || h.opaque || len(b) == 0 {
		return
	}
	if len(h.buf) == 0 {
		if rest := d.take(h, b, at); len(rest) > 0 {
			d.hold(h, rest, at)
		}
		return
	}
	if !d.hold(h, b, at) || len(h.buf) < h.need || h.inHeader && !endsHeader(h.buf, len(b)) {
		return
	}
	h.need, h.inHeader = 0, false
	rest := d.take(h, h.buf, at)
	d.shift(h, len(h.buf)-len(rest))
}

// take reads what it can of b and returns the rest, which needs more bytes to be read.
func (d *Decoder) take(h *half, b []byte, at stamp) []byte {
	for len(b) > 0 {
		was := h.conn.kind
		switch was {
		case kindUndecided:
			b = d.decide(h, b)
		case kindSearch:
			b = d.search(h, b)
		case kindSIP:
			b = d.sipStream(h, b, at)
		case kindHTTP:
			b = d.upgrade(h, b)
		case kindWS:
			b = d.webSocket(h, b, at)
		case kindTLS:
			b = d.tlsRecords(h, b, at)
		case kindHEP:
			b = d.hepStream(h, b, at)
		case kindOther:
			return nil
		}
		if h.conn.kind == was {
			return b
		}
	}
	return nil
}

// decide tells by the first bytes what a connection carries.
func (d *Decoder) decide(h *half, b []byte) []byte {
	t := bytes.TrimLeft(b, "\r\n\x00")
	if len(t) == 0 {
		d.stats.keepalives++
		return nil
	}
	k := classify(t, h.conn.fromSYN)
	if k == kindOther {
		d.skip(reasonTCPNotSIP)
	}
	if k != kindUndecided {
		d.become(h.conn, k)
	}
	return t
}

// classify tells what b begins with; a connection not seen from its beginning gets the benefit of the doubt.
func classify(b []byte, fromStart bool) connKind {
	switch {
	case isSIP(b):
		return kindSIP
	case begins(b, hep.Magic) && (fromStart || len(b) >= len(hep.Magic)):
		if len(b) < len(hep.Magic) {
			return kindUndecided
		}
		return kindHEP
	case looksTLS(b, fromStart):
		if len(b) < 6 {
			return kindUndecided
		}
		return kindTLS
	case begins(b, "GET "), !fromStart && begins(b, "HTTP/1."):
		if len(b) < 4 {
			return kindUndecided
		}
		return kindHTTP
	case !fromStart && looksWS(b):
		return kindWS
	case !fromStart, begins(b, "PROXY "), begins(b, "QUIT\n"): // HAProxy's PROXY protocol, versions 1 and 2, may precede
		return kindSearch
	case len(b) < maxOpening && printable(b):
		return kindUndecided
	}
	return kindOther
}

// begins says whether b begins with prefix or is its beginning.
func begins(b []byte, prefix string) bool {
	n := min(len(b), len(prefix))
	return string(b[:n]) == prefix[:n]
}

// printable says whether b is a part of one line of text.
func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' {
			return false
		}
	}
	return true
}

// search looks for a start line in a connection begun before the capture.
func (d *Decoder) search(h *half, b []byte) []byte {
	c := h.conn
	switch k := classify(b, false); k {
	case kindSIP, kindTLS, kindHTTP, kindWS, kindHEP:
		d.become(c, k)
		return b
	}
	if bytes.Contains(b, []byte(hep.Magic)) { // or the SIP inside would be found, of another flow
		d.become(c, kindHEP)
		return b
	}
	for len(b) > 0 {
		kind, n := sip.Frame(b, false)
		switch {
		case kind == sip.FrameMessage || kind == sip.FrameNeedMore && isSIP(b):
			d.become(c, kindSIP)
			return b
		case kind == sip.FrameNeedMore || n <= 0 || n > len(b):
			if len(b) < maxOpening {
				return b
			}
			n = len(b)
		case kind == sip.FrameKeepalive:
			d.stats.keepalives++
		}
		h.searched += n
		b = b[n:]
	}
	if h.searched > searchBytes {
		d.skip(reasonTCPNotSIP)
		d.become(c, kindOther)
	}
	return nil
}

// sipStream hands on whole messages (RFC 3261 §18.3) where they lie.
func (d *Decoder) sipStream(h *half, b []byte, at stamp) []byte {
	for len(b) > 0 {
		kind, n := sip.Frame(b, false)
		if kind == sip.FrameNeedMore || n <= 0 || n > len(b) {
			d.patience(h, b)
			return b
		}
		switch kind {
		case sip.FrameMessage:
			d.message(h, b[:n], at, false)
		case sip.FrameKeepalive:
			d.stats.keepalives++
		default:
			d.stats.tcp.JunkBytes += uint64(n)
		}
		b = b[n:]
	}
	return nil
}

// smallMessage is how much of a message is looked at again whenever more of it comes. Of a longer one that
// comes in many small segments that would take time without bound.
const smallMessage = 4 << 10

// patience says when b, the beginning of a long message, is worth another look: when its header ends, then
// when its body does.
func (d *Decoder) patience(h *half, b []byte) {
	if len(b) < smallMessage || !isSIP(b) {
		return
	}
	n := headerEnd(b)
	if n < 0 {
		h.inHeader = true
		return
	}
	if d.tcp.long.Parse(b[:n]) != nil {
		return
	}
	if body, ok := d.tcp.long.ContentLength(); ok && body < d.opt.MaxStreamBytes {
		h.need = n + body
	}
}

// headerEnd returns where the body of a message begins, -1 if that has not come yet.
func headerEnd(b []byte) int {
	for i := 0; ; {
		j := bytes.IndexByte(b[i:], '\n')
		if j < 0 {
			return -1
		}
		i += j + 1
		switch {
		case i < len(b) && b[i] == '\n':
			return i + 1
		case i+1 < len(b) && b[i] == '\r' && b[i+1] == '\n':
			return i + 2
		}
	}
}

// endsHeader says whether the last n bytes of b complete an empty line.
func endsHeader(b []byte, n int) bool { return headerEnd(b[max(0, len(b)-n-3):]) >= 0 }

// message hands on one message of a stream.
func (d *Decoder) message(h *half, b []byte, at stamp, truncated bool) {
	c := h.conn
	if !c.sip {
		c.sip = true
		d.touch(c)
		if server := d.clientFlow(c).Dst; !usualPort(server.Port()) {
			d.peers.add(server)
		}
	}
	d.deliver(b, c.flow[h.dir], at, truncated)
}
