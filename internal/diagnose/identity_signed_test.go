package diagnose_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sipcause/internal/finding"
	"sipcause/internal/passport"
	"sipcause/internal/pipeline"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
)

// signedScene is a signed call through a proxy to a verifier, and what is to be said of it.
type signedScene struct {
	name    string
	invite  string // parameters of the INVITE
	second  string // after the first Identity value
	headers string // beside Identity
	change  string // what the proxy changes
	claims  [2]string
	answer  string // "": 200
	certs   map[string][]byte
	want    finding.ID // "": nothing above info
	says    []string   // of the root cause's summary, first action and evidence
	not     string
	suspect string
}

// TestSignedCalls plays calls that are signed with keys of the test, with and without certificates.
func TestSignedCalls(t *testing.T) {
	signer, ca, other := testkit.NewSigner(t, "a"), testkit.NewSigner(t, "ca"), testkit.NewSigner(t, "b")
	at := time.Unix(1768478400, 0).UTC()
	later := at.AddDate(1, 0, 0)
	numbers := testkit.TNEntries(t, "", "12025550100", 50)
	root := ca.Certify(t, nil, later, nil)
	good := map[string][]byte{"a.pem": signer.Certify(t, ca, later, numbers), "ca.pem": root}
	old := map[string][]byte{"a.pem": signer.Certify(t, ca, at.Add(-36*time.Hour), numbers), "ca.pem": root}
	elsewhere := map[string][]byte{"a.pem": signer.Certify(t, ca, later, testkit.TNEntries(t, "", "12025550150", 10)), "ca.pem": root}
	foreign := map[string][]byte{"a.pem": other.Certify(t, ca, later, numbers), "ca.pem": root}
	stale := [2]string{"1768478400", "1768478000"}
	for _, s := range []signedScene{
		{name: "healthy", certs: good},
		{name: "healthy with another key", certs: foreign},
		{name: "healthy with an old certificate", certs: old},
		{name: "healthy, other caller", invite: "from=+12025550177"},
		{name: "fits", answer: `438`, want: "identity.invalid", says: []string{"nothing in the capture disagrees with it, and the signature itself was not checked", "attestation A, 12025550100 to 12025550123, signed 0 s before"}, suspect: "203.0.113.61:5060"},
		{name: "verifies", answer: "438", certs: good, want: "identity.invalid", says: []string{"the signature verifies with the certificate in a.pem", "Ask who runs"}},
		{name: "other caller", invite: "from=+1-202-555-0177", answer: "438", want: "identity.invalid", says: []string{"for the caller 12025550100, the request comes from +1-202-555-0177 (canonical 12025550177)"}, suspect: "192.0.2.10:5060"},
		{name: "other caller and key", invite: "from=+12025550177", answer: "438", certs: foreign, want: "identity.invalid", says: []string{"for the caller 12025550100", "Also: the signature does not verify with the certificate in a.pem"}},
		{name: "asserted", headers: "P-Asserted-Identity: <tel:+12025550100>", invite: "from=anonymous", answer: "438", want: "identity.invalid", says: []string{"nothing in the capture disagrees"}},
		{name: "rewritten", change: " -Identity", answer: "428", want: "identity.missing", says: []string{"dropped the Identity header"}},
		{name: "another key", answer: "438", certs: foreign, want: "identity.invalid", says: []string{"does not verify with the certificate in a.pem"}},
		{name: "expired", answer: "437", certs: old, want: "identity.unsupported-credential", says: []string{"a.pem was valid until 2026-01-14T00:00:00Z", "is for 12025550100 (50 numbers)"}},
		{name: "number not covered", answer: "437", certs: elsewhere, want: "identity.unsupported-credential", says: []string{"does not cover the number 12025550100"}},
		{name: "unknown", answer: "437", want: "identity.unsupported-credential", not: "What can be seen"},
		{name: "stale", claims: stale, answer: `403 "Stale Date"`, want: "identity.stale-date", says: []string{"its iat is 400 s older than"}, suspect: "192.0.2.10:5060"},
		{name: "stale by its time", claims: stale, answer: "403", want: "identity.stale-date"},
		{name: "stale, 438", claims: stale, answer: "438", want: "identity.stale-date"},
		{name: "stale and of another, 438", claims: stale, invite: "from=+12025550177", answer: "438", want: "identity.invalid", says: []string{"for the caller 12025550100", "Also: it was signed 400 s before"}},
		{name: "403 of another reason", answer: "403", want: "policy.forbidden"},
		{name: "attestation", claims: [2]string{`"A"`, `"C"`}, answer: "608", want: "policy.rejected-by-analytics", says: []string{"the call was signed with attestation C"}, not: "What can be seen"},
		{name: "address", claims: [2]string{"x", "x"}, headers: "Subject: 1", answer: "436", want: "identity.bad-info", says: []string{`"https://cert.example.net/a.pem"`}, not: "What can be seen"},
		{name: "second Identity", second: ", abc.def;info=<https://cert.example.net/b.pem>;ppt=div", answer: "438", want: "identity.invalid", says: []string{"Identity 2 (div): the Identity header cannot be read: it is not made of three parts"}},
		{name: "busy", answer: "486", certs: foreign, want: "callee.busy"},
	} {
		t.Run(s.name, func(t *testing.T) { s.play(t, signer) })
	}
}

