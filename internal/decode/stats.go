package decode

import (
	"fmt"
	"time"

	"sipcause/internal/wire"
)

// reason says why a packet gave nothing. Every name is stable: reports and tests quote it.
type reason uint8

const (
	reasonARP reason = iota
	reasonNonIP
	reasonLinkShort
	reasonIPBad
	reasonTooDeep
	reasonFragment
	reasonFragmentBad
	reasonFragmentCap
	reasonESP
	reasonSCTP
	reasonSCTPBad
	reasonTunnelBad
	reasonICMP
	reasonICMPNotSIP
	reasonUDPBad
	reasonUDPEmpty
	reasonUDPNotSIP
	reasonDNS
	reasonSTUN
	reasonDTLS
	reasonHEPBad
	reasonHEPNotSIP
	reasonHEPCompressed
	reasonHEPInflated
	reasonTCPBad
	reasonTCPNotSIP
	reasonTLS
	reasonTLSCipher
	reasonTLSHandshake
	reasonTLSGap
	reasonTLSMAC
	reasonTLSEvicted
	reasonWSNotSIP
	reasonWSDeflate
	reasonWSDeflateBad
	reasonWSInflated
	reasonWSBad
	reasonCount
)

var reasonNames = [reasonCount]string{
	reasonARP:           "arp",
	reasonNonIP:         "non-ip",
	reasonLinkShort:     "link-header-short",
	reasonIPBad:         "ip-header-bad",
	reasonTooDeep:       "too-many-layers",
	reasonFragment:      "ip-fragment-incomplete",
	reasonFragmentBad:   "ip-fragment-bad",
	reasonFragmentCap:   "ip-fragment-evicted",
	reasonESP:           "esp",
	reasonSCTP:          "sctp",
	reasonSCTPBad:       "sctp-header-bad",
	reasonTunnelBad:     "tunnel-header-bad",
	reasonICMP:          "icmp",
	reasonICMPNotSIP:    "icmp-not-sip",
	reasonUDPBad:        "udp-header-bad",
	reasonUDPEmpty:      "udp-empty",
	reasonUDPNotSIP:     "udp-not-sip",
	reasonDNS:           "dns",
	reasonSTUN:          "stun",
	reasonDTLS:          "dtls",
	reasonHEPBad:        "hep-bad",
	reasonHEPNotSIP:     "hep-not-sip",
	reasonHEPCompressed: "hep-compressed-bad",
	reasonHEPInflated:   "hep-inflated-too-long",
	reasonTCPBad:        "tcp-header-bad",
	reasonTCPNotSIP:     "tcp-not-sip",
	reasonTLS:           "tls-no-keys",
	reasonTLSCipher:     "tls-cipher-unsupported",
	reasonTLSHandshake:  "tls-missed-handshake",
	reasonTLSGap:        "tls-gap-in-stream",
	reasonTLSMAC:        "tls-bad-mac",
	reasonTLSEvicted:    "tls-evicted",
	reasonWSNotSIP:      "ws-not-sip",
	reasonWSDeflate:     "ws-deflate",
	reasonWSDeflateBad:  "ws-deflate-bad",
	reasonWSInflated:    "ws-inflated-too-long",
	reasonWSBad:         "ws-frame-bad",
}

// skip counts the packet at hand as not understood.
func (d *Decoder) skip(r reason) { d.stats.undecoded[r]++ }

type counters struct {
	packets, truncated, keepalives uint64
	media, rtcp                    uint64
	payloads                       [wire.SCTP + 1]uint64
	events                         [wire.EventKinds]uint64
	gaps                           [wire.GapPanic + 1]uint64
	undecoded                      [reasonCount]uint64
	unknownProtos                  [256]uint64
	unknownLinks                   map[wire.LinkType]uint64
	hep                            uint64
	notes                          [wire.NoteKinds]uint64
	unknownHEP                     [256]uint64
	agents                         AgentStats
	frag                           FragmentStats
	tcp                            TCPStats
	sctp                           SCTPStats
}

// Stats says what became of the packets so far. Counts are of packets where not said otherwise.
type Stats struct {
	Packets    uint64
	Payloads   map[string]uint64 // by transport: messages handed on
	Truncated  uint64            // payloads that are only a prefix
	Keepalives uint64            // CRLF or NUL datagrams, and CRLF in streams
	HEP        uint64            // HEP packets
	Notes      map[string]uint64 // by kind: what agents said beside messages, handed on or not
	RTP, RTCP  uint64
	Events     map[string]uint64 // by kind: events handed on
	Gaps       map[string]uint64 // by kind: gaps handed on
	Undecoded  map[string]uint64 // by reason: what gave nothing ("arp", "tls-no-keys", "link-type-147-unknown", "ip-protocol-89", …)
	Fragments  FragmentStats
	TCP        TCPStats
	SCTP       SCTPStats
	Agents     AgentStats
}

