package decode

// looksVXLAN says whether b begins with a VXLAN header (RFC 7348 §5: the I flag alone, reserved bits zero)
// and an Ethernet frame with a type that can lead to IP.
func looksVXLAN(b []byte) bool {
	if len(b) < 8+14 || b[0] != 0x08 || b[1]|b[2]|b[3]|b[7] != 0 {
		return false
	}
	switch be16(b[20:]) {
	case etherIPv4, etherIPv6, etherVLAN, 0x88a8, 0x0806, 0x8847, 0x8864:
		return true
	}
	return false
}

func (d *Decoder) vxlan(b []byte) { d.ethernet(b[8:]) }

// looksGeneve says whether b begins with a Geneve header (RFC 8926 §3.4), version 0, whose options fit.
func looksGeneve(b []byte) bool {
	return len(b) >= 8 && b[0]>>6 == 0 && b[1]&0x3f == 0 && b[7] == 0 && len(b) >= 8+int(b[0]&0x3f)*4
}

func (d *Decoder) geneve(b []byte) { d.etherType(be16(b[2:]), b[8+int(b[0]&0x3f)*4:]) }

// looksGTPU says whether b is a G-PDU of GTP-U version 1 (3GPP TS 29.281 §5.1).
func looksGTPU(b []byte) bool { return len(b) >= 12 && b[0]>>4 == 3 && b[1] == 255 }

// gtpu reads a GTP-U header with its extension headers; below it is IP without a name.
func (d *Decoder) gtpu(b []byte) {
	n := 8
	if b[0]&7 != 0 { // sequence, N-PDU or extension: then all three fields are there
		next := b[11]
		if b[0]&4 == 0 {
			next = 0
		}
		n = 12
		for i := 0; next != 0; i++ {
			if i == maxDepth || n >= len(b) || b[n] == 0 || n+int(b[n])*4 > len(b) {
				d.skip(reasonTunnelBad)
				return
			}
			n += int(b[n]) * 4
			next = b[n-1]
		}
	}
	d.rawIP(b[n:])
}
