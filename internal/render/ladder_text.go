package render

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sipcause/internal/call"
	"sipcause/internal/cells"
	"sipcause/internal/wire"
)

// columns says where a ladder's elements stand on a terminal.
type columns struct {
	at      []int // cell of each element's lifeline; elided ones share a column
	marks   []int // cells of all lifelines
	elided  int   // elements that share the column at elidedAt
	shared  int   // cell of that column, -1 if none
	letters bool  // headed by letters, named above the ladder
	gap     int
}

const ladderLegend = "Ladders: ──► request, ╌╌► response, ··► network event; ● deciding message, ↻ sent again; since: seconds after the first message."

const (
	minGap = 9  // between lifelines: room for "INVITE" and an arrow
	maxGap = 40 // wider ones are no easier to read
)

// layout places the elements of l in width cells.
func (l *ladder) layout(cells int, keep []int) columns {
	n := len(l.elements)
	cols := columns{shared: -1, at: make([]int, n)}
	slots := l.slots(max(2, (cells-2)/minGap+1), keep)
	count := slices.Max(slots) + 1
	for i, s := range slots {
		if slices.Index(slots, s) != i {
			cols.elided++
		}
	}
	edge := 0 // cells that a name needs beside the outer lifelines
	longest := 0
	for i := range l.elements {
		longest = max(longest, len(l.elements[i].name()))
	}
	if count > 1 {
		cols.gap = min(maxGap, (cells-1-longest)/(count-1))
	}
	if edge = longest / 2; cols.gap <= longest || cols.elided > 0 || count == 1 {
		cols.letters = n > 1
		if count > 1 {
			edge = 0
			cols.gap = min(maxGap, (cells-3)/(count-1))
		}
	}
	for k := range count {
		cols.marks = append(cols.marks, edge+k*cols.gap)
	}
	for i, s := range slots {
		cols.at[i] = cols.marks[s]
		if cols.elided > 0 && slices.Index(slots, s) != i {
			cols.shared = cols.marks[s]
		}
	}
	if cols.elided > 0 {
		cols.elided++
	}
	return cols
}

// slots gives every element a column out of at most limit. When there are too many elements, those of keep, then
// those nearest to both ends have their own; the others share one.
func (l *ladder) slots(limit int, keep []int) []int {
	n := len(l.elements)
	slots := make([]int, n)
	if n <= limit {
		for i := range slots {
			slots[i] = i
		}
		return slots
	}
	own := make([]bool, n)
	left := limit - 1
	take := func(i int) {
		if left > 0 && !own[i] {
			own[i] = true
			left--
		}
	}
	for _, i := range keep {
		take(i)
	}
	for i := 0; left > 0; i++ {
		take(i)
		take(n - 1 - i)
	}
	next, shared := 0, -1
	for i := range slots {
		switch {
		case own[i]:
			slots[i] = next
			next++
		case shared < 0:
			shared = next
			slots[i] = next
			next++
		default:
			slots[i] = shared
		}
	}
	return slots
}

// canvas is one line of cells. A wide character takes a cell and leaves the next one empty.
type canvas struct {
	cell  []string
	style []style
}

func newCanvas(n int) *canvas {
	c := &canvas{cell: make([]string, n), style: make([]style, n)}
	c.clear()
	return c
}

func (c *canvas) clear() {
	for i := range c.cell {
		c.cell[i] = " "
	}
	clear(c.style)
}

// put writes s from cell x on, and no further than the line is long.
func (c *canvas) put(x int, s string, st style) {
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		glyph := s[:n]
		s = s[n:]
		w := cells.RuneWidth(r)
		if w == 0 {
			if x > 0 && x <= len(c.cell) {
				c.cell[x-1] += glyph
			}
			continue
		}
		if x < 0 || x+w > len(c.cell) {
			break
		}
		c.cell[x], c.style[x] = glyph, st
		if w == 2 {
			c.cell[x+1], c.style[x+1] = "", st
		}
		x += w
	}
}

// text returns the line without blanks at its end.
func (c *canvas) text(color bool) string {
	n := len(c.cell)
	for n > 0 && c.cell[n-1] == " " {
		n--
	}
	if !color {
		return strings.Join(c.cell[:n], "")
	}
	var b strings.Builder
	st := normal
	for i := range n {
		if c.style[i] != st {
			if st != normal {
				b.WriteString(sgrEnd)
			}
			st = c.style[i]
			b.WriteString(sgr[st])
		}
		b.WriteString(c.cell[i])
	}
	if st != normal {
		b.WriteString(sgrEnd)
	}
	return b.String()
}

