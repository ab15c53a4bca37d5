// Package memory is a store.Store that ends with the program. Its one rule: it is the plainest that answers right;
// the others are compared with it.
package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/wire"
)

// Store keeps everything in memory, up to a bound. It is safe for several goroutines.
type Store struct {
	limit int64

	mu       sync.RWMutex
	closed   bool
	seq      uint64
	messages []message      // in the order in which they were written
	cases    []*record.Case // newest first, as Search gives them; what they point to never changes
	cells    map[record.Cell]int64
	gaps     []record.Gap
	docs     map[string][]byte
	notes    []record.Annotation
	lastNote uint64

	messageBytes, caseBytes int64
}

// message is a message with the time that decides how long it is kept.
type message struct {
	record.Message
	at wire.Time
}

// New returns an empty store that holds about limit bytes; beyond them the oldest go.
func New(limit int64) *Store {
	return &Store{limit: limit, cells: map[record.Cell]int64{}, docs: map[string][]byte{}}
}

// Sizes of what a record takes besides its texts, roughly.
const (
	messageSize = 160
	caseSize    = 900
	cellSize    = 120
	gapSize     = 250
)

func sizeOf(m *record.Message) int64 { return messageSize + int64(len(m.Data)) }

func sizeOfCase(c *record.Case) int64 {
	n := caseSize + len(c.ID) + len(c.From) + len(c.To) + len(c.Target) + len(c.Reason) + len(c.Doc) + 8*len(c.Keys) + 64*len(c.Src) + cellSize*len(c.Counted)
	for _, list := range [][]string{c.CallIDs, c.Numbers, c.Findings, c.Servers, c.UAs, c.Methods, c.Transports, c.Realms, c.RoutesOut} {
		for _, s := range list {
			n += 16 + len(s)
		}
	}
	return int64(n)
}

func (s *Store) cellBytes() int64 { return cellSize * int64(len(s.cells)) }

func (s *Store) gapBytes() int64 { return gapSize * int64(len(s.gaps)) }

func (s *Store) bytes() int64 { return s.messageBytes + s.caseBytes + s.cellBytes() + s.gapBytes() }

// reading locks against writers; the caller calls unlock.
func (s *Store) reading(ctx context.Context) (unlock func(), err error) {
	s.mu.RLock()
	return s.mu.RUnlock, s.usable(ctx)
}

// changing locks against everybody; the caller calls unlock.
func (s *Store) changing(ctx context.Context) (unlock func(), err error) {
	s.mu.Lock()
	return s.mu.Unlock, s.usable(ctx)
}

func (s *Store) usable(ctx context.Context) error {
	if s.closed {
		return store.ErrClosed
	}
	return ctx.Err()
}

// Write adds a batch (store.Store).
func (s *Store) Write(ctx context.Context, b *store.Batch) error {
	unlock, err := s.changing(ctx)
	defer unlock()
	if err != nil {
		return err
	}
	if b.Seq <= s.seq {
		return nil
	}
	s.seq = b.Seq
	for i := range b.Messages {
		m := b.Messages[i]
		m.Data = slices.Clone(m.Data)
		s.messages = append(s.messages, message{m, b.At})
		s.messageBytes += sizeOf(&m)
	}
	for i := range b.Cases {
		s.keep(clone(&b.Cases[i]))
	}
	for _, c := range b.Cells {
		n := c.N
		c.N = 0
		if s.cells[c] += n; s.cells[c] == 0 {
			delete(s.cells, c)
		}
	}
	s.gaps = append(s.gaps, b.Gaps...)
	slices.SortStableFunc(s.gaps, func(a, b record.Gap) int { return cmp.Compare(a.From, b.From) })
	s.shrink(s.limit)
	return nil
}

// keep puts a revision in its place.
func (s *Store) keep(c *record.Case) {
	i, found := slices.BinarySearchFunc(s.cases, position{c.Began, c.ID}, compare)
	s.caseBytes += sizeOfCase(c)
	if found {
		s.caseBytes -= sizeOfCase(s.cases[i])
		s.cases[i] = c
		return
	}
	s.cases = slices.Insert(s.cases, i, c)
}

// compare is the order of searches: newest first, of equal begin by ID, descending.
func compare(c *record.Case, p position) int {
	return cmp.Or(cmp.Compare(p.began, c.Began), cmp.Compare(p.id, c.ID))
}

