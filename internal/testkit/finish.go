package testkit

import (
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// finish applies what a line says of body, header and credentials.
func (s *player) finish(st *stmt, m *Message, key string) error {
	if err := s.body(st, m); err != nil {
		return err
	}
	if v, ok := st.opts["expires"]; ok && st.code == 0 {
		m.Set("Expires", v)
	}
	if v, ok := st.opts["contact"]; ok {
		e, known := s.elements[v]
		if !known {
			e, known = defaultElement(v)
		}
		switch {
		case known:
			m.Set("Contact", s.contact(e))
		default:
			m.Set("Contact", "<"+v+">")
		}
	}
	if st.code == 0 && st.has("uri") {
		m.Start = strings.Replace(m.Start, " "+m.uri()+" ", " "+st.opts["uri"]+" ", 1)
	}
	if st.code == 0 && st.has("auth") {
		if err := s.credentials(st, m, key); err != nil {
			return err
		}
	}
	for _, e := range st.edits {
		switch e.op {
		case '=':
			m.Set(e.name, e.value)
		case '+':
			m.Add(e.name, e.value)
		case '-':
			if m.Get(e.name) == "" && !strings.EqualFold(e.name, "Content-Length") {
				return fmt.Errorf("-%s: the message has no such header field", e.name)
			}
			m.Del(e.name)
		}
	}
	return nil
}

// body sets the body that the options name.
func (s *player) body(st *stmt, m *Message) error {
	text, ok := st.opts["sdp"]
	file, literal := "", false
	switch {
	case st.has("nosdp"):
		m.Body = nil
		m.Del("Content-Type")
		return nil
	case st.has("body"):
		file, literal = strings.CutPrefix(st.opts["body"], "@")
		if !literal {
			return fmt.Errorf("body: want body=@section")
		}
		m.Set("Content-Type", contentType(file))
	case ok:
		m.Set("Content-Type", "application/sdp")
		file, literal = strings.CutPrefix(text, "@")
	default:
		return nil
	}
	if literal {
		data, ok := s.files[file]
		if !ok {
			return fmt.Errorf("body: no section -- %s --", file)
		}
		m.Body = []byte(strings.ReplaceAll(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n", "\r\n"))
		return nil
	}
	b, err := describe(st.src, text)
	m.Body = b
	return err
}

func contentType(file string) string {
	switch file[strings.LastIndexByte(file, '.')+1:] {
	case "sdp":
		return "application/sdp"
	case "xml":
		return "application/pidf+xml"
	case "sipfrag":
		return "message/sipfrag;version=2.0"
	}
	return "text/plain"
}

// codecs are the formats of sdp=, with payload type (RFC 3551 §6, dynamic ones as usual) and rtpmap.
var codecs = map[string]struct {
	pt    int
	rtp   string
	video bool
}{
	"PCMU": {0, "PCMU/8000", false}, "PCMA": {8, "PCMA/8000", false}, "G722": {9, "G722/8000", false}, "G729": {18, "G729/8000", false},
	"GSM": {3, "GSM/8000", false}, "G723": {4, "G723/8000", false}, "iLBC": {97, "iLBC/8000", false}, "opus": {111, "opus/48000/2", false},
	"AMR": {96, "AMR/8000", false}, "AMR-WB": {98, "AMR-WB/16000", false}, "EVS": {99, "EVS/16000", false},
	"telephone-event": {101, "telephone-event/8000", false}, "VP8": {120, "VP8/90000", true}, "H264": {121, "H264/90000", true},
}

// describe writes a session description: codecs by comma, then by semicolon savp, savpf, dtls, port=N, ip=A,
// sendonly, recvonly, inactive.
func describe(e *element, text string) ([]byte, error) {
	parts := strings.Split(text, ";")
	names := strings.Split(parts[0], ",")
	if parts[0] == "" {
		names = []string{"PCMU", "PCMA", "telephone-event"}
	}
	addr, port, proto, direction, extra := e.inside.Addr().String(), e.mediaPort(), "RTP/AVP", "sendrecv", ""
	for _, o := range parts[1:] {
		k, v, _ := strings.Cut(o, "=")
		switch k {
		case "savp":
			proto = "RTP/SAVP"
			extra = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n"
		case "savpf", "dtls":
			proto = "UDP/TLS/RTP/SAVPF"
			extra = "a=setup:actpass\r\na=fingerprint:sha-256 " + strings.TrimSuffix(strings.Repeat("AB:", 32), ":") + "\r\n"
		case "port":
			n, err := strconv.Atoi(v)
			if err != nil || n < 0 || n > 65535 {
				return nil, fmt.Errorf("sdp: port %q: want 0 to 65535", v)
			}
			port = n
		case "ip":
			addr = v
		case "sendonly", "recvonly", "inactive", "sendrecv":
			direction = k
		default:
			return nil, fmt.Errorf("sdp: %q: want savp, savpf, dtls, port=, ip=, sendonly, recvonly or inactive", o)
		}
	}
	family := "IP4"
	if strings.Contains(addr, ":") {
		family = "IP6"
	}
	var audio, video []string
	maps := map[bool]string{}
	for _, n := range names {
		c, ok := codecs[n]
		if !ok {
			return nil, fmt.Errorf("sdp: codec %q: not known: use sdp=@section", n)
		}
		pts := &audio
		if c.video {
			pts = &video
		}
		*pts = append(*pts, itoa(c.pt))
		maps[c.video] += fmt.Sprintf("a=rtpmap:%d %s\r\n", c.pt, c.rtp)
		if n == "telephone-event" {
			maps[false] += "a=fmtp:101 0-16\r\n"
		}
	}
	out := fmt.Sprintf("v=0\r\no=%s 1 1 IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n", e.name, family, addr, family, addr)
	if len(audio) > 0 {
		out += fmt.Sprintf("m=audio %d %s %s\r\n%s%sa=%s\r\n", port, proto, strings.Join(audio, " "), maps[false], extra, direction)
	}
	if len(video) > 0 {
		out += fmt.Sprintf("m=video %d %s %s\r\n%s%sa=%s\r\n", port+2*min(port, 1), proto, strings.Join(video, " "), maps[true], extra, direction)
	}
	return []byte(out), nil
}

// mediaPort is where an element takes RTP.
func (e *element) mediaPort() int { return 30000 + 100*e.index }

func challengeHeader(code int) string {
	if code == 401 {
		return "WWW-Authenticate"
	}
	return "Proxy-Authenticate"
}

// challenge writes a digest challenge (RFC 3261 §22.4).
func (s *player) challenge(st *stmt) string {
	get := func(k, def string) string {
		if v, ok := st.opts[k]; ok {
			return v
		}
		return def
	}
	s.nonces++
	v := fmt.Sprintf(`Digest realm="%s", nonce="%s"`, get("realm", st.src.domain), get("nonce", fmt.Sprintf("nonce%d", s.nonces)))
	if st.has("stale") {
		v += ", stale=true"
	}
	if a := get("algorithm", "MD5"); a != "none" {
		v += ", algorithm=" + a
	}
	if o := get("opaque", ""); o != "" {
		v += fmt.Sprintf(`, opaque="%s"`, o)
	}
	if q := get("qop", "auth"); q != "none" {
		v += fmt.Sprintf(`, qop="%s"`, q)
	}
	return v
}

// credentials answers the last challenge that src received in this call, with what the line overrides. The response is the true
// digest of the password (RFC 7616 §3.4.1) unless response= says otherwise.
func (s *player) credentials(st *stmt, m *Message, key string) error {
	given, proxy := s.lastChallenge(st, key)
	switch st.opts["auth"] {
	case "":
	case "proxy":
		proxy = true
	case "www":
		proxy = false
	default:
		return fmt.Errorf("auth=%s: want auth, auth=proxy or auth=www", st.opts["auth"])
	}
	get := func(k, def string) string {
		if v, ok := st.opts[k]; ok {
			return v
		}
		if v, ok := given[k]; ok {
			return v
		}
		return def
	}
	user, realm, nonce := get("user", st.src.user), get("realm", st.src.domain), get("nonce", "nonce0")
	alg, qop, cnonce, nc := get("algorithm", "MD5"), get("qop", "auth"), get("cnonce", "0a4f113b"), get("nc", "00000001")
	hash := func(t string) string { return fmt.Sprintf("%x", md5.Sum([]byte(t))) }
	if strings.HasPrefix(alg, "SHA-256") {
		hash = func(t string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(t))) }
	}
	method, _, _ := strings.Cut(m.Start, " ")
	ha1, ha2 := hash(user+":"+realm+":"+get("password", "secret")), hash(method+":"+m.uri())
	middle := nonce
	if qop != "none" && qop != "" {
		middle += ":" + nc + ":" + cnonce + ":" + qop
	}
	v := fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s"`,
		user, realm, nonce, m.uri(), get("response", hash(ha1+":"+middle+":"+ha2)))
	if alg != "none" {
		v += ", algorithm=" + alg
	}
	if o := get("opaque", ""); o != "" {
		v += fmt.Sprintf(`, opaque="%s"`, o)
	}
	if middle != nonce {
		v += fmt.Sprintf(`, cnonce="%s", qop=%s, nc=%s`, cnonce, qop, nc)
	}
	name := "Authorization"
	if proxy {
		name = "Proxy-Authorization"
	}
	m.Set(name, v)
	return nil
}

// lastChallenge returns the parameters of the last challenge src received.
func (s *player) lastChallenge(st *stmt, key string) (params map[string]string, proxy bool) {
	params = map[string]string{}
	for _, t := range slices.Backward(s.txns) {
		if t.key != key || t.client != st.src {
			continue
		}
		for _, a := range slices.Backward(t.responses) {
			v := a.msg.Get(challengeHeader(a.code))
			if a.code != 401 && a.code != 407 || v == "" {
				continue
			}
			for _, p := range strings.Split(strings.TrimPrefix(v, "Digest "), ",") {
				k, val, _ := strings.Cut(strings.TrimSpace(p), "=")
				params[strings.ToLower(k)] = strings.Trim(val, `"`)
			}
			if _, ok := params["qop"]; !ok {
				params["qop"] = "none"
			}
			return params, a.code == 407
		}
	}
	return params, false
}