// ladderPainter draws one ladder into lines.
type ladderPainter struct {
	opt     Options
	l       *ladder
	cols    columns
	margin  int // cells before the first lifeline's area
	frame   int // width of the frame column, 0 without
	rel     int // width of the relative times
	several bool
	line    *canvas // of the row at hand
	lines   []string
}

// paint returns the ladder as lines of at most opt.Width cells.
func (l *ladder) paint(opt Options) []string {
	if len(l.rows) == 0 {
		return nil
	}
	p := &ladderPainter{opt: opt, l: l, line: newCanvas(opt.Width)}
	keep := []int{0}
	for i := range l.rows {
		r := &l.rows[i]
		if r.deciding {
			keep = append(keep, r.src, r.dst)
		}
		p.several = p.several || r.ref.Source != 0
		p.frame = max(p.frame, len(p.frameText(r)))
		p.rel = max(p.rel, len(p.relative(max(r.time, r.until))))
	}
	p.place(keep)
	p.header()
	for i := range l.rows {
		p.row(&l.rows[i])
	}
	p.footer()
	return p.lines
}

// place decides on the columns; frame numbers are shown where they cost no label.
func (p *ladderPainter) place(keep []int) {
	base := 1 + 1 + len("15:04:05.000") + 1 + p.rel + 2
	p.margin = base + p.frame + 1
	p.cols = p.l.layout(p.opt.Width-p.margin, keep)
	if p.cols.gap < 16 && p.opt.Width < 120 {
		p.frame = -1
		p.margin = base
		p.cols = p.l.layout(p.opt.Width-p.margin, keep)
	}
}

func (p *ladderPainter) frameText(r *row) string {
	if p.several {
		return fmt.Sprintf("%d:%d", r.ref.Source, r.ref.Number)
	}
	return fmt.Sprint(r.ref.Number)
}

func (p *ladderPainter) relative(t wire.Time) string { return since(t, p.l.start) }

// since writes how many seconds t is after start.
func since(t, start wire.Time) string {
	if t.Ordinal() {
		return "?"
	}
	d := t.Sub(start)
	sign := "+"
	if d < 0 {
		sign, d = "-", -d
	}
	return fmt.Sprintf("%s%d.%03d", sign, d/time.Second, d%time.Second/time.Millisecond)
}

// header names the columns.
func (p *ladderPainter) header() {
	c := newCanvas(p.opt.Width)
	ports := newCanvas(p.opt.Width)
	c.put(2+p.frame+1, "time", dim)
	c.put(p.margin-2-len("since"), "since", dim)
	if p.frame > 0 {
		c.put(2, fmt.Sprintf("%*s", p.frame, "#"), dim)
	}
	if p.cols.letters {
		p.letters(c)
		p.lines = append(p.lines, c.text(p.opt.Color))
		return
	}
	several := false
	for i := range p.l.elements {
		e := &p.l.elements[i]
		name := e.name()
		c.put(max(p.margin, p.margin+p.cols.at[i]-len(name)/2), name, bold)
		if len(e.ports) > 1 && e.port == 0 {
			several = true
			text := cells.Clip(portList(e.ports), p.cols.gap-1)
			ports.put(max(p.margin, p.margin+p.cols.at[i]-len(text)/2), text, dim)
		}
	}
	p.lines = append(p.lines, c.text(p.opt.Color))
	if several {
		p.lines = append(p.lines, ports.text(p.opt.Color))
	}
}

func portList(ports []uint16) string {
	var b strings.Builder
	for i, n := range ports {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, ":%d", n)
	}
	return b.String()
}

// letter names column i where its address does not fit: A to Z, then A1 …
func letter(i int) string {
	s := string(rune('A' + i%26))
	if i >= 26 {
		s += fmt.Sprint(i / 26)
	}
	return s
}

const maxNamed = 52 // elements named above a ladder

