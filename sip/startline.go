package sip

import "bytes"

// startLine reads a request line or a status line (RFC 3261 §7.1, §7.2) that lies at offset at. A line that
// is not whole, of a message cut short, need only begin like one.
func (m *Message) startLine(line []byte, at int, whole bool) bool {
	if version(line) > 0 {
		return m.statusLine(line, at)
	}
	return m.requestLine(line, at, whole)
}

// version returns the length of the SIP-Version that b begins with, 0 if it begins with none.
func version(b []byte) int {
	if hasPrefix(b, "SIP/2.0 ") {
		return len("SIP/2.0")
	}
	if len(b) < len("SIP/2.0") || !sameFold(b[:4], "SIP/") || class[b[4]]&isDigit == 0 {
		return 0
	}
	i := 5
	for i < len(b) && (class[b[i]]&isDigit != 0 || b[i] == '.') {
		i++
	}
	if b[i-1] == '.' || bytes.IndexByte(b[4:i], '.') < 0 {
		return 0
	}
	return i
}

// statusLine reads "SIP/2.0 486 Busy Here".
func (m *Message) statusLine(line []byte, at int) bool {
	n := version(line)
	rest := line[n:]
	for len(rest) > 0 && blank(rest[0]) {
		rest = rest[1:]
	}
	digits := leadingDigits(rest)
	blanks := len(line) - n - len(rest)
	if blanks == 0 || len(digits) == 0 {
		return false
	}
	m.version = line[:n]
	if blanks != 1 || line[n] != ' ' {
		m.Defects = addDefect(m.Defects, RuleStartLineSpacing, HeaderUnknown, at+n)
	}
	code := at + len(line) - len(rest)
	m.phrase = rest[len(digits):]
	m.Status = -1
	if c, ok := number(digits, 999); ok && c > 0 && len(digits) == 3 {
		m.Status = int(c)
	}
	if m.Status < 100 || m.Status > 699 {
		m.Defects = addDefect(m.Defects, RuleStatusCode, HeaderUnknown, code)
	}
	if len(m.phrase) > 0 && m.phrase[0] == ' ' {
		m.phrase = m.phrase[1:]
	} else {
		m.Defects = addDefect(m.Defects, RuleStatusLine, HeaderUnknown, code+len(digits))
	}
	m.checkVersion(at)
	return true
}

// requestLine reads "INVITE sip:bob@example.com SIP/2.0". The version is what stands last.
func (m *Message) requestLine(line []byte, at int, whole bool) bool {
	sp := bytes.IndexByte(line, ' ')
	if sp <= 0 {
		return false
	}
	text := trimRight(line)
	last := bytes.LastIndexByte(text, ' ')
	v := text[last+1:]
	if last < sp || version(v) != len(v) {
		if whole || !partialRequest(line) {
			return false
		}
		m.method, m.uri = line[:sp], trim(line[sp:])
		m.Method = MethodOf(m.method)
		return true
	}
	m.method, m.version = line[:sp], v
	m.Method = MethodOf(m.method)
	if m.Method == MethodUnknown && !all(m.method, isToken) {
		return false
	}
	m.uri = trim(line[sp:last])
	if len(m.uri) == 0 {
		return false
	}
	if len(text) != len(line) || len(m.uri) != last-sp-1 {
		m.Defects = addDefect(m.Defects, RuleStartLineSpacing, HeaderUnknown, at+sp)
	}
	if bytes.IndexByte(m.uri, ' ') >= 0 {
		m.Defects = addDefect(m.Defects, RuleRequestLine, HeaderUnknown, at+sp+1)
	}
	if n := len(m.uri); m.uri[0] == '<' && m.uri[n-1] == '>' {
		m.uri = m.uri[1 : n-1]
		m.Defects = addDefect(m.Defects, RuleRequestURIBrackets, HeaderUnknown, at+sp+1)
	}
	m.checkVersion(at)
	return true
}

func (m *Message) checkVersion(at int) {
	if !sameFold(m.version, "SIP/2.0") {
		m.Defects = addDefect(m.Defects, RuleVersion, HeaderUnknown, at)
	}
}

// partialRequest says whether b, which has no line end, is the beginning of a request line: a known method
// and a URI scheme that SIP uses.
func partialRequest(b []byte) bool {
	sp := bytes.IndexByte(b, ' ')
	if sp <= 0 || MethodOf(b[:sp]) == MethodUnknown {
		return false
	}
	uri := b[sp+1:]
	return hasPrefixFold(uri, "sip:") || hasPrefixFold(uri, "sips:") || hasPrefixFold(uri, "tel:") || hasPrefixFold(uri, "urn:")
}
