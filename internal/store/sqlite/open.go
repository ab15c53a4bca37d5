package sqlite

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sipcause/internal/wire"
)

// layouts of the kinds. A variable, so that a test can bring a later version into being.
var layouts = [kinds]*layout{messages: &messageLayout, cases: &caseLayout, rollups: &rollupLayout}

// Open opens the store in a folder, which it makes when there is none. After a stop without Close it checks the
// partitions that were being written; one that is damaged is renamed to *.bad and named in Stats.
func Open(dir string, opt Options) (*Store, error) {
	codec, err := newCodec()
	if err != nil {
		return nil, err
	}
	s := &Store{dir: dir, opt: opt, codec: codec, packer: packer{codec: codec}, seen: make(bloom, bloomBits/64), files: files{open: map[*partition]*handle{}}}
	s.file.begin(0)
	if err := s.start(); err != nil {
		s.abandon()
		return nil, s.full(fmt.Errorf("open store: %w", err))
	}
	return s, nil
}

// abandon closes what start opened, as a crash would.
func (s *Store) abandon() {
	s.files.close()
	for _, x := range s.sealing {
		x.w.close()
	}
	for _, w := range s.w {
		if w != nil {
			w.close()
		}
	}
	if s.catalog != nil {
		s.catalog.w.close()
	}
}

func (s *Store) start() error {
	for _, f := range kindFacts {
		if err := os.MkdirAll(filepath.Join(s.dir, f.dir), 0o750); err != nil {
			return err
		}
	}
	var bad string
	var err error
	if s.catalog, bad, err = openCatalog(s.dir, s.opt.Full); err != nil {
		return err
	}
	if bad != "" {
		s.bad = append(s.bad, bad)
	} else if _, err := os.Stat(filepath.Join(s.dir, catalogName+badSuffix)); err == nil {
		s.bad = append(s.bad, catalogName+badSuffix)
	}
	clean, seq, err := s.catalog.start()
	if err != nil {
		return err
	}
	known, err := s.catalog.parts()
	if err != nil {
		return err
	}
	for k := range kinds {
		if err := s.startKind(k, known, clean); err != nil {
			return err
		}
	}
	for key := range known { // their files are gone
		if err := s.catalog.drop(key.kind, key.id); err != nil {
			return err
		}
	}
	if err := s.settle(max(seq, s.lastSeq(cases))); err != nil {
		return err
	}
	return s.trySeal()
}

func (s *Store) lastSeq(k kind) (seq uint64) {
	for _, p := range s.parts[k] {
		seq = max(seq, p.seq)
	}
	return seq
}

