package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sipcause/code/playbooks"
)

// block returns the first fenced block of a language.
func block(t *testing.T, page, language string) string {
	t.Helper()
	_, rest, ok := strings.Cut(page, "\n```"+language+"\n")
	text, _, closed := strings.Cut(rest, "```\n")
	if !ok || !closed {
		t.Fatalf("no block of %s", language)
	}
	return text
}

// TestHowToWriteAPlaybook runs the example of the how-to as it stands, and holds its report to what it shows.
func TestHowToWriteAPlaybook(t *testing.T) {
	b, err := os.ReadFile("../../docs/how-to/write-a-playbook.md")
	if err != nil {
		t.Fatal(err)
	}
	page, dir := string(b), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ours.yaml"), []byte(block(t, page, "yaml")), 0o600); err != nil {
		t.Fatal(err)
	}
	head := "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKa1\nFrom: <sip:alice@example.com>;tag=a\nTo: <sip:bob@example.com>\nCall-ID: full@192.0.2.10\nCSeq: 1 INVITE\n"
	trace := "INVITE sip:bob@example.com SIP/2.0\n" + head + "Max-Forwards: 70\nContact: <sip:alice@192.0.2.10>\nContent-Length: 0\n\n" +
		"SIP/2.0 503 Service Unavailable\n" + strings.Replace(head, "bob@example.com>", "bob@example.com>;tag=b", 1) +
		"Server: ExampleSwitch/4.2\nReason: Q.850;cause=34\nContent-Length: 0\n\n"
	var out, errs bytes.Buffer
	if status := Main([]string{"analyze", "--tz", "UTC", "--playbooks", dir, "-"}, strings.NewReader(trace), &out, &errs); status != exitOK {
		t.Fatalf("status %d: %s", status, errs.String())
	}
	if want := block(t, page, "text"); !strings.Contains(out.String(), want) {
		t.Errorf("the page shows\n%s\nthe report is\n%s", want, out.String())
	}
	for _, row := range []string{"cause", "code", "phrase", "warning", "reason", "header", "vendor", "of", "kind", "outcome", "checks", "fixes", "call", "refs"} {
		if !strings.Contains(page, "\n| `"+row+"` |") {
			t.Errorf("the page does not describe %s", row)
		}
	}
}

// TestVendorsComplete: what --vendor completes is what it takes.
func TestVendorsComplete(t *testing.T) {
	if n := len(vendorIDs()); n == 0 || n != len(playbooks.Builtin().Vendors()) {
		t.Errorf("%d vendors", n)
	}
}
