package decode

import (
	"bytes"
	"io"
	"net/netip"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"

	"sipcause/internal/hep"
	"sipcause/internal/wire"
)

// looksHEP says whether b begins with a HEP header: version 3 by its name, 1 and 2 by a header length that
// fits the address family, which also must be one.
func looksHEP(b []byte) bool {
	if len(b) >= 6 && string(b[:4]) == hep.Magic {
		return true
	}
	if len(b) < 16 || (b[0] != 1 && b[0] != 2) {
		return false
	}
	switch b[2] {
	case 2:
		return b[1] >= 16 && b[1] <= 28
	case 10, 23, 24, 28, 30:
		return b[1] >= 40 && b[1] <= 52
	}
	return false
}

// hep reads what a capture agent sent, inside a capture: one message with the addresses it was seen with. The packet's
// own time stands for a HEP time that is absent or cannot be.
func (d *Decoder) hep(b []byte) {
	d.stats.hep++
	d.cur.viaHEP = true
	if b[0] == 'H' {
		d.hep3(b)
		return
	}
	d.hep2(b)
}

// hepLive reads what a HEP source received just now: the packet's time tells how wrong the agent's clock is.
func (d *Decoder) hepLive(b []byte) {
	if !looksHEP(b) {
		d.skip(reasonHEPBad)
		return
	}
	d.cur.received = d.cur.time
	d.hep(b)
}

// hep2 reads versions 1 and 2: version, header length, family, protocol, ports, addresses; version 2 adds
// seconds, microseconds and an agent ID in the sender's byte order, which some count into the header
// length and some do not, padded to 12 bytes or not: where the message begins decides.
func (d *Decoder) hep2(b []byte) {
	size := 4
	if b[2] != 2 {
		size = 16
	}
	n := 8 + 2*size
	if len(b) < n {
		d.skip(reasonHEPBad)
		return
	}
	transport := hep.Transport(b[3])
	src, _ := netip.AddrFromSlice(b[8 : 8+size])
	dst, _ := netip.AddrFromSlice(b[8+size : n])
	flow := wire.Flow{
		Transport: transport,
		Src:       netip.AddrPortFrom(src.Unmap(), be16(b[4:])),
		Dst:       netip.AddrPortFrom(dst.Unmap(), be16(b[6:])),
	}
	for _, extra := range [...]int{0, 10, 12} {
		if len(b) <= n+extra || extra > 0 && b[0] == 1 || !isSIP(b[n+extra:]) {
			continue
		}
		if extra > 0 {
			d.hep2Stamp(b[n:])
		}
		d.hepPayload(b[n+extra:], flow)
		return
	}
	d.skip(reasonHEPNotSIP)
}

// hep2Stamp takes time and agent of version 2, in the byte order that gives the time nearer to the packet's.
func (d *Decoder) hep2Stamp(b []byte) {
	big, little := hepTime(be32(b), be32(b[4:])), hepTime(le32(b), le32(b[4:]))
	id, at := uint32(be16(b[8:])), big
	if big == 0 || little != 0 && apart(little, d.cur.time) < apart(big, d.cur.time) {
		id, at = uint32(b[8])|uint32(b[9])<<8, little
	}
	d.hepStamp(d.agent(agentKey{sender: d.cur.sender, id: id}, nil), at)
}

// hepTime returns an agent's time, 0 if it cannot be one.
func hepTime(sec, usec uint32) wire.Time {
	if usec >= 1e6 {
		return 0
	}
	return wire.Time(sec)*wire.Time(time.Second) + wire.Time(usec)*wire.Time(time.Microsecond)
}

func apart(t, u wire.Time) wire.Time { return max(t-u, u-t) }

// hepStamp puts the agent's time and point in the place of the packet's. In a capture the agent's clock is believed if
// the two are within a day: a capture taken elsewhere long before is not HEP. Live it is corrected; see agentClock.
func (d *Decoder) hepStamp(a *agent, at wire.Time) {
	if a != nil && a.point != noPoint {
		d.cur.point = uint16(a.point)
	}
	switch {
	case at == 0:
	case d.cur.received != 0 && a != nil:
		d.cur.time = d.correct(a, at)
	case d.cur.time == 0 || apart(at, d.cur.time) <= wire.Time(day):
		d.cur.time = at
	}
}

