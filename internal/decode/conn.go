package decode

import (
	"net/netip"

	"sipcause/internal/wire"
	"sipcause/sip"
)

// connKind is what a connection carries, as its content has shown.
type connKind uint8

const (
	kindUndecided connKind = iota // nothing told yet
	kindSearch                    // begun before the capture: a start line is looked for
	kindSIP
	kindHTTP // may become a WebSocket
	kindWS
	kindTLS
	kindHEP
	kindOther // nothing for us
)

// connKey names a connection, the lower end first. Plain bytes: it is hashed for every segment. The same
// connection captured at two points is two.
type connKey struct {
	a, b         [16]byte
	aport, bport uint16
	point        uint32
}

// conn is one TCP connection.
type conn struct {
	lru  node[conn]
	syn  node[conn] // in streams.unanswered
	key  connKey
	flow [2]wire.Flow // by direction; 0 is from key.a to key.b
	half [2]half      // what flow[i] carries

	first   stamp  // first SYN
	isn     uint32 // of the client
	syns    int
	client  int8 // direction the client sends in, -1 while unknown
	kind    connKind
	version uint16 // of TLS, as the server chose

	tls   *tlsSession // while its records are decrypted
	outer *conn       // that this one is inside of, as TLS

	fromSYN  bool // seen from its beginning
	answered bool // SYN/ACK seen
	reset    bool
	closed   bool // a FIN was reported
	over     bool // both FIN or a RST seen
	sip      bool // carried a SIP message
	wsSIP    bool // the WebSocket's subprotocol is SIP (RFC 7118 §4)

	helloDone bool // of TLS 1.2: the server's part of a full handshake was seen
}

// half is one direction of a connection.
type half struct {
	hole node[half] // in streams.holes or streams.ackedHoles while segs wait for what is missing
	keep node[half] // in streams.held while it holds bytes
	conn *conn
	dir  int

	next     uint32 // sequence number of the next byte
	finSeq   uint32
	open     bool // next is known
	fin      bool
	opaque   bool   // nothing more to be read: encrypted, or out of step beyond repair
	why      reason // of opaque
	wsOn     bool   // past the HTTP header
	wsLost   bool   // out of step: a frame that holds SIP is looked for
	wsZip    bool   // the message under way is compressed
	deflate  deflateMode
	inHeader bool // buf is the header of a long message, not yet whole

	buf      []byte // in order, not consumed
	last     stamp  // of the last byte in buf
	need     int    // bytes that buf must have before it is worth another look
	skip     int    // bytes to come that are passed over
	hsDone   int    // handshake bytes at the head of buf that are dealt with
	searched int    // bytes looked through in vain
	wsText   []byte // fragments of the message under way: of the WebSocket, or of a sealed TLS handshake
	window   window // what compressed messages of this direction refer back to
	segs     []tcpSegment
	segBytes int // memory of segs
	holeAt   wire.Time
}

// tcpSegment is what came beyond a hole. data may be shorter than end-seq: cut by the snap length.
type tcpSegment struct {
	seq, end uint32
	data     []byte
	at       stamp
}

// streams holds all connections. Each is in one of three lists, least recently active first, each with a
// cap of its own, so that neither a SYN flood nor a busy web server drives out the SIP connections.
type streams struct {
	conns      map[connKey]*conn
	halfOpen   list[conn] // without data
	other      list[conn] // over, or of no interest
	live       list[conn]
	unanswered list[conn] // SYNs that concern SIP, oldest first
	holes      list[half] // oldest first, all with the same patience
	ackedHoles list[half]
	held       list[half]       // directions that hold bytes, least recently fed first
	windows    list[half]       // directions with a window, least recently used first
	sessions   list[tlsSession] // that are decrypted, least recently read first
	resumable  resumable
	inflater   inflater
	buffered   int
	freeConns  []*conn
	freeBufs   [][]byte
	scratch    []byte
	plain      []byte      // of the record at hand
	long       sip.Message // of which the length is wanted
}

func (s *streams) init() { s.conns = map[connKey]*conn{} }

// waiting says whether anything may expire.
func (s *streams) waiting() bool {
	return s.holes.head != nil || s.ackedHoles.head != nil || s.unanswered.head != nil
}

// connKeyOf returns the key of the connection of a packet at hand and the direction the packet goes.
func (d *Decoder) connKeyOf(sport, dport uint16) (k connKey, dir int) {
	src, dst := d.cur.src.As16(), d.cur.dst.As16()
	k = connKey{a: src, b: dst, aport: sport, bport: dport, point: uint32(d.cur.point)}
	if c := d.cur.src.Compare(d.cur.dst); c > 0 || c == 0 && sport > dport {
		k.a, k.b, k.aport, k.bport = dst, src, dport, sport
		return k, 1
	}
	return k, 0
}

