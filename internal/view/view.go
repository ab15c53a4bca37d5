// Package view is what every face reads: diagnosed calls, and what is said of a capture as a whole.
// Its one rule: values only, ready to be shown; whoever shows them escapes for its medium.
package view

import (
	"net/netip"
	"slices"
	"time"

	"sipcause/code/playbooks"
	"sipcause/internal/call"
	"sipcause/internal/clocks"
	"sipcause/internal/finding"
	"sipcause/internal/peer"
	"sipcause/internal/retry"
	"sipcause/internal/route"
	"sipcause/internal/wire"
)

// Case is one call, registration or transaction with what diagnosis says of it. Both are valid only during
// the call that hands them on.
type Case struct {
	Call      *call.Call
	Verdict   *finding.Verdict
	Playbooks []playbooks.Advice // on the root cause, the best first; see Adviser
	Ways      route.Ways         // by which routes it came and went
	Notes     []wire.Note        // what agents said of it
}

// Routes returns the names of the case's routes, each once.
func (c *Case) Routes() []string {
	var list []string
	for _, r := range append([]string{c.Ways.In}, c.Ways.Out...) {
		if r != "" && !slices.Contains(list, r) {
			list = append(list, r)
		}
	}
	return list
}

// Count is a named number.
type Count struct {
	Name string
	N    uint64
}

// KPI is one measure of the capture.
type KPI struct {
	Name       string
	Value      float64 // meaningful unless Refused is set
	Unit       string  // "%", "ms", "calls"
	Population uint64  // what the value was computed over
	Excluded   uint64  // left out of the population by the definition
	Ref        string  // the RFC paragraph that defines it
	Refused    string  // why there is no value: an empty population, no requests seen
}

// Summary is what is said of the capture as a whole, when all of it was read.
type Summary struct {
	Files       []string // index = wire.PacketRef.Source
	Packets     uint64
	Bytes       uint64 // captured bytes of all packets
	Messages    uint64 // SIP messages, repeats included
	First, Last wire.Time

	Events    []Count // what happened on the wire beside messages, by kind, largest first: ICMP errors, resets, TLS hellos
	Undecoded []Count // packets that carried no readable SIP, by reason, largest first
	Gaps      []wire.Gap
	Methods   []Count     // requests by method
	Codes     [700]uint64 // responses by status code
	CodeOther uint64      // responses outside 100–699

	Retransmissions uint64
	Duplicates      uint64 // messages captured twice
	Unparsable      uint64 // began like SIP, but without a readable start line
	Stray           uint64 // responses that name no call and follow no request
	Defective       uint64
	Evicted         uint64 // dialogs dropped by a cap
	RTP, RTCP       uint64 // media packets of announced streams and others
	MediaEvicted    uint64 // RTP and RTCP streams dropped by a cap
	Keepalives      uint64 // CRLF keepalives

	Calls, Registrations, Transactions uint64

	Estate  []peer.Account // addresses of record at the end of the capture, worst first
	Retries retry.Report   // what clients and proxies did after failures

	Certificates        []Certificate // that TLS endpoints showed: the first to run out first
	CertificatesEvicted uint64        // times that further ones were shown: see the cap

	Points *clocks.Points // where it was captured, when at several points; nil else

	Findings []finding.Finding // of the capture as a whole
	KPIs     []KPI
}

// Certificate is an X.509 certificate that an endpoint showed in a TLS handshake.
type Certificate struct {
	*wire.Certificate
	Holder      netip.AddrPort // who showed it; of a client the port is 0
	OfClient    bool
	Handshakes  uint64
	First, Last wire.Time // of these
	Ref         wire.PacketRef
	Validity    Validity
}

// Validity says how a certificate's period of validity lies to when it was last seen.
type Validity uint8

// The validities, with the names of the report.
const (
	Valid       Validity = iota
	ExpiresSoon          // within expiryNotice
	Expired
	NotYetValid
)

var validityNames = [...]string{"valid", "expires-soon", "expired", "not-yet-valid"}

// String returns the name used in output.
func (v Validity) String() string { return validityNames[v] }

// expiryNotice is how long before its end a certificate is marked.
const expiryNotice = 30 * 24 * time.Hour

// ValidityAt judges a certificate at a time.
func ValidityAt(c *wire.Certificate, at time.Time) Validity {
	switch {
	case at.Before(c.NotBefore):
		return NotYetValid
	case at.After(c.NotAfter):
		return Expired
	case c.NotAfter.Sub(at) < expiryNotice:
		return ExpiresSoon
	}
	return Valid
}

// Is says whether id names the case: its ID or the Call-ID of one of its legs.
func (c *Case) Is(id string) bool {
	for _, l := range c.Call.Legs {
		if l.CallID == id {
			return true
		}
	}
	return c.Call.ID == id
}

// Add counts a case in a summary of cases that were chosen from a history.
func (s *Summary) Add(c *Case) {
	switch c.Call.Kind {
	case call.KindCall:
		s.Calls++
	case call.KindRegistration:
		s.Registrations++
	default:
		s.Transactions++
	}
	for _, l := range c.Call.Legs {
		s.Messages += uint64(len(l.Sightings))
	}
	if s.First == 0 || c.Call.Began < s.First {
		s.First = c.Call.Began
	}
	s.Last = max(s.Last, c.Call.Ended)
}
