// Package storetest says by tests what a store.Store does, so that all of them answer alike, and makes random
// contents for them. Its one rule: it knows the interface alone.
package storetest

import (
	"cmp"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sipcause/internal/query"
	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/wire"
)

// tests is the suite. Each gets an empty store.
var tests = []struct {
	name string
	run  func(*world)
}{
	{"empty", emptyStore},
	{"whole records", wholeRecords},
	{"memory is owned", memoryIsOwned},
	{"replay of batches", replayOfBatches},
	{"cancelled write", cancelledWrite},
	{"revisions", revisions},
	{"revisions across days", revisionsAcrossDays},
	{"every field and operator", everyFieldAndOperator},
	{"fields with several values", severalValues},
	{"text is matched as query says", trickyText},
	{"times of day", timesOfDay},
	{"order and limits", orderAndLimits},
	{"from and until", fromAndUntil},
	{"open", openCases},
	{"pages while cases arrive", pagesWhileCasesArrive},
	{"cursor of another search", foreignCursor},
	{"partial pages", partialPages},
	{"case by id and Call-ID", caseByID},
	{"count", counts},
	{"messages", messages},
	{"replay of messages", replayOfMessages},
	{"rollup", rollup},
	{"gaps", gaps},
	{"documents", documents},
	{"annotations", annotations},
	{"retain by age", retainByAge},
	{"retain by bytes", retainByBytes},
	{"stats", stats},
	{"readers see whole batches", wholeBatches},
	{"closed", closed},
	{"random searches", randomSearches},
	{"random rollups", randomRollups},
	{"random life", randomLife},
}

// Run tests what open gives: an empty store, which open closes by t.Cleanup, each time another one.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.run(&world{T: t, Store: open(t), gen: NewGenerator(uint64(i)), cases: map[caseKey]record.Case{}, cells: map[record.Cell]int64{}})
		})
	}
}

// world is a store with what was written to it.
type world struct {
	*testing.T
	store.Store
	gen *Generator

	seq      uint64
	cases    map[caseKey]record.Case
	messages []record.Message
	cells    map[record.Cell]int64 // by cells without N
}

type caseKey struct {
	id    string
	began wire.Time
}

// write writes the batch with the next number, and takes note of it.
func (w *world) write(b *store.Batch) {
	w.Helper()
	w.seq++
	b.Seq = w.seq
	if b.At == 0 {
		b.At = Start
	}
	if err := w.Write(w.Context(), b); err != nil {
		w.Fatalf("write batch %d: %v", b.Seq, err)
	}
	for _, c := range b.Cases {
		w.cases[caseKey{c.ID, c.Began}] = c
	}
	w.messages = append(w.messages, b.Messages...)
	for _, c := range b.Cells {
		n := c.N
		c.N = 0
		w.cells[c] += n
	}
}

// writeCases writes them in one batch as of their begin.
func (w *world) writeCases(list ...record.Case) {
	w.Helper()
	w.write(&store.Batch{At: list[0].Began, Cases: list})
}

// newestFirst is the order of searches.
func newestFirst(a, b record.Case) int {
	return cmp.Or(cmp.Compare(b.Began, a.Began), cmp.Compare(b.ID, a.ID))
}

// want says what a search has to find in all, as query.Expr.Match has it.
func (w *world) want(q store.Search) []record.Case {
	var out []record.Case
	for _, c := range slices.SortedFunc(maps.Values(w.cases), newestFirst) {
		if q.From != 0 && c.Began < q.From || q.Until != 0 && c.Began >= q.Until || q.Open && c.Final || q.Where != nil && !q.Where.Match(&c, q.Zone) {
			continue
		}
		out = append(out, c)
	}
	return out
}

// all walks the pages of a search to its end.
func (w *world) all(q store.Search) []record.Case {
	w.Helper()
	var out []record.Case
	for range len(w.cases) + 2 {
		p, err := w.Search(w.Context(), q)
		if err != nil {
			w.Fatalf("search %v: %v", q.Where, err)
		}
		if p.Partial {
			w.Fatalf("search %v: partial, without a deadline", q.Where)
		}
		limit := cmp.Or(q.Limit, 100)
		if len(p.Cases) > limit {
			w.Fatalf("search %v: %d cases, asked for %d", q.Where, len(p.Cases), limit)
		}
		if p.Next != "" && len(p.Cases) < limit {
			w.Fatalf("search %v: %d cases of %d, and yet there is more", q.Where, len(p.Cases), limit)
		}
		out = append(out, p.Cases...)
		if q.After = p.Next; p.Next == "" {
			return out
		}
	}
	w.Fatalf("search %v does not end", q.Where)
	return nil
}

