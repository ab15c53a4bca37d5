package decode

import (
	"net/netip"

	"sipcause/internal/wire"
)

// udp reads a UDP header (RFC 768) and tells by content what the datagram is. A length of zero is a
// jumbogram's (RFC 2675 §4).
func (d *Decoder) udp(b []byte) {
	if len(b) < 8 {
		d.skip(reasonUDPBad)
		return
	}
	sport, dport, length := be16(b), be16(b[2:]), int(be16(b[4:]))
	sent := len(b) + d.cur.missing
	if length == 0 || length > sent {
		length = sent // longer than its IP packet cannot be: what IP says is so
	}
	if length < 8 {
		d.skip(reasonUDPBad)
		return
	}
	data := b[8:min(length, len(b))]
	if len(data) == 0 {
		d.skip(reasonUDPEmpty)
		return
	}
	if data[0]>>6 == 2 && dport != 53 && sport != 53 { // RFC 7983 §7: 128-191 is RTP or RTCP
		d.rtp(data, length-8, sport, dport)
		return
	}
	if isSIP(data) {
		d.deliver(data, d.flow(wire.UDP, sport, dport), d.cur.stamp, length > len(b))
		return
	}
	d.cur.missing = length - 8 - len(data)
	d.notSIP(data, sport, dport)
}

// flow returns the directed flow of the packet at hand.
func (d *Decoder) flow(t wire.Transport, sport, dport uint16) wire.Flow {
	return wire.Flow{Transport: t, Src: netip.AddrPortFrom(d.cur.src, sport), Dst: netip.AddrPortFrom(d.cur.dst, dport)}
}

// rtp hands on what looks like RTP or RTCP: version 2, long enough, and of a packet type of its kind
// (RFC 5761 §4: 192 to 223 in the second byte is RTCP).
func (d *Decoder) rtp(data []byte, sent int, sport, dport uint16) {
	if len(data) < 8 {
		d.skip(reasonUDPNotSIP)
		return
	}
	m := &d.media
	*m = wire.Media{Ref: d.cur.ref, Time: d.cur.time, Point: d.cur.point, PT: data[1], Bytes: sent}
	switch {
	case data[1] >= 192 && data[1] <= 223:
		m.RTCP, m.SSRC = true, be32(data[4:])
		if len(data) == sent {
			m.Data = data
		}
		d.stats.rtcp++
	case len(data) >= 12:
		m.Marker = data[1]&0x80 != 0
		m.PT, m.Seq, m.TS, m.SSRC = data[1]&0x7f, be16(data[2:]), be32(data[4:]), be32(data[8:])
		d.stats.media++
	default:
		d.skip(reasonUDPNotSIP)
		return
	}
	m.Flow = d.flow(wire.UDP, sport, dport)
	d.sink.Media(m)
}

// notSIP tells apart what else UDP carries: keepalives, tunnels, and what is only counted.
func (d *Decoder) notSIP(data []byte, sport, dport uint16) {
	if keepalive(data) {
		d.stats.keepalives++
		return
	}
	for _, l := range d.probes {
		if l.looks(data) {
			d.tunnel(l, data)
			return
		}
	}
	if l := d.ports[dport]; l != nil && l.looks(data) {
		d.tunnel(l, data)
		return
	}
	if l := d.ports[sport]; l != nil && l.looks(data) {
		d.tunnel(l, data)
		return
	}
	d.skip(otherDatagram(data, sport, dport))
}

func (d *Decoder) tunnel(l *layer, data []byte) {
	if d.enter() {
		l.decode(d, data)
	}
}

// otherDatagram names what is known not to be SIP: DTLS by its record header (RFC 9147 §4.1, RFC 6347 §4.1),
// STUN by its magic cookie (RFC 8489 §5), DNS by port.
func otherDatagram(b []byte, sport, dport uint16) reason {
	switch {
	case len(b) >= 13 && b[0] >= 20 && b[0] <= 26 && b[1] == 0xfe && (b[2] == 0xff || b[2] == 0xfd || b[2] == 0xfc):
		return reasonDTLS
	case len(b) >= 20 && b[0]>>6 == 0 && be32(b[4:]) == 0x2112a442:
		return reasonSTUN
	case isDNSPort(sport) || isDNSPort(dport):
		return reasonDNS
	}
	return reasonUDPNotSIP
}

func isDNSPort(p uint16) bool { return p == 53 || p == 5353 || p == 5355 }
