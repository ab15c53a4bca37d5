package render

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"sipcause/internal/call"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
)

func TestHTMLGolden(t *testing.T) {
	files := []string{"trace.pcap"}
	testkit.Golden(t, "report.html", report(t, "html", Options{Files: files, All: true}, cases(), summary()))
}

// TestHTMLIsSafe: whatever traffic holds, the page has no element, attribute or script that is not its own.
func TestHTMLIsSafe(t *testing.T) {
	list := []*view.Case{hostileCase(), headersCase()}
	clean := string(report(t, "html", Options{All: true}, cases(), summary()))
	s := summary()
	s.Files = []string{payload}
	s.Undecoded[0].Name, s.Methods[0].Name, s.Gaps[0].Where = payload, payload, payload
	s.Findings[0].Summary, s.Findings[0].Actions, s.KPIs[0].Name, s.KPIs[0].Unit = payload, []string{payload}, payload, payload
	out := string(report(t, "html", Options{All: true, Files: s.Files}, list, s))

	if !utf8.ValidString(out) {
		t.Error("not UTF-8")
	}
	known := map[string]bool{}
	for tag := range tags(clean) {
		known[tag] = true
	}
	for tag := range tags(out) {
		if !known[tag] {
			t.Errorf("tag %q does not come from a template", tag)
		}
	}
	for _, bad := range []string{"<script>alert", "<img", "onerror=alert(2)>", "<svg onload", "{{.}}<", "\x1b", "\x00", "\u202e"} {
		if strings.Contains(out, bad) {
			t.Errorf("page holds %q", bad)
		}
	}
	if n := strings.Count(out, "<script>"); n != 1 {
		t.Errorf("%d scripts, want ours alone", n)
	}
}

var (
	tagName  = regexp.MustCompile(`<(/?[a-zA-Z!][a-zA-Z0-9-]*)((?:\s+[a-zA-Z-]+(?:="[^"]*")?)*)\s*/?>`)
	attrName = regexp.MustCompile(`\s([a-zA-Z-]+)(?:="[^"]*")?`)
)

// tags returns each tag with the names of its attributes.
func tags(page string) map[string]bool {
	_, page, _ = strings.Cut(page, "<body>")
	page, _, _ = strings.Cut(page, "<script>")
	found := map[string]bool{}
	for _, m := range tagName.FindAllStringSubmatch(page, -1) {
		tag := m[1]
		for _, a := range attrName.FindAllStringSubmatch(m[2], -1) {
			tag += " " + a[1]
		}
		found[tag] = true
	}
	return found
}

// headersCase has the payload as the value of every header the parser knows, and as a parameter of the others.
func headersCase() *view.Case {
	f := newFlow(call.KindCall, "headers@example.com", "sip:alice@example.com", "sip:bob@example.com")
	var b strings.Builder
	for _, h := range []string{
		"Via", "From", "To", "Call-ID", "Contact", "Route", "Record-Route", "Max-Forwards", "Content-Type", "Authorization", "Proxy-Authorization",
		"WWW-Authenticate", "Proxy-Authenticate", "Reason", "Warning", "Retry-After", "Session-Expires", "Min-SE", "Expires", "RSeq", "RAck", "Allow",
		"Accept", "Require", "Supported", "Unsupported", "Identity", "P-Asserted-Identity", "Diversion", "History-Info", "Session-ID", "Event",
		"Refer-To", "Replaces", "Date", "Server", "User-Agent", "Call-Info", "Error-Info", "Subject", "X-Call-ID", payload,
	} {
		fmt.Fprintf(&b, "%s: %s\r\n%s: <sip:x@example.com;a=%s>;b=%s\r\n", h, payload, h, payload, payload)
	}
	f.extra = b.String()
	f.msg(0, alice, proxy, "INVITE sip:bob@example.com")
	d := f.msg(10, proxy, alice, "500 Server Internal Error/INVITE")
	c := f.call()
	failed(c, call.Failed, 500, "Server Internal Error", d)
	return &view.Case{Call: c, Verdict: verdict(c, nil)}
}

// TestHTMLPolicyAllowsOurOwn: the hashes of the policy are those of the style and the script on the page, and
// nothing on the page needs more than the policy allows.
func TestHTMLPolicyAllowsOurOwn(t *testing.T) {
	out := string(report(t, "html", Options{All: true}, cases(), summary()))
	policy := regexp.MustCompile(`Content-Security-Policy" content="([^"]+)"`).FindStringSubmatch(out)
	if policy == nil || !strings.HasPrefix(policy[1], "default-src 'none'; ") {
		t.Fatalf("policy %q", policy)
	}
	for tag, directive := range map[string]string{"style": "style-src", "script": "script-src"} {
		m := regexp.MustCompile(`(?s)<`+tag+`>(.*?)</`+tag+`>`).FindAllStringSubmatch(out, -1)
		if len(m) != 1 {
			t.Fatalf("%d %s elements", len(m), tag)
		}
		if want := directive + " '" + digest(m[0][1]) + "'"; !strings.Contains(policy[1], want) {
			t.Errorf("policy %q lacks %q", policy[1], want)
		}
	}
	body := out[strings.Index(out, "<body>"):strings.Index(out, "<script>")]
	for _, bad := range []*regexp.Regexp{
		regexp.MustCompile(`<[^>]*\sstyle=`), regexp.MustCompile(`<[^>]*\son[a-z]+=`), regexp.MustCompile(`<[^>]*\s(?:src|action|srcset)=`),
		regexp.MustCompile(`href="[^#]`), regexp.MustCompile(`url\(`), regexp.MustCompile(`(?i)javascript:`),
	} {
		if m := bad.FindString(body); m != "" {
			t.Errorf("page needs what the policy forbids: %q", m)
		}
	}
}

