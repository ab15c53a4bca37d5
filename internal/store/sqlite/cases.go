package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/cespare/xxhash/v2"

	"sipcause/internal/record"
	"sipcause/internal/wire"
)

// caseFile is what the writer knows of the current file of cases.
type caseFile struct {
	segment segment
	terms   map[string][]uint16 // of the segment: where each is
	changed map[string]bool     // terms whose places are to be written
	buf     []byte
}

// begin takes a new segment: at the start, and after a transaction that failed.
func (f *caseFile) begin(id int64) {
	f.segment = segment{id: id}
	f.terms, f.changed = map[string][]uint16{}, map[string]bool{}
}

// callHash is what open cases are found by.
func callHash(id string) int64 { return int64(xxhash.Sum64String(id)) }

// bodies are compressed when that is worth it: the first byte says so.
const (
	bodyPlain = 0
	bodyZstd  = 1
	minZstd   = 256 // bytes of a body that may become shorter
)

func (s *Store) encodeCase(c *record.Case) []byte {
	plain := record.AppendCase(append(s.body[:0], bodyPlain), c)
	s.body = plain
	if len(plain) < minZstd {
		return plain
	}
	s.packed = s.codec.enc.EncodeAll(plain[1:], append(s.packed[:0], bodyZstd))
	if len(s.packed) < len(plain) {
		return s.packed
	}
	return plain
}

// plains are buffers of bodies that are read: what is decoded of them owns its memory.
var plains = sync.Pool{New: func() any { return new([]byte) }}

func (s *Store) decodeCase(body []byte, c *record.Case) error {
	if len(body) == 0 {
		return fmt.Errorf("%w: empty case", errDamaged)
	}
	plain := body[1:]
	if body[0] == bodyZstd {
		buf := plains.Get().(*[]byte)
		defer plains.Put(buf)
		var err error
		if plain, err = s.codec.dec.DecodeAll(plain, (*buf)[:0]); err != nil {
			return fmt.Errorf("%w: case: %w", errDamaged, err)
		}
		*buf = plain
	}
	if err := record.DecodeCase(plain, c); err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	return nil
}

// changes is what a batch changes in the file of cases.
type changes struct {
	rows       uint64 // final cases added
	bmin, bmax wire.Time
	gone       uint64 // final cases of the file that were replaced
	opened     uint64 // cases that have no final revision yet
	ended      uint64 // cases that had none
	over       []caseKey
}

// writeCases adds a batch's cases, gaps and cells to the transaction of the file of cases.
func (s *Store) writeCases(ctx context.Context, w *writer, b *batch) (ch changes, err error) {
	for i := range b.Cases {
		if i&63 == 0 && ctx.Err() != nil {
			return ch, ctx.Err()
		}
		c := &b.Cases[i]
		if j := b.newest[caseKey{c.ID, c.Began}]; j != i {
			continue // a later revision is in the same batch
		}
		if err := s.writeCase(w, c, &ch); err != nil {
			return ch, err
		}
	}
	if err := s.writeSegment(w); err != nil {
		return ch, err
	}
	for i := range b.Gaps {
		g := &b.Gaps[i]
		body, err := json.Marshal(g)
		if err != nil {
			return ch, fmt.Errorf("encode gap: %w", err)
		}
		if err := w.exec(`insert into gap(tfrom, tuntil, body) values(?, ?, ?)`, int64(g.From), int64(g.Until), body); err != nil {
			return ch, err
		}
	}
	if len(b.Cells) > 0 {
		if err := w.exec(`insert into outbox(seq, cells) values(?, ?)`, int64(b.Seq), s.codec.enc.EncodeAll(appendCells(nil, b.Cells), nil)); err != nil {
			return ch, err
		}
	}
	// Those before are applied: see Write.
	if err := w.exec(`delete from outbox where seq < ?`, int64(b.Seq)); err != nil {
		return ch, err
	}
	if err := w.exec(`insert or replace into meta values('seq', ?)`, int64(b.Seq)); err != nil {
		return ch, err
	}
	return ch, w.exec(`insert or replace into meta values('tmax', ?)`, int64(max(b.At, s.parts[cases][len(s.parts[cases])-1].tmax)))
}

// writeCase writes one revision, which takes the place of the one before.
func (s *Store) writeCase(w *writer, c *record.Case, ch *changes) error {
	var n int64
	isOpen, err := w.row(`select n from open where id = ? and began = ?`, []any{c.ID, int64(c.Began)}, []any{&n})
	if err != nil {
		return err
	}
	if isOpen {
		if err := w.exec(`delete from open_call where n = ?`, n); err != nil {
			return err
		}
		if c.Final {
			if err := w.exec(`delete from open where n = ?`, n); err != nil {
				return err
			}
			ch.ended++
		}
	} else if err := s.replaceFinal(w, c, ch); err != nil {
		return err
	}
	if !c.Final {
		if !isOpen {
			ch.opened++
		}
		return s.writeOpen(w, c)
	}
	f := &s.file
	if f.segment.n == segmentRows {
		if err := s.writeSegment(w); err != nil {
			return err
		}
		f.begin(f.segment.id + 1)
	}
	place := f.segment.n
	if err := w.exec(`insert into row(n, began, body) values(?, ?, ?)`, f.segment.id*segmentRows+int64(place), int64(c.Began), s.encodeCase(c)); err != nil {
		return err
	}
	if place == 0 {
		f.segment.bmin, f.segment.bmax = c.Began, c.Began
	}
	f.segment.bmin, f.segment.bmax = min(f.segment.bmin, c.Began), max(f.segment.bmax, c.Began)
	f.segment.n++
	if ch.rows == 0 {
		ch.bmin, ch.bmax = c.Began, c.Began
	}
	ch.rows++
	ch.bmin, ch.bmax = min(ch.bmin, c.Began), max(ch.bmax, c.Began)
	f.buf = terms(c, f.buf, func(term []byte) {
		list, known := f.terms[string(term)]
		if known && list[len(list)-1] == uint16(place) {
			return
		}
		t := string(term)
		f.terms[t] = append(list, uint16(place))
		f.changed[t] = true
	})
	return nil
}

