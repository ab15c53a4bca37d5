package render

import (
	"fmt"

	"sipcause/internal/cells"
	"sipcause/internal/finding"
	"sipcause/internal/record"
	"sipcause/internal/view"
)

// Brief returns a recorded case that failed in two lines, for people who watch: when, code, root cause, who called whom
// and by which routes; then what is said of the cause, as far as opt.Width has room (0: all).
func Brief(c *record.Case, opt Options) string {
	l := &List{opt: opt}
	code := "-"
	if c.Code != 0 {
		code = fmt.Sprint(c.Code)
	}
	cause := cells.Visible(dash(c.Cause))
	if s, ok := finding.ParseSeverity(c.Severity); ok && opt.Color {
		cause = l.paint(severityStyle[s], cause)
	}
	rest := fmt.Sprintf("%s → %s", person(c.From), person(c.To))
	if way := routeWords(c); way != "-" {
		rest += " · " + way
	}
	first := fmt.Sprintf("%s  %s %s  %s", c.Began.Std().In(opt.Zone).Format("15:04:05"), code, cause, cells.Visible(rest))
	second := cells.Visible(said(c))
	if opt.Width > 0 {
		second = cells.Clip(second, opt.Width-10)
	}
	return first + "\n" + "          " + l.paint(dim, second) + "\n"
}

// said is what the verdict says of the root cause; what can no longer be read is the cause's name.
func said(c *record.Case) string {
	if kept, err := view.Restore(c); err == nil && kept.Case.Verdict.Root != nil {
		return kept.Case.Verdict.Root.Summary
	}
	if d, ok := finding.Lookup(finding.ID(c.Cause)); ok {
		return d.Title
	}
	return c.Reason
}
