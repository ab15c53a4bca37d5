package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sipcause/internal/render/schema"
	"sipcause/internal/testkit"
)

// signedCalls are captures of signed calls by name: the number they come from, and the answer.
var signedCalls = []struct{ name, from, answer string }{
	{"signed.pcap", "+12025550100", "proxy > alice 200 sdp\nalice > proxy ACK\n+5s alice > proxy BYE\nproxy > alice 200\n"},
	{"rewritten.pcap", "+12025550177", "proxy > alice 438\nalice > proxy ACK\n"},
	{"refused.pcap", "+12025550100", "proxy > alice 438\nalice > proxy ACK\n"},
	{"expired.pcap", "+12025550100", "proxy > alice 437\nalice > proxy ACK\n"},
}

// writeSigned writes captures of signed calls and folders of certificates into a folder.
func writeSigned(t *testing.T, dir string) (err error) {
	signer, ca := testkit.NewSigner(t, "a"), testkit.NewSigner(t, "ca")
	token := signer.Sign(t, `{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"https://cert.example.net/a.pem"}`,
		`{"attest":"B","dest":{"tn":["12025550123"]},"iat":1768478398,"orig":{"tn":"12025550100"},"origid":"123e4567-e89b-12d3-a456-426655440000"}`)
	put := func(name string, b []byte) {
		name = filepath.Join(dir, name)
		err = errors.Join(err, os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, b, 0o600))
	}
	for _, c := range signedCalls {
		flows, bad := testkit.ParseFlows(fmt.Appendf(nil, "alice > proxy INVITE sdp from=%s to=+12025550123\n\tIdentity: %s;info=<https://cert.example.net/a.pem>;alg=ES256;ppt=shaken\n%s", c.from, token, c.answer))
		if bad != nil {
			return bad
		}
		put(c.name, flows[0].Pcap())
	}
	at := time.Unix(1768478400, 0)
	later := at.AddDate(1, 0, 0)
	numbers := testkit.TNEntries(t, "", "12025550100", 50)
	put("certs/ca.crt", ca.Certify(t, nil, later, nil))
	put("certs/a.pem", signer.Certify(t, ca, later, numbers))
	put("certs/README", []byte("of a test\n"))
	put("old/a.pem", signer.Certify(t, ca, at.AddDate(0, -1, 0), numbers))
	put("foreign/a.pem", testkit.NewSigner(t, "b").Certify(t, ca, later, numbers))
	put("badcerts/a.pem", []byte("no certificate\n"))
	put("nocerts/README", []byte("nothing\n"))
	return err
}

// TestSignedOutputFollowsTheSchema: what is said of signatures, with and without certificates.
func TestSignedOutputFollowsTheSchema(t *testing.T) {
	dir := t.TempDir()
	if err := writeSigned(t, dir); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"", "certs", "old", "foreign"} {
		command := []string{"analyze", "--all", "--format", "json"}
		if folder != "" {
			command = append(command, "--stir-certs", filepath.Join(dir, folder))
		}
		for _, c := range signedCalls {
			var out, errs bytes.Buffer
			if status := Main(append(command, filepath.Join(dir, c.name)), nil, &out, &errs); status != exitOK {
				t.Errorf("%s: status %d: %s", c.name, status, errs.String())
			} else if err := schema.ValidateJSON(out.Bytes()); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			if !bytes.Contains(out.Bytes(), []byte(`"identity":[{`)) {
				t.Errorf("%s: no identity in the report", c.name)
			}
		}
	}
}

// TestCertificateFolderIsBounded: a folder of files without end, or of large ones, is refused.
func TestCertificateFolderIsBounded(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.pem"), make([]byte, maxCertificateFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openCertificates(dir); err == nil || !strings.Contains(err.Error(), "larger than 1024 KiB") {
		t.Errorf("large: %v", err)
	}
	for i := range maxCertificateFiles {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.txt", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := openCertificates(dir); err == nil || !strings.Contains(err.Error(), "more than 4096 files") {
		t.Errorf("many: %v", err)
	}
}
