//go:build linux

package lab

import (
	"encoding/json"
	"fmt"
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
	Findings      []cause
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

// checkDiagnosis has sipcause judge the capture and compares with the scene's truth. A scene that is open is
// one where sipcause is known to be wrong: its miss is printed, and its being right at last is an error.
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
	miss := a.miss(s)
	switch {
	case miss == "":
		if s.open != "" {
			t.Errorf("sipcause is right now: the scene is open no more (%s)", s.open)
		}
	case s.open != "":
		t.Logf("open: %s\n%s", s.open, miss)
	default:
		t.Error(miss)
	}
}

// miss says where the analysis and the scene's truth differ; empty: nowhere.
func (a *analysis) miss(s *scene) string {
	if s.truth.kind == whole {
		if holds(a.Findings, s.truth.finding) {
			return ""
		}
		return fmt.Sprintf("the capture lacks %s; it has %+v", s.truth.finding, a.Findings)
	}
	it := a.lastCaller(s)
	if it == nil {
		return fmt.Sprintf("no %s of the last caller in what analyze says", s.truth.kind)
	}
	it.Findings = append(it.Findings, a.Findings...)
	miss := it.differs(s.truth)
	if s.twin == nil && s.truth.finding == "" {
		miss += a.blames()
	}
	return miss
}

// lastCaller finds what the scene's last caller made: its Call-ID begins with the caller's name.
func (a *analysis) lastCaller(s *scene) *item {
	list := map[string][]item{calls: a.Calls, registers: a.Registrations, messages: a.Transactions}[s.truth.kind]
	for i := range list {
		if slices.Contains(list[i].CallIDs, s.callID()) {
			return &list[i]
		}
	}
	return nil
}

// callID is that of the last caller's call: its last one, when it makes several.
func (s *scene) callID() string {
	if s.found != "" {
		return s.found
	}
	last := len(s.callers) - 1
	if last < 0 {
		return ""
	}
	return fmt.Sprintf("%s-%d@%s", callerName(last), max(1, s.callers[last].calls), host(s.callers[last].at))
}

func (it *item) differs(w truth) string {
	got := truth{kind: w.kind, outcome: it.Outcome, suspect: address(it.Suspect), origin: address(it.Origin), finding: w.finding, attempts: w.attempts}
	if it.Code != nil {
		got.code = *it.Code
	}
	if it.Root != nil {
		got.cause = it.Root.ID
		if slices.Contains(strings.Split(w.cause, "|"), got.cause) {
			got.cause = w.cause
		}
	}
	if w.suspect == "" {
		got.suspect = "" // not part of the label
	}
	if w.cause == "" || w.origin == unsaid {
		w.origin, got.origin = "", "" // nothing failed: nobody is to blame
	}
	if w.outcome == "" {
		got.outcome = ""
		if w.code == 0 {
			got.code = 0
		}
	}
	if w.finding != "" && !holds(it.Findings, w.finding) {
		got.finding = ""
	}
	if w.attempts > 0 {
		got.attempts = len(it.Attempts)
	}
	if got == w {
		return ""
	}
	return fmt.Sprintf("said  %+v\ntruth %+v\nfindings %+v", got, w, it.Findings)
}

// blames lists what a healthy capture must not have.
func (a *analysis) blames() string {
	var b strings.Builder
	found := slices.Clone(a.Findings)
	for _, list := range [][]item{a.Calls, a.Registrations, a.Transactions} {
		for _, it := range list {
			found = append(found, it.Findings...)
		}
	}
	for _, f := range found {
		if f.Severity != "info" {
			fmt.Fprintf(&b, "\na healthy scene got %s (%s): %s", f.ID, f.Severity, f.Summary)
		}
	}
	return b.String()
}

func holds(list []cause, id string) bool {
	return slices.ContainsFunc(list, func(f cause) bool { return f.ID == id })
}

func address(e *element) string {
	if e == nil {
		return ""
	}
	return e.Address
}
