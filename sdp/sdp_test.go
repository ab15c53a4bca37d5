package sdp

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// body makes a description with CRLF line ends out of lines.
func body(lines ...string) []byte { return []byte(strings.Join(lines, "\r\n") + "\r\n") }

var head = []string{"v=0", "o=- 20518 0 IN IP4 203.0.113.1", "s=-", "c=IN IP4 203.0.113.1", "t=0 0"}

func withHead(lines ...string) []byte { return body(append(slices.Clone(head), lines...)...) }

func parse(t testing.TB, b []byte) *Session {
	t.Helper()
	s := new(Session)
	if !s.Parse(b) {
		t.Fatalf("not taken for a session description:\n%s", b)
	}
	return s
}

// typical is what a desk phone sends.
var typical = withHead(
	"m=audio 49170 RTP/AVP 0 8 18 96 101",
	"a=rtpmap:0 PCMU/8000",
	"a=rtpmap:8 PCMA/8000",
	"a=rtpmap:18 G729/8000",
	"a=fmtp:18 annexb=no",
	"a=rtpmap:96 opus/48000/2",
	"a=fmtp:96 useinbandfec=1; minptime=10",
	"a=rtpmap:101 telephone-event/8000",
	"a=fmtp:101 0-16",
	"a=ptime:20",
	"a=sendrecv",
	"a=rtcp:49171",
)

// browser is what a WebRTC client sends.
var browser = body(
	"v=0",
	"o=mozilla...THIS_IS_SDPARTA-99.0 5730473204216378041 0 IN IP4 0.0.0.0",
	"s=-",
	"t=0 0",
	"a=fingerprint:sha-256 ED:91:7E:36:43:98:47:A6:6E:66:7C:65:E0:5A:BA:30:C4:7D:41:87:D1:1B:D2:67:2C:E2:E6:57:DA:8E:5C:36",
	"a=ice-options:trickle",
	"a=group:BUNDLE 0 1",
	"m=audio 9 UDP/TLS/RTP/SAVPF 109 9 0 8 101",
	"c=IN IP6 2001:db8::1",
	"a=candidate:0 1 UDP 2122252543 2001:db8::1 53200 typ host",
	"a=candidate:1 1 UDP 1686052863 203.0.113.7 41000 typ srflx raddr 192.0.2.10 rport 53200",
	"a=candidate:2 1 UDP 2122187007 7a1f3c5e-0d4b-4b2a-9a57-2f0d1f6c8f11.local 53201 typ host",
	"a=sendrecv",
	"a=ice-pwd:0123456789abcdef0123456789abcdef",
	"a=ice-ufrag:01234567",
	"a=mid:0",
	"a=rtcp-mux",
	"a=rtpmap:109 opus/48000/2",
	"a=rtpmap:9 G722/8000/1",
	"a=rtpmap:0 PCMU/8000",
	"a=rtpmap:8 PCMA/8000",
	"a=rtpmap:101 telephone-event/8000/1",
	"a=setup:actpass",
	"m=video 0 UDP/TLS/RTP/SAVPF 120",
	"c=IN IP6 2001:db8::1",
	"a=bundle-only",
	"a=recvonly",
	"a=mid:1",
	"a=rtpmap:120 VP8/90000",
)

func TestTypical(t *testing.T) {
	s := parse(t, typical)
	if len(s.Defects) > 0 {
		t.Errorf("defects in a clean description: %v", rules(s))
	}
	if got, want := s.Connection.Addr.String(), "203.0.113.1"; got != want {
		t.Errorf("address %s, want %s", got, want)
	}
	if s.Origin.SessionID.String() != "20518" || s.Origin.Username.String() != "-" || s.Name.String() != "-" || !s.HasTime || s.Version != 0 {
		t.Errorf("session lines: %+v", s.Origin)
	}
	m := &s.Media[0]
	want := []string{"PCMU/8000", "PCMA/8000", "G729/8000", "opus/48000/2", "telephone-event/8000"}
	if diff := cmp.Diff(want, CodecList(m)); diff != "" {
		t.Errorf("formats (-want +got):\n%s", diff)
	}
	if m.Port != 49170 || m.RTCPPort != 49171 || m.PTime != 20 || m.DTMF != 101 || m.Direction != SendRecv || !m.DirectionExplicit {
		t.Errorf("stream: %+v", m)
	}
	if got := m.Formats[3].Fmtp.String(); got != "useinbandfec=1; minptime=10" {
		t.Errorf("fmtp %q", got)
	}
	if m.Keying() != KeyingNone || m.Profile != ProfileAVP || m.Held() || s.Held() {
		t.Error("plain RTP, not held")
	}
}

