package diagnose

import (
	"slices"

	"sipcause/internal/finding"
	"sipcause/internal/peer"
)

// captureRule is one row of the table of rules about many calls: registrations, peers.
type captureRule struct {
	id    finding.ID
	check func(*peer.Ledger) []finding.Finding
}

var captureRules = slices.Concat(registerCaptureRules, serverCaptureRules, silenceCaptureRules, fragmentCaptureRules, tlsCaptureRules)

// Capture returns the findings about the capture as a whole, when all of it is in the ledger.
func Capture(l *peer.Ledger) []finding.Finding {
	var out []finding.Finding
	for _, r := range captureRules {
		out = append(out, r.check(l)...)
	}
	return out
}
