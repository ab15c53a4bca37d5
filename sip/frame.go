package sip

import "bytes"

// Bounds of a message in a stream, in bytes.
const (
	MaxContentLength = 16 << 20  // a Content-Length beyond it counts as unreadable
	MaxHeader        = 256 << 10 // start line and header fields; what is longer is junk
	maxStartLine     = 8 << 10   // a line that is not yet whole; what is longer is junk
)

// FrameKind is what Frame found in a stream (RFC 3261 §18.3).
type FrameKind uint8

// What a stream may have next.
const (
	FrameNeedMore  FrameKind = iota // the beginning of something: more bytes are needed
	FrameMessage                    // a whole message
	FrameKeepalive                  // line ends between messages (RFC 5626 §4.4.1, RFC 3261 §7.5), or NULs
	FrameJunk                       // bytes that belong to no message
)

// Frame tells what a byte stream begins with and how many bytes of it that is (RFC 3261 §18.3); 0 with
// FrameNeedMore. A message ends where its Content-Length says; without a readable one, with its header. A
// start line inside a header or a session description ends the message before it: then a length or an empty
// line was wrong. What is neither a message nor a keepalive is junk up to the next start line that a header
// field follows. At the end of the stream (eof) what there is of a message is one.
//
// How the stream is cut into calls changes nothing about the messages found, as long as no line of junk is
// longer than 8 KiB. One call takes time linear in len(b).
func Frame(b []byte, eof bool) (FrameKind, int) {
	if n := between(b); n > 0 {
		return FrameKeepalive, n
	}
	start, found := nextStart(b, eof)
	switch {
	case start > 0:
		return FrameJunk, start
	case found == startYes:
		return frameMessage(b, eof)
	case eof && len(b) > 0:
		return FrameJunk, len(b)
	}
	return FrameNeedMore, 0
}

// between returns how many bytes b begins with that may stand between messages.
func between(b []byte) int {
	n := 0
	for n < len(b) && (b[n] == '\r' || b[n] == '\n' || b[n] == 0) {
		n++
	}
	return n
}

// frameMessage finds the end of the message whose start line b begins with.
func frameMessage(b []byte, eof bool) (FrameKind, int) {
	head := b[:min(len(b), MaxHeader)]
	length, contentType := -1, -1 // offsets of the first such fields
	i := bytes.IndexByte(head, '\n') + 1
	for i > 0 && i < len(head) {
		j := bytes.IndexByte(head[i:], '\n')
		if j < 0 {
			break
		}
		next := i + j + 1
		line := head[i:next]
		switch line[0] {
		case '\n':
			return frameBody(b, next, length, contentType, eof)
		case '\r':
			if j == 1 {
				return frameBody(b, next, length, contentType, eof)
			}
		case 'C', 'c', 'L', 'l':
			if length < 0 && isField(line, HeaderContentLength) {
				length = i
			} else if contentType < 0 && isField(line, HeaderContentType) {
				contentType = i
			}
		}
		if mayStart(line) {
			if at := startInLine(line); at >= 0 {
				switch headerFollows(head[next:], eof) {
				case startYes:
					return FrameMessage, i + at
				case startMaybe:
					return FrameNeedMore, 0
				}
			}
		}
		i = next
	}
	switch {
	case len(head) == MaxHeader:
		next, _ := nextStart(b[1:], eof)
		return FrameJunk, 1 + next
	case eof:
		return FrameMessage, len(b)
	}
	return FrameNeedMore, 0
}

// frameBody finds the end of a message whose body begins at i.
func frameBody(b []byte, i, length, contentType int, eof bool) (FrameKind, int) {
	if length < 0 {
		return FrameMessage, i
	}
	n, ok := number(fieldAt(b[:i], length, HeaderContentLength), MaxContentLength)
	if !ok {
		return FrameMessage, i
	}
	end := i + int(n)
	body := b[i:min(end, len(b))]
	if contentType >= 0 && bytes.Contains(body, []byte("SIP/")) &&
		hasPrefixFold(fieldAt(b[:i], contentType, HeaderContentType), "application/sdp") {
		at, found := nextStart(body, false)
		if found == startYes || found == startMaybe && end <= len(b) {
			return FrameMessage, i + at
		}
	}
	switch {
	case end <= len(b):
		return FrameMessage, end
	case eof:
		return FrameMessage, len(b)
	}
	return FrameNeedMore, 0
}

