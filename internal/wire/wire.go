// Package wire holds what capture and decode hand on: packets, payloads, flows, events and gaps.
// Its one rule: it knows nothing of SIP. Values that alias a packet say so.
package wire

import (
	"cmp"
	"net/netip"
	"time"
)

// Time is a capture timestamp in nanoseconds since the Unix epoch, UTC. 0 means unknown.
// It is the only clock that decode, correlate and diagnose know.
type Time int64

// Std returns t as a time.Time in UTC.
func (t Time) Std() time.Time { return time.Unix(0, int64(t)).UTC() }

// Times before 1974 are of text traces that do not say it all: 1970 stands for no time, 1971 for a time of day
// alone, 1972 for a date without a year (the years after each where it runs over).
const (
	noTimes Time = 365 * 24 * 3600e9
	noDates Time = 4*noTimes + 24*3600e9
)

// Ordinal says whether t only keeps messages in order: what lies between it and another time is not known.
func (t Time) Ordinal() bool { return t < noTimes }

// Absolute says whether t has a date, so that it may be compared with times that messages carry.
func (t Time) Absolute() bool { return t >= noDates }

// Sub returns t-u; both must be known.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// Add returns t+d.
func (t Time) Add(d time.Duration) Time { return t + Time(d) }

// PacketRef names a packet: Source is an index into the capture's list of files (0-based),
// Number is 1-based and equal to the frame number that Wireshark shows in that file.
type PacketRef struct {
	Source uint32
	Number uint64
}

// Less orders references by source, then number.
func (r PacketRef) Less(o PacketRef) bool { return r.Compare(o) < 0 }

// Compare is the three-way form of Less.
func (r PacketRef) Compare(o PacketRef) int {
	return cmp.Or(cmp.Compare(r.Source, o.Source), cmp.Compare(r.Number, o.Number))
}

// LinkType is a DLT_ number as in a pcap header (tcpdump.org/linktypes.html).
type LinkType uint16

// LinkHEP is the link type of what a HEP source receives: each packet is one HEP packet, its time that of receipt.
// No DLT_ has this number.
const LinkHEP LinkType = 0xffff

// Packet is one frame. Data aliases the source's block and is valid only during the call that hands it on.
// WireLen > len(Data) means cut by the snap length.
type Packet struct {
	Ref     PacketRef
	Time    Time
	Point   uint16 // capture point: where packets were seen (a host or NIC); files of one capture share 0
	Link    LinkType
	Sender  uint32 // of LinkHEP: tells one sender's packets from another's; 0 else
	WireLen int
	Data    []byte
}

// Transport says what carried an application payload.
type Transport uint8

// The transports that carry SIP (RFC 3261 §18, RFC 7118, RFC 4168).
const (
	UnknownTransport Transport = iota
	UDP
	TCP
	TLS
	WS
	WSS
	SCTP
)

var transportNames = [...]string{"unknown", "udp", "tcp", "tls", "ws", "wss", "sctp"}

// String returns the lower-case name used in reports.
func (t Transport) String() string {
	if int(t) < len(transportNames) {
		return transportNames[t]
	}
	return transportNames[UnknownTransport]
}

// Reliable says whether the transport retransmits by itself (RFC 3261 §17.1.1.2: no Timer A on these).
func (t Transport) Reliable() bool { return t != UDP && t != UnknownTransport }

// Flow is a directed 5-tuple. IPv4-mapped IPv6 addresses are unmapped by whoever builds it.
type Flow struct {
	Transport Transport
	Src, Dst  netip.AddrPort
}

// Reverse returns the flow of the other direction.
func (f Flow) Reverse() Flow { return Flow{f.Transport, f.Dst, f.Src} }

// Placeholder says whether a stands for an address that is not known: one of 0.0.0.0/8, which no packet on a wire
// is sent to (RFC 1122 §3.2.1.3). Text traces have them: 0.0.0.0 for what they do not say at all, another one
// for each host that has only a name.
func Placeholder(a netip.Addr) bool { return a.Is4() && a.As4()[0] == 0 }

// Payload is one application message after IP and TCP reassembly: a UDP datagram's data, or exactly one
// framed SIP message of a stream. Data aliases decode's buffers and is valid only during the call that
// hands it on. Time and Ref are those of the packet that completed it.
type Payload struct {
	Ref       PacketRef
	Time      Time
	Point     uint16
	Flow      Flow
	Data      []byte
	Truncated bool   // the capture cut it (snap length or a gap in the stream): Data is a prefix
	IPID      uint16 // IPv4 identification of the packet, 0 for IPv6 and streams: tells a resent datagram from one captured twice
	Fragments int    // >1: reassembled from so many IP fragments
	ViaHEP    bool   // found inside HEP (v2/v3): Flow is the inner one
}

// EventKind says what an Event is.
type EventKind uint8

