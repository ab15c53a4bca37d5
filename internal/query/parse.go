package query

import (
	"fmt"
	"slices"
	"strings"
)

// Parse reads a filter. An error is always an *Error.
//
//	or   = and { "or" and }
//	and  = not { "and" not }
//	not  = "not" not | "(" or ")" | "exists" field | field op value | field "in" "(" value { "," value } ")"
func Parse(src string) (*Expr, error) {
	if len(src) > MaxSource {
		return nil, &Error{Source: src, Pos: MaxSource, End: MaxSource, Problem: "the filter is too long", Expected: fmt.Sprintf("at most %d bytes", MaxSource)}
	}
	p := parser{src: src}
	e := p.parse()
	if p.err != nil {
		return nil, p.err
	}
	return e, nil
}

// parser walks the tokens with one of look-ahead. After the first error it stands still at the end.
type parser struct {
	src   string
	tok   token
	depth int
	err   *Error
}

func (p *parser) parse() *Expr {
	p.advance()
	if p.err == nil && p.tok.kind == tokenEnd {
		p.fail(p.tok, "the filter is empty", `a comparison such as code >= 500`)
		return nil
	}
	e := p.parseOr()
	if p.err != nil || p.tok.kind == tokenEnd {
		return e
	}
	p.failAfter(p.tok)
	return nil
}

func (p *parser) advance() {
	if p.err != nil {
		return
	}
	tok, err := scan(p.src, p.tok.end)
	if err != nil {
		p.err = err
		tok = token{kind: tokenEnd, pos: len(p.src), end: len(p.src)}
	}
	p.tok = tok
}

// fail keeps the first error and stops the walk.
func (p *parser) fail(at token, problem, expected string) {
	p.failSuggesting(at, problem, expected, "")
}

// failSuggesting is fail with what was probably meant.
func (p *parser) failSuggesting(at token, problem, expected, suggestion string) {
	if p.err != nil {
		return
	}
	p.err = &Error{Source: p.src, Pos: at.pos, End: at.end, Problem: problem, Expected: expected, Suggestion: suggestion}
	p.tok = token{kind: tokenEnd, pos: len(p.src), end: len(p.src)}
}

// foreignJoins are what other languages write between comparisons.
var foreignJoins = map[string]string{"&&": "and", "&": "and", "||": "or", "|": "or"}

// failAfter reports what stands after a whole comparison.
func (p *parser) failAfter(at token) {
	if at.isPunct(")") {
		p.fail(at, "a ) without its (", "and, or, or the end")
		return
	}
	p.failSuggesting(at, p.describe(at)+" after a whole comparison", "and, or, or the end", foreignJoins[at.text])
}

// describe names a token in an error.
func (p *parser) describe(t token) string {
	if t.kind == tokenEnd {
		return "the end"
	}
	return "unexpected " + shorten(p.src[t.pos:t.end])
}

func (p *parser) parseOr() *Expr  { return p.parseJoin(Or, p.parseAnd) }
func (p *parser) parseAnd() *Expr { return p.parseJoin(And, p.parseNot) }

// parseJoin reads a list of operands; nested lists of the same operator become one.
func (p *parser) parseJoin(op Op, operand func() *Expr) *Expr {
	first := operand()
	if !p.tok.isKeyword(op.String()) {
		return first
	}
	join := &Expr{Op: op}
	join.add(first)
	for p.tok.isKeyword(op.String()) {
		p.advance()
		join.add(operand())
	}
	return join
}

func (e *Expr) add(arg *Expr) {
	if arg != nil && arg.Op == e.Op {
		e.Args = append(e.Args, arg.Args...)
		return
	}
	e.Args = append(e.Args, arg)
}

