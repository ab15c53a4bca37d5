package decode

import "net/netip"

const (
	protoTCP      = 6
	protoUDP      = 17
	protoFragment = 44
	protoAH       = 51
)

// rawIP reads IP whose version only the first nibble tells.
func (d *Decoder) rawIP(b []byte) {
	switch {
	case len(b) > 0 && b[0]>>4 == 4:
		d.ipv4(b)
	case len(b) > 0 && b[0]>>4 == 6:
		d.ipv6(b)
	default:
		d.skip(reasonIPBad)
	}
}

// ipv4 reads an IPv4 header (RFC 791 §3.1). A total length of zero comes from hosts that leave
// segmentation to the card: then what is captured is the packet.
func (d *Decoder) ipv4(b []byte) {
	if len(b) < 20 {
		d.skip(reasonIPBad)
		return
	}
	header, total := int(b[0]&15)*4, int(be16(b[2:]))
	if total == 0 {
		total = len(b)
	}
	if b[0]>>4 != 4 || header < 20 || total < header || len(b) < header {
		d.skip(reasonIPBad)
		return
	}
	if !d.enter() {
		return
	}
	d.cur.missing = 0
	if total <= len(b) {
		b = b[:total]
	} else {
		d.cur.missing = total - len(b)
	}
	d.cur.src = netip.AddrFrom4([4]byte(b[12:16]))
	d.cur.dst = netip.AddrFrom4([4]byte(b[16:20]))
	d.cur.ipid = be16(b[4:])
	proto, offset := b[9], be16(b[6:])
	if offset&0x3fff != 0 {
		d.fragment(fragment{
			key:    fragmentKey{src: d.cur.src, dst: d.cur.dst, id: uint32(d.cur.ipid), proto: proto, point: d.cur.point},
			proto:  proto,
			offset: int(offset&0x1fff) * 8, more: offset&0x2000 != 0, data: b[header:],
		})
		return
	}
	d.ipPayload(proto, b[header:])
}

// ipv6 reads an IPv6 header and its extension headers (RFC 8200 §3, §4). A payload length of zero is a
// jumbogram or left to the card: then what is captured is the packet.
func (d *Decoder) ipv6(b []byte) {
	if len(b) < 40 || b[0]>>4 != 6 {
		d.skip(reasonIPBad)
		return
	}
	if !d.enter() {
		return
	}
	d.cur.src = netip.AddrFrom16([16]byte(b[8:24])).Unmap()
	d.cur.dst = netip.AddrFrom16([16]byte(b[24:40])).Unmap()
	d.cur.ipid, d.cur.missing = 0, 0
	next, length := b[6], int(be16(b[4:]))
	b = b[40:]
	if length > 0 && length <= len(b) {
		b = b[:length]
	} else if length > 0 {
		d.cur.missing = length - len(b)
	}
	next, b, ok := skipExtensions(next, b)
	if !ok {
		d.skip(reasonIPBad)
		return
	}
	if next == protoFragment {
		d.fragment6(b)
		return
	}
	d.ipPayload(next, b)
}

// fragment6 reads a Fragment header (RFC 8200 §4.5). An atomic fragment is a whole datagram (RFC 6946 §4).
func (d *Decoder) fragment6(b []byte) {
	if len(b) < 8 {
		d.skip(reasonIPBad)
		return
	}
	next, offset := b[0], be16(b[2:])
	if offset&0xfff9 == 0 {
		next, b, ok := skipExtensions(next, b[8:])
		if !ok || next == protoFragment {
			d.skip(reasonIPBad)
			return
		}
		d.ipPayload(next, b)
		return
	}
	d.fragment(fragment{
		key:    fragmentKey{src: d.cur.src, dst: d.cur.dst, id: be32(b[4:]), v6: true, point: d.cur.point},
		proto:  next,
		offset: int(offset &^ 7), more: offset&1 != 0, data: b[8:],
	})
}

// skipExtensions walks IPv6 extension headers up to a Fragment header or what is no extension header.
func skipExtensions(next uint8, b []byte) (uint8, []byte, bool) {
	for range maxDepth {
		switch next {
		case 0, 43, 60, 135, 139, 140: // hop-by-hop, routing, destination options, mobility, HIP, Shim6
			if len(b) < 8 || len(b) < (int(b[1])+1)*8 {
				return 0, nil, false
			}
			next, b = b[0], b[(int(b[1])+1)*8:]
		default:
			return next, b, true
		}
	}
	return 0, nil, false
}

// ah skips an Authentication Header (RFC 4302 §2), whose length counts 32-bit words less two.
func (d *Decoder) ah(b []byte) {
	if len(b) < 12 || len(b) < (int(b[1])+2)*4 {
		d.skip(reasonIPBad)
		return
	}
	d.ipPayload(b[0], b[(int(b[1])+2)*4:])
}

func (d *Decoder) esp([]byte) { d.skip(reasonESP) }