// Events that decode hands on beside payloads.
const (
	EventUnknown       EventKind = iota
	EventICMP                    // ICMP/ICMPv6 error that quotes a packet
	EventTCPReset                // RST on a flow that carried, or was opened for, SIP
	EventTCPRefused              // RST in answer to a SYN
	EventSYNTimeout              // SYN repeated without any answer
	EventTCPClosed               // FIN on a flow that carried SIP
	EventTLSHello                // ClientHello: Name is the SNI
	EventTLSCert                 // server certificate seen (TLS 1.3: decrypted): Detail names subject, NotAfter
	EventTLSAlert                // TLS alert before application data: Detail names it, and ends in ", warning" if the connection may go on
	EventFragLost                // IP fragments of a datagram never completed
	EventICMPTooBig              // fragmentation needed / packet too big
	EventTLSClientCert           // certificate of the client, as EventTLSCert
	EventTLSResumed              // the server took up an earlier session: no certificate is shown

	EventKinds // how many there are
)

var eventNames = [...]string{"unknown", "icmp", "tcp-reset", "tcp-refused", "syn-timeout", "tcp-closed", "tls-hello", "tls-certificate", "tls-alert", "fragment-lost", "icmp-too-big", "tls-client-certificate", "tls-resumed"}

// String returns the event's stable name.
func (k EventKind) String() string {
	if int(k) < len(eventNames) {
		return eventNames[k]
	}
	return eventNames[EventUnknown]
}

// Event is something that happened on the wire that is no payload. Flow is the flow of the packet that
// provoked it: for an ICMP error the quoted packet's flow (source = who sent the packet that could not be
// delivered), for TCP the client's flow (from the SYN's sender). Quote aliases decode's buffer.
type Event struct {
	Kind       EventKind
	Ref        PacketRef
	Time       Time
	Point      uint16
	Flow       Flow
	From       netip.Addr // who reported it (ICMP source, RST sender)
	ICMPType   uint8
	ICMPCode   uint8
	V6         bool
	Until      Time   // for absence (SYN timeout, lost fragments): when it was given up; else 0
	Detail     string // short words for people: "port unreachable", "unknown_ca (48)"
	Name       string // SNI or certificate name
	Quote      []byte // as much of the quoted packet's application data as there is
	FirstBytes int    // for EventFragLost: bytes received of the datagram

	Cert *Certificate // for EventTLSCert and EventTLSClientCert, where it can be read
}

// Certificate is what of an X.509 certificate says whom it is for and until when. Its texts are printable ASCII.
type Certificate struct {
	Fingerprint         [32]byte // SHA-256 of its DER
	Subject, Issuer     string
	Common              string   // common name of the subject
	Names               []string // subjectAltName: DNS names, then URIs, then addresses; no more than eight
	MoreNames           int      // how many names are left out
	DNS                 bool     // Names[0] is a DNS name
	NotBefore, NotAfter time.Time
}

// GapKind says why something is missing.
type GapKind uint8

// Kinds of gaps.
const (
	GapUnknown    GapKind = iota
	GapTruncated          // file ends inside a record
	GapBadRecord          // a record that cannot be: skipped or resynchronised
	GapSnapLength         // packets cut by the snap length
	GapTCP                // missing TCP segments
	GapFragments          // IP fragments, or SCTP chunks of one message, never completed
	GapEvicted            // state dropped because a cap was reached
	GapDrops              // drops reported by the capturing side (pcapng ISB)
	GapPanic              // a message that made us panic; its bytes are kept
	GapTimes              // messages of a text trace without a time: theirs only keep their order
	GapAddresses          // messages of a text trace that does not say between which sockets they went
	GapDates              // messages of a text trace whose times have no date, or no year
	GapQueue              // dropped by us: a queue was full
	GapStopped            // the server did not run, or lost what it had not stored yet
	GapExpired            // messages that are not kept any more
)

var gapNames = [...]string{"unknown", "file-truncated", "bad-record", "snap-length", "tcp-segments", "ip-fragments", "evicted", "capture-drops", "panic", "times-unknown", "addresses-unknown", "dates-unknown", "queue-full", "server-stopped", "messages-expired"}

// String returns the gap's stable name.
func (k GapKind) String() string {
	if int(k) < len(gapNames) {
		return gapNames[k]
	}
	return gapNames[GapUnknown]
}

// Note is what a capture agent says of a call besides its messages: a line of a log, a quality report.
// Texts alias decode's buffers.
type Note struct {
	Ref    PacketRef
	Time   Time
	Point  uint16
	Flow   Flow
	Kind   NoteKind
	CallID []byte // of the call that it is about (HEP correlation id)
	Text   []byte // as it was sent
}

// NoteKind says what a Note is.
type NoteKind uint8

// Kinds of notes. Their numbers are stored.
const (
	NoteLog     NoteKind = iota // HEP type 100
	NoteRTCP                    // HEP type 5: an RTCP report as JSON
	NoteQuality                 // HEP types 32 to 35, 38 to 41, 99: media quality as JSON
	NoteKinds
)

var noteNames = [...]string{"log", "rtcp", "quality"}

// String returns the kind's stable name.
func (k NoteKind) String() string { return noteNames[k] }

// Gap is what is known to be missing: where and when. Lost counts packets (0 = unknown), Bytes bytes.
type Gap struct {
	Kind        GapKind
	Point       uint16
	Ref         PacketRef // the packet at or before which it was noticed
	From, Until Time
	Where       string // "trace.pcap offset 123456", "10.0.0.1:5060 -> 10.0.0.2:5060"
	Flow        Flow   // the flow that misses something, when it is known to be one
	Lost        uint64
	Bytes       uint64
}
