package sip

import "bytes"

// Probe says whether b looks like the beginning of a SIP message (RFC 3261 §7.1, §7.2); CRLFs may precede
// it (§7.5).
func Probe(b []byte) bool {
	b = b[leadingCRLF(b):]
	if len(b) < 8 || class[b[0]]&isToken == 0 {
		return false
	}
	if b[0]|0x20 == 's' {
		if n := version(b); n > 0 {
			code := n
			for code < len(b) && blank(b[code]) {
				code++
			}
			return code > n && code < len(b) && class[b[code]]&isDigit != 0
		}
	}
	line := b[:min(len(b), MaxHeader)]
	i := bytes.IndexByte(line, '\n')
	if i < 0 {
		return partialRequest(line) || isRequestLine(line)
	}
	return isRequestLine(line[:i])
}

// isRequestLine says whether line is <method> … SIP/<version>.
func isRequestLine(line []byte) bool {
	line = trimRight(line)
	sp := bytes.IndexByte(line, ' ')
	last := bytes.LastIndexByte(line, ' ')
	if sp <= 0 || last <= sp || version(line[last+1:]) != len(line)-last-1 {
		return false
	}
	return all(line[:sp], isToken) && len(trim(line[sp:last])) > 0
}

// leadingCRLF returns how many line ends b begins with (RFC 3261 §7.5).
func leadingCRLF(b []byte) int {
	i := 0
	for i < len(b) && (b[i] == '\r' || b[i] == '\n') {
		i++
	}
	return i
}

// CallIDOf returns the Call-ID (RFC 3261 §20.8), the same that Parse would find, nil if there is none. It
// looks at no more of the message than it must, and copies only a folded one.
func CallIDOf(b []byte) []byte {
	i := leadingCRLF(b)
	for {
		j := bytes.IndexByte(b[i:], '\n')
		if j < 0 {
			return nil
		}
		i += j + 1
		if i+2 >= len(b) {
			return nil
		}
		switch b[i] {
		case '\r':
			if b[i+1] == '\n' {
				return nil
			}
		case '\n':
			return nil
		case 'C', 'c', 'I', 'i':
			if v := fieldAt(b, i, HeaderCallID); v != nil {
				return v
			}
		}
	}
}

// fieldAt returns the value of the field at b[i:], unfolded, if it is of that header; nil if not.
func fieldAt(b []byte, i int, id HeaderID) []byte {
	n := i
	for n < len(b) && class[b[n]]&isToken != 0 {
		n++
	}
	if !isHeader(b[i:n], id) {
		return nil
	}
	end := len(b)
	if j := bytes.IndexByte(b[n:], '\n'); j >= 0 {
		end = n + j
		if end+1 < len(b) && blank(b[end+1]) {
			end, _ = foldEnd(b, end+1)
		}
	}
	text := trimLeft(b[n:end])
	if len(text) == 0 || text[0] != ':' {
		return nil
	}
	if text = trim(text[1:]); bytes.IndexByte(text, '\n') >= 0 {
		return appendUnfolded(nil, text)
	}
	return text
}

func isHeader(name []byte, id HeaderID) bool {
	f := &headerFacts[id]
	return sameFold(name, f.name) || len(name) == 1 && lower(name[0]) == f.compact
}
