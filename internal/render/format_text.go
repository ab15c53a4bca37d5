package render

import (
	"io"
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/cells"
	"sipcause/internal/finding"
	"sipcause/internal/view"
	"sipcause/sip"
)

// text writes the report for people. Its cases wait in a spool, since the summary stands first.
type text struct {
	w     io.Writer
	opt   Options
	body  spool
	lines []string
	tally tally
	shown uint64 // cases in the body; they are numbered
	prose int    // columns of running text
}

func newText(w io.Writer, opt Options) Renderer {
	opt.Width = max(opt.Width, 60)
	return &text{w: w, opt: opt, tally: newTally(), prose: min(opt.Width, 110)}
}

func (r *text) Case(c *view.Case) error {
	keepalive := isKeepalive(c.Call)
	number := uint64(0)
	if shows(c, r.opt.All) {
		number = r.shown + 1
		r.lines = r.lines[:0]
		r.section(c, number)
		ok, err := r.body.add([]byte(strings.Join(r.lines, "\n") + "\n"))
		if err != nil {
			return err
		}
		if ok {
			r.shown++
		} else {
			number = 0
		}
	}
	r.tally.add(c, keepalive, number)
	return nil
}

func (r *text) End(s *view.Summary) error {
	r.lines = r.lines[:0]
	if !r.opt.Brief {
		r.summary(s)
	}
	if _, err := io.WriteString(r.w, strings.Join(r.lines, "\n")+"\n"); err != nil {
		return err
	}
	return r.body.copyTo(r.w)
}

// isKeepalive says whether a case is an OPTIONS outside a dialog: peers ask each other with it whether they live
// (RFC 3261 §11).
func isKeepalive(c *call.Call) bool {
	if c.Kind != call.KindTransaction || len(c.Legs) == 0 || len(c.Legs[0].Txns) == 0 {
		return false
	}
	return c.Legs[0].Txns[0].Method == sip.MethodOptions
}

// shows says whether a report for people has a section of a case: those that failed, with all the healthy ones, too,
// and no keepalives.
func shows(c *view.Case, all bool) bool { return !isKeepalive(c.Call) && (all || notable(c)) }

// notable says whether a case failed, or worked with something wrong.
func notable(c *view.Case) bool {
	if c.Call.Outcome.Bad() {
		return true
	}
	if c.Verdict != nil {
		for i := range c.Verdict.Findings {
			if c.Verdict.Findings[i].Severity >= finding.Warning {
				return true
			}
		}
	}
	return false
}

// line adds a line; the parts are joined as they are.
func (r *text) line(parts ...string) { r.lines = append(r.lines, strings.Join(parts, "")) }

// paint puts s into a colour.
func (r *text) paint(st style, s string) string {
	if !r.opt.Color || st == normal || s == "" {
		return s
	}
	return sgr[st] + s + sgrEnd
}

const labelWidth = 10

// field adds a label and text wrapped beside it; further lines are indented as far.
func (r *text) field(label string, st style, s string) {
	r.item(2, cells.Pad(label, labelWidth), st, s)
}

// item adds text wrapped beside a label that stands at indent.
func (r *text) item(indent int, label string, st style, s string) {
	r.words(indent, label, st, strings.Fields(cells.Visible(s)))
}

// list is item for parts that are not broken where a line ends; sep follows each but the last.
func (r *text) list(indent int, label string, st style, sep string, parts []string) {
	words := make([]string, len(parts))
	for i, p := range parts {
		if words[i] = cells.Visible(p); i < len(parts)-1 {
			words[i] += sep
		}
	}
	r.words(indent, label, st, words)
}

func (r *text) words(indent int, label string, st style, words []string) {
	blank := strings.Repeat(" ", indent+cells.Width(label))
	head := strings.Repeat(" ", indent) + r.paint(st, label)
	for i, l := range cells.Wrap(words, r.prose-len(blank)) {
		if i > 0 {
			head = blank
		}
		r.line(head, l)
	}
}
