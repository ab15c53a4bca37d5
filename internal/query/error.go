package query

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error is what Parse says of a filter that it cannot read.
type Error struct {
	Source     string
	Pos, End   int    // bytes of Source that are wrong, 0-based, End exclusive; Pos == End at the end
	Problem    string // what is wrong
	Expected   string // what could stand there
	Suggestion string // what was probably meant; "" when nothing comes near
}

// Error says all in one line; positions count bytes from 1.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "parse filter: byte %d: %s", e.Pos+1, e.Problem)
	if e.Suggestion != "" {
		fmt.Fprintf(&b, ": did you mean %s?", e.Suggestion)
	} else if e.Expected != "" {
		fmt.Fprintf(&b, ": expected %s", e.Expected)
	}
	return b.String()
}

// caretContext is how many characters of a long filter are shown on each side of the error.
const caretContext = 30

// Caret returns the filter on one line and below it a line that points at the error, without a newline at the
// end. Of a long filter only the surroundings are shown.
func (e *Error) Caret() string {
	before, wrong, after := visible(e.Source[:e.Pos]), visible(e.Source[e.Pos:e.End]), visible(e.Source[e.End:])
	if n := utf8.RuneCountInString(before); n > caretContext {
		before = "…" + string([]rune(before)[n-caretContext:])
	}
	if n := utf8.RuneCountInString(wrong); n > caretContext {
		wrong, after = string([]rune(wrong)[:caretContext])+"…", ""
	}
	if n := utf8.RuneCountInString(after); n > caretContext {
		after = string([]rune(after)[:caretContext]) + "…"
	}
	return before + wrong + after + "\n" +
		strings.Repeat(" ", utf8.RuneCountInString(before)) + "^" + strings.Repeat("~", max(0, utf8.RuneCountInString(wrong)-1))
}

// visible makes every byte sequence safe to print on one line, one column for each rune.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == utf8.RuneError,
			r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // would hide or turn text
			return '\ufffd'
		}
		return r
	}, s)
}

// shorten quotes a piece of the filter for an error.
func shorten(s string) string {
	const limit = 40
	s = visible(s)
	if utf8.RuneCountInString(s) > limit {
		s = string([]rune(s)[:limit]) + "…"
	}
	return "“" + s + "”"
}

func fieldNames() []string {
	names := make([]string, 0, fieldCount)
	for _, f := range Fields() {
		names = append(names, f.String())
	}
	return names
}

// nearest returns the name that text most resembles: the same but for signs, the beginning of one only, or few
// letters wrong. "" when none comes near.
func nearest(text string, names []string) string {
	text = strings.ToLower(text)
	if len(text) > 32 {
		return ""
	}
	best, distance := "", 1+len(text)/3
	unique := ""
	for _, name := range names {
		if d := edits(text, name); d <= distance && (best == "" || d < distance) {
			best, distance = name, d
		}
		if len(text) >= 2 && strings.HasPrefix(name, text) {
			if unique != "" {
				unique = "?"
				continue
			}
			unique = name
		}
	}
	if unique != "" && unique != "?" {
		return unique
	}
	return best
}

// edits counts insertions, deletions, replacements and swaps of neighbours between two short words.
func edits(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row := rows[(i+2)%3], rows[(i)%3], rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return rows[(len(a)+1)%3][len(b)]
}
