package storetest

import (
	"time"

	"pgregory.net/rapid"

	"sipcause/internal/record"
	"sipcause/internal/store"
)

func rollup(w *world) {
	minute := int64(Start) / int64(time.Minute)
	cell := func(at int64, counter, route, label string, bucket int16, n int64) record.Cell {
		return record.Cell{Minute: minute + at, Counter: counter, Route: route, Label: label, Bucket: bucket, N: n}
	}
	none := record.NoBucket
	w.write(&store.Batch{Cells: []record.Cell{
		cell(0, "calls", "", "", none, 5), cell(0, "calls", "a", "", none, 3), cell(0, "calls", "b", "", none, 2), cell(1, "calls", "", "", none, 7),
		cell(0, "codes", "", "486", none, 2), cell(0, "codes", "", "503", none, 3), cell(61, "codes", "", "503", none, 1), cell(0, "codes", "a", "503", none, 3),
		cell(0, "pdd", "", "", 300, 1), cell(0, "pdd", "", "", 7, 1), cell(2, "pdd", "", "", 300, 4),
	}})
	w.write(&store.Batch{At: Start.Add(24 * time.Hour), Cells: []record.Cell{
		cell(0, "codes", "", "486", none, -2), cell(0, "codes", "", "503", none, 2), // a revision: 486 became 503, one of a later batch
		cell(0, "calls", "", "", none, 1), cell(1, "calls", "", "", none, -7), cell(0, "pdd", "", "", 7, 0),
	}})
	all := store.Rollup{Counters: []string{"pdd", "codes", "calls"}}
	w.same("one sum over all", []record.Cell{
		cell(-minute, "calls", "", "", none, 6), cell(-minute, "codes", "", "", none, 6), cell(-minute, "pdd", "", "", 7, 1), cell(-minute, "pdd", "", "", 300, 5),
	}, w.sums(all))
	for _, q := range []store.Rollup{
		{},
		{Counters: []string{}},
		{Step: time.Minute},
		{Step: time.Hour, ByLabel: true},
		{Step: time.Minute, ByRoute: true},
		{ByRoute: true, ByLabel: true},
		{Routes: []string{"a", "b"}, Step: time.Minute},
		{Routes: []string{"a"}, ByRoute: true, ByLabel: true},
		{Routes: []string{"nobody"}},
		{Routes: []string{"", "a"}, ByRoute: true},
		{From: Start, Until: Start.Add(time.Minute), ByLabel: true},
		{From: Start.Add(time.Minute), Step: time.Hour, ByLabel: true},
		{From: Start, Until: Start.Add(48 * time.Hour), Step: 2 * time.Minute},
		{Until: Start},
		{Counters: []string{"nothing"}},
		{Counters: []string{"pdd"}, Step: time.Minute, ByLabel: true},
		{From: Start, ByLabel: true},
	} {
		w.same("rollup", w.wantSums(q), w.sums(q))
	}
}

// randomSearches: any filter, interval and limit finds exactly what query.Expr.Match says, newest first.
func randomSearches(w *world) {
	for i := range 20 {
		w.write(w.gen.Batch(0, Start.Add(time.Duration(i)*3*time.Hour), 20))
		if list := w.want(store.Search{Open: true}); i%3 == 2 && len(list) > 3 {
			w.write(&store.Batch{At: Start.Add(time.Duration(i) * 3 * time.Hour), Cases: []record.Case{w.gen.Revise(list[0], false), w.gen.Revise(list[2], true)}})
		}
	}
	rapid.Check(w.T, func(t *rapid.T) {
		g := NewGenerator(rapid.Uint64().Draw(t, "seed"))
		g.made = w.gen.made
		q := store.Search{
			Where: w.parse(g.Filter(rapid.IntRange(0, 3).Draw(t, "depth"))), Open: g.IntN(4) == 0,
			Limit: rapid.SampledFrom([]int{0, 1, 2, 5, 50, 500}).Draw(t, "limit"),
		}
		if g.IntN(2) == 0 {
			q.Zone = time.FixedZone("", 3600*(g.IntN(25)-12))
		}
		if g.IntN(3) == 0 {
			q.From = Start.Add(time.Duration(g.IntN(60)) * time.Hour)
		}
		if g.IntN(3) == 0 {
			q.Until = Start.Add(time.Duration(g.IntN(60)) * time.Hour)
		}
		want := w.want(q)
		if q.Limit > 0 && len(want) > 50*q.Limit {
			q.Limit = 0 // not hundreds of pages
		}
		if d := diff(want, w.all(q)); d != "" {
			t.Fatalf("search %v, from %v until %v, open %v, limit %d (-want +got):\n%s", q.Where, q.From.Std(), q.Until.Std(), q.Open, q.Limit, d)
		}
	})
}

// randomRollups: any question gets the sums that one would add up by hand.
func randomRollups(w *world) {
	for i := range 10 {
		b := &store.Batch{At: Start.Add(time.Duration(i) * 6 * time.Hour)}
		for range 300 {
			b.Cells = append(b.Cells, w.gen.Cell(int64(Start)/int64(time.Minute)+int64(w.gen.IntN(300))))
		}
		w.write(b)
	}
	rapid.Check(w.T, func(t *rapid.T) {
		g := NewGenerator(rapid.Uint64().Draw(t, "seed"))
		q := store.Rollup{ByRoute: g.IntN(2) == 0, ByLabel: g.IntN(2) == 0, Step: time.Duration(rapid.IntRange(0, 90).Draw(t, "step")) * time.Minute}
		if g.IntN(2) == 0 {
			q.From = Start.Add(time.Duration(g.IntN(300)) * time.Minute)
		}
		if g.IntN(2) == 0 {
			q.Until = Start.Add(time.Duration(g.IntN(400)) * time.Minute)
		}
		if g.IntN(3) > 0 {
			q.Counters = some(g, counters, 3)
		}
		if g.IntN(3) == 0 {
			q.Routes = some(g, append([]string{""}, routes...), 4)
		}
		if d := diff(w.wantSums(q), w.sums(q)); d != "" {
			t.Fatalf("rollup %+v (-want +got):\n%s", q, d)
		}
	})
}

// randomLife: cases come, are revised and end, messages and cells come with them; at any moment everything is right.
func randomLife(w *world) {
	at := Start
	for range 40 {
		at = at.Add(time.Duration(w.gen.IntN(7200)) * time.Second)
		b := w.gen.Batch(0, at, 1+w.gen.IntN(5))
		for _, c := range w.want(store.Search{Open: true}) {
			if w.gen.IntN(3) == 0 {
				b.Cases = append(b.Cases, w.gen.Revise(c, w.gen.IntN(2) == 0))
			}
		}
		w.write(b)
		for range 3 {
			w.finds(store.Search{Where: w.parse(w.gen.Filter(2)), Limit: 1 + w.gen.IntN(60), Open: w.gen.IntN(3) == 0})
		}
	}
	w.unchanged()
}
