package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/wire"
)

// cellKey names a row of the roll-ups: all buckets of a counter in a minute. Words are numbers of the file.
type cellKey struct{ counter, route, minute, label int64 }

// sums are the rows that were written last, as they are in the file.
type sums struct {
	words map[string]int64
	cells map[cellKey]map[int16]int64
}

// maxSums is how many rows are kept: those of the last minutes. What is more is read again.
const maxSums = 50_000

func (s *sums) forget() { s.words, s.cells = nil, nil }

const minute = int64(time.Minute)

// apply adds the cells that wait to their partition.
func (s *Store) apply() error {
	o := s.unapplied
	if o == nil {
		return nil
	}
	w, err := s.current(rollups, o.at)
	if err != nil {
		return err
	}
	if s.sums.cells == nil || len(s.sums.cells) > maxSums {
		s.sums = sums{map[string]int64{}, map[cellKey]map[int16]int64{}}
	}
	var added uint64
	lo, hi := o.cells[0].Minute, o.cells[0].Minute
	for i := range o.cells {
		lo, hi = min(lo, o.cells[i].Minute), max(hi, o.cells[i].Minute)
	}
	next := s.last(rollups).info
	err = w.txThen(func() error {
		if added, err = s.addCells(w, o.cells); err != nil {
			return err
		}
		next.at(o.at)
		next.hold(added, wire.Time(lo*minute), wire.Time(hi*minute))
		next.bmin, next.bmax = min(next.bmin, wire.Time(lo*minute)), max(next.bmax, wire.Time(hi*minute))
		next.seq = o.seq
		return w.exec("insert or replace into meta values('seq', ?), ('rows', ?), ('tmin', ?), ('tmax', ?), ('bmin', ?), ('bmax', ?)",
			int64(next.seq), int64(next.rows), int64(next.tmin), int64(next.tmax), int64(next.bmin), int64(next.bmax))
	}, func(commit func() error) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if err := commit(); err != nil {
			return err
		}
		next.bytes = w.bytes()
		s.last(rollups).info = next
		s.unapplied = nil
		return nil
	})
	if err != nil {
		s.sums.forget()
		return s.about(s.last(rollups), err)
	}
	return nil
}

// addCells sums cells into their rows, and says how many rows are new.
func (s *Store) addCells(w *writer, cells []record.Cell) (added uint64, err error) {
	changed := map[cellKey]bool{}
	for i := range cells {
		c := &cells[i]
		k := cellKey{minute: c.Minute}
		for _, f := range [...]struct {
			word string
			into *int64
		}{{c.Counter, &k.counter}, {c.Route, &k.route}, {c.Label, &k.label}} {
			if *f.into, err = s.word(w, f.word); err != nil {
				return 0, err
			}
		}
		row := s.sums.cells[k]
		if row == nil {
			var raw []byte
			found, err := w.row("select sums from cell where counter = ? and route = ? and minute = ? and label = ?", []any{k.counter, k.route, k.minute, k.label}, []any{&raw})
			if err != nil {
				return 0, err
			}
			row = map[int16]int64{}
			if !found {
				added++
			}
			if err := eachSum(raw, func(bucket int16, n int64) { row[bucket] = n }); err != nil {
				return 0, err
			}
			s.sums.cells[k] = row
		}
		row[c.Bucket] += c.N
		changed[k] = true
	}
	keys := slices.SortedFunc(maps.Keys(changed), func(a, b cellKey) int {
		return cmp.Or(cmp.Compare(a.counter, b.counter), cmp.Compare(a.route, b.route), cmp.Compare(a.minute, b.minute), cmp.Compare(a.label, b.label))
	})
	var raw []byte
	for _, k := range keys {
		raw = appendSums(raw[:0], s.sums.cells[k])
		if err := w.exec("insert or replace into cell values(?, ?, ?, ?, ?)", k.counter, k.route, k.minute, k.label, raw); err != nil {
			return 0, err
		}
	}
	return added, nil
}

// word returns the number of a text.
func (s *Store) word(w *writer, text string) (id int64, err error) {
	if id, ok := s.sums.words[text]; ok {
		return id, nil
	}
	if err := w.exec("insert or ignore into word(text) values(?)", text); err != nil {
		return 0, err
	}
	if _, err := w.row("select id from word where text = ?", []any{text}, []any{&id}); err != nil {
		return 0, err
	}
	s.sums.words[text] = id
	return id, nil
}

