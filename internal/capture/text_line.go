package capture

import (
	"bytes"
	"regexp"
)

// maxTextLine bounds a line; what is beyond it is passed over.
const maxTextLine = 64 << 10

// textLines yields the lines of a text, cleaned of what pasting and terminals add.
type textLines struct {
	*stream
	rest   [][]byte // lines that one line of the text stands for
	last   []byte
	again  bool
	number int // of the line in the text
	wide   int // width of the widest line so far
	margin int // likewise of those that have a blank at which they could have been broken
	cut    bool
}

// next returns the next line without its line end, false at the end of the text. It is valid until the call
// after that.
func (l *textLines) next() ([]byte, bool) {
	if l.again {
		l.again = false
		return l.last, true
	}
	if len(l.rest) > 0 {
		l.last, l.rest = l.rest[0], l.rest[1:]
		return l.last, true
	}
	line, ok := l.read()
	if !ok {
		return nil, false
	}
	l.last = l.clean(line)
	l.measure(l.last)
	switch {
	case escaped(l.last):
		l.rest = splitEscaped(l.last)
		l.last, l.rest = l.rest[0], l.rest[1:]
	case bytes.Contains(l.last, []byte("#012")):
		l.rest = l.unwrap(l.last)
		l.last, l.rest = l.rest[0], l.rest[1:]
	case flat(l.last):
		l.rest = splitFlat(l.paragraph(l.last))
		l.last, l.rest = l.rest[0], l.rest[1:]
	}
	return l.last, true
}

// measure takes the width of a line into account.
func (l *textLines) measure(line []byte) {
	l.wide = max(l.wide, len(line))
	if len(line) > l.margin && bytes.IndexByte(bytes.TrimRight(trimQuote(line), " "), ' ') >= 0 {
		l.margin = len(line)
	}
}

// minHard is the narrowest terminal. Lines of mail are shorter (RFC 5322 §2.1.1) and broken between words.
const minHard = 80

// glue says whether what follows a line that wide belongs right behind it: it is as wide as any, and a terminal's.
// quote is the width of the blanks and marks before it.
func (l *textLines) glue(wide, quote int) bool { return wide >= l.wide && wide-quote >= minHard }

// noRoom says whether the first word of next did not fit behind a line that wide, so that it was broken there.
func (l *textLines) noRoom(wide int, next []byte) bool {
	word, _, _ := bytes.Cut(next, []byte(" "))
	wide += 1 + len(word)
	return wide >= minWrap && wide > l.margin
}

// back makes next return the last line once more.
func (l *textLines) back() { l.again = true }

// read takes one line from the stream.
func (l *textLines) read() ([]byte, bool) {
	for {
		b := l.block.buf[l.pos:l.end]
		i := bytes.IndexByte(b[:min(len(b), maxTextLine)], '\n')
		if i >= 0 {
			l.take(i + 1)
			if l.number++; l.cut { // the end of a line that was too long
				l.cut = false
				continue
			}
			return b[:i], true
		}
		if len(b) >= maxTextLine {
			l.take(maxTextLine)
			if l.cut {
				continue
			}
			l.cut = true
			return b[:maxTextLine], true
		}
		if have := len(b); len(l.peek(have+1)) == have {
			if have == 0 {
				return nil, false
			}
			b = l.peek(have)
			l.take(have)
			if l.number++; l.cut {
				return nil, false
			}
			return b, true
		}
	}
}

// ansi matches the escape sequences by which terminals are coloured (ECMA-48 §5.4).
var ansi = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`)

// clean takes off line ends, colours, a byte order mark, and what HTML, Markdown and "cat -A" make of a line.
func (l *textLines) clean(b []byte) []byte {
	b = bytes.TrimRight(b, "\r\x00")
	if l.number == 1 {
		b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	}
	if bytes.IndexByte(b, 0x1b) >= 0 {
		b = ansi.ReplaceAll(b, nil)
	}
	for _, end := range [...]string{"^M$", "^M", "<br>", "<br/>", "<br />", `\`} {
		b = bytes.TrimSuffix(b, []byte(end))
	}
	if bytes.Contains(b, []byte("&lt;")) || bytes.Contains(b, []byte("&gt;")) {
		for _, e := range [...][2]string{{"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", `"`}, {"&amp;", "&"}} {
			b = bytes.ReplaceAll(b, []byte(e[0]), []byte(e[1]))
		}
	}
	return b
}

// lineEnds are the ways in which logs write a line end inside a line: syslog, C, and ngrep's two dots are not
// among them, as those may be anything.
var lineEnds = []string{"#015#012", "#012", `\r\n`, `\015\012`, `\n`}

// escaped says whether a whole message stands in one line, its line ends written out.
func escaped(b []byte) bool {
	return len(b) > 64 && bytes.Contains(b, []byte("SIP/2.0")) && lineEnd(b) != ""
}

// lineEnd returns what stands for line ends in b, "" if nothing does. Several header fields must show it.
func lineEnd(b []byte) string {
	for _, e := range lineEnds {
		if bytes.Count(b, []byte(e)) >= 3 && fieldBehind(b, e) >= 2 {
			return e
		}
	}
	return ""
}

