// Package call holds what correlate builds and diagnose judges: sightings, transactions, dialogs, legs,
// calls and registrations. Its one rule: data and pure functions only. A Leg and everything that points into
// it is valid until the Leg is Reset by whoever runs the pipeline.
package call

import (
	"net/netip"

	"sipcause/internal/clocks"
	"sipcause/internal/media"
	"sipcause/internal/wire"
)

// Outcome says how a call, registration or transaction ended, as its originator saw it.
type Outcome uint8

// Outcomes, with the names of analysis-json.
const (
	Unknown Outcome = iota
	Answered
	Failed
	Busy
	Declined
	NoAnswer
	Cancelled
	Redirected
	Challenged // a challenge was the last word: credentials never came
	Ongoing    // the capture ends before it does
)

var outcomeNames = [...]string{"unknown", "answered", "failed", "busy", "declined", "no-answer", "cancelled", "redirected", "challenged", "ongoing"}

// String returns the outcome's name.
func (o Outcome) String() string { return outcomeNames[o] }

// Bad says whether the originator did not get what it asked for.
func (o Outcome) Bad() bool { return o != Answered && o != Ongoing && o != Unknown }

// Role says what an element is in a call.
type Role string

// Roles of an element.
const (
	RoleUAC       Role = "uac"
	RoleUAS       Role = "uas"
	RoleProxy     Role = "proxy"
	RoleRegistrar Role = "registrar"
	RoleB2BUA     Role = "b2bua"
	RoleTimer     Role = "timer" // a hop's own timer made the response
	RoleUnknown   Role = "unknown"
)

// MsgRef names a sighting inside a Call.
type MsgRef struct {
	Leg int   // index into Call.Legs
	Msg int32 // index into Leg.Sightings
}

// NoMsg is the MsgRef of nothing.
var NoMsg = MsgRef{0, None}

// Valid says whether r names a sighting.
func (r MsgRef) Valid() bool { return r.Msg != None }

// Origin is the element that made the deciding response (for 487: who cancelled).
type Origin struct {
	Address      netip.AddrPort
	Role         Role
	Server       string  // Server or User-Agent header of the deciding response, control characters removed
	Confidence   float64 // 1.0 only when the capture proves it
	Code         int     // code at the origin, when it differs from what the caller saw; else the same
	Msg          MsgRef  // the deciding message as it left the origin
	Evidence     []string
	Alternatives []string // what the capture does not exclude, in words
}

// Attempt is one try to reach a target: a branch of a fork, a failover target, a followed redirect, a retry.
type Attempt struct {
	Target  netip.AddrPort
	Code    int       // final response; 0 = none
	FinalMS float64   // ms from request to final; valid when Code != 0
	At      wire.Time // when the request was first sent
	Leg     int       // index into Call.Legs
	Txn     int32     // index into that leg's Txns
	Hop     int       // depth: 0 = the caller's own request
}

// Timings of a call, measured from the caller's first INVITE at the most upstream capture point.
// A nil field is unknown, never 0.
type Timings struct {
	Trying   *float64 // ms to the first 100
	PDD      *float64 // ms to the first 18x (RFC 6076 §4.3 has SRD; post-dial delay in the field's words)
	Final    *float64 // ms to the final response
	Ring     *float64 // ms from the first 18x to the final response
	Setup    *float64 // ms to the 200
	Duration *float64 // ms from the 200 to the BYE

	known [6]float64 // what the fields point to
	n     int
}

// Set makes one of t's fields known: ns nanoseconds, stored as milliseconds. t must not be copied afterwards.
func (t *Timings) Set(field **float64, ns int64) {
	*field = &t.known[t.n]
	t.known[t.n] = float64(ns) / 1e6
	t.n++
}

// Link joins two legs of a call.
type Link struct {
	From, To   string // Call-IDs
	By         string // KeyKind.String()
	Header     string // header it rests on, when there is one
	Confidence float64
}

// Stream is RTP or RTCP seen in one direction between two sockets of which the call's session descriptions
// announced one at least; of the other, the far side of an address translator is known by its packets.
type Stream struct {
	Src, Dst    netip.AddrPort
	RTCP        bool
	SSRC        uint32
	PayloadType uint8 // of most packets; for RTCP the type of the first packet
	Packets     uint64
	Bytes       uint64 // of UDP payload
	First, Last wire.Time
	From, To    MsgRef // the messages that announced Src (else its host) and Dst; NoMsg when none did, never for both

	// What follows is of RTP only.
	RTP       *media.Counter // what was counted; nil for RTCP
	Codec     string         // encoding name of PayloadType as announced (RFC 8866 §6.6), "" unknown
	ClockRate int            // Hz; 0 unknown
	Jitter    float64        // mean interarrival jitter in ms (RFC 3550 §6.4.1) at the capture point; -1 unknown
	JitterMax float64        // the greatest; -1 unknown
	Remote    *media.Report  // what its receiver said of it by RTCP; nil when nothing was seen
	MOS       float64        // estimate by the E-model (see media.MOS); 0 unknown
}

// Registration says what a KindRegistration call asked for and got.
type Registration struct {
	AOR       string
	Contacts  []string
	Requested int // seconds asked for; -1 unknown
	Expires   int // seconds granted; -1 unknown
	Removed   bool
	Refreshes int       // further successful REGISTER transactions
	Until     wire.Time // when the binding runs out; 0 unknown
}

// Call is one conversation: a leg, or several joined across B2BUAs. ID is the first leg's Call-ID. Its maker uses it
// again for the next one: whoever keeps something of it longer copies that.
type Call struct {
	ID        string
	Kind      Kind
	Legs      []*Leg
	Links     []Link
	Gaps      []wire.Gap
	From, To  string // URIs of the From and To headers of the first request
	Target    string // Request-URI of the first request
	UserAgent string // of the first request, control characters removed
	Began     wire.Time
	Ended     wire.Time
	Outcome   Outcome
	Code      int    // what the caller saw last; 0 = nothing final
	Reason    string // reason phrase of that response
	Final     MsgRef // that response; invalid when there is none
	Origin    *Origin
	Attempts  []Attempt
	Timings   Timings
	HungUpBy  string // "caller", "callee" or ""
	Reg       *Registration
	Media     []Stream
	OnPath    int  // RTP streams of other calls that the capture had by then, between hosts that this call's descriptions name; counted only for a call without RTP
	MediaCut  bool // RTP of its time was dropped by a bound: that some is absent proves nothing
	Challenge int  // challenges (401, 407) met on the way

	Points *clocks.Points // of the capture, when it has several

	pool pool
}

// Reset empties the call for reuse; its legs are not touched.
func (c *Call) Reset() {
	clear(c.Legs)
	c.pool.reset()
	*c = Call{Legs: c.Legs[:0], Links: c.Links[:0], Gaps: c.Gaps[:0], Attempts: c.Attempts[:0], Media: c.Media[:0], pool: c.pool}
}

// Sighting returns the sighting that r names.
func (c *Call) Sighting(r MsgRef) *Sighting { return &c.Legs[r.Leg].Sightings[r.Msg] }

// Raw returns the bytes of the message that r names.
func (c *Call) Raw(r MsgRef) []byte { return c.Legs[r.Leg].Raw(r.Msg) }
