// Package query is the filter language: one parser for command line, store, terminal and API
// (`code >= 500 and to ~ "^33" and cause = auth.*`). Its one rule: it is strict. What it cannot read is
// an *Error that says where, what was expected and what was probably meant.
//
// Unknown values: a subject that has no value for a field satisfies no comparison with it, != and !~ among
// them; `not (…)` is true where the comparison is false, and `exists field` asks for the value itself. A field
// with several values (src, finding …) satisfies =, ~, in and the orderings when any value does, != and !~
// when it has values and none is equal or matches.
package query

import (
	"net/netip"
	"slices"
	"strconv"
	"time"

	"sipcause/internal/wire"
)

// Bounds of a filter. What is beyond them is an *Error.
const (
	MaxSource = 4096 // bytes
	MaxDepth  = 64   // parentheses and nots within each other
	MaxValues = 256  // values of one list
	MaxRegexp = 256  // bytes of one regular expression
)

// maxProgram bounds the compiled size of a regular expression, in instructions: repetition makes large
// programs of short expressions.
const maxProgram = 4096

// Subject is what a filter is asked about: a call, a registration, a stored row.
type Subject interface {
	// Value returns the field's value, the zero Value when it is unknown. It is called once for each
	// mention of the field, on the goroutine of Match; what it returns is not kept.
	Value(Field) Value
}

// Value is what a subject knows of one field. The zero Value is "unknown". Its kind must be that of the
// field (Info.Type); a value of another kind counts as unknown.
type Value struct {
	kind   valueKind
	number int64
	text   string
	texts  []string
	also   []string
	addr   netip.AddrPort
	addrs  []netip.AddrPort
}

type valueKind uint8

const (
	unknown valueKind = iota
	isText
	isNumber
	isDuration
	isTime
	isAddr
	isBool
)

// Text is the value of a TypeText, TypeChoice or TypeLevel field; "" is unknown.
func Text(s string) Value {
	if s == "" {
		return Value{}
	}
	return Value{kind: isText, text: s}
}

// Texts is Text with several values, which it aliases; empty ones are passed over, none at all is unknown.
func Texts(list []string) Value {
	if len(list) == 0 {
		return Value{}
	}
	return Value{kind: isText, texts: list}
}

// Also returns a known text with further ones that comparisons find it by, and that Strings does not give.
func (v Value) Also(list []string) Value {
	if v.kind == isText {
		v.also = list
	}
	return v
}

// Number is the value of a TypeNumber field.
func Number(n int64) Value { return Value{kind: isNumber, number: n} }

// Duration is the value of a TypeDuration field. 0 is a known duration: unknown is the zero Value.
func Duration(d time.Duration) Value { return Value{kind: isDuration, number: int64(d)} }

// Time is the value of a TypeTime field; 0 is unknown, as wire.Time has it.
func Time(t wire.Time) Value {
	if t == 0 {
		return Value{}
	}
	return Value{kind: isTime, number: int64(t)}
}

// Addr is the value of a TypeAddr field; an invalid address is unknown. Port 0 stands for no port.
func Addr(a netip.AddrPort) Value {
	if !a.Addr().IsValid() {
		return Value{}
	}
	return Value{kind: isAddr, addr: a}
}

// Addrs is Addr with several values, which it aliases; invalid ones are passed over, none at all is unknown.
func Addrs(list []netip.AddrPort) Value {
	if len(list) == 0 {
		return Value{}
	}
	return Value{kind: isAddr, addrs: list}
}

// Bool is the value of a TypeBool field.
func Bool(b bool) Value {
	v := Value{kind: isBool}
	if b {
		v.number = 1
	}
	return v
}

// Strings returns the known values of text, as they are, and of numbers, in decimal; those of other kinds are not
// given. It may alias what the value was made of.
func (v Value) Strings() []string {
	switch {
	case v.kind == isNumber:
		return []string{strconv.FormatInt(v.number, 10)}
	case v.kind != isText:
		return nil
	case v.texts == nil:
		return []string{v.text}
	case slices.Contains(v.texts, ""):
		return slices.DeleteFunc(slices.Clone(v.texts), func(s string) bool { return s == "" })
	}
	return v.texts
}
