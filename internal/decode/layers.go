package decode

import "sipcause/internal/wire"

// A layer is one protocol below the application, and where it is found. Adding one is a file and a line in
// layers. decode gets the layer's bytes, header first; it counts a reason when it cannot go on.
type layer struct {
	name   string
	links  []wire.LinkType
	ethers []uint16 // EtherTypes, also of GRE, Geneve and SLL
	protos []uint8  // IP protocol numbers
	ports  []uint16 // UDP ports, either side; looks must agree
	looks  func(b []byte) bool
	probe  bool // looks alone decides, on any UDP port
	decode func(d *Decoder, b []byte)
}

// layers is the table. It is a function because layers lead to each other through it.
func layers() []layer {
	return []layer{
		{name: "ethernet", links: []wire.LinkType{linkEthernet}, ethers: []uint16{etherTEB}, decode: (*Decoder).ethernet},
		{name: "linux-sll", links: []wire.LinkType{113}, decode: (*Decoder).sll},
		{name: "linux-sll2", links: []wire.LinkType{276}, decode: (*Decoder).sll2},
		{name: "null", links: []wire.LinkType{0, 108}, decode: (*Decoder).null},
		{name: "raw-ip", links: []wire.LinkType{12, 14, 101, 228, 229}, decode: (*Decoder).rawIP},
		{name: "ppp", links: []wire.LinkType{9, 50}, ethers: []uint16{0x880b}, decode: (*Decoder).ppp},
		{name: "pppoe", links: []wire.LinkType{51}, ethers: []uint16{0x8864}, decode: (*Decoder).pppoe},
		{name: "vlan", ethers: []uint16{etherVLAN, 0x88a8, 0x9100, 0x9200}, decode: (*Decoder).vlan},
		{name: "mpls", ethers: []uint16{0x8847, 0x8848}, protos: []uint8{137}, decode: (*Decoder).mpls},
		{name: "arp", ethers: []uint16{0x0806, 0x8035}, decode: (*Decoder).arp},
		{name: "ipv4", ethers: []uint16{etherIPv4}, protos: []uint8{4}, decode: (*Decoder).ipv4},
		{name: "ipv6", ethers: []uint16{etherIPv6}, protos: []uint8{41}, decode: (*Decoder).ipv6},
		{name: "ah", protos: []uint8{protoAH}, decode: (*Decoder).ah},
		{name: "esp", protos: []uint8{50}, decode: (*Decoder).esp},
		{name: "gre", protos: []uint8{47}, decode: (*Decoder).gre},
		{name: "erspan2", ethers: []uint16{0x88be}, decode: (*Decoder).erspan2},
		{name: "erspan3", ethers: []uint16{0x22eb}, decode: (*Decoder).erspan3},
		{name: "udp", protos: []uint8{protoUDP}, decode: (*Decoder).udp},
		{name: "tcp", protos: []uint8{protoTCP}, decode: (*Decoder).segment},
		{name: "sctp", protos: []uint8{132}, decode: (*Decoder).sctp},
		{name: "icmp", protos: []uint8{1}, decode: (*Decoder).icmp4},
		{name: "icmpv6", protos: []uint8{58}, decode: (*Decoder).icmp6},
		{name: "hep", looks: looksHEP, probe: true, decode: (*Decoder).hep},
		{name: "hep-live", links: []wire.LinkType{wire.LinkHEP}, decode: (*Decoder).hepLive},
		{name: "vxlan", ports: []uint16{4789, 8472}, looks: looksVXLAN, probe: true, decode: (*Decoder).vxlan},
		{name: "geneve", ports: []uint16{6081}, looks: looksGeneve, decode: (*Decoder).geneve},
		{name: "gtp-u", ports: []uint16{2152}, looks: looksGTPU, decode: (*Decoder).gtpu},
	}
}

func (d *Decoder) indexLayers() {
	d.links = map[wire.LinkType]*layer{}
	d.ethers = map[uint16]*layer{}
	d.ports = map[uint16]*layer{}
	d.stats.unknownLinks = map[wire.LinkType]uint64{}
	table := layers()
	for i := range table {
		l := &table[i]
		for _, v := range l.links {
			d.links[v] = l
		}
		for _, v := range l.ethers {
			d.ethers[v] = l
		}
		for _, v := range l.protos {
			d.protos[v] = l
		}
		for _, v := range l.ports {
			d.ports[v] = l
		}
		if l.probe {
			d.probes = append(d.probes, l)
		}
	}
}

// etherType goes on with what an EtherType names.
func (d *Decoder) etherType(t uint16, b []byte) {
	switch t { // the two that nearly every packet has, without the map
	case etherIPv4:
		d.ipv4(b)
		return
	case etherIPv6:
		d.ipv6(b)
		return
	}
	l := d.ethers[t]
	if l == nil {
		d.skip(reasonNonIP)
		return
	}
	if d.enter() {
		l.decode(d, b)
	}
}

// ipPayload goes on with what an IP protocol number names.
func (d *Decoder) ipPayload(proto uint8, b []byte) {
	if proto == protoUDP {
		d.udp(b)
		return
	}
	l := d.protos[proto]
	if l == nil {
		d.stats.unknownProtos[proto]++
		return
	}
	if d.enter() {
		l.decode(d, b)
	}
}

func be16(b []byte) uint16 { return uint16(b[1]) | uint16(b[0])<<8 }

func be32(b []byte) uint32 {
	return uint32(b[3]) | uint32(b[2])<<8 | uint32(b[1])<<16 | uint32(b[0])<<24
}

func le32(b []byte) uint32 {
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}
