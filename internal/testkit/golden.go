package testkit

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write what tests get into their golden files")

// Updating says whether tests are to write what they get (-update).
func Updating() bool { return *update }

// Golden compares got with testdata/golden/<name>, and with -update writes it there.
func Golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "golden", filepath.FromSlash(name))
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("read golden: %v (go test -update writes it)", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -update accepts it): %s", path, firstDifference(got, want))
	}
}

// ReadFlows returns the flows of every file that fits the pattern, by file; at least one does.
func ReadFlows(t testing.TB, pattern string) map[string][]Flow {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no flows in %s: %v", pattern, err)
	}
	out := map[string][]Flow{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if out[file], err = ParseFlows(b); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	return out
}

func firstDifference(got, want []byte) string {
	g, w := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range max(len(g), len(w)) {
		var a, b []byte
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if !bytes.Equal(a, b) || i >= len(g) || i >= len(w) {
			return "line " + itoa(i+1) + "\n got: " + string(a) + "\nwant: " + string(b)
		}
	}
	return "no difference by line"
}
