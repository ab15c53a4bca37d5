package render

import (
	"strconv"

	"sipcause/internal/view"
)

// schemaName is the value of "schema": fields are added to it, never renamed.
const schemaName = "sipcause.analysis/v1"

// source appends the members of source: what was read.
func (e *encoder) source(s *view.Summary) {
	e.key("files")
	e.raw("[")
	for _, name := range s.Files {
		e.next()
		e.buf = appendString(e.buf, name)
	}
	e.raw("]")
	e.clocks(s.Points)
	e.uint("packets", s.Packets)
	e.uint("bytes", s.Bytes)
	e.uint("sip_messages", s.Messages)
	e.time("first", s.First)
	e.time("last", s.Last)
	e.counts("undecoded", "reason", "packets", s.Undecoded)
	e.counts("events", "kind", "count", s.Events)
	e.gaps(s.Gaps)
	e.counts("methods", "method", "requests", s.Methods)
	e.key("codes")
	e.raw("[")
	for code, n := range s.Codes {
		if n > 0 {
			e.next()
			e.raw(`{"code":`)
			e.buf = strconv.AppendInt(e.buf, int64(code), 10)
			e.uint("responses", n)
			e.raw("}")
		}
	}
	e.raw("]")
	e.uint("codes_out_of_range", s.CodeOther)
	e.uint("retransmissions", s.Retransmissions)
	e.uint("duplicates", s.Duplicates)
	e.uint("unparsable", s.Unparsable)
	e.uint("stray", s.Stray)
	e.uint("defective", s.Defective)
	e.uint("evicted", s.Evicted)
	e.uint("rtp", s.RTP)
	e.uint("rtcp", s.RTCP)
	e.uint("media_evicted", s.MediaEvicted)
	e.uint("keepalives", s.Keepalives)
	e.certificates(s)
}

func (e *encoder) counts(name, what, of string, list []view.Count) {
	e.key(name)
	e.raw("[")
	for i := range list {
		e.next()
		e.raw("{")
		e.textOrNull(what, list[i].Name)
		e.uint(of, list[i].N)
		e.raw("}")
	}
	e.raw("]")
}

// kpis appends the measures, one member per name.
func (e *encoder) kpis(list []view.KPI) {
	e.key("kpi")
	e.raw("{")
	for i := range list {
		k := &list[i]
		e.key(k.Name)
		e.raw("{")
		if k.Refused != "" {
			e.null("value")
		} else {
			e.float("value", k.Value)
		}
		e.text("unit", k.Unit)
		e.uint("population", k.Population)
		e.uint("excluded", k.Excluded)
		e.textOrNull("ref", k.Ref)
		if k.Refused != "" {
			e.text("refused", k.Refused)
		}
		e.raw("}")
	}
	e.raw("}")
}
