// Package sqlite keeps history in SQLite files: one for each kind and day, so that what is old is dropped by unlinking.
// Its one rule: a search answers what query.Expr.Match says; an index only spares it looking.
//
// In the folder: catalog.sqlite (what partitions there are, documents, annotations) and m, c and r with the partitions of
// messages, cases and roll-ups, named by the day (UTC) of Batch.At and a number. Messages lie in compressed blocks of 512;
// of cases there is a row each, and for each term (see terms.go) the places of those that have it, by segments of 1024
// rows. A batch is committed with its cases: messages of a later number are not seen, cells wait in the file of cases
// until they are in theirs.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/wire"
)

// Options of a store. The zero Options are good.
type Options struct {
	MaxBytes int64 // what Retain will be told: partitions are a twentieth of it, 64 MB at least
	Full     bool  // what Write wrote survives a power cut too, not a crash of this program alone

	fileBytes int64 // for tests: when a new partition begins; 0: as MaxBytes has it
}

// minPartition is the size at which a partition is full, when the budget does not make it larger.
const minPartition = 64 << 20

// Store is an embedded store.Store in one folder. One program at a time may have it open.
type Store struct {
	dir     string
	opt     Options
	codec   *codec
	catalog *catalog
	files   files
	seq     atomic.Uint64 // of the last batch that is there whole

	// Of the writing side, under writing.
	writing  sync.Mutex
	w        [kinds]*writer // of the last partition of each kind; nil when it is not written
	leftover bool           // the last partition of messages has blocks of a batch that was not written whole
	sealing  []sealing
	packer   packer
	file     caseFile
	seen     bloom // IDs of final cases in the current file
	sums     sums
	body     []byte
	packed   []byte

	mu        sync.RWMutex // over what readers see at once
	parts     [kinds][]*partition
	replaced  map[caseKey]uint64 // by the partition whose first batch it is; replaced as a whole
	unapplied *outbox            // cells of the last batch, until they are in their partition
	open      uint64             // cases without a final revision
	bad       []string
	closed    bool
}

// batch is a store.Batch with which of its revisions count.
type batch struct {
	*store.Batch
	newest map[caseKey]int
}

// outbox is a batch's cells on their way.
type outbox struct {
	seq   uint64
	at    wire.Time
	cells []record.Cell
}

// Write implements store.Store.
func (s *Store) Write(ctx context.Context, sb *store.Batch) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	if sb.Seq <= s.seq.Load() {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	b := &batch{Batch: sb, newest: make(map[caseKey]int, len(sb.Cases))}
	for i := range sb.Cases {
		b.newest[caseKey{sb.Cases[i].ID, sb.Cases[i].Began}] = i
	}
	return s.full(s.write(ctx, b))
}

func (s *Store) write(ctx context.Context, b *batch) error {
	s.sweep()
	if err := s.apply(); err != nil {
		return fmt.Errorf("write roll-ups: %w", err)
	}
	if s.leftover {
		if err := s.takeBack(s.w[messages]); err != nil {
			return fmt.Errorf("take back messages: %w", err)
		}
		s.leftover = false
	}
	var lo, hi wire.Time
	if len(b.Messages) > 0 {
		w, err := s.current(messages, b.At)
		if err != nil {
			return err
		}
		err = w.tx(func() (err error) {
			lo, hi, err = s.writeMessages(w, b)
			return err
		})
		if err != nil {
			return s.about(s.last(messages), fmt.Errorf("write messages: %w", err))
		}
		s.leftover = true // until the batch is whole
	}
	w, err := s.current(cases, b.At)
	if err != nil {
		return err
	}
	var ch changes
	err = w.txThen(func() (err error) {
		ch, err = s.writeCases(ctx, w, b)
		return err
	}, func(commit func() error) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if err := commit(); err != nil {
			return err
		}
		s.note(b, &ch, lo, hi)
		return nil
	})
	if err != nil {
		s.file.begin(s.file.segment.id + 1)
		return s.about(s.last(cases), fmt.Errorf("write cases: %w", err))
	}
	s.leftover = false
	// The batch is written. Cells that find no room now wait in the outbox.
	if err := s.apply(); err != nil && !errors.Is(s.full(err), store.ErrFull) {
		return fmt.Errorf("write roll-ups: %w", err)
	}
	return s.trySeal()
}

// last returns the partition that a kind writes to.
func (s *Store) last(k kind) *partition { return s.parts[k][len(s.parts[k])-1] }

// note takes note of a batch that is written, but for its cells, under mu.
func (s *Store) note(b *batch, ch *changes, lo, hi wire.Time) {
	s.seq.Store(b.Seq)
	if len(b.Messages) > 0 {
		p := s.last(messages)
		p.at(b.At)
		p.seq = b.Seq
		p.hold(uint64(len(b.Messages)), lo, hi)
		p.bytes = s.w[messages].bytes()
	}
	p := s.last(cases)
	p.at(b.At)
	p.seq = b.Seq
	p.hold(ch.rows, ch.bmin, ch.bmax)
	p.rows -= ch.gone
	p.bytes = s.w[cases].bytes()
	p.replaced += uint64(len(ch.over))
	s.open += ch.opened
	s.open -= ch.ended
	if len(ch.over) > 0 {
		m := make(map[caseKey]uint64, len(s.replaced)+len(ch.over))
		for k, v := range s.replaced {
			m[k] = v
		}
		for _, k := range ch.over {
			m[k] = p.first
		}
		s.replaced = m
	}
	if len(b.Cells) > 0 {
		s.unapplied = &outbox{b.Seq, b.At, append([]record.Cell(nil), b.Cells...)}
	}
}

// about adds to an error which partition it is about, and takes note of one that is damaged. An error that came through
// here before is about that partition: what is written beside it is whole.
func (s *Store) about(p *partition, err error) error {
	var known *partitionError
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &known) {
		return err
	}
	if damaged(err) {
		p.bad.Store(true)
	}
	return &partitionError{p, err}
}

// partitionError is an error about one partition.
type partitionError struct {
	partition *partition
	err       error
}

func (e *partitionError) Error() string {
	return fmt.Sprintf("%s/%s: %v", kindFacts[e.partition.kind].dir, e.partition.id, e.err)
}

func (e *partitionError) Unwrap() error { return e.err }

// Close implements store.Store.
func (s *Store) Close() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.files.close()
	errs := []error{s.apply()}
	for _, x := range s.sealing { // the next Open seals them
		errs = append(errs, x.w.close())
	}
	for k, w := range s.w {
		if w != nil {
			errs = append(errs, w.close(), s.catalog.put(s.last(kind(k))))
		}
	}
	errs = append(errs, s.catalog.close(s.seq.Load()))
	return s.full(errors.Join(errs...))
}

// bytes returns the size of the file, what is only in its log included.
func (w *writer) bytes() int64 {
	var pages int64
	_, _ = w.row("pragma page_count", nil, []any{&pages})
	return pages * pageSize
}
