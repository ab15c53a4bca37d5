package sip

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func parse(t testing.TB, text string) *Message {
	t.Helper()
	m := new(Message)
	if err := m.Parse([]byte(strings.ReplaceAll(text, "\n", "\r\n"))); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestHeaderTable(t *testing.T) {
	seen := map[string]bool{}
	for id := HeaderUnknown + 1; id < headerCount; id++ {
		name := id.String()
		if name == "" || seen[strings.ToLower(name)] || len(name) > longestHeader {
			t.Errorf("header %d: name %q is empty, taken or too long", id, name)
		}
		seen[strings.ToLower(name)] = true
		for _, s := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
			if got := HeaderOf([]byte(s)); got != id {
				t.Errorf("HeaderOf(%q) = %v", s, got)
			}
		}
		if c := headerFacts[id].compact; c != 0 && (HeaderOf([]byte{c}) != id || HeaderOf([]byte{c - 'a' + 'A'}) != id) {
			t.Errorf("%s: compact form %c is taken", name, c)
		}
		for i := range name {
			if got := HeaderOf([]byte(name[:i] + "?" + name[i+1:])); got != HeaderUnknown {
				t.Errorf("%s with a ? is taken for %v", name, got)
			}
		}
	}
	// RFC 3261 §7.3.3 and the RFCs that added some: IANA's table.
	for c, name := range map[string]string{
		"a": "Accept-Contact", "b": "Referred-By", "c": "Content-Type", "d": "Request-Disposition", "e": "Content-Encoding", "f": "From",
		"i": "Call-ID", "j": "Reject-Contact", "k": "Supported", "l": "Content-Length", "m": "Contact", "n": "Identity-Info", "o": "Event",
		"r": "Refer-To", "s": "Subject", "t": "To", "u": "Allow-Events", "v": "Via", "x": "Session-Expires", "y": "Identity",
		"g": "", "z": "", "?": "", "": "",
	} {
		if got := HeaderOf([]byte(c)).String(); got != name {
			t.Errorf("compact form %q is %q, want %q", c, got, name)
		}
	}
}

func TestMethods(t *testing.T) {
	for m := MethodUnknown + 1; int(m) < len(methodNames); m++ {
		if MethodOf([]byte(m.String())) != m || m.String() == "" || MethodOf([]byte(strings.ToLower(m.String()))) != MethodUnknown {
			t.Errorf("method %d %q", m, m)
		}
	}
	if len(methodNames) > 32 || Method(200).String() != "" {
		t.Error("callers index tables of 32 methods")
	}
}

func TestRules(t *testing.T) {
	seen := map[string]bool{"": true}
	for r := RuleNone + 1; r < ruleCount; r++ {
		if seen[r.String()] || r.Ref() == "" || r.Detail() == "" {
			t.Errorf("rule %d: name %q taken or empty, ref %q, detail %q", r, r, r.Ref(), r.Detail())
		}
		seen[r.String()] = true
	}
}

const typedMessage = `SIP/2.0 401 Unauthorized: "who?"
v: SIP/2.0/UDP 192.0.2.1:5070 ;received=198.51.100.7;rport=1024;branch=z9hG4bKa;x="a;b,c"
 , SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bKb
Via: SIP/2.0/ws df7jal23ls0d.example.com;rport;branch=z9hG4bKc
f: "A, \"B\" <c>" <sip:alice@example.com;transport=tcp>;tag=f1;x=y
t: sip:bob@example.com;tag=t1
i: call
CSeq: 7 INVITE
WWW-Authenticate: Digest realm="a, b", nonce="n==", qop="auth,auth-int", algorithm=SHA-256, opaque="", stale=TRUE
WWW-Authenticate: Digest realm=x,nonce=y, Basic realm="z"
Proxy-Authenticate: Digest  realm = "p\"q" ,nonce="n2"
Reason: Q.850 ;cause=16 ;text="Terminated, normally", SIP;cause=200;text="Call completed elsewhere"
Reason: X;cause=none
Warning: 305 proxy.example.com:5060 "Incompatible, format", 399 - "x"
Retry-After: 120 (in maintenance);duration=60
Session-Expires: 1800;refresher=uac
Min-SE: 90
Expires: 99999999999
Min-Expires: 60;x
RSeq: 988789
RAck: 776656 1 INVITE
Allow: INVITE, ACK,BYE , ,OPTIONS
Allow: UPDATE
Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2
Date: Sat, 13 Nov 2010 23:29:00 GMT
User-Agent: Phone/1
P-Asserted-Identity: "Alice" <sip:alice@example.com>, <tel:+12025550100>
Diversion: <sip:carol@example.com>;reason=user-busy;counter=1
History-Info: <sip:bob@example.com?Reason=SIP%3Bcause%3D302>;index=1, <sip:c@example.com>;index=1.1
Event: dialog;id=5
Subscription-State: terminated ; reason=noresource
Refer-To: <sip:dave@example.com?Replaces=12345%40192.0.2.1%3Bto-tag%3D1%3Bfrom-tag%3D2>
Replaces: 98732@example.com;from-tag=r33th4x0r;to-tag=ff87ff
Call-Info: <http://www.example.com/alice/photo.jpg> ;purpose=icon
X-Own: one
X-OWN: two
Content-Length: 3

abcSURPLUS`

