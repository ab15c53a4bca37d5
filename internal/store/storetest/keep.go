package storetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"sipcause/internal/query"
	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/wire"
)

// wantCounts counts by hand.
func (w *world) wantCounts(q store.Search, f query.Field, limit int) []store.Count {
	n := map[string]uint64{}
	for _, c := range w.want(q) {
		values := slices.Clone(c.Value(f).Strings())
		slices.Sort(values)
		for _, v := range slices.Compact(values) {
			n[v]++
		}
	}
	var out []store.Count
	for v, n := range n {
		out = append(out, store.Count{Value: v, N: n})
	}
	slices.SortFunc(out, func(a, b store.Count) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Value, b.Value)) })
	return out[:min(limit, len(out))]
}

func messages(w *world) {
	keys := []uint64{1, 2, m1, 1<<64 - 1, 0}
	// Times run against the order in which they are written, over three days; some are equal.
	for day := 2; day >= 0; day-- {
		b := &store.Batch{At: Start.Add(time.Duration(day) * 24 * time.Hour)}
		for i := range 200 {
			b.Messages = append(b.Messages, w.gen.Message(one(w.gen, keys), b.At.Add(-time.Duration(i/3)*time.Second)))
		}
		w.write(b)
	}
	middle := w.messages[300].Time
	for _, ask := range [][]uint64{{1}, {2, m1}, {1<<64 - 1, 1, 1}, {0}, {77}, keys, nil} {
		for _, span := range [][2]wire.Time{{0, 0}, {middle, 0}, {0, middle}, {middle, middle}, {middle + 1, middle}, {1, 2}} {
			got, err := w.Messages(w.Context(), ask, span[0], span[1])
			if err != nil {
				w.Fatal(err)
			}
			want := w.kept(append([]uint64{}, ask...), span[0], span[1])
			slices.SortStableFunc(want, byTime)
			w.same(fmt.Sprintf("messages of %v in %v", ask, span), want, got)
		}
	}
}

