package httpapi

import (
	"bytes"
	"fmt"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sipcause/code"
	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/kpi"
	"sipcause/internal/record"
	"sipcause/internal/route"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// counted fills metrics with all that the lab has seen.
func counted(t *testing.T, b *bench) {
	t.Helper()
	batch, _, err := recorded(b.lab.files)
	if err != nil {
		t.Fatal(err)
	}
	for i := range batch.Cases {
		b.metrics.Case(&batch.Cases[i])
	}
	b.metrics.Cells(batch.Cells)
	b.metrics.Gap(&record.Gap{Gap: wire.Gap{Kind: wire.GapDrops, Lost: 17}})
}

// line returns the value of a metric as the exposition has it, "" when it is not there.
func line(exposition []byte, series string) string {
	for l := range strings.Lines(string(exposition)) {
		if v, ok := strings.CutPrefix(l, series+" "); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func TestMetricsCountWhatWasSeen(t *testing.T) {
	b := serveLab(t, someCalls(t), Options{})
	counted(t, b)
	b.get("/api/v1/status")
	got := b.get("/metrics").body
	busy, unauthorised := 0, 0 // the lab has some of both
	batch, _, err := recorded(b.lab.files)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range batch.Cases {
		if c.Kind == call.KindCall && c.Outcome == call.Busy {
			busy++
		}
		if c.Cause == "auth.wrong-credentials" && c.Kind == call.KindRegistration {
			unauthorised++
		}
	}
	if busy == 0 || unauthorised == 0 {
		t.Fatalf("%d busy calls, %d registrations with a wrong password", busy, unauthorised)
	}
	for _, c := range [][2]string{
		{`sipcause_causes_total{cause="auth.wrong-credentials",kind="registration",severity="error"}`, fmt.Sprint(unauthorised)},
		{`sipcause_gaps_total{kind="capture-drops"}`, "1"},
		{`sipcause_gap_lost_packets_total{kind="capture-drops"}`, "17"},
		{`sipcause_ready`, "1"},
		{`sipcause_open_legs`, "3"},
		{`sipcause_store_lag_seconds`, "0.25"},
		{`sipcause_source_up{kind="af-packet",source="eth0"}`, "0"},
		{`sipcause_source_dropped_packets_total{kind="hep",reason="spoofed",source="hep udp://127.0.0.1:9060"}`, "2"},
		{`sipcause_queue_dropped_total{what="media"}`, "4"},
		{`sipcause_http_requests_total{method="GET",path="/api/v1/status",status="200"}`, "1"},
		{`sipcause_build_info{version="v0.test"}`, "1"},
		{`sipcause_finding_active{direction="out",finding="kpi.asr-drop",route="carrier-a",severity="error"}`, "1"},
		{`sipcause_finding_active{direction="",finding="other",route="",severity="warning"}`, "1"},
		{`sipcause_pipeline_total{what="messages"}`, "44"},
	} {
		if v := line(got, c[0]); v != c[1] {
			t.Errorf("%s is %q, want %q", c[0], v, c[1])
		}
	}
	n := 0
	for _, m := range regexp.MustCompile(`(?m)^sipcause_cases_total{kind="call",outcome="busy",route="[^"]+"} (\d+)$`).FindAllSubmatch(got, -1) {
		one, _ := strconv.Atoi(string(m[1])) // digits
		n += one
	}
	if n != busy {
		t.Errorf("%d busy calls by all routes, want %d", n, busy)
	}
	for _, series := range []string{`sipcause_responses_total{class="4xx",code="486",in="outside-dialog",method="INVITE"}`, "sipcause_requests_total"} {
		if v := line(got, series); v == "" || v == "0" {
			t.Errorf("%s is %q", series, v)
		}
	}
}

func TestExemplarsNameCalls(t *testing.T) {
	b := serveLab(t, someCalls(t), Options{})
	counted(t, b)
	got := string(b.get("/metrics", "Accept", "application/openmetrics-text; version=1.0.0").body)
	if !strings.Contains(got, `sipcause_post_dial_delay_seconds_bucket`) || !strings.Contains(got, ` # {call_id="`) {
		t.Errorf("no exemplar in\n%.3000s", got)
	}
	long := strange()
	long.ID = strings.Repeat("x", maxExemplar)
	second := time.Second
	long.Kind, long.PDD = call.KindCall, &second
	b.metrics.Case(&long) // would panic with an exemplar beyond the bound
	long.ID = "\xff"
	b.metrics.Case(&long)
}

// promtool runs Debian's promtool, which scripts/deps.sh installs.
func promtool(t *testing.T, stdin []byte, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("promtool is missing: scripts/deps.sh installs it (Debian package prometheus)")
	}
	cmd := exec.Command(path, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestPromtoolAcceptsTheMetrics(t *testing.T) {
	b := serveLab(t, someCalls(t), Options{})
	counted(t, b)
	var ours []byte // the libraries' own are not ours to name
	for l := range bytes.Lines(b.get("/metrics").body) {
		if bytes.Contains(l, []byte("sipcause_")) {
			ours = append(ours, l...)
		}
	}
	promtool(t, ours, "check", "metrics")
}

// Traffic makes no more series than the bounds allow.
func TestLabelsAreBounded(t *testing.T) {
	l := newLab(t, flowsOf(t, "busy.txtar")...)
	for i := range 1000 {
		l.status.Sources = append(l.status.Sources, view.SourceState{Name: fmt.Sprint("s", i), Kind: fmt.Sprint("k", i), Dropped: []view.Count{{Name: fmt.Sprint("r", i), N: 1}}})
		l.status.Counters = append(l.status.Counters, view.Count{Name: fmt.Sprint("c", i), N: 1})
	}
	m := NewMetrics(l)
	var cells []record.Cell
	for i := range 3000 {
		c := record.Case{Final: true, RouteIn: fmt.Sprint("r", i), Outcome: call.Failed, Cause: fmt.Sprint("x.", i), Code: i}
		m.Case(&c)
		cells = append(cells, record.Cell{Counter: "codes", Label: fmt.Sprintf("M%d %d", i, i), Bucket: record.NoBucket, N: 1})
		for _, key := range []string{route.InKey(c.RouteIn), route.OutKey(c.RouteIn)} {
			for _, counter := range []string{"calls.ended", "calls.answered"} {
				cells = append(cells, record.Cell{Counter: counter, Route: key, Bucket: record.NoBucket, N: 1})
			}
			cells = append(cells, record.Cell{Counter: "codes", Route: key, Label: fmt.Sprintf("INVITE %d", 100+i%600), Bucket: record.NoBucket, N: 1})
		}
		l.status.Findings = append(l.status.Findings, finding.Finding{ID: finding.ID(fmt.Sprint("x.", i)), Subject: route.OutKey(c.RouteIn)})
	}
	m.Cells(cells)
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		bound := 2
		switch f.GetName() {
		case "sipcause_cases_total":
			bound = maxRouteLabels + 1
		case "sipcause_responses_total":
			bound = len(code.All()) + 7 // all of no known method; 1xx to 6xx and none
		case "sipcause_route_calls_total", "sipcause_route_answered_total":
			bound = 2 * (maxRouteLabels + 1)
		case "sipcause_route_responses_total":
			bound = 2 * (maxRouteLabels + 1) * (len(code.All()) + 7)
		case "sipcause_finding_active":
			bound = maxRouteLabels + 3 // and the two of the lab
		case "sipcause_time_to_final_seconds":
			bound = 7
		}
		if strings.HasPrefix(f.GetName(), "sipcause_source_") || f.GetName() == "sipcause_pipeline_total" || strings.HasPrefix(f.GetName(), "sipcause_store_") {
			bound = 2*maxSourceLabels + 2
		}
		if n := len(f.GetMetric()); n > bound && strings.HasPrefix(f.GetName(), "sipcause_") {
			t.Errorf("%s has %d series, want at most %d", f.GetName(), n, bound)
		}
	}
}

// A counter does not fall when a revision takes back what an earlier one counted.
func TestCountersDoNotFall(t *testing.T) {
	m := NewMetrics(newLab(t, flowsOf(t, "busy.txtar")...))
	add := func(n int64) {
		m.Cells([]record.Cell{
			{Counter: "codes", Label: "INVITE 486", Bucket: record.NoBucket, N: n},
			{Counter: "codes", Label: "INVITE 486", Route: "in:x", Bucket: record.NoBucket, N: 100},
			{Counter: "requests", Bucket: record.NoBucket, N: n},
		})
	}
	for _, c := range []struct{ add, want int64 }{{3, 3}, {-2, 3}, {1, 3}, {2, 4}} {
		add(c.add)
		families, err := m.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "sipcause_responses_total" || f.GetName() == "sipcause_requests_total" {
				if v := f.GetMetric()[0].GetCounter().GetValue(); v != float64(c.want) || len(f.GetMetric()) != 1 {
					t.Errorf("after %+d %s is %v, want %d", c.add, f.GetName(), v, c.want)
				}
			}
		}
	}
}

// The counters that metrics are made of are those of package kpi.
func TestCellsAreThoseOfKPI(t *testing.T) {
	var names []string
	for _, c := range kpi.Counters() {
		names = append(names, c.Name)
	}
	for name := range codeCounters {
		if !slices.Contains(names, name) {
			t.Errorf("kpi has no counter %s", name)
		}
	}
	for _, table := range []map[string]*prometheus.Desc{plainCounters, routeCounters} {
		for name := range table {
			if !slices.Contains(names, name) {
				t.Errorf("kpi has no counter %s", name)
			}
		}
	}
}

// Routes are counted in both directions apart: what came by one, and the attempts that went by it.
func TestRoutesAreCountedByDirection(t *testing.T) {
	m := NewMetrics(newLab(t, flowsOf(t, "busy.txtar")...))
	cell := func(counter, key, label string, n int64) record.Cell {
		return record.Cell{Counter: counter, Route: key, Label: label, Bucket: record.NoBucket, N: n}
	}
	m.Cells([]record.Cell{
		cell("calls.ended", "in:carrier-a", "", 10), cell("calls.answered", "in:carrier-a", "", 6),
		cell("calls.ended", "out:carrier-a", "", 20), cell("calls.answered", "out:carrier-a", "", 5),
		cell("codes", "out:carrier-a", "INVITE 503", 4), cell("codes", "out:carrier-a", "INVITE 500", 1), cell("codes", "out:carrier-a", "OPTIONS 503", 9),
		cell("codes.challenge", "out:carrier-a", "INVITE 407", 7), cell("calls.ended", "", "", 30), cell("calls.ended", "out:carrier-b", "", 3), cell("calls.ended", "out:carrier-a", "", -1),
	})
	got := map[string]float64{}
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if name, ok := strings.CutPrefix(f.GetName(), "sipcause_route_"); ok {
			for _, s := range f.GetMetric() {
				for _, l := range s.GetLabel() { // sorted by name
					name += " " + l.GetValue()
				}
				got[name] = s.GetCounter().GetValue()
				name, _, _ = strings.Cut(name, " ")
			}
		}
	}
	want := map[string]float64{
		"calls_total in carrier-a": 10, "answered_total in carrier-a": 6, "calls_total out carrier-a": 20, "answered_total out carrier-a": 5,
		"calls_total out carrier-b": 3, "answered_total out carrier-b": 0,
		"responses_total 5xx 503 out carrier-a": 4, "responses_total 5xx 500 out carrier-a": 1,
	}
	if !maps.Equal(got, want) {
		t.Errorf("counted is %v, want %v", got, want)
	}
}

// What the collector gives is what it describes: else the registry refuses the whole scrape.
func TestCollectorsAreConsistent(t *testing.T) {
	l := newLab(t, flowsOf(t, "busy.txtar")...)
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(newStatusCollector(l), newTraffic(&labels{limit: maxRouteLabels}))
	if _, err := r.Gather(); err != nil {
		t.Error(err)
	}
}