// startKind finds the partitions of a kind: the folder says which there are, the catalogue what sealed ones hold.
func (s *Store) startKind(k kind, known map[partKey]info, clean bool) error {
	dir := filepath.Join(s.dir, kindFacts[k].dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	writers := map[*partition]*writer{}
	for _, e := range entries {
		name := filepath.Join(kindFacts[k].dir, e.Name())
		id, isPart := strings.CutSuffix(e.Name(), ".sqlite")
		if strings.HasSuffix(name, badSuffix) {
			s.bad = append(s.bad, name)
		}
		if !isPart {
			continue
		}
		p := &partition{kind: k, id: id, path: filepath.Join(dir, e.Name())}
		i, ok := known[partKey{k, id}]
		delete(known, partKey{k, id})
		if ok && i.sealed {
			p.info = i
			if err := s.viewsOf(p); err != nil {
				return err
			}
			s.parts[k] = append(s.parts[k], p)
			continue
		}
		w, err := s.reopen(p, clean)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if damaged(err) {
			if err := s.putAside(p); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if w != nil {
			writers[p] = w
		}
		s.parts[k] = append(s.parts[k], p)
	}
	slices.SortFunc(s.parts[k], func(a, b *partition) int {
		return cmp.Or(cmp.Compare(a.first, b.first), strings.Compare(a.id, b.id))
	})
	for i, p := range s.parts[k] {
		if w := writers[p]; w != nil && i == len(s.parts[k])-1 {
			s.w[k] = w
		} else if w != nil {
			s.sealing = append(s.sealing, sealing{p, w})
		}
	}
	return nil
}

// putAside renames a partition that is damaged.
func (s *Store) putAside(p *partition) error {
	name, err := setAside(s.dir, p.path)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.bad = append(s.bad, name)
	s.mu.Unlock()
	return s.catalog.drop(p.kind, p.id)
}

// viewsOf notes how a sealed partition is read, when it is of the version before.
func (s *Store) viewsOf(p *partition) error {
	db, err := openFile(p.path, sealed, false, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	version, err := versionOf(db)
	if err == nil {
		p.views, err = layouts[p.kind].reads(version)
	}
	if damaged(err) {
		p.bad.Store(true) // it is put aside at the first write
		return nil
	}
	return s.about(p, err)
}

// reopen opens a partition that was being written. One that was not laid out to the end is removed: fs.ErrNotExist. One
// of the version before is sealed, and the writer nil.
func (s *Store) reopen(p *partition, clean bool) (*writer, error) {
	w, err := newWriter(p.path, s.opt.Full)
	if err != nil {
		return nil, err
	}
	version, err := versionOf(w.conn)
	if err == nil && !clean {
		err = quickCheck(w.conn)
	}
	if err == nil && version == 0 {
		w.close()
		if err := remove(p.path); err != nil {
			return nil, err
		}
		return nil, fs.ErrNotExist
	}
	if err == nil {
		p.views, err = layouts[p.kind].reads(version)
	}
	if err == nil && p.views == nil {
		if p.info, err = readInfo[p.kind](w.conn); err == nil {
			p.bytes = w.bytes()
			return w, nil
		}
	}
	if err == nil {
		err = w.seal()
	}
	if err != nil {
		w.close()
		return nil, err
	}
	return nil, s.readOld(p)
}

// readOld reads what a partition of the version before holds.
func (s *Store) readOld(p *partition) error {
	db, err := openFile(p.path, sealed, false, p.views)
	if err != nil {
		return err
	}
	defer db.Close()
	if p.info, err = readInfo[p.kind](db); err != nil {
		return err
	}
	p.sealed, p.bytes = true, sizeOf(p.path)
	return s.catalog.put(p)
}

// readInfo says how a file is asked what it holds.
var readInfo = [kinds]func(db querier) (info, error){
	messages: func(db querier) (i info, err error) {
		var first, seq, at, until, lo, hi, n sql.NullInt64
		err = db.QueryRowContext(bg, "select min(seq), max(seq), min(at), max(at), min(tmin), max(tmax), sum(n) from block").Scan(&first, &seq, &at, &until, &lo, &hi, &n)
		i = info{tmin: wire.Time(at.Int64), tmax: wire.Time(until.Int64), bmin: wire.Time(lo.Int64), bmax: wire.Time(hi.Int64), rows: uint64(n.Int64), first: uint64(first.Int64), seq: uint64(seq.Int64)}
		return i, err
	},
	cases: func(db querier) (i info, err error) {
		if i, err = metaInfo(db); err != nil {
			return i, err
		}
		var lo, hi, n sql.NullInt64
		if err = db.QueryRowContext(bg, "select min(bmin), max(bmax), sum(n - dead) from segment").Scan(&lo, &hi, &n); err != nil {
			return i, err
		}
		i.bmin, i.bmax, i.rows = wire.Time(lo.Int64), wire.Time(hi.Int64), uint64(n.Int64)
		return i, db.QueryRowContext(bg, "select count(*) from replaced").Scan(&i.replaced)
	},
	rollups: metaInfo,
}

// metaInfo reads what a file says of itself.
func metaInfo(db querier) (i info, err error) {
	var first, seq, rows int64
	for _, f := range []struct {
		name string
		into *int64
	}{{"first", &first}, {"seq", &seq}, {"rows", &rows}, {"tmin", (*int64)(&i.tmin)}, {"tmax", (*int64)(&i.tmax)}, {"bmin", (*int64)(&i.bmin)}, {"bmax", (*int64)(&i.bmax)}} {
		if *f.into, err = number(db, f.name); err != nil {
			return i, err
		}
	}
	i.first, i.seq, i.rows = uint64(first), uint64(seq), uint64(rows)
	return i, nil
}

// settle puts the kinds together: what was written by half is undone or done to the end.
func (s *Store) settle(seq uint64) error {
	if len(s.parts[cases]) == 0 { // gone, or damaged: what there is of others is all that is known
		seq = max(seq, s.lastSeq(messages), s.lastSeq(rollups))
	}
	s.seq.Store(seq)
	if p, w := s.lastOf(messages), s.w[messages]; w != nil && p.seq > seq {
		s.leftover = true
		if err := s.takeBack(w); err != nil {
			return fmt.Errorf("take back messages: %w", err)
		}
		s.leftover = false
		i, err := readInfo[messages](w.conn)
		if err != nil {
			return err
		}
		i.bytes = w.bytes()
		p.info = i
	}
	s.replaced = map[caseKey]uint64{}
	for _, p := range s.parts[cases] {
		if p.replaced > 0 {
			if err := s.loadReplaced(p); err != nil {
				return err
			}
		}
	}
	if p := s.lastOf(cases); p != nil && s.w[cases] == nil {
		if _, err := s.roll(cases, p.tmax); err != nil {
			return err
		}
	}
	for _, x := range s.sealing {
		if x.p.kind != cases {
			continue
		}
		// The program stopped while it went over to the next partition.
		if err := copyOpen(x.w.conn, s.w[cases]); err != nil {
			return err
		}
		if err := x.w.tx(func() error { return dropOpen(x.w) }); err != nil {
			return err
		}
	}
	if w := s.w[cases]; w != nil {
		if err := s.loadCases(w); err != nil {
			return err
		}
	}
	return s.apply()
}

// lastOf is last, or nil.
func (s *Store) lastOf(k kind) *partition {
	if len(s.parts[k]) == 0 {
		return nil
	}
	return s.last(k)
}

func (s *Store) loadReplaced(p *partition) error {
	h, err := s.files.acquire(p, p.sealed)
	if err != nil {
		return err
	}
	defer s.files.release(h)
	rows, err := h.QueryContext(bg, "select id, began from replaced")
	if err != nil {
		return s.about(p, err)
	}
	defer rows.Close()
	for rows.Next() {
		var k caseKey
		if err := rows.Scan(&k.id, &k.began); err != nil {
			return err
		}
		s.replaced[k] = max(s.replaced[k], p.first)
	}
	return rows.Err()
}

// loadCases reads what the writer has to know of its file.
func (s *Store) loadCases(w *writer) error {
	var last sql.NullInt64
	if err := w.conn.QueryRowContext(bg, "select max(segment) from segment").Scan(&last); err != nil {
		return err
	}
	if last.Valid {
		s.file.begin(last.Int64 + 1)
	}
	lo, hi := field(tagID).bounds()
	rows, err := w.conn.QueryContext(bg, "select term from post where term >= ? and term < ?", lo, hi)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var term sql.RawBytes
		if err := rows.Scan(&term); err != nil {
			return err
		}
		id := string(term[1:])
		s.seen.add(id[:whole(id)])
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if err := w.conn.QueryRowContext(bg, "select count(*) from open").Scan(&s.open); err != nil {
		return err
	}
	return s.loadOutbox(w)
}

// loadOutbox finds cells that were committed with their cases and did not get into their partition.
func (s *Store) loadOutbox(w *writer) error {
	applied, err := number(s.catalog.w.conn, "applied")
	if err != nil {
		return err
	}
	var seq, at int64
	var packed []byte
	err = w.conn.QueryRowContext(bg, "select seq, cells from outbox order by seq desc limit 1").Scan(&seq, &packed)
	if errors.Is(err, sql.ErrNoRows) || err == nil && uint64(seq) <= max(uint64(applied), s.lastSeq(rollups)) {
		return nil
	}
	if err != nil {
		return err
	}
	if at, err = number(w.conn, "tmax"); err != nil {
		return err
	}
	raw, err := s.codec.dec.DecodeAll(packed, nil)
	if err != nil {
		return fmt.Errorf("%w: outbox: %w", errDamaged, err)
	}
	cells, err := decodeCells(raw)
	if err != nil {
		return err
	}
	s.unapplied = &outbox{uint64(seq), wire.Time(at), cells}
	return nil
}
