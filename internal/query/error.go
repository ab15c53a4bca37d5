package query

import (
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"

	"sipcause/internal/cells"
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
	if runes := []rune(before); len(runes) > caretContext {
		before = "…" + string(runes[len(runes)-caretContext:])
	}
	if cells.Width(wrong) > caretContext {
		wrong, after = cells.Clip(wrong, caretContext), ""
	}
	after = cells.Clip(after, caretContext)
	return before + wrong + after + "\n" +
		strings.Repeat(" ", cells.Width(before)) + "^" + strings.Repeat("~", max(0, cells.Width(wrong)-1))
}

// blanks lets a filter of several lines be shown on one.
var blanks = strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")

func visible(s string) string { return cells.Visible(blanks.Replace(s)) }

// shorten quotes a piece of the filter for an error.
func shorten(s string) string { return "“" + cells.Clip(visible(s), 40) + "”" }

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
		if d := levenshtein.ComputeDistance(text, name); d <= distance && (best == "" || d < distance) {
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
