package storetest

import (
	"context"
	"errors"
	"reflect"
	"time"

	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/wire"
)

func emptyStore(w *world) {
	w.same("search", []record.Case(nil), w.all(store.Search{}))
	w.same("replay", []record.Message(nil), w.replayed(0, 0))
	w.same("rollup", []record.Cell(nil), w.sums(store.Rollup{ByLabel: true}))
	if _, err := w.Case(w.Context(), "a@example.com"); !errors.Is(err, store.ErrNotFound) {
		w.Errorf("case: %v", err)
	}
	list, err := w.Messages(w.Context(), []uint64{1}, 0, 0)
	if err != nil || len(list) != 0 {
		w.Errorf("messages: %v, %v", list, err)
	}
	s, err := w.Stats(w.Context())
	if err != nil || s.Messages != 0 || s.Cases != 0 || s.Open != 0 || s.LastSeq != 0 || s.Oldest != 0 || s.Newest != 0 || s.LastMessage != 0 {
		w.Errorf("stats: %+v, %v", s, err)
	}
	w.write(&store.Batch{})
	w.finds(store.Search{})
}

// fullCase has something in every field.
func fullCase(w *world) record.Case {
	return full(w, func() record.Case { return w.gen.Case(Start + 1) })
}

func fullMessage(w *world) record.Message {
	return full(w, func() record.Message { return w.gen.Message(m1, Start+1) })
}

// full takes for each field that is empty what another one has there.
func full[T any](w *world, next func() T) T {
	c := next()
	v := reflect.ValueOf(&c).Elem()
	for range 200 {
		other := reflect.ValueOf(next())
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				v.Field(i).Set(other.Field(i))
			}
		}
	}
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			w.Fatalf("the generator leaves %s of %T empty", v.Type().Field(i).Name, c)
		}
	}
	return c
}

// wholeRecords: each field of each record comes back as it was.
func wholeRecords(w *world) {
	full, bare := fullCase(w), record.Case{ID: "bare@example.com", Began: Start}
	m, empty := fullMessage(w), record.Message{Key: m1 + 1, Time: Start}
	gap := w.gen.Gap(Start)
	w.write(&store.Batch{Cases: []record.Case{full, bare}, Messages: []record.Message{m, empty}, Gaps: []record.Gap{gap}})
	for _, c := range []record.Case{full, bare} {
		got, err := w.Case(w.Context(), c.ID)
		if err != nil {
			w.Fatal(err)
		}
		w.same("case", c, got)
	}
	w.finds(store.Search{})
	got, err := w.Messages(w.Context(), []uint64{m.Key, m1 + 1}, 0, 0)
	if err != nil {
		w.Fatal(err)
	}
	w.same("messages", []record.Message{empty, m}, got)
	w.same("replay", []record.Message{m, empty}, w.replayed(0, 0))
	gaps, err := w.Gaps(w.Context(), 0, 0, 10)
	if err != nil {
		w.Fatal(err)
	}
	w.same("gaps", []record.Gap{gap}, gaps)
}

// m1 is a key with the highest bit set, as half of all hashes have.
const m1 = 0xf000000000000001

// memoryIsOwned: what was written may be used again, what was returned may be changed.
func memoryIsOwned(w *world) {
	c, m := fullCase(w), fullMessage(w)
	b := &store.Batch{Cases: []record.Case{c}, Messages: []record.Message{m}}
	scratch := &store.Batch{Cases: []record.Case{c}, Messages: []record.Message{m}}
	scratch.Cases[0].Doc, scratch.Messages[0].Data = append([]byte(nil), c.Doc...), append([]byte(nil), m.Data...)
	scratch.Cases[0].CallIDs = append([]string(nil), c.CallIDs...)
	w.write(scratch)
	w.cases[caseKey{c.ID, c.Began}], w.messages = b.Cases[0], b.Messages
	clear(scratch.Cases[0].Doc)
	clear(scratch.Cases[0].CallIDs)
	clear(scratch.Messages[0].Data)
	for range 2 {
		list := w.all(store.Search{})
		w.same("cases", b.Cases, list)
		clear(list[0].Doc)
		clear(list[0].CallIDs)
		*list[0].Ring++
		got, err := w.Messages(w.Context(), []uint64{m.Key}, 0, 0)
		if err != nil {
			w.Fatal(err)
		}
		w.same("messages", b.Messages, got)
		clear(got[0].Data)
	}
}

