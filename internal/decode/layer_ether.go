package decode

import "sipcause/internal/wire"

const (
	linkEthernet wire.LinkType = 1

	etherIPv4 = 0x0800
	etherIPv6 = 0x86dd
	etherVLAN = 0x8100
	etherTEB  = 0x6558 // Transparent Ethernet Bridging: a whole frame
)

// ethernet reads an Ethernet II frame, or 802.3 with LLC/SNAP (RFC 1042). What trails the IP packet is
// padding: the IP length cuts it off.
func (d *Decoder) ethernet(b []byte) {
	if len(b) < 14 {
		d.skip(reasonLinkShort)
		return
	}
	t := be16(b[12:])
	if t >= 0x0600 {
		d.etherType(t, b[14:])
		return
	}
	d.llc(b[14:])
}

// llc reads an LLC header: only SNAP with an EtherType (OUI 0) and IP's own SAP lead on.
func (d *Decoder) llc(b []byte) {
	switch {
	case len(b) >= 8 && b[0] == 0xaa && b[1] == 0xaa && b[2] == 3 && b[3]|b[4]|b[5] == 0:
		d.etherType(be16(b[6:]), b[8:])
	case len(b) >= 3 && b[0] == 0x06 && b[1] == 0x06 && b[2] == 3:
		d.ipv4(b[3:])
	default:
		d.skip(reasonNonIP)
	}
}

func (d *Decoder) arp([]byte) { d.skip(reasonARP) }
