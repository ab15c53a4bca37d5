package pipeline

import (
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/peer"
)

// refused notes a registration that failed, for what is said of its account at the end.
func (j *judge) refused(c *call.Call, v *finding.Verdict) {
	tries := c.Legs[0].Tries()
	if c.Reg == nil || c.Reg.AOR == "" || len(tries) == 0 {
		return
	}
	t := &c.Legs[0].Txns[tries[len(tries)-1]]
	r := peer.Refusal{Time: c.Ended, Code: c.Code, CallID: strings.Clone(c.ID), Source: t.Client, Server: t.Server}
	if c.Final.Valid() {
		r.Time = c.Sighting(c.Final).Time
	}
	if v.Root != nil {
		r.Cause = string(v.Root.ID)
	}
	j.ledger.AddRefusal(strings.Clone(c.Reg.AOR), r)
}