func (d *Decoder) newConn(k connKey, dir int, sport, dport uint16) *conn {
	s := &d.tcp
	var c *conn
	if n := len(s.freeConns); n > 0 {
		c, s.freeConns = s.freeConns[n-1], s.freeConns[:n-1]
	} else {
		c = new(conn)
	}
	f := d.flow(wire.TCP, sport, dport)
	*c = conn{key: k, client: -1}
	c.flow[dir], c.flow[1-dir] = f, f.Reverse()
	for i := range c.half {
		c.half[i].conn, c.half[i].dir = c, i
	}
	s.conns[k] = c
	d.stats.tcp.Conns++
	s.halfOpen.push(&c.lru, c)
	d.evictConns()
	return c
}

// touch marks c as the most recently active of its list.
func (d *Decoder) touch(c *conn) {
	if c.outer != nil {
		c.outer.sip = c.sip
		c = c.outer
	}
	l := d.listFor(c)
	if c.lru.next == nil && c.lru.in == l {
		return
	}
	moved := c.lru.in != l
	l.push(&c.lru, c)
	if moved {
		d.evictConns()
	}
}

func (d *Decoder) listFor(c *conn) *list[conn] {
	switch {
	case c.over || c.kind == kindOther:
		return &d.tcp.other
	case c.sip || c.kind.carriesSIP() || c.tls != nil && c.tls.inner != nil && c.tls.inner.kind.carriesSIP():
		return &d.tcp.live
	case c.kind == kindUndecided:
		return &d.tcp.halfOpen
	case usualPort(c.key.aport) || usualPort(c.key.bport):
		return &d.tcp.live
	}
	return &d.tcp.other
}

// evictConns holds the lists to their caps.
func (d *Decoder) evictConns() {
	st := &d.stats.tcp
	for _, l := range [...]struct {
		list    *list[conn]
		limit   int
		evicted *uint64
	}{
		{&d.tcp.halfOpen, d.opt.MaxHalfOpen, &st.EvictedHalfOpen},
		{&d.tcp.other, d.opt.MaxOtherConns, &st.EvictedOther},
		{&d.tcp.live, d.opt.MaxSIPConns, &st.EvictedSIP},
	} {
		for l.list.n > l.limit {
			*l.evicted++
			d.dropConn(l.list.head.owner)
		}
	}
}

// dropConn forgets a connection and what it holds.
func (d *Decoder) dropConn(c *conn) {
	for i := range c.half {
		for _, h := range [...]*half{c.half[i].inner(), &c.half[i]} {
			if h != nil && len(h.buf)+h.segBytes > 0 {
				d.evictHeld(h)
			}
		}
	}
	d.unlinkConn(c)
	delete(d.tcp.conns, c.key)
	if len(d.tcp.freeConns) < 1024 {
		d.tcp.freeConns = append(d.tcp.freeConns, c)
	}
}

// unlinkConn takes c out of every list and frees what it holds.
func (d *Decoder) unlinkConn(c *conn) {
	d.endSession(c)
	c.lru.leave()
	c.syn.leave()
	for i := range c.half {
		d.release(&c.half[i])
		d.releaseSegments(&c.half[i])
		c.half[i].dropWindow()
	}
}

// renew makes c a new connection between the same ends: the old one's SYN was not the same.
func (d *Decoder) renew(c *conn) {
	for i := range c.half {
		d.abandon(&c.half[i])
	}
	d.unlinkConn(c)
	key, flow := c.key, c.flow
	*c = conn{key: key, flow: flow, client: -1}
	for i := range c.half {
		c.half[i].conn, c.half[i].dir = c, i
		c.flow[i].Transport = wire.TCP
	}
	d.stats.tcp.Conns++
	d.tcp.halfOpen.push(&c.lru, c)
	d.evictConns()
}

// become settles what a connection carries.
func (d *Decoder) become(c *conn, k connKind) {
	c.kind = k
	switch k {
	case kindWS:
		c.carriedOver(wire.WS, wire.WSS)
	case kindSIP:
		c.carriedOver(wire.TCP, wire.TLS)
	case kindOther:
		if c.outer != nil {
			d.become(c.outer, kindOther)
		}
		for i := range c.half {
			d.releaseSegments(&c.half[i])
			c.half[i].loseContext()
		}
	}
	d.touch(c)
}

// carriedOver says by what transport messages come: one in the clear, the other inside TLS.
func (c *conn) carriedOver(plain, sealed wire.Transport) {
	if c.outer != nil {
		c.outer.flow[0].Transport, c.outer.flow[1].Transport = sealed, sealed
		plain = sealed
	}
	c.flow[0].Transport, c.flow[1].Transport = plain, plain
}

// carriesSIP says whether k is what may bring SIP messages.
func (k connKind) carriesSIP() bool { return k == kindSIP || k == kindWS || k == kindHEP }

