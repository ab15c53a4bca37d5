package render

import (
	"fmt"

	"sipcause/internal/call"
	"sipcause/internal/cells"
)

// svgLadder is a ladder with its geometry, in pixels.
type svgLadder struct {
	Width, Height, RowHeight int
	Columns                  []svgColumn
	Rows                     []svgRow
	Notes                    string
	label                    int // characters that fit between two lifelines
}

type svgColumn struct {
	X           int
	Name, Ports string
}

type svgRow struct {
	Class, Href, Full, Time, Since, Label      string
	Deciding, Self                             bool
	Top, Base, Y, X1, X2, Barb, LabelX, LabelY int
}

// Sizes of an SVG ladder.
const (
	svgTop     = 44   // of the first row
	svgRowSize = 30   // height of a row
	svgTimes   = 190  // width of the times
	svgGlyph   = 7    // width of a character, about
	svgLabel   = 44   // characters of a label at most
	svgPage    = 1130 // width of a page's list
	svgGap     = 220  // between lifelines, where the page has room
	svgMinGap  = 120  // between lifelines, before the page scrolls
)

// svg lays the ladder out for case number of a page.
func (l *ladder) svg(opt Options, number uint64) *svgLadder {
	s := &svgLadder{RowHeight: svgRowSize}
	label, name := 12, 0
	for i := range l.rows {
		label = max(label, min(svgLabel, cells.Width(cells.Visible(l.rows[i].label))))
	}
	for i := range l.elements {
		name = max(name, len(l.elements[i].name()))
	}
	at := svgTimes + name*svgGlyph/2 + 14
	gap := max(label*svgGlyph+36, (name+2)*svgGlyph+6, svgGap)
	if n := len(l.elements) - 1; n > 0 {
		gap = min(gap, max((svgPage-20-at-name*svgGlyph/2)/n, (name+2)*svgGlyph+6, svgMinGap))
	}
	s.label = (gap - 24) / svgGlyph
	for i := range l.elements {
		e := &l.elements[i]
		c := svgColumn{X: at + i*gap, Name: e.name()}
		if len(e.ports) > 1 && e.port == 0 {
			c.Ports = cells.Clip(portList(e.ports), gap/6)
		}
		s.Columns = append(s.Columns, c)
	}
	s.Width = at + (len(l.elements)-1)*gap + name*svgGlyph/2 + 20
	for i := range l.rows {
		s.Rows = append(s.Rows, l.svgRow(&l.rows[i], i, s, opt, number))
	}
	s.Height = svgTop + len(l.rows)*svgRowSize + 10
	if l.dups > 0 {
		s.Notes = "Not drawn: " + count(uint64(l.dups), "duplicate") + " of the capture. "
	}
	if l.cut > 0 {
		s.Notes += "Not drawn: " + count(uint64(l.cut), "further message") + "."
	}
	return s
}

func (l *ladder) svgRow(r *row, i int, s *svgLadder, opt Options, number uint64) svgRow {
	v := svgRow{
		Class: svgClass(r), Deciding: r.deciding, Time: clock(r.time, opt.Zone), Since: since(r.time, l.start), Full: cells.Visible(r.label), Self: r.src == r.dst,
		Top: svgTop + i*svgRowSize, X1: s.Columns[r.src].X, X2: s.Columns[r.dst].X,
	}
	v.Base, v.Y, v.LabelY = v.Top+20, v.Top+21, v.Top+15
	v.Label = cells.Clip(v.Full, min(svgLabel, s.label*max(1, abs(r.src-r.dst))))
	if r.repeat == call.Retransmission {
		v.Label = "↻ " + v.Label
		if r.more > 0 {
			v.Label += fmt.Sprintf(" ×%d", r.more+1)
		}
	}
	if r.msg.Valid() {
		v.Href = "#" + messageID(number, r.msg)
	}
	v.LabelX, v.Barb = (v.X1+v.X2)/2, -8
	if v.X2 < v.X1 {
		v.Barb = 8
	}
	if v.Self {
		v.LabelX = v.X1 + 8
	}
	return v
}

// svgClass tells requests, responses and events apart, and how a response ended things.
func svgClass(r *row) string {
	class := "req"
	switch {
	case r.event:
		class = "event"
	case r.status >= 300:
		class = "res fail"
	case r.status >= 200:
		class = "res good"
	case r.status > 0:
		class = "res"
	}
	if r.repeat != call.First {
		class += " again"
	}
	if r.deciding {
		class += " deciding"
	}
	return class
}

func abs(n int) int { return max(n, -n) }
