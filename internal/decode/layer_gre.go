package decode

// gre reads a GRE header: version 0 with checksum, key, sequence and routing (RFC 2784, RFC 2890, RFC 1701), and
// version 1, which carries PPP (RFC 2637 §4.1).
func (d *Decoder) gre(b []byte) {
	if len(b) < 4 {
		d.skip(reasonTunnelBad)
		return
	}
	flags, proto, n := be16(b), be16(b[2:]), 4
	routing := flags&0x4000 != 0
	if flags&7 > 1 {
		d.skip(reasonTunnelBad)
		return
	}
	for _, optional := range []uint16{0xc000, 0x2000, 0x1000} { // checksum or routing (which share a word), key, sequence
		if flags&optional != 0 {
			n += 4
		}
	}
	if flags&7 == 1 && flags&0x0080 != 0 { // acknowledgement
		n += 4
	}
	for routing { // source routes, the last of no length (RFC 1701, "Routing")
		if len(b) < n+4 || len(b) < n+4+int(b[n+3]) {
			d.skip(reasonTunnelBad)
			return
		}
		routing = b[n+3] != 0
		n += 4 + int(b[n+3])
	}
	if len(b) < n {
		d.skip(reasonTunnelBad)
		return
	}
	if proto == 0x88be && flags&0x1000 == 0 { // ERSPAN type I: no sequence, no header of its own
		proto = etherTEB
	}
	d.etherType(proto, b[n:])
}

// erspan2 reads the 8-byte header of ERSPAN type II (draft-foschiano-erspan-03 §4.2).
func (d *Decoder) erspan2(b []byte) { d.mirrored(b, 8) }

// erspan3 reads the 12-byte header of ERSPAN type III and the 8 bytes that the O bit announces (§4.3). Frame type
// 2 is an IP packet without a frame.
func (d *Decoder) erspan3(b []byte) {
	n := 12
	if len(b) >= n && b[11]&1 == 1 {
		n += 8
	}
	if len(b) >= n && b[10]>>2&0x1f == 2 {
		d.rawIP(b[n:])
		return
	}
	d.mirrored(b, n)
}

func (d *Decoder) mirrored(b []byte, header int) {
	if len(b) < header {
		d.skip(reasonTunnelBad)
		return
	}
	d.ethernet(b[header:])
}
