package render

import (
	"sipcause/internal/call"
	"sipcause/internal/media"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// revision appends which verdict it is, where there are several: of a server, and of its store.
func (e *encoder) revision(c *view.Case) {
	if v := c.Verdict; v != nil && v.Revision > 0 {
		e.uint("revision", uint64(v.Revision))
		e.bool("final", v.Final)
	}
}

// routes appends by which routes a case came and went, where they are known.
func (e *encoder) routes(c *view.Case) {
	w := &c.Ways
	if len(c.Routes()) == 0 && w.Maker == "" {
		return
	}
	e.key("routes")
	e.raw("{")
	e.textOrNull("in", w.In)
	e.key("out")
	e.raw("[")
	for _, name := range w.Out {
		e.next()
		if name == "" {
			e.raw("null")
		} else {
			e.buf = appendString(e.buf, name)
		}
	}
	e.raw("]")
	e.textOrNull("maker", w.Maker)
	e.raw("}")
}

// told appends what agents said of a case.
func (e *encoder) told(c *view.Case) {
	s := toldOf(c)
	if len(s.heard) > 0 {
		each(e, "reported", s.heard, func(h *media.Hearsay) { e.heard(h, c.Call) })
	}
	if s.unread > 0 {
		e.uint("reports_unread", uint64(s.unread))
	}
	if len(s.log) == 0 {
		return
	}
	each(e, "log", s.log[:min(len(s.log), maxLogKept)], func(n *wire.Note) {
		e.raw("{")
		e.frame(n.Ref)
		e.time("time", n.Time)
		e.addr("src", n.Flow.Src)
		e.addr("dst", n.Flow.Dst)
		e.text("text", string(logText(n)))
		e.raw("}")
	})
	if n := len(s.log) - maxLogKept; n > 0 {
		e.uint("log_left_out", uint64(n))
	}
}

// heard appends what agents reported of one stream.
func (e *encoder) heard(h *media.Hearsay, c *call.Call) {
	s := streamOf(c, h)
	jitter, most := heardJitter(h, s)
	src, dst := h.Src, h.Dst
	if s != nil {
		src, dst = s.Src, s.Dst
	}
	e.raw("{")
	e.uintOrNull("ssrc", uint64(h.SSRC))
	e.addr("src", src)
	e.addr("dst", dst)
	e.textOrNull("way", h.Way)
	e.addr("by", h.By)
	e.uint("reports", uint64(h.Reports))
	e.known("lost_percent", 100*h.Loss, h.Loss >= 0)
	e.known("lost_percent_max", 100*h.LossMax, h.LossMax >= 0)
	e.known("lost", float64(h.Lost), h.Lost >= 0)
	e.known("jitter_ms", jitter, jitter >= 0)
	e.known("jitter_max_ms", most, most >= 0)
	e.known("jitter_ticks", h.Ticks, h.Ticks >= 0)
	e.known("round_trip_ms", h.RoundTrip, h.RoundTrip >= 0)
	e.known("r_factor", h.R, h.R >= 0)
	e.known("mos", h.MOS, h.MOS >= 0)
	e.known("mos_min", h.MOSMin, h.MOSMin >= 0)
	e.raw("}")
}