// letters heads the columns with letters and says above which address each stands for.
func (p *ladderPainter) letters(c *canvas) {
	line := ""
	for i := range p.l.elements {
		e := &p.l.elements[i]
		name := letter(i) + " " + e.name()
		if len(e.ports) > 1 && e.port == 0 {
			name += " (" + portList(e.ports) + ")"
		}
		if i == maxNamed {
			name = fmt.Sprintf("and %d more", len(p.l.elements)-i)
		}
		if line != "" && len(line)+3+len(name) > p.opt.Width-2 {
			p.lines = append(p.lines, "  "+line)
			line = ""
		}
		if line != "" {
			line += "   "
		}
		line += name
		if i == maxNamed {
			break
		}
		if x := p.cols.at[i]; x != p.cols.shared {
			c.put(p.margin+x, letter(i), bold)
		}
	}
	p.lines = append(p.lines, "  "+line)
	if p.cols.shared >= 0 {
		c.put(p.margin+p.cols.shared, "⋯", dim)
	}
}

// row draws one message or event, and how often it was sent again.
func (p *ladderPainter) row(r *row) {
	c := p.line
	c.clear()
	st := rowStyle(r)
	switch {
	case r.deciding:
		c.put(0, "●", red)
	case r.event:
		c.put(0, "!", yellow)
	}
	if p.frame > 0 {
		c.put(2, fmt.Sprintf("%*s", p.frame, p.frameText(r)), dim)
	}
	c.put(2+p.frame+1, clock(r.time, p.opt.Zone), normal)
	rel := p.relative(r.time)
	c.put(p.margin-2-len(rel), rel, dim)
	p.lifelines(c)
	p.arrow(c, r, st)
	p.lines = append(p.lines, c.text(p.opt.Color))
	if r.more > 0 {
		c.clear()
		p.lifelines(c)
		rel := p.relative(r.until)
		c.put(2+p.frame+1, clock(r.until, p.opt.Zone), dim)
		c.put(p.margin-2-len(rel), rel, dim)
		note := *r
		note.label = fmt.Sprintf("%d more", r.more)
		p.arrow(c, &note, dim)
		p.lines = append(p.lines, c.text(p.opt.Color))
	}
}

func (p *ladderPainter) lifelines(c *canvas) {
	for _, x := range p.cols.marks {
		c.put(p.margin+x, "│", dim)
	}
}

func rowStyle(r *row) style {
	switch {
	case r.event:
		return yellow
	case r.repeat != call.First:
		return dim
	case r.deciding:
		return red
	case r.status >= 300:
		return yellow
	case r.status >= 200:
		return green
	case r.status > 0:
		return normal
	}
	return cyan
}

// arrow draws r between its lifelines: requests solid, responses dashed, events dotted.
func (p *ladderPainter) arrow(c *canvas, r *row, st style) {
	from, to := p.margin+p.cols.at[r.src], p.margin+p.cols.at[r.dst]
	label := cells.Visible(r.label)
	if r.repeat == call.Retransmission {
		label = "↻ " + label
	}
	if from == to {
		if r.src != r.dst {
			label = letter(r.src) + "→" + letter(r.dst) + " " + label
		}
		c.put(from+1, cells.Clip(" "+label, len(c.cell)-from-1), st)
		return
	}
	line := "─"
	switch {
	case r.event:
		line = "·"
	case r.status > 0:
		line = "╌"
	}
	left, right := min(from, to)+1, max(from, to)-1
	for x := left; x <= right; x++ {
		c.put(x, line, st)
	}
	if to > from {
		c.put(right, "►", st)
	} else {
		c.put(left, "◄", st)
	}
	room := right - left // cells beside the head
	text := cells.Clip(label, room)
	if cells.Width(text)+4 <= room {
		text = " " + text + " "
	}
	x := left + (room-cells.Width(text))/2
	if to < from {
		x++
	}
	c.put(x, text, st)
}

// footer says what was not drawn.
func (p *ladderPainter) footer() {
	var notes []string
	if p.l.dups > 0 {
		word := "duplicates"
		if p.l.dups == 1 {
			word = "duplicate"
		}
		notes = append(notes, fmt.Sprintf("%d %s of the capture", p.l.dups, word))
	}
	if p.l.cut > 0 {
		notes = append(notes, count(uint64(p.l.cut), "further message"))
	}
	if p.cols.elided > 0 {
		p.lines = append(p.lines, fmt.Sprintf("  ⋯ stands for %d elements", p.cols.elided))
	}
	if notes != nil {
		p.lines = append(p.lines, "  not drawn: "+strings.Join(notes, ", "))
	}
}