func replayOfMessages(w *world) {
	for i := range 5 {
		b := &store.Batch{At: Start.Add(time.Duration(i) * 12 * time.Hour)}
		for range 300 {
			b.Messages = append(b.Messages, w.gen.Message(w.gen.Uint64(), b.At.Add(time.Duration(w.gen.IntN(3600))*time.Second)))
		}
		w.write(b)
	}
	middle := w.messages[700].Time
	for _, span := range [][2]wire.Time{{0, 0}, {middle, 0}, {0, middle}, {middle, middle}, {middle + 1, middle}} {
		w.same(fmt.Sprintf("replay of %v", span), w.kept(nil, span[0], span[1]), w.replayed(span[0], span[1]))
	}
	stop, n := errors.New("enough"), 0
	err := w.Replay(w.Context(), 0, 0, func(*record.Message) error {
		if n++; n == 10 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || n != 10 {
		w.Errorf("visit said stop: %v after %d", err, n)
	}
}

func gaps(w *world) {
	for i := range 10 {
		g := w.gen.Gap(Start.Add(time.Duration(9-i) * time.Hour))
		g.Until = g.From.Add(30 * time.Minute)
		w.write(&store.Batch{At: g.From, Gaps: []record.Gap{g}})
	}
	at := func(h float64) wire.Time { return Start.Add(time.Duration(h * float64(time.Hour))) }
	for _, c := range []struct {
		from, until wire.Time
		limit       int
		want        []float64 // hours at which they begin
	}{
		{0, 0, 100, []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{0, 0, 3, []float64{0, 1, 2}},
		{at(2.6), at(4.9), 100, []float64{3, 4}},
		{at(2.5), at(5), 100, []float64{2, 3, 4, 5}},
		{at(2.2), at(2.3), 100, []float64{2}},
		{at(2.7), at(2.8), 100, nil},
		{at(8.2), 0, 100, []float64{8, 9}},
		{0, at(0.7), 100, []float64{0}},
	} {
		got, err := w.Gaps(w.Context(), c.from, c.until, c.limit)
		if err != nil {
			w.Fatal(err)
		}
		var hours []float64
		for _, g := range got {
			hours = append(hours, g.From.Sub(Start).Hours())
		}
		w.same(fmt.Sprintf("gaps from %v until %v", c.from.Std(), c.until.Std()), c.want, hours)
	}
}

func documents(w *world) {
	for range 2 {
		for _, name := range []string{"baseline/calls", "b", "ümlaut's \"%\"", ""} {
			if _, err := w.Get(w.Context(), name+"?"); !errors.Is(err, store.ErrNotFound) {
				w.Errorf("get what is not there: %v", err)
			}
			for _, doc := range [][]byte{[]byte("one"), {0, 255, 0}, bytes.Repeat([]byte("x"), 100_000), {}} {
				if err := w.Put(w.Context(), name, doc); err != nil {
					w.Fatal(err)
				}
				got, err := w.Get(w.Context(), name)
				if err != nil || !bytes.Equal(got, doc) {
					w.Errorf("get %q: %d bytes, want %d, %v", name, len(got), len(doc), err)
				}
			}
		}
	}
}

func annotations(w *world) {
	hour := func(h int) wire.Time { return Start.Add(time.Duration(h) * time.Hour) }
	list := []record.Annotation{
		{From: hour(5), Until: hour(8), Kind: "maintenance", Route: "carrier-a", Text: "new trunk; 'quoted'"},
		{From: hour(1), Until: hour(1), Kind: "note", Text: "restart"},
		{From: hour(7), Until: hour(9), Kind: "maintenance", Text: "ümlaut"},
	}
	for i := range list {
		id, err := w.Annotate(w.Context(), list[i])
		if err != nil || id == 0 {
			w.Fatalf("annotate: %d, %v", id, err)
		}
		list[i].ID = id
	}
	list[1].Text = "restart of the proxy"
	if id, err := w.Annotate(w.Context(), list[1]); err != nil || id != list[1].ID {
		w.Errorf("replace: %d, want %d, %v", id, list[1].ID, err)
	}
	for _, c := range []struct {
		from, until wire.Time
		want        []record.Annotation
	}{
		{0, 0, []record.Annotation{list[1], list[0], list[2]}},
		{hour(8), hour(9), []record.Annotation{list[0], list[2]}},
		{hour(1), hour(1), list[1:2]},
		{hour(2), hour(4), nil},
		{hour(6), hour(6), list[:1]},
		{hour(9), 0, list[2:]},
		{0, hour(5), []record.Annotation{list[1], list[0]}},
	} {
		got, err := w.Annotations(w.Context(), c.from, c.until)
		if err != nil {
			w.Fatal(err)
		}
		w.same(fmt.Sprintf("annotations from %v until %v", c.from.Std(), c.until.Std()), c.want, got)
	}
}

// days writes a batch for each of n days, with cases, cells and so many messages.
func (w *world) days(n, perDay int) {
	w.Helper()
	for i := range n {
		b := w.gen.Batch(0, Start.Add(time.Duration(i)*24*time.Hour), 10)
		for range perDay {
			m := w.gen.Message(1, b.At.Add(time.Hour))
			m.Data = w.gen.bytes(500)
			b.Messages = append(b.Messages, m)
		}
		b.Cells = append(b.Cells, record.Cell{Minute: int64(b.At) / int64(time.Minute), Counter: "calls", N: 1000, Bucket: record.NoBucket})
		w.write(b)
	}
}

// present says for each day whether messages, cases and cells of it are there.
func (w *world) present(day int) [3]bool {
	w.Helper()
	from := Start.Add(time.Duration(day) * 24 * time.Hour)
	until := from.Add(24 * time.Hour)
	return [3]bool{
		len(w.replayed(from, until-1)) > 0, len(w.all(store.Search{From: from, Until: until})) > 0, len(w.sums(store.Rollup{From: from, Until: until})) > 0,
	}
}

// retainByAge: what is younger than its age stays; what is older by more than a day (the widest partition) goes. What
// lies between may do either.
func retainByAge(w *world) {
	const day = 24 * time.Hour
	w.days(10, 20)
	now := Start.Add(9*day + 2*time.Hour).Std()
	freed, err := w.Retain(w.Context(), store.Policy{}, now)
	if err != nil || freed != (store.Freed{}) {
		w.Errorf("no bound: freed %+v, %v", freed, err)
	}
	freed, err = w.Retain(w.Context(), store.Policy{Messages: 2 * day, Cases: 4 * day, Rollups: 7 * day}, now)
	if err != nil || freed.Partitions == 0 || freed.Bytes <= 0 {
		w.Errorf("freed %+v, %v", freed, err)
	}
	for i, want := range [10][3]byte{0: {}, 1: {}, 2: {2: '?'}, 3: {2: '+'}, 4: {2: '+'}, 5: {1: '?', 2: '+'}, 6: {1: '+', 2: '+'}, 7: {'?', '+', '+'}, 8: {'+', '+', '+'}, 9: {'+', '+', '+'}} {
		got := w.present(i)
		for kind, name := range []string{"messages", "cases", "rollups"} {
			if want[kind] != '?' && got[kind] != (want[kind] == '+') {
				w.Errorf("%s of day %d are there: %v", name, i, got[kind])
			}
		}
	}
	// What stays is whole, and writing goes on, into old days too.
	newest := w.want(store.Search{From: Start.Add(6 * day)})
	w.same("cases", newest, w.all(store.Search{From: Start.Add(6 * day)}))
	c := w.gen.Case(Start.Add(10 * day))
	w.writeCases(c)
	if got, err := w.Case(w.Context(), c.ID); err != nil || got.ID != c.ID {
		w.Errorf("case written after: %v", err)
	}
	w.writeCases(w.gen.Case(Start))
}

// retainByBytes: the oldest goes first, the newest stays, and no more than the bound is left.
func retainByBytes(w *world) {
	const day = 24 * time.Hour
	w.days(10, 1000)
	now := Start.Add(9*day + 2*time.Hour).Std()
	before, err := w.Stats(w.Context())
	if err != nil || before.Bytes < 1<<20 {
		w.Fatalf("stats: %d bytes, %v", before.Bytes, err)
	}
	bound := before.Bytes / 2
	freed, err := w.Retain(w.Context(), store.Policy{MaxBytes: bound}, now)
	if err != nil || freed.Bytes <= 0 {
		w.Fatalf("freed %+v, %v", freed, err)
	}
	after, err := w.Stats(w.Context())
	if err != nil || after.Bytes > bound {
		w.Errorf("%d bytes are left, asked for %d, %v", after.Bytes, bound, err)
	}
	if got := w.present(0); got[0] {
		w.Error("messages of the oldest day are there")
	}
	if got := w.present(9); got != [3]bool{true, true, true} {
		w.Errorf("of the newest day are there: messages, cases, rollups %v", got)
	}
	gone := true
	for i := range 10 {
		there := w.present(i)[0]
		if !there && !gone {
			w.Errorf("messages of day %d went before those of day %d", i, i-1)
		}
		gone = gone && !there
	}
}

func stats(w *world) {
	w.days(3, 50)
	s, err := w.Stats(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	list := w.want(store.Search{})
	var last wire.Time
	for _, m := range w.messages {
		last = max(last, m.Time)
	}
	got := []any{s.Messages, s.Cases, s.Open, s.Oldest, s.Newest, s.LastSeq, s.LastMessage, len(s.BadPartitions)}
	want := []any{uint64(len(w.messages)), uint64(len(list)), uint64(len(w.want(store.Search{Open: true}))), list[len(list)-1].Began, list[0].Began, w.seq, last, 0}
	w.same("messages, cases, open, oldest, newest, last batch, last message, bad partitions", want, got)
	if s.Cells == 0 || s.Partitions == 0 || s.Bytes <= 0 || s.ByKind["messages"] <= 0 || s.ByKind["cases"] <= 0 || s.ByKind["rollups"] <= 0 {
		w.Errorf("%+v", s)
	}
}

// wholeBatches: readers see all of a batch or nothing, and each what came before.
func wholeBatches(w *world) {
	const batches, size = 40, 25
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for last := 0; ; {
				select {
				case <-done:
					return
				default:
				}
				p, err := w.Search(w.Context(), store.Search{Limit: batches * size, Where: w.parse("exists id")})
				if err != nil || len(p.Cases)%size != 0 || len(p.Cases) < last {
					w.Errorf("%d cases, %d before, %v", len(p.Cases), last, err)
					return
				}
				last = len(p.Cases)
				n := 0
				err = w.Replay(w.Context(), 0, 0, func(*record.Message) error { n++; return nil })
				if err != nil || n%size != 0 || n < last {
					w.Errorf("%d messages after %d cases, %v", n, last, err)
					return
				}
				var sum int64
				err = w.Rollup(w.Context(), store.Rollup{Counters: []string{"calls"}}, func(c *record.Cell) error { sum += c.N; return nil })
				if err != nil || sum%size != 0 || sum < int64(last) {
					w.Errorf("sum %d after %d cases, %v", sum, last, err)
					return
				}
				if _, err := w.Stats(w.Context()); err != nil {
					w.Error(err)
				}
			}
		})
	}
	for i := range batches {
		b := &store.Batch{At: Start.Add(time.Duration(i) * 3 * time.Hour)}
		for range size {
			b.Cases = append(b.Cases, w.gen.Case(b.At))
			b.Messages = append(b.Messages, w.gen.Message(w.gen.Uint64(), b.At))
			b.Cells = append(b.Cells, record.Cell{Minute: int64(i), Counter: "calls", Bucket: record.NoBucket, N: 1})
		}
		w.write(b)
	}
	close(done)
	readers.Wait()
	w.unchanged()
}

func closed(w *world) {
	w.crowd(12)
	if err := w.Close(); err != nil {
		w.Fatal(err)
	}
	ctx := context.Background()
	ignore := func(_ any, err error) error { return err }
	for name, err := range map[string]error{
		"write":       w.Write(ctx, w.gen.Batch(w.seq+1, Start, 1)),
		"search":      ignore(w.Search(ctx, store.Search{})),
		"case":        ignore(w.Case(ctx, "a")),
		"count":       ignore(w.Count(ctx, store.Search{}, query.Cause, 1)),
		"messages":    ignore(w.Messages(ctx, []uint64{1}, 0, 0)),
		"replay":      w.Replay(ctx, 0, 0, func(*record.Message) error { return nil }),
		"rollup":      w.Rollup(ctx, store.Rollup{}, func(*record.Cell) error { return nil }),
		"gaps":        ignore(w.Gaps(ctx, 0, 0, 1)),
		"put":         w.Put(ctx, "a", nil),
		"get":         ignore(w.Get(ctx, "a")),
		"annotate":    ignore(w.Annotate(ctx, record.Annotation{Kind: "note"})),
		"annotations": ignore(w.Annotations(ctx, 0, 0)),
		"retain":      ignore(w.Retain(ctx, store.Policy{}, time.Now())),
		"stats":       ignore(w.Stats(ctx)),
	} {
		if !errors.Is(err, store.ErrClosed) {
			w.Errorf("%s after close: %v", name, err)
		}
	}
	if err := w.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
		w.Errorf("second close: %v", err)
	}
}
