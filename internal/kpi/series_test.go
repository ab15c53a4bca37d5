package kpi_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"sipcause/internal/kpi"
	"sipcause/internal/record"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// cell makes one of the first minutes after noon.
func cell(minute int64, counter, route, label string, n int64) record.Cell {
	return record.Cell{Minute: int64(noon/60e9) + minute, Counter: counter, Route: route, Label: label, Bucket: record.NoBucket, N: n}
}

func after(minutes int) wire.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

// values returns the values of a series, - where there is none.
func values(s *view.Series) string {
	var list []string
	for i := range s.Points {
		if p := &s.Points[i]; p.Refused != "" {
			list = append(list, "-")
		} else {
			list = append(list, fmt.Sprintf("%.4g", p.Value))
		}
	}
	return strings.Join(list, " ")
}

func TestSeries(t *testing.T) {
	cells := []record.Cell{
		cell(0, "calls.ended", "", "", 10), cell(0, "calls.answered", "", "", 5), cell(1, "calls.ended", "", "", 4), cell(3, "calls.ended", "", "", 2), cell(3, "calls.answered", "", "", 2),
		cell(0, "calls.ended", "out:a", "", 4), cell(0, "calls.answered", "out:a", "", 1), cell(0, "calls.ended", "in:b", "", 6),
		cell(0, "codes", "", "INVITE 200", 3), cell(0, "codes", "", "OPTIONS 200", 5), cell(0, "codes", "", "INVITE 486", 2), cell(2, "codes", "", "INVITE 486", 1),
		cell(0, "calls", "", "", 120), cell(1, "calls", "", "", 60),
	}
	for _, x := range []struct {
		q    view.SeriesQuery
		want string // of each series: route label: values
	}{
		{view.SeriesQuery{Measures: []string{"asr"}, Step: time.Minute}, `"" "": 50 0 - 100`},
		{view.SeriesQuery{Measures: []string{"asr"}, Step: 2 * time.Minute}, `"" "": 35.71 100`},
		{view.SeriesQuery{Measures: []string{"asr"}}, `"" "": 43.75`},
		{view.SeriesQuery{Measures: []string{"asr"}, By: "route"}, `"in:b" "": 0; "out:a" "": 25`},
		{view.SeriesQuery{Measures: []string{"asr"}, Routes: []string{"a"}}, `"in:a" "": -; "out:a" "": 25`},
		{view.SeriesQuery{Measures: []string{"asr"}, Routes: []string{"out:a", "in:c"}}, `"in:c" "": -; "out:a" "": 25`},
		{view.SeriesQuery{Measures: []string{"codes"}, By: "label", Step: 2 * time.Minute}, `"" "200": 8 0; "" "486": 2 1`},
		{view.SeriesQuery{Measures: []string{"code_methods"}, By: "route,label"}, ``},
		{view.SeriesQuery{Measures: []string{"code_methods"}, By: "label"}, `"" "INVITE": 6; "" "OPTIONS": 5`},
		{view.SeriesQuery{Measures: []string{"code_share"}, Step: 2 * time.Minute}, `"" "200": 80 0; "" "486": 20 100`},
		{view.SeriesQuery{Measures: []string{"call_rate"}, Step: time.Minute}, `"" "": 2 1 0 0`},
		{view.SeriesQuery{Measures: []string{"codes", "calls"}}, `"" "": 11; "" "": 180`},
	} {
		x.q.From, x.q.Until = noon, after(4)
		list, err := kpi.Series(x.q, rollupOf(cells), nil)
		if err != nil {
			t.Errorf("%+v: %v", x.q, err)
		}
		var got []string
		for i := range list {
			got = append(got, fmt.Sprintf("%q %q: %s", list[i].Route, list[i].Label, values(&list[i])))
		}
		if s := strings.Join(got, "; "); s != x.want {
			t.Errorf("%v by %q of %q: %s, want %s", x.q.Measures, x.q.By, x.q.Routes, s, x.want)
		}
	}
}

