package serve

import (
	"time"

	"sipcause/internal/capture"
	"sipcause/internal/decode"
)

// logAgain is how long nothing more is logged of what one source drops for one reason.
const logAgain = time.Minute

// dropLog is what was logged of each source and reason. It is for one goroutine.
type dropLog map[[2]string]logged

type logged struct {
	count uint64
	at    time.Time
}

// due says whether a count that rose is to be logged now, and by how much it rose since the line before.
func (d dropLog) due(source, reason string, count uint64, now time.Time) (more uint64, ok bool) {
	key := [2]string{source, reason}
	was := d[key]
	if count <= was.count || !was.at.IsZero() && now.Sub(was.at) < logAgain {
		return 0, false
	}
	d[key] = logged{count, now}
	return count - was.count, true
}

// logDrops logs what a source began to drop, and while it goes on once in a while how much. agents are those of its
// decoder.
func (s *Server) logDrops(seen dropLog, source string, state capture.LiveState, agents decode.AgentStats) {
	now := s.opt.Now()
	for _, d := range state.Dropped {
		if more, ok := seen.due(source, d.Reason, d.Count, now); ok {
			s.opt.Log.Warn("dropped", "source", source, "reason", d.Reason, "count", more, "total", d.Count, "last", d.Last)
		}
	}
	if more, ok := seen.due(source, "agent clock", agents.Steps, now); ok {
		s.opt.Log.Warn("an agent's clock was found wrong, or right again; its times are corrected", "source", source,
			"count", more, "agent", s.points.name(agents.Stepped), "slow by", agents.Slow.Round(time.Millisecond))
	}
}

// agentStats are the counts of HEP agents of a source.
func (src *source) agentStats() (stats decode.AgentStats) {
	if p := src.agents.Load(); p != nil {
		stats = *p
	}
	return stats
}

// clockCorrected returns how many packets of agents with a wrong clock had their time corrected.
func (s *Server) clockCorrected() (n uint64) {
	for _, src := range s.sources {
		n += src.agentStats().Corrected
	}
	return n
}
