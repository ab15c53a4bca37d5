package explain

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"sipcause/internal/cells"
)

// page is an explanation before it is laid out.
type page struct {
	title    string
	facts    []string // one line below the title, joined
	sections []section
}

// section is a heading and its paragraphs.
type section struct {
	head  string
	mark  mark
	lines []string
}

// mark is what stands before each paragraph of a section.
type mark uint8

const (
	plain mark = iota
	numbered
	bullet
)

// add appends a section unless it would be empty.
func (p *page) add(head string, m mark, lines ...string) {
	var kept []string
	for _, l := range lines {
		if l != "" {
			kept = append(kept, l)
		}
	}
	if kept != nil {
		p.sections = append(p.sections, section{head, m, kept})
	}
}

// write lays the page out in lines of at most width columns.
func (p *page) write(w io.Writer, width int) error {
	out := bufio.NewWriter(w)
	paragraph(out, "", p.title, width)
	if len(p.facts) > 0 {
		paragraph(out, "", strings.Join(p.facts, " · "), width)
	}
	for i, s := range p.sections {
		if i > 0 || p.title != "" {
			out.WriteByte('\n')
		}
		if s.head != "" {
			paragraph(out, "", s.head, width)
		}
		for j, l := range s.lines {
			label := "  "
			switch {
			case s.head == "":
				label = ""
			case s.mark == numbered:
				label = fmt.Sprintf("  %d. ", j+1)
			case s.mark == bullet:
				label = "  - "
			}
			paragraph(out, label, l, width)
		}
	}
	return out.Flush()
}

// maxParagraph is how much of a paragraph is shown, in bytes; only traffic makes longer ones.
const maxParagraph = 4096

// paragraph writes text beside label in lines of at most width cells. It is the only way of text to the output.
func paragraph(out *bufio.Writer, label, text string, width int) {
	if len(text) > maxParagraph {
		text = strings.ToValidUTF8(text[:maxParagraph], "") + " …"
	}
	out.WriteString(cells.Hang(label, text, width))
}

// quote shows a piece of input in an error, on one line and shortened.
func quote(s string) string {
	return "“" + cells.Clip(cells.Visible(strings.Join(strings.Fields(s), " ")), 60) + "”"
}