// shrink drops the oldest until no more than bound bytes are left: of each kind what is beyond its share of them, and
// no more than has to go. So what is small and lasts long does not push out what is large, nor the other way round.
func (s *Store) shrink(bound int64) {
	over := func(kind, share int64) int64 { return min(s.bytes()-bound, kind-bound/10*share) }
	if n := over(s.cellBytes(), 1); n > 0 {
		cells := sorted(s.cells)
		for _, c := range cells[:min(int64(len(cells)), n/cellSize+1)] {
			c.N = 0
			delete(s.cells, c)
		}
	}
	if n := over(s.gapBytes(), 1); n > 0 {
		s.gaps = slices.Delete(s.gaps, 0, int(min(int64(len(s.gaps)), n/gapSize+1)))
	}
	for over(s.caseBytes, 3) > 0 {
		last := len(s.cases) - 1
		s.caseBytes -= sizeOfCase(s.cases[last])
		s.cases = slices.Delete(s.cases, last, last+1)
	}
	n := 0
	for ; over(s.messageBytes, 5) > 0; n++ {
		s.messageBytes -= sizeOf(&s.messages[n].Message)
	}
	s.messages = slices.Delete(s.messages, 0, n)
}

// Retain drops what is older than the policy says (store.Store). MinFree is not looked at: there is no file system.
func (s *Store) Retain(ctx context.Context, p store.Policy, now time.Time) (store.Freed, error) {
	unlock, err := s.changing(ctx)
	defer unlock()
	if err != nil {
		return store.Freed{}, err
	}
	before := s.bytes()
	oldest := func(age time.Duration) wire.Time { return wire.Time(now.Add(-age).UnixNano()) }
	if p.Messages > 0 {
		s.messages = slices.DeleteFunc(s.messages, func(m message) bool {
			if m.at >= oldest(p.Messages) {
				return false
			}
			s.messageBytes -= sizeOf(&m.Message)
			return true
		})
	}
	if p.Cases > 0 {
		s.cases = slices.DeleteFunc(s.cases, func(c *record.Case) bool {
			if c.Began >= oldest(p.Cases) {
				return false
			}
			s.caseBytes -= sizeOfCase(c)
			return true
		})
	}
	if p.Rollups > 0 {
		for c := range s.cells {
			if c.Minute < int64(oldest(p.Rollups))/int64(time.Minute) {
				delete(s.cells, c)
			}
		}
		s.gaps = slices.DeleteFunc(s.gaps, func(g record.Gap) bool { return max(g.From, g.Until) < oldest(p.Rollups) })
	}
	if p.MaxBytes > 0 {
		s.shrink(p.MaxBytes)
	}
	freed := store.Freed{Bytes: before - s.bytes()}
	if freed.Bytes > 0 {
		freed.Partitions = 1
	}
	return freed, nil
}

// Stats says what there is (store.Store).
func (s *Store) Stats(ctx context.Context) (store.Stats, error) {
	unlock, err := s.reading(ctx)
	defer unlock()
	if err != nil {
		return store.Stats{}, err
	}
	st := store.Stats{
		Messages: uint64(len(s.messages)), Cases: uint64(len(s.cases)), Cells: uint64(len(s.cells)), Bytes: s.bytes(), LastSeq: s.seq, Partitions: 1,
		ByKind: map[string]int64{"messages": s.messageBytes, "cases": s.caseBytes, "rollups": s.cellBytes() + s.gapBytes()},
	}
	for _, c := range s.cases {
		if !c.Final {
			st.Open++
		}
	}
	if len(s.cases) > 0 {
		st.Newest, st.Oldest = s.cases[0].Began, s.cases[len(s.cases)-1].Began
	}
	for i := range s.messages {
		st.LastMessage = max(st.LastMessage, s.messages[i].Time)
	}
	return st, nil
}

// Messages returns what is kept under the keys (store.Store).
func (s *Store) Messages(ctx context.Context, keys []uint64, from, until wire.Time) ([]record.Message, error) {
	unlock, err := s.reading(ctx)
	defer unlock()
	if err != nil {
		return nil, err
	}
	var out []record.Message
	size := 0
	for i := range s.messages {
		if size > store.MaxMessages {
			break
		}
		if m := &s.messages[i].Message; slices.Contains(keys, m.Key) && within(m.Time, from, until) {
			c := *m
			c.Data = slices.Clone(m.Data)
			size += len(c.Data)
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, func(a, b record.Message) int { return cmp.Or(cmp.Compare(a.Time, b.Time), a.Ref.Compare(b.Ref)) })
	return out, nil
}

// within says whether t lies from from to until, both inclusive; 0: open.
func within(t, from, until wire.Time) bool { return t >= from && (until == 0 || t <= until) }

// Replay hands on every message in the order of writing (store.Store).
func (s *Store) Replay(ctx context.Context, from, until wire.Time, visit func(*record.Message) error) error {
	unlock, err := s.reading(ctx)
	list := slices.Clone(s.messages) // visit may use the store
	unlock()
	if err != nil {
		return err
	}
	for i := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		if m := &list[i].Message; within(m.Time, from, until) {
			m.Data = slices.Clone(m.Data)
			if err := visit(m); err != nil {
				return err
			}
		}
	}
	return nil
}

