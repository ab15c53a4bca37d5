package capture

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"
)

// wireFrame is an Ethernet frame for the filter: tags, then IP, then what is in it.
func wireFrame(tags []uint16, etherType uint16, packet []byte) []byte {
	b := make([]byte, 12)
	for _, t := range tags {
		b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, t), 7)
	}
	return append(binary.BigEndian.AppendUint16(b, etherType), packet...)
}

// packet4 is IPv4 with so many words of options.
func packet4(proto byte, fragment uint16, options int, body []byte) []byte {
	b := make([]byte, 20+4*options)
	b[0] = 0x45 + byte(options)
	binary.BigEndian.PutUint16(b[6:], fragment)
	b[9] = proto
	return append(b, body...)
}

func packet6(next byte, body []byte) []byte {
	b := make([]byte, 40)
	b[0], b[6] = 0x60, next
	return append(b, body...)
}

func portsBody(src, dst uint16, data ...byte) []byte {
	b := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, src), dst)
	return append(append(b, 0, 0, 0, 0), data...)
}

func TestFilter(t *testing.T) {
	sip, web := portsBody(40000, 5060, 'I', 'N', 'V'), portsBody(40000, 443, 1)
	rtp := portsBody(40000, 40002, 0x80, 0)
	q := []uint16{0x8100}
	for _, c := range []struct {
		name  string
		f     Filter
		frame []byte
		want  bool
	}{
		{"UDP to 5060", Filter{}, wireFrame(nil, 0x0800, packet4(17, 0x4000, 0, sip)), true},
		{"UDP from 5061", Filter{}, wireFrame(nil, 0x0800, packet4(17, 0, 0, portsBody(5061, 1))), true},
		{"last of a range", Filter{}, wireFrame(nil, 0x0800, packet4(17, 0, 0, portsBody(5090, 1))), true},
		{"beyond a range", Filter{}, wireFrame(nil, 0x0800, packet4(17, 0, 0, portsBody(5091, 1))), false},
		{"before a range", Filter{}, wireFrame(nil, 0x0800, packet4(17, 0, 0, portsBody(5059, 1))), false},
		{"TCP", Filter{}, wireFrame(nil, 0x0800, packet4(6, 0, 0, sip)), true},
		{"SCTP", Filter{}, wireFrame(nil, 0x0800, packet4(132, 0, 0, sip)), true},
		{"IPv4 options", Filter{}, wireFrame(nil, 0x0800, packet4(17, 0, 10, sip)), true},
		{"options that look like ports", Filter{}, wireFrame(nil, 0x0800, packet4(17, 0, 2, append(make([]byte, 4), sip...))), false},
		{"web", Filter{}, wireFrame(nil, 0x0800, packet4(6, 0, 0, web)), false},
		{"HEP", Filter{}, wireFrame(nil, 0x0800, packet4(17, 0, 0, portsBody(1, 9060))), true},
		{"first fragment", Filter{}, wireFrame(nil, 0x0800, packet4(17, 0x2000, 0, web)), true},
		{"last fragment", Filter{}, wireFrame(nil, 0x0800, packet4(17, 0x0010, 0, nil)), true},
		{"ICMP", Filter{}, wireFrame(nil, 0x0800, packet4(1, 0, 0, []byte{3, 3})), true},
		{"IP in IP", Filter{}, wireFrame(nil, 0x0800, packet4(4, 0, 0, nil)), true},
		{"GRE", Filter{}, wireFrame(nil, 0x0800, packet4(47, 0, 0, nil)), true},
		{"VXLAN", Filter{}, wireFrame(nil, 0x0800, packet4(17, 0, 0, portsBody(1, 4789))), true},
		{"OSPF", Filter{}, wireFrame(nil, 0x0800, packet4(89, 0, 0, nil)), false},
		{"IPv6 UDP", Filter{}, wireFrame(nil, 0x86dd, packet6(17, sip)), true},
		{"IPv6 web", Filter{}, wireFrame(nil, 0x86dd, packet6(6, web)), false},
		{"ICMPv6", Filter{}, wireFrame(nil, 0x86dd, packet6(58, nil)), true},
		{"IPv6 fragment", Filter{}, wireFrame(nil, 0x86dd, packet6(44, nil)), true},
		{"VLAN", Filter{}, wireFrame(q, 0x0800, packet4(17, 0, 0, sip)), true},
		{"VLAN web", Filter{}, wireFrame(q, 0x0800, packet4(6, 0, 0, web)), false},
		{"two VLANs, IPv6", Filter{}, wireFrame([]uint16{0x88a8, 0x8100}, 0x86dd, packet6(17, sip)), true},
		{"two VLANs, web", Filter{}, wireFrame([]uint16{0x88a8, 0x8100}, 0x86dd, packet6(17, web)), false},
		{"PPPoE", Filter{}, wireFrame(nil, 0x8864, nil), true},
		{"MPLS in VLAN", Filter{}, wireFrame(q, 0x8847, nil), true},
		{"ARP", Filter{}, wireFrame(nil, 0x0806, make([]byte, 40)), false},
		{"ARP with all", Filter{All: true}, wireFrame(nil, 0x0806, make([]byte, 40)), true},
		{"cut within the ports", Filter{}, wireFrame(nil, 0x0800, packet4(17, 0, 0, []byte{1})), false},
		{"cut within Ethernet", Filter{}, make([]byte, 13), false},
		{"own ports", Filter{Ports: []PortRange{{443, 443}}}, wireFrame(nil, 0x0800, packet4(6, 0, 0, web)), true},
		{"own ports in place of ours", Filter{Ports: []PortRange{{443, 443}}}, wireFrame(nil, 0x0800, packet4(17, 0, 0, sip)), false},
		{"RTP not asked for", Filter{}, wireFrame(nil, 0x0800, packet4(17, 0, 0, rtp)), false},
		{"RTP", Filter{RTP: true}, wireFrame(nil, 0x0800, packet4(17, 0, 0, rtp)), true},
		{"RTP in a VLAN, IPv6", Filter{RTP: true}, wireFrame(q, 0x86dd, packet6(17, rtp)), true},
		{"TCP that looks like RTP", Filter{RTP: true}, wireFrame(nil, 0x0800, packet4(6, 0, 0, rtp)), false},
		{"UDP that does not", Filter{RTP: true}, wireFrame(nil, 0x0800, packet4(17, 0, 0, web)), false},
	} {
		code, err := c.f.program(false, 1000)
		if err != nil {
			t.Fatal(err)
		}
		vm, err := bpf.NewVM(code)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		n, err := vm.Run(c.frame)
		if want := map[bool]int{true: 1000}[c.want]; err != nil || n != want {
			t.Errorf("%s: %d bytes, %v; want %d", c.name, n, err, want)
		}
	}
}

func TestFilterFits(t *testing.T) {
	f := Filter{RTP: true, Ports: make([]PortRange, maxFilterPorts)}
	code, err := f.program(true, 1000)
	if err != nil || len(code) > 4096-5 {
		t.Errorf("%d instructions, %v", len(code), err)
	}
	if _, err := bpf.Assemble(skipLoop(code)); err != nil {
		t.Error(err)
	}
	f.Ports = append(f.Ports, PortRange{})
	if _, err := f.program(true, 1000); err == nil {
		t.Error("one range more: no error")
	}
}

func TestParsePorts(t *testing.T) {
	list, err := ParsePorts("5060-5062, 7000")
	if err != nil || len(list) != 2 || list[0] != (PortRange{5060, 5062}) || list[1] != (PortRange{7000, 7000}) {
		t.Errorf("%v, %v", list, err)
	}
	for _, s := range []string{"", "0", "70000", "5062-5060", "sip", "5060,"} {
		if _, err := ParsePorts(s); err == nil {
			t.Errorf("%q: no error", s)
		}
	}
}
