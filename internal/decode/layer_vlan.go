package decode

// vlan reads one tag of 802.1Q, 802.1ad (0x88a8) or the older QinQ types; the next may be a tag again.
func (d *Decoder) vlan(b []byte) {
	if len(b) < 4 {
		d.skip(reasonLinkShort)
		return
	}
	t := be16(b[2:])
	if t < 0x0600 {
		d.llc(b[4:])
		return
	}
	d.etherType(t, b[4:])
}
