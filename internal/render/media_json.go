package render

import (
	"sipcause/internal/call"
	"sipcause/internal/media"
)

// streamFacts appends what was measured of a stream: members of RTP, nothing for RTCP.
func (e *encoder) streamFacts(s *call.Stream) {
	c := s.RTP
	if c == nil {
		return
	}
	e.textOrNull("codec", s.Codec)
	e.uintOrNull("clock_rate", uint64(s.ClockRate))
	e.payloadTypes(c)
	e.uint("expected", c.Expected())
	e.uint("lost", c.Lost())
	e.uint("duplicates", c.Duplicates)
	e.uint("reordered", c.Reordered)
	e.uint("restarts", c.Restarts)
	e.uint("pauses", c.Pauses)
	e.uint("holes", c.Holes)
	e.float("longest_gap_ms", float64(c.LongestGap)/1e6)
	e.known("jitter_ms", s.Jitter, s.Jitter >= 0)
	e.known("jitter_max_ms", s.JitterMax, s.JitterMax >= 0)
	e.known("mos", s.MOS, s.MOS > 0)
	if s.Remote == nil {
		e.null("receiver")
		return
	}
	e.receiver(s.Remote, s.ClockRate)
}

// known writes a number, or null when it is not known.
func (e *encoder) known(name string, v float64, known bool) {
	if known {
		e.float(name, v)
	} else {
		e.null(name)
	}
}

func (e *encoder) payloadTypes(c *media.Counter) {
	e.key("payload_types")
	e.raw("[")
	for _, t := range c.Types {
		if t.Packets > 0 {
			e.next()
			e.raw("{")
			e.uint("payload_type", uint64(t.PT))
			e.uint("packets", t.Packets)
			e.raw("}")
		}
	}
	e.raw("]")
}

// receiver appends what the receiver of a stream reported by RTCP. The clock rate turns its jitter into ms.
func (e *encoder) receiver(r *media.Report, rate int) {
	e.key("receiver")
	e.raw("{")
	e.uint("reports", r.Heard)
	n := float64(r.Reports)
	e.known("lost_percent", 100*r.LossMean, n > 0)
	e.known("lost_percent_max", 100*r.LossMax, n > 0)
	e.known("jitter_ms", r.JitterSum/max(n, 1)/float64(max(rate, 1))*1000, n > 0 && rate > 0)
	e.known("jitter_max_ms", float64(r.JitterMax)/float64(max(rate, 1))*1000, n > 0 && rate > 0)
	e.known("round_trip_ms", float64(r.RoundTrip)/1e6, r.RoundTrip > 0)
	if v := &r.VoIP; r.XR > 0 {
		e.key("xr")
		e.raw("{")
		e.float("lost_percent", 100*v.Loss)
		e.float("discarded_percent", 100*v.Discard)
		e.uintOrNull("round_trip_ms", uint64(v.RoundTrip))
		e.known("r_factor", float64(v.R), v.R >= 0)
		e.known("mos_lq", v.MOSLQ, v.MOSLQ > 0)
		e.known("mos_cq", v.MOSCQ, v.MOSCQ > 0)
		e.raw("}")
	} else {
		e.null("xr")
	}
	e.raw("}")
}