func (p *parser) parseNot() *Expr {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > MaxDepth {
		p.fail(p.tok, "too deeply nested", fmt.Sprintf("at most %d levels of parentheses and nots", MaxDepth))
		return nil
	}
	switch {
	case p.tok.isKeyword("not"):
		p.advance()
		return &Expr{Op: Not, Args: []*Expr{p.parseNot()}}
	case p.tok.isPunct("("):
		p.advance()
		e := p.parseOr()
		if p.err == nil && !p.tok.isPunct(")") {
			if p.tok.kind == tokenEnd {
				p.fail(p.tok, "a ( without its )", ")")
			} else {
				p.failAfter(p.tok)
			}
		}
		p.advance()
		return e
	case p.tok.isKeyword("exists"):
		p.advance()
		field, _ := p.parseField()
		return &Expr{Op: Exists, Field: field}
	}
	return p.parseComparison()
}

// parseField reads a field's name.
func (p *parser) parseField() (Field, token) {
	at := p.tok
	if at.kind != tokenWord || keyword(at.text) {
		p.fail(at, p.describe(at), "a field")
		return NoField, at
	}
	field, ok := fieldNamed(at.text)
	if !ok {
		p.failSuggesting(at, "unknown field "+shorten(at.text), "a field: "+strings.Join(fieldNames(), ", "), nearest(at.text, fieldNames()))
		return NoField, at
	}
	p.advance()
	return field, at
}

func (p *parser) parseComparison() *Expr {
	field, at := p.parseField()
	if p.err != nil {
		return nil
	}
	info := field.Info()
	op, ok := p.parseOp(info)
	if !ok {
		return nil
	}
	e := &Expr{Op: op, Field: field}
	if op != In {
		e.Values = []Literal{p.parseValue(info, op)}
		return e
	}
	if !p.tok.isPunct("(") {
		p.fail(p.tok, p.describe(p.tok)+" after in", "( and a list of values: "+p.src[at.pos:at.end]+" in (…, …)")
		return nil
	}
	for more := true; more; more = p.tok.isPunct(",") {
		p.advance()
		if len(e.Values) == MaxValues {
			p.fail(p.tok, "too many values in the list", fmt.Sprintf("at most %d", MaxValues))
		}
		e.Values = append(e.Values, p.parseValue(info, op))
	}
	if p.err == nil && !p.tok.isPunct(")") {
		p.fail(p.tok, p.describe(p.tok)+" in a list of values", ", or )")
	}
	p.advance()
	return e
}

func (p *parser) parseOp(info *Info) (Op, bool) {
	at := p.tok
	op, ok := opNamed(at.text)
	ok = ok && at.kind == tokenOp
	if at.isKeyword("in") {
		op, ok = In, true
	}
	allowed := operators(info.Type)
	if !ok {
		var suggestion string
		if at.isKeyword("not") {
			suggestion = "not " + info.Name + " in (…)"
		}
		p.failSuggesting(at, p.describe(at)+" after the field "+info.Name, "one of "+allowed, suggestion)
		return 0, false
	}
	if !slices.Contains(typeFacts[info.Type].ops, op) {
		p.fail(at, at.text+" does not go with "+info.Name+", a "+info.Type.String(), "one of "+allowed)
		return 0, false
	}
	p.advance()
	return op, true
}

// operators lists what goes with a type.
func operators(t Type) string {
	var list []string
	for _, op := range typeFacts[t].ops {
		list = append(list, op.String())
	}
	return strings.Join(list, " ")
}

func (p *parser) parseValue(info *Info, op Op) Literal {
	at := p.tok
	expected := expects(info, op)
	if at.kind != tokenWord && at.kind != tokenQuoted || at.kind == tokenWord && keyword(at.text) {
		var suggestion string
		if at.kind == tokenWord {
			suggestion = `"` + at.text + `"`
		}
		p.failSuggesting(at, p.describe(at)+" where a value must stand", expected, suggestion)
		return Literal{}
	}
	literal, problem, suggestion := readLiteral(info, op, at.text)
	if problem != "" {
		p.failSuggesting(at, problem, expected, suggestion)
		return Literal{}
	}
	p.advance()
	return literal
}

// expects says what a value of the field looks like.
func expects(info *Info, op Op) string {
	switch {
	case op == Match || op == NotMatch:
		return "a regular expression (RE2), quoted"
	case len(info.Values) > 0:
		return "one of " + strings.Join(info.Values, ", ")
	}
	return typeFacts[info.Type].expects
}
