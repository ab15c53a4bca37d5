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

// followed is a server whose minutes a test makes.
type followed struct {
	*Server
	st     store.Store
	now    clock
	minute int64
}

func follow(t *testing.T) *followed {
	t.Helper()
	f := &followed{st: memory.New(64 << 20), minute: time.Date(2026, 3, 3, 9, 0, 0, 0, time.UTC).Unix() / 60}
	f.now.set(at(f.minute))
	s, err := New(Options{Store: f.st, Now: f.now.now})
	if err != nil {
		t.Fatal(err)
	}
	f.Server = s
	return f
}

// step makes a minute of n calls to each of two carriers, of which so many were answered.
func (f *followed) step(t *testing.T, n, a, b int64) {
	t.Helper()
	minuteOfCalls(t, f.st, f.minute, "out:carrier-a", n, a)
	minuteOfCalls(t, f.st, f.minute, "out:b", n, b)
	f.minute++
	f.now.set(at(f.minute))
	f.minutes(t.Context(), f.minute)
}

func at(minute int64) wire.Time { return wire.Time(minute) * wire.Time(time.Minute) }

// TestNormal: three healthy hours say nothing; a carrier that then refuses most calls is found, named, kept beside the
// series, and over when it is over. Maintenance makes it no alarm.
func TestNormal(t *testing.T) {
	for _, maintained := range []bool{false, true} {
		s := follow(t)
		st, first := s.st, s.minute
		step := func(bad int64) { s.step(t, 60, 36+s.minute%5-bad, 36+s.minute%7) }
		for range 180 {
			step(0)
			if off := s.offNow(); len(off) > 0 {
				t.Fatalf("minute %d: %s", s.minute-first, off[0].Summary)
			}
		}
		began := s.minute
		if maintained {
			if _, err := st.Annotate(t.Context(), record.Annotation{
				From: at(began - 1), Until: at(began + 60), Kind: "maintenance", Text: "new trunk card",
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
			Measures: []string{"asr"}, From: at(began), Until: at(s.minute), Step: time.Minute, Routes: []string{"out:carrier-a"},
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

// TestDegradedSince: of a route that is worse than its sibling for six minutes it is said since when, how much, by what and in
// which calls; the note stands beside these minutes of its own series only, and it is over when it is over.
func TestDegradedSince(t *testing.T) {
	for _, healthy := range []int{20, 0} { // 0: the server started in the midst of it
		s := follow(t)
		for range healthy {
			s.step(t, 20, 14, 14)
		}
		began := s.minute
		failed := func(id string, when wire.Time, in string, out ...string) record.Case {
			return record.Case{ID: id, Began: when, Revision: 1, Final: true, Severity: "error", RouteIn: in, RoutesOut: out}
		}
		writeCases(t, s.st, failed("failed@example.com", at(began)+1, "", "carrier-a"), failed("in@example.com", at(began)+2, "carrier-a"), failed("before@example.com", at(began)-1, "", "carrier-a"))
		for range 6 {
			s.step(t, 20, 2, 14)
		}
		list := s.offNow()
		if len(list) != 1 || list[0].ID != "kpi.route-degraded" {
			t.Fatalf("after %d healthy minutes: %v", healthy, list)
		}
		for _, want := range []string{"since " + at(began).Std().Format("15:04 MST") + ": 108 of 120 attempts, there 36 of 120.", "Code 503 carries 100 % of it: 108, there 36."} {
			if !strings.Contains(list[0].Summary, want) {
				t.Errorf("%q is not said: %s", want, list[0].Summary)
			}
		}
		if e := list[0].Evidence; len(e) != 1 || !strings.Contains(e[0].Note, "failed@example.com") {
			t.Errorf("examples %v", e)
		}
		for range 20 {
			s.step(t, 20, 14, 14)
		}
		for _, f := range s.offNow() {
			t.Errorf("still off: %s", f.Summary)
		}
		notes, err := s.Annotations(t.Context(), at(began-60), at(s.minute))
		if err != nil {
			t.Fatal(err)
		}
		if len(notes) != 1 || notes[0].From != at(began) || notes[0].Until != at(began+6) || notes[0].Route != "out:carrier-a" {
			t.Errorf("notes %+v", notes)
		}
		series, err := s.Series(t.Context(), view.SeriesQuery{Measures: []string{"asr"}, From: at(began), Until: at(s.minute), Step: time.Minute, Routes: []string{"carrier-a", "b"}})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range series {
			for i, p := range l.Points {
				if want := l.Route == "out:carrier-a" && i < 6; len(p.Notes) > 0 != want {
					t.Errorf("%s, minute %d: notes %q", l.Route, i, p.Notes)
				}
			}
		}
	}
}

func writeCases(t *testing.T, st store.Store, cases ...record.Case) {
	t.Helper()
	stats, err := st.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Write(t.Context(), &store.Batch{Seq: stats.LastSeq + 1, At: cases[0].Began, Cases: cases}); err != nil {
		t.Fatal(err)
	}
}

// TestLongDegraded: what lasts longer than the interval that is looked at is said since its beginning.
func TestLongDegraded(t *testing.T) {
	s := follow(t)
	for i := range int64(50) {
		answered := int64(14)
		if i >= 10 {
			answered = 6 - i%3
		}
		s.step(t, 20, answered, 14)
	}
	list := s.offNow()
	if len(list) != 1 || !strings.Contains(list[0].Summary, "since 09:10 UTC: from 09:35 UTC on 225 of 300 attempts, there 90 of 300.") {
		t.Errorf("%v", list)
	}
}

// TestNotesOfRoutes: a note of a name stands beside both directions, one of a direction beside this one.
func TestNotesOfRoutes(t *testing.T) {
	for _, x := range []struct {
		note, key string
		want      bool
	}{
		{"", "", true},
		{"", "out:gw", true},
		{"gw", "out:gw", true},
		{"gw", "in:gw", true},
		{"gw", "", false},
		{"gw", "out:gw2", false},
		{"out:gw", "out:gw", true},
		{"out:gw", "in:gw", false},
		{"in:gw", "in:gw", true},
		{"out:gw", "", false},
	} {
		notes := []record.Annotation{{From: 10, Until: 20, Kind: "note", Route: x.note, Text: "x"}}
		if got := len(about(notes, x.key, 0, 30)) > 0; got != x.want {
			t.Errorf("a note of %q beside %q: %v", x.note, x.key, got)
		}
	}
}
