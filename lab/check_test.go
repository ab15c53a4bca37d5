//go:build linux

package lab

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "sipcause/internal/cli" // what the binary is made of: so that the test cache notices a change
)

// build builds sipcause into dir.
func build(t *testing.T, dir string) string {
	t.Helper()
	binary := filepath.Join(dir, "sipcause")
	cmd := exec.Command("go", "build", "-o", binary, "../cmd/sipcause")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build sipcause: %v\n%s", err, out)
	}
	return binary
}

// checkRecording asks tshark, who knows nothing of us, whether the capture holds what the scene is about.
func checkRecording(t *testing.T, s *scene, capture string) {
	t.Helper()
	out, err := exec.Command("tshark", "-n", "-r", capture, "-Y", "sip.Status-Code", "-T", "fields", "-e", "sip.Status-Code").Output()
	if err != nil {
		t.Fatalf("tshark -r %s: %v", capture, err)
	}
	var codes []string
	for _, c := range strings.Fields(string(out)) {
		if c != "100" && !slices.Contains(codes, c) {
			codes = append(codes, c)
		}
	}
	if got := strings.Join(codes, " "); got != s.codes {
		t.Errorf("%s holds the responses %q, the scene is %q", capture, got, s.codes)
	}
}

// analysis is what we read of analyze --format json.
type analysis struct {
	Calls         []item
	Registrations []item
	Transactions  []item
}

type item struct {
	CallIDs  []string `json:"call_ids"`
	Outcome  string
	Code     *int
	Origin   *element
	Suspect  *element
	Root     *cause `json:"root_cause"`
	Findings []cause
	Attempts []struct{ Target string }
}

type element struct{ Address string }

type cause struct{ ID, Severity, Summary string }

// checkDiagnosis has sipcause judge the capture and compares with the scene's truth.
func checkDiagnosis(t *testing.T, s *scene, binary, capture string) {
	t.Helper()
	cmd := exec.Command(binary, "analyze", "--format", "json", capture)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("sipcause analyze %s: %v", capture, err)
	}
	var a analysis
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatalf("read what analyze says of %s: %v", capture, err)
	}
	it := a.lastCaller(s)
	if it == nil {
		t.Fatalf("%s: no %s of the last caller in what analyze says", capture, s.truth.kind)
	}
	compare(t, s, it)
}

// lastCaller finds what the scene's last caller made: its Call-ID begins with the caller's name.
func (a *analysis) lastCaller(s *scene) *item {
	list := map[string][]item{calls: a.Calls, registers: a.Registrations, messages: a.Transactions}[s.truth.kind]
	prefix := callerName(len(s.callers) - 1)
	for i := range list {
		if slices.ContainsFunc(list[i].CallIDs, func(id string) bool { return strings.HasPrefix(id, prefix) }) {
			return &list[i]
		}
	}
	return nil
}

func compare(t *testing.T, s *scene, it *item) {
	t.Helper()
	w := s.truth
	got := truth{kind: w.kind, outcome: it.Outcome, suspect: address(it.Suspect), origin: address(it.Origin), finding: w.finding, attempts: w.attempts}
	if it.Code != nil {
		got.code = *it.Code
	}
	if it.Root != nil {
		got.cause = it.Root.ID
	}
	if w.suspect == "" {
		got.suspect = "" // not part of the label
	}
	if w.cause == "" {
		w.origin, got.origin = "", "" // nothing failed: nobody is to blame
	}
	if w.outcome == "" {
		got.outcome = ""
	}
	if w.finding != "" && !slices.ContainsFunc(it.Findings, func(f cause) bool { return f.ID == w.finding }) {
		got.finding = ""
	}
	if w.attempts > 0 {
		got.attempts = len(it.Attempts)
	}
	if got != w {
		t.Errorf("said  %+v\ntruth %+v\nfindings %+v", got, w, it.Findings)
	}
	if w.cause == "" && w.finding == "" {
		for _, f := range it.Findings {
			if f.Severity != "info" {
				t.Errorf("a healthy call got %s (%s): %s", f.ID, f.Severity, f.Summary)
			}
		}
	}
}

func address(e *element) string {
	if e == nil {
		return ""
	}
	return e.Address
}
