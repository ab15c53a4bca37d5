package sip

import (
	"bytes"
	"errors"
	"iter"
)

// Bounds of what a Message keeps, whatever the input.
const (
	inlineFields = 96   // header fields kept in the Message itself
	MaxFields    = 1024 // header fields kept; beyond, only the first of each known header
)

// ErrNoStartLine says that the bytes do not begin with a request line or a status line (RFC 3261 §7.1, §7.2).
var ErrNoStartLine = errors.New("find start line: no request line and no status line")

// Message is one request or response (RFC 3261 §7). It aliases the bytes given to Parse: valid as long as
// they are. Parsing into the same Message again reuses its memory and then allocates nothing. Accessors parse
// when first asked and keep what is asked often, so one Message belongs to one goroutine.
type Message struct {
	Status  int      // status code; 0 for a request; -1 for a response whose code is not of 001–999
	Method  Method   // a response's is its CSeq method
	Body    []byte   // aliases the input; cut to Content-Length where that is shorter
	Defects []Defect // what Parse saw in passing; Check looks at everything

	raw                          []byte
	method, uri, version, phrase []byte
	headerEnd                    int // offset of the empty line's end: where the body begins
	surplus                      int // bytes beyond the body
	dropped                      int // fields beyond MaxFields
	contentLength                int // -1: absent or unreadable
	cseq                         uint32
	cseqOK                       bool
	bareLF                       int // offset of the first line without CR, -1

	via            Via
	branch         []byte
	from, to       NameAddr
	fromTag, toTag []byte
	done           uint8 // bits: which of via, branch, from, to are parsed
	have           uint8 // bits: which of them are there

	n      int // fields
	inline [inlineFields]field
	more   []field
	first  [headerCount]uint16 // 1 + index of each header's first field
	text   []byte              // unfolded values
}

// field is one header field: where its name and its trimmed value lie in raw, or, once unfolded, in text.
type field struct {
	name, start, end uint32
	nameLen          uint16
	id               HeaderID
	state            fieldState
}

type fieldState uint8

const (
	plain    fieldState = iota
	folded              // value has line breaks, lies in raw
	unfolded            // value lies in text; name still in raw
)

// Parse reads the message in b, which it keeps as long as the Message is used. Leading CRLFs are passed over
// (RFC 3261 §7.5). What is there is read however odd or cut short it is; the only error is ErrNoStartLine.
func (m *Message) Parse(b []byte) error {
	m.raw, m.Body = b, nil
	m.Status, m.Method = 0, MethodUnknown
	m.Defects = m.Defects[:0]
	m.method, m.uri, m.version, m.phrase = nil, nil, nil, nil
	m.surplus, m.dropped, m.contentLength, m.bareLF = 0, 0, -1, -1
	m.cseq, m.cseqOK = 0, false
	m.done, m.have = 0, 0
	m.n, m.more, m.text = 0, m.more[:0], m.text[:0]
	clear(m.first[:])
	m.headerEnd = len(b)

	at := 0
	for at < len(b) && (b[at] == '\r' || b[at] == '\n') {
		at++
	}
	line, next := b[at:], len(b)
	whole := false
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line, next, whole = line[:i], at+i+1, true
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	} else if whole {
		m.bareLF = at
	}
	if !m.startLine(line, at, whole) {
		return ErrNoStartLine
	}
	m.readFields(b, next)
	m.finish()
	return nil
}

// readFields indexes the header fields from offset i to the empty line.
func (m *Message) readFields(b []byte, i int) {
	for i < len(b) {
		if c := b[i]; c == '\n' || c == '\r' && (i+1 == len(b) || b[i+1] == '\n') {
			if c == '\n' && m.bareLF < 0 {
				m.bareLF = i
			}
			m.headerEnd = min(i+2, len(b))
			if c == '\n' {
				m.headerEnd = i + 1
			}
			return
		}
		end, next, state := len(b), len(b), plain
		if j := bytes.IndexByte(b[i:], '\n'); j >= 0 {
			end = i + j
			next = end + 1
			if end > i && b[end-1] == '\r' {
				end--
			} else if m.bareLF < 0 {
				m.bareLF = i
			}
			if next < len(b) && blank(b[next]) {
				state = folded
				end, next = foldEnd(b, next)
			}
		}
		m.addField(b, i, end, state)
		i = next
	}
	m.Defects = addDefect(m.Defects, RuleHeaderCut, HeaderUnknown, len(b))
}

// foldEnd returns the end of a field whose next line, a continuation, begins at i, and where the line after
// it begins (RFC 3261 §7.3.1).
func foldEnd(b []byte, i int) (end, next int) {
	for {
		j := bytes.IndexByte(b[i:], '\n')
		if j < 0 {
			return len(b), len(b)
		}
		end = i + j
		i = end + 1
		if i >= len(b) || !blank(b[i]) {
			if b[end-1] == '\r' {
				end--
			}
			return end, i
		}
	}
}

