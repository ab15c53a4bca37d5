package capture

import (
	"bytes"
	"regexp"
	"strconv"

	"sipcause/internal/wire"
	"sipcause/sip"
)

// maxTextMessage bounds a message; what is beyond it is left out, and the message counts as cut.
const maxTextMessage = 256 << 10

// textMessage is one message as it was found, with what the log says of it.
type textMessage struct {
	head  textHeader
	at    wire.Time
	timed bool   // at is what the text says
	data  []byte // lines end with CRLF
	cut   bool   // the text has only the beginning
	short bool   // the body ends before its Content-Length; nothing else says that it is cut
	line  int    // of its start line
	sip   sip.Message
}

// startLine is where a start line is within a line of text.
type startLine struct {
	at, end int
	dotted  bool // ngrep's dot in place of the carriage return
}

var version = []byte("SIP/2.0")

// findStart finds a start line that ends b. What stands before it is a prefix.
func findStart(b []byte) (startLine, bool) {
	k := bytes.Index(b, version)
	if k < 0 || len(b) > maxHeaderLine*8 {
		return startLine{}, false
	}
	for ; k >= 0; k = indexFrom(b, k+1) {
		if s, ok := statusAt(b, k); ok {
			return s, true
		}
		if s, ok := requestAt(b, k); ok {
			return s, true
		}
	}
	return startLine{}, false
}

func indexFrom(b []byte, i int) int {
	k := bytes.Index(b[i:], version)
	if k < 0 {
		return -1
	}
	return i + k
}

// statusAt reads a status line at b[k:]: SIP/2.0, three digits, and a phrase up to the end of the line.
func statusAt(b []byte, k int) (startLine, bool) {
	c := k + len(version)
	if c+4 > len(b) || b[c] != ' ' || !digit(b[c+1]) || !digit(b[c+2]) || !digit(b[c+3]) || c+4 < len(b) && b[c+4] != ' ' && b[c+4] != '.' {
		return startLine{}, false
	}
	if word := lastWord(b[:k]); word == "Status-Line:" || word == "Via:" || word == "v:" {
		return startLine{}, false // as tshark -V lists the fields of a message
	}
	end := len(bytes.TrimRight(b, " \t"))
	return startLine{at: k, end: end, dotted: b[end-1] == '.'}, true
}

// requestAt reads a request line whose version is at b[k:].
func requestAt(b []byte, k int) (startLine, bool) {
	end := k + len(version)
	rest := bytes.TrimRight(b[end:], " \t")
	dotted := len(rest) == 1 && rest[0] == '.'
	if len(rest) > 0 && !dotted || k < 5 || b[k-1] != ' ' {
		return startLine{}, false
	}
	before := bytes.TrimRight(b[:k], " ")
	sp := bytes.LastIndexByte(before, ' ')
	if sp <= 0 || sp == len(before)-1 {
		return startLine{}, false
	}
	name := before[:sp]
	at := len(name)
	for at > 0 && name[at-1] >= 'A' && name[at-1] <= 'Z' {
		at--
	}
	if at == len(name) {
		return startLine{}, false
	}
	if word := lastWord(b[:at]); word == "Request-Line:" {
		return startLine{}, false
	}
	for a := at; a < len(name); a++ { // binary bytes of tcpdump -A may end with a letter
		if sip.MethodOf(name[a:]) != sip.MethodUnknown {
			return startLine{at: a, end: end, dotted: dotted}, true
		}
	}
	return startLine{at: at, end: end, dotted: dotted}, at == 0 || b[at-1] == ' ' || b[at-1] == '\t' || b[at-1] == '>'
}

// lastWord returns the word that b ends with, but for blanks.
func lastWord(b []byte) string {
	b = bytes.TrimRight(b[max(0, len(b)-maxFieldName):], " \t")
	return string(b[bytes.LastIndexAny(b, " \t")+1:])
}

