package decode

// ppp reads a PPP frame (RFC 1661 §2), with or without address and control (RFC 1662 §3.1) and with a
// compressed protocol field (RFC 1661 §6.5).
func (d *Decoder) ppp(b []byte) {
	if len(b) >= 2 && b[0] == 0xff && b[1] == 3 {
		b = b[2:]
	}
	if len(b) < 2 {
		d.skip(reasonLinkShort)
		return
	}
	proto := uint16(b[0])
	if proto&1 == 1 {
		b = b[1:]
	} else {
		proto = be16(b)
		b = b[2:]
	}
	switch proto {
	case 0x0021:
		d.ipv4(b)
	case 0x0057:
		d.ipv6(b)
	case 0x0281:
		if d.enter() {
			d.mpls(b)
		}
	default:
		d.skip(reasonNonIP)
	}
}
