package sqlite

import (
	"context"
	"database/sql"
	"math/bits"

	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/wire"
)

// snapshot is what a reader sees: partitions, oldest first, as they were when it began.
type snapshot struct {
	parts []*reading
	seq   uint64
	over  map[caseKey]uint64
	cells *outbox // committed, but not in a partition yet
}

// reading is a partition under a reader. For the current one its transaction holds the moment.
type reading struct {
	*partition
	info
	current bool
	files   *files
	handle  *handle
	conn    *sql.Conn
	db      querier // set when the partition is open
	snap    *snapshot
	left    int // segments that a search has still to look at

	pages map[termPage]map[int64]*bitset // places of terms that were read
	spans map[span]*spanTerms
}

// read opens the partitions of a kind that may hold rows from from to until.
func (s *Store) read(ctx context.Context, k kind, from, until wire.Time) (*snapshot, error) {
	if err := ctx.Err(); err != nil && k != cases { // searches answer a deadline themselves
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, store.ErrClosed
	}
	snap := &snapshot{seq: s.seq.Load(), over: s.replaced, cells: s.unapplied}
	for i, p := range s.parts[k] {
		current := i == len(s.parts[k])-1
		if !current && !p.touches(from, until) {
			continue
		}
		r := &reading{partition: p, info: p.info, current: current, files: &s.files, snap: snap}
		snap.parts = append(snap.parts, r)
		if current {
			if err := r.hold(k); err != nil {
				snap.close()
				return nil, err
			}
		}
	}
	return snap, nil
}

// hold begins a transaction: a deferred one sees the moment of its first read.
func (r *reading) hold(k kind) error {
	h, err := r.files.acquire(r.partition, r.info.sealed)
	if err != nil {
		return err
	}
	r.handle = h
	if r.conn, err = h.Conn(bg); err != nil {
		return err
	}
	r.db = r.conn
	if _, err := r.conn.ExecContext(bg, "begin"); err != nil {
		return err
	}
	var n int
	return r.conn.QueryRowContext(bg, "select count(*) from (select 1 from "+firstTable[k]+" limit 1)").Scan(&n)
}

var firstTable = [kinds]string{messages: "block", cases: "meta", rollups: "meta"}

// opened opens the partition when it is not open yet.
func (r *reading) opened() (querier, error) {
	if r.db != nil {
		return r.db, nil
	}
	h, err := r.files.acquire(r.partition, r.info.sealed)
	if err != nil {
		return nil, err
	}
	r.handle, r.db = h, h.DB
	return r.db, nil
}

func (r *reading) close() {
	if r.conn != nil {
		_, _ = r.conn.ExecContext(bg, "rollback") // there may be nothing to roll back
		r.conn.Close()
	}
	if r.handle != nil {
		r.files.release(r.handle)
	}
	r.conn, r.handle, r.db = nil, nil, nil
}

func (s *snapshot) close() {
	for _, r := range s.parts {
		r.close()
	}
}

// each calls do for every partition that may hold rows from from to until, oldest first.
func (s *Store) each(ctx context.Context, k kind, from, until wire.Time, do func(snap *snapshot, db querier) error) error {
	snap, err := s.read(ctx, k, from, until)
	if err != nil {
		return err
	}
	defer snap.close()
	return s.eachOf(ctx, snap, do)
}

func (s *Store) eachOf(ctx context.Context, snap *snapshot, do func(snap *snapshot, db querier) error) error {
	for _, r := range snap.parts {
		if err := ctx.Err(); err != nil {
			return err
		}
		db, err := r.opened()
		if err == nil {
			err = do(snap, db)
		}
		if err != nil && !r.dropped.Load() {
			return s.about(r.partition, err)
		}
		r.close()
	}
	return nil
}

// caseKey names a case.
type caseKey struct {
	id    string
	began wire.Time
}

// isReplaced says whether a later partition has a newer revision of the case.
func (r *reading) isReplaced(c *record.Case) bool {
	if len(r.snap.over) == 0 {
		return false
	}
	by, ok := r.snap.over[caseKey{c.ID, c.Began}]
	return ok && by > r.first
}

// bitset has a bit for each row of a segment.
type bitset [segmentRows / 64]uint64

var everyRow = func() (b bitset) {
	for i := range b {
		b[i] = ^uint64(0)
	}
	return b
}()

func (b *bitset) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b *bitset) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

func (b *bitset) count() (n int) {
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

func (b *bitset) or(o *bitset) {
	for i := range b {
		b[i] |= o[i]
	}
}

func (b *bitset) and(o *bitset) {
	for i := range b {
		b[i] &= o[i]
	}
}
