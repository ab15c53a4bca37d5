package correlate

import (
	"bytes"

	"sipcause/internal/call"
	"sipcause/sip"
)

// headed says where a leg's Head was read.
type headed uint8

const (
	headNone headed = iota
	headResponse
	headRequest
)

// head notes who wants what of whom when the first request of the leg is seen; until then its first message serves.
func (s *Shard) head(ol *openLeg, m *sip.Message) {
	if ol.headed == headRequest || ol.headed == headResponse && !m.IsRequest() {
		return
	}
	h := &ol.leg.Head
	b := s.text[:0]
	if a, ok := m.From(); ok {
		b = call.AppendClean(b, a.URI)
	}
	from := len(b)
	if a, ok := m.To(); ok {
		b = call.AppendClean(b, a.URI)
	}
	to := len(b)
	ol.headed = headResponse
	if m.IsRequest() {
		ol.headed = headRequest
		b = call.AppendClean(b, m.RequestURI())
		h.UserAgent = s.names.of(m.ServerOrUserAgent())
	}
	all := string(b) // one allocation for the three
	h.From, h.To, h.Target = all[:from], all[from:to], all[to:]
	s.text = b
}

// reasonPhrase returns the Reason-Phrase of a response that is known to parse (RFC 3261 §7.2).
func reasonPhrase(raw []byte) []byte {
	for len(raw) > 0 && (raw[0] == '\r' || raw[0] == '\n') {
		raw = raw[1:]
	}
	if end := bytes.IndexByte(raw, '\n'); end >= 0 {
		raw = raw[:end]
	}
	raw = bytes.TrimSuffix(raw, []byte("\r"))
	i := 0
	for i < len(raw) && raw[i] != ' ' && raw[i] != '\t' {
		i++
	}
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\t') {
		i++
	}
	for i < len(raw) && raw[i] >= '0' && raw[i] <= '9' {
		i++
	}
	return bytes.TrimPrefix(raw[i:], []byte(" "))
}

// privateBeginnings are those of private and shared IPv4 addresses.
var privateBeginnings = [...]string{"10.", "172.", "192.168.", "100.", "169.254."}

var (
	connectionLine = []byte("c=IN IP4 ") // the address follows (RFC 8866 §5.7)
	mediaLine      = []byte("m=")
	rtpmapLine     = []byte("a=rtpmap:")
	telephoneEvent = []byte("telephone-event")
)

// glance looks at the lines of a session description behind its first: it spares healthy calls the parse. It says
// whether a connection line may name a private or shared IPv4 address, whether each m= line has port 0
// (RFC 3264 §6), and whether telephone events are among the formats (RFC 4733 §2.4.1).
func glance(body []byte) (private, rejected, events bool) {
	some, open := false, false // m= lines, m= lines with a port
	for {
		i := bytes.IndexByte(body, '\n') + 1
		if i == 0 || i == len(body) {
			return private, some && !open, events
		}
		body = body[i:]
		switch body[0] {
		case 'c':
			private = private || bytes.HasPrefix(body, connectionLine) && beginsPrivate(body[len(connectionLine):])
		case 'm':
			if bytes.HasPrefix(body, mediaLine) {
				some, open = true, open || !portZero(body)
			}
		case 'a':
			if !events && bytes.HasPrefix(body, rtpmapLine) {
				line, _, _ := bytes.Cut(body, []byte("\n"))
				events = bytes.Contains(line, telephoneEvent)
			}
		}
	}
}

func beginsPrivate(address []byte) bool {
	for _, p := range privateBeginnings {
		if len(address) >= len(p) && string(address[:len(p)]) == p {
			return true
		}
	}
	return false
}

// portZero says of what begins with an m= line whether its port is 0.
func portZero(body []byte) bool {
	line, _, _ := bytes.Cut(body, []byte("\n"))
	_, rest, _ := bytes.Cut(line, []byte(" "))
	return len(rest) > 0 && rest[0] == '0' && (len(rest) == 1 || rest[1] == ' ')
}
