package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Window is a time of maintenance: once, or every week.
type Window struct {
	Name        string
	Route       string    // "" all
	From, Until time.Time // Until exclusive; zero when weekly
	Weekly      Weekly    // zero when once
}

// Weekly is a time of the week by the clock of a place.
type Weekly struct {
	Day         time.Weekday
	From, Until time.Duration // since midnight by that clock; Until <= From: on the next day
	Zone        *time.Location
}

// Span is an interval of time, Until exclusive.
type Span struct{ From, Until time.Time }

// maxSpans bounds what Spans returns of a weekly window.
const maxSpans = 1024

// Spans returns when the window is open within an interval, whole spans, the first maxSpans.
func (w *Window) Spans(from, until time.Time) (list []Span) {
	if w.Weekly.Zone == nil {
		if w.From.Before(until) && from.Before(w.Until) {
			list = append(list, Span{w.From, w.Until})
		}
		return list
	}
	k := &w.Weekly
	first := from.In(k.Zone).AddDate(0, 0, -8) // a window may reach over midnight
	for d := first; len(list) < maxSpans; d = d.AddDate(0, 0, 1) {
		if d.Weekday() != k.Day {
			continue
		}
		s := Span{k.at(d, k.From), k.at(d, k.Until)}
		if k.Until <= k.From {
			s.Until = k.at(d.AddDate(0, 0, 1), k.Until)
		}
		if !s.From.Before(until) {
			break
		}
		if from.Before(s.Until) {
			list = append(list, s)
		}
	}
	return list
}

// at returns the time of a day by the clock: on days of 23 or 25 hours too.
func (k *Weekly) at(d time.Time, clock time.Duration) time.Time {
	y, m, dd := d.Date()
	return time.Date(y, m, dd, int(clock/time.Hour), int(clock%time.Hour/time.Minute), 0, 0, k.Zone)
}

// String is as ParseWeekly reads it.
func (k Weekly) String() string {
	if k.Zone == nil {
		return ""
	}
	return fmt.Sprintf("%s %s-%s %s", k.Day.String()[:3], clock(k.From), clock(k.Until), k.Zone)
}

func clock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", d/time.Hour, d%time.Hour/time.Minute)
}

var weekdays = []string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}

// parseWeekly reads "Sun 02:00-04:00 Europe/Berlin"; without a zone it is UTC.
func parseWeekly(s string) (Weekly, error) {
	words := strings.Fields(s)
	if len(words) == 2 {
		words = append(words, "UTC")
	}
	if len(words) != 3 {
		return Weekly{}, errKind
	}
	k := Weekly{Day: time.Weekday(slices.Index(weekdays, words[0]))}
	if k.Day < 0 {
		return k, fmt.Errorf("the day is one of %s", strings.Join(weekdays, ", "))
	}
	from, until, ok := strings.Cut(words[1], "-")
	f, err := time.Parse("15:04", from)
	u, err2 := time.Parse("15:04", until)
	if !ok || err != nil || err2 != nil {
		return k, errors.New("the time is as 02:00-04:00")
	}
	k.From, k.Until = sinceMidnight(f), sinceMidnight(u)
	if words[2] == "Local" {
		return k, errors.New("the zone is UTC or a name such as Europe/Berlin, so that it is the same everywhere")
	}
	if k.Zone, err = time.LoadLocation(words[2]); err != nil {
		return k, fmt.Errorf("unknown time zone %q", words[2])
	}
	return k, nil
}

func sinceMidnight(t time.Time) time.Duration {
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
}

var (
	moment = kind[time.Time]{
		name: "TIME", accepts: "a time of RFC 3339, such as 2026-03-01T02:00:00Z",
		parse: func(s string) (time.Time, error) {
			t, err := time.Parse(time.RFC3339, s)
			if err != nil {
				return t, errKind
			}
			return t, nil
		},
		show: func(t time.Time) any {
			if t.IsZero() {
				return ""
			}
			return t.Format(time.RFC3339)
		},
	}
	weekly = kind[Weekly]{name: "WEEKLY", accepts: "a time of the week, such as Sun 02:00-04:00 Europe/Berlin", parse: parseWeekly, show: stringer[Weekly]}
)

func checkWindow(w *Window, unread map[string]bool) (errs []error) {
	what := "maintenance window"
	switch {
	case w.Name != "":
		what = fmt.Sprintf("maintenance window %q", w.Name)
	case !unread["name"]:
		errs = append(errs, errors.New("a maintenance window needs a name"))
	}
	half := w.From.IsZero() != w.Until.IsZero()
	once, week := !w.From.IsZero() || !w.Until.IsZero(), w.Weekly.Zone != nil
	times := unread["from"] || unread["until"]
	if once && week || !once && !week && !times && !unread["weekly"] || half && !times {
		errs = append(errs, fmt.Errorf("%s needs either from and until, or weekly", what))
	}
	if once && !half && !w.From.Before(w.Until) {
		errs = append(errs, fmt.Errorf("%s: from has to be before until", what))
	}
	return errs
}
