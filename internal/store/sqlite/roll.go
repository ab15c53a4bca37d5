package sqlite

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"sipcause/internal/store"
	"sipcause/internal/wire"
)

// sealing is a partition that is written no more, and still open for writing because somebody reads it.
type sealing struct {
	p *partition
	w *writer
}

// partitionBytes says how large a partition becomes.
func (o *Options) partitionBytes() int64 {
	if o.fileBytes > 0 {
		return o.fileBytes
	}
	return max(minPartition, o.MaxBytes/20)
}

// day returns the day of a partition.
func (p *partition) day() time.Time {
	day, err := time.Parse(dayStamp, p.id[:min(len(p.id), len(dayStamp))])
	if err != nil {
		return time.Time{} // no name of ours: over at once
	}
	return day
}

// current returns the writer of the partition for what comes at a time.
func (s *Store) current(k kind, at wire.Time) (*writer, error) {
	if w := s.w[k]; w != nil {
		if p := s.last(k); !over(p.day(), at) && p.info.bytes < s.opt.partitionBytes() {
			return w, nil
		}
	}
	return s.roll(k, at)
}

// roll begins a partition.
func (s *Store) roll(k kind, at wire.Time) (*writer, error) {
	p := &partition{kind: k, info: info{first: s.seq.Load() + 1, seq: s.seq.Load()}}
	if k != cases {
		p.seq = 0 // until it holds something
	}
	p.id = idAfter(dayOf(at), func(id string) bool {
		_, err := os.Lstat(s.pathOf(k, id))
		return !errors.Is(err, os.ErrNotExist)
	})
	p.path = s.pathOf(k, p.id)
	w, err := newWriter(p.path, s.opt.Full)
	if err == nil {
		if err = s.begin(p, w); err != nil {
			w.close()
		}
	}
	if err != nil {
		_ = remove(p.path) // it is the beginning that failed
		return nil, fmt.Errorf("begin %s/%s: %w", kindFacts[k].dir, p.id, err)
	}
	if old := s.w[k]; old != nil {
		s.sealing = append(s.sealing, sealing{s.parts[k][len(s.parts[k])-2], old})
	}
	s.w[k] = w
	if k == cases {
		s.file.begin(0)
		clear(s.seen)
	}
	if k == rollups {
		s.sums.forget()
	}
	return w, s.trySeal()
}

// begin lays out a partition and puts it in place of the one before.
func (s *Store) begin(p *partition, w *writer) error {
	l := layouts[p.kind]
	if err := l.make(w); err != nil {
		return err
	}
	if p.kind != messages {
		if err := w.exec("insert into meta values('first', ?), ('seq', ?)", int64(p.first), int64(p.seq)); err != nil {
			return err
		}
	}
	old := s.w[p.kind]
	if p.kind == cases {
		if err := s.takeOver(old, w); err != nil {
			return err
		}
	}
	if err := s.catalog.put(p); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.kind == cases && old != nil {
		// Until here a crash leaves open cases in both files, alike: see settle.
		if err := old.tx(func() error { return dropOpen(old) }); err != nil {
			return errors.Join(err, s.catalog.drop(p.kind, p.id))
		}
	}
	p.bytes = w.bytes()
	s.parts[p.kind] = append(s.parts[p.kind], p)
	return nil
}

// takeOver copies the open cases of the partition before, which has no writer when it is of an older version.
func (s *Store) takeOver(old, w *writer) error {
	if old != nil {
		return copyOpen(old.conn, w)
	}
	p := s.lastOf(cases)
	if p == nil {
		return nil
	}
	h, err := s.files.acquire(p, p.sealed)
	if err != nil {
		return err
	}
	defer s.files.release(h)
	return copyOpen(h, w)
}

// copyOpen copies the open cases of one file into another, which may have them already, or later revisions of them.
func copyOpen(from querier, to *writer) error {
	return to.tx(func() error {
		rows, err := from.QueryContext(bg, "select n, id, began, revision, body from open")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var n, began, revision int64
			var id string
			var body []byte
			if err := rows.Scan(&n, &id, &began, &revision, &body); err != nil {
				return err
			}
			if err := to.exec("insert or ignore into open(n, id, began, revision, body) values(?, ?, ?, ?, ?)", n, id, began, revision, body); err != nil {
				return err
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		calls, err := from.QueryContext(bg, "select n, hash from open_call")
		if err != nil {
			return err
		}
		defer calls.Close()
		for calls.Next() {
			var n, hash int64
			if err := calls.Scan(&n, &hash); err != nil {
				return err
			}
			if err := to.exec("insert or ignore into open_call(n, hash) values(?, ?)", n, hash); err != nil {
				return err
			}
		}
		return calls.Err()
	})
}

func dropOpen(w *writer) error {
	if err := w.exec("delete from open_call"); err != nil {
		return err
	}
	return w.exec("delete from open")
}

// seal makes a file one that needs no log beside it, and closes it.
func (w *writer) seal() error {
	for q, st := range w.stmts {
		st.Close()
		delete(w.stmts, q)
	}
	if _, err := w.conn.ExecContext(bg, "pragma wal_checkpoint(truncate)"); err != nil {
		return err
	}
	var mode string
	if err := w.conn.QueryRowContext(bg, "pragma journal_mode=delete").Scan(&mode); err != nil {
		return err
	}
	if mode != "delete" {
		return errBusy
	}
	return w.close()
}

// trySeal seals what nobody reads at the moment. What cannot be sealed for want of room, or because of a reader that is
// late, is tried again.
func (s *Store) trySeal() error {
	var errs []error
	s.sealing = slices.DeleteFunc(s.sealing, func(x sealing) bool {
		done, err := s.files.alone(x.p, x.w.seal)
		if err == nil && done {
			s.mu.Lock() // who opens it before sees a file without a log
			x.p.sealed, x.p.info.bytes = true, sizeOf(x.p.path)
			s.mu.Unlock()
			err = s.catalog.put(x.p)
		} else {
			done = false
		}
		if busy := errors.Is(err, errBusy) || code(err)&0xff == sqlite3.SQLITE_BUSY; !busy && !errors.Is(s.full(err), store.ErrFull) {
			errs = append(errs, err)
		}
		return done
	})
	return errors.Join(errs...)
}

var errBusy = errors.New("somebody reads it")

// sweep puts aside the partitions that turned out to be damaged.
func (s *Store) sweep() {
	for k := range kinds {
		for _, p := range slices.Clone(s.parts[k]) {
			if !p.bad.Load() {
				continue
			}
			if p == s.last(k) && s.w[k] != nil {
				s.w[k].close()
				s.w[k] = nil
				if k == messages {
					s.leftover = false
				}
			}
			s.sealing = slices.DeleteFunc(s.sealing, func(x sealing) bool {
				if x.p == p {
					x.w.close()
				}
				return x.p == p
			})
			s.withdraw(p)
			if err := s.putAside(p); err != nil {
				s.mu.Lock()
				s.bad = append(s.bad, p.path)
				s.mu.Unlock()
			}
		}
	}
}

// withdraw takes a partition out of what readers see.
func (s *Store) withdraw(p *partition) {
	s.mu.Lock()
	s.parts[p.kind] = slices.DeleteFunc(slices.Clone(s.parts[p.kind]), func(x *partition) bool { return x == p })
	s.mu.Unlock()
	s.files.forget(p)
}
