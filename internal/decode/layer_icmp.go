package decode

import (
	"net/netip"
	"strconv"

	"sipcause/internal/wire"
)

// icmp4Words names the errors of ICMP by type and code (RFC 792; RFC 1122 §3.2.2.1; RFC 1812 §5.2.7.1).
var icmp4Words = map[[2]uint8]string{
	{3, 0}:  "network unreachable",
	{3, 1}:  "host unreachable",
	{3, 2}:  "protocol unreachable",
	{3, 3}:  "port unreachable",
	{3, 4}:  "fragmentation needed",
	{3, 5}:  "source route failed",
	{3, 6}:  "destination network unknown",
	{3, 7}:  "destination host unknown",
	{3, 8}:  "source host isolated",
	{3, 9}:  "communication with destination network administratively prohibited",
	{3, 10}: "communication with destination host administratively prohibited",
	{3, 11}: "destination network unreachable for type of service",
	{3, 12}: "destination host unreachable for type of service",
	{3, 13}: "communication administratively prohibited",
	{3, 14}: "host precedence violation",
	{3, 15}: "precedence cutoff in effect",
	{4, 0}:  "source quench",
	{11, 0}: "time exceeded in transit",
	{11, 1}: "fragment reassembly time exceeded",
	{12, 0}: "parameter problem",
}

// icmp6Words names the errors of ICMPv6 (RFC 4443 §3).
var icmp6Words = map[[2]uint8]string{
	{1, 0}: "no route to destination",
	{1, 1}: "communication with destination administratively prohibited",
	{1, 2}: "beyond scope of source address",
	{1, 3}: "address unreachable",
	{1, 4}: "port unreachable",
	{1, 5}: "source address failed ingress/egress policy",
	{1, 6}: "reject route to destination",
	{2, 0}: "packet too big",
	{3, 0}: "hop limit exceeded in transit",
	{3, 1}: "fragment reassembly time exceeded",
	{4, 0}: "erroneous header field encountered",
	{4, 1}: "unrecognized next header type encountered",
	{4, 2}: "unrecognized IPv6 option encountered",
}

func (d *Decoder) icmp4(b []byte) {
	if len(b) < 8 {
		d.skip(reasonICMP)
		return
	}
	switch b[0] {
	case 3, 4, 11, 12:
	default:
		d.skip(reasonICMP)
		return
	}
	e := wire.Event{Kind: wire.EventICMP, Detail: words(icmp4Words, b)}
	if b[0] == 3 && b[1] == 4 {
		e.Kind = wire.EventICMPTooBig
		if mtu := be16(b[6:]); mtu != 0 { // RFC 1191 §4
			e.Detail += ", MTU " + strconv.Itoa(int(mtu))
		}
	}
	d.icmpError(&e, b)
}

func (d *Decoder) icmp6(b []byte) {
	if len(b) < 8 || b[0] == 0 || b[0] > 4 { // errors are 1 to 4 (RFC 4443 §2.1)
		d.skip(reasonICMP)
		return
	}
	e := wire.Event{Kind: wire.EventICMP, Detail: words(icmp6Words, b), V6: true}
	if b[0] == 2 {
		e.Kind = wire.EventICMPTooBig
		e.Detail += ", MTU " + strconv.FormatUint(uint64(be32(b[4:])), 10)
	}
	d.icmpError(&e, b)
}

func words(table map[[2]uint8]string, b []byte) string {
	if w, ok := table[[2]uint8{b[0], b[1]}]; ok {
		return w
	}
	return "type " + strconv.Itoa(int(b[0])) + " code " + strconv.Itoa(int(b[1]))
}

// icmpError hands on an error that quotes a packet of SIP.
func (d *Decoder) icmpError(e *wire.Event, b []byte) {
	flow, quote, ok := quotedPacket(b[8:])
	if !ok || !d.concernsSIP(flow, quote) {
		d.skip(reasonICMPNotSIP)
		return
	}
	e.Ref, e.Time, e.Point = d.cur.ref, d.cur.time, d.cur.point
	e.Flow, e.Quote, e.From = flow, quote, d.cur.src
	e.ICMPType, e.ICMPCode = b[0], b[1]
	d.event(e)
}

// quotedPacket reads the IP packet that an ICMP error quotes, as far as it goes; its IP length cuts off
// padding and extensions (RFC 4884 §3).
func quotedPacket(b []byte) (flow wire.Flow, data []byte, ok bool) {
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		header, total := int(b[0]&15)*4, int(be16(b[2:]))
		if header < 20 || len(b) < header || be16(b[6:])&0x1fff != 0 {
			return flow, nil, false
		}
		src, dst := netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
		proto := b[9]
		if total >= header && total < len(b) {
			b = b[:total]
		}
		return quotedFlow(proto, src, dst, b[header:])
	case len(b) >= 40 && b[0]>>4 == 6:
		src, dst := netip.AddrFrom16([16]byte(b[8:24])).Unmap(), netip.AddrFrom16([16]byte(b[24:40])).Unmap()
		proto, length := b[6], int(be16(b[4:]))
		b = b[40:]
		if length > 0 && length < len(b) {
			b = b[:length]
		}
		proto, b, ok = skipExtensions(proto, b)
		if ok && proto == protoFragment && len(b) >= 8 && be16(b[2:])>>3 == 0 {
			proto, b, ok = skipExtensions(b[0], b[8:])
		}
		if !ok {
			return flow, nil, false
		}
		return quotedFlow(proto, src, dst, b)
	}
	return flow, nil, false
}

// quotedFlow reads the ports of a UDP or TCP packet that may be cut after them, and the data if it is there.
func quotedFlow(proto uint8, src, dst netip.Addr, b []byte) (flow wire.Flow, data []byte, ok bool) {
	if len(b) < 4 {
		return flow, nil, false
	}
	flow.Src, flow.Dst = netip.AddrPortFrom(src, be16(b)), netip.AddrPortFrom(dst, be16(b[2:]))
	switch proto {
	case protoUDP:
		flow.Transport = wire.UDP
		if len(b) > 8 {
			data = b[8:]
		}
	case protoTCP:
		flow.Transport = wire.TCP
		if len(b) > 20 && int(b[12]>>4)*4 < len(b) {
			data = b[int(b[12]>>4)*4:]
		}
	default:
		return flow, nil, false
	}
	return flow, data, true
}
