package pipeline_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sipcause/internal/capture"
	"sipcause/internal/finding"
	"sipcause/internal/pipeline"
	"sipcause/internal/view"
)

// TestHealthy runs the engine over the captures of healthy.txt: nothing went wrong there, so nothing above info
// may be said of them.
func TestHealthy(t *testing.T) {
	b, err := os.ReadFile(capturesDir + "/healthy.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, err = os.Stat(corporaDir)
	corpora := err == nil
	own, shared, left := 0, 0, 0
	for name := range strings.Lines(string(b)) {
		name = strings.TrimSpace(name)
		switch {
		case name == "" || strings.HasPrefix(name, "#"):
		case !strings.Contains(name, "/"):
			own++
			healthy(t, name, captureIn(t, filepath.Join(capturesDir, name)))
		case corpora:
			shared++
			healthy(t, name, filepath.Join(corporaDir, name))
		default:
			left++
		}
	}
	t.Logf("%d captures of the repository, %d of ../shared/corpora, %d of it not present", own, shared, left)
	if own == 0 {
		t.Error("the list names no capture of the repository")
	}
}

func healthy(t *testing.T, name, path string) {
	t.Helper()
	src, err := capture.Open([]string{path}, nil)
	if err != nil {
		t.Error(err)
		return
	}
	bad := func(id string, list []finding.Finding) {
		for i := range list {
			if f := &list[i]; f.Severity > finding.Info {
				t.Errorf("%s: %s: %s (%s): %s", name, id, f.ID, f.Severity, f.Summary)
			}
		}
	}
	s, err := pipeline.Run(context.Background(), src, pipeline.Options{}, func(c *view.Case) error {
		bad(c.Call.ID, c.Verdict.Findings)
		return nil
	})
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	bad("capture", s.Findings)
}
