package capture

import (
	"bytes"
	"regexp"
	"strconv"
	"time"

	"sipcause/internal/wire"
)

// stamp is a time as a line of text says it, as much of it as there is.
type stamp struct {
	day   time.Time     // midnight UTC; zero for a time of day alone
	clock time.Duration // since midnight, less the zone's offset where one is named
	year  bool          // the day's year is written
	zone  bool          // the zone is written
	whole bool          // to the second only
}

// noYear stands for the year of "Mar  6 13:34:49", noDay for the day of "13:34:49", and textBase is the time of the
// first message of a text without any time: see wire.Time.Ordinal and Absolute. 1972 has a 29th of February.
const (
	noYear   = 1972
	textBase = wire.Time(time.Second)
)

var noDay = time.Date(1971, 1, 2, 0, 0, 0, 0, time.UTC) // not the first, or a zone would take it into 1970

// What may stand before the time of day, and after it.
var (
	dateISO   = regexp.MustCompile(`(?:^|[^\d])(\d{4})[-/.](\d\d)[-/.](\d\d)[ T_,@]*$`)
	dateMonth = regexp.MustCompile(`(?:^|[^A-Za-z])(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +(\d{1,2})(?:,? +(\d{4}))?,? +$`)
	dateDay   = regexp.MustCompile(`(?:^|[^\d])(\d\d)[-/.](\d\d)[-/.](\d{4})[ T_,@]*$`)
	dateShort = regexp.MustCompile(`(?:^|[^\d])(\d\d)-(\d\d)@$`)
	zoneAfter = regexp.MustCompile(`^ ?(?:GMT|UTC)?([+-])(\d\d):?(\d\d)\b`)
	utcAfter  = regexp.MustCompile(`^(?:Z| UTC| GMT)\b`)
	epochTime = regexp.MustCompile(`^(\d{9,10})(?:\.(\d{1,9}))?$`)
)

var months = map[string]time.Month{
	"Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6, "Jul": 7, "Aug": 8, "Sep": 9, "Oct": 10, "Nov": 11, "Dec": 12,
}

// A line's time stamp is looked for within so many bytes of its beginning, one without a date within so few.
const (
	stampWithin = 96
	clockWithin = 4
)

// findStamp reads the first time of day in b with the date before it. Without a zone it counts as UTC: what
// zone a log was written in it does not say.
func findStamp(b []byte) (stamp, bool) {
	s, at := stampIn(b)
	return s, at >= 0
}

// leadStamp reads the time stamp that a line of a log begins with.
func leadStamp(b []byte) (stamp, bool) {
	s, at := stampIn(b)
	if at < 0 || s.day.IsZero() && at > clockWithin || !bytes.ContainsAny(b, ":.") {
		return stamp{}, false
	}
	return s, true
}

// stampIn returns the first stamp in b, and where its time of day is; -1 if there is none.
func stampIn(b []byte) (stamp, int) {
	b = b[:min(len(b), stampWithin)]
	if m := epochTime.FindSubmatch(bytes.TrimSpace(b)); m != nil {
		sec, _ := strconv.ParseInt(string(m[1]), 10, 64)
		if !(wire.Time(sec) * 1e9).Absolute() {
			return stamp{}, -1
		}
		t := time.Unix(sec, int64(fraction(m[2]))).UTC()
		day := t.Truncate(24 * time.Hour)
		return stamp{day: day, clock: t.Sub(day), year: true, zone: true, whole: len(m[2]) == 0}, 0
	}
	for i := 2; i+6 <= len(b); i++ {
		if b[i] != ':' || b[i+3] != ':' || !clockAt(b, i-2) {
			continue
		}
		return stampAt(b, i-2), i - 2
	}
	return stamp{}, -1
}

// clockAt says whether hh:mm:ss stands at b[i:], apart from other digits.
func clockAt(b []byte, i int) bool {
	d := func(k int, top byte) bool { return b[k] >= '0' && b[k] <= top && b[k+1] >= '0' && b[k+1] <= '9' }
	return d(i, '2') && d(i+3, '5') && d(i+6, '6') && (i == 0 || b[i-1] < '0' || b[i-1] > ':') &&
		(i+8 == len(b) || b[i+8] < '0' || b[i+8] > '9')
}

// stampAt reads the time of day at b[i:] with what stands around it.
func stampAt(b []byte, i int) stamp {
	two := func(k int) time.Duration { return time.Duration(b[k]-'0')*10 + time.Duration(b[k+1]-'0') }
	s := stamp{clock: two(i)*time.Hour + two(i+3)*time.Minute + two(i+6)*time.Second, whole: true}
	rest := b[i+8:]
	if len(rest) > 1 && (rest[0] == '.' || rest[0] == ',' || rest[0] == ':') {
		n := 1
		for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		s.clock += fraction(rest[1:n])
		s.whole = n == 1
		rest = rest[n:]
	}
	s.zone = utcAfter.Match(rest)
	if z := zoneAfter.FindSubmatch(rest); z != nil {
		h, _ := strconv.Atoi(string(z[2]))
		m, _ := strconv.Atoi(string(z[3]))
		offset := time.Duration(h)*time.Hour + time.Duration(m)*time.Minute
		if z[1][0] == '-' {
			offset = -offset
		}
		s.clock -= offset
		s.zone = true
	}
	s.day, s.year = dateBefore(b[:i])
	return s
}