// hep3 reads version 3 (HEP3 network protocol specification rev. 36, §4).
func (d *Decoder) hep3(b []byte) {
	if total := int(be16(b[4:])); total >= hep.HeaderLen && total <= len(b) {
		b = b[:total]
	} else if total > len(b) && d.cur.missing == 0 {
		d.skip(reasonHEPBad)
		return
	}
	c, ok := readHEPChunks(b[hep.HeaderLen:])
	if !ok {
		d.skip(reasonHEPBad)
		return
	}
	d.hepStamp(d.agent(agentKey{sender: d.cur.sender, id: c.node, name: nameHash(c.nodeName)}, c.nodeName), hepTime(c.sec, c.usec))
	switch {
	case c.payload == nil && c.deflated != nil:
		if c.payload, ok = d.hepInflate(c.deflated); !ok {
			return
		}
	case c.payload == nil && c.keepAlive:
		d.stats.keepalives++
		return
	case c.payload == nil:
		d.skip(reasonHEPNotSIP) // cut before its payload, or without one
		return
	}
	d.cur.missing = 0
	if c.cut {
		d.cur.missing = 1
	}
	flow := wire.Flow{
		Transport: c.transport,
		Src:       netip.AddrPortFrom(c.src.Unmap(), c.sport),
		Dst:       netip.AddrPortFrom(c.dst.Unmap(), c.dport),
	}
	kind, isNote := noteKind(c.typ)
	switch {
	case isNote:
		d.note(kind, &c, flow)
	case c.typ <= hep.TypeSIP || isSIP(c.payload): // some agents give everything another number
		d.hepPayload(c.payload, flow)
	default:
		d.stats.unknownHEP[c.typ]++
	}
}

// noteKind says what of payloads that are no SIP is kept: types of reports and logs, as agents number them.
func noteKind(typ uint8) (wire.NoteKind, bool) {
	switch {
	case typ == hep.TypeLog:
		return wire.NoteLog, true
	case typ == hep.TypeRTCP:
		return wire.NoteRTCP, true
	case typ >= 32 && typ <= 35, typ >= 38 && typ <= 41, typ == 99:
		return wire.NoteQuality, true
	}
	return 0, false
}

// note hands on what an agent says of a call.
func (d *Decoder) note(kind wire.NoteKind, c *hepChunks, flow wire.Flow) {
	d.stats.notes[kind]++
	if d.notes == nil {
		return
	}
	n := &d.heard
	*n = wire.Note{
		Ref: d.cur.ref, Time: d.cur.time, Point: d.cur.point, Flow: flow, Kind: kind, CallID: c.correlation, Text: c.payload,
	}
	d.notes.Note(n)
}

// hepInflate returns what a compressed payload (zlib or gzip) is, valid until the next one; no more than a message of
// a stream may be long.
func (d *Decoder) hepInflate(b []byte) ([]byte, bool) {
	z := &d.unzip
	z.in.Reset(b)
	r, err := z.reader(b)
	if err == nil {
		z.most = io.LimitedReader{R: r, N: int64(d.opt.MaxStreamBytes) + 1}
		z.out.Reset()
		_, err = z.out.ReadFrom(&z.most)
	}
	switch {
	case err != nil:
		d.skip(reasonHEPCompressed)
		return nil, false
	case z.out.Len() > d.opt.MaxStreamBytes:
		d.skip(reasonHEPInflated)
		return nil, false
	}
	return z.out.Bytes(), true
}

// unzipper is what reading compressed payloads takes, made with the first.
type unzipper struct {
	zlib io.ReadCloser
	gzip *gzip.Reader
	in   bytes.Reader
	most io.LimitedReader
	out  bytes.Buffer
}

