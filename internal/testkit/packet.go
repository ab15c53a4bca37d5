package testkit

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"sipcause/internal/wire"
)

// TCP flags (RFC 9293 §3.1).
const (
	FIN = 1
	SYN = 2
	RST = 4
	PSH = 8
	ACK = 16
)

// IP protocol numbers.
const (
	protoICMP   = 1
	protoTCP    = 6
	protoUDP    = 17
	protoFrag   = 44
	protoICMPv6 = 58
)

// Ethernet puts an IP packet into a frame, its EtherType by the packet's version.
func Ethernet(ip []byte) []byte {
	etype := []byte{0x08, 0x00}
	if len(ip) > 0 && ip[0]>>4 == 6 {
		etype = []byte{0x86, 0xdd}
	}
	return bytes.Join([][]byte{{2, 0, 0, 0, 0, 2}, {2, 0, 0, 0, 0, 1}, etype, ip}, nil)
}

// UDP returns an IP packet with a datagram. id is the IPv4 identification.
func UDP(src, dst netip.AddrPort, id uint16, data []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, src.Port())
	b = binary.BigEndian.AppendUint16(b, dst.Port())
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(data)))
	b = append(append(b, 0, 0), data...)
	sum := checksum(b, pseudo(src.Addr(), dst.Addr(), protoUDP, len(b)))
	if sum == 0 {
		sum = 0xffff // RFC 768: zero means none
	}
	binary.BigEndian.PutUint16(b[6:], sum)
	return IP(src.Addr(), dst.Addr(), protoUDP, id, b)
}

// TCP returns an IP packet with a segment.
func TCP(src, dst netip.AddrPort, seq, ack uint32, flags byte, data []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, src.Port())
	b = binary.BigEndian.AppendUint16(b, dst.Port())
	b = binary.BigEndian.AppendUint32(b, seq)
	b = binary.BigEndian.AppendUint32(b, ack)
	b = append(b, 5<<4, flags, 0xff, 0xff, 0, 0, 0, 0)
	b = append(b, data...)
	binary.BigEndian.PutUint16(b[16:], checksum(b, pseudo(src.Addr(), dst.Addr(), protoTCP, len(b))))
	return IP(src.Addr(), dst.Addr(), protoTCP, 0, b)
}

// ICMP returns an IP packet with an ICMP or ICMPv6 error that quotes a packet.
func ICMP(src, dst netip.Addr, typ, code byte, mtu uint16, quoted []byte) []byte {
	b := append([]byte{typ, code, 0, 0, 0, 0, byte(mtu >> 8), byte(mtu)}, quoted...)
	if dst.Is6() {
		binary.BigEndian.PutUint16(b[2:], checksum(b, pseudo(src, dst, protoICMPv6, len(b))))
		return IP(src, dst, protoICMPv6, 0, b)
	}
	binary.BigEndian.PutUint16(b[2:], checksum(b, 0))
	return IP(src, dst, protoICMP, 0, b)
}

// IP returns a packet without options or extensions. Both addresses are of one family.
func IP(src, dst netip.Addr, proto byte, id uint16, payload []byte) []byte {
	if src.Is6() {
		b := []byte{6 << 4, 0, 0, 0}
		b = binary.BigEndian.AppendUint16(b, uint16(len(payload)))
		b = append(b, proto, 64)
		s, d := src.As16(), dst.As16()
		return append(append(append(b, s[:]...), d[:]...), payload...)
	}
	b := []byte{4<<4 | 5, 0}
	b = binary.BigEndian.AppendUint16(b, uint16(20+len(payload)))
	b = binary.BigEndian.AppendUint16(b, id)
	b = append(b, 0, 0, 64, proto, 0, 0)
	s, d := src.As4(), dst.As4()
	b = append(append(b, s[:]...), d[:]...)
	binary.BigEndian.PutUint16(b[10:], checksum(b, 0))
	return append(b, payload...)
}

// Fragment cuts an IP packet into fragments of at most mtu bytes (RFC 791 §3.2, RFC 8200 §4.5). id is used for IPv6 only.
func Fragment(ip []byte, mtu int, id uint32) [][]byte {
	v6 := ip[0]>>4 == 6
	header, extra := 20, 0
	if v6 {
		header, extra = 40, 8
	}
	size := (mtu - header - extra) &^ 7
	var out [][]byte
	for off := 0; off < len(ip)-header; off += size {
		part := ip[header+off : min(header+off+size, len(ip))]
		more := header+off+size < len(ip)
		b := bytes.Clone(ip[:header])
		if v6 {
			binary.BigEndian.PutUint16(b[4:], uint16(8+len(part)))
			b = append(b, b[6], 0)
			b[6] = protoFrag
			b = binary.BigEndian.AppendUint16(b, uint16(off)|bit(more, 1))
			b = binary.BigEndian.AppendUint32(b, id)
		} else {
			binary.BigEndian.PutUint16(b[2:], uint16(20+len(part)))
			binary.BigEndian.PutUint16(b[6:], uint16(off/8)|bit(more, 0x2000))
			b[10], b[11] = 0, 0
			binary.BigEndian.PutUint16(b[10:], checksum(b, 0))
		}
		out = append(out, append(b, part...))
	}
	return out
}

func bit(on bool, v uint16) uint16 {
	if on {
		return v
	}
	return 0
}

// RTP returns a packet with n bytes of payload (RFC 3550 §5.1).
func RTP(m *wire.Media, n int) []byte {
	b := []byte{2 << 6, m.PT | byte(bit(m.Marker, 0x80))}
	b = binary.BigEndian.AppendUint16(b, m.Seq)
	b = binary.BigEndian.AppendUint32(b, m.TS)
	b = binary.BigEndian.AppendUint32(b, m.SSRC)
	return append(b, bytes.Repeat([]byte{0xff}, n)...)
}

// pseudo returns the sum over the pseudo header (RFC 768, RFC 9293 §3.1, RFC 8200 §8.1).
func pseudo(src, dst netip.Addr, proto byte, length int) uint32 {
	sum := uint32(proto) + uint32(length)>>16 + uint32(length)&0xffff
	return add(add(sum, src.AsSlice()), dst.AsSlice())
}

func add(sum uint32, b []byte) uint32 {
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	return sum
}

// checksum returns the Internet checksum (RFC 1071).
func checksum(b []byte, initial uint32) uint16 {
	sum := add(initial, b)
	for sum>>16 != 0 {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// Pcap writes packets of Ethernet as a capture file with nanoseconds.
func Pcap(packets []wire.Packet) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, 0xa1b23c4d)
	b = le.AppendUint16(b, 2)
	b = le.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...)
	b = le.AppendUint32(b, 262144)
	b = le.AppendUint32(b, 1)
	for _, p := range packets {
		b = le.AppendUint32(b, uint32(p.Time/1e9))
		b = le.AppendUint32(b, uint32(p.Time%1e9))
		b = le.AppendUint32(b, uint32(len(p.Data)))
		b = le.AppendUint32(b, uint32(p.WireLen))
		b = append(b, p.Data...)
	}
	return b
}
