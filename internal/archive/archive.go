// Package archive writes a store's contents to Parquet files and reads them back. Its one rule: what is read back is
// what was written, and any program that reads Parquet can read it too.
package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/parquet-go/parquet-go"

	"sipcause/internal/query"
	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/wire"
)

// The files of an archive.
const (
	casesFile    = "cases.parquet"
	messagesFile = "messages.parquet"
	rollupsFile  = "rollups.parquet"
	gapsFile     = "gaps.parquet"
)

// formatKey is the name under which each file says how its columns are to be read.
const (
	formatKey = "sipcause.archive"
	format    = "1"
)

const (
	batchRows  = 10_000  // rows read or written at once
	groupRows  = 200_000 // rows of a row group, which the writer holds in memory
	groupBytes = 64 << 20
)

// Selection says what of a store is written.
type Selection struct {
	From, Until wire.Time // of a case's beginning, a message, a minute; From inclusive, Until exclusive; 0: open
	Where       *query.Expr
	Zone        *time.Location // of times of day in Where
}

// Written says how much there was.
type Written struct {
	Cases, Messages, Cells, Gaps uint64
}

// Export writes a store to files in dir, which is made. With a filter: the cases that it holds for and the messages
// under their keys; neither roll-ups nor gaps, which are of all traffic.
func Export(ctx context.Context, s store.Store, dir string, sel Selection) (n Written, err error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return n, err
	}
	var keys map[uint64]struct{}
	from, until := sel.From, sel.Until
	if sel.Where != nil {
		keys = map[uint64]struct{}{}
		from, until = 0, 0 // a message of a case may come long after its beginning
	}
	if n.Cases, err = write(dir, casesFile, func(r *CaseRow) int { return 2 * len(r.Record) }, func(add func(*CaseRow) error) error {
		return eachCase(ctx, s, sel, func(c *record.Case) error {
			if keys != nil {
				for _, k := range c.Keys {
					keys[k] = struct{}{}
				}
			}
			r := caseRow(c)
			return add(&r)
		})
	}); err != nil {
		return n, err
	}
	if until != 0 {
		until-- // Replay's is inclusive
	}
	size := func(r *MessageRow) int { return len(r.Data) }
	if n.Messages, err = write(dir, messagesFile, size, func(add func(*MessageRow) error) error {
		return s.Replay(ctx, from, until, func(m *record.Message) error {
			if _, wanted := keys[m.Key]; keys != nil && !wanted {
				return nil
			}
			r := messageRow(m)
			r.Data = slices.Clone(m.Data) // it is valid during the call only
			return add(&r)
		})
	}); err != nil || sel.Where != nil {
		return n, err
	}
	if n.Cells, err = write(dir, rollupsFile, nil, func(add func(*CellRow) error) error {
		for _, byRoute := range []bool{false, true} {
			q := store.Rollup{From: sel.From, Until: sel.Until, Step: time.Minute, ByLabel: true, ByRoute: byRoute}
			if err := s.Rollup(ctx, q, func(c *record.Cell) error { r := cellRow(c); return add(&r) }); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return n, err
	}
	gaps, err := s.Gaps(ctx, sel.From, until, 1<<31-1)
	if err != nil {
		return n, err
	}
	n.Gaps, err = write(dir, gapsFile, nil, func(add func(*GapRow) error) error {
		for i := range gaps {
			r := gapRow(&gaps[i])
			if err := add(&r); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

// window is how much time of cases is held in memory at once.
const window = time.Hour

// eachCase hands on the cases, the oldest first: hour by hour, since a search goes the other way.
func eachCase(ctx context.Context, s store.Store, sel Selection, visit func(*record.Case) error) error {
	st, err := s.Stats(ctx)
	if err != nil {
		return err
	}
	from, until := max(sel.From, st.Oldest), st.Newest+1
	if sel.Until != 0 {
		until = min(until, sel.Until)
	}
	for ; from < until; from = from.Add(window) {
		q := store.Search{From: from, Until: min(until, from.Add(window)), Where: sel.Where, Zone: sel.Zone, Limit: batchRows}
		var list []record.Case
		for more := true; more; more = q.After != "" {
			p, err := s.Search(ctx, q)
			if err != nil {
				return err
			}
			list = append(list, p.Cases...)
			q.After = p.Next
		}
		for i := range slices.Backward(list) {
			if err := visit(&list[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// write makes a file of what fill adds. size says what a row takes besides its fields, nil: nothing much. The file gets
// its name when it is whole.
func write[R any](dir, name string, size func(*R) int, fill func(add func(*R) error) error) (n uint64, err error) {
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path+".part", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640)
	if err != nil {
		return 0, err
	}
	w := parquet.NewGenericWriter[R](f, parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(groupRows), parquet.KeyValueMetadata(formatKey, format))
	var rows []R
	bytes := 0
	flush := func() error {
		_, err := w.Write(rows)
		clear(rows)
		rows = rows[:0]
		return err
	}
	err = fill(func(r *R) error {
		n++
		rows = append(rows, *r)
		if size != nil {
			bytes += size(r)
		}
		if len(rows) < batchRows && bytes < groupBytes {
			return nil
		}
		err := flush()
		if err == nil && bytes >= groupBytes {
			bytes = 0
			err = w.Flush()
		}
		return err
	})
	if err == nil {
		err = errors.Join(flush(), w.Close())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(path+".part", path)
	}
	if err != nil {
		_ = os.Remove(path + ".part") // it is not whole, and the error says why
		return n, fmt.Errorf("write %s: %w", path, err)
	}
	return n, nil
}

// Import adds what Export wrote to a store. rollups.parquet and gaps.parquet may be missing. It is for an empty store:
// messages and sums that are there already would be there twice.
func Import(ctx context.Context, s store.Store, dir string) (n Written, err error) {
	st, err := s.Stats(ctx)
	if err != nil {
		return n, err
	}
	if st.Messages+st.Cases+st.Cells > 0 {
		return n, fmt.Errorf("the store is not empty: %d cases, %d messages, %d cells of roll-ups; what is there already would be counted twice", st.Cases, st.Messages, st.Cells)
	}
	in := &importer{ctx: ctx, store: s, batch: store.Batch{Seq: st.LastSeq}}
	if n.Messages, err = read(dir, messagesFile, false, func(r *MessageRow) error {
		m, err := r.message()
		if err == nil {
			err = in.at(m.Time)
			in.batch.Messages = append(in.batch.Messages, m)
		}
		return err
	}); err != nil {
		return n, err
	}
	if n.Cases, err = read(dir, casesFile, false, func(r *CaseRow) error {
		var c record.Case
		err := record.DecodeCase(r.Record, &c)
		if err == nil {
			err = in.at(c.Began)
			in.batch.Cases = append(in.batch.Cases, c)
		}
		return err
	}); err != nil {
		return n, err
	}
	if n.Cells, err = read(dir, rollupsFile, true, func(r *CellRow) error {
		c, err := r.cell()
		if err == nil {
			err = in.at(wire.Time(c.Minute * int64(time.Minute)))
			in.batch.Cells = append(in.batch.Cells, c)
		}
		return err
	}); err != nil {
		return n, err
	}
	if n.Gaps, err = read(dir, gapsFile, true, func(r *GapRow) error {
		g, err := r.gap()
		if err == nil {
			err = in.at(g.From)
			in.batch.Gaps = append(in.batch.Gaps, g)
		}
		return err
	}); err != nil {
		return n, err
	}
	return n, in.flush()
}

// importer gathers batches, each of one day, so that they come into the partitions of their time.
type importer struct {
	ctx   context.Context
	store store.Store
	batch store.Batch
	day   int64
}

// at says of what time the next record is.
func (in *importer) at(t wire.Time) error {
	b := &in.batch
	day := int64(t) / int64(24*time.Hour)
	if n := len(b.Messages) + len(b.Cases) + len(b.Cells) + len(b.Gaps); n > 0 && (n >= batchRows || day != in.day) {
		if err := in.flush(); err != nil {
			return err
		}
	}
	in.day = day
	b.At = max(b.At, t)
	return nil
}

func (in *importer) flush() error {
	b := &in.batch
	if len(b.Messages)+len(b.Cases)+len(b.Cells)+len(b.Gaps) == 0 {
		return nil
	}
	b.Seq++
	err := in.store.Write(in.ctx, b)
	*b = store.Batch{Seq: b.Seq}
	return err
}

// read hands on the rows of a file.
func read[R any](dir, name string, mayMiss bool, visit func(*R) error) (n uint64, err error) {
	path := filepath.Join(dir, name)
	f, err := os.Open(path)
	if err != nil {
		if mayMiss && errors.Is(err, os.ErrNotExist) {
			return 0, nil
		}
		return 0, err
	}
	defer func() { _ = f.Close() }() // read only
	if n, err = readRows(f, visit); err != nil {
		return n, fmt.Errorf("read %s, row %d: %w", path, n, err)
	}
	return n, nil
}

func readRows[R any](f *os.File, visit func(*R) error) (n uint64, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	var file *parquet.File
	if err := guarded(func() (err error) { file, err = parquet.OpenFile(f, info.Size()); return err }); err != nil {
		return 0, err
	}
	if got, _ := file.Lookup(formatKey); got != format {
		return 0, fmt.Errorf("no file of an export of this format: %s is %q, expected %q", formatKey, got, format)
	}
	r := parquet.NewGenericReader[R](file)
	defer func() { _ = r.Close() }() // read only
	rows := make([]R, batchRows/10)
	for {
		clear(rows) // what was handed on is the store's
		var k int
		err := guarded(func() (err error) { k, err = r.Read(rows); return err })
		for i := range k {
			n++
			if err := visit(&rows[i]); err != nil {
				return n, err
			}
		}
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// guarded runs f, which calls parquet-go: damaged files make that panic.
func guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the file is damaged: %v", r)
		}
	}()
	return f()
}
