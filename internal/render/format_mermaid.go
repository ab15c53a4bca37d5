package render

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"sipcause/internal/call"
	"sipcause/internal/cells"
	"sipcause/internal/finding"
	"sipcause/internal/view"
)

// mermaid writes one sequence diagram per failed case, each between the fences from which the mermaid CLI takes
// several diagrams of one file; a file without fences can have only one. It writes as cases come.
type mermaid struct {
	w     io.Writer
	opt   Options
	shown uint64
}

func newMermaid(w io.Writer, opt Options) Renderer { return &mermaid{w: w, opt: opt} }

func (r *mermaid) Case(c *view.Case) error {
	if !shows(c, r.opt.All) {
		return nil
	}
	r.shown++
	d := diagram{l: newLadder(c.Call, maxDiagramRows)}
	_, err := io.WriteString(r.w, d.draw(c, r.shown))
	return err
}

// End writes nothing: a diagram is of a case, not of a capture.
func (r *mermaid) End(*view.Summary) error { return nil }

// What mermaid draws has at most 50,000 characters (maxTextSize); participants come beside the bytes counted here.
const (
	maxDiagramRows  = 200      // messages of one diagram
	maxDiagramBytes = 24 << 10 // of the lines of messages
	maxDiagramLabel = 80       // cells of a label
	maxDiagramNote  = 400      // cells of a note
	noteWidth       = 60       // cells of its lines: mermaid breaks none by itself
)

// diagram is one sequenceDiagram under way.
type diagram struct {
	l    *ladder
	body strings.Builder
	used []bool // elements that have a message
	cut  int
}

func (d *diagram) draw(c *view.Case, number uint64) string {
	d.used = make([]bool, len(d.l.elements))
	told := false
	for i := range d.l.rows {
		r := &d.l.rows[i]
		if d.body.Len() > maxDiagramBytes && !r.deciding {
			d.cut++
			continue
		}
		d.used[r.src], d.used[r.dst] = true, true
		d.row(r)
		if r.deciding {
			d.decides(c, r)
			told = true
		}
	}
	var b strings.Builder
	b.WriteString("```mermaid\nsequenceDiagram\n")
	title := fmt.Sprintf("case %d: %s", number, caseTitle(c.Call))
	if code := ending(c); code != "" {
		title += ", " + code
	}
	b.WriteString("    title " + mermaidText(title, maxDiagramLabel) + "\n")
	first, last := -1, -1
	for i := range d.l.elements {
		if !d.used[i] {
			continue
		}
		if first < 0 {
			first = i
		}
		last = i
		fmt.Fprintf(&b, "    participant %s as %s\n", participant(i), mermaidText(d.l.elements[i].name(), maxDiagramLabel))
	}
	if first < 0 {
		b.WriteString("    participant P0 as nobody\n")
		first, last = 0, 0
	}
	note := func(text string) {
		fmt.Fprintf(&b, "    Note over %s: %s\n", over(first, last), noteText(text))
	}
	note("between " + who(c.Call))
	b.WriteString(d.body.String())
	if !told {
		d.cause(c, note)
	}
	if n := d.cut + d.l.cut; n > 0 {
		note("not drawn: " + count(uint64(n), "further message"))
	}
	b.WriteString("```\n\n")
	return b.String()
}

// row writes one message or event: requests with solid lines, responses with dashed ones, events with a cross.
func (d *diagram) row(r *row) {
	arrow := "->>"
	switch {
	case r.event:
		arrow = "--x"
	case r.status > 0:
		arrow = "-->>"
	}
	text := since(r.time, d.l.start) + " " + r.label
	if r.repeat == call.Retransmission {
		text = since(r.time, d.l.start) + " again " + r.label
	}
	if r.more > 0 {
		text += fmt.Sprintf(", and %d more until %s", r.more, since(r.until, d.l.start))
	}
	fmt.Fprintf(&d.body, "    %s%s%s: %s\n", participant(r.src), arrow, participant(r.dst), mermaidText(text, maxDiagramLabel))
}

// decides notes beside the message that decided that it did, and why.
func (d *diagram) decides(c *view.Case, r *row) {
	note := func(text string) {
		fmt.Fprintf(&d.body, "    Note over %s: %s\n", over(min(r.src, r.dst), max(r.src, r.dst)), noteText(text))
	}
	note(fmt.Sprintf("decides: frame %d", r.ref.Number))
	d.cause(c, note)
}

func (d *diagram) cause(c *view.Case, note func(string)) {
	if f := rootOf(c); f != nil {
		note(fmt.Sprintf("cause %s, %s: %s", f.ID, sure(f.Confidence), f.Summary))
	}
}

func rootOf(c *view.Case) *finding.Finding {
	if c.Verdict == nil {
		return nil
	}
	return c.Verdict.Root
}

// participant names element i where its address cannot stand.
func participant(i int) string { return fmt.Sprintf("P%d", i) }

func over(first, last int) string {
	if first == last {
		return participant(first)
	}
	return participant(first) + "," + participant(last)
}

// noteText returns s as lines of a note.
func noteText(s string) string {
	lines := cells.Wrap(strings.Fields(cells.Visible(cells.Clip(s, maxDiagramNote))), noteWidth)
	for i, l := range lines {
		lines[i] = mermaidText(l, noteWidth)
	}
	return strings.Join(lines, "<br/>")
}

// mermaidText returns s in at most n cells as text of a diagram. What mermaid or a fence around it could take for
// anything but text is written as an entity code, #59; for a semicolon: that is all that is neither a letter, a
// digit nor one of a few marks. The letters ß and ﬂ go, too, since mermaid marks entities with them inside; a
// second colon, since ::: ends a fence; and those of "style" and "classDef", near which mermaid takes
// semicolons away. Callers begin text with a word of their own, for "wrap:" at its beginning is a command.
func mermaidText(s string, n int) string {
	var b strings.Builder
	last := rune(0)
	for _, r := range cells.Clip(cells.Visible(s), n) {
		plain := unicode.IsLetter(r) && r != 'ß' && r != 'ﬂ' || unicode.IsDigit(r) || strings.ContainsRune(" .,+-/_@()!?'→…", r) || r == ':' && last != ':'
		if plain {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "#%d;", r)
		}
		last = r
	}
	return strings.NewReplacer("style", "styl#101;", "classDef", "classDe#102;").Replace(b.String())
}
