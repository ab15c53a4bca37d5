package render

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/cells"
	"sipcause/internal/finding"
	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/sip"
)

// List writes recorded cases one per line, for people: when, how it ended, who called whom, by which routes, why, and
// the ID to ask for the whole case by, which stands last and is never cut.
type List struct {
	w     io.Writer
	opt   Options
	begun bool
}

// NewList returns a list that is written to w as it comes.
func NewList(w io.Writer, opt Options) *List { return &List{w: w, opt: opt} }

// listColumn is a column of a List.
type listColumn struct {
	head  string
	width int
	text  func(*List, *record.Case) string
}

var listColumns = [...]listColumn{
	{"TIME", len("2006-01-02 15:04:05.000"), func(l *List, c *record.Case) string {
		return c.Began.Std().In(l.opt.Zone).Format("2006-01-02 15:04:05.000")
	}},
	{"WHAT", 9, func(_ *List, c *record.Case) string { return what(c) }},
	{"CODE", 4, func(_ *List, c *record.Case) string {
		if c.Code == 0 {
			return "-"
		}
		return fmt.Sprint(c.Code)
	}},
	{"OUTCOME", len("redirected"), func(_ *List, c *record.Case) string { return c.Outcome.String() }},
	{"FROM", 18, func(_ *List, c *record.Case) string { return person(c.From) }},
	{"TO", 18, func(_ *List, c *record.Case) string { return person(c.To) }},
	{"CAUSE", 26, func(_ *List, c *record.Case) string { return dash(c.Cause) }},
	{"ROUTE", 20, func(_ *List, c *record.Case) string { return routeWords(c) }},
	{"ID", 0, func(_ *List, c *record.Case) string { return c.ID }},
}

const causeColumn = 6

// what is the method that a case is about, but of a call.
func what(c *record.Case) string {
	switch {
	case c.Kind == call.KindCall:
		return "call"
	case c.Kind == call.KindRegistration:
		return kindMethods[c.Kind]
	case len(c.Methods) > 0:
		return c.Methods[0]
	}
	return "-"
}

// Case writes one line.
func (l *List) Case(c *record.Case) error {
	var b strings.Builder
	if !l.begun {
		l.begun = true
		var heads []string
		for i := range listColumns {
			heads = append(heads, listColumns[i].head)
		}
		b.WriteString(l.paint(dim, listLine(heads)) + "\n")
	}
	var texts []string
	for i := range listColumns {
		texts = append(texts, cells.Visible(listColumns[i].text(l, c)))
	}
	line := listLine(texts)
	if s, ok := finding.ParseSeverity(c.Severity); ok && c.Cause != "" && l.opt.Color {
		cause := cells.Pad(cells.Clip(texts[causeColumn], listColumns[causeColumn].width), listColumns[causeColumn].width)
		line = strings.Replace(line, cause, l.paint(severityStyle[s], cause), 1)
	}
	b.WriteString(line + "\n")
	_, err := io.WriteString(l.w, b.String())
	return err
}

// listLine puts the columns beside each other.
func listLine(texts []string) string {
	var b strings.Builder
	for i, t := range texts {
		width := listColumns[i].width
		if width == 0 {
			b.WriteString(t)
			break
		}
		b.WriteString(cells.Pad(cells.Clip(t, width), width) + "  ")
	}
	return b.String()
}

func (l *List) paint(st style, s string) string {
	if !l.opt.Color || st == normal {
		return s
	}
	return sgr[st] + s + sgrEnd
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// person is the user part of a URI, which tells most; the whole where there is none.
func person(uri string) string {
	if u, ok := sip.ParseURI([]byte(uri)); ok && len(u.User) > 0 {
		return string(u.User)
	}
	return dash(uri)
}

// routeWords says by which routes a case came and went.
func routeWords(c *record.Case) string {
	out := strings.Join(c.RoutesOut, ",")
	switch {
	case c.RouteIn == "" && out == "":
		return "-"
	case out == "":
		return c.RouteIn
	case c.RouteIn == "":
		return "> " + out
	}
	return c.RouteIn + " > " + out
}

// Counts writes how often each value of a field was found, in the order given: as text, with what explain says of a
// value, or as csv or json.
func Counts(format string, w io.Writer, field string, list []store.Count, explain func(string) string) error {
	switch format {
	case "csv":
		return countsCSV(w, field, list)
	case "json":
		return countsJSON(w, list)
	}
	width, values := 0, 0
	for _, c := range list {
		width = max(width, len(thousands(c.N)))
		values = max(values, cells.Width(cells.Visible(c.Value)))
	}
	var b strings.Builder
	for _, c := range list {
		line := fmt.Sprintf("%*s  %s  %s", width, thousands(c.N), cells.Pad(cells.Visible(c.Value), values), explain(c.Value))
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func countsCSV(w io.Writer, field string, list []store.Count) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	_ = out.Write([]string{field, "count"}) // the writer keeps its first error
	for _, c := range list {
		_ = out.Write([]string{neutral(c.Value), strconv.FormatUint(c.N, 10)})
	}
	out.Flush()
	return out.Error()
}

func countsJSON(w io.Writer, list []store.Count) error {
	e := encoder{}
	e.raw("[")
	for _, c := range list {
		e.next()
		e.raw("{")
		e.text("value", c.Value)
		e.uint("count", c.N)
		e.raw("}")
	}
	e.raw("]\n")
	return e.flush(w)
}
