// Package cells sets text for a terminal: what is shown of untrusted text, how many cells it takes, how it
// breaks into lines. Its one rule: the same text gives the same cells everywhere, whatever the locale says.
package cells

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// condition does not ask the environment, so that a report does not depend on it.
var condition = &runewidth.Condition{StrictEmojiNeutral: true}

// Width returns how many cells s takes; RuneWidth how many one rune does.
func Width(s string) int { return condition.StringWidth(s) }

// RuneWidth returns how many cells r takes.
func RuneWidth(r rune) int { return condition.RuneWidth(r) }

// Visible returns s with everything that a terminal would act on, or not show, written out: controls,
// bidirectional formatting, invisible characters, invalid UTF-8.
func Visible(s string) string {
	clean := true
	for i := 0; i < len(s) && clean; i++ {
		clean = s[i] >= 0x20 && s[i] < 0x7f
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		i += n
	}
	return b.String()
}

// Clip returns s in at most n cells, with … where something was cut.
func Clip(s string, n int) string {
	if n <= 0 {
		return ""
	}
	return condition.Truncate(s, n, "…")
}

// Pad returns s followed by blanks up to n cells.
func Pad(s string, n int) string {
	return s + strings.Repeat(" ", max(0, n-Width(s)))
}

// Wrap sets words into lines of at most n cells, at least one line; a longer word is broken where the line ends.
func Wrap(words []string, n int) []string {
	var lines []string
	line := ""
	for _, word := range words {
		for Width(word) > n {
			if line != "" {
				lines, line = append(lines, line), ""
			}
			head := condition.Truncate(word, n, "")
			if head == "" {
				break
			}
			lines, word = append(lines, head), word[len(head):]
		}
		switch {
		case line == "":
			line = word
		case Width(line)+1+Width(word) > n:
			lines, line = append(lines, line), word
		default:
			line += " " + word
		}
	}
	if line != "" || lines == nil {
		lines = append(lines, line)
	}
	return lines
}

// Hang returns text made visible and wrapped beside label, in lines of at most width cells that each end with a
// newline; those after the first are indented as far as label reaches.
func Hang(label, text string, width int) string {
	words := strings.Fields(text)
	for i, word := range words {
		words[i] = Visible(word)
	}
	blank := strings.Repeat(" ", Width(label))
	var b strings.Builder
	for i, line := range Wrap(words, width-len(blank)) {
		if i > 0 {
			label = blank
		}
		b.WriteString(strings.TrimRight(label+line, " ") + "\n")
	}
	return b.String()
}
