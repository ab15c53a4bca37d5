package call

import (
	"iter"
	"net/netip"

	"sipcause/internal/wire"
	"sipcause/sip"
)

// Kind says what a Leg (and the Call made of it) is about.
type Kind uint8

// Kinds of legs. The zero Kind is a call.
const (
	KindCall         Kind = iota // an INVITE and everything in its dialogs
	KindRegistration             // REGISTER transactions of one Call-ID
	KindTransaction              // other requests outside a dialog: OPTIONS, SUBSCRIBE, MESSAGE, PUBLISH
)

var kindNames = [...]string{"call", "registration", "transaction"}

// String returns the name used in output.
func (k Kind) String() string { return kindNames[k] }

// Repeat tells a message's first sighting on a hop from its repetitions.
type Repeat uint8

// Values of Repeat.
const (
	First          Repeat = iota
	Retransmission        // sent again by its sender (RFC 3261 §17)
	Duplicate             // captured twice; sent once
)

var repeatNames = [...]string{"first", "retransmission", "duplicate"}

// String returns the name used in output.
func (r Repeat) String() string { return repeatNames[r] }

// None is the index of nothing.
const None = int32(-1)

// Sighting is one message seen at one place and time. Raw belongs to the leg.
type Sighting struct {
	Time      wire.Time
	Ref       wire.PacketRef
	Raw       []byte     // as on the wire; nil for repeats (see Leg.Raw)
	CSeq      uint32     // number of the CSeq header, 0 if unreadable
	Txn       int32      // index into Leg.Txns, None if it belongs to none
	Next      int32      // next sighting of the same transaction, None at its end
	Of        int32      // for repeats: the first sighting of the same message; else None
	Flow      uint16     // index into Leg.Flows
	Status    uint16     // 0 = request
	Method    sip.Method // a response's is its CSeq method
	Repeat    Repeat
	Truncated bool // cut by the capture
	HasSDP    bool
	HasToTag  bool
	HasAuth   bool // carries Authorization or Proxy-Authorization
	Private   bool // its session description names a private IPv4 address in a connection line
	Rejected  bool // its session description has port 0 in each m= line (RFC 3264 §6)
	Events    bool // its session description names telephone-event (RFC 4733)
	Timed     bool // carries Session-Expires (RFC 4028)
	Reasoned  bool // carries Reason (RFC 3326)
	Late      bool // arrived behind the watermark
	Fragments uint8
	IPID      uint16 // wire.Payload.IPID
	Point     uint16 // wire.Payload.Point
}

// IsRequest says whether the sighting is of a request.
func (s *Sighting) IsRequest() bool { return s.Status == 0 }

// Txn is one transaction on one hop: a request from Client to Server and its responses (RFC 3261 §17).
// A proxy that relays makes another Txn whose Parent is this one. The ACK for a non-2xx final belongs to
// the INVITE's Txn; an ACK for a 2xx is a Txn of its own with Method ACK and no responses.
type Txn struct {
	Branch         []byte // top Via's branch; in the leg's arena
	Method         sip.Method
	Merged         bool // RFC 3261 §8.2.2.2: another transaction with the same From tag, Call-ID and CSeq had reached this server by another path
	CSeq           uint32
	Client, Server netip.AddrPort
	Transport      wire.Transport
	First, Last    int32     // chain of sightings (Sighting.Next)
	Request        int32     // first sighting of the request; None when only responses were captured
	Trying         int32     // first 100
	Progress       int32     // first 101-199
	Final          int32     // first final response
	Ack            int32     // ACK to a non-2xx final, same branch; or None
	AltFinal       int32     // a second, different final (a fork's 2xx relayed on the same branch); or None
	Parent         int32     // transaction on the previous hop that this one relays; None for the first hop seen
	Cancel         int32     // index into Txns of the CANCEL of this INVITE on this hop; None
	Dialog         int32     // index into Leg.Dialogs; None
	Resent         uint16    // retransmissions of the request
	FinalResent    uint16    // retransmissions of the final response
	InDialog       bool      // the request carried a To tag
	HasAuth        bool      // the request carried credentials
	LastResent     wire.Time // time of the last sighting of the request, retransmissions included
}

// DialogState is the state of a dialog (RFC 3261 §12).
type DialogState uint8

// States of a dialog.
const (
	DialogEarly DialogState = iota
	DialogConfirmed
	DialogTerminated
)

// Dialog is one dialog (RFC 3261 §12) between the leg's caller and one remote tag.
type Dialog struct {
	CallerTag, CalleeTag []byte // From and To tag of the initial INVITE
	State                DialogState
	Invite               int32     // the INVITE transaction (first hop) that made it
	Confirmed            wire.Time // first 2xx seen; 0 if never
	AckAt                wire.Time // first ACK for the 2xx; 0 if none was seen
	Bye                  int32     // first BYE transaction; None
	ByeFromCaller        bool
	Terminated           wire.Time
}

