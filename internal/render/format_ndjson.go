package render

import (
	"io"

	"sipcause/internal/view"
)

// ndjson writes one object per line: cases as they come, then the source, then the summary.
type ndjson struct {
	encoder
	w io.Writer
}

func newNDJSON(w io.Writer, opt Options) Renderer {
	return &ndjson{encoder: encoder{all: opt.All, certs: opt.Certs}, w: w}
}

// flushAt is how many bytes are gathered before they are written.
const flushAt = 64 << 10

func (r *ndjson) Case(c *view.Case) error {
	r.item(c, true)
	r.raw("\n")
	if len(r.buf) < flushAt {
		return nil
	}
	return r.flush(r.w)
}

func (r *ndjson) End(s *view.Summary) error {
	r.raw("{")
	r.text("type", "source")
	r.text("schema", schemaName)
	r.source(s)
	r.raw("}\n{")
	r.text("type", "summary")
	r.uint("calls", s.Calls)
	r.uint("registrations", s.Registrations)
	r.uint("transactions", s.Transactions)
	r.findings(s.Findings)
	r.estate(s)
	r.retries(s)
	r.kpis(s.KPIs)
	r.raw("}\n")
	return r.flush(r.w)
}

// flush writes what was encoded and empties the buffer.
func (e *encoder) flush(w io.Writer) error {
	_, err := w.Write(e.buf)
	e.buf = e.buf[:0]
	return err
}

// AppendCase appends one case to b as ndjson has it, without the end of its line.
func AppendCase(b []byte, c *view.Case, opt Options) []byte {
	e := encoder{buf: b, all: opt.All, certs: opt.Certs}
	e.item(c, true)
	return e.buf
}
