// Package sdp reads session descriptions (RFC 8866) as SIP carries them and compares an offer with its
// answer (RFC 3264). Its one rule: it never refuses what it can read. Whatever strays from the grammar is
// kept as far as it makes sense and noted as a Defect; nothing panics, allocates without bound or returns
// an error.
//
// A Session aliases the bytes it was parsed from. Parsing into the same Session again reuses its memory:
// a typical description then costs no allocation.
package sdp

import "net/netip"

// Bounds of what a Session keeps, whatever the input. What is beyond them is skipped and counted in
// Session.Dropped; time stays linear in the length of the input.
const (
	MaxBytes      = 256 << 10 // bytes looked at; the rest is ignored
	MaxMedia      = 32        // m= lines
	MaxFormats    = 128       // formats of one m= line: there are 128 payload types (RFC 3550 §5.1)
	MaxCandidates = 64        // ICE candidates of one m= line
	MaxCrypto     = 16        // a=crypto lines of one m= line
	MaxBandwidth  = 8         // b= lines of the session, and of one m= line
	MaxAttributes = 4096      // a= lines in all
	MaxDefects    = 32        // defects
)

// Text is a piece of the parsed body, which it aliases: valid only as long as the body is. Nothing may be
// written through it (names of static payload types point to shared memory).
type Text []byte

// String returns a copy that lives on its own.
func (t Text) String() string { return string(t) }

// Is says whether t equals s, ASCII letters compared without regard to case.
func (t Text) Is(s string) bool { return sameFold(t, s) }

// sameFold compares without regard to the case of ASCII letters.
func sameFold[A, B ~string | ~[]byte](a A, b B) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// Session is one session description. All of it aliases the body given to Parse.
type Session struct {
	Version     int // v=; -1 when there is none
	Origin      Origin
	Name        Text       // s=
	Connection  Connection // c= before the first m=; zero when each stream has its own
	Bandwidth   []Bandwidth
	Start, Stop uint64    // t=, seconds since 1900 (RFC 8866 §5.9); 0 0 means permanent
	HasTime     bool      // there was a readable t=
	Direction   Direction // said at session level; DirectionUnset when not
	Fingerprint Fingerprint
	Setup       Setup
	ICE         ICE
	Media       []Media
	Defects     []Defect
	Dropped     int // lines, formats and defects beyond the package's bounds

	p progress
}

// Origin is the o= line (RFC 8866 §5.2). The pair of SessionID and SessionVersion tells a changed
// description from a repeated one.
type Origin struct {
	Username, SessionID, SessionVersion Text
	NetType, AddrType, Host             Text
	Addr                                netip.Addr // Host as an address; invalid for a name
}

// Connection is a c= line (RFC 8866 §5.7).
type Connection struct {
	NetType, AddrType Text
	Host              Text       // without the /ttl/count of multicast
	Addr              netip.Addr // Host as an address; invalid for a name or for what is neither
	Line              int        // 1-based line it stands on; 0 when there is no c= line
}

// Family is the IP version, 4 or 6, of the address; 0 when it cannot be told (a name whose addrtype says
// nothing either).
func (c Connection) Family() int {
	switch {
	case c.Addr.Is4():
		return 4
	case c.Addr.Is6():
		return 6
	case c.AddrType.Is("IP4"):
		return 4
	case c.AddrType.Is("IP6"):
		return 6
	}
	return 0
}

// Bandwidth is a b= line (RFC 8866 §5.8). Value is in kilobits per second for CT and AS, in bits per
// second for TIAS, RS and RR (RFC 3890, RFC 3556).
type Bandwidth struct {
	Type  Text
	Value uint64
}

// Direction is who may send media (RFC 8866 §6.7), as the writer of the description sees it.
type Direction uint8

// The directions. DirectionUnset means that nothing was said.
const (
	DirectionUnset Direction = iota
	SendRecv
	SendOnly
	RecvOnly
	Inactive
)

var directionNames = [...]string{"", "sendrecv", "sendonly", "recvonly", "inactive"}

// String returns the attribute's name, "" for DirectionUnset.
func (d Direction) String() string { return nameOf(directionNames[:], int(d)) }

// Sends says whether the writer wants to send.
func (d Direction) Sends() bool { return d == SendRecv || d == SendOnly }

// Receives says whether the writer wants to receive.
func (d Direction) Receives() bool { return d == SendRecv || d == RecvOnly }

func makeDirection(sends, receives bool) Direction {
	switch {
	case sends && receives:
		return SendRecv
	case sends:
		return SendOnly
	case receives:
		return RecvOnly
	}
	return Inactive
}

// Setup is who opens the DTLS association (RFC 4145 §4, RFC 5763 §5).
type Setup uint8

// The values of a=setup.
const (
	SetupUnset Setup = iota
	SetupActive
	SetupPassive
	SetupActpass
	SetupHoldconn
)

var setupNames = [...]string{"", "active", "passive", "actpass", "holdconn"}

// String returns the attribute's value, "" for SetupUnset.
func (s Setup) String() string { return nameOf(setupNames[:], int(s)) }

func nameOf(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return ""
}

