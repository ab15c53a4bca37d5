package sdp

import (
	"bytes"
	"math"
)

// progress is where Parse stands. It lives in the Session so that parsing needs no memory of its own.
type progress struct {
	text       Text   // the line at hand, without its end
	line       int    // 1-based
	offset     int    // of the line in the body
	section    int    // index of the m= section, -1 for the session part
	skip       bool   // inside an m= section beyond MaxMedia
	rank       int    // highest rank of line type seen in this section
	seen       uint32 // types of the lines in this section, one bit per letter
	anywhere   uint32 // the same of all sections
	attributes int
	oddEnding  bool // a line ending other than CRLF was noted

	ptime, maxptime int // said at session level, where they do not belong: in force for every stream
	keyMgmt, zrtp   bool
}

// Parse reads b into s, whose former content is lost and whose memory is used again. ok is false when b is
// no session description at all: it has no v=, o= or m= line. Otherwise s holds what could be read
// and s.Defects what was wrong. s aliases b.
func (s *Session) Parse(b []byte) (ok bool) {
	s.reset()
	end := len(b)
	if len(b) > MaxBytes {
		b = b[:MaxBytes]
	}
	separator := byte('\n')
	if bytes.IndexByte(b, '\n') < 0 {
		separator = '\r' // a body of bare CRs, or of one line
	}
	for rest := b; len(rest) > 0; {
		s.p.line++
		s.p.offset = len(b) - len(rest)
		i := bytes.IndexByte(rest, separator)
		line := rest
		if i < 0 {
			rest = nil
		} else {
			line, rest = rest[:i], rest[i+1:]
		}
		crlf := i >= 0 && separator == '\n' && len(line) > 0 && line[len(line)-1] == '\r'
		if crlf {
			line = line[:len(line)-1]
		}
		s.p.text = line
		if !crlf && !s.p.oddEnding {
			s.p.oddEnding = true
			s.defect(RuleLineEnding)
		}
		if s.readLine(line) {
			ok = true
		}
	}
	if !ok {
		return false
	}
	s.finish(len(b))
	if end > MaxBytes {
		s.absent(RuleTooLong, len(b))
	}
	return true
}

// reset empties s but keeps the memory of its lists.
func (s *Session) reset() {
	*s = Session{
		Version:   -1,
		Bandwidth: s.Bandwidth[:0],
		Media:     s.Media[:0],
		Defects:   s.Defects[:0],
		p:         progress{section: -1, rank: -1},
	}
}

// defect notes that the line at hand breaks r.
func (s *Session) defect(r Rule) {
	quote := s.p.text
	if holdsKey(quote) {
		quote = nil
	}
	s.addDefect(Defect{Line: s.p.line, Offset: s.p.offset, Rule: r, Text: quote})
}

// absent notes that what r asks for is nowhere in the body of the given length.
func (s *Session) absent(r Rule, length int) { s.addDefect(Defect{Offset: length, Rule: r}) }

func (s *Session) addDefect(d Defect) {
	if len(s.Defects) >= MaxDefects {
		s.Dropped++
		return
	}
	if len(d.Text) > quoteLimit {
		d.Text = d.Text[:quoteLimit]
	}
	d.Ref, d.Detail = d.Rule.Ref(), d.Rule.Detail()
	s.Defects = append(s.Defects, d)
}

// secretWords stand in lines that hold key material (RFC 4568, RFC 4567, RFC 8839 §5.4). A defect may be
// in how such a word is written, so they are looked for anywhere and in any case.
var secretWords = [...]string{"crypto", "inline:", "key-mgmt", "ice-pwd", "k="}

func holdsKey(line Text) bool {
	for _, word := range secretWords {
		for i := 0; i+len(word) <= len(line); i++ {
			if line[i : i+len(word)].Is(word) {
				return true
			}
		}
	}
	return len(line) > 0 && lower(line[0]) == 'k'
}

// lineReader is a row of the table of line types. rank orders them within the session part and within an
// m= section; -1 means that the type has no place there.
type lineReader struct {
	sessionRank, mediaRank int
	once                   bool // at most one in a section
	read                   func(s *Session, value Text)
}

