package passport_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sipcause/internal/passport"
	"sipcause/internal/testkit"
	"sipcause/sip"
)

// rfcToken is the example of RFC 8225 Appendix A. Its signature verifies with neither of the keys printed there.
const rfcToken = "eyJhbGciOiJFUzI1NiIsInR5cCI6InBhc3Nwb3J0IiwieDV1IjoiaHR0cHM6Ly9jZXJ0LmV4YW1wbGUub3JnL3Bhc3Nwb3J0LmNlciJ9" +
	".eyJkZXN0Ijp7InVyaSI6WyJzaXA6YWxpY2VAZXhhbXBsZS5jb20iXX0sImlhdCI6MTQ3MTM3NTQxOCwib3JpZyI6eyJ0biI6IjEyMTU1NTUxMjEyIn19" +
	".VLBCIVDCaeK6M4hLJb6SHQvacAQVvoiiEOWQ_iUqkk79UD81fHQ0E1b3_GluIkba7UWYRM47ZbNFdOJquE35cw"

func TestRFC8225Example(t *testing.T) {
	p := passport.Parse([]byte(rfcToken + ";info=<https://cert.example.org/passport.cer>"))
	if p.Form != passport.Full {
		t.Fatalf("%+v", p)
	}
	if c := p.Claims; c.Orig.Text != "12155551212" || c.Orig.URI || len(c.Dest) != 1 || !c.Dest[0].URI || c.Dest[0].Text != "sip:alice@example.com" || c.IAT.Unix() != 1471375418 {
		t.Errorf("claims %+v", c)
	}
	if h := p.Header; h.Alg != "ES256" || h.Typ != "passport" || h.X5U != p.Info {
		t.Errorf("header %+v, info %q", h, p.Info)
	}
}

// TestRFC7515Example: the ES256 signature of RFC 7515 Appendix A.3, made by others than us.
func TestRFC7515Example(t *testing.T) {
	const signed = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	decode := func(s string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	point := slices.Concat([]byte{4}, decode("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"), decode("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"))
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		t.Fatal(err)
	}
	signature := decode("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q")
	if !passport.VerifyES256(key, []byte(signed), signature) {
		t.Error("the example does not verify")
	}
	if passport.VerifyES256(key, []byte(signed+"x"), signature) || passport.VerifyES256(key, []byte(signed), signature[:63]) {
		t.Error("a changed example verifies")
	}
}

const (
	header = `{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"https://cert.example.net/a.pem"}`
	claims = `{"attest":"A","dest":{"tn":["12025550123"]},"iat":1768478400,"orig":{"tn":"12025550100"},"origid":"123e4567-e89b-12d3-a456-426655440000"}`
	params = ";info=<https://cert.example.net/a.pem>;alg=ES256;ppt=shaken"

	plainHeader = `{"alg":"ES256","typ":"passport","x5u":"https://cert.example.net/a.pem"}`
	plainClaims = `{"dest":{"tn":["12025550123"]},"iat":1768478400,"orig":{"tn":"12025550100"}}`
	plainParams = ";info=<https://cert.example.net/a.pem>;alg=ES256"
)

var (
	signedAt = time.Unix(1768478400, 0).UTC()
	later    = time.Date(2070, 1, 1, 0, 0, 0, 0, time.UTC)
)

// invite is a request with what a test wants to change.
type invite struct {
	from, to, target, pai, date string
	priority                    string
	identities                  []string
}

