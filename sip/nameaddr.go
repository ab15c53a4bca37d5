package sip

import (
	"bytes"
	"iter"
)

// NameAddr is an address of a header: a name-addr or an addr-spec with the header's parameters (RFC 3261
// §20.10, §25.1). Its slices alias the message.
type NameAddr struct {
	Display []byte // without its quotes; escapes as written
	URI     []byte // without <> and the blanks in them
	Params  []byte // header parameters, without the first semicolon: "tag=abc;x"
	Star    bool   // Contact: * (RFC 3261 §10.2.2)
}

// Param returns a header parameter's value, unquoted, empty for one without a value (RFC 3261 §7.3.1).
func (a NameAddr) Param(name string) ([]byte, bool) { return findParam(a.Params, name) }

// Tag returns the tag (RFC 3261 §19.3), nil if there is none.
func (a NameAddr) Tag() []byte {
	if hasPrefix(a.Params, "tag=") {
		v := a.Params[len("tag="):]
		if i := bytes.IndexByte(v, ';'); i < 0 {
			return unquote(trim(v))
		}
	}
	tag, _ := findParam(a.Params, "tag")
	return tag
}

// ParseNameAddr reads one address, as headers have it (RFC 3261 §25.1 name-addr, addr-spec). What is odd is
// taken as it was most likely meant; false if there is no URI.
func ParseNameAddr(b []byte) (NameAddr, bool) {
	var a NameAddr
	a.parse(trim(b))
	return a, len(a.URI) > 0 || a.Star
}

// parse reads v, which is trimmed and one value.
func (a *NameAddr) parse(v []byte) {
	*a = NameAddr{}
	if len(v) == 1 && v[0] == '*' {
		a.Star, a.URI = true, v
		return
	}
	open := 0
	if len(v) > 0 && v[0] == '"' {
		if n, closed := quotedEnd(v); closed {
			a.Display = v[1 : n-1]
			open = n
		}
	}
	n := bytes.IndexByte(v[open:], '<')
	if n < 0 {
		uri := v[open:]
		if i := bytes.IndexByte(uri, ';'); i >= 0 { // without <> they are the header's: RFC 3261 §20.10
			uri, a.Params = uri[:i], trim(uri[i+1:])
		}
		a.URI = trim(uri)
		return
	}
	if open == 0 {
		if a.Display = trim(v[:n]); len(a.Display) > 0 && a.Display[0] == '"' {
			a.Display = a.Display[1:] // the quote that does not end
		}
	}
	rest := v[open+n+1:]
	end := bytes.IndexByte(rest, '>')
	if end < 0 {
		a.URI = trim(rest)
		return
	}
	a.URI = trim(rest[:end])
	if rest = trimLeft(rest[end+1:]); len(rest) > 0 {
		if i := bytes.IndexByte(rest, ';'); i >= 0 {
			a.Params = trim(rest[i+1:])
		}
	}
}

// From returns the From address (RFC 3261 §20.20); false if there is none.
func (m *Message) From() (NameAddr, bool) {
	if m.done&doneFrom == 0 {
		m.single(HeaderFrom, doneFrom, &m.from)
	}
	return m.from, m.have&doneFrom != 0
}

// To returns the To address (RFC 3261 §20.39); false if there is none.
func (m *Message) To() (NameAddr, bool) {
	if m.done&doneTo == 0 {
		m.single(HeaderTo, doneTo, &m.to)
	}
	return m.to, m.have&doneTo != 0
}

// single parses a header of one address: a comma in it parts nothing.
func (m *Message) single(id HeaderID, bit uint8, a *NameAddr) {
	m.done |= bit
	a.parse(m.Header(id))
	if len(a.URI) > 0 {
		m.have |= bit
	}
}

// FromTag returns the From tag (RFC 3261 §19.3), nil if there is none.
func (m *Message) FromTag() []byte {
	if m.done&doneFromTag == 0 {
		m.done |= doneFromTag
		m.fromTag = tagOf(m.Header(HeaderFrom))
	}
	return m.fromTag
}

// ToTag returns the To tag (RFC 3261 §19.3), nil if there is none.
func (m *Message) ToTag() []byte {
	if m.done&doneToTag == 0 {
		m.done |= doneToTag
		m.toTag = tagOf(m.Header(HeaderTo))
	}
	return m.toTag
}

// tagOf returns the tag of a header of one address. The ways in which nearly all are written, "<…>;tag=token" and
// "<…>", need no more than a look: where no quote follows the first "<", it and the first ">" enclose the URI.
func tagOf(v []byte) []byte {
	begin, end := bytes.IndexByte(v, '<'), bytes.IndexByte(v, '>')
	if begin >= 0 && begin < end && bytes.IndexByte(v[begin:end], '"') < 0 {
		rest := v[end+1:]
		if len(rest) == 0 {
			return nil
		}
		if hasPrefix(rest, ";tag=") && all(rest[len(";tag="):], isToken) {
			return rest[len(";tag="):]
		}
	}
	var a NameAddr
	a.parse(v)
	return a.Tag()
}

// NameAddrs yields every address of that header. Made for Contact, Route, Record-Route, Path, Service-Route,
// P-Asserted-Identity (RFC 3325 §9.1), Diversion (RFC 5806), History-Info (RFC 7044 §5), Refer-To
// (RFC 3515 §2.1), Referred-By (RFC 3892 §3), Call-Info, Error-Info and Alert-Info (RFC 3261 §20.9, §20.18,
// §20.4).
func (m *Message) NameAddrs(id HeaderID) iter.Seq[NameAddr] {
	return func(yield func(NameAddr) bool) {
		c := m.cursor(id)
		for v := c.next(); v != nil; v = c.next() {
			if a, ok := ParseNameAddr(v); ok && !yield(a) {
				return
			}
		}
	}
}

// Contacts yields the Contact addresses (RFC 3261 §20.10).
func (m *Message) Contacts() iter.Seq[NameAddr] { return m.NameAddrs(HeaderContact) }

// Routes yields the Route set in order (RFC 3261 §20.34).
func (m *Message) Routes() iter.Seq[NameAddr] { return m.NameAddrs(HeaderRoute) }

// RecordRoutes yields the Record-Route set in order (RFC 3261 §20.30).
func (m *Message) RecordRoutes() iter.Seq[NameAddr] { return m.NameAddrs(HeaderRecordRoute) }

// ReferTo returns where a REFER sends to (RFC 3515 §2.1); false if there is no Refer-To.
func (m *Message) ReferTo() (NameAddr, bool) { return ParseNameAddr(m.Header(HeaderReferTo)) }