// wrappedStart says whether b ends with a method, a method and a URI, or the version of a status line, so that the
// rest of a start line may be in the next line.
func wrappedStart(b []byte) bool {
	b = bytes.TrimRight(b, " \t")
	if len(b) > maxHeaderLine {
		return false
	}
	if bytes.HasSuffix(b, version) {
		return true
	}
	if sp := bytes.LastIndexByte(b, ' '); sp >= 0 && requestURI(b[sp+1:]) {
		b = bytes.TrimRight(b[:sp], " ")
	}
	at := len(b)
	for at > 0 && b[at-1] >= 'A' && b[at-1] <= 'Z' {
		at--
	}
	for ; at < len(b); at++ { // as in requestAt
		if sip.MethodOf(b[at:]) != sip.MethodUnknown {
			return true
		}
	}
	return false
}

// requestURI says whether b begins like the URI of a request.
func requestURI(b []byte) bool {
	return bytes.HasPrefix(b, []byte("sip:")) || bytes.HasPrefix(b, []byte("sips:")) || bytes.HasPrefix(b, []byte("tel:"))
}

// builder puts the lines of one message together.
type builder struct {
	lines  *textLines
	prefix prefix
	msg    textMessage
	dotted bool // ngrep: every line ends with a dot
	double bool // every other line is blank
	gap    bool // the blank line after each has been passed over
	part   bool // of the header something was left out
	length int  // Content-Length; -1 unknown
	body   bodyKind
	tail   int // offset in data of the line added last
	width  int // of the longest line of text before the one at hand
	prev   int // width of the line before the one at hand
	now    int // width of the line at hand
	quote  int // width of the blanks and marks before it
}

// bodyKind says how the end of a body is told.
type bodyKind uint8

const (
	bodyPlain bodyKind = iota
	bodySDP
	bodyParts // multipart: dashes do not end it
	bodyFrag  // message/sipfrag: it begins with a start line
)

// begin starts a message with the start line that s found in line, if a header field follows it. If none does,
// the line that follows is given back. width is that of the line in the text.
func (b *builder) begin(line []byte, s startLine, width int) bool {
	*b = builder{lines: b.lines, length: -1, prefix: append(b.prefix[:0], line[:s.at]...), now: width}
	b.msg.line = b.lines.number
	start := append([]byte(nil), line[s.at:s.end]...)
	raw, next, ok := b.next()
	if ok && len(next) == 0 {
		b.double = true
		raw, next, ok = b.next()
	}
	if !ok {
		return false
	}
	b.lines.back()
	if !known(next) {
		n := shared(b.prefix, raw)
		if n == 0 {
			return false
		}
		b.prefix, next = append(b.prefix[:0], raw[:n]...), raw[n:]
	}
	b.dotted = s.dotted && bytes.HasSuffix(bytes.TrimRight(next, " \t"), []byte("."))
	if b.dotted || s.dotted && start[0] != 'S' {
		start = bytes.TrimSuffix(start, []byte("."))
	}
	b.add(start)
	return true
}

// known says whether a line is a header field of SIP, of which one must follow the start line.
func known(line []byte) bool {
	if !isField(line) {
		return false
	}
	name, _, _ := bytes.Cut(line, []byte(":"))
	name = bytes.TrimSpace(name)
	return sip.HeaderOf(name) != sip.HeaderUnknown || len(name) > 2 && (name[0] == 'X' || name[0] == 'P') && name[1] == '-'
}

// next returns the next line as it stands and without its prefix; empty is a blank line.
func (b *builder) next() (raw, line []byte, ok bool) {
	raw, ok = b.lines.next()
	if ok && b.double && !b.gap && blank(b.prefix.strip(raw)) {
		b.gap = true
		raw, ok = b.lines.next()
	}
	if !ok {
		return nil, nil, false
	}
	b.gap = false
	b.width, b.prev, b.now, b.quote = max(b.width, b.now), b.now, len(raw), len(raw)-len(trimQuote(raw))
	line = b.prefix.strip(raw)
	if b.dotted {
		line = bytes.TrimSuffix(bytes.TrimRight(line, " \t"), []byte("."))
	}
	if blank(line) {
		b.gap = true
		return raw, nil, true
	}
	return raw, line, true
}