func (v invite) parse(t *testing.T) *sip.Message {
	t.Helper()
	or := func(s, otherwise string) string {
		if s == "" {
			return otherwise
		}
		return s
	}
	var b strings.Builder
	fmt.Fprintf(&b, "INVITE %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <%s>;tag=1\r\nTo: <%s>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n",
		or(v.target, "sip:+12025550123@example.net"), or(v.from, "sip:+12025550100@example.com;user=phone"), or(v.to, "sip:+1-202-555-0123@example.net"))
	if v.pai != "" {
		fmt.Fprintf(&b, "P-Asserted-Identity: %s\r\n", v.pai)
	}
	if v.date != "" {
		fmt.Fprintf(&b, "Date: %s\r\n", v.date)
	}
	if v.priority != "" {
		fmt.Fprintf(&b, "Resource-Priority: %s\r\n", v.priority)
	}
	for _, i := range v.identities {
		fmt.Fprintf(&b, "Identity: %s\r\n", i)
	}
	m := new(sip.Message)
	if err := m.Parse([]byte(b.String() + "Content-Length: 0\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	return m
}

func kinds(c passport.Checked) string {
	var names []string
	for _, n := range c.Notes {
		names = append(names, n.Kind.String())
	}
	return strings.Join(names, " ")
}

// TestCheck: what is noted of a request, and what is not.
func TestCheck(t *testing.T) {
	s := testkit.NewSigner(t, "a")
	full := s.Sign(t, header, claims) + params
	rphHeader, rphParams := strings.Replace(header, "shaken", "rph", 1), strings.Replace(params, "shaken", "rph", 1)
	rphClaims := strings.Replace(plainClaims, "}}", `},"rph":{"auth":["ets.0","wps.1"]}}`, 1)
	with := func(h, c, p string) []string { return []string{s.Sign(t, h, c) + p} }
	for _, c := range []struct {
		name    string
		request invite
		after   time.Duration
		want    string // kinds of the first value
		says    string
	}{
		{name: "fits", request: invite{identities: []string{full}}},
		{name: "fits, with Date", request: invite{identities: []string{full}, date: "Thu, 15 Jan 2026 12:00:30 GMT"}},
		{name: "59 s", request: invite{identities: []string{full}}, after: 59 * time.Second},
		{name: "tel", request: invite{from: "tel:+1(202)555-0100", identities: []string{full}}},
		{name: "number portability", request: invite{from: "sip:+12025550100;npdi;rn=+12025550199@example.com;user=phone", identities: []string{full}}},
		{name: "asserted", request: invite{from: "sip:anonymous@anonymous.invalid", pai: `"A" <sip:+12025550100@example.com>`, identities: []string{full}}},
		{name: "asserted is another", request: invite{pai: "<tel:+12025550177>", identities: []string{full}}, want: "orig-not-asserted", says: "is +12025550177"},
		{name: "other caller", request: invite{from: "sip:+1.202.555.0199@example.com", identities: []string{full}}, want: "orig-differs", says: "for the caller 12025550100, the request comes from +1.202.555.0199 (canonical 12025550199)"},
		{name: "anonymous", request: invite{from: "sip:anonymous@anonymous.invalid", identities: []string{full}}, want: "orig-differs", says: "comes from sip:anonymous@anonymous.invalid"},
		{name: "national", request: invite{from: "sip:2025550100@example.com", identities: []string{full}}, want: "orig-alike"},
		{name: "other callee", request: invite{to: "sip:+12025550124@example.net", identities: []string{full}}, want: "dest-differs", says: "calls to 12025550123, the request goes to +12025550124"},
		{name: "national callee", request: invite{to: "sip:02025550123@example.net", identities: []string{full}}, want: "dest-alike"},
		{name: "stale", request: invite{identities: []string{full}}, after: 310 * time.Second, want: "stale", says: "signed 310 s before the request was seen; 60 s is allowed"},
		{name: "future", request: invite{identities: []string{full}}, after: -5 * time.Hour, want: "future", says: "5 h after"},
		{name: "Date", request: invite{identities: []string{full}, date: "Thu, 15 Jan 2026 12:02:00 GMT"}, want: "date-differs"},
		{name: "info", request: invite{identities: with(header, claims, ";info=<https://cert.example.net/b.pem>;alg=ES256;ppt=shaken")}, want: "x5u-differs", says: "info is https://cert.example.net/b.pem"},
		{name: "no info", request: invite{identities: with(header, claims, "")}, want: "info-missing"},
		{name: "http", request: invite{identities: with(strings.Replace(header, "https", "http", 1), claims, strings.Replace(params, "https", "http", 1))}, want: "not-https"},
		{name: "algorithm", request: invite{identities: with(strings.Replace(header, "ES256", "RS256", 1), claims, params)}, want: "alg-unsupported alg-differs"},
		{name: "typ", request: invite{identities: with(strings.Replace(header, `"typ":"passport",`, "", 1), claims, params)}, want: "typ-wrong"},
		{name: "ppt", request: invite{identities: with(strings.Replace(header, `"ppt":"shaken",`, "", 1), claims, params)}, want: "ppt-differs"},
		{name: "ppt of nobody", request: invite{identities: with(strings.Replace(header, `shaken`, "mine", 1), claims, strings.Replace(params, "shaken", "mine", 1))}, want: "ppt-unknown"},
		{name: "attestation", request: invite{identities: with(header, strings.Replace(claims, `"A"`, `"D"`, 1), params)}, want: "attest-unknown"},
		{name: "priority", request: invite{priority: "ets.0, WPS.1", identities: with(rphHeader, rphClaims, rphParams)}},
		{name: "another priority", request: invite{priority: "ets.1", identities: with(rphHeader, rphClaims, rphParams)}, want: "rph-differs", says: "for the priorities ets.0, wps.1, Resource-Priority is ets.1"},
		{name: "iat quoted", request: invite{identities: with(header, strings.Replace(claims, `1768478400`, `"1768478400"`, 1), params)}, want: "iat-quoted"},
		{name: "claims missing", request: invite{identities: with(header, `{}`, params)}, want: "orig-missing dest-missing iat-missing attest-unknown origid-missing"},
		{name: "dest is no array", request: invite{identities: with(header, strings.Replace(claims, `["12025550123"]`, `"12025550123"`, 1), params)}},
		{name: "padded", request: invite{identities: []string{strings.Replace(full, ";info", "==;info", 1)}}},
		{name: "quoted parameters", request: invite{identities: []string{strings.NewReplacer("ES256;", `"ES256" ; `, "=shaken", `="shaken"`).Replace(full)}}},
		{name: "short signature", request: invite{identities: []string{full[:strings.LastIndexByte(full[:strings.IndexByte(full, ';')], '.')] + ".c2ln" + params}}, want: "signature-form", says: "3 bytes long"},
		{name: "DER", request: invite{identities: []string{full[:strings.LastIndexByte(full[:strings.IndexByte(full, ';')], '.')] + ".MEUCIQ" + params}}, want: "signature-form", says: "in DER"},
		{name: "not JSON", request: invite{identities: []string{"eyJhbGci.YWJj.YWJj" + params}}, want: "unreadable", says: "its header is not a JSON object"},
		{name: "cut", request: invite{identities: []string{full[:100]}}, want: "unreadable", says: "not made of three parts"},
		{name: "RFC 4474", request: invite{identities: []string{`"sv5CTo05KqpSmtHt3dcEiO/1CWTSZtnG3iV+1nmurLXV/HmtyNS7Ltrg9dlxkWzo="`}}, want: "unreadable", says: "RFC 4474"},
		{name: "long", request: invite{identities: []string{strings.Repeat("a", 9000) + ".b.c"}}, want: "unreadable", says: "longer than 8192"},
		{name: "compact", request: invite{date: "Thu, 15 Jan 2026 12:00:00 GMT", identities: []string{s.Compact(t, plainHeader, plainClaims) + plainParams}}},
		{name: "compact, no Date", request: invite{identities: []string{s.Compact(t, plainHeader, plainClaims) + plainParams}}, want: "date-missing"},
		{name: "compact shaken", request: invite{date: "Thu, 15 Jan 2026 12:00:00 GMT", identities: []string{s.Compact(t, header, claims) + params}}, want: "compact-form"},
	} {
		got := passport.Check(c.request.parse(t), signedAt.Add(c.after), nil)
		if len(got) != 1 || kinds(got[0]) != c.want {
			t.Errorf("%s: %d values, notes %q, want %q", c.name, len(got), kinds(got[0]), c.want)
			continue
		}
		if c.says != "" && !strings.Contains(got[0].Notes[0].String(), c.says) {
			t.Errorf("%s: %q, want %q", c.name, got[0].Notes[0], c.says)
		}
		if _, fault := got[0].Fault(); fault != (got[0].Verdict == passport.Faulty || got[0].Verdict == passport.Illegible) {
			t.Errorf("%s: verdict %s", c.name, got[0].Verdict)
		}
	}
}

// TestDiversion: a chain of div PASSporTs (RFC 8946 §4), whole and broken.
func TestDiversion(t *testing.T) {
	s := testkit.NewSigner(t, "a")
	divHeader := strings.Replace(header, "shaken", "div", 1)
	div := func(from, to string) string {
		return s.Sign(t, divHeader, fmt.Sprintf(`{"dest":{"tn":["%s"]},"div":{"tn":"%s"},"iat":1768478400,"orig":{"tn":"12025550100"}}`, to, from)) +
			";info=<https://cert.example.net/a.pem>;alg=ES256;ppt=div"
	}
	first := s.Sign(t, header, claims) + params
	for _, c := range []struct {
		name       string
		to, target string
		identities []string
		want       []string
	}{
		{"once", "sip:+12025550123@example.net", "sip:+12025550150@example.net", []string{first, div("12025550123", "12025550150")}, []string{"", ""}},
		{"once, To changed", "sip:+12025550150@example.net", "sip:+12025550150@example.net", []string{div("12025550123", "12025550150"), first}, []string{"", ""}},
		{"twice", "sip:+12025550123@example.net", "sip:+12025550160@example.net", []string{first, div("12025550123", "12025550150"), div("12025550150", "12025550160")}, []string{"", "", ""}},
		{"broken", "sip:+12025550123@example.net", "sip:+12025550160@example.net", []string{first, div("12025550150", "12025550160")}, []string{"", "div-chain-broken"}},
		{"elsewhere", "sip:+12025550123@example.net", "sip:+12025550170@example.net", []string{first, div("12025550123", "12025550150")}, []string{"", "dest-differs"}},
		{"no div", "sip:+12025550150@example.net", "sip:+12025550150@example.net", []string{first}, []string{"dest-differs"}},
	} {
		var got []string
		for _, k := range passport.Check(invite{to: c.to, target: c.target, identities: c.identities}.parse(t), signedAt, nil) {
			got = append(got, kinds(k))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestSeveral: one field with commas, several fields, and no more of them than the bound.
func TestSeveral(t *testing.T) {
	one := testkit.NewSigner(t, "a").Sign(t, header, claims) + params
	m := invite{identities: []string{one + ", " + one, one}}.parse(t)
	if got := passport.Check(m, signedAt, nil); len(got) != 3 || got[2].Claims.Attest != "A" || got[0].Form != passport.Full {
		t.Errorf("%d values: %+v", len(got), got)
	}
	m = invite{identities: slices.Repeat([]string{one}, 40)}.parse(t)
	if got := passport.Of(m); len(got) != 16 {
		t.Errorf("%d values of 40 are read", len(got))
	}
	many := fmt.Sprintf(`{"dest":{"tn":[%s]}}`, strings.TrimSuffix(strings.Repeat(`"12025550123",`, 200), ","))
	if p := passport.Parse([]byte(testkit.NewSigner(t, "a").Sign(t, header, many))); len(p.Claims.Dest) != 32 {
		t.Errorf("%d destinations are kept of 200", len(p.Claims.Dest))
	}
}

func TestNumber(t *testing.T) {
	for in, want := range map[string]string{
		"+1 (202) 555-0100": "12025550100", "12025550100": "12025550100", "*67": "*67", "": "", "alice": "", "1202x": "", "1+2": "",
	} {
		if got, ok := passport.Number(in); got != want || ok != (want != "") {
			t.Errorf("%q: %q %t, want %q", in, got, ok, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(rfcToken + params))
	f.Add([]byte("..YWJj" + params))
	f.Add([]byte("..=" + params))
	f.Add([]byte(`"YWJj";info=<;>;ppt`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p := passport.Parse(data)
		if (p.Form == passport.Unreadable) != (p.Broken != "") {
			t.Errorf("form %s, broken %q", p.Form, p.Broken)
		}
		m := new(sip.Message)
		if m.Parse(append(append([]byte("INVITE sip:1@example.com SIP/2.0\r\nFrom: <tel:1>\r\nTo: <tel:1>\r\nIdentity: "), data...), "\r\n\r\n"...)) != nil {
			return
		}
		for _, c := range passport.Check(m, signedAt, nil) {
			for _, n := range c.Notes {
				if s := n.String(); strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
					t.Errorf("control characters in %q", s)
				}
			}
		}
	})
}