func TestBrowser(t *testing.T) {
	s := parse(t, browser)
	if len(s.Defects) > 0 {
		t.Errorf("defects in a clean description: %v", rules(s))
	}
	a, v := &s.Media[0], &s.Media[1]
	if a.Profile != ProfileDTLSF || a.Keying() != KeyingDTLS || a.Setup != SetupActpass || !a.RTCPMux || a.RTCPPort != 9 {
		t.Errorf("audio: %+v", a)
	}
	if a.Fingerprint.Hash.String() != "sha-256" || a.ICE.Ufrag.String() != "01234567" || !a.ICE.HasPassword {
		t.Errorf("audio: fingerprint or ICE not in force: %+v %+v", a.Fingerprint, a.ICE)
	}
	if len(a.Candidates) != 3 {
		t.Fatalf("%d candidates, want 3", len(a.Candidates))
	}
	c := a.Candidates[1]
	if c.Addr.String() != "203.0.113.7" || c.Port != 41000 || c.RelatedAddr.String() != "192.0.2.10" || c.RelatedPort != 53200 || !c.Type.Is("srflx") || c.Priority != 1686052863 {
		t.Errorf("candidate: %+v", c)
	}
	if h := a.Candidates[2]; h.Addr.IsValid() || !strings.HasSuffix(h.Host.String(), ".local") {
		t.Errorf("mDNS candidate: %+v", h)
	}
	if a.Connection.Family() != 6 {
		t.Error("the audio address is IPv6")
	}
	if v.Rejected() || v.Direction != RecvOnly || v.Formats[0].Channels != 0 {
		t.Errorf("video is bundled, not rejected: %+v", v)
	}
}

// TestReuse parses a small description after a large one into the same memory: nothing may shine through.
func TestReuse(t *testing.T) {
	fresh, used := new(Session), new(Session)
	for _, b := range [][]byte{browser, typical, withHead("m=audio 1 RTP/AVP 3"), browser} {
		used.Parse(b)
		*fresh = Session{}
		fresh.Parse(b)
		if got, want := dump(used), dump(fresh); got != want {
			t.Errorf("used memory gives\n%s\nfresh memory gives\n%s", got, want)
		}
	}
}

// dump prints all that a session holds.
func dump(s *Session) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %+v %s %+v %+v %d %d %v %v %+v %v %+v %d\n", s.Version, s.Origin, s.Name, s.Connection, s.Bandwidth,
		s.Start, s.Stop, s.HasTime, s.Direction, s.Fingerprint, s.Setup, s.ICE, s.Dropped)
	for i := range s.Media {
		fmt.Fprintf(&b, "%+v\n", s.Media[i])
	}
	fmt.Fprintf(&b, "%+v\n", s.Defects)
	return b.String()
}

func TestAllocs(t *testing.T) {
	for name, b := range map[string][]byte{"typical": typical, "browser": browser} {
		s := parse(t, b)
		if n := testing.AllocsPerRun(200, func() { s.Parse(b) }); n != 0 {
			t.Errorf("%s: %v allocations to parse again, want 0", name, n)
		}
	}
}

func rules(s *Session) []string {
	var list []string
	for _, d := range s.Defects {
		list = append(list, fmt.Sprintf("%d %s", d.Line, d.Rule))
	}
	return list
}