// blank says whether a line is empty but for the marks of a quotation.
func blank(line []byte) bool { return len(bytes.Trim(line, " \t>|")) == 0 }

func (b *builder) add(line []byte) {
	if len(b.msg.data)+len(line)+2 > maxTextMessage {
		b.msg.cut = true
		return
	}
	b.tail = len(b.msg.data)
	b.msg.data = append(append(b.msg.data, line...), "\r\n"...)
}

// join adds a line that belongs to the one before: right behind it where a terminal wrapped the text, with a
// blank between them where an editor did.
func (b *builder) join(line []byte) {
	data := b.msg.data[:len(b.msg.data)-2]
	if len(data)+len(line)+3 > maxTextMessage {
		b.msg.cut = true
		return
	}
	if last := data[len(data)-1]; !b.lines.glue(b.prev, b.quote) && last != ' ' && last != '=' {
		data = append(data, ' ')
	}
	b.msg.data = append(append(data, line...), "\r\n"...)
}

// minWrap is the narrowest text whose lines count as wrapped by their width alone.
const minWrap = 60

// hard says whether the line before the one at hand is as long as any, so that it may have been cut there.
func (b *builder) hard() bool { return b.prev >= minWrap && b.prev >= b.width }

// overflows says whether a line may hold what had no room in the line before it.
func (b *builder) overflows(line []byte) bool {
	if _, stamped := leadStamp(line); stamped || line[0] == '[' || line[0] == '*' {
		return false
	}
	return b.hard() || b.lines.noRoom(b.prev, line)
}

// wrapped says whether a line that is no header field goes on where the one before it ended.
func (b *builder) wrapped(line []byte) bool {
	if len(b.msg.data) == 0 || b.lines.number == b.msg.line {
		return false
	}
	if _, stamped := leadStamp(line); stamped {
		return false
	}
	last := b.msg.data[len(b.msg.data)-3]
	return b.overflows(line) || bytes.IndexByte([]byte(",;="), last) >= 0 || line[0] == ';' || line[0] == ','
}

// collect reads the lines of the message that begin has started and returns it.
func (b *builder) collect() textMessage {
	whole := b.header()
	head := len(b.msg.data)
	if whole {
		b.readBody()
	} else if m := new(sip.Message); m.Parse(b.msg.data) != nil || m.Count(sip.HeaderCallID) == 0 || m.Count(sip.HeaderCSeq) == 0 {
		b.msg.cut = true // the text ends within the header
	}
	b.finish(head, whole)
	return b.msg
}

// header reads header fields; true when a blank line ended them.
func (b *builder) header() bool {
	for {
		raw, line, ok := b.next()
		switch {
		case !ok:
			return false
		case len(line) == 0:
			return true
		case elided(line):
			b.msg.cut, b.part = true, true
		case b.body == bodySDP && string(line) == "v=0":
			b.lines.back() // someone left out blank lines
			return true
		case isField(line) && !marker(line):
			b.add(line)
			b.field(line)
		case b.ends(raw, line):
			b.lines.back()
			return false
		case line[0] == ' ' || line[0] == '\t':
			b.add(line)
		case b.wrapped(line):
			b.join(line)
			b.field(b.msg.data[b.tail : len(b.msg.data)-2])
		default:
			b.lines.back()
			return false
		}
	}
}

// field takes from a header field what tells where the body ends.
func (b *builder) field(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.ToLower(bytes.TrimSpace(value[:min(len(value), maxFieldName)]))
	switch sip.HeaderOf(bytes.TrimSpace(name)) {
	case sip.HeaderContentLength:
		if n, err := strconv.Atoi(string(value)); err == nil && n >= 0 {
			b.length = n
		}
	case sip.HeaderContentType:
		switch {
		case bytes.HasPrefix(value, []byte("application/sdp")):
			b.body = bodySDP
		case bytes.HasPrefix(value, []byte("multipart/")):
			b.body = bodyParts
		case bytes.HasPrefix(value, []byte("message/sipfrag")):
			b.body = bodyFrag
		}
	}
}

