package diagnose_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sipcause/internal/call"
	"sipcause/internal/capture"
	"sipcause/internal/digest"
	"sipcause/internal/finding"
	"sipcause/internal/pipeline"
	"sipcause/internal/view"
)

// login is a REGISTER that was challenged and refused: what the client computed with, and what it sent.
func login(password, code string, change func(in *digest.Input)) string {
	in := digest.Input{
		Username: "alice", Realm: "example.com", Nonce: "n-1234567890", Method: "REGISTER", URI: "sip:example.com", QOP: "auth", NC: "00000001", CNonce: "c1",
	}
	sent := in
	change(&in)
	response, _ := digest.Response(&in, password)
	const head = "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK%d\r\nFrom: <sip:1000@example.com>;tag=1\r\nTo: <sip:1000@example.com>%s\r\nCall-ID: secret@example.com\r\nCSeq: %d REGISTER\r\n"
	const end = "Content-Length: 0\r\n\r\n"
	request := "REGISTER sip:example.com SIP/2.0\r\n" + head + "Contact: <sip:1000@192.0.2.10>\r\n"
	var b strings.Builder
	fmt.Fprintf(&b, request+end, 1, "", 1)
	fmt.Fprintf(&b, "SIP/2.0 401 Unauthorized\r\n"+head+"WWW-Authenticate: Digest realm=\"example.com\", nonce=\"%s\", qop=\"auth\"\r\n"+end, 1, ";tag=2", 1, sent.Nonce)
	fmt.Fprintf(&b, request+"Authorization: Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", qop=%s, nc=%s, cnonce=\"%s\", response=\"%s\"\r\n"+end, 2, "", 2,
		sent.Username, sent.Realm, sent.Nonce, sent.URI, sent.QOP, sent.NC, sent.CNonce, response)
	again := ""
	if strings.HasPrefix(code, "401") {
		again = "WWW-Authenticate: Digest realm=\"example.com\", nonce=\"n-2\", qop=\"auth\"\r\n"
	}
	fmt.Fprintf(&b, "SIP/2.0 "+code+"\r\n"+head+again+end, 2, ";tag=3", 2)
	return b.String()
}

