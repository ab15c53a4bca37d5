package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sipcause/internal/wire"
)

// text yields the messages of a text in which people or programs wrote SIP messages down: the log of one
// element, or what was printed of a capture. Each message is a payload of its own; its number is its place
// among the messages of the text.
type text struct {
	stream
	lines   textLines
	build   builder
	head    textHeader
	since   int                    // lines since head was read
	recent  [maxHeaderLines][]byte // lines before the one at hand, in a ring; read only when a message begins
	unread  int                    // how many of them have not been read
	at      int                    // where in recent the next goes
	clock   textClock
	ends    endpoints
	waiting []*textMessage // found and not handed on: what comes later may tell where they went
	held    int            // bytes of those waiting
	dated   bool           // a time was known before
	begun   bool           // the first message has been handed on
	ordinal bool           // the times only keep the order
	shift   time.Duration  // to be added to all times
	ended   bool
	payload wire.Payload
	loose   textHeader // what stands at the end above no message
	hole    wire.Flow  // between whose ends that message went, if others of the text did

	noTime, noDate, noPlace          uint64 // messages whose time, date, or one end at least, the text does not say
	firstTime, firstDate, firstPlace wire.PacketRef
}

const (
	// maxHeaderLines is how many lines may stand between what a log says of a message and the message.
	maxHeaderLines = 16
	// maxWaiting bounds the messages that wait until more of the text has been seen, maxWaitingBytes their bytes.
	maxWaiting      = 64
	maxWaitingBytes = 1 << 20
	// looseWithin is how many lines may follow the last header of a log for its message to be cut off.
	looseWithin = 3
	// maxLook bounds how far into a text the first message is looked for.
	maxLook = 64 << 20
)

// newText begins to read a text. It returns nil when there is no SIP message in it, and an error when it could
// not be read so far.
func newText(s stream) (*text, error) {
	t := &text{stream: s}
	t.lines.stream = &t.stream
	t.build.lines = &t.lines
	t.ends = newEndpoints()
	if t.find() {
		return t, nil
	}
	var damaged errDamaged
	if err := t.stream.err; err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.As(err, &damaged) {
		return nil, fmt.Errorf("read %s: %w", t.name, err)
	}
	return nil, nil
}

// looksText says whether b may be the beginning of a text: few control characters, and no NUL.
func looksText(b []byte) bool {
	odd := 0
	for _, c := range b {
		switch {
		case c == 0:
			return false
		case c < ' ' && c != '\t' && c != '\r' && c != '\n' && c != '\f' && c != 0x1b || c == 0x7f:
			odd++
		}
	}
	return len(b) > 0 && odd <= len(b)/16
}

// next fills p with the time and number of the next message; payload then has the message itself.
func (t *text) next(p *wire.Packet) error {
	for !t.ended && len(t.waiting) < maxWaiting && t.held < maxWaitingBytes {
		t.find()
	}
	if len(t.waiting) == 0 {
		t.notes()
		return t.finish(t.offset())
	}
	if !t.begun {
		t.begun = true
		t.settle()
	}
	m := t.waiting[0]
	t.waiting = slices.Delete(t.waiting, 0, 1)
	t.held -= len(m.data)
	t.number++
	at := m.at.Add(t.shift)
	if t.ordinal {
		at, m.timed = textBase.Add(textStep*time.Duration(t.number-1)), false
	}
	if t.first == 0 {
		t.first = at
	}
	t.last = at
	flow, known := t.ends.flow(m, t.waiting)
	if t.loose.sure && t.loose.likewise(&m.head) {
		t.hole = flow
	}
	if !known {
		if t.noPlace++; t.noPlace == 1 {
			t.firstPlace = t.ref()
		}
	}
	switch {
	case !m.timed:
		if t.noTime++; t.noTime == 1 {
			t.firstTime = t.ref()
		}
	case !at.Absolute():
		if t.noDate++; t.noDate == 1 {
			t.firstDate = t.ref()
		}
	}
	t.payload = wire.Payload{Ref: t.ref(), Time: at, Flow: flow, Data: m.data, Truncated: m.cut}
	p.Ref, p.Time, p.Point, p.Link, p.WireLen, p.Data = t.ref(), at, 0, 0, len(m.data), m.data
	return nil
}