func TestDefects(t *testing.T) {
	audio := "m=audio 49170 RTP/AVP 0"
	tests := []struct {
		name string
		body []byte
		want []string // "<line> <rule>"
	}{
		{"clean", withHead(audio), nil},
		{"LF only", []byte(strings.ReplaceAll(string(typical), "\r\n", "\n")), []string{"1 line-ending"}},
		{"CR only", []byte(strings.ReplaceAll(string(typical), "\r\n", "\r")), []string{"1 line-ending"}},
		{"last line open", []byte(strings.TrimSuffix(string(withHead(audio)), "\r\n")), []string{"6 line-ending"}},
		{"empty line", withHead(audio, ""), []string{"7 empty-line"}},
		{"junk line", withHead(audio, "hello"), []string{"7 line-syntax"}},
		{"indented", withHead("  " + audio), []string{"6 spacing"}},
		{"two spaces", withHead("m=audio 49170  RTP/AVP 0"), []string{"6 spacing"}},
		{"trailing space", withHead(audio + " "), []string{"6 spacing"}},
		{"no version", body(append(head[1:5:5], audio)...), []string{"0 version-missing"}},
		{"version 1", body(append([]string{"v=1"}, append(head[1:5:5], audio)...)...), []string{"1 version"}},
		{"no name, no time", body("v=0", head[1], head[3], audio), []string{"0 name-missing", "0 time-missing"}},
		{"order", body("v=0", head[1], "s=-", "t=0 0", "c=IN IP4 203.0.113.1", audio), []string{"5 line-order"}},
		{"two connections", withHead("c=IN IP4 203.0.113.2", audio), []string{"6 line-order", "6 duplicate-line"}},
		{"origin short", body("v=0", "o=alice 1 1", "s=-", head[3], "t=0 0", audio), []string{"2 origin"}},
		{"origin not numeric", body("v=0", "o=- abc 1 IN IP4 203.0.113.1", "s=-", head[3], "t=0 0", audio), []string{"2 origin"}},
		{"name empty", body("v=0", head[1], "s=", head[3], "t=0 0", audio), []string{"3 name-empty"}},
		{"connection in media only", body("v=0", head[1], "s=-", "t=0 0", audio, head[3]), nil},
		{"no connection", body("v=0", head[1], "s=-", "t=0 0", audio), []string{"5 connection-missing"}},
		{"connection family", withHead(audio, "c=IN IP4 2001:db8::1"), []string{"7 connection-family"}},
		{"connection address", withHead(audio, "c=IN IP4 203.0.113.1111"), []string{"7 connection-address"}},
		{"connection name", withHead(audio, "c=IN IP4 media.example.com"), nil},
		{"connection short", withHead(audio, "c=IN 203.0.113.1"), []string{"7 connection"}},
		{"multicast", withHead(audio, "c=IN IP4 233.252.0.1/127/3"), nil},
		{"bandwidth", withHead(audio, "b=AS:much"), []string{"7 bandwidth"}},
		{"time", body("v=0", head[1], "s=-", head[3], "t=now", audio), []string{"5 time"}},
		{"port", withHead("m=audio 70000 RTP/AVP 0"), []string{"6 media-port"}},
		{"no formats", withHead("m=audio 49170 RTP/AVP"), []string{"6 media"}},
		{"no formats, rejected", withHead("m=audio 0 RTP/AVP"), []string{"6 media-rejected-bare"}},
		{"payload type too large", withHead("m=audio 17002 RTP/AVP 4294967296"), []string{"6 media-format"}},
		{"format twice", withHead("m=audio 17002 RTP/AVP 0 0"), []string{"6 media-format-repeated"}},
		{"rtpmap without clock", withHead("m=audio 17002 RTP/AVP 96", "a=rtpmap:96 opus"), []string{"7 rtpmap", "6 rtpmap-missing"}},
		{"rtpmap unlisted", withHead(audio, "a=rtpmap:8 PCMA/8000"), []string{"7 rtpmap-unlisted"}},
		{"rtpmap missing", withHead("m=audio 17002 RTP/AVP 0 98"), []string{"6 rtpmap-missing"}},
		{"rtpmap not missing when rejected", withHead("m=audio 0 RTP/AVP 98"), nil},
		{"static type renamed", withHead(audio, "a=rtpmap:0 GSM/8000"), []string{"7 rtpmap-static"}},
		{"G722 with its real rate", withHead("m=audio 49170 RTP/AVP 9", "a=rtpmap:9 G722/16000"), []string{"7 rtpmap-static"}},
		{"G729 under its annex's name", withHead("m=audio 49170 RTP/AVP 18", "a=rtpmap:18 G729A/8000"), nil},
		{"opus at 96000", withHead("m=audio 49170 RTP/AVP 96", "a=rtpmap:96 opus/96000/2"), []string{"7 rtpmap-opus"}},
		{"fmtp empty", withHead(audio, "a=fmtp:0"), []string{"7 fmtp"}},
		{"ptime", withHead(audio, "a=ptime:0"), []string{"7 ptime"}},
		{"case", withHead(audio, "a=SendRecv"), []string{"7 case"}},
		{"two directions", withHead(audio, "a=sendonly", "a=recvonly"), []string{"8 direction"}},
		{"attribute without name", withHead(audio, "a=:x"), []string{"7 attribute"}},
		{"unknown attribute", withHead(audio, "a=X-nat:3 Symmetric", "a=rtcp-fb:* ccm fir"), nil},
		{"unknown line type", withHead(audio, "x=1"), nil},
		{"setup", withHead(audio, "a=setup:both"), []string{"7 setup"}},
		{"fingerprint", withHead(audio, "a=fingerprint:sha-256 AB:C"), []string{"7 fingerprint"}},
		{"candidate", withHead(audio, "a=candidate:1 1 UDP x 203.0.113.1 9 typ host"), []string{"7 candidate"}},
		{"crypto", withHead(audio, "a=crypto:1 AES_CM_128_HMAC_SHA1_80"), []string{"7 crypto"}},
		{"rtcp", withHead(audio, "a=rtcp:x"), []string{"7 rtcp"}},
	}
	used := map[string]bool{}
	for _, test := range tests {
		s := parse(t, test.body)
		if diff := cmp.Diff(test.want, rules(s)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		for _, d := range s.Defects {
			used[d.Rule.String()] = true
			if d.Ref == "" || d.Detail == "" || d.Offset > len(test.body) {
				t.Errorf("%s: incomplete defect %+v", test.name, d)
			}
			if rest := test.body[d.Offset:]; d.Line > 0 && d.Rule != RuleMissingConnection && d.Rule != RuleRtpmapMissing &&
				!holdsKey(d.Text) && len(d.Text) > 0 && !strings.HasPrefix(string(rest), string(d.Text)) {
				t.Errorf("%s: defect's offset %d does not point at %q", test.name, d.Offset, d.Text)
			}
		}
	}
	// Every rule has a test; missing o= and too-long have their own below.
	for r := RuleLineEnding; int(r) < len(ruleFacts); r++ {
		if !used[r.String()] && r != RuleMissingOrigin && r != RuleTooLong {
			t.Errorf("no test makes rule %s fire", r)
		}
	}
}

func TestMissingOriginAndLength(t *testing.T) {
	s := parse(t, body("v=0", "s=-", head[3], "t=0 0", "m=audio 1 RTP/AVP 0"))
	if diff := cmp.Diff([]string{"0 origin-missing"}, rules(s)); diff != "" {
		t.Error(diff)
	}
	long := append(withHead("m=audio 1 RTP/AVP 0"), strings.Repeat("a=x\r\n", MaxBytes/5)...)
	s = parse(t, long)
	if last := s.Defects[len(s.Defects)-1]; last.Rule != RuleTooLong {
		t.Errorf("last defect %s, want too-long", last.Rule)
	}
	if s.Dropped == 0 {
		t.Error("attributes beyond the bound are not counted")
	}
}

func TestMalformed(t *testing.T) {
	s := parse(t, withHead("m=audio 49170 RTP/AVP 0 ", "m=video x RTP/AVP 31"))
	if d := s.Malformed(); d == nil || d.Rule != RuleMediaPort || d.Line != 7 {
		t.Errorf("got %+v, want the port on line 7: an extra space breaks nothing", d)
	}
	if parse(t, typical).Malformed() != nil {
		t.Error("a clean description is not malformed")
	}
}

func TestNotSDP(t *testing.T) {
	for _, b := range []string{"", "\r\n", "Signal=1\r\nDuration=160\r\n", "<?xml version=\"1.0\"?>", "\x00\x01\x02", "a=b\r\n"} {
		if new(Session).Parse([]byte(b)) {
			t.Errorf("%q taken for a session description", b)
		}
	}
}

// TestKeysAreNotKept looks for key material in all that a session holds, wherever the line is wrong.
func TestKeysAreNotKept(t *testing.T) {
	const key = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
	for _, line := range []string{
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "|2^20|1:32", "a=CRYPTO:1 AES_CM_128_HMAC_SHA1_80 inline:" + key,
		"a=crypto:x AES inline:" + key, " a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key, "crypto inline:" + key, "acrypto=inline:" + key,
		"k=base64:" + key, "K=" + key, "a=ice-pwd:" + key, "a=ICE-PWD:" + key, "a=key-mgmt:mikey " + key, "a=crypto:1 inline:" + key,
	} {
		s := parse(t, withHead("m=audio 1 RTP/SAVP 0", line, line))
		if strings.Contains(dump(s), key[:8]) {
			t.Errorf("%s: the key is kept: %s", line, dump(s))
		}
	}
	s := parse(t, withHead("m=audio 1 RTP/SAVP 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"+key))
	if m := &s.Media[0]; m.Keying() != KeyingSDES || m.Crypto[0].Suite.String() != "AES_CM_128_HMAC_SHA1_80" || len(s.Defects) > 0 {
		t.Errorf("crypto: %+v %v", m.Crypto, rules(s))
	}
}

func TestHeld(t *testing.T) {
	for _, test := range []struct {
		lines []string
		want  bool
	}{
		{[]string{"m=audio 1 RTP/AVP 0"}, false},
		{[]string{"m=audio 1 RTP/AVP 0", "a=sendonly"}, true},
		{[]string{"m=audio 1 RTP/AVP 0", "a=inactive"}, true},
		{[]string{"m=audio 1 RTP/AVP 0", "a=recvonly"}, false},
		{[]string{"m=audio 1 RTP/AVP 0", "c=IN IP4 0.0.0.0"}, true},
		{[]string{"a=sendonly", "m=audio 1 RTP/AVP 0"}, true},
		{[]string{"a=sendonly", "m=audio 1 RTP/AVP 0", "a=sendrecv"}, false},
		{[]string{"m=audio 0 RTP/AVP 0", "a=sendonly"}, false},
		{[]string{"m=audio 1 RTP/AVP 0", "a=sendonly", "m=video 0 RTP/AVP 31"}, true},
		{[]string{"m=audio 1 RTP/AVP 0", "a=sendonly", "m=video 2 RTP/AVP 31"}, false},
		{nil, false},
	} {
		if got := parse(t, withHead(test.lines...)).Held(); got != test.want {
			t.Errorf("%q: held %v, want %v", test.lines, got, test.want)
		}
	}
}

func TestT38(t *testing.T) {
	s := parse(t, withHead("m=image 6022 udptl t38", "a=T38FaxVersion:0"))
	m := &s.Media[0]
	if m.Profile != ProfileUDPTL || m.RTCPPort != 0 || m.Formats[0].String() != "t38" || len(s.Defects) > 0 {
		t.Errorf("%+v %v", m, rules(s))
	}
}

func TestStatic(t *testing.T) {
	if name, clock, channels, ok := Static(9); name != "G722" || clock != 8000 || channels != 1 || !ok {
		t.Errorf("9: %s %d %d %v", name, clock, channels, ok)
	}
	for _, n := range []int{-1, 1, 2, 19, 20, 24, 27, 29, 30, 35, 96, 127, 128} {
		if _, _, _, ok := Static(n); ok {
			t.Errorf("%d is not static", n)
		}
	}
}

// TestBounds floods each list.
func TestBounds(t *testing.T) {
	many := func(n int, line func(i int) string) []byte {
		lines := []string{"m=audio 1 RTP/AVP 0"}
		for i := range n {
			lines = append(lines, line(i))
		}
		return withHead(lines...)
	}
	fixed := func(line string) func(int) string { return func(int) string { return line } }
	tests := []struct {
		name  string
		body  []byte
		count func(s *Session) int
		limit int
	}{
		{"media", many(2000, fixed("m=audio 1 RTP/AVP 0")), func(s *Session) int { return len(s.Media) }, MaxMedia},
		{"candidates", many(2000, fixed("a=candidate:1 1 UDP 1 192.0.2.1 9 typ host")), func(s *Session) int { return len(s.Media[0].Candidates) }, MaxCandidates},
		{"crypto", many(2000, fixed("a=crypto:1 X inline:y")), func(s *Session) int { return len(s.Media[0].Crypto) }, MaxCrypto},
		{"bandwidth", many(2000, fixed("b=AS:1")), func(s *Session) int { return len(s.Media[0].Bandwidth) }, MaxBandwidth},
		{"defects", many(2000, fixed("junk")), func(s *Session) int { return len(s.Defects) }, MaxDefects},
		{"formats", withHead("m=audio 1 foo" + strings.Repeat(" bar", 2000)), func(s *Session) int { return len(s.Media[0].Formats) }, MaxFormats},
		{"attributes", many(2*MaxAttributes, fixed("a=x")), func(s *Session) int { return s.p.attributes - s.Dropped }, MaxAttributes},
	}
	for _, test := range tests {
		s := parse(t, test.body)
		if got := test.count(s); got != test.limit {
			t.Errorf("%s: %d kept, want %d", test.name, got, test.limit)
		}
		if s.Dropped == 0 {
			t.Errorf("%s: nothing counted as dropped", test.name)
		}
	}
}
