package render

import (
	"encoding/csv"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/cells"
	"sipcause/internal/finding"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// table writes one row per case (RFC 4180). Unknown is an empty field.
type table struct {
	w   *csv.Writer
	row []string
}

// column is one column: its name and how it is read.
type column struct {
	name string
	get  func(c *call.Call, v *finding.Verdict) string
}

var csvColumns = []column{
	{"kind", func(c *call.Call, _ *finding.Verdict) string { return c.Kind.String() }},
	{"method", func(c *call.Call, _ *finding.Verdict) string { return caseMethod(c) }},
	{"id", func(c *call.Call, _ *finding.Verdict) string { return c.ID }},
	{"call_ids", func(c *call.Call, _ *finding.Verdict) string { return callIDs(c) }},
	{"from", func(c *call.Call, _ *finding.Verdict) string { return c.From }},
	{"to", func(c *call.Call, _ *finding.Verdict) string { return c.To }},
	{"started", func(c *call.Call, _ *finding.Verdict) string { return csvTime(c.Began) }},
	{"ended", func(c *call.Call, _ *finding.Verdict) string { return csvTime(c.Ended) }},
	{"outcome", func(c *call.Call, _ *finding.Verdict) string { return c.Outcome.String() }},
	{"code", func(c *call.Call, _ *finding.Verdict) string { return csvCode(c.Code) }},
	{"reason", func(c *call.Call, _ *finding.Verdict) string { return c.Reason }},
	{"root_cause", ofRoot(func(f *finding.Finding) string { return string(f.ID) })},
	{"severity", ofRoot(func(f *finding.Finding) string { return f.Severity.String() })},
	{"confidence", ofRoot(func(f *finding.Finding) string { return strconv.FormatFloat(f.Confidence, 'f', -1, 64) })},
	{"acts", ofRoot(func(f *finding.Finding) string { return string(f.Acts) })},
	{"summary", ofRoot(func(f *finding.Finding) string { return f.Summary })},
	{"origin", ofOrigin(func(o *call.Origin) string { return csvAddr(o.Address) })},
	{"origin_role", ofOrigin(func(o *call.Origin) string { return string(o.Role) })},
	{"origin_code", ofOrigin(func(o *call.Origin) string { return csvCode(o.Code) })},
	{"origin_server", ofOrigin(func(o *call.Origin) string { return o.Server })},
	{"suspect", ofSuspect(func(s *finding.Suspect) string { return csvAddr(s.Address) })},
	{"suspect_role", ofSuspect(func(s *finding.Suspect) string { return string(s.Role) })},
	{"trying_ms", func(c *call.Call, _ *finding.Verdict) string { return csvMS(c.Timings.Trying) }},
	{"pdd_ms", func(c *call.Call, _ *finding.Verdict) string { return csvMS(c.Timings.PDD) }},
	{"final_ms", func(c *call.Call, _ *finding.Verdict) string { return csvMS(c.Timings.Final) }},
	{"ring_ms", func(c *call.Call, _ *finding.Verdict) string { return csvMS(c.Timings.Ring) }},
	{"setup_ms", func(c *call.Call, _ *finding.Verdict) string { return csvMS(c.Timings.Setup) }},
	{"duration_ms", func(c *call.Call, _ *finding.Verdict) string { return csvMS(c.Timings.Duration) }},
	{"hung_up_by", func(c *call.Call, _ *finding.Verdict) string { return c.HungUpBy }},
	{"expires", func(c *call.Call, _ *finding.Verdict) string { return expires(c.Reg) }},
	{"attempts", func(c *call.Call, _ *finding.Verdict) string { return strconv.Itoa(len(c.Attempts)) }},
	{"messages", func(c *call.Call, _ *finding.Verdict) string { return strconv.Itoa(messageCount(c)) }},
	{"file", func(c *call.Call, _ *finding.Verdict) string {
		return decidingRef(c, func(r wire.PacketRef) uint64 { return uint64(r.Source) })
	}},
	{"frame", func(c *call.Call, _ *finding.Verdict) string {
		return decidingRef(c, func(r wire.PacketRef) uint64 { return r.Number })
	}},
}

func newCSV(w io.Writer, _ Options) Renderer {
	t := &table{w: csv.NewWriter(w)}
	t.w.UseCRLF = true
	for _, c := range csvColumns {
		t.row = append(t.row, c.name)
	}
	// The writer keeps its first error; Flush in End reports it.
	_ = t.w.Write(t.row)
	return t
}

func (t *table) Case(c *view.Case) error {
	v := c.Verdict
	if v == nil {
		v = &finding.Verdict{}
	}
	t.row = t.row[:0]
	for i := range csvColumns {
		t.row = append(t.row, neutral(csvColumns[i].get(c.Call, v)))
	}
	if err := t.w.Write(t.row); err != nil {
		return fmt.Errorf("write csv: %w", err)
	}
	return nil
}

func (t *table) End(*view.Summary) error {
	t.w.Flush()
	return t.w.Error()
}

// neutral returns a field that no spreadsheet takes for a formula and no terminal for a command.
func neutral(s string) string {
	s = cells.Visible(s)
	if s != "" && strings.IndexByte("=+-@", s[0]) >= 0 {
		return "'" + s
	}
	return s
}

func ofRoot(get func(*finding.Finding) string) func(*call.Call, *finding.Verdict) string {
	return func(_ *call.Call, v *finding.Verdict) string {
		if v.Root == nil {
			return ""
		}
		return get(v.Root)
	}
}

func ofOrigin(get func(*call.Origin) string) func(*call.Call, *finding.Verdict) string {
	return func(c *call.Call, _ *finding.Verdict) string {
		if c.Origin == nil {
			return ""
		}
		return get(c.Origin)
	}
}

func ofSuspect(get func(*finding.Suspect) string) func(*call.Call, *finding.Verdict) string {
	return func(_ *call.Call, v *finding.Verdict) string {
		if v.Suspect == nil {
			return ""
		}
		return get(v.Suspect)
	}
}

var kindMethods = [...]string{call.KindCall: "INVITE", call.KindRegistration: "REGISTER"}

func caseMethod(c *call.Call) string {
	if c.Kind == call.KindTransaction {
		return transactionMethod(c)
	}
	return kindMethods[c.Kind]
}

func callIDs(c *call.Call) string {
	ids := make([]string, len(c.Legs))
	for i, l := range c.Legs {
		ids[i] = l.CallID
	}
	return strings.Join(ids, " ")
}

func messageCount(c *call.Call) (n int) {
	for _, l := range c.Legs {
		n += len(l.Sightings)
	}
	return n
}

// decidingRef returns a number of the packet of the deciding message.
func decidingRef(c *call.Call, get func(wire.PacketRef) uint64) string {
	m := decidingMessage(c)
	if !m.Valid() {
		return ""
	}
	return strconv.FormatUint(get(c.Sighting(m).Ref), 10)
}

func csvTime(t wire.Time) string {
	if t.Ordinal() {
		return ""
	}
	return t.Std().Format(time.RFC3339Nano)
}

func csvCode(code int) string {
	if code == 0 {
		return ""
	}
	return strconv.Itoa(code)
}

func csvAddr(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func csvMS(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'f', -1, 64)
}

func expires(r *call.Registration) string {
	if r == nil || r.Expires < 0 {
		return ""
	}
	return strconv.Itoa(r.Expires)
}