// Profile is what an m= line's proto field means.
type Profile uint8

// The profiles told apart. ProfileOther has its text in Media.Proto only.
const (
	ProfileOther    Profile = iota
	ProfileAVP              // RTP/AVP (RFC 3551)
	ProfileAVPF             // RTP/AVPF (RFC 4585)
	ProfileSAVP             // RTP/SAVP (RFC 3711)
	ProfileSAVPF            // RTP/SAVPF (RFC 5124)
	ProfileDTLS             // UDP/TLS/RTP/SAVP, also over TCP (RFC 5764)
	ProfileDTLSF            // UDP/TLS/RTP/SAVPF, also over TCP (RFC 5764)
	ProfileUDPTL            // udptl: T.38 (ITU-T T.38 Annex D)
	ProfileDTLSSCTP         // UDP/DTLS/SCTP, TCP/DTLS/SCTP: data channels (RFC 8841)
	ProfileMSRP             // TCP/MSRP, TCP/TLS/MSRP (RFC 4975)
)

// profileFacts is the one table of proto names (IANA keeps the list: RFC 8866 §8.2).
var profileFacts = [...]struct {
	name                        string
	profile                     Profile
	rtp, secure, feedback, dtls bool
}{
	{"RTP/AVP", ProfileAVP, true, false, false, false},
	{"RTP/AVPF", ProfileAVPF, true, false, true, false},
	{"RTP/SAVP", ProfileSAVP, true, true, false, false},
	{"RTP/SAVPF", ProfileSAVPF, true, true, true, false},
	{"UDP/TLS/RTP/SAVP", ProfileDTLS, true, true, false, true},
	{"UDP/TLS/RTP/SAVPF", ProfileDTLSF, true, true, true, true},
	{"TCP/TLS/RTP/SAVP", ProfileDTLS, true, true, false, true},
	{"TCP/TLS/RTP/SAVPF", ProfileDTLSF, true, true, true, true},
	{"TCP/DTLS/RTP/SAVP", ProfileDTLS, true, true, false, true},
	{"TCP/DTLS/RTP/SAVPF", ProfileDTLSF, true, true, true, true},
	{"TCP/RTP/AVP", ProfileAVP, true, false, false, false},
	{"udptl", ProfileUDPTL, false, false, false, false},
	{"UDP/DTLS/SCTP", ProfileDTLSSCTP, false, true, false, true},
	{"TCP/DTLS/SCTP", ProfileDTLSSCTP, false, true, false, true},
	{"DTLS/SCTP", ProfileDTLSSCTP, false, true, false, true},
	{"TCP/MSRP", ProfileMSRP, false, false, false, false},
	{"TCP/TLS/MSRP", ProfileMSRP, false, true, false, false},
}

// RTP says whether the stream's formats are RTP payload types.
func (p Profile) RTP() bool {
	for i := range profileFacts {
		if profileFacts[i].profile == p {
			return profileFacts[i].rtp
		}
	}
	return false
}

// Keying is how a stream's SRTP keys are agreed.
type Keying uint8

// The ways of keying. A stream may offer several; the first that holds, in this order, is reported.
const (
	KeyingNone  Keying = iota
	KeyingDTLS         // a=fingerprint or a DTLS proto (RFC 5763)
	KeyingSDES         // a=crypto (RFC 4568)
	KeyingMIKEY        // a=key-mgmt (RFC 4567)
	KeyingZRTP         // a=zrtp-hash (RFC 6189)
)

var keyingNames = [...]string{"none", "DTLS-SRTP", "SDES", "MIKEY", "ZRTP"}

// String returns the name that people use.
func (k Keying) String() string { return nameOf(keyingNames[:], int(k)) }

// Media is one m= line with what follows it. Connection, Direction, Fingerprint, Setup, ICE and PTime are
// the ones in force: the stream's own, else the session's.
type Media struct {
	Line       int  // 1-based line of the m=
	Offset     int  // byte offset of the m= in the body
	Type       Text // "audio", "video", "image", "application" …
	Port       int  // 0: rejected (answer) or refused from the start; -1: unreadable
	NumPorts   int  // number of port pairs, 1 unless said
	Proto      Text
	Profile    Profile
	Formats    []Format
	Connection Connection
	Bandwidth  []Bandwidth

	Direction         Direction // never DirectionUnset after Parse: sendrecv is the default (RFC 8866 §6.7)
	DirectionExplicit bool      // it was written, at either level

	PTime, MaxPTime int // milliseconds, 0 when not said (RFC 8866 §6.4, §6.5)

	Crypto      []Crypto
	Fingerprint Fingerprint
	Setup       Setup
	KeyMgmt     bool // a=key-mgmt (RFC 4567)
	ZRTP        bool // a=zrtp-hash (RFC 6189)
	ICE         ICE
	Candidates  []Candidate
	RTCPMux     bool // a=rtcp-mux (RFC 5761)
	RTCPPort    int  // where RTCP goes: a=rtcp (RFC 3605), Port with rtcp-mux, else Port+1; 0 when there is none
	DTMF        int  // payload type of the first telephone-event (RFC 4733), -1 when there is none
	MID         Text // a=mid (RFC 5888)
	BundleOnly  bool // a=bundle-only (RFC 9143): port 0 does not reject the stream
	QoS         bool // preconditions are asked for: a=des (RFC 3312)

	rtcpSaid bool
}

