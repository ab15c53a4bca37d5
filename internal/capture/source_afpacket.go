package capture

import (
	"fmt"
	"strconv"
	"strings"
)

// AnyInterface stands for all interfaces, those to come included. Its packets come cooked (LINUX_SLL), each with the
// capture point of its interface.
const AnyInterface = "any"

// AFPacketOptions says what is captured of an interface, and how. The zero value captures what may be SIP.
type AFPacketOptions struct {
	Filter      Filter
	Snap        int                      // bytes kept of a packet; 0: all
	Promiscuous bool                     // frames for other stations, too; not for AnyInterface
	Fanout      int                      // sources that share the packets, each flow always in the same one; 0: one
	Ring        int                      // bytes of the ring that each source shares with the kernel; 0: 32 MiB
	Source      uint32                   // wire.PacketRef.Source of the first of them; the others count up
	Points      func(name string) uint16 // capture point of an interface; nil: 0
}

// Filter says what the kernel lets through. The zero value is all that may be SIP: DefaultPorts over UDP, TCP and SCTP,
// ICMP and ICMPv6, every IP fragment, and tunnels whole; IPv4 and IPv6, with VLAN tags or without.
type Filter struct {
	All   bool        // no filter at all
	Ports []PortRange // in place of DefaultPorts
	RTP   bool        // also UDP of any port that has the version bits of RTP and RTCP (RFC 3550 §5.1)
}

// PortRange is the ports from First to Last.
type PortRange struct{ First, Last uint16 }

// DefaultPorts returns the ports that are let through when nobody says which.
func DefaultPorts() []PortRange {
	return []PortRange{
		{5060, 5090}, // SIP, SIP over TLS (RFC 3261 §19.1.2), and what servers open beside
		{4060, 4060}, // proxies of an IMS core
		{6060, 6060},
		{5160, 5161}, // Asterisk with two SIP channels
		{7443, 7443}, // WebSockets: FreeSWITCH
		{8088, 8089}, // Asterisk
		{9060, 9061}, // HEP
		{2152, 2152}, // GTP-U
		{4789, 4789}, // VXLAN
		{8472, 8472},
		{6081, 6081}, // Geneve
	}
}

// maxFilterPorts bounds the ranges of one filter: the kernel takes 4096 instructions.
const maxFilterPorts = 256

// ParsePorts reads a list like "5060-5090,5160".
func ParsePorts(s string) ([]PortRange, error) {
	var list []PortRange
	for _, part := range strings.Split(s, ",") {
		first, last, ranged := strings.Cut(strings.TrimSpace(part), "-")
		if !ranged {
			last = first
		}
		a, err := parsePort(first)
		if err != nil {
			return nil, err
		}
		b, err := parsePort(last)
		if err != nil {
			return nil, err
		}
		if b < a {
			return nil, fmt.Errorf("read ports: %d-%d is the wrong way round", a, b)
		}
		list = append(list, PortRange{a, b})
	}
	if len(list) > maxFilterPorts {
		return nil, fmt.Errorf("read ports: %d ranges; no more than %d are possible", len(list), maxFilterPorts)
	}
	return list, nil
}

func parsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("read ports: %q is no port; give numbers from 1 to 65535 as in 5060-5090,5160", s)
	}
	return uint16(n), nil
}