func ignore(*Session, Text) {}

// lineReaders holds RFC 8866 §5's order. t, r and z may alternate.
var lineReaders = ['z' + 1]lineReader{
	'v': {0, -1, true, (*Session).readVersion},
	'o': {1, -1, true, (*Session).readOrigin},
	's': {2, -1, true, (*Session).readName},
	'i': {3, 1, true, ignore},
	'u': {4, -1, true, ignore},
	'e': {5, -1, false, ignore},
	'p': {6, -1, false, ignore},
	'c': {7, 2, false, (*Session).readConnection},
	'b': {8, 3, false, (*Session).readBandwidth},
	't': {9, -1, false, (*Session).readTime},
	'r': {9, -1, false, ignore},
	'z': {9, -1, false, ignore},
	'k': {10, 4, true, ignore}, // obsolete, and a key: RFC 8866 §5.12
	'a': {11, 5, false, (*Session).readAttribute},
	'm': {12, 0, false, nil},
}

// readLine reads one line and says whether it is one that makes the body a session description.
func (s *Session) readLine(line Text) (tells bool) {
	if len(line) > 0 && blank(line[0]) {
		s.defect(RuleSpacing)
		line = trimSpace(line)
	}
	if len(line) == 0 {
		s.defect(RuleEmptyLine)
		return false
	}
	if len(line) < 2 || line[1] != '=' || line[0] < 'a' || line[0] > 'z' {
		s.defect(RuleLineSyntax)
		return false
	}
	kind, value := line[0], line[2:]
	reader := &lineReaders[kind]
	if kind == 'm' {
		s.readMedia(value)
		return true
	}
	if s.p.skip {
		s.Dropped++
		return false
	}
	if reader.read == nil {
		return false // RFC 8866 §5: an unknown type letter must be ignored
	}
	s.checkPlace(kind, reader)
	reader.read(s, value)
	return kind == 'v' || kind == 'o'
}

// checkPlace notes lines out of order and lines that stand twice.
func (s *Session) checkPlace(kind byte, reader *lineReader) {
	rank := reader.sessionRank
	if s.p.section >= 0 {
		rank = reader.mediaRank
	}
	if rank < s.p.rank {
		s.defect(RuleLineOrder)
	} else {
		s.p.rank = rank
	}
	bit := letter(kind)
	once := reader.once || kind == 'c' && s.p.section < 0
	if once && s.p.seen&bit != 0 {
		s.defect(RuleDuplicate)
	}
	s.p.seen |= bit
	s.p.anywhere |= bit
}

func letter(kind byte) uint32 { return 1 << (kind - 'a') }

// media is the section at hand, nil in the session part.
func (s *Session) media() *Media {
	if s.p.section < 0 {
		return nil
	}
	return &s.Media[s.p.section]
}

func (s *Session) readVersion(value Text) {
	n, ok := number(trimSpace(value), math.MaxInt32)
	if !ok || n != 0 {
		s.defect(RuleVersion)
	}
	if ok {
		s.Version = int(n)
	}
}

func (s *Session) readOrigin(value Text) {
	if s.Origin.Username != nil {
		return // RuleDuplicate has been noted; the first stands
	}
	o := &s.Origin
	f := fields{rest: value}
	for _, dst := range []*Text{&o.Username, &o.SessionID, &o.SessionVersion, &o.NetType, &o.AddrType, &o.Host} {
		*dst = f.next()
	}
	o.Addr = parseAddr(o.Host)
	if len(o.Host) == 0 || len(f.next()) > 0 || !digits(o.SessionID) || !digits(o.SessionVersion) {
		s.defect(RuleOrigin)
	} else if f.odd {
		s.defect(RuleSpacing)
	}
}

func (s *Session) readName(value Text) {
	s.Name = value
	if len(value) == 0 {
		s.defect(RuleName)
	}
}