// appendSums writes the buckets of a row, in ascending order; those of 0 are left out.
func appendSums(b []byte, row map[int16]int64) []byte {
	last := int64(record.NoBucket)
	for _, bucket := range slices.Sorted(maps.Keys(row)) {
		if n := row[bucket]; n != 0 {
			b = binary.AppendVarint(b, int64(bucket)-last)
			b = binary.AppendVarint(b, n)
			last = int64(bucket)
		}
	}
	return b
}

func eachSum(raw []byte, each func(bucket int16, n int64)) error {
	bucket := int64(record.NoBucket)
	for len(raw) > 0 {
		d, i := binary.Varint(raw)
		if i <= 0 {
			return fmt.Errorf("%w: sums", errDamaged)
		}
		n, j := binary.Varint(raw[i:])
		if j <= 0 {
			return fmt.Errorf("%w: sums", errDamaged)
		}
		bucket += d
		each(int16(bucket), n)
		raw = raw[i+j:]
	}
	return nil
}

func appendCells(b []byte, cells []record.Cell) []byte {
	var w record.Writer
	w.Reset(b)
	w.Uint(uint64(len(cells)))
	for i := range cells {
		w.Cell(&cells[i])
	}
	return w.B
}

func decodeCells(raw []byte) ([]record.Cell, error) {
	r := record.NewReader(raw)
	cells := make([]record.Cell, r.Count(record.LeastCell))
	for i := range cells {
		cells[i] = r.Cell()
	}
	if r.Err() != nil || r.Left() > 0 {
		return nil, fmt.Errorf("%w: cells", errDamaged)
	}
	return cells, nil
}

// sum is one that a question asks for; its words are numbers of the question.
type sum struct {
	counter, route, label uint32
	bucket                int16
	n                     int64
}

// step is the sums of one step of time.
type step struct {
	list   []sum
	sorted int // of those, none twice and in order
}

// summing is a question on its way.
type summing struct {
	q                 store.Rollup
	from, until, step int64 // minutes; until is exclusive, 0 open
	steps             map[int64]*step
	words             []string
	known             map[string]uint32
}

// Rollup implements store.Store.
func (s *Store) Rollup(ctx context.Context, q store.Rollup, visit func(*record.Cell) error) error {
	x := &summing{q: q, from: int64(q.From) / minute, until: int64(q.Until) / minute, step: int64(q.Step / time.Minute), steps: map[int64]*step{}, known: map[string]uint32{}}
	until := wire.Time(0)
	if x.until != 0 {
		until = wire.Time(x.until*minute - 1)
	}
	snap, err := s.read(ctx, rollups, wire.Time(x.from*minute), until)
	if err != nil {
		return err
	}
	defer snap.close()
	if snap.cells != nil {
		x.waiting(snap.cells.cells)
	}
	err = s.eachOf(ctx, snap, func(_ *snapshot, db querier) error { return x.partition(ctx, db) })
	if err != nil {
		return err
	}
	for i, at := range slices.Sorted(maps.Keys(x.steps)) {
		if i&63 == 63 && ctx.Err() != nil {
			return ctx.Err()
		}
		st := x.steps[at]
		x.merge(st)
		for _, k := range st.list {
			if k.n == 0 {
				continue
			}
			if err := visit(&record.Cell{Minute: at, Counter: x.words[k.counter], Route: x.words[k.route], Label: x.words[k.label], Bucket: k.bucket, N: k.n}); err != nil {
				return err
			}
		}
	}
	return nil
}

// merge puts the sums of a step in order, and adds up what is the same.
func (x *summing) merge(st *step) {
	text := func(a, b uint32) int {
		if a == b {
			return 0
		}
		return cmp.Compare(x.words[a], x.words[b])
	}
	slices.SortFunc(st.list, func(a, b sum) int {
		return cmp.Or(text(a.counter, b.counter), text(a.route, b.route), text(a.label, b.label), cmp.Compare(a.bucket, b.bucket))
	})
	out := st.list[:0]
	for _, k := range st.list {
		if last := len(out) - 1; last >= 0 && out[last].counter == k.counter && out[last].route == k.route && out[last].label == k.label && out[last].bucket == k.bucket {
			out[last].n += k.n
		} else {
			out = append(out, k)
		}
	}
	st.list, st.sorted = out, len(out)
}

