package decode

import (
	"bytes"
	"net/netip"
	"time"

	"sipcause/internal/wire"
)

// hepMagic is what version 3 begins with.
const hepMagic = "HEP3"

// looksHEP says whether b begins with a HEP header: version 3 by its name, 1 and 2 by a header length that
// fits the address family, which also must be one.
func looksHEP(b []byte) bool {
	if len(b) >= 6 && string(b[:4]) == hepMagic {
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

// hep reads what a capture agent sent: one message with the addresses it was seen with. The packet's own
// time stands for a HEP time that is absent or cannot be.
func (d *Decoder) hep(b []byte) {
	d.stats.hep++
	d.cur.viaHEP = true
	if b[0] == 'H' {
		d.hep3(b)
		return
	}
	d.hep2(b)
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
	transport := hepTransport(b[3])
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
			t := b[n:]
			if !d.hepTime(be32(t), be32(t[4:])) {
				d.hepTime(le32(t), le32(t[4:]))
			}
		}
		d.hepPayload(b[n+extra:], flow)
		return
	}
	d.skip(reasonHEPNotSIP)
}

// hepTransport maps the protocol field: IP protocol numbers, and two that OpenSIPS borrows for TLS and WS.
func hepTransport(proto byte) wire.Transport {
	switch proto {
	case protoUDP:
		return wire.UDP
	case protoTCP:
		return wire.TCP
	case 132:
		return wire.SCTP
	case 22:
		return wire.TLS
	case 50:
		return wire.WS
	}
	return wire.UnknownTransport
}

// hepTime takes the agent's clock for the packet's time if the two are within a day; a capture taken
// elsewhere long before is not HEP.
func (d *Decoder) hepTime(sec, usec uint32) bool {
	t := wire.Time(sec)*wire.Time(time.Second) + wire.Time(usec)*wire.Time(time.Microsecond)
	if usec >= 1e6 || d.cur.time != 0 && max(t-d.cur.time, d.cur.time-t) > wire.Time(24*time.Hour) {
		return false
	}
	d.cur.time = t
	return true
}

// hep3 reads version 3 (HEP3 network protocol specification rev. 36, §4).
func (d *Decoder) hep3(b []byte) {
	if total := int(be16(b[4:])); total >= 6 && total <= len(b) {
		b = b[:total]
	} else if total > len(b) && d.cur.missing == 0 {
		d.skip(reasonHEPBad)
		return
	}
	c, ok := readHEPChunks(b[6:])
	switch {
	case !ok:
		d.skip(reasonHEPBad)
		return
	case c.payload == nil && c.compressed:
		d.skip(reasonHEPCompressed)
		return
	case c.payload == nil:
		d.skip(reasonHEPNotSIP) // an agent's keepalive, or cut before its payload
		return
	}
	if c.timed {
		d.hepTime(c.sec, c.usec)
	}
	d.cur.missing = 0
	if c.cut {
		d.cur.missing = 1
	}
	d.hepPayload(c.payload, wire.Flow{
		Transport: c.transport,
		Src:       netip.AddrPortFrom(c.src.Unmap(), c.sport),
		Dst:       netip.AddrPortFrom(c.dst.Unmap(), c.dport),
	})
}

// hepChunks is what of a version 3 packet matters here.
type hepChunks struct {
	transport    wire.Transport
	src, dst     netip.Addr
	sport, dport uint16
	sec, usec    uint32
	timed        bool
	payload      []byte
	cut          bool // the payload is not all there
	compressed   bool // there is a compressed one
}

// readHEPChunks reads chunks: vendor, type, length, value. Those of other vendors and of unknown types are
// skipped, and all but the payload if they are cut. False when a length cannot be.
func readHEPChunks(b []byte) (c hepChunks, ok bool) {
	for len(b) >= 6 {
		vendor, typ, n := be16(b), be16(b[2:]), int(be16(b[4:]))
		if n < 6 {
			return c, false
		}
		cut := n > len(b)
		v := b[6:min(n, len(b))]
		b = b[min(n, len(b)):]
		if vendor == 0 && (typ == 15 || !cut) {
			c.set(typ, v)
			c.cut = c.cut || cut
		}
	}
	return c, true
}

// set takes the value of one chunk.
func (c *hepChunks) set(typ uint16, v []byte) {
	switch {
	case typ == 2 && len(v) == 1:
		c.transport = hepTransport(v[0])
	case typ == 3 || typ == 5:
		c.src, _ = netip.AddrFromSlice(v)
	case typ == 4 || typ == 6:
		c.dst, _ = netip.AddrFromSlice(v)
	case typ == 7 && len(v) == 2:
		c.sport = be16(v)
	case typ == 8 && len(v) == 2:
		c.dport = be16(v)
	case typ == 9 && len(v) == 4:
		c.sec, c.timed = be32(v), true
	case typ == 10 && len(v) == 4:
		c.usec = be32(v)
	case typ == 15:
		c.payload = v
	case typ == 16:
		c.compressed = true
	}
}

// hepStream reads version 3 packets that an agent sends over TCP, one after the other. Out of step, it goes on
// with the next that begins.
func (d *Decoder) hepStream(h *half, b []byte, at stamp) []byte {
	for len(b) >= 6 {
		n := int(be16(b[4:]))
		if string(b[:4]) != hepMagic || n < 6 {
			d.skip(reasonHEPBad)
			next := bytes.Index(b[1:], []byte(hepMagic)) + 1
			if next == 0 {
				next = len(b) - len(hepMagic) + 1
			}
			b = b[next:]
			continue
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
	return b
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
