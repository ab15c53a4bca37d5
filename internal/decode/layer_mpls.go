package decode

// mpls reads a label stack (RFC 3032 §2.1). Nothing names what is below: a first nibble of 4 or 6 that also
// makes a sound IP header is IP (RFC 4928 §3), a zero nibble is the control word of a pseudowire
// (RFC 4385 §3), anything else an Ethernet frame.
func (d *Decoder) mpls(b []byte) {
	for labels := 0; ; labels++ {
		if len(b) < 4 || labels == maxDepth {
			d.skip(reasonTunnelBad)
			return
		}
		bottom := b[2]&1 == 1
		b = b[4:]
		if bottom {
			break
		}
	}
	switch {
	case soundIPv4(b):
		d.ipv4(b)
	case soundIPv6(b):
		d.ipv6(b)
	case len(b) > 18 && b[0]>>4 == 0 && !knownEther(d, b):
		d.ethernet(b[4:])
	default:
		d.ethernet(b)
	}
}

// knownEther says whether b, read as an Ethernet frame, has a type that leads on.
func knownEther(d *Decoder, b []byte) bool {
	return len(b) >= 14 && d.ethers[be16(b[12:])] != nil
}

func soundIPv4(b []byte) bool {
	return len(b) >= 20 && b[0]>>4 == 4 && b[0]&15 >= 5 && int(be16(b[2:])) >= int(b[0]&15)*4
}

func soundIPv6(b []byte) bool { return len(b) >= 40 && b[0]>>4 == 6 }
