package main

import "encoding/binary"

// holdTime is how long a message waits for another on the same way, so that segments at times carry several.
const holdTime = 2 * ms

// tcp sends all messages over one long-lived connection per edge and gateway. Messages are cut at the connection's
// segment size wherever that falls; every second segment is acknowledged by one without data unless data
// goes the other way meanwhile (RFC 1122 §4.2.3.2).
type tcp struct {
	out   *output
	ways  [2 * hostCount]way // of host h: 2h to the proxy, 2h+1 from it
	held  []*way             // ways with bytes held back, in the order of their deadlines
	heldN int                // of these, already done with
}

// way is one direction of a connection.
type way struct {
	from, to uint8
	src, dst uint16
	seq      uint32
	back     *way
	segment  int
	hold     []byte
	due      int64
	unacked  int // segments received on this way that no acknowledgement has answered
}

// newTCP opens the connections shortly before the first message at from, µs since the epoch.
func newTCP(out *output, from int64) *tcp {
	t := &tcp{out: out}
	for h := uint8(hostEdge); h < hostCount; h++ {
		a, b := &t.ways[2*h], &t.ways[2*h+1]
		segment := 1448
		if h%2 == 0 {
			segment = 1208
		}
		*a = way{from: h, to: hostProxy, src: uint16(firstPort - hostEdge + int(h)), dst: sipPort, seq: uint32(2*h) * 0x9e3779b1, back: b, segment: segment}
		*b = way{from: hostProxy, to: h, src: sipPort, dst: a.src, seq: uint32(2*h+1) * 0x9e3779b1, back: a, segment: segment}
		first, second := a, b
		if h >= hostGw { // the proxy calls the gateways
			a.src, a.dst, b.src, b.dst = sipPort, uint16(40000+int(h)), uint16(40000+int(h)), sipPort
			first, second = b, a
		}
		t.packet(from-2*sec, first, flagSYN, nil)
		t.packet(from-2*sec+10*ms, second, flagSYN|flagACK, nil)
		t.packet(from-2*sec+20*ms, first, flagACK, nil)
	}
	return t
}

// Flags of a segment.
const (
	flagSYN = 0x02
	flagPSH = 0x08
	flagACK = 0x10
)

func (t *tcp) send(at int64, from, to uint8, m *template, f *[fields][]byte) {
	t.release(at)
	w := &t.ways[2*from]
	if from == hostProxy {
		w = &t.ways[2*to+1]
	}
	if len(w.hold) == 0 {
		w.due = at + holdTime
		t.held = append(t.held, w)
	}
	w.hold = m.render(w.hold, f)
}

// release sends what was held back until at.
func (t *tcp) release(at int64) {
	for t.heldN < len(t.held) && t.held[t.heldN].due <= at {
		w := t.held[t.heldN]
		t.heldN++
		for b := w.hold; len(b) > 0; {
			n := min(len(b), w.segment)
			flags := byte(flagACK)
			if n == len(b) {
				flags |= flagPSH
			}
			t.packet(w.due, w, flags, b[:n])
			b = b[n:]
		}
		w.hold = w.hold[:0]
	}
	if t.heldN == len(t.held) {
		t.held, t.heldN = t.held[:0], 0
	}
}

func (t *tcp) flush() { t.release(1<<63 - 1) }

// packet writes one segment, and its acknowledgement when one is due.
func (t *tcp) packet(at int64, w *way, flags byte, data []byte) {
	o := t.out
	n := o.open()
	be := binary.BigEndian
	var h [lenTCP]byte
	be.PutUint16(h[0:], w.src)
	be.PutUint16(h[2:], w.dst)
	be.PutUint32(h[4:], w.seq)
	if flags&flagACK != 0 {
		be.PutUint32(h[8:], w.back.seq)
		w.back.unacked = 0
	}
	h[12] = lenTCP / 4 << 4
	if flags&flagSYN != 0 {
		h[12] += 1 << 4
	}
	h[13] = flags
	be.PutUint16(h[14:], 0xfff0)
	o.buf = append(o.buf, h[:]...)
	if flags&flagSYN != 0 {
		o.buf = append(o.buf, 2, 4, byte(w.segment>>8), byte(w.segment)) // maximum segment size
		w.seq++
	}
	o.buf = append(o.buf, data...)
	w.seq += uint32(len(data))
	o.seal(n, at, w.from, w.to, 6, 16)
	if len(data) > 0 {
		if w.unacked++; w.unacked == 2 {
			t.packet(at+30, w.back, flagACK, nil)
		}
	}
}