// finds checks a search, all of its pages.
func (w *world) finds(q store.Search) {
	w.Helper()
	if diff := diff(w.want(q), w.all(q)); diff != "" {
		w.Fatalf("search %v (-want +got):\n%s", q.Where, diff)
	}
}

// parse reads a filter.
func (w *world) parse(filter string) *query.Expr {
	w.Helper()
	e, err := query.Parse(filter)
	if err != nil {
		w.Fatalf("parse %s: %v", filter, err)
	}
	return e
}

// ids names what was found.
func ids(list []record.Case) []string {
	out := []string{}
	for i := range list {
		out = append(out, list[i].ID)
	}
	return out
}

// diff compares records; an empty list is as good as none. The comparison that explains is slow and only for what
// differs.
func diff(want, got any) string {
	if reflect.DeepEqual(tidy(want), tidy(got)) {
		return ""
	}
	return gocmp.Diff(want, got, cmpopts.EquateEmpty(), gocmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }))
}

// tidy copies cases and messages, empty lists as none.
func tidy(v any) any {
	list := reflect.ValueOf(v)
	if list.Kind() != reflect.Slice || list.Len() > 0 && list.Index(0).Kind() != reflect.Struct {
		return v
	}
	out := reflect.New(list.Type()).Elem()
	out = reflect.AppendSlice(out, list)
	for i := range out.Len() {
		for j := range out.Index(i).NumField() {
			if f := out.Index(i).Field(j); f.Kind() == reflect.Slice && f.Len() == 0 {
				f.SetZero()
			}
		}
	}
	return out.Interface()
}

func (w *world) same(what string, want, got any) {
	w.Helper()
	if d := diff(want, got); d != "" {
		w.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// byTime is the order of Messages.
func byTime(a, b record.Message) int {
	return cmp.Or(cmp.Compare(a.Time, b.Time), a.Ref.Compare(b.Ref))
}

// kept is what Messages and Replay have to give.
func (w *world) kept(keys []uint64, from, until wire.Time) []record.Message {
	var out []record.Message
	for _, m := range w.messages {
		if (keys == nil || slices.Contains(keys, m.Key)) && m.Time >= from && (until == 0 || m.Time <= until) {
			out = append(out, m)
		}
	}
	return out
}

// replayed collects what Replay hands on.
func (w *world) replayed(from, until wire.Time) []record.Message {
	w.Helper()
	var out []record.Message
	err := w.Replay(w.Context(), from, until, func(m *record.Message) error {
		c := *m
		c.Data = slices.Clone(m.Data)
		out = append(out, c)
		return nil
	})
	if err != nil {
		w.Fatalf("replay: %v", err)
	}
	return out
}

// sums collects what Rollup hands on.
func (w *world) sums(q store.Rollup) []record.Cell {
	w.Helper()
	var out []record.Cell
	if err := w.Rollup(w.Context(), q, func(c *record.Cell) error { out = append(out, *c); return nil }); err != nil {
		w.Fatalf("rollup %+v: %v", q, err)
	}
	return out
}

// wantSums adds up by hand.
func (w *world) wantSums(q store.Rollup) []record.Cell {
	sums := map[record.Cell]int64{}
	from, until, step := int64(q.From)/int64(time.Minute), int64(q.Until)/int64(time.Minute), int64(q.Step/time.Minute)
	for c, n := range w.cells {
		switch {
		case c.Minute < from || until != 0 && c.Minute >= until,
			len(q.Counters) > 0 && !slices.Contains(q.Counters, c.Counter),
			len(q.Routes) > 0 && !slices.Contains(q.Routes, c.Route),
			len(q.Routes) == 0 && (c.Route != "") != q.ByRoute:
			continue
		}
		if step == 0 {
			c.Minute = from
		} else {
			c.Minute -= (c.Minute - from) % step
		}
		if !q.ByRoute {
			c.Route = ""
		}
		if !q.ByLabel {
			c.Label = ""
		}
		sums[c] += n
	}
	var out []record.Cell
	for c, n := range sums {
		if c.N = n; n != 0 {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b record.Cell) int {
		return cmp.Or(cmp.Compare(a.Minute, b.Minute), cmp.Compare(a.Counter, b.Counter), cmp.Compare(a.Route, b.Route), cmp.Compare(a.Label, b.Label), cmp.Compare(a.Bucket, b.Bucket))
	})
	return out
}