const typedWant = `
401 INVITE "Unauthorized: \"who?\"" false
via true UDP 192.0.2.1 5070 z9hG4bKa 198.51.100.7 1024 true a;b,c
via true TLS [2001:db8::1] 5061 z9hG4bKb invalid IP 0 false 
via true ws df7jal23ls0d.example.com 0 z9hG4bKc invalid IP 0 true 
via false   0  invalid IP 0 false 
from A, \"B\" <c>|sip:alice@example.com;transport=tcp|f1|y
tags f1 t1
challenge false Digest "a, b" "n==" "auth,auth-int" "SHA-256" opaque "" true
challenge false Digest "x" "y" "" "" opaque "" false
challenge false Basic "z" "" "" "" opaque "" false
challenge true Digest "p\\\"q" "n2" "" "" opaque "" false
reason Q.850 16 "Terminated, normally"
reason SIP 200 "Call completed elsewhere"
reason X -1 ""
warning 305 proxy.example.com:5060 "Incompatible, format"
warning 399 - "x"
numbers 120 1800 uac 90 4294967295 60 false
reliable 988789 776656 1 INVITE true
allow ["INVITE" "ACK" "BYE" "OPTIONS" "UPDATE"]
session ab30317f1a784dc48ff824d0d3715d86 47755a9de7794ba387653f2099600ef2
date 2010-11-13 23:29:00 +0000 UTC
server Phone/1
P-Asserted-Identity Alice sip:alice@example.com 
P-Asserted-Identity  tel:+12025550100 
Diversion  sip:carol@example.com reason=user-busy;counter=1
History-Info  sip:bob@example.com?Reason=SIP%3Bcause%3D302 index=1
History-Info  sip:c@example.com index=1.1
Call-Info  http://www.example.com/alice/photo.jpg purpose=icon
event dialog 5
subscription terminated noresource
refer-to Replaces=12345%40192.0.2.1%3Bto-tag%3D1%3Bfrom-tag%3D2
replaces 98732@example.com ff87ff r33th4x0r
own one call "" true
body abc 7, 2 Via, 0 X`

func TestTypedAccess(t *testing.T) {
	m := parse(t, typedMessage)
	var got []string
	p := func(format string, args ...any) { got = append(got, fmt.Sprintf(format, args...)) }
	p("%d %s %q %v", m.Status, m.Method, m.ReasonPhrase(), m.IsRequest())
	for i := range 4 {
		v, ok := m.Via(i)
		x, _ := v.Param("x")
		p("via %v %s %s %d %s %v %d %v %s", ok, v.Transport, v.Host, v.Port, v.Branch, v.ReceivedAddr(), v.RPort, v.HasRPort, x)
	}
	from, _ := m.From()
	x, _ := from.Param("X")
	p("from %s|%s|%s|%s", from.Display, from.URI, from.Tag(), x)
	p("tags %s %s", m.FromTag(), m.ToTag())
	for c := range m.Challenges() {
		p("challenge %v %s %q %q %q %q opaque %q %v", c.Proxy, c.Scheme, c.Realm, c.Nonce, c.QOP, c.Algorithm, c.Opaque, c.Stale)
	}
	for r := range m.Reasons() {
		p("reason %s %d %q", r.Protocol, r.Cause, r.Text)
	}
	for w := range m.Warnings() {
		p("warning %d %s %q", w.Code, w.Agent, w.Text)
	}
	ra, _ := m.RetryAfter()
	se, refresher, _ := m.SessionExpires()
	minSE, _ := m.MinSE()
	ex, _ := m.Expires()
	minEx, _ := m.MinExpires()
	_, hasMF := m.MaxForwards()
	p("numbers %d %d %s %d %d %d %v", ra, se, refresher, minSE, ex, minEx, hasMF)
	rseq, _ := m.RSeq()
	r1, r2, r3, ok := m.RAck()
	p("reliable %d %d %d %s %v", rseq, r1, r2, r3, ok)
	p("allow %q", slices.Collect(m.Values(HeaderAllow)))
	typedIdentity(m, p)
	want := strings.Split(strings.TrimSpace(typedWant), "\n")
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("line %d:\n%q\nwant\n%q", i, got[min(i, len(got)-1)], want[min(i, len(want)-1)])
		}
	}
}

