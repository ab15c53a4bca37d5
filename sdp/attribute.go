package sdp

import "math"

// attributeReaders is the table of attributes that are understood; others are legal and passed over.
// Names are case-significant; the wrong case is noted and read all the same.
var attributeReaders = map[string]func(s *Session, value Text){
	"rtpmap":      (*Session).readRtpmap,
	"fmtp":        (*Session).readFmtp,
	"sendrecv":    func(s *Session, _ Text) { s.setDirection(SendRecv) },
	"sendonly":    func(s *Session, _ Text) { s.setDirection(SendOnly) },
	"recvonly":    func(s *Session, _ Text) { s.setDirection(RecvOnly) },
	"inactive":    func(s *Session, _ Text) { s.setDirection(Inactive) },
	"ptime":       (*Session).readPtime,
	"maxptime":    (*Session).readMaxptime,
	"crypto":      (*Session).readCrypto,
	"fingerprint": (*Session).readFingerprint,
	"setup":       (*Session).readSetup,
	"candidate":   (*Session).readCandidate,
	"ice-ufrag":   func(s *Session, v Text) { s.ice().Ufrag = v },
	"ice-pwd":     func(s *Session, _ Text) { s.ice().HasPassword = true },
	"ice-lite":    func(s *Session, _ Text) { s.ice().Lite = true },
	"rtcp":        (*Session).readRTCP,
	"rtcp-mux":    onMedia(func(m *Media, _ Text) { m.RTCPMux = true }),
	"mid":         onMedia(func(m *Media, v Text) { m.MID = v }),
	"bundle-only": onMedia(func(m *Media, _ Text) { m.BundleOnly = true }),
	"des":         onMedia(func(m *Media, _ Text) { m.QoS = true }),
	"key-mgmt":    (*Session).readKeyMgmt,
	"zrtp-hash":   (*Session).readZRTP,
}

// longestAttribute is the longest name in attributeReaders, for which a wrong case is looked up.
const longestAttribute = len("bundle-only")

func onMedia(set func(m *Media, value Text)) func(s *Session, value Text) {
	return func(s *Session, value Text) {
		if m := s.media(); m != nil {
			set(m, value)
		}
	}
}

func (s *Session) readAttribute(value Text) {
	s.p.attributes++
	if s.p.attributes > MaxAttributes {
		s.Dropped++
		return
	}
	name, value, _ := cut(value, ':')
	if name = trimSpace(name); len(name) == 0 {
		s.defect(RuleAttribute)
		return
	}
	read, ok := attributeReaders[string(name)]
	if !ok && len(name) <= longestAttribute {
		var folded [longestAttribute]byte
		for i, c := range name {
			folded[i] = lower(c)
		}
		if read, ok = attributeReaders[string(folded[:len(name)])]; ok {
			s.defect(RuleCase)
		}
	}
	if ok {
		read(s, trimSpace(value))
	}
}

// readRtpmap reads "<payload type> <encoding>/<clock rate>[/<channels>]".
func (s *Session) readRtpmap(value Text) {
	m := s.media()
	if m == nil {
		s.defect(RuleRtpmap)
		return
	}
	f := fields{rest: value}
	payloadType, ok1 := number(f.next(), 127)
	encoding, params, _ := cut(f.next(), '/')
	clock, channels, said := cut(params, '/')
	rate, ok2 := number(clock, math.MaxInt32)
	count, ok3 := uint64(1), true
	if said {
		count, ok3 = number(channels, math.MaxUint16)
	} else if m.Type.Is("video") {
		count = 0
	}
	if !ok1 || !ok2 || !ok3 || len(encoding) == 0 || rate == 0 {
		s.defect(RuleRtpmap)
		return
	}
	format := m.format(int(payloadType))
	if format == nil {
		s.defect(RuleRtpmapUnknown)
		return
	}
	if format.Mapped {
		s.defect(RuleDuplicate)
		return
	}
	if len(format.Encoding) > 0 && (!sameName(format.Encoding, encoding) || format.ClockRate != int(rate)) {
		s.defect(RuleRtpmapStatic)
	}
	if encoding.Is("opus") && (rate != 48000 || count != 2) {
		s.defect(RuleRtpmapOpus)
	}
	format.Encoding, format.ClockRate, format.Channels, format.Mapped = encoding, int(rate), int(count), true
}

func (s *Session) readFmtp(value Text) {
	m := s.media()
	name, params, _ := cut(value, ' ')
	params = trimSpace(params)
	if m == nil || len(name) == 0 || len(params) == 0 {
		s.defect(RuleFmtp)
		return
	}
	for i := range m.Formats {
		if string(m.Formats[i].Name) == string(name) {
			m.Formats[i].Fmtp = params
			return
		}
	}
	s.defect(RuleRtpmapUnknown)
}

// setDirection keeps the first direction of a section.
func (s *Session) setDirection(d Direction) {
	dst := &s.Direction
	if m := s.media(); m != nil {
		dst = &m.Direction
	}
	if *dst == DirectionUnset {
		*dst = d
	} else if *dst != d {
		s.defect(RuleDirection)
	}
}

