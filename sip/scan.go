package sip

import "bytes"

// Character classes of RFC 3261 §25.1, as bits of class.
const (
	isToken  = 1 << iota // token
	isWord               // word (Call-ID)
	isDigit              // DIGIT
	isAlpha              // ALPHA
	isHex                // HEXDIG of either case
	isUser               // unreserved, user-unreserved, escapes apart
	isParam              // unreserved, param-unreserved
	isScheme             // scheme, but for its first letter
)

var class = func() (t [256]uint8) {
	set := func(chars string, bits uint8) {
		for _, c := range []byte(chars) {
			t[c] |= bits
		}
	}
	const digits, letters = "0123456789", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	set(digits, isDigit|isHex|isToken|isWord|isUser|isParam|isScheme)
	set(letters, isAlpha|isToken|isWord|isUser|isParam|isScheme)
	set("abcdefABCDEF", isHex)
	set("-.!%*_+`'~", isToken)
	set("-.!%*_+`'~()<>:\\\"/[]?{}", isWord)
	set("-_.!~*'()", isUser|isParam)
	set("&=+$,;?/", isUser)
	set("[]/:&+$", isParam)
	set("+-.", isScheme)
	return t
}()

// all says whether b is not empty and only has characters of the class.
func all(b []byte, bits uint8) bool {
	for _, c := range b {
		if class[c]&bits == 0 {
			return false
		}
	}
	return len(b) > 0
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// sameFold compares without regard to the case of ASCII letters.
func sameFold(b []byte, s string) bool {
	if string(b) == s {
		return true
	}
	if len(b) != len(s) {
		return false
	}
	for i, c := range b {
		if lower(c) != lower(s[i]) {
			return false
		}
	}
	return true
}

func hasPrefix(b []byte, s string) bool { return len(b) >= len(s) && string(b[:len(s)]) == s }

func hasPrefixFold(b []byte, s string) bool { return len(b) >= len(s) && sameFold(b[:len(s)], s) }

func blank(c byte) bool { return c == ' ' || c == '\t' }

// space is a blank or what is left of a fold.
func space(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func trim(b []byte) []byte { return trimRight(trimLeft(b)) }

func trimLeft(b []byte) []byte {
	for len(b) > 0 && space(b[0]) {
		b = b[1:]
	}
	return b
}

func trimRight(b []byte) []byte {
	for len(b) > 0 && space(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// number reads decimal digits and nothing else, up to limit.
func number(b []byte, limit uint64) (uint64, bool) {
	if len(b) == 0 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		d := uint64(c - '0')
		if d > 9 || n > (limit-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

// leadingDigits returns the digits that b begins with.
func leadingDigits(b []byte) []byte {
	i := 0
	for i < len(b) && class[b[i]]&isDigit != 0 {
		i++
	}
	return b[:i]
}

// quotedEnd returns the index behind the quoted string that begins at b[0] == '"', and whether it is
// closed: len(b) if not (RFC 3261 §25.1 quoted-string).
func quotedEnd(b []byte) (int, bool) {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1, true
		}
	}
	return len(b), false
}

// unquote takes the quotes off a quoted string; escapes stay as they are written.
func unquote(b []byte) []byte {
	if len(b) >= 2 && b[0] == '"' && b[len(b)-1] == '"' {
		return b[1 : len(b)-1]
	}
	return b
}

// splitter parts a header's text at separators outside quoted strings and, for values, outside <>. A quote or
// bracket that is never closed protects nothing; that it is not is remembered, so that one walk over a text
// takes linear time.
type splitter struct {
	rest           []byte
	more           bool // rest has another part
	noQuote, noEnd bool // no quoted string, no <> can be closed any more
}

func split(text []byte) splitter { return splitter{rest: text, more: true} }

// value returns the next comma-separated value, trimmed (RFC 3261 §7.3.1).
func (s *splitter) value() []byte {
	b := s.rest
	end := len(b)
	if bytes.IndexByte(b, ',') < 0 {
		end = 0 // nothing to part
	}
	for i := 0; i < end; i++ {
		switch b[i] {
		case ',':
			s.rest = b[i+1:]
			return trim(b[:i])
		case '"':
			i += s.quoted(b[i:])
		case '<':
			if !s.noEnd {
				n := bytes.IndexByte(b[i:], '>')
				s.noEnd = n < 0
				i += max(n, 0)
			}
		}
	}
	s.rest, s.more = nil, false
	return trim(b)
}

// quoted returns how many bytes behind b[0] == '"' belong to a quoted string, 0 if it is not closed.
func (s *splitter) quoted(b []byte) int {
	if s.noQuote {
		return 0
	}
	n, closed := quotedEnd(b)
	if !closed {
		s.noQuote = true
		return 0
	}
	return n - 1
}

// param returns the next parameter, trimmed, of a text in which semicolons part them; value is nil for one
// without "=".
func (s *splitter) param() (name, value []byte) {
	b := s.rest
	eq, end := -1, len(b)
	s.more = false
scan:
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '=':
			if eq < 0 {
				eq = i
			}
		case '"':
			i += s.quoted(b[i:])
		case ';':
			end, s.more = i, true
			s.rest = b[i+1:]
			break scan
		}
	}
	if eq < 0 {
		return trim(b[:end]), nil
	}
	return trim(b[:eq]), trim(b[eq+1 : end])
}

// findParam returns the value of a parameter of params ("a;b=c"), unquoted; empty for one without a value.
func findParam(params []byte, name string) ([]byte, bool) {
	if len(params) < len(name) {
		return nil, false
	}
	for s := split(params); s.more; {
		if n, v := s.param(); sameFold(n, name) {
			if v == nil {
				v = n[len(n):]
			}
			return unquote(v), true
		}
	}
	return nil, false
}
