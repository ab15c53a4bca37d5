package serve

import (
	"strings"
	"testing"
	"time"

	"sipcause/internal/finding"
	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/store/memory"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// minuteOfCalls writes a minute of n calls to a route, of which so many were answered and the others got a 503.
func minuteOfCalls(t *testing.T, st store.Store, minute int64, key string, n, answered int64) {
	t.Helper()
	stats, err := st.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cell := func(counter, route, label string, n int64) record.Cell {
		return record.Cell{Minute: minute, Counter: counter, Route: route, Label: label, Bucket: record.NoBucket, N: n}
	}
	b := store.Batch{Seq: stats.LastSeq + 1, At: wire.Time(minute) * wire.Time(time.Minute)}
	for _, route := range []string{"", key} {
		b.Cells = append(b.Cells,
			cell("calls", route, "", n), cell("calls.over", route, "", n), cell("calls.ended", route, "", n), cell("calls.answered", route, "", answered), cell("calls.effective", route, "", answered),
			cell("codes", route, "INVITE 200", answered), cell("codes", route, "INVITE 503", n-answered))
	}
	if err := st.Write(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
}

// TestNormal: three healthy hours say nothing; a carrier that then refuses most calls is found, named, kept beside the
// series, and over when it is over. Maintenance makes it no alarm.
func TestNormal(t *testing.T) {
	for _, maintained := range []bool{false, true} {
		st := memory.New(64 << 20)
		start := time.Date(2026, 3, 3, 9, 0, 0, 0, time.UTC)
		var now clock
		now.set(wire.Time(start.UnixNano()))
		s, err := New(Options{Store: st, Now: now.now})
		if err != nil {
			t.Fatal(err)
		}
		first := start.Unix() / 60
		minute := first
		step := func(bad int64) {
			minuteOfCalls(t, st, minute, "out:carrier-a", 60, 36+minute%5-bad)
			minuteOfCalls(t, st, minute, "out:b", 60, 36+minute%7)
			minute++
			now.set(wire.Time(minute) * wire.Time(time.Minute))
			s.minutes(t.Context(), minute)
		}
		for range 180 {
			step(0)
			if off := s.offNow(); len(off) > 0 {
				t.Fatalf("minute %d: %s", minute-first, off[0].Summary)
			}
		}
		began := minute
		if maintained {
			if _, err := st.Annotate(t.Context(), record.Annotation{
				From: wire.Time(began-1) * wire.Time(time.Minute), Until: wire.Time(began+60) * wire.Time(time.Minute), Kind: "maintenance", Text: "new trunk card",
			}); err != nil {
				t.Fatal(err)
			}
		}
		for range 15 {
			step(30)
		}
		var found *finding.Finding
		degraded := false
		for _, f := range s.offNow() {
			if f.ID == "kpi.asr-drop" && f.Subject == "out:carrier-a" {
				found = &f
			}
			degraded = degraded || f.ID == "kpi.route-degraded" && f.Subject == "out:carrier-a"
			if f.Subject == "out:b" {
				t.Errorf("of the healthy route: %s", f.Summary)
			}
		}
		if !degraded {
			t.Error("nothing of the route that is worse than its sibling")
		}
		if found == nil {
			t.Fatalf("nothing of the route that fails; found %v", s.offNow())
		}
		if !strings.Contains(found.Summary, "503") {
			t.Errorf("what carries it is not said: %s", found.Summary)
		}
		if quiet := found.Severity == finding.Info && strings.Contains(found.Summary, "new trunk card"); quiet != maintained {
			t.Errorf("maintained %v: %s: %s", maintained, found.Severity, found.Summary)
		}
		series, err := s.Series(t.Context(), view.SeriesQuery{
			Measures: []string{"asr"}, From: wire.Time(began) * wire.Time(time.Minute), Until: wire.Time(minute) * wire.Time(time.Minute), Step: time.Minute, Routes: []string{"out:carrier-a"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if p := series[0].Points[3]; p.Expected == nil || p.Expected.Low < p.Value || len(p.Notes) == 0 {
			t.Errorf("a point beside which nothing stands: %+v", p)
		}
		for range 40 {
			step(0)
		}
		for _, f := range s.offNow() {
			t.Errorf("still off: %s", f.Summary)
		}
	}
}
