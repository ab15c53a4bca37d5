package render

import (
	"io"

	"sipcause/internal/call"
	"sipcause/internal/view"
)

// document writes one JSON document. Calls are written as they come; registrations and transactions wait in
// spools for their arrays, the source stands last.
type document struct {
	encoder
	w     io.Writer
	calls uint64
	regs  spool
	txns  spool
	item  encoder
}

func newJSON(w io.Writer, opt Options) Renderer {
	r := &document{encoder: encoder{all: opt.All, certs: opt.Certs}, w: w, item: encoder{all: opt.All, certs: opt.Certs}}
	r.raw(`{"schema":"` + schemaName + `",` + "\n" + `"calls":[`)
	return r
}

func (r *document) Case(c *view.Case) error {
	if c.Call.Kind != call.KindCall {
		return r.keep(c)
	}
	r.separate(r.calls)
	r.calls++
	r.encoder.item(c, false)
	if len(r.buf) < flushAt {
		return nil
	}
	return r.flush(r.w)
}

// separate starts the line of an array's element that has n before it.
func (e *encoder) separate(n uint64) {
	if n > 0 {
		e.raw(",")
	}
	e.raw("\n")
}

func (r *document) keep(c *view.Case) error {
	to := &r.regs
	if c.Call.Kind == call.KindTransaction {
		to = &r.txns
	}
	r.item.buf = r.item.buf[:0]
	r.item.separate(to.Kept)
	r.item.item(c, false)
	_, err := to.add(r.item.buf)
	return err
}

func (r *document) End(s *view.Summary) error {
	r.raw("],\n")
	if err := r.array("registrations", &r.regs); err != nil {
		return err
	}
	if err := r.array("transactions", &r.txns); err != nil {
		return err
	}
	r.raw(`"source":{`)
	r.source(s)
	if missed := r.regs.Missed + r.txns.Missed; missed > 0 {
		r.uint("registrations_left_out", r.regs.Missed)
		r.uint("transactions_left_out", r.txns.Missed)
	}
	r.raw("}")
	r.findings(s.Findings)
	r.estate(s)
	r.retries(s)
	r.kpis(s.KPIs)
	r.raw("}\n")
	return r.flush(r.w)
}

func (r *document) array(name string, items *spool) error {
	r.raw(`"` + name + `":[`)
	if err := r.flush(r.w); err != nil {
		return err
	}
	if err := items.copyTo(r.w); err != nil {
		return err
	}
	r.raw("],\n")
	return nil
}