// fieldBehind counts the header fields that begin right behind e.
func fieldBehind(b []byte, e string) (n int) {
	for _, part := range bytes.Split(b, []byte(e))[1:] {
		if isField(bytes.TrimLeft(part, " ")) {
			n++
		}
	}
	return n
}

func splitEscaped(b []byte) [][]byte {
	return bytes.Split(bytes.Clone(b), []byte(lineEnd(b)))
}

// maxUnwrap bounds the lines of which one escaped line is put together.
const maxUnwrap = 128

// unwrap puts an escaped line together that was broken at a margin, and returns the lines it stands for; the lines
// as they are when no message comes of them.
func (l *textLines) unwrap(line []byte) [][]byte {
	line = bytes.Clone(line)
	all, lines := bytes.Clone(line), [][]byte{line}
	for last := line; len(all) < maxTextLine && len(lines) < maxUnwrap; {
		next, ok := l.read()
		if !ok {
			break
		}
		next = bytes.Clone(l.clean(next))
		lines = append(lines, next)
		if _, stamped := leadStamp(trimQuote(next)); stamped || blank(next) {
			break
		}
		if l.measure(next); !l.glue(len(last), len(last)-len(trimQuote(last))) {
			all = append(all, ' ') // the word had no room
		}
		all, last = append(all, trimQuote(next)...), next
		if len(next) < l.wide && bytes.HasSuffix(all, []byte("#012")) && escaped(all) {
			return splitEscaped(all)
		}
	}
	if last := lines[len(lines)-1]; escaped(all) {
		return append(splitEscaped(all), last)
	}
	return lines
}

// lineNumber matches what numbers lines, as editors and grep -n do.
var lineNumber = regexp.MustCompile(`^\s*\d{1,7}(?:[:|)\]-]\s*|\s+)`)

// prefix is what stands before the start line of a message and perhaps before each of its lines: blanks, the
// marks of a quotation, a line number, what a log writes before each line.
type prefix []byte

// strip takes the prefix off a line. A line that has it only in part loses that up to the last ": " or "] " of a
// log; one that has none of it stays.
func (p prefix) strip(line []byte) []byte {
	k, mark, whole := p.match(line)
	if !whole {
		return line[mark:]
	}
	return line[k:]
}

// match returns where in line the prefix ends, and whether all of it is there; mark is where the last ": " or "] "
// of what is there ends. Runs of digits and of blanks stand for any such run.
func (p prefix) match(line []byte) (k, mark int, whole bool) {
	i := 0
	for i < len(p) && k < len(line) {
		switch {
		case digit(p[i]) && digit(line[k]):
			for i < len(p) && digit(p[i]) {
				i++
			}
			for k < len(line) && digit(line[k]) {
				k++
			}
		case p[i] == ' ' || p[i] == '\t':
			wide := 0
			for ; i < len(p) && (p[i] == ' ' || p[i] == '\t'); i++ {
				wide++
			}
			if i < len(p) && digit(p[i]) {
				wide = len(line) // line numbers are set right
			}
			for ; wide > 0 && k < len(line) && (line[k] == ' ' || line[k] == '\t'); k++ {
				wide--
			}
			if k >= 2 && (line[k-2] == ':' || line[k-2] == ']') {
				mark = k
			}
		case p[i] == line[k] || i == len(p)-1 && p[i] == ':' && line[k] == '-': // grep -A marks the lines that follow so
			i++
			k++
		default:
			return k, mark, false
		}
	}
	return k, mark, i == len(p) || len(bytes.Trim(p[i:], " \t")) == 0
}

// shared returns how much of line is a prefix that start, what stands before a start line, begins with, so that the
// rest of start is a log's own text: what is behind it in line is a header field. 0 if there is none.
func shared(start, line []byte) int {
	for n := min(len(line), maxFieldName); n > 0; n-- {
		if c := line[n-1]; (c == ' ' || c == '\t' || c == '>' || c == '|' || c == ':') && known(line[n:]) {
			if _, _, whole := prefix(line[:n]).match(start); whole {
				return n
			}
		}
	}
	return 0
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// isField says whether line begins like a header field: a name that looks like one, and a colon.
func isField(line []byte) bool {
	i := 0
	for i < len(line) && (line[i]|0x20 >= 'a' && line[i]|0x20 <= 'z' || i > 0 && (line[i] == '-' || line[i] == '_' || digit(line[i]) || line[i] == '.')) {
		i++
	}
	if i == 0 || i > maxFieldName {
		return false
	}
	k := i
	for k < len(line) && (line[k] == ' ' || line[k] == '\t') {
		k++
	}
	if k >= len(line) || line[k] != ':' {
		return false
	}
	switch string(bytes.ToLower(line[:i])) {
	case "sip", "sips", "tel", "urn", "http", "https":
		return false
	}
	return true
}

// maxFieldName bounds the name of a header field: the longest that IANA lists has 34 letters.
const maxFieldName = 64