// diagnosed analyses a text trace of one registration with passwords, and returns its root cause and what was computed.
func diagnosed(t *testing.T, trace string, s *digest.Secrets) (root finding.Finding, suspect string, digests []finding.Digest) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trace.txt")
	if err := os.WriteFile(path, []byte(trace), 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := capture.Open([]string{path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = pipeline.Run(context.Background(), src, pipeline.Options{Secrets: s}, func(c *view.Case) error {
		if c.Verdict.Root == nil {
			t.Fatalf("%v %d: no root cause", c.Call.Outcome, c.Call.Code)
		}
		root, digests = *c.Verdict.Root, append(digests, c.Verdict.Digests...)
		root.Actions = append([]string(nil), root.Actions...)
		if c.Verdict.Suspect != nil {
			suspect = c.Verdict.Suspect.Address.Addr().String()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return root, suspect, digests
}

// TestSecrets says what is said of refused credentials when the right password is known.
func TestSecrets(t *testing.T) {
	same := func(*digest.Input) {}
	const client, server = "192.0.2.10", ""
	for _, tc := range []struct {
		name, password, code string
		change               func(in *digest.Input)
		summary, action      string
		suspect              string
		result               digest.Check
		confidence           float64
	}{
		{"right", "s3cr3t", "401 Unauthorized", same, "the response is the same", "has stored for \"alice\"", server, digest.Check{Result: digest.Matches}, 0.75},
		{"right, 403", "s3cr3t", "403 Forbidden", same, "although the credentials are right", "Ask for the reason", server, digest.Check{Result: digest.Matches}, 0.9},
		{"right, 403 in words about them", "s3cr3t", "403 Wrong auth ID", same, "although the credentials are right", "Ask for the reason", server, digest.Check{Result: digest.Matches}, 0.9},
		{"wrong, 403", "hunter2", "403 Forbidden", same, "the client has another password", "Enter the given password", client, digest.Check{Result: digest.NoMatch}, 0.99},
		{"wrong", "hunter2", "401 Unauthorized", same, "the client has another password", "Enter the given password", client, digest.Check{Result: digest.NoMatch}, 0.99},
		{"blank", "s3cr3t ", "401 Unauthorized", same, "with a blank behind", "with a blank behind", client, digest.Check{Result: digest.FieldDiffers, Field: digest.FieldPassword, Used: "the given one with a blank behind"}, 0.99},
		{"uri", "s3cr3t", "401 Unauthorized", func(in *digest.Input) { in.Username = "1000" }, `fits only with username "1000" instead of "alice"`, "Correct the username", client, digest.Check{Result: digest.FieldDiffers, Field: digest.FieldUsername, Sent: "alice", Used: "1000"}, 0.99},
		{"qop", "s3cr3t", "401 Unauthorized", func(in *digest.Input) { in.QOP = "" }, `fits only with qop left out instead of "auth"`, "Correct the qop", client, digest.Check{Result: digest.FieldDiffers, Field: digest.FieldQOP, Sent: "auth"}, 0.99},
	} {
		s := new(digest.Secrets)
		if err := s.Add("alice@example.com:s3cr3t"); err != nil {
			t.Fatal(err)
		}
		trace := login(tc.password, tc.code, tc.change)
		root, suspect, digests := diagnosed(t, trace, s)
		id := finding.ID("auth.wrong-credentials")
		if strings.Contains(tc.summary, "are right") {
			id = "policy.forbidden"
		}
		if root.ID != id || root.Confidence != tc.confidence || !strings.Contains(root.Summary, tc.summary) || !strings.Contains(root.Actions[0], tc.action) {
			t.Errorf("%s: %s %.2f: %s; do: %q", tc.name, root.ID, root.Confidence, root.Summary, root.Actions)
		}
		if tc.suspect != "" && suspect != tc.suspect || tc.suspect == "" && suspect == client {
			t.Errorf("%s: suspect %s", tc.name, suspect)
		}
		if len(digests) != 1 || digests[0].Check != tc.result || digests[0].Realm != "example.com" || digests[0].Proxy {
			t.Errorf("%s: %+v", tc.name, digests)
		}
		if said := fmt.Sprint(root, digests); strings.Contains(said, "s3cr3t") || strings.Contains(said, "hunter2") {
			t.Errorf("%s: the password is told: %s", tc.name, said)
		}
		plain, _, none := diagnosed(t, trace, nil)
		if plain.ID != "auth.wrong-credentials" || strings.Contains(plain.Summary, "given password") || none != nil {
			t.Errorf("%s: without a password: %s; %v", tc.name, plain.Summary, none)
		}
	}
}

// TestSecretsOfTheLab recomputes what Kamailio, SIPp and baresip computed: every response that was let pass is that of the
// account's password, and none that was sent with another password is.
func TestSecretsOfTheLab(t *testing.T) {
	s := new(digest.Secrets)
	for _, name := range []string{"alice", "bob", "carol", "trunk"} {
		if err := s.Add(name + ":secret-" + name); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob("../../testdata/lab/*.pcap.gz")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d captures: %v", len(files), err)
	}
	passed, wrong := 0, 0
	for _, f := range files {
		src, err := capture.Open([]string{f}, nil)
		if err != nil {
			t.Fatal(err)
		}
		guessed := strings.Contains(f, "wrong-password") || strings.Contains(f, "wrong-trunk-password")
		guessed = guessed && !strings.Contains(f, "healthy")
		_, err = pipeline.Run(context.Background(), src, pipeline.Options{Workers: 1, Secrets: s}, func(c *view.Case) error {
			for i := range c.Verdict.Digests {
				d := &c.Verdict.Digests[i]
				txn := c.Call.Sighting(d.Sent).Txn
				code := c.Call.Status(call.TxnRef{Leg: d.Sent.Leg, Txn: txn})
				switch {
				case code >= 200 && code < 300 || code == 486:
					if passed++; d.Result != digest.Matches {
						t.Errorf("%s: let pass with %d, and %v", f, code, d.Check)
					}
				case guessed && (code == 401 || code == 407 || code == 403):
					if wrong++; d.Result != digest.NoMatch {
						t.Errorf("%s: refused with %d, and %v", f, code, d.Check)
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d let pass, %d with a wrong password", passed, wrong)
	if passed < 50 || wrong < 5 {
		t.Errorf("%d responses let pass, %d with a wrong password: too few to say anything", passed, wrong)
	}
}