// FragmentStats counts IP fragments.
type FragmentStats struct {
	Seen, Duplicate     uint64 // fragments
	Overlapping         uint64 // fragments that overlap others: IPv4 keeps what came first, IPv6 drops the datagram (RFC 5722 §4)
	Reassembled, Lost   uint64 // datagrams
	Evicted             uint64 // datagrams given up because a cap was reached
	Pending, PeakHeld   int    // datagrams now; bytes held at most
	EchoesAfterComplete uint64 // datagrams begun by fragments captured again
}

// TCPStats counts TCP segments and connections.
type TCPStats struct {
	Segments, Retransmitted, OutOfOrder uint64
	Holes, LostBytes                    uint64 // holes given up, bytes in them
	JunkBytes                           uint64 // skipped to find a start line
	Conns                               uint64 // connections seen
	EvictedHalfOpen, EvictedOther       uint64
	EvictedSIP                          uint64
	EvictedBuffers                      uint64 // directions whose held bytes were dropped because of a cap
	Live, PeakBuffered                  int    // connections now; bytes held at most
}

// SCTPStats counts DATA chunks and the associations that carry SIP, each direction being one.
type SCTPStats struct {
	Chunks, Repeated uint64 // DATA chunks; those seen before
	Reassembled      uint64 // messages of several chunks
	Lost             uint64 // chunks of messages that never completed
	Evicted          uint64 // associations given up because a cap was reached
	Live, PeakHeld   int    // associations now; bytes held of fragments at most
}

// AgentStats counts what became of the clocks of HEP agents that are received live.
type AgentStats struct {
	Known     int    // now
	Evicted   uint64 // forgotten because of the cap
	Unnamed   uint64 // agents without a capture point of their own because of the cap
	Steps     uint64 // times an agent's clock was found wrong, or otherwise wrong than before
	Corrected uint64 // packets whose time was corrected
	Late      uint64 // packets that came long after they were seen

	// Stepped is the capture point of the agent that Steps was last of, 0 where it has none; Slow is what its clock was found
	// to lack: less than 0 when it is fast, 0 when it is right again.
	Stepped uint16
	Slow    time.Duration
}

// Agents returns the counts of HEP agents so far.
func (d *Decoder) Agents() AgentStats {
	s := d.stats.agents
	s.Known = d.agents.order.n
	return s
}

// Stats returns the counts so far, as a copy.
func (d *Decoder) Stats() Stats {
	c := &d.stats
	s := Stats{
		Packets: c.packets, Truncated: c.truncated, Keepalives: c.keepalives, HEP: c.hep,
		RTP: c.media, RTCP: c.rtcp,
		Payloads: map[string]uint64{}, Events: map[string]uint64{}, Gaps: map[string]uint64{}, Undecoded: map[string]uint64{},
		Notes: map[string]uint64{}, Fragments: c.frag, TCP: c.tcp, SCTP: c.sctp, Agents: d.Agents(),
	}
	s.SCTP.Live = d.sctps.order.n
	s.Fragments.Pending = d.frags.order.n
	s.TCP.Live = len(d.tcp.conns)
	for i, n := range c.payloads {
		put(s.Payloads, wire.Transport(i).String(), n)
	}
	for i, n := range c.events {
		put(s.Events, wire.EventKind(i).String(), n)
	}
	for i, n := range c.gaps {
		put(s.Gaps, wire.GapKind(i).String(), n)
	}
	for i, n := range c.undecoded {
		put(s.Undecoded, reasonNames[i], n)
	}
	for i, n := range c.unknownProtos {
		put(s.Undecoded, fmt.Sprintf("ip-protocol-%d", i), n)
	}
	for i, n := range c.notes {
		put(s.Notes, wire.NoteKind(i).String(), n)
	}
	for i, n := range c.unknownHEP {
		put(s.Undecoded, fmt.Sprintf("hep-type-%d", i), n)
	}
	for l, n := range c.unknownLinks {
		put(s.Undecoded, fmt.Sprintf("link-type-%d-unknown", l), n)
	}
	return s
}

func put(m map[string]uint64, name string, n uint64) {
	if n > 0 {
		m[name] = n
	}
}
