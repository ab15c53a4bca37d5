package query

import (
	"fmt"
	"net/netip"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"time"
)

// readers reads a literal of each type; problem is "" when that went well, suggestion what may have been meant.
var readers = [...]func(info *Info, text string) (literal Literal, problem, suggestion string){
	TypeText:     readText,
	TypeChoice:   readChoice,
	TypeLevel:    readLevel,
	TypeNumber:   readNumber,
	TypeDuration: readDuration,
	TypeTime:     readTime,
	TypeAddr:     readAddr,
	TypeBool:     readBool,
}

func readLiteral(info *Info, op Op, text string) (literal Literal, problem, suggestion string) {
	if text == "" {
		return Literal{}, "an empty value", "not exists " + info.Name
	}
	if op == Match || op == NotMatch {
		return readRegexp(text)
	}
	return readers[info.Type](info, text)
}

func readText(_ *Info, text string) (Literal, string, string) { return Literal{Text: text}, "", "" }

// readRegexp bounds the expression as written and as compiled.
func readRegexp(text string) (literal Literal, problem, suggestion string) {
	if len(text) > MaxRegexp {
		return Literal{}, fmt.Sprintf("the regular expression is longer than %d bytes", MaxRegexp), ""
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return Literal{}, "not a regular expression: " + strings.TrimPrefix(err.Error(), "error parsing regexp: "), ""
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil || len(program.Inst) > maxProgram {
		return Literal{}, "the regular expression repeats too much", ""
	}
	compiled, err := regexp.Compile(text)
	if err != nil {
		return Literal{}, "not a regular expression: " + strings.TrimPrefix(err.Error(), "error parsing regexp: "), ""
	}
	return Literal{Text: text, regexp: compiled}, "", ""
}

func readChoice(info *Info, text string) (literal Literal, problem, suggestion string) {
	text = strings.ToLower(text)
	if strings.Contains(text, "*") {
		return Literal{Text: text}, "", ""
	}
	if indexOf(info.Values, text) < 0 {
		return Literal{}, info.Name + " is never " + shorten(text), nearest(text, info.Values)
	}
	return Literal{Text: text}, "", ""
}

func readLevel(info *Info, text string) (literal Literal, problem, suggestion string) {
	i := indexOf(info.Values, text)
	if i < 0 {
		return Literal{}, info.Name + " is never " + shorten(text), nearest(text, info.Values)
	}
	return Literal{Text: info.Values[i], Lo: int64(i), Hi: int64(i) + 1}, "", ""
}

func indexOf(values []string, text string) int {
	for i, v := range values {
		if equalFold(v, text) {
			return i
		}
	}
	return -1
}

// readNumber reads 486, or 48x and 4xx for a range.
func readNumber(_ *Info, text string) (literal Literal, problem, suggestion string) {
	fixed := strings.TrimRight(text, "xX")
	open := len(text) - len(fixed)
	n, err := strconv.ParseUint(fixed, 10, 32)
	if err != nil || open > 6 {
		return Literal{}, shorten(text) + " is no number, or too large", ""
	}
	scale := int64(1)
	for range open {
		scale *= 10
	}
	canonical := strconv.FormatUint(n, 10) + strings.Repeat("x", open)
	return Literal{Text: canonical, Lo: int64(n) * scale, Hi: (int64(n) + 1) * scale}, "", ""
}

// maxDuration is far beyond any call and keeps sums in range.
const maxDuration = 100 * 365 * 24 * time.Hour

func readDuration(_ *Info, text string) (literal Literal, problem, suggestion string) {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil && isDigits(text):
		return Literal{}, shorten(text) + " has no unit", text + "s"
	case err != nil:
		return Literal{}, shorten(text) + " is no duration", ""
	case d < 0:
		return Literal{}, "durations are not negative", ""
	case d > maxDuration:
		return Literal{}, "the duration is too long", ""
	}
	return Literal{Text: d.String(), Lo: int64(d), Hi: int64(d) + 1}, "", ""
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789.") == ""
}

// readTime reads an RFC 3339 time, or a time of day. A literal stands for all that it does not say: 10:30
// for that whole minute, 10:30:05 for that second, a fraction for its last digit.
func readTime(_ *Info, text string) (literal Literal, problem, suggestion string) {
	for _, form := range [...]struct {
		layout string
		width  time.Duration
	}{{"15:04", time.Minute}, {"15:04:05", time.Second}} {
		if t, err := time.Parse(form.layout, text); err == nil {
			width := narrow(form.width, text)
			day := time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute +
				time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
			return Literal{Text: text, TimeOfDay: true, Lo: int64(day), Hi: int64(day + width)}, "", ""
		}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		for _, layout := range [...]string{"2006-01-02", "2006-01-02T15:04", "2006-01-02T15:04:05"} {
			if day, err := time.Parse(layout, text); err == nil {
				return Literal{}, shorten(text) + " is no whole time", day.Format(time.RFC3339)
			}
		}
		return Literal{}, shorten(text) + " is no time", ""
	}
	if y := t.UTC().Year(); y < 1970 || y > 2261 {
		return Literal{}, "the year is not between 1970 and 2261", ""
	}
	return Literal{Text: text, Lo: t.UnixNano(), Hi: t.UnixNano() + int64(narrow(time.Second, text))}, "", ""
}

// narrow returns the width of the last digit of a fraction in text, or whole when it has none.
func narrow(whole time.Duration, text string) time.Duration {
	i := strings.IndexAny(text, ".,")
	if i < 0 {
		return whole
	}
	width := time.Second
	for i++; i < len(text) && text[i] >= '0' && text[i] <= '9' && width > 1; i++ {
		width /= 10
	}
	return width
}

// readAddr reads an address, a prefix, or an address with a port. IPv4-mapped IPv6 addresses are IPv4.
func readAddr(_ *Info, text string) (literal Literal, problem, suggestion string) {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		prefix = prefix.Masked()
		return Literal{Text: prefix.String(), Prefix: prefix}, "", ""
	}
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return Literal{Text: a.String(), Prefix: single(a)}, "", ""
	}
	if ap, err := netip.ParseAddrPort(text); err == nil && ap.Addr().Zone() == "" && ap.Port() != 0 {
		ap = netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
		return Literal{Text: ap.String(), Prefix: single(ap.Addr()), Port: ap.Port()}, "", ""
	}
	if trimmed, ok := strings.CutSuffix(text, ".*"); ok {
		// 10.1.* is how people write 10.1.0.0/16.
		parts := strings.Split(trimmed, ".")
		bits := 8 * len(parts)
		if prefix, err := netip.ParsePrefix(trimmed + strings.Repeat(".0", max(0, 4-len(parts))) + "/" + strconv.Itoa(bits)); err == nil {
			return Literal{}, shorten(text) + " is no address", prefix.String()
		}
	}
	return Literal{}, shorten(text) + " is no address", ""
}

func single(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

func readBool(_ *Info, text string) (literal Literal, problem, suggestion string) {
	switch strings.ToLower(text) {
	case "true", "yes":
		return Literal{Text: "true", Bool: true}, "", ""
	case "false", "no":
		return Literal{Text: "false"}, "", ""
	}
	return Literal{}, shorten(text) + " is neither true nor false", ""
}