// isField says whether the line is a field of that header.
func isField(line []byte, id HeaderID) bool {
	i := 0
	for i < len(line) && class[line[i]]&isToken != 0 {
		i++
	}
	if !isHeader(line[:i], id) {
		return false
	}
	for i < len(line) && blank(line[i]) {
		i++
	}
	return i < len(line) && line[i] == ':'
}

// startState is how sure it is that a message begins somewhere.
type startState uint8

const (
	startNo    startState = iota
	startMaybe            // a start line, but not yet seen what follows it
	startYes
)

// nextStart returns where the first message in b begins: at a start line that a header field follows. If
// there is none yet, it returns the offset from which b must be kept, as what follows may complete one.
func nextStart(b []byte, eof bool) (int, startState) {
	for i := 0; i < len(b); {
		j := bytes.IndexByte(b[i:], '\n')
		if j < 0 {
			tail := b[i:]
			gap := between(tail)
			switch {
			case eof && Probe(tail[gap:]):
				return i + gap, startYes
			case eof || len(tail) > maxStartLine:
				return len(b), startNo
			}
			return i, startNo
		}
		next := i + j + 1
		if at := startInLine(b[i:next]); at >= 0 {
			if state := headerFollows(b[next:], eof); state != startNo {
				return i + at, state
			}
		}
		i = next
	}
	return len(b), startNo
}

// mayStart is a cheap look at a header's line: could it have a start line in it?
func mayStart(line []byte) bool {
	const request = "SIP/2.0\r\n"
	n := len(line)
	return n >= len(request) && line[n-3] == '0' && string(line[n-len(request):n-5]) == "SIP/" || hasPrefix(line, "SIP/")
}

// startInLine returns where in the line a start line begins that ends with it, -1 if none does. Before it
// may stand what is left of a message without a line end; a request's method must then be a known one.
func startInLine(line []byte) int {
	k := bytes.Index(line, []byte("SIP/"))
	if k < 0 {
		return -1
	}
	gap := between(line)
	for at := k; k >= 0; at += k {
		status := at + version(line[at:])
		if status > at && status+1 < len(line) && line[status] == ' ' && class[line[status+1]]&isDigit != 0 &&
			(at == gap || !blank(line[at-1]) && line[at-1] != '"') {
			return at
		}
		at += len("SIP/")
		k = bytes.Index(line[at:], []byte("SIP/"))
	}
	text := trimRight(line)
	last := bytes.LastIndexByte(text, ' ')
	if last < gap || !hasPrefix(text[last+1:], "SIP/") || version(text[last+1:]) != len(text)-last-1 {
		return -1
	}
	if at := requestInLine(text[gap:], last-gap); at >= 0 {
		return gap + at
	}
	return -1
}

// requestInLine is startInLine for text whose last word, the version, stands behind the space at last.
func requestInLine(text []byte, last int) int {
	sp := bytes.IndexByte(text, ' ')
	if sp == last || len(trim(text[sp:last])) == 0 {
		return -1
	}
	if all(text[:sp], isToken) {
		if n := knownSuffix(text[:sp]); n > 0 {
			return sp - n
		}
		return 0
	}
	before := trimRight(text[:last])
	sp = bytes.LastIndexByte(before, ' ')
	if n := knownSuffix(text[:max(sp, 0)]); n > 0 {
		return sp - n
	}
	return -1
}

// knownSuffix returns the length of the method that b ends with, 0 if it ends with none.
func knownSuffix(b []byte) int {
	for _, name := range methodNames[1:] {
		if bytes.HasSuffix(b, []byte(name)) {
			return len(name)
		}
	}
	return 0
}

// headerFollows says whether b begins with the name of a header field and a colon.
func headerFollows(b []byte, eof bool) startState {
	i := 0
	for i < len(b) && class[b[i]]&isToken != 0 {
		i++
	}
	name := i
	for i < len(b) && blank(b[i]) {
		i++
	}
	switch {
	case i == len(b) && eof:
		return startYes
	case i == len(b):
		return startMaybe
	case name > 0 && b[i] == ':':
		return startYes
	}
	return startNo
}
