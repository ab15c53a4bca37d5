package decode

// sll reads Linux cooked capture v1: 16 bytes, the protocol last.
func (d *Decoder) sll(b []byte) {
	if len(b) < 16 {
		d.skip(reasonLinkShort)
		return
	}
	d.sllPayload(be16(b[14:]), b[16:])
}

// sll2 reads Linux cooked capture v2: 20 bytes, the protocol first.
func (d *Decoder) sll2(b []byte) {
	if len(b) < 20 {
		d.skip(reasonLinkShort)
		return
	}
	d.sllPayload(be16(b), b[20:])
}

// sllPayload goes on with a cooked frame's protocol: an EtherType, or Linux's number for 802.2 LLC.
func (d *Decoder) sllPayload(proto uint16, b []byte) {
	if proto == 4 {
		d.llc(b)
		return
	}
	d.etherType(proto, b)
}