// Event is a wire event bound to a transaction.
type Event struct {
	Kind   wire.EventKind
	Ref    wire.PacketRef
	Time   wire.Time
	Until  wire.Time
	Flow   wire.Flow
	From   netip.Addr
	Txn    int32  // None when only the flow matches
	CallID string // of the message that an ICMP error quotes; "" when the quote does not show it whole
	Code   uint8  // ICMP code
	Type   uint8  // ICMP type
	V6     bool
	Detail string
	Name   string
}

// Concerns says whether the event may be about a message of the leg: its quote names the leg's Call-ID, or none.
func (e *Event) Concerns(l *Leg) bool { return e.CallID == "" || e.CallID == l.CallID }

// KeyKind says by which header two legs are recognised as one call.
type KeyKind uint8

// Kinds of keys, strongest first.
const (
	KeyCallID    KeyKind = iota // another leg's Call-ID named in X-Call-ID, X-CID or a configured header
	KeySessionID                // RFC 7989
	KeyICID                     // P-Charging-Vector icid-value (RFC 7315 §5.6)
	KeyVia                      // the first leg's Via branch found in the second
	KeyHeuristic                // number, timing and addresses
)

var keyNames = [...]string{"x-call-id", "session-id", "icid", "via", "heuristic"}

// String returns the name used in links[].by.
func (k KeyKind) String() string { return keyNames[k] }

// Key is one value by which a leg may be joined to another. Value is a hash of the header's value;
// Own says that the leg is known by it (its Call-ID), otherwise it refers to another leg.
type Key struct {
	Kind   KeyKind
	Own    bool
	Value  uint64
	Header string // name of the header it was read from
}

// Head says who wanted what of whom: texts of a leg's first request, or of its first message when no request was
// captured, without control characters.
type Head struct {
	From, To  string // URIs
	Target    string // Request-URI
	UserAgent string
}

// Leg is everything seen under one Call-ID (of one Kind), on all hops.
type Leg struct {
	Kind      Kind
	CallID    string
	Shard     uint8
	Points    bool // seen at more than one capture point
	Evicted   bool // dropped by a cap before it ended
	AtEnd     bool // still open when the capture ended
	MidCall   bool // begins inside a dialog: the initial INVITE was not captured
	Shared    bool // a transaction other than a CANCEL's has the branch of an earlier one
	Began     wire.Time
	Ended     wire.Time // last sighting
	Sightings []Sighting
	Flows     []wire.Flow
	Txns      []Txn
	Dialogs   []Dialog
	Events    []Event
	Keys      []Key
	Repeats   int // sightings that are retransmissions
	Dups      int // sightings that are duplicates of the capture
	Dropped   int // sightings not kept because the leg's own cap was reached
	Defective int // messages with structural defects
	Head      Head
	Place     int32 // the linker's, while the leg is open
	Arena     Arena

	tries []int32 // see Tries
	tried bool
}

// FlowOf returns the directed flow of a sighting.
func (l *Leg) FlowOf(s *Sighting) wire.Flow { return l.Flows[s.Flow] }

// Raw returns the bytes of sighting i; a repeat's are those of its first.
func (l *Leg) Raw(i int32) []byte {
	s := &l.Sightings[i]
	if s.Raw == nil && s.Of != None {
		s = &l.Sightings[s.Of]
	}
	return s.Raw
}

// At returns sighting i, or nil when i is None.
func (l *Leg) At(i int32) *Sighting {
	if i == None {
		return nil
	}
	return &l.Sightings[i]
}

// Messages yields the indices of a transaction's sightings in order of capture.
func (l *Leg) Messages(t *Txn) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for i := t.First; i != None; i = l.Sightings[i].Next {
			if !yield(i) {
				return
			}
		}
	}
}

// FinalStatus returns the final response code of t, 0 when none was seen.
func (l *Leg) FinalStatus(t *Txn) int {
	if t.Final == None {
		return 0
	}
	return int(l.Sightings[t.Final].Status)
}

// Start returns when the transaction's first sighting was captured.
func (l *Leg) Start(t *Txn) wire.Time { return l.Sightings[t.First].Time }

// Children yields the indices of the transactions that relay t to the next hop, in order of time.
func (l *Leg) Children(t int32) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for i := range l.Txns {
			if l.Txns[i].Parent == t && !yield(int32(i)) {
				return
			}
		}
	}
}

// InitialInvites yields the INVITE transactions outside a dialog that have no parent: the caller's attempts
// as the most upstream capture point saw them.
func (l *Leg) InitialInvites() iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for i := range l.Txns {
			t := &l.Txns[i]
			if t.Method == sip.MethodInvite && !t.InDialog && t.Parent == None && !yield(int32(i)) {
				return
			}
		}
	}
}

// Reset empties the leg for reuse; its arena must be empty already.
func (l *Leg) Reset() {
	sightings, flows, txns, dialogs := l.Sightings[:0], l.Flows[:0], l.Txns[:0], l.Dialogs[:0]
	events, keys, arena, tries := l.Events[:0], l.Keys[:0], l.Arena, l.tries[:0]
	*l = Leg{} // not with what is kept: that would be put together elsewhere and copied
	l.Sightings, l.Flows, l.Txns, l.Dialogs = sightings, flows, txns, dialogs
	l.Events, l.Keys, l.Arena, l.tries = events, keys, arena, tries
}
