package diagnose

import (
	"bytes"
	"strings"

	"sipcause/internal/call"
	"sipcause/sip"
)

// mediaUnsupportedBody: 415, by the request's Content-Type and Content-Encoding against Accept and
// Accept-Encoding of the response (RFC 3261 §8.2.3, §21.4.13).
func mediaUnsupportedBody(x *Case) *report {
	status, t, ok := x.deciding()
	m, q := x.Deciding(), x.Request(t)
	if !ok || status != 415 || m == nil || q == nil || len(q.Body) == 0 && q.Method == sip.MethodInvite {
		return nil
	}
	kind, coding := mediaType(q.Header(sip.HeaderContentType)), q.Header(sip.HeaderContentEncoding)
	badKind := m.Count(sip.HeaderAccept) > 0 && !accepts(m, kind)
	badCoding := len(coding) > 0 && !listsToken(m, sip.HeaderAcceptEncoding, coding)
	confidence := 0.75
	switch {
	case len(q.Body) == 0:
		confidence = 0.6
	case badKind, badCoding:
		confidence = 0.95
	case m.Count(sip.HeaderAccept) > 0:
		return nil // the type is accepted: what is in the body is meant
	}
	what := "a body of type " + call.Clean(kind)
	switch {
	case len(q.Body) == 0:
		what = "no body at all"
	case len(kind) == 0:
		what = "a body without Content-Type"
	}
	if len(coding) > 0 {
		what += " in Content-Encoding " + call.Clean(coding)
	}
	r := x.report("media.unsupported-body", confidence, "%s refused the %s with 415 %s: it carries %s, and the response accepts %s.", x.originName(), x.methodOf(t), x.Reason, what, acceptList(m)).
		see(x.RequestRef(t), "Content-Type: %s", call.Clean(q.Header(sip.HeaderContentType))).
		see(x.DecidingRef(), "415, Accept: %s", acceptList(m))
	switch {
	case badCoding:
		r.do("Send the body without Content-Encoding %s: compression is rarely implemented.", call.Clean(coding))
	case bytes.HasPrefix(kind, []byte("multipart/")):
		r.do("Find which part the receiver lacks (ISUP, PIDF-LO, XML …) and send the session description alone, or mark the part Content-Disposition handling=optional (RFC 5621 §8.2).")
	case badKind:
		r.do("Send one of the accepted types, or none; a feature of the sender (ISUP in SIP-I, MIME attachments, XML) is to be switched off for this peer.")
	default:
		r.do("The response lists no Accept, as it should: ask the operator of %s which body types it takes.", x.Txn(t).Server)
	}
	return r.do("Check that no hop on the way changed the Content-Type or the body.").blame(x.writer(t))
}

// mediaType is a Content-Type without its parameters.
func mediaType(v []byte) []byte {
	t, _, _ := bytes.Cut(v, []byte(";"))
	return bytes.TrimSpace(t)
}

// accepts says whether the Accept of m covers a media type. Parameters are passed over.
func accepts(m *sip.Message, kind []byte) bool {
	major, _, _ := bytes.Cut(kind, []byte("/"))
	for v := range m.Values(sip.HeaderAccept) {
		a := mediaType(v)
		if bytes.EqualFold(a, kind) || string(a) == "*/*" {
			return true
		}
		if wild, ok := bytes.CutSuffix(a, []byte("/*")); ok && bytes.EqualFold(wild, major) {
			return true
		}
	}
	return false
}

// listsToken says whether a header that lists tokens has this one.
func listsToken(m *sip.Message, id sip.HeaderID, token []byte) bool {
	for v := range m.Values(id) {
		if v, _, _ = bytes.Cut(v, []byte(";")); bytes.EqualFold(bytes.TrimSpace(v), token) {
			return true
		}
	}
	return false
}

// acceptList is what the response accepts, for people.
func acceptList(m *sip.Message) string {
	return headerList(m, sip.HeaderAccept, "an unnamed list (no Accept header)")
}

// headerList joins the values of a header for people; none stands for an absent one.
func headerList(m *sip.Message, id sip.HeaderID, none string) string {
	var list []string
	for v := range m.Values(id) {
		list = append(list, string(v))
	}
	if len(list) == 0 {
		return none
	}
	return call.Clean([]byte(strings.Join(list, ", ")))
}
