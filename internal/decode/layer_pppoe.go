package decode

// pppoe reads the header of a PPPoE session packet (RFC 2516 §4); discovery leads nowhere.
func (d *Decoder) pppoe(b []byte) {
	if len(b) < 6 {
		d.skip(reasonLinkShort)
		return
	}
	if b[0] != 0x11 || b[1] != 0 {
		d.skip(reasonNonIP)
		return
	}
	d.ppp(b[6:])
}
