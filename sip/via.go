package sip

import (
	"bytes"
	"net/netip"
)

// Via is one hop's entry (RFC 3261 §20.42). Its slices alias the message.
type Via struct {
	Transport []byte // "UDP", as written
	Host      []byte // sent-by host, an IPv6 address with its brackets
	Branch    []byte // nil if there is none
	Received  []byte // address as written: brackets are tolerated, RFC 5118 §4.5
	Port      uint16 // sent-by port; 0 if there is none
	RPort     uint16 // RFC 3581 §4: filled in by the next hop; 0 if it has no value
	HasRPort  bool   // the rport parameter is there
	Raw       []byte // the whole value

	params []byte
}

// Param returns a parameter's value, unquoted, empty for one without a value (RFC 3261 §20.42).
func (v Via) Param(name string) ([]byte, bool) { return findParam(v.params, name) }

// ReceivedAddr returns where the request came from, as the next hop saw it (RFC 3261 §18.2.1); invalid if it
// did not say.
func (v Via) ReceivedAddr() netip.Addr { return parseAddr(v.Received) }

const (
	doneVia = 1 << iota
	doneFrom
	doneTo
	doneFromTag
	doneToTag
	doneBranch
)

// TopVia returns the first Via, the zero Via if there is none (RFC 3261 §18.2.2).
func (m *Message) TopVia() Via {
	m.readVia()
	return m.via
}

// Branch returns the branch of the first Via, nil if there is none (RFC 3261 §8.1.1.7).
func (m *Message) Branch() []byte {
	if m.done&(doneVia|doneBranch) == 0 {
		m.branch = branchOf(m.Header(HeaderVia))
		m.done |= doneBranch
	}
	if m.done&doneVia != 0 {
		return m.via.Branch
	}
	return m.branch
}

// branchOf returns the branch of the first value of text, nil if there is none. Most are found by a short way, which
// passes over no more than "SIP/2.0/UDP host:port;rport;branch=…".
func branchOf(text []byte) []byte {
	const begin = len("SIP/2.0/UDP ")
	i := begin
	if len(text) < begin || !hasPrefix(text, "SIP/2.0/") || text[begin-1] != ' ' || !all(text[len("SIP/2.0/"):begin-1], isAlpha) {
		return branchOfAny(text)
	}
	for i < len(text) && class[text[i]]&isScheme != 0 {
		i++
	}
	if i > begin && i < len(text) && text[i] == ':' {
		for i++; i < len(text) && class[text[i]]&isDigit != 0; i++ {
		}
	}
	if i > begin && hasPrefix(text[i:], ";rport;") {
		i += len(";rport")
	}
	if i == begin || !hasPrefix(text[i:], ";branch=z") {
		return branchOfAny(text)
	}
	i += len(";branch=")
	j := i
	for j < len(text) && class[text[j]]&isToken != 0 {
		j++
	}
	if j < len(text) && text[j] != ';' {
		return branchOfAny(text)
	}
	return text[i:j]
}

func branchOfAny(text []byte) []byte {
	var v Via
	v.parse(text)
	return v.Branch
}

func (m *Message) readVia() {
	if m.done&doneVia != 0 {
		return
	}
	m.done |= doneVia
	if m.first[HeaderVia] == 0 {
		m.via = Via{}
	} else {
		m.via.parse(m.value(m.at(int(m.first[HeaderVia]) - 1)))
	}
}

// Via returns the Via at that depth, 0 being the top one (RFC 3261 §16.6 step 8). Fields and the values
// in them count alike.
func (m *Message) Via(depth int) (Via, bool) {
	if depth == 0 {
		return m.TopVia(), m.first[HeaderVia] != 0
	}
	var via Via
	text := m.viaText(depth)
	if text != nil {
		via.parse(text)
	}
	return via, text != nil
}

// BranchAt returns the branch of the Via at that depth, nil if it has none; false if there is no such Via.
func (m *Message) BranchAt(depth int) ([]byte, bool) {
	if depth == 0 {
		return m.Branch(), m.first[HeaderVia] != 0
	}
	text := m.viaText(depth)
	return branchOf(text), text != nil
}

// viaText returns the value of the Via at that depth, nil if there is none.
func (m *Message) viaText(depth int) []byte {
	c := m.cursor(HeaderVia)
	v := c.next()
	for ; v != nil && depth > 0; depth-- {
		v = c.next()
	}
	return v
}

