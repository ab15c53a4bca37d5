package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sipcause/docs"
	"sipcause/internal/finding"
	"sipcause/internal/testkit"
)

// sections are the headings that every page has, in this order.
var sections = []string{
	"What it means", "How it is detected", "Evidence shown", "Why it happens", "What to do", "When it is wrong", "References",
}

// leastWords is what a section that explains must have; "Evidence shown" and "References" may be shorter.
const leastWords = 12

var scopes = []struct {
	scope finding.Scope
	name  string
}{
	{finding.ScopeCall, "call"},
	{finding.ScopeRegistration, "registration"},
	{finding.ScopeTransaction, "transaction"},
	{finding.ScopePeer, "peer"},
	{finding.ScopeCapture, "capture"},
}

// head is the part of a page that the table of findings gives.
func head(d *finding.Def) string {
	var of []string
	for _, s := range scopes {
		if d.Scope&s.scope != 0 {
			of = append(of, s.name)
		}
	}
	cause := "may be a root cause"
	if !d.Root {
		cause = "explains, is never a root cause"
	}
	return fmt.Sprintf("# %s\n\n%s\n\n| severity | about | to act | |\n|---|---|---|---|\n| %s | %s | %s | %s |\n\n",
		d.ID, d.Title, d.Severity, strings.Join(of, ", "), d.Acts, cause)
}

// TestFindingPages: every finding has its page, with the head of the table and all sections. -update writes the
// heads anew and leaves the bodies.
func TestFindingPages(t *testing.T) {
	known := map[string]bool{}
	for _, d := range finding.Table() {
		topic, _, _ := strings.Cut(string(d.ID), ".")
		if topic == "security" { // their rules and pages come with the guard
			continue
		}
		known[string(d.ID)+".md"] = true
		page, ok := docs.Finding(string(d.ID))
		if !ok {
			t.Errorf("%s: no page", d.ID)
			continue
		}
		if testkit.Updating() {
			if err := os.WriteFile("findings/"+string(d.ID)+".md", []byte(head(&d)+docs.Body(page)), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if !strings.HasPrefix(page, head(&d)) {
			t.Errorf("%s: the head is not the table's: run go test ./docs -update", d.ID)
		}
		checkBody(t, &d, docs.Body(page))
	}
	files, err := filepath.Glob("findings/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !known[filepath.Base(f)] {
			t.Errorf("%s is the page of no finding", f)
		}
	}
}

func checkBody(t *testing.T, d *finding.Def, body string) {
	t.Helper()
	var names []string
	for part := range strings.SplitSeq(body, "\n## ") {
		name, text, _ := strings.Cut(strings.TrimPrefix(part, "## "), "\n")
		names = append(names, name)
		if n := len(strings.Fields(text)); n == 0 || n < leastWords && name != "Evidence shown" && name != "References" {
			t.Errorf("%s: section %q has %d words", d.ID, name, n)
		}
	}
	if !slices.Equal(names, sections) {
		t.Errorf("%s: sections %q, want %q", d.ID, names, sections)
	}
	for _, ref := range d.Refs {
		if !strings.Contains(body, ref) {
			t.Errorf("%s: References does not name %s", d.ID, ref)
		}
	}
}
