package render

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"

	"sipcause/internal/wire"
)

// style is how a piece of text looks on a terminal that has colours.
type style uint8

const (
	normal style = iota
	bold
	dim
	red
	yellow
	green
	cyan
)

var sgr = [...]string{"", "\x1b[1m", "\x1b[2m", "\x1b[1;31m", "\x1b[33m", "\x1b[32m", "\x1b[36m"}

const sgrEnd = "\x1b[0m"

// width is how many cells runes take; it does not depend on the locale, so that a report does not either.
var width = &runewidth.Condition{StrictEmojiNeutral: true}

// visible returns traffic's text with everything that a terminal would act on, or not show, written out:
// controls, bidirectional formatting, invisible characters, invalid UTF-8.
func visible(s string) string {
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

// clip returns s in at most n cells, with … where something was cut.
func clip(s string, n int) string {
	if n <= 0 {
		return ""
	}
	return width.Truncate(s, n, "…")
}

// pad returns s followed by blanks up to n cells.
func pad(s string, n int) string {
	return s + strings.Repeat(" ", max(0, n-width.StringWidth(s)))
}

// wrap sets words into lines of at most n cells; a longer word is broken where the line ends.
func wrap(words []string, n int) []string {
	var lines []string
	line := ""
	for _, word := range words {
		for width.StringWidth(word) > n {
			if line != "" {
				lines, line = append(lines, line), ""
			}
			head := width.Truncate(word, n, "")
			if head == "" {
				break
			}
			lines, word = append(lines, head), word[len(head):]
		}
		switch {
		case line == "":
			line = word
		case width.StringWidth(line)+1+width.StringWidth(word) > n:
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

// thousands writes a number with a comma every three digits.
func thousands(n uint64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// count writes a number with its noun: "1 call", "2 calls".
func count(n uint64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return thousands(n) + " " + noun
}

// duration writes a span of time in the units that matter; what is short is not written as nothing.
func duration(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + duration(-d)
	case d == 0:
		return "0 ms"
	case d < 50*time.Microsecond:
		return "<0.1 ms"
	case d < 9950*time.Microsecond:
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d d %d h", int(d.Hours())/24, int(d.Hours())%24)
}

// milliseconds writes a duration given in ms.
func milliseconds(ms float64) string { return duration(time.Duration(ms * float64(time.Millisecond))) }

// size writes a number of bytes.
func size(n uint64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	v, u := float64(n), 0
	for v >= 999.5 && u < len(units)-1 {
		v /= 1000
		u++
	}
	if u == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.3g %s", v, units[u])
}

// clock writes the time of day; date writes it with the day and the zone.
func clock(t wire.Time, zone *time.Location) string { return t.Std().In(zone).Format("15:04:05.000") }

// moment writes the time of day, with the day when that is not the day of ref.
func moment(t, ref wire.Time, zone *time.Location) string {
	if t.Std().In(zone).Format(time.DateOnly) == ref.Std().In(zone).Format(time.DateOnly) {
		return clock(t, zone)
	}
	return t.Std().In(zone).Format("2006-01-02 15:04:05")
}

func date(t wire.Time, zone *time.Location) string {
	return t.Std().In(zone).Format("2006-01-02 15:04:05.000 MST")
}

// sure says a confidence in a word and as a number.
func sure(v float64) string {
	for _, w := range sureWords {
		if v >= w.from {
			return fmt.Sprintf("%s (%.2f)", w.word, v)
		}
	}
	return fmt.Sprintf("%s (%.2f)", "unknown", v)
}

var sureWords = [...]struct {
	from float64
	word string
}{{1, "proven"}, {0.9, "nearly certain"}, {0.7, "likely"}, {0.5, "plausible"}, {0, "weak"}}