// addField notes the field that lies in b[i:end].
func (m *Message) addField(b []byte, i, end int, state fieldState) {
	id, n := nameAt(b, i)
	colon := n
	if id == HeaderUnknown {
		line := b[i:end]
		colon = bytes.IndexByte(line, ':')
		for n = colon; n > 0 && space(line[n-1]); n-- {
		}
		if n <= 0 || n > 0xffff {
			m.Defects = addDefect(m.Defects, RuleHeaderLine, HeaderUnknown, i)
			return
		}
		id = HeaderOf(line[:n])
	}
	start := i + colon + 1
	for start < end && space(b[start]) {
		start++
	}
	for end > start && space(b[end-1]) {
		end--
	}
	if state == folded && bytes.IndexByte(b[start:end], '\n') < 0 {
		state = plain
	}
	if m.n >= MaxFields && (id == HeaderUnknown || m.first[id] != 0) {
		m.dropped++
		return
	}
	var f *field
	if m.n < inlineFields {
		f = &m.inline[m.n]
	} else {
		m.more = append(m.more, field{})
		f = &m.more[len(m.more)-1]
	}
	m.n++
	// One by one: a composite would be put together in pieces elsewhere and waited for when copied here.
	f.name, f.start, f.end = uint32(i), uint32(start), uint32(end)
	f.nameLen, f.id, f.state = uint16(n), id, state
	if m.first[id] == 0 {
		m.first[id] = uint16(m.n)
	} else if headerFacts[id].kind == once {
		m.Defects = addDefect(m.Defects, RuleDuplicateHeader, id, i)
	}
}

// finish draws from the fields what every message needs: the body's extent, the CSeq.
func (m *Message) finish() {
	m.Body = m.raw[m.headerEnd:]
	if v := m.Header(HeaderContentLength); v != nil {
		at := m.offset(HeaderContentLength)
		n, ok := number(v, MaxContentLength)
		switch {
		case !ok:
			m.Defects = addDefect(m.Defects, RuleContentLength, HeaderContentLength, at)
		case int(n) > len(m.Body):
			m.contentLength = int(n)
			m.Defects = addDefect(m.Defects, RuleContentLengthExceeds, HeaderContentLength, at)
		default:
			m.contentLength = int(n)
			m.surplus = len(m.Body) - int(n)
			m.Body = m.Body[:n]
		}
	}
	m.readCSeq()
	for _, id := range [...]HeaderID{HeaderVia, HeaderFrom, HeaderTo, HeaderCallID, HeaderCSeq} {
		if m.first[id] == 0 {
			m.Defects = addDefect(m.Defects, RuleMissingHeader, id, m.headerEnd)
		}
	}
	if m.Status == 0 && m.first[HeaderMaxForwards] == 0 {
		m.Defects = addDefect(m.Defects, RuleMissingMaxForwards, HeaderMaxForwards, m.headerEnd)
	}
	if m.bareLF >= 0 {
		m.Defects = addDefect(m.Defects, RuleLineEnding, HeaderUnknown, m.bareLF)
	}
	if m.dropped > 0 {
		m.Defects = addDefect(m.Defects, RuleTooManyFields, HeaderUnknown, m.headerEnd)
	}
}

// readCSeq reads the CSeq (RFC 3261 §20.16) and gives a response its method.
func (m *Message) readCSeq() {
	v := m.Header(HeaderCSeq)
	digits := leadingDigits(v)
	method := trimLeft(v[len(digits):])
	n, ok := number(digits, 1<<32-1)
	if ok {
		m.cseq, m.cseqOK = uint32(n), true
	}
	if m.Status != 0 {
		m.method, m.Method = method, MethodOf(method)
	} else if len(method) > 0 && !bytes.Equal(method, m.method) {
		m.Defects = addDefect(m.Defects, RuleCSeqMethod, HeaderCSeq, m.offset(HeaderCSeq))
	}
	if v != nil && (n >= 1<<31 || !ok || len(method) == 0) {
		m.Defects = addDefect(m.Defects, RuleCSeq, HeaderCSeq, m.offset(HeaderCSeq))
	}
}

// at returns field i.
func (m *Message) at(i int) *field {
	if i < inlineFields {
		return &m.inline[i]
	}
	return &m.more[i-inlineFields]
}

// offset returns where the header's first field begins in Raw; the header must be there.
func (m *Message) offset(id HeaderID) int { return int(m.at(int(m.first[id]) - 1).name) }

// value returns the field's value, never nil.
func (m *Message) value(f *field) []byte {
	switch f.state {
	case plain:
		return m.raw[f.start:f.end]
	case folded:
		start := len(m.text)
		m.text = appendUnfolded(m.text, m.raw[f.start:f.end])
		f.start, f.end, f.state = uint32(start), uint32(len(m.text)), unfolded
	}
	return m.text[f.start:f.end:f.end]
}