// settle decides from the first messages what the times of the text are worth: when most have none, the few tell
// nothing of what lies between messages; a Date header (RFC 3261 §20.17) tells the day and zone of a log.
func (t *text) settle() {
	timed := 0
	for _, m := range t.waiting {
		if m.timed {
			timed++
		}
	}
	if t.ordinal = 2*timed < len(t.waiting); t.ordinal || t.clock.zone {
		return
	}
	for _, m := range t.waiting {
		if date, ok := m.sip.Date(); ok && m.timed {
			if shift, ok := zoneShift(m.at, date); ok {
				t.shift = shift
				return
			}
		}
	}
}

// notes reports what the text does not say, once for all its messages.
func (t *text) notes() {
	if t.noTime > 0 {
		t.to.gap(wire.Gap{Kind: wire.GapTimes, Ref: t.firstTime, Where: t.name, Lost: t.noTime})
	}
	if t.noDate > 0 {
		t.to.gap(wire.Gap{Kind: wire.GapDates, Ref: t.firstDate, Where: t.name, Lost: t.noDate})
	}
	if t.noPlace > 0 {
		where := t.name
		if len(t.ends.stand) > 0 {
			where += " (" + strings.Join(t.ends.stand, ", ") + ")"
		}
		t.to.gap(wire.Gap{Kind: wire.GapAddresses, Ref: t.firstPlace, Where: where, Lost: t.noPlace})
	}
	if t.hole.Src.IsValid() {
		t.to.gap(wire.Gap{
			Kind: wire.GapTruncated, Ref: t.ref(), From: t.last, Until: t.last, Flow: t.hole, Lost: 1,
			Where: t.name + ": only the line above the last message is in it",
		})
	}
	t.noTime, t.noDate, t.noPlace, t.hole = 0, 0, 0, wire.Flow{}
}

// find reads the text up to the end of the next message, which then waits; false at the end of the text.
func (t *text) find() bool {
	for {
		line, ok := t.lines.next()
		if !ok || t.number == 0 && len(t.waiting) == 0 && t.offset() > maxLook {
			if t.readRecent(); t.since <= looseWithin {
				t.loose = t.head
			}
			t.ended = true
			return false
		}
		if t.since++; t.startsMessage(line) {
			m := t.build.collect()
			t.wait(&m)
			return true
		}
	}
}

// startsMessage says whether a message begins in the line; if not, the line may say something of the next one.
func (t *text) startsMessage(line []byte) bool {
	width := len(line)
	s, ok := findStart(line)
	switch {
	case ok && line[s.at] == version[0] && width >= minWrap:
		line, s = t.unwrapStatus(line, s)
	case !ok && wrappedStart(line):
		line, s, ok = t.unwrapStart(line)
	}
	if !ok {
		t.recent[t.at] = append(t.recent[t.at][:0], line[:min(len(line), maxHeaderLine+1)]...)
		t.at = (t.at + 1) % maxHeaderLines
		t.unread = min(t.unread+1, maxHeaderLines)
		return false
	}
	t.readRecent()
	t.readHeader(line[:s.at], 0)
	return t.build.begin(line, s, width)
}

// readRecent reads what the lines before the one at hand say of the message to come.
func (t *text) readRecent() {
	for ; t.unread > 0; t.unread-- {
		line := t.recentLine(t.unread)
		if t.unread > 1 && len(line) >= minWrap && len(line) >= t.lines.wide {
			if !t.lines.glue(len(line), len(line)-len(trimQuote(line))) {
				line = append(bytes.Clone(line), ' ')
			}
			if whole := unbroken(line, trimQuote(t.recentLine(t.unread-1))); whole != nil {
				t.unread--
				line = whole
			}
		}
		t.readHeader(line, t.unread)
	}
}

// unbroken puts a log's line together that a terminal broke; nil if the two are lines of their own.
func unbroken(line, next []byte) []byte {
	_, stamped := leadStamp(next)
	if own, _ := dialectOf(next); own != nil || stamped {
		return nil
	}
	whole := slices.Concat(line, next)
	if d, _ := dialectOf(trimQuote(whole)); d == nil {
		return nil
	}
	return whole
}

// recentLine returns the line that was read so many lines ago.
func (t *text) recentLine(ago int) []byte {
	return t.recent[(t.at+maxHeaderLines-ago)%maxHeaderLines]
}

