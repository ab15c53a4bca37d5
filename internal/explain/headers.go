package explain

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"sipcause/code"
	"sipcause/sdp"
	"sipcause/sip"
)

// maxNotes bounds what is said of one header: a paste may repeat it without end.
const maxNotes = 8

// noteTable says what each header of a response adds, the weightiest first.
var noteTable = []func(m *sip.Message) []string{
	reasonNotes, warningNotes, waitNotes, challengeNotes, contactNotes, limitNotes, listNotes, sdpNotes, textNotes,
}

// reasonNotes: a Q.850 cause says more than the code it was mapped to (RFC 6432).
func reasonNotes(m *sip.Message) []string {
	var notes []string
	for r := range m.Reasons() {
		if len(notes) == maxNotes {
			break
		}
		notes = append(notes, reasonNote(m.Status, r))
	}
	return notes
}

func reasonNote(status int, r sip.Reason) string {
	name := string(r.Protocol)
	said := ""
	if len(r.Text) > 0 {
		said = fmt.Sprintf(" The text says “%s”.", r.Text)
	}
	proto, known := code.ReasonProtocol(name)
	switch {
	case !known:
		return fmt.Sprintf("Reason: the protocol “%s” is not registered.%s", name, said)
	case r.Cause < 0:
		return fmt.Sprintf("Reason: %s without a readable cause.%s", proto.Name, said)
	case proto.Name == "SIP":
		return fmt.Sprintf("Reason: SIP %s.%s", strings.TrimSpace(fmt.Sprintf("%d %s", r.Cause, code.Phrase(r.Cause))), said)
	case proto.Name == "Q.850":
		c, ok := code.Q850(r.Cause)
		if !ok {
			return fmt.Sprintf("Reason: Q.850 cause %d, which Q.850 does not assign.%s", r.Cause, said)
		}
		return fmt.Sprintf("Reason: Q.850 cause %d, %s. %s %s%s Whom to ask: %s", c.Cause, c.Name, c.Meaning, mappingText(c, status), said, c.Ask)
	}
	s := fmt.Sprintf("Reason: %s cause %d.", proto.Name, r.Cause)
	if says, err := proto.Cause("en", r.Cause); err == nil && says != "" {
		s += " " + says
	} else {
		s += " " + proto.Meaning
	}
	return s + said
}

// mappingText says whether code and cause belong together.
func mappingText(c code.Q850Cause, status int) string {
	if c.Agrees(status) {
		return "The response code fits the cause (RFC 3398)."
	}
	if c.SIP == 0 {
		return "RFC 3398 gives this cause no response of its own."
	}
	if status < 200 {
		return fmt.Sprintf("RFC 3398 makes it %d %s when the final response comes.", c.SIP, code.Phrase(c.SIP))
	}
	return fmt.Sprintf("RFC 3398 makes it %d %s and not %d; trust the cause.", c.SIP, code.Phrase(c.SIP), status)
}

func warningNotes(m *sip.Message) []string {
	var notes []string
	for w := range m.Warnings() {
		if len(notes) == maxNotes {
			break
		}
		s := fmt.Sprintf("Warning: %d", w.Code)
		v, ok := code.Warning(w.Code)
		if ok {
			s = fmt.Sprintf("Warning: %d, %s. %s", v.Code, v.Text, v.Meaning)
		} else if w.Code < 0 {
			s = "Warning: its code is unreadable."
		} else {
			s += ", which is not registered."
		}
		if len(w.Text) > 0 && !strings.EqualFold(string(w.Text), v.Text) {
			s += fmt.Sprintf(" The text says “%s”.", w.Text)
		}
		if ok {
			s += " Check: " + v.Check
		}
		notes = append(notes, s)
	}
	return notes
}

func waitNotes(m *sip.Message) []string {
	n, ok := m.RetryAfter()
	if !ok {
		return nil
	}
	s := "Retry-After: wait " + seconds(n) + " before this server is asked again"
	switch e, _ := code.Lookup(m.Status); {
	case m.Status == 503:
		s += "; send it no other requests either meanwhile, but try another server."
	case !e.RetryAfter:
		s += "; RFC 3261 §20.33 gives it no meaning in this response, but it does no harm to follow it."
	default:
		s += "."
	}
	return []string{s}
}

// seconds writes a duration for people.
func seconds(n int) string {
	switch {
	case n == 1:
		return "1 second"
	case n < 120:
		return fmt.Sprintf("%d seconds", n)
	case n < 7200:
		return fmt.Sprintf("%d seconds (%d minutes)", n, (n+30)/60)
	}
	return fmt.Sprintf("%d seconds (%d hours)", n, (n+1800)/3600)
}

func challengeNotes(m *sip.Message) []string {
	var notes []string
	for c := range m.Challenges() {
		if len(notes) == maxNotes {
			break
		}
		who, answer := sip.HeaderWWWAuthenticate, sip.HeaderAuthorization
		if c.Proxy {
			who, answer = sip.HeaderProxyAuthenticate, sip.HeaderProxyAuthorization
		}
		s := fmt.Sprintf("%s: a %s challenge for the realm “%s”", who, c.Scheme, c.Realm)
		algorithm := string(c.Algorithm)
		if algorithm == "" {
			algorithm = "MD5 (the default)"
		}
		if strings.EqualFold(string(c.Scheme), "Digest") {
			s += ", algorithm " + algorithm
		}
		s += fmt.Sprintf("; the client answers it with %s and a higher CSeq number.", answer)
		if c.Stale {
			s += " It is stale: the credentials were right and only the nonce was too old, so the client tries again with the new one, without asking the user."
		}
		if strings.EqualFold(string(c.Scheme), "Basic") {
			s += " RFC 3261 §22 forbids Basic: the password would travel in the clear."
		}
		notes = append(notes, s)
	}
	return notes
}