func (s *signedScene) play(t *testing.T, signer *testkit.Signer) {
	claims := `{"attest":"A","dest":{"tn":["12025550123"]},"iat":1768478400,"orig":{"tn":"12025550100"},"origid":"123e4567-e89b-12d3-a456-426655440000"}`
	if s.claims[0] != "" {
		claims = strings.Replace(claims, s.claims[0], s.claims[1], 1)
	}
	token := signer.Sign(t, `{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"https://cert.example.net/a.pem"}`, claims)
	var b strings.Builder
	if !strings.Contains(s.invite, "from=") {
		s.invite += " from=+12025550100"
	}
	fmt.Fprintf(&b, "alice > proxy INVITE sdp to=+12025550123 %s\n\tIdentity: %s;info=<https://cert.example.net/a.pem>;alg=ES256;ppt=shaken%s\n", s.invite, token, s.second)
	if s.headers != "" {
		fmt.Fprintf(&b, "\t%s\n", s.headers)
	}
	fmt.Fprintf(&b, "proxy > gw INVITE%s\n", s.change)
	if s.answer == "" {
		b.WriteString("gw > proxy 200 sdp\nproxy > alice 200\nalice > proxy ACK\nproxy > gw ACK\n+5s alice > proxy BYE\nproxy > gw BYE\ngw > proxy 200\nproxy > alice 200\n")
	} else {
		fmt.Fprintf(&b, "gw > proxy %s\nproxy > gw ACK\nproxy > alice %s\nalice > proxy ACK\n", s.answer, s.answer)
	}
	flows, err := testkit.ParseFlows([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	var store *passport.Store
	if s.certs != nil {
		store = new(passport.Store)
		for name, pem := range s.certs {
			if err := store.Add(name, pem); err != nil {
				t.Fatal(err)
			}
		}
	}
	seen := false
	e := pipeline.NewEngine(pipeline.Options{Workers: 1, Certs: store}, func(c *view.Case) error {
		seen = true
		sound(t, c)
		s.judge(t, c)
		return nil
	})
	for i := range flows[0].Items {
		if p := flows[0].Items[i].Payload; p != nil {
			e.Payload(p)
		}
	}
	e.Reached(flows[0].End)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if !seen {
		t.Error("no call came out")
	}
}

func (s *signedScene) judge(t *testing.T, c *view.Case) {
	v := c.Verdict
	if s.want == "" {
		if slices.ContainsFunc(v.Findings, func(f finding.Finding) bool { return f.Severity > finding.Info }) {
			t.Error(describe(c))
		}
		return
	}
	if v.Root == nil || v.Root.ID != s.want {
		t.Fatalf("root cause %v, want %s\n%s", v.Root, s.want, describe(c))
	}
	text := v.Root.Summary + "\n" + strings.Join(v.Root.Actions, "\n")
	for _, e := range v.Root.Evidence {
		text += "\n" + e.Note
	}
	for _, w := range s.says {
		if !strings.Contains(text, w) {
			t.Errorf("it does not say %q:\n%s", w, text)
		}
	}
	if s.not != "" && strings.Contains(text, s.not) {
		t.Errorf("it says %q:\n%s", s.not, text)
	}
	if s.suspect != "" && (v.Suspect == nil || v.Suspect.Address.String() != s.suspect) {
		t.Errorf("suspect %v, want %s", v.Suspect, s.suspect)
	}
}