func (s *Store) writeOpen(w *writer, c *record.Case) error {
	err := w.exec(`insert into open(id, began, revision, body) values(?, ?, ?, ?) on conflict(id, began) do update set revision = excluded.revision, body = excluded.body`,
		c.ID, int64(c.Began), c.Revision, s.encodeCase(c))
	if err != nil {
		return err
	}
	var n int64
	if _, err := w.row(`select n from open where id = ? and began = ?`, []any{c.ID, int64(c.Began)}, []any{&n}); err != nil {
		return err
	}
	for _, id := range c.CallIDs {
		if err := w.exec(`insert or ignore into open_call(n, hash) values(?, ?)`, n, callHash(id)); err != nil {
			return err
		}
	}
	return nil
}

// writeSegment writes what a transaction added to the segment.
func (s *Store) writeSegment(w *writer) error {
	f := &s.file
	if f.segment.n == 0 {
		return nil
	}
	for _, term := range slices.Sorted(maps.Keys(f.changed)) {
		f.buf = appendPlaces(f.buf[:0], f.terms[term])
		if err := w.exec(`insert or replace into post(term, segment, places) values(?, ?, ?)`, []byte(term), f.segment.id, f.buf); err != nil {
			return err
		}
	}
	clear(f.changed)
	g := &f.segment
	return w.exec(`insert into segment(segment, n, dead, bmin, bmax) values(?, ?, 0, ?, ?)
		on conflict(segment) do update set n = excluded.n, bmin = excluded.bmin, bmax = excluded.bmax`, g.id, g.n, int64(g.bmin), int64(g.bmax))
}

// replaceFinal removes an earlier final revision of a case: from this file, or, by a note, from one before.
func (s *Store) replaceFinal(w *writer, c *record.Case, ch *changes) error {
	list := s.parts[cases]
	current := list[len(list)-1]
	if current.rows+ch.rows > 0 && s.seen.has(c.ID) {
		if err := s.removeRow(w, c, ch); err != nil {
			return err
		}
	}
	s.seen.add(c.ID)
	for _, p := range list[:len(list)-1] {
		if !p.touches(c.Began, c.Began) {
			continue
		}
		found, err := s.holds(p, c)
		if err != nil {
			return err
		}
		if found {
			if err := w.exec(`insert or ignore into replaced(id, began) values(?, ?)`, c.ID, int64(c.Began)); err != nil {
				return err
			}
			ch.over = append(ch.over, caseKey{c.ID, c.Began})
			return nil
		}
	}
	return nil
}

// removeRow removes the row of a case from the current file; what the index says of it stays, and is passed over.
func (s *Store) removeRow(w *writer, c *record.Case, ch *changes) error {
	if err := s.writeSegment(w); err != nil { // so that the index is whole
		return err
	}
	rows, err := s.rowsOfCase(&reading{db: w.conn}, c)
	if err != nil {
		return err
	}
	for _, n := range rows {
		if err := w.exec(`delete from row where n = ?`, n); err != nil {
			return err
		}
		if err := w.exec(`update segment set dead = dead + 1 where segment = ?`, n/segmentRows); err != nil {
			return err
		}
		ch.gone++
	}
	return nil
}

// rowsOfCase finds the final revisions of a case in a partition.
func (s *Store) rowsOfCase(r *reading, c *record.Case) (rows []int64, err error) {
	err = r.rowsWith([]span{idSpan(c.ID)}, func(n int64, began wire.Time, body sql.RawBytes) error {
		if began != c.Began {
			return nil
		}
		var old record.Case
		if err := s.decodeCase(body, &old); err != nil {
			return err
		}
		if old.ID == c.ID {
			rows = append(rows, n)
		}
		return nil
	})
	return rows, err
}

// holds says whether a partition before has a final revision of the case.
func (s *Store) holds(p *partition, c *record.Case) (bool, error) {
	r := &reading{partition: p, info: p.info, files: &s.files}
	defer r.close()
	rows, err := s.rowsOfCase(r, c)
	return len(rows) > 0, s.about(p, err)
}

// bloom is a set that may say yes of what is not in it.
type bloom []uint64

const bloomBits = 1 << 25 // 4 MiB: one in 300 is wrong at a million

func (b bloom) places(id string) (i, j uint64) {
	h := xxhash.Sum64String(lowered(id[:whole(id)]))
	return h % bloomBits, h >> 32 % bloomBits
}

func (b bloom) add(id string) {
	i, j := b.places(id)
	b[i/64] |= 1 << (i % 64)
	b[j/64] |= 1 << (j % 64)
}

func (b bloom) has(id string) bool {
	i, j := b.places(id)
	return b[i/64]&(1<<(i%64)) != 0 && b[j/64]&(1<<(j%64)) != 0
}