// milliseconds reads a packet time; fractions are legal in RFC 8866 §6.4 and cut off.
func (s *Session) milliseconds(value Text) int {
	whole, _, _ := cut(value, '.')
	n, ok := number(whole, math.MaxInt32)
	if !ok || n == 0 {
		s.defect(RulePtime)
	}
	return int(n)
}

func (s *Session) readPtime(value Text) {
	ms := s.milliseconds(value)
	if m := s.media(); m != nil {
		m.PTime = ms
	} else {
		s.p.ptime = ms
	}
}

func (s *Session) readMaxptime(value Text) {
	ms := s.milliseconds(value)
	if m := s.media(); m != nil {
		m.MaxPTime = ms
	} else {
		s.p.maxptime = ms
	}
}

// readCrypto reads "<tag> <suite> <method>:<key> …". Of the key only its presence is looked at.
func (s *Session) readCrypto(value Text) {
	f := fields{rest: value}
	tag, ok := number(f.next(), 999999999)
	suite, key := f.next(), f.next()
	_, secret, found := cut(key, ':')
	m := s.media()
	if !ok || m == nil || len(suite) == 0 || !found || len(secret) == 0 {
		s.defect(RuleCrypto)
		return
	}
	if len(m.Crypto) >= MaxCrypto {
		s.Dropped++
		return
	}
	m.Crypto = append(m.Crypto, Crypto{Tag: int(tag), Suite: suite})
}

func (s *Session) readFingerprint(value Text) {
	f := fields{rest: value}
	fp := Fingerprint{Hash: f.next(), Value: f.next()}
	if len(fp.Hash) == 0 || !hexPairs(fp.Value) {
		s.defect(RuleFingerprint)
	}
	dst := &s.Fingerprint
	if m := s.media(); m != nil {
		dst = &m.Fingerprint
	}
	if len(dst.Hash) == 0 {
		*dst = fp
	}
}

// hexPairs says whether t is "AB:CD:…".
func hexPairs(t Text) bool {
	if len(t)%3 != 2 {
		return false
	}
	for i, c := range t {
		c = lower(c)
		hex := c >= '0' && c <= '9' || c >= 'a' && c <= 'f'
		if i%3 == 2 && c != ':' || i%3 != 2 && !hex {
			return false
		}
	}
	return true
}

func (s *Session) readSetup(value Text) {
	dst := &s.Setup
	if m := s.media(); m != nil {
		dst = &m.Setup
	}
	for role := SetupActive; role <= SetupHoldconn; role++ {
		if value.Is(role.String()) {
			*dst = role
			return
		}
	}
	s.defect(RuleSetup)
}

// readCandidate reads "<foundation> <component> <transport> <priority> <address> <port> typ <type>
// [raddr <address>] [rport <port>] …".
func (s *Session) readCandidate(value Text) {
	var c Candidate
	f := fields{rest: value}
	c.Foundation = f.next()
	component, ok1 := number(f.next(), 256)
	c.Transport = f.next()
	priority, ok2 := number(f.next(), math.MaxUint64)
	c.Host = f.next()
	c.Addr = parseAddr(c.Host)
	port, ok3 := number(f.next(), math.MaxUint16)
	typ := f.next()
	c.Type = f.next()
	c.Component, c.Priority, c.Port = int(component), priority, int(port)
	m := s.media()
	if !ok1 || !ok2 || !ok3 || m == nil || !typ.Is("typ") || len(c.Type) == 0 ||
		!c.Addr.IsValid() && !hostName(c.Host) {
		s.defect(RuleCandidate)
		return
	}
	for name := f.next(); len(name) > 0; name = f.next() {
		switch value := f.next(); {
		case name.Is("raddr"):
			c.RelatedAddr = parseAddr(value)
		case name.Is("rport"):
			n, _ := number(value, math.MaxUint16)
			c.RelatedPort = int(n)
		}
	}
	if len(m.Candidates) >= MaxCandidates {
		s.Dropped++
		return
	}
	m.Candidates = append(m.Candidates, c)
}

func (s *Session) ice() *ICE {
	if m := s.media(); m != nil {
		return &m.ICE
	}
	return &s.ICE
}

func (s *Session) readRTCP(value Text) {
	f := fields{rest: value}
	port, ok := number(f.next(), math.MaxUint16)
	if !ok {
		s.defect(RuleRTCP)
		return
	}
	if m := s.media(); m != nil {
		m.RTCPPort, m.rtcpSaid = int(port), true
	}
}

func (s *Session) readKeyMgmt(Text) {
	if m := s.media(); m != nil {
		m.KeyMgmt = true
	} else {
		s.p.keyMgmt = true
	}
}

func (s *Session) readZRTP(Text) {
	if m := s.media(); m != nil {
		m.ZRTP = true
	} else {
		s.p.zrtp = true
	}
}