// readConnection keeps the first c= of a section: further ones are layers of a multicast group.
func (s *Session) readConnection(value Text) {
	c := Connection{Line: s.p.line}
	f := fields{rest: value}
	c.NetType, c.AddrType, c.Host = f.next(), f.next(), f.next()
	if i := bytes.IndexByte(c.Host, '/'); i >= 0 {
		c.Host = c.Host[:i]
	}
	c.Addr = parseAddr(c.Host)
	known := c.AddrType.Is("IP4") || c.AddrType.Is("IP6")
	switch {
	case len(c.Host) == 0, len(f.next()) > 0, !c.NetType.Is("IN"), !known:
		s.defect(RuleConnection)
	case !c.Addr.IsValid() && !hostName(c.Host):
		s.defect(RuleConnectionAddress)
	case c.Addr.IsValid() && c.Addr.Is4() != c.AddrType.Is("IP4"):
		s.defect(RuleConnectionFamily)
	case f.odd:
		s.defect(RuleSpacing)
	}
	dst := &s.Connection
	if m := s.media(); m != nil {
		dst = &m.Connection
	}
	if dst.Line == 0 {
		*dst = c
	}
}

func (s *Session) readBandwidth(value Text) {
	kind, amount, _ := cut(value, ':')
	n, ok := number(trimSpace(amount), math.MaxUint64)
	if len(kind) == 0 || !ok {
		s.defect(RuleBandwidth)
		return
	}
	list := &s.Bandwidth
	if m := s.media(); m != nil {
		list = &m.Bandwidth
	}
	if len(*list) >= MaxBandwidth {
		s.Dropped++
		return
	}
	*list = append(*list, Bandwidth{Type: kind, Value: n})
}

func (s *Session) readTime(value Text) {
	f := fields{rest: value}
	start, ok1 := number(f.next(), math.MaxUint64)
	stop, ok2 := number(f.next(), math.MaxUint64)
	if !ok1 || !ok2 || len(f.next()) > 0 {
		s.defect(RuleTime)
		return
	}
	if f.odd {
		s.defect(RuleSpacing)
	}
	if !s.HasTime {
		s.HasTime, s.Start, s.Stop = true, start, stop
	}
}

// readMedia begins a section.
func (s *Session) readMedia(value Text) {
	s.p.rank, s.p.seen = 0, 0
	if len(s.Media) >= MaxMedia {
		s.p.skip = true
		s.Dropped++
		return
	}
	s.p.section = len(s.Media)
	m := s.growMedia()
	f := fields{rest: value}
	m.Type = f.next()
	s.readPort(m, f.next())
	m.Proto = f.next()
	m.Profile = profileOf(m.Proto)
	for name := f.next(); len(name) > 0; name = f.next() {
		s.addFormat(m, name)
	}
	switch {
	case len(m.Formats) > 0:
		if f.odd {
			s.defect(RuleSpacing)
		}
	case m.Port == 0 && len(m.Proto) > 0:
		s.defect(RuleMediaRejected)
	default:
		s.defect(RuleMedia)
	}
}

// growMedia appends a Media that uses the memory of one parsed before.
func (s *Session) growMedia() *Media {
	n := len(s.Media)
	if n < cap(s.Media) {
		s.Media = s.Media[:n+1]
	} else {
		s.Media = append(s.Media, Media{})
	}
	m := &s.Media[n]
	*m = Media{
		Line:       s.p.line,
		Offset:     s.p.offset,
		NumPorts:   1,
		DTMF:       -1,
		Formats:    m.Formats[:0],
		Bandwidth:  m.Bandwidth[:0],
		Crypto:     m.Crypto[:0],
		Candidates: m.Candidates[:0],
	}
	return m
}

func (s *Session) readPort(m *Media, text Text) {
	first, count, several := cut(text, '/')
	port, ok := number(first, math.MaxUint16)
	m.Port = int(port)
	if !ok {
		m.Port = -1
		s.defect(RuleMediaPort)
	}
	if several {
		n, ok := number(count, math.MaxUint16)
		if !ok || n == 0 {
			s.defect(RuleMediaPort)
			return
		}
		m.NumPorts = int(n)
	}
}

