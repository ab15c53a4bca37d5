package decode

// null reads BSD loopback (NULL in the byte order of who captured, LOOP in network order): an address
// family in four bytes. The families of all systems fit one byte, which tells the order.
func (d *Decoder) null(b []byte) {
	if len(b) < 4 {
		d.skip(reasonLinkShort)
		return
	}
	family := be32(b)
	if family > 0xffff {
		family = le32(b)
	}
	switch family {
	case 2:
		d.ipv4(b[4:])
	case 10, 23, 24, 28, 30: // AF_INET6 of Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS
		d.ipv6(b[4:])
	default:
		d.skip(reasonNonIP)
	}
}
