package render

import (
	"sipcause/internal/anatomy"
	"sipcause/internal/call"
	"sipcause/internal/clocks"
)

// clocks appends the capture points of a capture that has several.
func (e *encoder) clocks(p *clocks.Points) {
	if p == nil {
		return
	}
	e.key("clocks")
	e.raw("[")
	for i := range p.Clocks {
		c := &p.Clocks[i]
		e.next()
		e.raw("{")
		e.uint("point", uint64(i))
		e.texts("captures", p.Names[i])
		e.uint("reference", uint64(c.Reference))
		e.float("ahead_ms", float64(c.Offset)/1e6)
		if c.Both {
			e.float("error_ms", float64(c.Error)/1e6)
		} else {
			e.null("error_ms")
		}
		if c.Drift != 0 {
			e.float("drift_ppm", c.Drift)
		} else {
			e.null("drift_ppm")
		}
		e.uint("messages", uint64(c.Messages))
		e.bool("both_directions", c.Both)
		e.bool("corrected", c.Applied)
		e.raw("}")
	}
	e.raw("]")
}

// passage writes what became of messages between two capture points.
func (e *encoder) passage(c *call.Call, p *anatomy.Passage) {
	e.raw("{")
	e.uint("from", uint64(p.Near))
	e.uint("to", uint64(p.Far))
	e.text("src", p.Src.String())
	e.text("dst", p.Dst.String())
	e.text("src_after", p.FarSrc.String())
	e.text("dst_after", p.FarDst.String())
	e.text("between", p.Between.String())
	e.uint("messages", uint64(p.Messages))
	e.uint("lost", uint64(p.LostAll()))
	each(e, "lost_packets", p.Lost, func(r *call.MsgRef) {
		e.raw("{")
		e.packetOf(c, *r)
		e.raw("}")
	})
	e.uint("not_seen", uint64(p.Doubtful))
	e.uint("duplicated", uint64(max(p.Duplicated, 0)))
	e.uint("reordered", uint64(p.Reordered))
	if p.Messages == 0 {
		e.null("delay_median_ms")
		e.null("delay_max_ms")
	} else {
		e.float("delay_median_ms", float64(p.Median)/1e6)
		e.float("delay_max_ms", float64(p.Max)/1e6)
	}
	each(e, "rewrites", p.Rewrites, func(r *anatomy.Rewrite) {
		e.raw("{")
		e.text("what", r.What)
		e.bytesOrNull("before", maskRewrite(r.What, r.Before))
		e.bytesOrNull("after", maskRewrite(r.What, r.After))
		e.uint("messages", uint64(r.Messages))
		e.key("near")
		e.raw("{")
		e.packetOf(c, r.Near)
		e.raw("}")
		e.key("far")
		e.raw("{")
		e.packetOf(c, r.Far)
		e.raw("}")
		e.raw("}")
	})
	e.raw("}")
}