// clientFlow returns the flow of the client's direction. Without the SYN, the server is who listens on a
// usual port or is known to speak SIP, else whoever has the lower port.
func (d *Decoder) clientFlow(c *conn) wire.Flow {
	if c.client >= 0 {
		return c.flow[c.client]
	}
	a, b := c.flow[0], c.flow[1]
	for _, known := range [...]func(netip.AddrPort) bool{
		func(p netip.AddrPort) bool { return usualPort(p.Port()) },
		d.peers.has,
	} {
		if x, y := known(a.Dst), known(b.Dst); x != y {
			if x {
				return a
			}
			return b
		}
	}
	if a.Dst.Port() <= b.Dst.Port() {
		return a
	}
	return b
}

// concerns says whether what befalls c is worth an event.
func (d *Decoder) concerns(c *conn) bool {
	if c.sip {
		return true
	}
	dst := d.clientFlow(c).Dst
	return c.kind != kindOther && (usualPort(dst.Port()) || d.peers.has(dst))
}

// hold keeps b, which follows what h holds. False when the cap per direction forbids it: then all of it is gone.
func (d *Decoder) hold(h *half, b []byte, at stamp) bool {
	if len(h.buf)+len(b) > d.opt.MaxStreamBytes {
		d.stats.tcp.EvictedBuffers++
		d.lose(h, len(h.buf)+len(b), wire.GapEvicted, at)
		return false
	}
	had := cap(h.buf)
	if h.buf == nil {
		h.buf = d.getBuf()
	}
	h.buf = append(h.buf, b...)
	h.last = at
	d.charge(h, cap(h.buf)-had)
	return true
}

// charge counts n bytes of memory more that h holds, and drops what others have held longest if that is too
// much. Memory counts, not the bytes in it: a flood of one-byte segments must not cost more than it seems.
func (d *Decoder) charge(h *half, n int) {
	s := &d.tcp
	s.held.push(&h.keep, h)
	s.buffered += n
	for s.buffered > d.opt.MaxBufferedBytes && s.held.head.owner != h {
		d.evictHeld(s.held.head.owner)
	}
	d.stats.tcp.PeakBuffered = max(d.stats.tcp.PeakBuffered, s.buffered)
}

// evictHeld drops all that h holds; it finds its step again at the next start line.
func (d *Decoder) evictHeld(h *half) {
	d.stats.tcp.EvictedBuffers++
	lost := len(h.buf) + len(h.wsText)
	for i := range h.segs {
		lost += len(h.segs[i].data)
	}
	if h.conn.kind == kindSIP || h.conn.kind == kindWS || h.conn.tls != nil {
		d.gap(wire.Gap{
			Kind: wire.GapEvicted, Point: uint16(h.conn.key.point), Ref: h.last.ref, From: h.last.time, Until: d.cur.time,
			Where: where(h), Flow: h.conn.flow[h.dir], Bytes: uint64(lost),
		})
	}
	if len(h.segs) > 0 {
		h.open = false
	}
	d.release(h)
	d.releaseSegments(h)
	d.outOfStep(h)
}

// release empties h's buffer.
func (d *Decoder) release(h *half) {
	d.tcp.buffered -= cap(h.buf) + cap(h.wsText)
	d.putBuf(h.buf)
	h.buf, h.need, h.hsDone, h.inHeader = nil, 0, 0, false
	d.putBuf(h.wsText)
	h.wsText = nil
	if h.segBytes == 0 {
		h.keep.leave()
	}
}

// shift drops the first n bytes of h's buffer.
func (d *Decoder) shift(h *half, n int) {
	if n == 0 {
		return
	}
	h.buf = h.buf[:copy(h.buf, h.buf[n:])]
	if len(h.buf) > 0 {
		return
	}
	d.tcp.buffered -= cap(h.buf)
	d.putBuf(h.buf)
	h.buf, h.need, h.hsDone, h.inHeader = nil, 0, 0, false
	if h.segBytes == 0 && len(h.wsText) == 0 {
		h.keep.leave()
	}
}

func (d *Decoder) releaseSegments(h *half) {
	for i := range h.segs {
		d.putBuf(h.segs[i].data)
	}
	d.tcp.buffered -= h.segBytes
	h.segs, h.segBytes = nil, 0
	h.hole.leave()
	if len(h.buf) == 0 && len(h.wsText) == 0 {
		h.keep.leave()
	}
}

func (d *Decoder) getBuf() []byte {
	f := d.tcp.freeBufs
	if len(f) == 0 {
		return make([]byte, 0, 2048)
	}
	b := f[len(f)-1]
	d.tcp.freeBufs = f[:len(f)-1]
	return b[:0]
}

func (d *Decoder) putBuf(b []byte) {
	if b != nil && cap(b) <= 64<<10 && len(d.tcp.freeBufs) < 256 {
		d.tcp.freeBufs = append(d.tcp.freeBufs, b)
	}
}

func where(h *half) string {
	f := h.conn.flow[h.dir]
	return f.Src.String() + " -> " + f.Dst.String()
}