func TestHTMLMasksCredentials(t *testing.T) {
	out := string(report(t, "html", Options{All: true}, cases(), summary()))
	if strings.Contains(out, "7587245234b3434cc3412213e5f113a5") {
		t.Error("a digest response is shown")
	}
	for _, want := range []string{"84a4cc6f3082121f32b42a2187831a9e", "response=" + masked, "realm=&#34;example.com&#34;"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not shown", want)
		}
	}
}

func TestMaskSecrets(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"A: b\r\nAuthorization: Digest username=\"u\", response=\"abc\", nonce=\"n\"\r\nX: response=\"x\"\r\n\r\n", "A: b\r\nAuthorization: Digest username=\"u\", response=" + masked + ", nonce=\"n\"\r\nX: response=\"x\"\r\n\r\n"},
		{"proxy-authorization : DIGEST Response = abc,qop=auth\n", "proxy-authorization : DIGEST Response = " + masked + ",qop=auth\n"},
		{"Authorization: Digest nonce=\"n\",\r\n response=\"ab\r\n cd\"\r\nB: c\r\n", "Authorization: Digest nonce=\"n\",\r\n response=" + masked + "\r\nB: c\r\n"},
		{"Authorization: Digest response=\"open", "Authorization: Digest response=" + masked},
		{"Authorization: Basic dXNlcjpwdw==\r\n", "Authorization: Basic " + masked + "\r\n"},
		{"Authorization: Bearer\r\n\teyJh\r\n", "Authorization: Bearer\r\n\t" + masked + "\r\n"},
		{"SIP/2.0 200 OK\r\n\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZi|2^20|1:32\r\n", "SIP/2.0 200 OK\r\n\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + masked + "|2^20|1:32\r\n"},
		{"\r\nINVITE x SIP/2.0\r\nAuthorization: Digest response=1\r\n", "\r\nINVITE x SIP/2.0\r\nAuthorization: Digest response=" + masked + "\r\n"},
		{"", ""},
	} {
		if got := string(maskSecrets([]byte(c.in))); got != c.want {
			t.Errorf("%q:\n got %q\nwant %q", c.in, got, c.want)
		}
	}
}

// TestHTMLBounded: beyond the bounds a page counts and says so.
func TestHTMLBounded(t *testing.T) {
	r := newHTML(nil, Options{Width: 80, Zone: time.UTC}).(*page)
	var out strings.Builder
	r.w = &out
	c := busyCase()
	for range maxPageCases + 7 {
		if err := r.Case(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.End(summary()); err != nil {
		t.Fatal(err)
	}
	got := out.String()
	if n := strings.Count(got, `<details class="case `); n != maxPageCases {
		t.Errorf("%d cases listed, want %d", n, maxPageCases)
	}
	if n := strings.Count(got, `<svg class="ladder"`); n != maxPageFull {
		t.Errorf("%d ladders, want %d", n, maxPageFull)
	}
	for _, want := range []string{"4,750 of the 5,000 listed have no ladder", "7 more are counted above but not listed"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not said", want)
		}
	}
}

// TestHTMLMessagesBounded: a long message is cut, and many of them use up the page's bytes.
func TestHTMLMessagesBounded(t *testing.T) {
	f := newFlow(call.KindCall, "long@example.com", "sip:alice@example.com", "sip:bob@example.com")
	f.body = strings.Repeat("x", 60000)
	d := f.msg(0, alice, proxy, "MESSAGE sip:bob@example.com")
	c := f.call()
	failed(c, call.Failed, 500, "x", d)
	out := string(report(t, "html", Options{}, []*view.Case{{Call: c, Verdict: verdict(c, nil)}}, summary()))
	if n := strings.Count(out, "x"); n > maxMessageText+5000 || !strings.Contains(out, "The first 16.4 kB of 60.2 kB.") {
		t.Errorf("%d bytes of the body shown", n)
	}
}

func TestTimelineKeepsCounts(t *testing.T) {
	var tl timeline
	want := uint64(0)
	for i := range 5000 {
		tl.add(at(float64(i*i)*10), i%3 == 0)
		tl.add(at(-1000), false)
		want += 2
	}
	got := uint64(0)
	for i := range tl.ok {
		got += tl.ok[i] + tl.bad[i]
	}
	if got != want {
		t.Errorf("%d counted, want %d", got, want)
	}
}