// sorted returns the cells with their counts, in order of (Minute, Counter, Route, Label, Bucket).
func sorted(cells map[record.Cell]int64) []record.Cell {
	out := make([]record.Cell, 0, len(cells))
	for c, n := range cells {
		c.N = n
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b record.Cell) int {
		return cmp.Or(cmp.Compare(a.Minute, b.Minute), cmp.Compare(a.Counter, b.Counter), cmp.Compare(a.Route, b.Route), cmp.Compare(a.Label, b.Label), cmp.Compare(a.Bucket, b.Bucket))
	})
	return out
}

// Rollup hands on sums of cells (store.Store).
func (s *Store) Rollup(ctx context.Context, q store.Rollup, visit func(*record.Cell) error) error {
	sums, err := s.sum(ctx, &q)
	if err != nil {
		return err
	}
	for _, c := range sorted(sums) {
		if c.N == 0 {
			continue
		}
		if err := visit(&c); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) sum(ctx context.Context, q *store.Rollup) (map[record.Cell]int64, error) {
	unlock, err := s.reading(ctx)
	defer unlock()
	if err != nil {
		return nil, err
	}
	const minute = int64(time.Minute)
	from, until, step := int64(q.From)/minute, int64(q.Until)/minute, int64(q.Step)/minute
	sums := map[record.Cell]int64{}
	for c, n := range s.cells {
		if c.Minute < from || until != 0 && c.Minute >= until || !asked(q, &c) {
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
	return sums, nil
}

// asked says whether the cell's counter and route are asked for.
func asked(q *store.Rollup, c *record.Cell) bool {
	if len(q.Counters) > 0 && !slices.Contains(q.Counters, c.Counter) {
		return false
	}
	if len(q.Routes) > 0 {
		return slices.Contains(q.Routes, c.Route)
	}
	return (c.Route != "") == q.ByRoute
}

// Gaps returns those that touch the interval (store.Store).
func (s *Store) Gaps(ctx context.Context, from, until wire.Time, limit int) ([]record.Gap, error) {
	unlock, err := s.reading(ctx)
	defer unlock()
	if err != nil {
		return nil, err
	}
	var out []record.Gap
	for _, g := range s.gaps {
		if len(out) < limit && touches(g.From, g.Until, from, until) {
			out = append(out, g)
		}
	}
	return out, nil
}

// touches says whether what lasts from a to b touches the interval.
func touches(a, b, from, until wire.Time) bool {
	return max(a, b) >= from && (until == 0 || a <= until)
}

// Put keeps a document (store.Store).
func (s *Store) Put(ctx context.Context, name string, doc []byte) error {
	unlock, err := s.changing(ctx)
	defer unlock()
	if err != nil {
		return err
	}
	s.docs[name] = slices.Clone(doc)
	return nil
}

// Get returns a document (store.Store).
func (s *Store) Get(ctx context.Context, name string) ([]byte, error) {
	unlock, err := s.reading(ctx)
	defer unlock()
	if err != nil {
		return nil, err
	}
	kept, ok := s.docs[name]
	if !ok {
		return nil, fmt.Errorf("document %q: %w", name, store.ErrNotFound)
	}
	return slices.Clone(kept), nil
}

// Annotate adds or replaces an annotation (store.Store).
func (s *Store) Annotate(ctx context.Context, a record.Annotation) (uint64, error) {
	unlock, err := s.changing(ctx)
	defer unlock()
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(s.notes, func(n record.Annotation) bool { return n.ID == a.ID })
	switch {
	case a.ID == 0:
		s.lastNote++
		a.ID = s.lastNote
		s.notes = append(s.notes, a)
	case i < 0:
		return 0, fmt.Errorf("annotation %d: %w", a.ID, store.ErrNotFound)
	default:
		s.notes[i] = a
	}
	slices.SortFunc(s.notes, func(a, b record.Annotation) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.ID, b.ID)) })
	return a.ID, nil
}

// Annotations returns those that touch the interval (store.Store).
func (s *Store) Annotations(ctx context.Context, from, until wire.Time) ([]record.Annotation, error) {
	unlock, err := s.reading(ctx)
	defer unlock()
	if err != nil {
		return nil, err
	}
	var out []record.Annotation
	for _, a := range s.notes {
		if touches(a.From, a.Until, from, until) {
			out = append(out, a)
		}
	}
	return out, nil
}

// Close forgets everything (store.Store).
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.messages, s.cases, s.cells, s.gaps, s.docs, s.notes = nil, nil, nil, nil, nil, nil
	return nil
}
