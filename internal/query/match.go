package query

import (
	"net/netip"
	"slices"
	"time"
)

// Match says whether s satisfies the filter. Times of day are those of zone; nil means UTC. The package
// comment says how unknown values and fields with several values behave.
func (e *Expr) Match(s Subject, zone *time.Location) bool {
	switch e.Op {
	case And:
		for _, arg := range e.Args {
			if !arg.Match(s, zone) {
				return false
			}
		}
		return true
	case Or:
		for _, arg := range e.Args {
			if arg.Match(s, zone) {
				return true
			}
		}
		return false
	case Not:
		return !e.Args[0].Match(s, zone)
	}
	v := s.Value(e.Field)
	if !v.fits(e.Field.Info().Type) {
		return false
	}
	switch e.Op {
	case Exists:
		return true
	case Ne, NotMatch:
		return !e.any(&v, zone)
	}
	return e.any(&v, zone)
}

// kindOf says which kind of Value a type takes.
var kindOf = [...]valueKind{
	TypeText: isText, TypeChoice: isText, TypeLevel: isText, TypeNumber: isNumber,
	TypeDuration: isDuration, TypeTime: isTime, TypeAddr: isAddr, TypeBool: isBool,
}

// fits says whether v is known and of the type's kind: a list of nothing but unknowns is unknown.
func (v *Value) fits(t Type) bool {
	if v.kind == unknown || v.kind != kindOf[t] {
		return false
	}
	if v.texts != nil {
		for _, s := range v.texts {
			if s != "" {
				return true
			}
		}
		return false
	}
	if v.addrs != nil {
		for _, a := range v.addrs {
			if a.Addr().IsValid() {
				return true
			}
		}
		return false
	}
	return true
}

// any says whether any value of v stands in the relation to any literal; Ne and NotMatch are turned by Match.
func (e *Expr) any(v *Value, zone *time.Location) bool {
	typ := e.Field.Info().Type
	for i := range e.Values {
		l := &e.Values[i]
		switch typ {
		case TypeText, TypeChoice:
			if v.anyText(func(s string) bool { return e.text(s, l) }) {
				return true
			}
		case TypeLevel:
			if v.anyText(func(s string) bool {
				rank := indexOf(e.Field.Info().Values, s)
				return rank >= 0 && e.order(int64(rank), l)
			}) {
				return true
			}
		case TypeAddr:
			if v.anyAddr(func(a netip.AddrPort) bool { return e.address(a, l) }) {
				return true
			}
		case TypeBool:
			if (v.number != 0) == l.Bool {
				return true
			}
		case TypeTime:
			x := v.number
			if l.TimeOfDay {
				x = timeOfDay(x, zone)
			}
			if e.order(x, l) {
				return true
			}
		default:
			if e.order(v.number, l) {
				return true
			}
		}
	}
	return false
}

func (v *Value) anyText(holds func(string) bool) bool {
	if slices.ContainsFunc(v.also, holds) {
		return true
	}
	if v.texts == nil {
		return holds(v.text)
	}
	for _, s := range v.texts {
		if s != "" && holds(s) {
			return true
		}
	}
	return false
}

func (v *Value) anyAddr(holds func(netip.AddrPort) bool) bool {
	if v.addrs == nil {
		return holds(v.addr)
	}
	for _, a := range v.addrs {
		if a.Addr().IsValid() && holds(a) {
			return true
		}
	}
	return false
}

func (e *Expr) text(s string, l *Literal) bool {
	if l.regexp != nil {
		return l.regexp.MatchString(s)
	}
	return wildcard(l.Text, s)
}

func (e *Expr) address(a netip.AddrPort, l *Literal) bool {
	addr := a.Addr().Unmap()
	if l.regexp != nil {
		if a.Port() == 0 {
			return l.regexp.MatchString(addr.String())
		}
		return l.regexp.MatchString(netip.AddrPortFrom(addr, a.Port()).String())
	}
	return l.Prefix.Contains(addr) && (l.Port == 0 || l.Port == a.Port())
}

// order compares x with the interval that the literal stands for.
func (e *Expr) order(x int64, l *Literal) bool {
	switch e.Op {
	case Lt:
		return x < l.Lo
	case Le:
		return x < l.Hi
	case Gt:
		return x >= l.Hi
	case Ge:
		return x >= l.Lo
	}
	return x >= l.Lo && x < l.Hi
}

// timeOfDay returns nanoseconds since midnight on the clock of zone: what a clock on the wall shows, also on
// days with 23 or 25 hours.
func timeOfDay(ns int64, zone *time.Location) int64 {
	if zone == nil {
		zone = time.UTC
	}
	t := time.Unix(0, ns).In(zone)
	return int64(t.Hour())*int64(time.Hour) + int64(t.Minute())*int64(time.Minute) +
		int64(t.Second())*int64(time.Second) + int64(t.Nanosecond())
}

// wildcard matches s against a pattern in which * stands for any run of bytes, the empty one too, and \* for a
// star; ASCII letters match in either case. Time is at most len(pattern) × len(s).
func wildcard(pattern, s string) bool {
	star, retry := -1, 0 // the pattern after the last star, and where in s it was tried last
	p, i := 0, 0
	for i < len(s) {
		if p < len(pattern) && pattern[p] == '*' {
			p++
			star, retry = p, i
			continue
		}
		if width := literalByte(pattern, p); width > 0 && lower(pattern[p+width-1]) == lower(s[i]) {
			p += width
			i++
			continue
		}
		if star < 0 {
			return false
		}
		retry++
		p, i = star, retry
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// literalByte returns how many bytes of the pattern at p stand for one literal byte, the last of them: 2 for
// \*, 0 at the end.
func literalByte(pattern string, p int) int {
	if p >= len(pattern) {
		return 0
	}
	if pattern[p] == '\\' && p+1 < len(pattern) && pattern[p+1] == '*' {
		return 2
	}
	return 1
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// equalFold compares without regard to the case of ASCII letters.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}
