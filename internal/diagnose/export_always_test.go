package diagnose

import (
	"testing"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/peer"
)

// AlwaysAllocs returns how often each rule that is asked of every call allocates on c.
func AlwaysAllocs(c *call.Call, l *peer.Ledger, topics ...[]rule) map[finding.ID]float64 {
	var x Case
	out := map[finding.ID]float64{}
	for _, rules := range topics {
		for i := range rules {
			if r := &rules[i]; r.always && r.on&(1<<c.Kind) != 0 {
				out[r.id] = testing.AllocsPerRun(100, func() {
					x.begin(c, l)
					r.check(&x)
				})
			}
		}
	}
	return out
}

// SessionRules are the rules about what calls are made of: offers, dialogs, messages.
func SessionRules() [][]rule { return [][]rule{mediaRules, dialogRules, protocolRules} }