// word returns the question's number of a text.
func (x *summing) word(text string) uint32 {
	i, ok := x.known[text]
	if !ok {
		i = uint32(len(x.words))
		x.words = append(x.words, text)
		x.known[text] = i
	}
	return i
}

// waiting adds the cells of a batch whose partition does not have them yet.
func (x *summing) waiting(cells []record.Cell) {
	for i := range cells {
		c := &cells[i]
		if c.Minute >= x.from && (x.until == 0 || c.Minute < x.until) && (len(x.q.Counters) == 0 || slices.Contains(x.q.Counters, c.Counter)) && x.wants(c.Route) {
			x.add(c.Minute, x.word(c.Counter), x.word(c.Route), x.word(c.Label), c.Bucket, c.N)
		}
	}
}

// wants says whether the route's cells are asked for.
func (x *summing) wants(route string) bool {
	if x.q.Routes != nil {
		return slices.Contains(x.q.Routes, route)
	}
	return (route != "") == x.q.ByRoute
}

// minMerge is how many sums of a step are kept as they come before they are merged.
const minMerge = 4096

func (x *summing) add(at int64, counter, route, label uint32, bucket int16, n int64) {
	if x.step == 0 {
		at = x.from
	} else {
		at -= (at - x.from) % x.step
	}
	if !x.q.ByRoute {
		route = x.word("")
	}
	if !x.q.ByLabel {
		label = x.word("")
	}
	st := x.steps[at]
	if st == nil {
		st = &step{}
		x.steps[at] = st
	}
	st.list = append(st.list, sum{counter, route, label, bucket, n})
	if len(st.list) > minMerge+2*st.sorted {
		x.merge(st)
	}
}

// partition adds what one file has.
func (x *summing) partition(ctx context.Context, db querier) error {
	words, err := x.wordsOf(db)
	if err != nil {
		return err
	}
	var counters []int64
	if len(x.q.Counters) == 0 {
		if counters, err = firsts(db, "select counter from cell where counter > ? order by counter limit 1", -1); err != nil {
			return err
		}
	}
	for id, word := range words {
		if slices.Contains(x.q.Counters, x.words[word]) {
			counters = append(counters, id)
		}
	}
	for _, counter := range counters {
		routes, err := firsts(db, fmt.Sprintf("select route from cell where counter = %d and route > ? order by route limit 1", counter), -1)
		if err != nil {
			return err
		}
		for _, route := range routes {
			if err := ctx.Err(); err != nil {
				return err
			}
			if x.wants(x.words[words[route]]) {
				if err := x.rows(db, words, counter, route); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// rows adds the minutes of one counter and route.
func (x *summing) rows(db querier, words map[int64]uint32, counter, route int64) error {
	q, args := "select minute, label, sums from cell where counter = ? and route = ? and minute >= ?", []any{counter, route, x.from}
	if x.until != 0 {
		q, args = q+" and minute < ?", append(args, x.until)
	}
	rows, err := db.QueryContext(bg, q, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var at, label int64
		var raw sql.RawBytes
		if err := rows.Scan(&at, &label, &raw); err != nil {
			return err
		}
		if err := eachSum(raw, func(bucket int16, n int64) { x.add(at, words[counter], words[route], words[label], bucket, n) }); err != nil {
			return err
		}
	}
	return rows.Err()
}

// wordsOf returns the question's numbers of a file's words.
func (x *summing) wordsOf(db querier) (map[int64]uint32, error) {
	rows, err := db.QueryContext(bg, "select id, text from word")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	m := map[int64]uint32{}
	for rows.Next() {
		var id int64
		var text string
		if err := rows.Scan(&id, &text); err != nil {
			return nil, err
		}
		m[id] = x.word(text)
	}
	return m, rows.Err()
}

// firsts lists the different values of a leading column, by looking for the next one each time.
func firsts(db querier, q string, last int64) (list []int64, err error) {
	for {
		err := db.QueryRowContext(bg, q, last).Scan(&last)
		if errors.Is(err, sql.ErrNoRows) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		list = append(list, last)
	}
}
