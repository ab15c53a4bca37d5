// Package record holds what is kept of traffic and of its diagnosis: cases, messages, roll-up cells, gaps.
// Its one rule: values that own their memory; a store knows these and nothing of SIP.
package record

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/query"
	"sipcause/internal/wire"
)

// What says what a Message is.
type What uint8

// The kinds of messages. Their numbers are stored.
const (
	SIP   What = iota // Data is a SIP message as it was seen
	Event             // Data is a wire event, encoded by EncodeEvent
	Note              // Data is what an agent reported of a call (a log line, a quality report), encoded by EncodeNote
)

var whatNames = [...]string{SIP: "sip", Event: "event", Note: "note"}

// String returns the name used in output and exports.
func (w What) String() string { return whatNames[w] }

// Whats returns the names; a What is an index into them. The slice must not be changed.
func Whats() []string { return whatNames[:] }

// Message is one thing that was seen and is kept.
type Message struct {
	Key       uint64 // what it is found by: correlate.KeyOf of its Call-ID; of an event without one the hash of its flow
	Time      wire.Time
	Ref       wire.PacketRef
	Flow      wire.Flow
	Point     string // name of the capture point: "eth0", "hep:2001"
	What      What
	IPID      uint16
	Fragments uint8
	Truncated bool
	ViaHEP    bool
	Data      []byte
}

// Case is one call, registration or transaction as of one revision of its verdict. Strings that are empty, addresses
// that are invalid and pointers that are nil are unknown.
type Case struct {
	ID       string // call.Call.ID
	Kind     call.Kind
	Revision int
	Final    bool // no further revision comes
	Began    wire.Time
	Ended    wire.Time // of its last message
	Decided  wire.Time // of the deciding response; 0 when there is none

	Keys    []uint64 // of its messages: those of its legs, then those of its flows
	CallIDs []string // of its legs

	From, To, Target string
	Numbers          []string // user parts of From, To and Target, each once
	Code             int      // 0: nothing final
	Reason           string
	Outcome          call.Outcome
	Cause            string // ID of the root cause
	Findings         []string
	Severity         string // the worst of the findings
	Origin           netip.AddrPort
	OriginRole       string
	Suspect          netip.AddrPort
	Servers, UAs     []string
	Methods          []string
	Transports       []string
	Realms           []string
	Src, Dst         []netip.AddrPort // of its flows, parallel
	PDD, Setup       *time.Duration
	Duration, Ring   *time.Duration
	Attempts         int
	Messages         int
	HungUpBy         string
	Gap              bool
	RouteIn          string   // the route that it came by
	RoutesOut        []string // those by which it was sent on, each once, in order of the attempts

	Counted []Cell // what a revision that is not final has added to the roll-ups: the next one takes it back

	Doc []byte // what is not to be had from its messages alone: see package view
}

// Value answers a filter as view.Subject does for the case it was made of (query.Subject).
func (c *Case) Value(f query.Field) query.Value {
	if read := values[f]; read != nil {
		return read(c)
	}
	return query.Value{}
}

// Cell is what is added to one counter of the roll-ups. Cells of the same minute, counter, route, label and bucket are
// summed, wherever they were counted.
type Cell struct {
	Minute  int64  // minutes since the Unix epoch
	Counter string // a name of kpi's table
	Route   string // "" for all traffic
	Label   string // what the counter tells apart: a status code, a cause; "" for none
	Bucket  int16  // of package histogram, for counters of times; NoBucket for others
	N       int64  // negative when a revision takes back what an earlier one counted
}

// NoBucket is the bucket of what is no time.
const NoBucket int16 = -1

// Gap is what is known to be missing, with the name of the point where it is.
type Gap struct {
	wire.Gap
	PointName string
}

// Sorted puts messages in order of (time, reference), each once.
func Sorted(list []Message) []Message {
	slices.SortStableFunc(list, func(a, b Message) int { return cmp.Or(cmp.Compare(a.Time, b.Time), a.Ref.Compare(b.Ref)) })
	return slices.CompactFunc(list, func(a, b Message) bool {
		return a.Time == b.Time && a.Ref == b.Ref && a.Flow == b.Flow && a.What == b.What && bytes.Equal(a.Data, b.Data)
	})
}
