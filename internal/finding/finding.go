// Package finding holds what diagnosis says: findings, evidence, verdicts and the table of IDs.
// Its one rule: an ID is stable for ever, and no finding is without evidence.
package finding

import (
	"net/netip"

	"sipcause/internal/call"
	"sipcause/internal/digest"
	"sipcause/internal/wire"
)

// ID names one cause of trouble: topic.kebab-name.
type ID string

// Severity says how bad a finding is.
type Severity uint8

// Severities, in order.
const (
	Info Severity = iota
	Warning
	Error
	Critical
)

var severityNames = [...]string{"info", "warning", "error", "critical"}

// String returns the name used in output.
func (s Severity) String() string { return severityNames[s] }

// ParseSeverity reads a name; ok is false for an unknown one.
func ParseSeverity(name string) (s Severity, ok bool) {
	for i, n := range severityNames {
		if n == name {
			return Severity(i), true
		}
	}
	return 0, false
}

// Scope says what a finding is about.
type Scope uint8

// Scopes; a Def may hold several (bit set).
const (
	ScopeCall Scope = 1 << iota
	ScopeRegistration
	ScopeTransaction
	ScopePeer
	ScopeCapture
)

// Acts says who usually has to act.
type Acts string

// Values of Acts.
const (
	ActsUser    Acts = "user"
	ActsCaller  Acts = "caller"
	ActsCallee  Acts = "callee"
	ActsProxy   Acts = "proxy"
	ActsNetwork Acts = "network"
	ActsCarrier Acts = "carrier"
	ActsNobody  Acts = "nobody"
)

// Def is one row of the table of findings.
type Def struct {
	ID       ID
	Severity Severity // as root cause of something that failed
	Scope    Scope
	Weight   int  // precedence: of two that hold on one call with equal proof, the higher is the root cause
	Root     bool // may be the root cause of a failure; others only explain
	Acts     Acts
	Title    string   // a few words for lists
	Refs     []string // "RFC 3261 §21.4.24"
}

// Evidence is one message or event that proves a finding.
type Evidence struct {
	Ref  wire.PacketRef
	Msg  call.MsgRef // the message in the call, when it is one
	Note string
}

// Suspect is where to look first.
type Suspect struct {
	Address netip.AddrPort
	Role    call.Role
}

// Finding is one cause, with what proves it and what to do about it. All texts are plain: names, numbers and
// header values in them come from traffic, with control characters removed; faces escape them.
type Finding struct {
	ID          ID
	Severity    Severity
	Confidence  float64 // 0..1; 1 only when the capture proves it
	Weight      int     // precedence inside one verdict, set by diagnose from Def.Weight
	Acts        Acts
	Summary     string   // one or two sentences with the real hop, realm, codecs, number, seconds
	Actions     []string // ordered: first the check that splits the possibilities, then the fix
	Evidence    []Evidence
	Refs        []string
	UserMessage string // one sentence for the caller, no jargon
	Subject     string // for capture scope: whom it is about
	Suspect     *Suspect
}

// Verdict is what diagnosis says of one call, as of now.
type Verdict struct {
	Call     string // Call.ID
	Revision int
	Final    bool
	Root     *Finding  // nil when nothing failed
	Suspect  *Suspect  // nil when there is none
	Findings []Finding // root first, then by weight
	Digests  []Digest  // responses that were computed anew with a password that the user gave
}

// Digest is what computing the response of credentials anew showed. Its texts are without control characters.
type Digest struct {
	Sent  call.MsgRef // the request that has them, where it was seen first
	Realm string
	Proxy bool // in Proxy-Authorization
	digest.Check
}