// typedIdentity writes out what identifies sessions, software and parties.
func typedIdentity(m *Message, p func(string, ...any)) {
	l, r, _ := m.SessionID()
	p("session %s %s", l, r)
	date, _ := m.Date()
	p("date %v", date)
	p("server %s", m.ServerOrUserAgent())
	for _, id := range []HeaderID{HeaderPAssertedIdentity, HeaderDiversion, HeaderHistoryInfo, HeaderCallInfo} {
		for a := range m.NameAddrs(id) {
			p("%v %s %s %s", id, a.Display, a.URI, a.Params)
		}
	}
	pkg, id, _ := m.Event()
	p("event %s %s", pkg, id)
	state, reason, _ := m.SubscriptionState()
	p("subscription %s %s", state, reason)
	refer, _ := m.ReferTo()
	u, _ := ParseURI(refer.URI)
	p("refer-to %s", u.Headers)
	d, _ := m.Replaces()
	p("replaces %s %s %s", d.CallID, d.ToTag, d.FromTag)
	p("own %s %s %q %v", m.HeaderByName("x-own"), m.HeaderByName("I"), m.HeaderByName("X-Other"), m.Header(HeaderXCID) == nil)
	p("body %s %d, %d Via, %d X", m.Body, m.Surplus(), m.Count(HeaderVia), m.Count(HeaderXCID))
}

