package render

import (
	"fmt"
	"time"

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

// clock writes the time of day, as wide where it is not known; date writes it with the day and the zone.
func clock(t wire.Time, zone *time.Location) string {
	if t.Ordinal() {
		return "--:--:--.---"
	}
	return t.Std().In(zone).Format("15:04:05.000")
}

// moment writes the time of day, with the day when that is not the day of ref.
func moment(t, ref wire.Time, zone *time.Location) string {
	if t.Std().In(zone).Format(time.DateOnly) == ref.Std().In(zone).Format(time.DateOnly) {
		return clock(t, zone)
	}
	return t.Std().In(zone).Format("2006-01-02 15:04:05")
}

func date(t wire.Time, zone *time.Location) string {
	if t.Ordinal() {
		return "time not known"
	}
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
