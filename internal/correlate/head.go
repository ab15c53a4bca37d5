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

// connectionLine begins an IPv4 connection line; the address follows (RFC 8866 §5.7).
var (
	connectionLine    = []byte("\nc=IN IP4 ")
	privateBeginnings = [...]string{"10.", "172.", "192.168.", "100.", "169.254."}
)

// namesPrivate says whether a connection line may name a private or shared IPv4 address: a look at the bytes that
// spares healthy calls the parse.
func namesPrivate(body []byte) bool {
	for {
		i := bytes.Index(body, connectionLine)
		if i < 0 {
			return false
		}
		body = body[i+len(connectionLine):]
		for _, p := range privateBeginnings {
			if len(body) >= len(p) && string(body[:len(p)]) == p {
				return true
			}
		}
	}
}

var (
	mediaLine      = []byte("\nm=")
	telephoneEvent = []byte("telephone-event")
)

// rejectsAll says of a session description, without parsing it, whether each m= line has port 0 (RFC 3264 §6).
func rejectsAll(body []byte) bool {
	some := false
	for {
		i := bytes.Index(body, mediaLine)
		if i < 0 {
			return some
		}
		body = body[i+len(mediaLine):]
		line, _, _ := bytes.Cut(body, []byte("\n"))
		_, rest, _ := bytes.Cut(line, []byte(" "))
		if len(rest) == 0 || rest[0] != '0' || len(rest) > 1 && rest[1] != ' ' {
			return false
		}
		some = true
	}
}
