package render

import (
	"regexp"
	"strings"
	"unicode"

	"sipcause/internal/cells"
)

// markdownText returns s as text of a paragraph, a list or a table: no markup, no HTML, no link, nobody mentioned,
// no end of a cell. Words that can only be words stand as they are; others are code spans, in which nothing but
// their end means anything. Escapes would not do: trackers turn addresses, @names, #numbers and host names into
// links after they have taken the escapes away.
func markdownText(s string) string {
	words := strings.Fields(cells.Visible(s))
	for i, w := range words {
		words[i] = markdownWord(w, i == 0)
	}
	return strings.Join(words, " ")
}

func markdownWord(w string, first bool) string {
	head, core := cutOff(w, strings.TrimLeft(w, "("))
	core, tail := core[:len(strings.TrimRight(core, ",.;:)"))], core[len(strings.TrimRight(core, ",.;:)")):]
	switch {
	case core == "":
		if first || strings.ContainsAny(w, ":") { // "(" and such: no harm but at the beginning, and between colons
			return codeSpan(w)
		}
		return w
	case first && isNumber(core) && strings.ContainsAny(tail, ".)"): // would be an element of a list
		return codeSpan(w)
	case plainWord(core):
		return w
	}
	return head + codeSpan(core) + tail
}

// cutOff returns what of w precedes its end rest, and rest.
func cutOff(w, rest string) (head, core string) { return w[:len(w)-len(rest)], rest }

func isNumber(s string) bool { return strings.Trim(s, "0123456789") == "" }

const longWord = 7 // a run of letters and digits as long may be taken for the name of a commit

// plainWord says whether w cannot be anything but text: letters and digits with single marks between them that
// join no host name, scheme, mention or number of an issue; signs beyond ASCII; a lone "%".
func plainWord(w string) bool {
	if w == "%" {
		return true
	}
	letters, digits := false, false
	rs := []rune(w)
	for i, r := range rs {
		var before, after rune
		if i > 0 {
			before = rs[i-1]
		}
		if i+1 < len(rs) {
			after = rs[i+1]
		}
		switch {
		case unicode.IsLetter(r):
			letters = true
		case r >= '0' && r <= '9':
			digits = true
		case r > unicode.MaxASCII:
		case (r == '.' || r == ',' || r == '-' || r == ':') && isDigit(before) && isDigit(after):
		case (r == '-' || r == '/' || r == '\'') && unicode.IsLetter(before) && unicode.IsLetter(after):
		case r == '/' && unicode.IsLetter(before) && isDigit(after): // SIP/2.0
		default:
			return false
		}
	}
	if letters && digits && len(rs) >= longWord && !strings.Contains(w, "/") {
		return false
	}
	return strings.Count(w, ":") < 2 || timeOfDay.MatchString(w) // :100: is a picture
}

var timeOfDay = regexp.MustCompile(`^\d\d:\d\d:\d\d(\.\d{3})?$`)

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

// codeSpan returns w, which has no blanks, as a code span. A | would end the cell of a table there, whatever is
// before it: it is written as the byte that it is.
func codeSpan(w string) string {
	w = strings.ReplaceAll(w, "|", `\x7c`)
	mark := strings.Repeat("`", longestRun(w)+1)
	if w[0] == '`' || w[len(w)-1] == '`' {
		w = " " + w + " "
	}
	return mark + w + mark
}