// contactNotes lists the targets of a redirection in the order in which they are to be tried.
func contactNotes(m *sip.Message) []string {
	if m.Status/100 != 3 && m.Status != 485 {
		return nil
	}
	type target struct {
		uri string
		q   float64
	}
	var targets []target
	for c := range m.Contacts() {
		if len(targets) == maxNotes {
			break
		}
		t := target{string(c.URI), 1} // RFC 3261 §20.10 leaves the default open; those without one come first
		if v, ok := c.Param("q"); ok {
			if q, err := strconv.ParseFloat(string(v), 64); err == nil && q >= 0 && q <= 1 {
				t.q = q
				t.uri += " (q=" + string(v) + ")"
			}
		}
		targets = append(targets, t)
	}
	if targets == nil {
		return nil
	}
	slices.SortStableFunc(targets, func(a, b target) int { return cmp.Compare(b.q, a.q) })
	names := make([]string, len(targets))
	for i, t := range targets {
		names[i] = t.uri
	}
	return []string{"Contact: try " + strings.Join(names, ", then ") + "."}
}

// limitNotes: numbers that the request must reach.
func limitNotes(m *sip.Message) []string {
	var notes []string
	if n, ok := m.MinSE(); ok {
		notes = append(notes, fmt.Sprintf("Min-SE: ask again with Session-Expires of at least %s, and with Min-SE: %d (RFC 4028 §7.4).", seconds(n), n))
	}
	if n, ok := m.MinExpires(); ok {
		notes = append(notes, fmt.Sprintf("Min-Expires: ask again with an expiry of at least %s.", seconds(n)))
	}
	return notes
}

// lists are headers whose values the client compares with its request, and the codes that they explain; no code: any
// failure.
var lists = []struct {
	header sip.HeaderID
	codes  []int
	format string
}{
	{sip.HeaderUnsupported, []int{420}, "Unsupported: the server does not know %s; leave it out of Require and Proxy-Require."},
	{sip.HeaderRequire, []int{421}, "Require: the client has to offer %s in Supported."},
	{sip.HeaderRequire, []int{180, 181, 182, 183}, "Require: %s must be understood; 100rel asks for a PRACK."},
	{sip.HeaderAllow, []int{405, 501}, "Allow: the methods allowed are %s."},
	{sip.HeaderAllowEvents, []int{489}, "Allow-Events: the event packages known are %s."},
	{sip.HeaderAccept, []int{406, 415, 488, 606}, "Accept: the types of body taken are %s."},
	{sip.HeaderAcceptEncoding, []int{415}, "Accept-Encoding: the encodings taken are %s."},
	{sip.HeaderAcceptLanguage, []int{415}, "Accept-Language: the languages taken are %s."},
}

func listNotes(m *sip.Message) []string {
	var notes []string
	for _, l := range lists {
		if !slices.Contains(l.codes, m.Status) {
			continue
		}
		if values := joined(m.Values(l.header)); values != "" {
			notes = append(notes, fmt.Sprintf(l.format, values))
		}
	}
	return notes
}

// joined writes up to maxNotes×4 values of a list.
func joined(values iter.Seq[[]byte]) string {
	var list []string
	for v := range values {
		if len(list) == 4*maxNotes {
			list = append(list, "…")
			break
		}
		if len(v) > 0 {
			list = append(list, string(v))
		}
	}
	return strings.Join(list, ", ")
}

// sdpNotes lists the streams of a session description in the body.
func sdpNotes(m *sip.Message) []string {
	body, ok := sdp.FindSDP(m.Header(sip.HeaderContentType), m.Body)
	if !ok {
		return nil
	}
	var s sdp.Session
	if !s.Parse(body) {
		return []string{"Body: a session description that cannot be read."}
	}
	var notes []string
	for i := range s.Media {
		if len(notes) == maxNotes {
			break
		}
		stream := &s.Media[i]
		if stream.Rejected() {
			notes = append(notes, fmt.Sprintf("Body: the %s stream is refused (port 0).", stream.Type))
			continue
		}
		var formats []string
		for j := range stream.Formats {
			formats = append(formats, stream.Formats[j].String())
		}
		notes = append(notes, fmt.Sprintf("Body: %s by %s, %s; formats %s.", stream.Type, stream.Proto, stream.Direction, strings.Join(formats, ", ")))
	}
	if len(notes) > 0 && m.Status > 100 && m.Status < 200 {
		notes = append(notes, "With this body a media stream before the answer is announced (early media).")
	}
	return notes
}

// texts are headers whose value is for people to read, as it is.
var texts = []struct {
	name string
	says string
}{
	{"Error-Info", "more about the error is at"},
	{"Geolocation-Error", "what is wrong with the location"},
	{"AlertMsg-Error", "what is wrong with the alert"},
	{"Permission-Missing", "consent is missing of"},
	{"Recv-Info", "the info packages taken are"},
	{"Security-Server", "the security mechanisms offered are"},
	{"Accept-Resource-Priority", "the priorities known are"},
	{"X-Asterisk-HangupCause", "Asterisk ended the call with the cause"},
	{"X-Asterisk-HangupCauseCode", "Asterisk ended the call with the Q.850 cause"},
}

func textNotes(m *sip.Message) []string {
	var notes []string
	for _, t := range texts {
		if v := m.HeaderByName(t.name); len(v) > 0 {
			notes = append(notes, fmt.Sprintf("%s: %s %s.", t.name, t.says, v))
		}
	}
	if v := m.Header(sip.HeaderCallInfo); len(v) > 0 && (m.Status == 607 || m.Status == 608 || m.Status == 603) {
		notes = append(notes, fmt.Sprintf("Call-Info: whom to ask for redress may be at %s.", v))
	}
	return notes
}