// replayOfBatches: the same number, or a lower one, is passed over.
func replayOfBatches(w *world) {
	first, second := w.gen.Batch(5, Start, 3), w.gen.Batch(7, Start, 3)
	for _, b := range []*store.Batch{first, second, first, second, {Seq: 6, At: Start, Cases: []record.Case{w.gen.Case(Start)}}} {
		if err := w.Write(w.Context(), b); err != nil {
			w.Fatalf("batch %d: %v", b.Seq, err)
		}
		s, err := w.Stats(w.Context())
		if err != nil || s.LastSeq < b.Seq {
			w.Errorf("after batch %d: last is %d, %v", b.Seq, s.LastSeq, err)
		}
	}
	w.seq = 7
	for _, b := range []*store.Batch{first, second} {
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
	w.finds(store.Search{})
	w.same("messages", w.messages, w.replayed(0, 0))
	q := store.Rollup{ByLabel: true, ByRoute: true, Step: time.Minute}
	w.same("sums", w.wantSums(q), w.sums(q))
	gaps, err := w.Gaps(w.Context(), 0, 0, 10)
	if err != nil || len(gaps) != 2 {
		w.Errorf("%d gaps, %v", len(gaps), err)
	}
}

// cancelledWrite: an error leaves the store as it was, and the same batch may be written again.
func cancelledWrite(w *world) {
	w.write(w.gen.Batch(0, Start, 5))
	ended, cancel := context.WithCancel(w.Context())
	cancel()
	b := w.gen.Batch(w.seq+1, Start, 50)
	if err := w.Write(ended, b); !errors.Is(err, context.Canceled) {
		w.Errorf("write with an ended context: %v", err)
	}
	w.unchanged()
	// Deadlines of any length: either all of it is there, or nothing.
	for patience := 10 * time.Microsecond; ; patience *= 2 {
		ctx, cancel := context.WithTimeout(w.Context(), patience)
		err := w.Write(ctx, b)
		cancel()
		if err == nil {
			break
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			w.Fatalf("write with a deadline: %v", err)
		}
		w.unchanged()
	}
	w.write(b) // again: passed over, but noted
	w.unchanged()
}

// unchanged: the store has what the world noted, neither more nor less.
func (w *world) unchanged() {
	w.Helper()
	w.finds(store.Search{})
	w.same("messages", w.messages, w.replayed(0, 0))
	q := store.Rollup{ByLabel: true}
	w.same("sums", w.wantSums(q), w.sums(q))
}

// revisions: the later one counts, in whatever batch it comes, and no search finds what the earlier one said.
func revisions(w *world) {
	c := record.Case{ID: "a@example.com", Began: Start, Revision: 1, CallIDs: []string{"a@example.com"}, Cause: "callee.busy", UAs: []string{"phone 1"}, Code: 486}
	final := c
	final.Revision, final.Final, final.Cause, final.UAs, final.Code, final.CallIDs = 2, true, "server.capacity", nil, 503, []string{"a@example.com", "b@example.com"}
	other := c
	other.Began, other.Code = Start+1, 404
	w.writeCases(c)
	w.finds(store.Search{Where: w.parse("cause = callee.busy")})
	w.writeCases(final)
	for _, filter := range []string{"cause = callee.busy", "cause = server.capacity", `ua = "phone 1"`, "exists ua", "code = 486", "code = 503", "callid = b@*"} {
		w.finds(store.Search{Where: w.parse(filter)})
	}
	w.finds(store.Search{Open: true})
	if got := w.all(store.Search{}); len(got) != 1 {
		w.Errorf("%d cases, want 1", len(got))
	}
	// The same ID with another begin is another case.
	w.writeCases(other)
	if got := w.all(store.Search{}); len(got) != 2 {
		w.Errorf("%d cases, want 2", len(got))
	}
	w.finds(store.Search{})
	// Two revisions in one batch.
	x := w.gen.Case(Start + 2)
	w.writeCases(x, w.gen.Revise(x, false), w.gen.Revise(w.gen.Revise(x, false), true))
	w.finds(store.Search{})
	s, err := w.Stats(w.Context())
	if err != nil || s.Cases != 3 || s.Open != 1 {
		w.Errorf("stats %+v, %v", s, err)
	}
}

// revisionsAcrossDays: a case that is decided in another partition than it began in stays one.
func revisionsAcrossDays(w *world) {
	began := Start - wire.Time(time.Second)
	c := w.gen.Case(began)
	c.Final, c.Cause = false, "callee.busy"
	w.write(&store.Batch{At: began, Cases: []record.Case{c}, Messages: []record.Message{w.gen.Message(c.Keys[0], began)}})
	r := w.gen.Revise(c, true)
	r.Cause = "server.capacity"
	w.write(&store.Batch{At: Start + 1, Cases: []record.Case{r}, Messages: []record.Message{w.gen.Message(c.Keys[0], Start+1)}})
	third := w.gen.Case(Start.Add(48 * time.Hour))
	w.writeCases(third)
	for _, filter := range []string{"cause = callee.busy", "cause = server.capacity", "exists id"} {
		w.finds(store.Search{Where: w.parse(filter)})
		w.finds(store.Search{Where: w.parse(filter), Open: true})
		w.finds(store.Search{Where: w.parse(filter), Limit: 1})
		w.finds(store.Search{Where: w.parse(filter), Until: Start})
	}
	got, err := w.Case(w.Context(), c.ID)
	if err != nil {
		w.Fatal(err)
	}
	w.same("case", r, got)
	list, err := w.Messages(w.Context(), c.Keys, 0, 0)
	if err != nil {
		w.Fatal(err)
	}
	w.same("messages", w.messages, list)
	s, err := w.Stats(w.Context())
	if err != nil || s.Cases != 2 {
		w.Errorf("stats %+v, %v", s, err)
	}
}