// readBody reads the body, up to its Content-Length or to what cannot belong to it.
func (b *builder) readBody() {
	if b.length == 0 || b.length < 0 && b.body != bodySDP {
		return
	}
	begin := len(b.msg.data)
	for {
		raw, line, ok := b.next()
		size := len(b.msg.data) - begin
		switch {
		case !ok:
			return
		case len(line) == 0:
			if size == 0 {
				continue
			}
			if b.body == bodySDP {
				if _, line, ok = b.next(); ok {
					b.lines.back()
				}
				if !ok || !sdpLine(line) {
					return
				}
				continue
			}
		case elided(line):
			b.msg.cut = true
			continue
		case b.body == bodyFrag && size == 0:
		case b.ends(raw, line):
			b.lines.back()
			return
		case b.body == bodySDP && !sdpLine(line):
			if size == 0 || !b.overflows(line) {
				b.lines.back()
				return
			}
			b.join(line)
			continue
		}
		b.add(line)
		if b.body != bodySDP && len(b.msg.data)-begin >= b.length || b.msg.cut && len(b.msg.data)+maxTextLine > maxTextMessage {
			return
		}
	}
}

// trailing matches the blanks that a terminal or editor leaves at the end of a line.
var trailing = regexp.MustCompile(`[ \t]+\r\n`)

// finish puts the empty line behind the header, and makes the line ends of the body fit its Content-Length.
func (b *builder) finish(head int, whole bool) {
	body := b.msg.data[head:]
	size := len(body)
	lf := size - bytes.Count(body, []byte("\r\n"))
	if bare := trailing.ReplaceAll(body, []byte("\r\n")); size > b.length && len(bare) == b.length {
		body, size = bare, len(bare)
	}
	switch {
	case b.length <= 0 || size == b.length || !whole:
	case size-2 == b.length:
		body = body[:size-2]
	case lf == b.length:
		body = bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	case lf-1 == b.length:
		body = bytes.ReplaceAll(body[:size-2], []byte("\r\n"), []byte("\n"))
	case size < b.length:
		b.msg.cut, b.msg.short = true, !b.msg.cut && size > 0
	}
	b.msg.cut = b.msg.cut || !whole && b.length > 0
	if len(body) == 0 && (b.part || b.msg.cut && !whole) {
		return // an empty line would say that the header is all there
	}
	data := append([]byte(nil), b.msg.data[:head]...)
	b.msg.data = append(append(data, "\r\n"...), body...)
}

// sdpLine says whether a line is of a session description (RFC 8866 §5).
func sdpLine(line []byte) bool {
	return len(line) >= 2 && line[1] == '=' && (line[0]|0x20 >= 'a' && line[0]|0x20 <= 'z')
}

// elided says whether something was left out here, as people who shorten a trace write it.
func elided(line []byte) bool {
	line = bytes.TrimSpace(line)
	for _, mark := range []string{"[...]", "[…]", "<snip>", "[snip]"} {
		if bytes.HasSuffix(line, []byte(mark)) {
			return true
		}
	}
	return string(line) == "..." || string(line) == "…"
}

// marker says whether a line that looks like a header field without a value is a log's own.
func marker(line []byte) bool {
	line = bytes.TrimSpace(line)
	return bytes.EqualFold(line, []byte("sent:")) || bytes.EqualFold(line, []byte("received:"))
}

// endings are what logs write below a message.
var endings = []string{"---", "<-----", "<--- ", "====", "~~~~", "||||", "____", "****", "```", "--end msg--"}

// ends says whether a line cannot belong to the message at hand: a log's line, or the next message.
func (b *builder) ends(raw, line []byte) bool {
	for _, e := range endings {
		if bytes.HasPrefix(line, []byte(e)) && b.body != bodyParts || bytes.HasPrefix(raw, []byte(e)) && e[0] != '-' {
			return true
		}
	}
	if d, _ := dialectOf(raw); d != nil {
		return true
	}
	s, ok := findStart(line)
	return ok && s.at == 0 || trailer.Match(raw) || marker(line)
}