// viaEnds has the characters that may end a part of a Via, as bits.
var viaEnds = [256]uint8{
	':': endsHost, ' ': endsHost, '\t': endsHost, '\r': endsHost, '\n': endsHost,
	';': endsHost | endsParam, ',': endsHost | endsParam, '=': endsParam, '"': endsParam,
}

const (
	endsHost  = 1 << iota // of the sent-by
	endsParam             // a parameter, or its name, or leads into a quoted string
)

// parse reads the first value of text: "SIP/2.0/UDP host:port;branch=…", with blanks wherever RFC 3261
// §25.1 allows them. It reports whether that is what it found.
func (v *Via) parse(text []byte) bool {
	*v = Via{}
	i, ok := len("SIP/2.0/"), true
	if !hasPrefix(text, "SIP/2.0/") {
		i, ok = viaProtocol(text)
	}
	j := i
	for j < len(text) && class[text[j]]&isToken != 0 {
		j++
	}
	v.Transport = text[i:j]
	ok = ok && j > i
	i = j
	for j < len(text) && space(text[j]) {
		j++
	}
	ok = ok && j > i
	var hostOK bool
	v.Host, v.Port, i, hostOK = sentBy(text, j)
	return v.readParams(text, i) && ok && hostOK
}

// viaProtocol passes over "SIP / 2.0 /" and the blanks behind it; without it, over nothing.
func viaProtocol(text []byte) (int, bool) {
	i := 0
	for range 2 {
		j := bytes.IndexByte(text[i:], '/')
		if j < 0 {
			return 0, false
		}
		part := trim(text[i : i+j])
		if !all(part, isToken) {
			return 0, false
		}
		i += j + 1
	}
	for i < len(text) && space(text[i]) {
		i++
	}
	return i, true
}

// sentBy reads host[:port] at text[i:] (RFC 3261 §25.1 sent-by) and returns where it ends.
func sentBy(text []byte, i int) (host []byte, port uint16, end int, ok bool) {
	j := i
	if j < len(text) && text[j] == '[' {
		n := bytes.IndexByte(text[j:], ']')
		if n < 0 {
			return nil, 0, i, false
		}
		j += n + 1
	}
	for j < len(text) && viaEnds[text[j]]&endsHost == 0 {
		j++
	}
	host = text[i:j]
	ok = len(host) > 0
	for j < len(text) && space(text[j]) {
		j++
	}
	if j == len(text) || text[j] != ':' {
		return host, 0, j, ok
	}
	j++
	for j < len(text) && space(text[j]) {
		j++
	}
	n := 0
	digits := j
	for j < len(text) && class[text[j]]&isDigit != 0 {
		n = min(n*10+int(text[j]-'0'), 1<<16)
		j++
	}
	if j == digits || n > 65535 {
		return host, 0, j, false
	}
	return host, uint16(n), j, ok
}

// readParams reads the parameters from text[i:] to the end of the value.
func (v *Via) readParams(text []byte, i int) (ok bool) {
	ok = true
	for i < len(text) && space(text[i]) {
		i++
	}
	begin, end := i, i
	var s splitter
	for i < len(text) && text[i] == ';' {
		i++
		from, eq := i, -1
	param:
		for ; i < len(text); i++ {
			if viaEnds[text[i]]&endsParam == 0 {
				continue
			}
			switch text[i] {
			case '=':
				if eq < 0 {
					eq = i
				}
			case '"':
				i += s.quoted(text[i:])
			default:
				break param
			}
		}
		end = i
		if eq < 0 {
			v.HasRPort = v.HasRPort || sameFold(trim(text[from:i]), "rport")
			continue
		}
		v.setParam(trim(text[from:eq]), trim(text[eq+1:i]))
	}
	if i < len(text) && text[i] != ',' { // neither parameters nor the next value
		n := bytes.IndexByte(text[i:], ',')
		if n < 0 {
			n = len(text) - i
		}
		end, ok = i+n, false
	}
	if begin < end && text[begin] == ';' {
		v.params = text[begin+1 : end]
	}
	v.Raw = trimRight(text[:end])
	return ok
}

func (v *Via) setParam(name, value []byte) {
	switch len(name) {
	case len("branch"):
		if v.Branch == nil && sameFold(name, "branch") {
			v.Branch = value
		}
	case len("received"):
		if v.Received == nil && sameFold(name, "received") {
			v.Received = value
		}
	case len("rport"):
		if sameFold(name, "rport") {
			v.HasRPort = true
			if n, ok := number(value, 65535); ok {
				v.RPort = uint16(n)
			}
		}
	}
}