func TestCredentials(t *testing.T) {
	m := parse(t, `REGISTER sip:example.com SIP/2.0
Authorization: Digest username="alice",realm="example.com", nonce="84a4cc6f3082121f32b42a2187831a9e",
 uri="sip:example.com",response="7587245234b3434cc3412213e5f113a5" ,algorithm=MD5,cnonce="0a4f113b",qop=auth,nc=00000001
Proxy-Authorization: NoOneKnowsThisScheme opaque-data=here

`)
	var got []string
	for c := range m.Credentials() {
		got = append(got, fmt.Sprintf("%v %s", c.Proxy, [][]byte{c.Scheme, c.Username, c.Realm, c.Nonce, c.URI, c.Response, c.Algorithm, c.CNonce, c.QOP, c.NC}))
	}
	want := []string{
		"false [Digest alice example.com 84a4cc6f3082121f32b42a2187831a9e sip:example.com 7587245234b3434cc3412213e5f113a5 MD5 0a4f113b auth 00000001]",
		"true [NoOneKnowsThisScheme         ]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestURIs(t *testing.T) {
	for in, want := range map[string]string{
		"sip:alice@Example.COM;transport=tcp":               "true sip:alice@example.com port 0 params transport=tcp headers ",
		"SIPS:alice:secret@[2001:DB8::1]:5061;lr?subject=x": "true sips:alice@[2001:db8::1] port 5061 params lr headers subject=x",
		"sip:%61lice%20b@example.com":                       "true sip:alice b@example.com port 0 params  headers ",
		"sip:100%@example.com":                              "true sip:100%@example.com port 0 params  headers ",
		"sip:192.0.2.1:5080":                                "true sip:192.0.2.1 port 5080 params  headers ",
		"sip:user;par=u%40example.net@example.com":          "true sip:user;par=u@example.net@example.com port 0 params  headers ",
		"sip:alice@example.com@proxy.example.net":           "false sip:alice@example.com@proxy.example.net port 0 params  headers ",
		"sip:bob@example.com;a?Replaces=c@d;to-tag=1":       "true sip:bob@example.com port 0 params a headers Replaces=c@d;to-tag=1",
		"sip:example.com?x=y":                               "true sip:example.com port 0 params  headers x=y",
		"tel:+1-202-555-0123;ext=1":                         "true tel:+1-202-555-0123 port 0 params ext=1 headers ",
		"urn:service:sos":                                   "true urn:service:sos port 0 params  headers ",
		"http://www.example.com/a;b?c":                      "true http://www.example.com/a;b?c port 0 params  headers ",
		"sip:@127.0.0.1":                                    "false sip:127.0.0.1 port 0 params  headers ",
		"sip:a@b:70000":                                     "false sip:a@b port 0 params  headers ",
		"sip:2001:db8::10":                                  "false sip:2001 port 0 params  headers ",
		"sip:":                                              "false sip: port 0 params  headers ",
	} {
		u, ok := ParseURI([]byte(in))
		if got := fmt.Sprintf("%v %s port %d params %s headers %s", ok, u.AOR(), u.Port, u.Params, u.Headers); got != want {
			t.Errorf("%s:\n got %s\nwant %s", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"sip:a@192.0.2.1": "192.0.2.1", "sip:[2001:db8::1]": "2001:db8::1", "sip:[2001:db8:::192.0.2.1]": "2001:db8::c000:201",
		"sip:example.com": "invalid IP", "sip:1.2.3": "invalid IP", "sip:abc": "invalid IP", "sip:[::ffff:192.0.2.1]": "::ffff:192.0.2.1", "tel:1": "invalid IP",
	} {
		if u, _ := ParseURI([]byte(in)); u.Addr().String() != want {
			t.Errorf("%s: address %v, want %s", in, u.Addr(), want)
		}
	}
}

func TestNameAddrs(t *testing.T) {
	for in, want := range map[string]string{
		`*`:                                   `|*||true true`,
		`sip:a@b;tag=1`:                       `|sip:a@b|1|false true`,
		`<sip:a@b;tag=2>;tag=1`:               `|sip:a@b;tag=2|1|false true`,
		`"x" <sip:a@b> ; tag = 1 ;y`:          `x|sip:a@b|1|false true`,
		`A B<sip:a@b>`:                        `A B|sip:a@b||false true`,
		`"a \" <x>" <sip:a@b>`:                `a \" <x>|sip:a@b||false true`,
		`"open <sip:a@b>;tag=1`:               `open|sip:a@b|1|false true`,
		`< sip:a@b >;tag="1"`:                 `|sip:a@b|1|false true`,
		`<sip:a@b;x=y`:                        `|sip:a@b;x=y||false true`,
		`"only a name"`:                       `only a name|||false false`,
		``:                                    `|||false false`,
		`<sip:a@b>;x="tag=9;tag=8";tag=1;t=3`: `|sip:a@b|1|false true`,
	} {
		a, ok := ParseNameAddr([]byte(in))
		if got := fmt.Sprintf("%s|%s|%s|%v %v", a.Display, a.URI, a.Tag(), a.Star, ok); got != want {
			t.Errorf("%s:\n got %s\nwant %s", in, got, want)
		}
	}
}

// TestDefects has what the torture messages do not.
func TestDefects(t *testing.T) {
	const head = "OPTIONS sip:b@example.com SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\nFrom: <sip:a@example.com>;tag=1\n" +
		"To: <sip:b@example.com>\nCall-ID: x\nCSeq: 1 OPTIONS\nMax-Forwards: 70\n"
	for add, want := range map[string][]Rule{
		"":                                   {},
		"no colon":                           {RuleHeaderLine},
		"A B: x":                             {RuleHeaderName},
		"X-A: \xff":                          {RuleUTF8},
		"Contact: <sip:a@exa mple.com>":      {RuleURI},
		"Contact: <sip:a@example.com":        {RuleAddress},
		"Contact: \"x\" y <sip:a@b>":         {RuleAddress},
		"Contact: <sip:a@b>;expires=x;q=2":   {RuleNumber, RuleNumber},
		"Contact: <sip:a@b>;x=\"y":           {RuleQuote},
		"Contact: <sip:a@b;;lr>":             {RuleEmptyElement},
		"Contact: <sip:a@b>,":                {RuleEmptyElement},
		"Contact: <sip:a%4@b>":               {RuleURI},
		"Contact: <sip:a@-b>":                {RuleURI},
		"Contact: <tel:+1x2>":                {RuleURI},
		"Route: <sip:[2001:db8::g]>":         {RuleURI},
		"Route: *":                           {RuleAddress},
		"Refer-To: <sip:a@b?Replaces=c@d;e>": {RuleURI},
		"Allow: Allow: INVITE":               {RuleTokenList},
		"Allow:":                             {},
		"Require: a b":                       {RuleTokenList},
		"Accept: application":                {RuleMediaType},
		"Content-Type: text":                 {RuleMediaType},
		"Reason: SIP;cause=busy":             {RuleReason},
		"RAck: 1 INVITE":                     {RuleRAck},
		"Expires: soon":                      {RuleNumber},
		"Via: SIP/2.0/UDP :5060":             {RuleVia},
		"Via: SIP/2.0/UDP a;received=b!":     {RuleVia},
		"Via: UDP a":                         {RuleVia},
		"Authorization: Digest username=\"a\", realm=\"b\"": {RuleCredentials},
		"WWW-Authenticate: Digest realm=\"b\"":              {RuleChallenge},
		"WWW-Authenticate: Negotiate":                       {},
		"Date: Sat, 13 Nov 2010 23:29:00 GMT":               {},
		"Session-Expires: 1800;refresher=uac":               {},
		"Retry-After: 18000;duration=3600":                  {},
		"Warning: 399 x y":                                  {RuleWarning},
		"l: 5":                                              {RuleContentLengthExceeds},
	} {
		if add != "" {
			add += "\n"
		}
		m := parse(t, head+add+"\n")
		got := []Rule{}
		for _, d := range m.Check() {
			got = append(got, d.Rule)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q breaks %v, want %v", add, got, want)
		}
	}
	var m Message
	if err := m.Parse([]byte("OPTIONS sip:a SIP/2.0\nCall-ID: x\n\nbody")); err != nil || string(m.CallID()) != "x" || string(m.Body) != "body" {
		t.Errorf("bare LF: %v, Call-ID %q, body %q", err, m.CallID(), m.Body)
	}
	if d := m.Malformed(); d == nil || d.Rule != RuleMissingHeader {
		t.Errorf("Malformed = %v", d)
	}
	for _, s := range []string{"", "\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "OPTIONS rtsp://a RTSP/1.0\r\n\r\n", "SIP/2.0\r\n", "SIP/2.0 OK\r\n", "INVITE SIP/2.0\r\n", "a:b c SIP/2.0\r\n", "hello", "\x80\x00\x12"} {
		if err := m.Parse([]byte(s)); err != ErrNoStartLine || Probe([]byte(s)) {
			t.Errorf("%q is taken for a message: %v", s, err)
		}
	}
}

// TestCutShort reads every beginning of a message: what is whole in it is read as in the whole.
func TestCutShort(t *testing.T) {
	var m Message
	whole := parse(t, string(bytes.ReplaceAll(invite, []byte("\r"), nil)))
	line := bytes.Index(invite, []byte("\nCSeq"))
	for n := range invite {
		err := m.Parse(invite[:n])
		if n >= len("INVITE sip:") && err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		m.Check()
		if n > line && !bytes.Equal(m.CallID(), whole.CallID()) {
			t.Fatalf("%d bytes: Call-ID %q", n, m.CallID())
		}
	}
}

// TestSpellings holds that the ways to write one header (RFC 3261 §7.3.1, §7.3.3) are read alike.
func TestSpellings(t *testing.T) {
	want := typed(parse(t, string(bytes.ReplaceAll(invite, []byte("\r"), nil))))
	rapid.Check(t, func(t *rapid.T) {
		head, body, _ := bytes.Cut(invite, []byte("\r\n\r\n"))
		lines := bytes.Split(head, []byte("\r\n"))
		out := slices.Clone(lines[0])
		for _, line := range lines[1:] {
			name, value, _ := bytes.Cut(line, []byte(": "))
			if c := headerFacts[HeaderOf(name)].compact; c != 0 && rapid.Bool().Draw(t, "compact") {
				name = []byte{c}
			}
			if rapid.Bool().Draw(t, "case") {
				name = bytes.ToUpper(name)
			}
			blanks := rapid.SampledFrom([]string{"", " ", "\t ", "\r\n ", "  \r\n\t"})
			out = slices.Concat(out, []byte("\r\n"), name, []byte(rapid.SampledFrom([]string{"", " ", "\t"}).Draw(t, "before")), []byte(":"),
				[]byte(blanks.Draw(t, "after")), value, []byte(rapid.SampledFrom([]string{"", " ", "\t "}).Draw(t, "end")))
		}
		out = slices.Concat(out, []byte("\r\n\r\n"), body)
		var m Message
		if err := m.Parse(out); err != nil {
			t.Fatal(err)
		}
		if got := typed(&m); got != want {
			t.Fatalf("%q\nread as\n%s\nwant\n%s", out, got, want)
		}
		if !bytes.Equal(CallIDOf(out), m.CallID()) {
			t.Fatalf("CallIDOf %q", CallIDOf(out))
		}
		if kind, n := Frame(out, false); kind != FrameMessage || n != len(out) {
			t.Fatalf("Frame = %v, %d, want %d", kind, n, len(out))
		}
	})
}

// typed is describe without offsets and names as written.
func typed(m *Message) string {
	text, _, _ := strings.Cut(string(describe(m)), "header ")
	for id := HeaderUnknown + 1; id < headerCount; id++ {
		text += fmt.Sprintf("%v %q\n", id, m.Header(id))
	}
	return text + string(m.Body)
}
