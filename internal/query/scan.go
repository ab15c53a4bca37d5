package query

import "strings"

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenQuoted
	tokenOp    // = != < <= > >= ~ !~
	tokenPunct // ( ) ,
)

// token is a piece of the source; text is its meaning (quotes and escapes resolved), pos and end its bytes.
type token struct {
	kind     tokenKind
	text     string
	pos, end int
}

// keywords cannot be bare values or fields.
var keywords = [...]string{"and", "or", "not", "in", "exists"}

func keyword(s string) bool {
	for _, k := range keywords {
		if equalFold(s, k) {
			return true
		}
	}
	return false
}

// isKeyword says whether the token is the given keyword; a quoted one never is.
func (t token) isKeyword(k string) bool { return t.kind == tokenWord && equalFold(t.text, k) }

func (t token) isPunct(p string) bool { return t.kind == tokenPunct && t.text == p }

// wordByte says whether c may stand in a bare word: anything but blanks, parentheses, commas and operators.
func wordByte(c byte) bool {
	return c > ' ' && c != 0x7f && !strings.ContainsRune("(),=<>!~", rune(c))
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// scan reads the token at or after pos.
func scan(src string, pos int) (token, *Error) {
	for pos < len(src) && blank(src[pos]) {
		pos++
	}
	if pos == len(src) {
		return token{kind: tokenEnd, pos: pos, end: pos}, nil
	}
	c := src[pos]
	switch {
	case c == '"' || c == '\'':
		return scanQuoted(src, pos)
	case c == '(' || c == ')' || c == ',':
		return token{tokenPunct, src[pos : pos+1], pos, pos + 1}, nil
	case strings.ContainsRune("=<>!~", rune(c)):
		return scanOp(src, pos)
	case wordByte(c):
		end := pos
		for end < len(src) && wordByte(src[end]) {
			end++
		}
		return token{tokenWord, src[pos:end], pos, end}, nil
	}
	return token{}, &Error{Source: src, Pos: pos, End: pos + 1, Problem: "control character", Expected: "printable text"}
}

// scanQuoted reads text in single or double quotes. \ before the quote or before another \ makes that
// literal; before anything else it stands for itself, so that regular expressions need no doubling.
func scanQuoted(src string, pos int) (token, *Error) {
	mark := src[pos]
	var b strings.Builder
	for i := pos + 1; i < len(src); i++ {
		switch c := src[i]; {
		case c == mark:
			return token{tokenQuoted, b.String(), pos, i + 1}, nil
		case c == '\\' && i+1 < len(src) && (src[i+1] == '\\' || src[i+1] == mark):
			i++
			b.WriteByte(src[i])
		default:
			b.WriteByte(c)
		}
	}
	return token{}, &Error{Source: src, Pos: pos, End: len(src), Problem: "quoted text without an end", Expected: "a closing " + string(mark)}
}

// foreignOps are what other languages write.
var foreignOps = map[string]string{"==": "=", "<>": "!=", "=~": "~", "!": "not", "=>": ">=", "=<": "<="}

func scanOp(src string, pos int) (token, *Error) {
	end := pos
	for end < len(src) && strings.ContainsRune("=<>!~", rune(src[end])) {
		end++
	}
	text := src[pos:end]
	if _, ok := opNamed(text); ok {
		return token{tokenOp, text, pos, end}, nil
	}
	e := &Error{Source: src, Pos: pos, End: end, Problem: "unknown operator " + text, Expected: "one of = != < <= > >= ~ !~ in"}
	e.Suggestion = foreignOps[text]
	return token{}, e
}

// opNamed finds an operator that is written with signs.
func opNamed(text string) (Op, bool) {
	for op := Eq; op <= NotMatch; op++ {
		if opNames[op] == text {
			return op, true
		}
	}
	return 0, false
}
