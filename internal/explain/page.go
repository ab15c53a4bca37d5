package explain

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"
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
	wrap(out, p.title, "", "", width)
	if len(p.facts) > 0 {
		wrap(out, strings.Join(p.facts, " · "), "", "", width)
	}
	for i, s := range p.sections {
		if i > 0 || p.title != "" {
			out.WriteByte('\n')
		}
		if s.head != "" {
			wrap(out, s.head, "", "", width)
		}
		for j, l := range s.lines {
			first, rest := "  ", "  "
			switch s.mark {
			case numbered:
				first, rest = fmt.Sprintf("  %d. ", j+1), "     "
			case bullet:
				first, rest = "  - ", "    "
			}
			if s.head == "" {
				first, rest = "", ""
			}
			wrap(out, l, first, rest, width)
		}
	}
	return out.Flush()
}

// maxParagraph is how much of a paragraph is shown, in bytes; only traffic makes longer ones.
const maxParagraph = 4096

// wrap writes text in lines of at most width columns; a word that is longer than a line is cut into pieces. It is the
// only way of text to the output and drops what a terminal would obey.
func wrap(out *bufio.Writer, text, first, rest string, width int) {
	if len(text) > maxParagraph {
		text = strings.ToValidUTF8(text[:maxParagraph], "") + " …"
	}
	text = strings.Map(printable, text)
	out.WriteString(first)
	column, start := runewidth.StringWidth(first), true
	for _, word := range strings.Fields(text) {
		n := runewidth.StringWidth(word)
		if !start && column+1+n > width {
			out.WriteString("\n" + rest)
			column, start = runewidth.StringWidth(rest), true
		}
		if !start {
			out.WriteByte(' ')
			column++
		}
		for column+n > width {
			piece := runewidth.Truncate(word, width-column, "")
			if piece == "" {
				break
			}
			out.WriteString(piece + "\n" + rest)
			word, column = word[len(piece):], runewidth.StringWidth(rest)
			n = runewidth.StringWidth(word)
		}
		out.WriteString(word)
		column, start = column+n, false
	}
	out.WriteByte('\n')
}

// printable maps white space to a space and drops control and format characters: they could hide or turn text, or
// drive the terminal.
func printable(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case unicode.Is(unicode.C, r), r == unicode.ReplacementChar:
		return -1
	}
	return r
}

// quote shows a piece of input in an error, shortened.
func quote(s string) string {
	return "“" + runewidth.Truncate(strings.Map(printable, strings.TrimSpace(s)), 60, "…") + "”"
}