// unwrapStart puts a start line together that goes on in the next line: at once, or behind a blank.
func (t *text) unwrapStart(line []byte) ([]byte, startLine, bool) {
	whole := append([]byte(nil), line...)
	next, ok := t.lines.next()
	if !ok {
		return whole, startLine{}, false
	}
	if next := trimQuote(next); len(next) >= len(version) && len(next) < maxHeaderLine {
		if next[0] != 'S' && !requestURI(next) {
			if s, ok := findStart(append(whole, next...)); ok && s.at < len(line) {
				return append(whole, next...), s, true
			}
		}
		joined := append(append(bytes.TrimRight(whole, " "), ' '), next...)
		if s, ok := findStart(joined); ok && s.at < len(line) {
			return joined, s, true
		}
	}
	t.lines.back()
	return line, startLine{}, false
}

// unwrapStatus puts a status line together whose reason phrase goes on in the next line.
func (t *text) unwrapStatus(line []byte, s startLine) ([]byte, startLine) {
	whole := bytes.Clone(line)
	next, ok := t.lines.next()
	if !ok {
		return whole, s
	}
	t.lines.back()
	rest := trimQuote(prefix(whole[:s.at]).strip(next))
	hard := len(whole) >= t.lines.wide
	_, stamped := leadStamp(rest)
	if _, start := findStart(rest); start || stamped || blank(rest) || known(rest) || shared(whole[:s.at], next) > 0 || !hard && !t.lines.noRoom(len(whole), rest) {
		return whole, s
	}
	if d, _ := dialectOf(rest); d != nil {
		return whole, s
	}
	if !t.lines.glue(len(whole), len(whole)-len(trimQuote(whole))) {
		whole = append(whole, ' ')
	}
	whole = append(whole, rest...)
	_, _ = t.lines.next()
	s.end = len(bytes.TrimRight(whole, " \t"))
	return whole, s
}

func trimQuote(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == '>') {
		b = b[1:]
	}
	return b
}

// readHeader takes from a line outside messages, or from what stands before a start line, what it says of the
// message to come; it was so many lines ago.
func (t *text) readHeader(line []byte, ago int) {
	if len(line) < 3 {
		return
	}
	t.readTrailer(line)
	line = trimQuote(line)
	d, groups := dialectOf(line)
	if d == nil {
		if n := lineNumber.FindIndex(line); n != nil {
			if d, groups = dialectOf(line[n[1]:]); d != nil {
				line = line[n[1]:]
			}
		}
	}
	if s, ok := leadStamp(line); ok {
		t.clock.read(s)
	}
	if d == nil {
		return
	}
	t.head.read(d, groups, &t.clock)
	t.since = ago
}

// wait keeps a message until more of the text has been seen, and gives it its time.
func (t *text) wait(m *textMessage) {
	if t.since <= maxHeaderLines {
		m.head = t.head
	}
	if m.short && m.head.size == len(m.data) {
		m.cut = false // the log has all of it: its Content-Length is wrong
	}
	bare := t.head == textHeader{tcpdump: t.head.tcpdump}
	t.head = textHeader{tcpdump: t.head.tcpdump}
	if n := len(t.waiting); n > 0 && bare && t.head.tcpdump && bytes.Equal(t.waiting[n-1].data, m.data) {
		return // tcpdump -v -A shows a message twice: decoded, and as it was
	}
	if m.at, m.timed = t.clock.take(m.head.time); m.timed && !t.dated {
		t.dated = true
		for i, w := range t.waiting { // the first time that is known: what came before is put before it
			w.at = m.at.Add(-textStep * time.Duration(len(t.waiting)-i))
		}
	}
	t.ends.learn(m)
	t.waiting = append(t.waiting, m)
	t.held += len(m.data)
}

// readTrailer takes what stands below a message: the time that AudioCodes writes there, the sockets of siptrace.
func (t *text) readTrailer(line []byte) {
	if len(t.waiting) == 0 {
		return
	}
	m := t.waiting[len(t.waiting)-1]
	if g := traceColumn.FindSubmatch(line); g != nil && len(line) <= maxHeaderLine {
		m.head.column(string(g[1]), string(g[2]), g[3])
		return
	}
	if !bytes.Contains(line, []byte("[Time:")) {
		return
	}
	if g := trailer.FindSubmatch(line); g != nil {
		if s, ok := findStamp(g[1]); ok {
			m.at, m.timed, t.dated = t.clock.read(s), true, true
			t.clock.fresh = false
		}
	}
}
