package query

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// drawFilter writes a random filter, with more blanks and parentheses than it needs.
func drawFilter(t *rapid.T, depth int) string {
	kinds := 4
	if depth == 0 {
		kinds = 1
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 1:
		return drawFilter(t, depth-1) + rapid.SampledFrom([]string{" and ", "\tOR ", " or\n", " AND "}).Draw(t, "join") + drawFilter(t, depth-1)
	case 2:
		return "not " + drawFilter(t, depth-1)
	case 3:
		return "( " + drawFilter(t, depth-1) + ")"
	}
	field := rapid.SampledFrom(Fields()).Draw(t, "field")
	info := field.Info()
	ops := append([]Op{Exists}, typeFacts[info.Type].ops...)
	switch op := rapid.SampledFrom(ops).Draw(t, "op"); op {
	case Exists:
		return "exists " + info.Name
	case In:
		list := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string { return drawValue(t, info, op) }), 1, 4).Draw(t, "values")
		return info.Name + " in(" + strings.Join(list, " ,") + ")"
	default:
		return info.Name + op.String() + drawValue(t, info, op)
	}
}

func drawValue(t *rapid.T, info *Info, op Op) string {
	if op == Match || op == NotMatch {
		return quote(rapid.SampledFrom([]string{`^33\d+$`, `a|b`, `"`, `\\`, `(?i)x y`, `[)(,]`, `'`, `\.`, `and`}).Draw(t, "regexp"))
	}
	n := rapid.IntRange(0, 59).Draw(t, "n")
	switch info.Type {
	case TypeChoice, TypeLevel:
		return rapid.SampledFrom(info.Values).Draw(t, "choice")
	case TypeNumber:
		return fmt.Sprint(n) + rapid.SampledFrom([]string{"", "x", "XX"}).Draw(t, "open")
	case TypeDuration:
		return fmt.Sprint(n) + rapid.SampledFrom([]string{"ms", "s", "m", "h", ".25s", "us", "µs"}).Draw(t, "unit")
	case TypeTime:
		return fmt.Sprintf(rapid.SampledFrom([]string{"10:%02d", "1:02:%02d", "23:59:%02d.125", "2026-11-23T10:30:%02dZ", "2026-11-23T10:30:%02d.5+01:30"}).Draw(t, "time"), n)
	case TypeAddr:
		return fmt.Sprintf(rapid.SampledFrom([]string{"192.0.2.%d", "10.1.%d.7/12", "2001:db8::%x", "[2001:db8::%x]:5060", "2001:DB8:%x::/40", "::ffff:10.0.0.%d", "192.0.2.%d:65535"}).Draw(t, "address"), n)
	case TypeBool:
		return rapid.SampledFrom([]string{"true", "NO", "yes"}).Draw(t, "bool")
	}
	s := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z.*\\"' ]{1,12}`), rapid.SampledFrom([]string{"and", "NOT", "in", `\`, `\"`, "*"})).Draw(t, "text")
	if s == "" {
		s = "x"
	}
	return quote(s)
}

// TestCanonicalRoundTrip: String of what was parsed parses to the same tree, and is then its own canonical form.
func TestCanonicalRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		filter := drawFilter(t, 4)
		e, err := Parse(filter)
		if err != nil {
			t.Fatalf("%s: %v", filter, err)
		}
		roundTrip(t, e)
	})
}

type fataler interface{ Fatalf(string, ...any) }

func roundTrip(t fataler, e *Expr) {
	canonical := e.String()
	again, err := Parse(canonical)
	if err != nil {
		t.Fatalf("canonical form %q: %v", canonical, err)
	}
	if diff := cmp.Diff(e, again, sameTree); diff != "" {
		t.Fatalf("%s (-parsed +parsed again):\n%s", canonical, diff)
	}
	if again.String() != canonical {
		t.Fatalf("canonical form %q becomes %q", canonical, again.String())
	}
	if e.Match(call, nil) != again.Match(call, nil) {
		t.Fatalf("%q does not mean what it meant", canonical)
	}
}

// TestWildcard compares with the obvious, slow definition.
func TestWildcard(t *testing.T) {
	var slow func(p, s string) bool
	slow = func(p, s string) bool {
		switch {
		case p == "":
			return s == ""
		case p[0] == '*':
			return slow(p[1:], s) || s != "" && slow(p, s[1:])
		case strings.HasPrefix(p, `\*`):
			return s != "" && s[0] == '*' && slow(p[2:], s[1:])
		}
		return s != "" && lower(s[0]) == lower(p[0]) && slow(p[1:], s[1:])
	}
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.StringMatching(`[aB*\\]{0,8}`).Draw(t, "pattern")
		s := rapid.StringMatching(`[abAB*\\]{0,10}`).Draw(t, "text")
		if got, want := wildcard(p, s), slow(p, s); got != want {
			t.Fatalf("%q against %q: %v, want %v", p, s, got, want)
		}
	})
}

// FuzzParse: any input gives a tree that survives its canonical form, or an error that points into the input.
func FuzzParse(f *testing.F) {
	for _, seed := range append([]string{"", "(", "code = 5xx", `to ~ "a{1000}"`, `to = "\`, "src in (10.0.0.0/8, ::1)", "not not (exists pdd)"}, examples...) {
		f.Add(seed)
	}
	for _, field := range Fields() {
		f.Add(field.Info().Example)
	}
	f.Fuzz(func(t *testing.T, src string) {
		e, err := Parse(src)
		if err == nil {
			if len(e.String()) <= MaxSource { // a canonical form may be longer than its source
				roundTrip(t, e)
			}
			return
		}
		var qe *Error
		if !errors.As(err, &qe) {
			t.Fatalf("error of type %T", err)
		}
		if qe.Pos < 0 || qe.Pos > qe.End || qe.End > len(src) || qe.Problem == "" || qe.Expected == "" {
			t.Fatalf("error %+v", qe)
		}
		if strings.Count(qe.Caret(), "\n") != 1 || strings.ContainsAny(qe.Error(), "\n\x1b") {
			t.Fatalf("error not on one line: %q %q", qe.Error(), qe.Caret())
		}
	})
}
