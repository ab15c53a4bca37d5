package diagnose

import "strings"

// paced says whether a rule rests on how long things took. Where a text trace has no times (wire.Time.Ordinal)
// it is not asked.
func (r *rule) paced() bool {
	switch r.id {
	case "protocol.retransmission-storm", "dialog.orphan-fork", "dialog.terminated-request":
		return true
	}
	return strings.HasPrefix(string(r.id), "retry.")
}
