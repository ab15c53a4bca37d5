package query

import (
	"net/netip"
	"regexp"
	"strings"
)

// Op is what a node of the tree does.
type Op uint8

// The operators. And, Or and Not have Args; the others a Field, and all of those but Exists have Values:
// In one or more, the rest exactly one.
const (
	And Op = iota
	Or
	Not
	Exists
	Eq
	Ne
	Lt
	Le
	Gt
	Ge
	Match    // regular expression, found anywhere in the text
	NotMatch // its contrary
	In       // equal to one of Values
)

var opNames = [...]string{"and", "or", "not", "exists", "=", "!=", "<", "<=", ">", ">=", "~", "!~", "in"}

// String returns the operator as it is written.
func (o Op) String() string { return opNames[o] }

// Expr is a node of a parsed filter. And and Or have at least two Args, none of the same operator; Not has one.
type Expr struct {
	Op     Op
	Args   []*Expr
	Field  Field
	Values []Literal
}

// Literal is a value written in a filter, read as the field's type demands.
type Literal struct {
	Text      string       // canonical text; for Match the expression, for text the pattern (* any run, \* a star)
	Lo, Hi    int64        // numbers, durations (ns), times (ns since 1970), levels (index): what equals it is Lo <= x < Hi
	TimeOfDay bool         // Lo and Hi are nanoseconds since midnight
	Prefix    netip.Prefix // addresses: a single one is a prefix of full length
	Port      uint16       // 0: any
	Bool      bool

	regexp *regexp.Regexp
}

// String returns the filter in canonical form: Parse of it gives an equal tree.
func (e *Expr) String() string {
	var b strings.Builder
	e.write(&b)
	return b.String()
}

func (e *Expr) write(b *strings.Builder) {
	switch e.Op {
	case And, Or:
		for i, arg := range e.Args {
			if i > 0 {
				b.WriteString(" " + e.Op.String() + " ")
			}
			arg.writeInside(b, e.Op == And && arg.Op == Or)
		}
	case Not:
		b.WriteString("not ")
		e.Args[0].writeInside(b, e.Args[0].Op == And || e.Args[0].Op == Or)
	case Exists:
		b.WriteString("exists " + e.Field.String())
	case In:
		b.WriteString(e.Field.String() + " in (")
		for i := range e.Values {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(quote(e.Values[i].Text))
		}
		b.WriteString(")")
	default:
		b.WriteString(e.Field.String() + " " + e.Op.String() + " " + quote(e.Values[0].Text))
	}
}

func (e *Expr) writeInside(b *strings.Builder, parentheses bool) {
	if parentheses {
		b.WriteString("(")
	}
	e.write(b)
	if parentheses {
		b.WriteString(")")
	}
}

// quote writes a value so that the scanner reads it back: bare where that is possible.
func quote(s string) string {
	if bare(s) {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		// A backslash is doubled only where it would otherwise take the next character with it: regular
		// expressions stay readable.
		if s[i] == '"' || s[i] == '\\' && (i+1 == len(s) || s[i+1] == '\\' || s[i+1] == '"') {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	b.WriteByte('"')
	return b.String()
}

// bare says whether a value needs no quotes.
func bare(s string) bool {
	if s == "" || keyword(s) {
		return false
	}
	for i := range len(s) {
		if !wordByte(s[i]) || strings.IndexByte(`"'\`, s[i]) >= 0 || s[i] >= 0x80 {
			return false
		}
	}
	return true
}