func (s *Session) addFormat(m *Media, name Text) {
	if len(m.Formats) >= MaxFormats {
		s.Dropped++
		return
	}
	f := Format{Name: name, PayloadType: -1}
	if m.Profile.RTP() {
		n, ok := number(name, 127)
		if !ok {
			s.defect(RuleMediaFormat)
		} else {
			if m.format(int(n)) != nil {
				s.defect(RuleMediaRepeat)
				return
			}
			f.PayloadType = int(n)
			if n < uint64(len(staticTypes)) {
				t := &staticTypes[n]
				f.Encoding, f.ClockRate, f.Channels = t.name, t.clock, t.channels
			}
		}
	} else {
		f.Encoding = name
	}
	m.Formats = append(m.Formats, f)
}

// format finds a payload type, nil when the m= line does not list it.
func (m *Media) format(payloadType int) *Format {
	for i := range m.Formats {
		if m.Formats[i].PayloadType == payloadType {
			return &m.Formats[i]
		}
	}
	return nil
}

func profileOf(proto Text) Profile {
	for i := range profileFacts {
		if proto.Is(profileFacts[i].name) {
			return profileFacts[i].profile
		}
	}
	return ProfileOther
}

// finish puts in force for each stream what the session said, and notes what is missing.
func (s *Session) finish(length int) {
	for i := range s.Media {
		s.finishMedia(&s.Media[i])
	}
	for _, line := range [...]struct {
		kind byte
		rule Rule
	}{{'v', RuleMissingVersion}, {'o', RuleMissingOrigin}, {'s', RuleMissingName}, {'t', RuleMissingTime}} {
		if s.p.anywhere&letter(line.kind) == 0 {
			s.absent(line.rule, length)
		}
	}
}

func (s *Session) finishMedia(m *Media) {
	if m.Connection.Line == 0 {
		m.Connection = s.Connection
	}
	m.DirectionExplicit = m.Direction != DirectionUnset || s.Direction != DirectionUnset
	m.Direction = first(m.Direction, s.Direction, SendRecv)
	m.Setup = first(m.Setup, s.Setup)
	m.PTime = first(m.PTime, s.p.ptime)
	m.MaxPTime = first(m.MaxPTime, s.p.maxptime)
	m.KeyMgmt = m.KeyMgmt || s.p.keyMgmt
	m.ZRTP = m.ZRTP || s.p.zrtp
	if len(m.Fingerprint.Hash) == 0 {
		m.Fingerprint = s.Fingerprint
	}
	if len(m.ICE.Ufrag) == 0 {
		m.ICE.Ufrag = s.ICE.Ufrag
	}
	m.ICE.HasPassword = m.ICE.HasPassword || s.ICE.HasPassword
	m.ICE.Lite = m.ICE.Lite || s.ICE.Lite
	if !m.Profile.RTP() {
		m.RTCPPort = 0
	} else if m.RTCPMux && m.Port > 0 {
		m.RTCPPort = m.Port
	} else if !m.rtcpSaid && m.Port > 0 && m.Port < math.MaxUint16 {
		m.RTCPPort = m.Port + 1
	}
	// What is said of a stream is noted at its m= line.
	s.p.line, s.p.offset, s.p.text = m.Line, m.Offset, nil
	for i := range m.Formats {
		f := &m.Formats[i]
		if f.Encoding.Is("telephone-event") && m.DTMF < 0 {
			m.DTMF = f.PayloadType
		}
		if f.PayloadType >= 0 && len(f.Encoding) == 0 && !m.Rejected() {
			s.addDefect(Defect{Line: m.Line, Offset: m.Offset, Rule: RuleRtpmapMissing, Text: f.Name})
		}
	}
	if m.Connection.Line == 0 && !m.Rejected() {
		s.defect(RuleMissingConnection)
	}
}

// first returns the first of values that is not zero, or zero.
func first[T comparable](values ...T) T {
	var zero T
	for _, v := range values {
		if v != zero {
			return v
		}
	}
	return zero
}