// reader reads z.in, which is b.
func (z *unzipper) reader(b []byte) (r io.Reader, err error) {
	switch {
	case len(b) > 2 && b[0] == 0x1f && b[1] == 0x8b && z.gzip == nil: // RFC 1952 §2.3.1
		z.gzip, err = gzip.NewReader(&z.in)
		return z.gzip, err
	case len(b) > 2 && b[0] == 0x1f && b[1] == 0x8b:
		return z.gzip, z.gzip.Reset(&z.in)
	case z.zlib == nil:
		z.zlib, err = zlib.NewReader(&z.in)
		return z.zlib, err
	}
	return z.zlib, z.zlib.(zlib.Resetter).Reset(&z.in, nil)
}

// hepChunks is what of a version 3 packet matters here.
type hepChunks struct {
	transport    wire.Transport
	typ          uint8 // of the payload; 0: not said
	src, dst     netip.Addr
	sport, dport uint16
	sec, usec    uint32
	node         uint32
	nodeName     []byte
	correlation  []byte
	payload      []byte
	deflated     []byte
	cut          bool // the payload is not all there
	keepAlive    bool
}

// readHEPChunks reads chunks. Those of other vendors and of unknown types are skipped, and all but the payload if they
// are cut. False when a length cannot be.
func readHEPChunks(b []byte) (c hepChunks, ok bool) {
	for {
		k, rest, ok := hep.Next(b)
		if !ok {
			return c, len(rest) == 0
		}
		if k.Vendor == 0 && (k.Type == hep.ChunkPayload || !k.Cut) {
			c.set(k.Type, k.Value)
			c.cut = c.cut || k.Cut
		}
		b = rest
	}
}

// set takes the value of one chunk.
func (c *hepChunks) set(typ uint16, v []byte) {
	switch {
	case typ == hep.ChunkProtocol && len(v) == 1:
		c.transport = hep.Transport(v[0])
	case typ == hep.ChunkSrc4 || typ == hep.ChunkSrc6:
		c.src, _ = netip.AddrFromSlice(v)
	case typ == hep.ChunkDst4 || typ == hep.ChunkDst6:
		c.dst, _ = netip.AddrFromSlice(v)
	case typ == hep.ChunkSrcPort && len(v) == 2:
		c.sport = be16(v)
	case typ == hep.ChunkDstPort && len(v) == 2:
		c.dport = be16(v)
	case typ == hep.ChunkSeconds && len(v) == 4:
		c.sec = be32(v)
	case typ == hep.ChunkMicros && len(v) == 4:
		c.usec = be32(v)
	case typ == hep.ChunkType && len(v) == 1:
		c.typ = v[0]
	case typ == hep.ChunkNode && len(v) == 4:
		c.node = be32(v)
	case typ == hep.ChunkNode && len(v) == 2: // of agents that convert version 2
		c.node = uint32(be16(v))
	case typ == hep.ChunkKeepAlive:
		c.keepAlive = true
	case typ == hep.ChunkPayload:
		c.payload = v
	case typ == hep.ChunkDeflated:
		c.deflated = v
	case typ == hep.ChunkCorrelation:
		c.correlation = v
	case typ == hep.ChunkNodeName:
		c.nodeName = v
	}
}

// hepStream reads version 3 packets that an agent sends over TCP, one after the other. Out of step, it goes on
// with the next that begins.
func (d *Decoder) hepStream(h *half, b []byte, at stamp) []byte {
	for {
		junk, n := hep.Frame(b)
		if junk > 0 {
			d.skip(reasonHEPBad)
			b = b[junk:]
		}
		if n == 0 {
			return b
		}
		if len(b) < n {
			h.need = n
			return b
		}
		was := d.cur
		d.cur.stamp, d.cur.missing = at, 0
		d.hep(b[:n])
		d.cur = was
		b = b[n:]
	}
}

// hepPayload hands on the message, or opens another HEP packet inside (agents that mirror agents).
func (d *Decoder) hepPayload(b []byte, flow wire.Flow) {
	switch {
	case isSIP(b):
		d.deliver(b, flow, d.cur.stamp, d.cur.missing > 0)
	case looksHEP(b):
		if d.enter() {
			d.hep(b)
		}
	case keepalive(b):
		d.stats.keepalives++
	default:
		d.skip(reasonHEPNotSIP)
	}
}
