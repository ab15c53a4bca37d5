package compare

import (
	"fmt"
	"strings"
	"time"

	"sipcause/internal/wire"
)

// Period is a span of time, from From up to, but without, Until; 0 is open.
type Period struct {
	From, Until wire.Time
}

// Contains says whether t is in the period.
func (p Period) Contains(t wire.Time) bool { return t >= p.From && (p.Until == 0 || t < p.Until) }

// Overlaps says whether a time is in both.
func (p Period) Overlaps(o Period) bool {
	return (p.Until == 0 || o.From < p.Until) && (o.Until == 0 || p.From < o.Until)
}

// Forms of a period's ends that name a day, and that do not: those are times of the capture's first day.
var (
	dated = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly}
	clock = []string{"15:04:05", "15:04"} // with any fraction of a second
)

// Span is a period as a person writes it.
type Span struct {
	text string
	ends [2]end
}

type end struct {
	at    time.Time // with the zero date when it is a time of day
	open  bool
	clock bool
}

// ParseSpan reads FROM..TO; an end may be missing. Ends without an offset are in zone.
func ParseSpan(text string, zone *time.Location) (Span, error) {
	from, to, ok := strings.Cut(text, "..")
	if !ok {
		return Span{}, fmt.Errorf("read period %q: no \"..\" between its ends, as in 09:00..10:00", text)
	}
	s := Span{text: text}
	for i, t := range []string{from, to} {
		e, err := parseEnd(strings.TrimSpace(t), zone)
		if err != nil {
			return Span{}, fmt.Errorf("read period %q: %w", text, err)
		}
		s.ends[i] = e
	}
	if s.ends[0].open && s.ends[1].open {
		return Span{}, fmt.Errorf("read period %q: both ends are missing", text)
	}
	return s, nil
}

func parseEnd(text string, zone *time.Location) (end, error) {
	if text == "" {
		return end{open: true}, nil
	}
	for _, layout := range dated {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return end{at: t}, nil
		}
	}
	for _, layout := range clock {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return end{at: t, clock: true}, nil
		}
	}
	return end{}, fmt.Errorf("%q is no time; accepted are 2026-01-15T09:30:00Z, 2026-01-15 09:30 and 09:30:00", text)
}

// NeedsDay says whether an end is a time of day.
func (s *Span) NeedsDay() bool { return s.ends[0].clock || s.ends[1].clock }

// On returns the period, with the times of day on the day of first in zone. An end that is not after the beginning is an
// error; a time of day is then one of the next day when the beginning is one, too (23:00..01:00).
func (s *Span) On(first wire.Time, zone *time.Location) (Period, error) {
	var at [2]time.Time
	for i, e := range s.ends {
		at[i] = e.at
		if e.clock {
			day := first.Std().In(zone)
			at[i] = time.Date(day.Year(), day.Month(), day.Day(), e.at.Hour(), e.at.Minute(), e.at.Second(), e.at.Nanosecond(), zone)
		}
	}
	if s.ends[0].clock && s.ends[1].clock && !at[1].After(at[0]) {
		at[1] = at[1].AddDate(0, 0, 1)
	}
	var p Period
	if !s.ends[0].open {
		p.From = wire.Time(at[0].UnixNano())
	}
	if !s.ends[1].open {
		p.Until = wire.Time(at[1].UnixNano())
		if p.Until <= p.From {
			return p, fmt.Errorf("read period %q: it ends before it begins", s.text)
		}
	}
	return p, nil
}
