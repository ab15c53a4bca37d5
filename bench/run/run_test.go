package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const report = `{"type":"call","id":"a","outcome":"answered","code":200,"root_cause":null,"findings":[],"messages":[{"file":0,"frame":1}]}
{"type":"call","id":"b","outcome":"busy","code":486,"root_cause":{"id":"callee.busy"},"findings":[{"id":"callee.busy"}],"messages":[{"file":0,"frame":2}]}
{"type":"call","id":"c","outcome":"failed","code":null,"root_cause":{"id":"transport.no-response","summary":"a header \",\\\"messages\\\":[{\\\"file\\\""},"findings":[],"messages":[]}
{"type":"registration","id":"d","outcome":"answered","code":200,"root_cause":null,"findings":[],"messages":[]}
{"type":"transaction","id":"e","outcome":"answered","code":200,"root_cause":null,"findings":[],"messages":[]}
{"type":"source","sip_messages":12,"retransmissions":3,"methods":[{"method":"INVITE","requests":4}],"codes":[{"code":200,"responses":5},{"code":486,"responses":1}]}
{"type":"summary","calls":3}
`

const truth = `{"seed":1,"transport":"udp","messages":12,"calls":3,"registrations":1,"transactions":1,"retransmissions":3,
"requests":{"INVITE":4},"responses":{"200":5,"486":1},"calls_by_outcome":{"answered":1,"busy":1,"failed":1},
"calls_by_code":{"200":1,"486":1,"none":1},"calls_by_cause":{"none":1,"callee.busy":1,"transport.no-response":1},"registrations_by_cause":{"none":1}}`

func TestCountsAgree(t *testing.T) {
	path := filepath.Join(t.TempDir(), "truth.json")
	if err := os.WriteFile(path, []byte(truth), 0o600); err != nil {
		t.Fatal(err)
	}
	want, err := readTruth(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readReport(strings.NewReader(report))
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, want) {
		t.Errorf("the report gives %v, the truth %v", got, want)
	}
}

func TestReportCut(t *testing.T) {
	if _, err := readReport(strings.NewReader(report[:len(report)-4])); err == nil {
		t.Error("a report that ends within a line was taken for a whole one")
	}
}

func TestTargets(t *testing.T) {
	for _, tc := range []struct {
		t    target
		want bool
	}{
		{target{value: 12, limit: 12, atLeast: true}, true},
		{target{value: 11.9, limit: 12, atLeast: true}, false},
		{target{value: 300, limit: 300}, true},
		{target{value: 301, limit: 300}, false},
	} {
		if tc.t.met() != tc.want {
			t.Errorf("%+v: met = %v", tc.t, !tc.want)
		}
	}
}

func TestMedian(t *testing.T) {
	c := contender{results: []result{{wall: 9, cpu: 1}, {wall: 2, cpu: 8}, {wall: 3, cpu: 4}}}
	if c.wall() != 3 || c.cpu() != 4 {
		t.Errorf("medians are %v and %v, want 3 and 4", c.wall(), c.cpu())
	}
}

func TestBenchLine(t *testing.T) {
	m := benchLine.FindStringSubmatch("BenchmarkParse-2   \t 2713524\t       445.1 ns/op\t1762.50 MB/s\t       0 B/op\t       2 allocs/op\n")
	if m == nil || m[1] != "BenchmarkParse-2" || m[2] != "445.1" || m[3] != "2" {
		t.Errorf("read %q", m)
	}
}