func TestSeriesRefuses(t *testing.T) {
	ok := view.SeriesQuery{Measures: []string{"asr"}, From: noon, Until: after(60), Step: time.Minute}
	for want, change := range map[string]func(q *view.SeriesQuery){
		`measure "x": not known`: func(q *view.SeriesQuery) { q.Measures = []string{"x"} },
		"step 30s: want":         func(q *view.SeriesQuery) { q.Step = 30 * time.Second },
		"step -1m0s: want":       func(q *view.SeriesQuery) { q.Step = -time.Minute },
		"interval: want":         func(q *view.SeriesQuery) { q.Until = q.From },
		`by "code": want`:        func(q *view.SeriesQuery) { q.By = "code" },
		"525600 steps":           func(q *view.SeriesQuery) { q.Until = after(525600) },
	} {
		q := ok
		change(&q)
		if _, err := kpi.Series(q, rollupOf(nil), nil); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestSeriesFlood: however many routes there are, no more points are made than allowed.
func TestSeriesFlood(t *testing.T) {
	var cells []record.Cell
	for i := range 5000 {
		cells = append(cells, cell(0, "calls.ended", fmt.Sprintf("out:%d", i), "", 1))
	}
	q := view.SeriesQuery{Measures: []string{"asr"}, From: noon, Until: after(1440), Step: time.Minute, By: "route"}
	if _, err := kpi.Series(q, rollupOf(cells), nil); err == nil || !strings.Contains(err.Error(), "points") {
		t.Errorf("%v", err)
	}
}

func TestQuality(t *testing.T) {
	cells := []record.Cell{
		cell(0, "seen", "", "", 100),
		cell(1, "seen", "", "", 100), cell(1, "seen.half", "", "", 6),
		cell(2, "seen", "", "", 100), cell(2, "seen.one-way", "", "", 30),
		cell(3, "seen", "", "", 100),
		cell(4, "seen", "", "", 100),
		cell(0, "seen", "in:a", "", 10), cell(0, "seen.half", "in:a", "", 9),
	}
	gaps := []record.Gap{
		{Gap: wire.Gap{Kind: wire.GapDrops, From: after(3), Until: after(3) + 1, Lost: 5}, PointName: "eth0"},
		{Gap: wire.Gap{Kind: wire.GapQueue, From: after(4), Until: after(4) + 1, Lost: 50}},
		{Gap: wire.Gap{Kind: wire.GapStopped, From: after(5) + 30e9, Until: after(7)}},
		{Gap: wire.Gap{Kind: wire.GapExpired, From: after(0), Until: after(1)}},
	}
	q := view.SeriesQuery{Measures: []string{"asr"}, From: noon, Until: after(7), Step: time.Minute, Routes: []string{"in:a", "out:b"}}
	list, err := kpi.Series(q, rollupOf(cells), gaps)
	if err != nil {
		t.Fatal(err)
	}
	grades := func(s *view.Series) (list []string) {
		for _, p := range s.Points {
			list = append(list, p.Quality.Grade)
		}
		return list
	}
	if got := grades(&list[0]); got[0] != kpi.Poor {
		t.Errorf("nine of ten cases of a route seen in part: %q", got)
	}
	if got := grades(&list[1]); !slices.Equal(got, strings.Fields("good fair poor fair poor poor poor")) {
		t.Errorf("a route out has the grade of all traffic: %q", got)
	}
	out := list[1].Points
	for i, want := range map[int]string{
		1: "seen in part: 6 of 100", 2: "one direction only: 30 of 100", 3: "5 packets or more missing (capture-drops) at eth0",
		4: "50 packets or more missing (queue-full)", 5: "the server did not run for 50 % of the time", 6: "the server did not run for 100 % of the time",
	} {
		if r := out[i].Quality.Reasons; len(r) != 1 || r[0] != want {
			t.Errorf("minute %d: %q, want %q", i, r, want)
		}
	}
	if out[6].Refused != "nothing was captured: the server did not run for 100 % of the time" {
		t.Errorf("a minute without a server has %+v", out[6])
	}
}

// TestDiff: what Diff says, added to what was counted before, is what is counted now.
func TestDiff(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		random := func() (list []record.Cell) {
			for range rng.IntN(12) {
				list = append(list, cell(rng.Int64N(2), []string{"a", "b"}[rng.IntN(2)], []string{"", "in:x"}[rng.IntN(2)], []string{"", "486"}[rng.IntN(2)], 1+rng.Int64N(2)))
			}
			return list
		}
		old, now := random(), random()
		sum := kpi.Merge(append(slices.Clone(old), kpi.Diff(old, now)...))
		if want := kpi.Merge(slices.Clone(now)); !slices.Equal(sum, want) {
			t.Fatalf("%v, want %v", sum, want)
		}
	}
	if d := kpi.Diff(nil, nil); len(d) != 0 {
		t.Errorf("%v", d)
	}
}

func TestExpect(t *testing.T) {
	e, b := newEstate(3), &kpi.Baselines{}
	end := monday + 15*aDay
	for at := monday; at < end; at++ {
		observe(b, at, e.minute(at))
	}
	series := func(first int64, n int) []view.Series {
		s := view.Series{Measure: "calls"}
		for i := range n {
			s.Points = append(s.Points, view.Point{At: wire.Time(first+int64(5*i)) * 60e9, Population: 300})
		}
		return []view.Series{s, {Measure: "calls", Route: "none", Points: s.Points}}
	}
	list := series(end-noons, 2) // at noon of yesterday
	kpi.Expect(b, list, 5*time.Minute, end-1)
	band := list[0].Points[0].Expected
	if band == nil || band.Mid < 5*60 || band.Mid > 5*100 || band.Low >= band.Mid || band.High <= band.Mid {
		t.Errorf("five minutes of about 80 calls each: %+v", band)
	}
	list = series(end+10, 1)
	if kpi.Expect(b, list, 5*time.Minute, end-1); list[0].Points[0].Expected != nil {
		t.Error("the future is expected")
	}
	young := &kpi.Baselines{}
	for at := monday; at < monday+300; at++ {
		observe(young, at, e.minute(at))
	}
	list = series(monday+100, 41)
	kpi.Expect(young, list, 5*time.Minute, monday+299)
	if list[0].Points[0].Expected != nil || list[0].Points[39].Expected == nil {
		t.Error("without a week the moving average is for the last hour only")
	}
}