// Keying says how the stream's keys are agreed.
func (m *Media) Keying() Keying {
	switch {
	case len(m.Fingerprint.Hash) > 0, m.Profile == ProfileDTLS, m.Profile == ProfileDTLSF:
		return KeyingDTLS
	case len(m.Crypto) > 0:
		return KeyingSDES
	case m.KeyMgmt:
		return KeyingMIKEY
	case m.ZRTP:
		return KeyingZRTP
	}
	return KeyingNone
}

// Rejected says whether the stream is refused: port 0 (RFC 3264 §6), unless bundled.
func (m *Media) Rejected() bool { return m.Port == 0 && !m.BundleOnly }

// Held says whether the writer holds the stream: sendonly, inactive (RFC 3264 §8.4) or the old form, an
// all-zero c= address. A rejected stream is not held. An a=sendonly that was there from the first offer
// looks the same: who compares with the stream's former direction can tell.
func (m *Media) Held() bool {
	if m.Rejected() {
		return false
	}
	return m.Direction == SendOnly || m.Direction == Inactive || m.ZeroAddress()
}

// ZeroAddress says whether media is sent nowhere: c= 0.0.0.0 or ::. With ICE candidates present the
// address is only a placeholder (RFC 8840 §4.1.1) and the answer is no.
func (m *Media) ZeroAddress() bool {
	return m.Connection.Addr.IsValid() && m.Connection.Addr.IsUnspecified() &&
		len(m.Candidates) == 0 && len(m.ICE.Ufrag) == 0
}

// Held says whether the description holds the call: there is a stream that is not rejected, and all of
// those are held.
func (s *Session) Held() bool {
	live := false
	for i := range s.Media {
		m := &s.Media[i]
		if m.Rejected() {
			continue
		}
		if !m.Held() {
			return false
		}
		live = true
	}
	return live
}

// Format is one format of an m= line. For RTP it is a payload type with its meaning; for others only Name.
type Format struct {
	Name        Text // as the m= line has it: "0", "101", "t38"
	PayloadType int  // 0–127; -1 when the stream is not RTP or the number is none
	Encoding    Text // "PCMU", "opus": of a=rtpmap, else of the static table (RFC 3551 §6); empty when unknown
	ClockRate   int  // Hz; 0 when unknown
	Channels    int  // 1 unless said; 0 for unknown and for video
	Fmtp        Text // a=fmtp parameters (RFC 8866 §6.15)
	Mapped      bool // there was an a=rtpmap
}

// Append writes the format as people write it ("PCMU/8000", "opus/48000/2", "t38", "payload type 98").
func (f *Format) Append(dst []byte) []byte {
	if len(f.Encoding) == 0 {
		if f.PayloadType >= 0 {
			dst = append(dst, "payload type "...)
		}
		return append(dst, f.Name...)
	}
	dst = append(dst, f.Encoding...)
	if f.ClockRate > 0 {
		dst = append(dst, '/')
		dst = appendInt(dst, f.ClockRate)
	}
	if f.Channels > 1 {
		dst = append(dst, '/')
		dst = appendInt(dst, f.Channels)
	}
	return dst
}

// String is Append as a string.
func (f *Format) String() string { return string(f.Append(nil)) }

// auxiliary names encodings that carry no medium of their own: events, comfort noise, redundancy.
var auxiliary = [...]string{"telephone-event", "tone", "CN", "red", "rtx", "ulpfec", "parityfec", "flexfec", "flexfec-03"}

// Auxiliary says whether the format is only a companion of others (telephone-event, CN, red, rtx, FEC):
// two sides that share nothing else have no codec in common.
func (f *Format) Auxiliary() bool {
	for _, name := range auxiliary {
		if f.Encoding.Is(name) {
			return true
		}
	}
	return false
}

// Crypto is an a=crypto line (RFC 4568 §4). The key is looked at for its form only: it is not kept.
type Crypto struct {
	Tag   int
	Suite Text // "AES_CM_128_HMAC_SHA1_80"
}

// Fingerprint is an a=fingerprint line (RFC 8122 §5): it names a certificate and is no secret.
type Fingerprint struct{ Hash, Value Text }

// ICE holds what tells that ICE is used (RFC 8839 §5.4). The password is not kept.
type ICE struct {
	Ufrag       Text
	HasPassword bool
	Lite        bool // a=ice-lite
}

// Candidate is an a=candidate line (RFC 8839 §5.1).
type Candidate struct {
	Foundation  Text
	Component   int // 1 RTP, 2 RTCP
	Transport   Text
	Priority    uint64
	Host        Text       // address as written; a name for mDNS candidates
	Addr        netip.Addr // Host as an address; invalid for a name
	Port        int
	Type        Text // host, srflx, prflx, relay
	RelatedAddr netip.Addr
	RelatedPort int
}
