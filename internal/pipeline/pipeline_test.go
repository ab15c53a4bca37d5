package pipeline_test

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sipcause/internal/capture"
	"sipcause/internal/correlate"
	"sipcause/internal/pipeline"
	"sipcause/internal/render"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// allFlows is every packet of every flow that the rules are tested with, as one capture in order of time. Flows of
// one name share Call-IDs: the worse for the correlator, the better for these tests.
func allFlows(t *testing.T) []wire.Packet {
	t.Helper()
	byFile := testkit.ReadFlows(t, "../diagnose/testdata/flows/*.txtar")
	var packets []wire.Packet
	for _, file := range slices.Sorted(maps.Keys(byFile)) {
		for _, f := range byFile[file] {
			packets = append(packets, f.Packets...)
		}
	}
	slices.SortStableFunc(packets, func(a, b wire.Packet) int { return int(a.Time - b.Time) })
	return packets
}

// write puts captures into a directory and returns their names.
func write(t *testing.T, parts ...[]wire.Packet) []string {
	t.Helper()
	dir := t.TempDir()
	var names []string
	for i, p := range parts {
		name := filepath.Join(dir, string(rune('a'+i))+".pcap")
		if err := os.WriteFile(name, testkit.Pcap(p), 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

// analyse returns the ndjson report of the files and the summary.
func analyse(t *testing.T, opt pipeline.Options, files ...string) (string, *view.Summary) {
	t.Helper()
	src, err := capture.Open(files, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	r, err := render.New("ndjson", &out, render.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := pipeline.Run(context.Background(), src, opt, r.Case)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.End(s); err != nil {
		t.Fatal(err)
	}
	return out.String(), s
}

var tight = correlate.Options{MaxLegs: 2, MaxBytes: 8 << 10, MaxSightings: 12}

func TestWorkersDoNotMatter(t *testing.T) {
	files := write(t, allFlows(t))
	for name, caps := range map[string]correlate.Options{"roomy": {}, "caps biting": tight} {
		t.Run(name, func(t *testing.T) {
			one, s := analyse(t, pipeline.Options{Workers: 1, Correlate: caps}, files...)
			for _, workers := range []int{2, 8} {
				many, _ := analyse(t, pipeline.Options{Workers: workers, Correlate: caps}, files...)
				if one != many {
					t.Errorf("%d workers: another report than with one:\n%s", workers, firstDifference(one, many))
				}
			}
			if s.Messages < 500 {
				t.Errorf("only %d messages", s.Messages)
			}
			if bites := s.Evicted > 0; bites != (caps.MaxLegs > 0) {
				t.Errorf("%d legs were dropped by a cap", s.Evicted)
			}
		})
	}
}

var numbers = regexp.MustCompile(`frames? \d+|"file":\d+,"frame":\d+|"files":\[[^\]]*\]|"where":"[^"]*"`)

// TestSplitIsWhole: the same capture in three files gives the same report but for names and frame numbers.
func TestSplitIsWhole(t *testing.T) {
	packets := allFlows(t)
	n := len(packets)
	whole, _ := analyse(t, pipeline.Options{}, write(t, packets)...)
	split, _ := analyse(t, pipeline.Options{}, write(t, packets[:n/3], packets[n/3:n/2], packets[n/2:])...)
	a, b := numbers.ReplaceAllString(whole, "#"), numbers.ReplaceAllString(split, "#")
	if a != b {
		t.Errorf("split capture gives another report:\n%s", firstDifference(a, b))
	}
}

// TestEveryLegComesOut: every message read is in exactly one case.
func TestEveryLegComesOut(t *testing.T) {
	var cases, messages uint64
	src, err := capture.Open(write(t, allFlows(t)), nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := pipeline.Run(context.Background(), src, pipeline.Options{}, func(c *view.Case) error {
		cases++
		for _, l := range c.Call.Legs {
			messages += uint64(len(l.Sightings) + l.Dropped)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Calls + s.Registrations + s.Transactions; cases != got {
		t.Errorf("%d cases came out, the summary says %d", cases, got)
	}
	if messages != s.Messages-s.Stray {
		t.Errorf("%d messages are in a case, %d were read, %d of them stray", messages, s.Messages, s.Stray)
	}
}

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range x {
		if i >= len(y) || x[i] != y[i] {
			k := 0
			for i < len(y) && k < len(x[i]) && k < len(y[i]) && x[i][k] == y[i][k] {
				k++
			}
			cut := func(s string) string { return s[max(0, min(k-80, len(s))):min(len(s), k+200)] }
			if i >= len(y) {
				return cut(x[i])
			}
			return cut(x[i]) + "\n" + cut(y[i])
		}
	}
	return "a longer report"
}
