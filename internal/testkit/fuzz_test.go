package testkit

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzParseFlows: whatever an author writes gives flows or an error, never a panic.
func FuzzParseFlows(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		flows, err := ParseFlows(b)
		if (err == nil) != (len(flows) > 0) {
			t.Errorf("%d flows, error %v", len(flows), err)
		}
	})
}
