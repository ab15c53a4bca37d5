package cli

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sipcause/internal/demo"
)

// demoRow is what the test reads of a row of the API.
type demoRow struct {
	CallIDs  []string `json:"call_ids"`
	Kind     string   `json:"kind"`
	Final    bool     `json:"final"`
	Outcome  string   `json:"outcome"`
	Code     int      `json:"code"`
	Cause    string   `json:"cause"`
	RouteIn  string   `json:"route_in"`
	RouteOut []string `json:"routes_out"`
}

// demoRows asks the API for everything.
func demoRows(t *testing.T, api string) (all []demoRow) {
	t.Helper()
	for after := ""; ; {
		resp, err := http.Get(api + "/calls?limit=1000" + after)
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			Items []demoRow
			Next  string
		}
		err = json.NewDecoder(resp.Body).Decode(&page)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %v", resp.Status, err)
		}
		if all = append(all, page.Items...); page.Next == "" {
			return all
		}
		after = "&cursor=" + page.Next
	}
}

// meant returns what the traffic means that is played first.
func meant(length time.Duration) map[string]*demo.Truth {
	all := map[string]*demo.Truth{}
	s := demo.New(demoSeed)
	for p := s.Next(); p.At < length; p = s.Next() {
		if p.Begins != nil {
			all[p.Begins.CallID] = p.Begins
		}
	}
	return all
}

var demoAPI = regexp.MustCompile(`http://[0-9.:]+/api/v1`)

// TestDemoServes: by the API of demo --serve there are soon failures of several causes on several routes amid calls that
// are well, and each is what is meant by the traffic.
func TestDemoServes(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := new(demoServer).run(ctx, w, io.Discard)
		_ = w.Close() // of a pipe: never fails
		ended <- err
	}()
	said := make(chan string, 1)
	go func() {
		var b strings.Builder
		lines := make([]byte, 4096)
		for told := false; ; {
			n, err := r.Read(lines)
			b.Write(lines[:n])
			if api := demoAPI.FindString(b.String()); api != "" && !told {
				told = true
				said <- api
			}
			if err != nil {
				said <- b.String()
				return
			}
		}
	}()
	api := <-said
	truth := meant(2 * demo.Period)
	enough := false
	for range 300 {
		time.Sleep(200 * time.Millisecond)
		if enough = judgeDemo(t, demoRows(t, api), truth); enough || t.Failed() {
			break
		}
	}
	if !enough && !t.Failed() {
		t.Error("there are never failures of four causes on both carriers amid calls that are well")
	}
	judgeRoute(t, api)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	report := <-said
	if !regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d  \d{3} \S+\.\S+  \S+ → \S+ .*carrier-[ab]\n {10}\S+ `).MatchString(report) {
		t.Errorf("no failure is told on the terminal:\n%s", report)
	}
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// judgeDemo holds rows against what is meant; true: there is all that a newcomer is to see.
func judgeDemo(t *testing.T, rows []demoRow, truth map[string]*demo.Truth) bool {
	t.Helper()
	causes, routes, calls, well, failed := map[string]bool{}, map[string]bool{}, 0, 0, 0
	for _, row := range rows {
		m := truth[strings.Join(row.CallIDs, " ")]
		if m == nil {
			t.Errorf("nobody meant %v", row.CallIDs)
			continue
		}
		if row.Cause != "" && row.Cause != m.Cause || row.Final && (row.Cause != m.Cause || row.Outcome != m.Outcome || row.Code != m.Code || row.Kind != m.Kind) {
			t.Errorf("%s: %+v, meant is %+v", m.Scene, row, *m)
		}
		switch row.Outcome {
		case "failed", "challenged":
			failed++
			causes[row.Cause] = true
			for _, out := range row.RouteOut {
				routes[out] = true
			}
		default:
			well++
		}
		if row.Kind == "call" {
			calls++
		}
	}
	return len(causes) >= 4 && routes["carrier-a"] && routes["carrier-b"] && calls >= 30 && well > 2*failed
}

// judgeRoute: what is counted of a route is there when it is asked for by its name.
func judgeRoute(t *testing.T, api string) {
	t.Helper()
	resp, err := http.Get(api + "/kpi?measure=asr&route=carrier-a&since=1h")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var list struct {
		Items []struct {
			Route  string
			Points []struct{ Population int }
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	for _, i := range list.Items {
		if i.Route == "out:carrier-a" && len(i.Points) == 1 && i.Points[0].Population > 0 {
			return
		}
	}
	t.Errorf("no calls are counted of carrier-a: %+v", list)
}

// TestDemoPorts: the API goes to the next port where the usual one is taken, and says so.
func TestDemoPorts(t *testing.T) {
	var d demoServer
	first, err := d.freeTCP()
	if err != nil {
		t.Fatal(err)
	}
	hold, err := net.Listen("tcp", first)
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close()
	second, err := d.freeTCP()
	if err != nil || second == first || d.note == "" {
		t.Errorf("beside %s: %s %q, %v", first, second, d.note, err)
	}
}

// TestDemoFlags: every flag of demo is of one of the two, so that none is passed over.
func TestDemoFlags(t *testing.T) {
	help := demoCommand().Flags().FlagUsages()
	known := append(append([]string{"serve"}, demoServeFlags...), demoReportFlags...)
	found := regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z-]+)`).FindAllStringSubmatch(help, -1)
	if len(found) != len(known) {
		t.Errorf("%d flags, %d known", len(found), len(known))
	}
	for _, f := range found {
		if !slices.Contains(known, f[1]) {
			t.Errorf("--%s is in no list", f[1])
		}
	}
}