// dateBefore reads the date that b ends with.
func dateBefore(b []byte) (day time.Time, year bool) {
	b = b[max(0, len(b)-24):]
	if m := dateISO.FindSubmatch(b); m != nil {
		return date(m[1], time.Month(number(m[2])), m[3]), true
	}
	if m := dateMonth.FindSubmatch(b); m != nil {
		if len(m[3]) == 0 {
			return time.Date(noYear, months[string(m[1])], number(m[2]), 0, 0, 0, 0, time.UTC), false
		}
		return date(m[3], months[string(m[1])], m[2]), true
	}
	if m := dateDay.FindSubmatch(b); m != nil {
		day, month := number(m[1]), number(m[2])
		if month > 12 {
			day, month = month, day
		}
		return time.Date(number(m[3]), time.Month(month), day, 0, 0, 0, 0, time.UTC), true
	}
	if m := dateShort.FindSubmatch(b); m != nil {
		return time.Date(noYear, time.Month(number(m[2])), number(m[1]), 0, 0, 0, 0, time.UTC), false
	}
	return time.Time{}, false
}

// date returns midnight of a day; a year beyond what Time can hold counts as none.
func date(year []byte, month time.Month, day []byte) time.Time {
	y := number(year)
	if y < 1974 || y > 2200 {
		y = noYear
	}
	return time.Date(y, month, number(day), 0, 0, 0, 0, time.UTC)
}

func number(b []byte) int {
	n, _ := strconv.Atoi(string(b))
	return n
}

// fraction reads the digits behind a second's point.
func fraction(b []byte) time.Duration {
	n, unit := time.Duration(0), time.Second
	for _, c := range b[:min(len(b), 9)] {
		unit /= 10
		n += time.Duration(c-'0') * unit
	}
	return n
}

// textClock makes times of stamps: a time of day alone belongs to the last day named, or the one after it.
type textClock struct {
	day   time.Time // of the last stamp
	last  wire.Time // time known last, of a message or a line
	taken wire.Time // time of the last message
	whole bool      // last was read to the second only
	fresh bool      // last was read since the last message
	zone  bool      // a zone is written
}

// nextDay and nextYear are how far a time must go back to belong to the next day or year.
const (
	nextDay  = 12 * time.Hour
	nextYear = 183 * 24 * time.Hour
)

// read turns a stamp into a time.
func (c *textClock) read(s stamp) wire.Time {
	c.zone, c.whole = c.zone || s.zone, s.whole
	switch {
	case s.day.IsZero():
		if c.day.IsZero() {
			c.day = noDay
		}
		if c.last > 0 && c.day.Add(s.clock).Before(c.last.Std().Add(-nextDay)) {
			c.day = c.day.Add(24 * time.Hour)
		}
	case !s.year && !c.day.IsZero() && c.day.Year() != noDay.Year():
		day := time.Date(c.day.Year(), s.day.Month(), s.day.Day(), 0, 0, 0, 0, time.UTC)
		if day.Before(c.day.Add(-nextYear)) {
			day = day.AddDate(1, 0, 0)
		}
		c.day = day
	default:
		c.day = s.day
	}
	c.last, c.fresh = wire.Time(c.day.Add(s.clock).UnixNano()), true
	return c.last
}

// add puts what a second column says of the time behind it.
func (c *textClock) add(d time.Duration) wire.Time {
	c.last, c.whole = c.last.Add(d), false
	return c.last
}

// textStep is between messages whose times are not known: more than a mirror port takes to show a datagram
// twice, so that a repeated message counts as sent again.
const textStep = 10 * time.Millisecond

// take returns the time of a message: its own, that of the line before it, or one that keeps the order. Messages of
// one second, where the log says no more, are put one after another within it.
func (c *textClock) take(own wire.Time) (at wire.Time, known bool) {
	switch {
	case own > 0:
		c.last, known = own, true
	case c.fresh:
		known = true
	case c.last == 0:
		c.last = textBase
	default:
		c.last = c.last.Add(textStep)
	}
	if known && c.whole && c.taken >= c.last && c.taken < c.last.Add(time.Second) {
		c.last = min(c.taken.Add(textStep), c.last.Add(time.Second-1))
	}
	c.fresh, c.taken = false, c.last
	return c.last, known
}

// quarter is what time zones differ by.
const quarter = 15 * time.Minute

// firstYear is that of RFC 2543.
const firstYear = 1999

// zoneLimit is how far a zone is from UTC at most.
const zoneLimit = 14 * time.Hour

// zoneShift returns what must be added to the times of a log whose message of time at has the Date header date:
// the year or day where the log has none, and what its zone is off from UTC. What is left of the difference is
// the message's own. ok is false when the two do not fit.
func zoneShift(at wire.Time, date time.Time) (shift time.Duration, ok bool) {
	was := at.Std()
	now := was
	if !at.Absolute() {
		if was.Year() >= noYear {
			now = time.Date(date.Year(), was.Month(), was.Day(), was.Hour(), was.Minute(), was.Second(), was.Nanosecond(), time.UTC)
			for _, year := range [...]int{-1, 1} { // around the new year
				if other := now.AddDate(year, 0, 0); date.Sub(other).Abs() < date.Sub(now).Abs() {
					now = other
				}
			}
		} else {
			now = date.Truncate(24 * time.Hour).Add(was.Sub(was.Truncate(24 * time.Hour)))
			now = now.Add(date.Sub(now).Round(24 * time.Hour))
		}
	}
	off := date.Sub(now)
	return now.Sub(was) + off.Round(quarter), off.Abs() <= zoneLimit && date.Year() >= firstYear
}