// appendUnfolded appends v with each line break and the blanks around it made one space (RFC 3261 §7.3.1).
func appendUnfolded(dst, v []byte) []byte {
	start := len(dst)
	for i := 0; i < len(v); i++ {
		if v[i] != '\n' {
			dst = append(dst, v[i])
			continue
		}
		for len(dst) > start && space(dst[len(dst)-1]) {
			dst = dst[:len(dst)-1]
		}
		for i+1 < len(v) && space(v[i+1]) {
			i++
		}
		dst = append(dst, ' ')
	}
	return dst
}

// IsRequest says whether the message is a request (RFC 3261 §7.1).
func (m *Message) IsRequest() bool { return m.Status == 0 }

// MethodName returns the method as written; for a response its CSeq's (RFC 3261 §7.1, §20.16).
func (m *Message) MethodName() []byte { return m.method }

// RequestURI returns a request's URI as written, without the <> that some put around it (RFC 3261 §8.1.1.1).
func (m *Message) RequestURI() []byte { return m.uri }

// ReasonPhrase returns a response's phrase as written (RFC 3261 §7.2).
func (m *Message) ReasonPhrase() []byte { return m.phrase }

// Version returns the version as written: "SIP/2.0" (RFC 3261 §7.1).
func (m *Message) Version() []byte { return m.version }

// Raw returns the bytes given to Parse.
func (m *Message) Raw() []byte { return m.raw }

// Surplus returns how many bytes follow the body. In a datagram they are to be ignored (RFC 3261 §18.3).
func (m *Message) Surplus() int { return m.surplus }

// Dropped returns how many header fields were beyond MaxFields.
func (m *Message) Dropped() int { return m.dropped }

// CallID returns the Call-ID (RFC 3261 §20.8), nil if there is none.
func (m *Message) CallID() []byte { return m.Header(HeaderCallID) }

// CSeq returns the CSeq's number (RFC 3261 §20.16); false if it is absent, unreadable or beyond 32 bits.
func (m *Message) CSeq() (uint32, bool) { return m.cseq, m.cseqOK }

// Header returns the trimmed value of the header's first field, unfolded (RFC 3261 §7.3.1); nil if there is none, empty but
// not nil if its value is empty.
func (m *Message) Header(id HeaderID) []byte {
	if id >= headerCount || m.first[id] == 0 || id == HeaderUnknown {
		return nil
	}
	return m.value(m.at(int(m.first[id]) - 1))
}

// HeaderByName is Header for a name or compact form, known or not, without regard to case
// (RFC 3261 §7.3.1, §7.3.3).
func (m *Message) HeaderByName(name string) []byte {
	if len(name) <= longestHeader {
		var b [longestHeader]byte
		if id := HeaderOf(b[:copy(b[:], name)]); id != HeaderUnknown {
			return m.Header(id)
		}
	}
	for i := range m.n {
		if f := m.at(i); f.id == HeaderUnknown && sameFold(m.name(f), name) {
			return m.value(f)
		}
	}
	return nil
}

func (m *Message) name(f *field) []byte { return m.raw[f.name : f.name+uint32(f.nameLen)] }

// Count returns the number of fields of that header, whatever the number of values in them (RFC 3261 §7.3.1).
func (m *Message) Count(id HeaderID) int {
	if id >= headerCount || m.first[id] == 0 {
		return 0
	}
	n := 0
	for i := int(m.first[id]) - 1; i < m.n; i++ {
		if m.at(i).id == id {
			n++
		}
	}
	return n
}

// Headers yields the value of every field of that header, in order (RFC 3261 §7.3.1).
func (m *Message) Headers(id HeaderID) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if id >= headerCount || m.first[id] == 0 {
			return
		}
		for i := int(m.first[id]) - 1; i < m.n; i++ {
			if f := m.at(i); f.id == id && !yield(m.value(f)) {
				return
			}
		}
	}
}

// Values yields every value of that header, its fields split at the commas outside quoted strings and <>
// (RFC 3261 §7.3.1). Empty values are passed over.
func (m *Message) Values(id HeaderID) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		c := m.cursor(id)
		for v := c.next(); v != nil && yield(v); v = c.next() {
		}
	}
}

// cursor walks over the values of one header.
type cursor struct {
	splitter // of the field before i
	m        *Message
	id       HeaderID
	i        int
}

func (m *Message) cursor(id HeaderID) cursor {
	i := m.n
	if id < headerCount && m.first[id] != 0 {
		i = int(m.first[id]) - 1
	}
	return cursor{m: m, id: id, i: i}
}

// next returns the next value that is not empty; nil at the end.
func (c *cursor) next() []byte {
	for {
		for !c.more {
			if c.i >= c.m.n {
				return nil
			}
			f := c.m.at(c.i)
			c.i++
			if f.id == c.id {
				c.splitter = split(c.m.value(f))
			}
		}
		if v := c.value(); len(v) > 0 {
			return v
		}
	}
}

// All yields every field in order: the name as written and the value, unfolded (RFC 3261 §7.3.1).
func (m *Message) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for i := range m.n {
			if f := m.at(i); !yield(m.name(f), m.value(f)) {
				return
			}
		}
	}
}
