package sqlite

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/store/storetest"
)

// These stand for a kill at one certain moment: a file as it was before the moment is put back.

func keepFile(t *testing.T, path string) (putBack func()) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// closed writes batches and closes.
func closed(t *testing.T, dir string, last uint64) {
	t.Helper()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	write(t, s, last)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestKilledBeforeCells: the cases of a batch are there, its cells not yet.
func TestKilledBeforeCells(t *testing.T) {
	dir := t.TempDir()
	closed(t, dir, 9)
	putBack := keepFile(t, paths(t, dir, rollups)[0])
	closed(t, dir, 10)
	putBack()
	for range 2 { // and only once
		s := open(t, dir, Options{})
		if last := prefix(t, s); last != 10 {
			t.Errorf("last batch %d", last)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestKilledBeforeCases: the messages of a batch are there, its cases not.
func TestKilledBeforeCases(t *testing.T) {
	dir := t.TempDir()
	closed(t, dir, 9)
	c, r, catalog := keepFile(t, paths(t, dir, cases)[0]), keepFile(t, paths(t, dir, rollups)[0]), keepFile(t, filepath.Join(dir, catalogName))
	closed(t, dir, 10)
	c()
	r()
	catalog()
	s := open(t, dir, Options{})
	if last := prefix(t, s); last != 9 {
		t.Errorf("last batch %d, want 9", last)
	}
	write(t, s, 12)
	prefix(t, s)
}

// TestKilledWhileRolling: the open cases are in the next file, and in the one before still.
func TestKilledWhileRolling(t *testing.T) {
	dir := t.TempDir()
	closed(t, dir, 9)
	putBack := keepFile(t, paths(t, dir, cases)[0])
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.roll(cases, storetest.Start.Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.catalog.w.conn.ExecContext(bg, "update part set sealed = 0"); err != nil {
		t.Fatal(err)
	}
	s.abandon()
	putBack()
	s = open(t, dir, Options{})
	if last := prefix(t, s); last != 9 {
		t.Errorf("last batch %d", last)
	}
	write(t, s, 15)
	prefix(t, s)
}

// TestForeignBytes: what traffic calls a case may be any bytes.
func TestForeignBytes(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	ctx := context.Background()
	for i, id := range []string{"a\x00b", "\xff\xfe", "a\x01", "\x02", "a", "A\x00", string(make([]byte, 100)), ""} {
		c := record.Case{ID: id, Began: storetest.Start, Revision: 1, CallIDs: []string{id}, UAs: []string{id}, Cause: id, RouteIn: id}
		cell := record.Cell{Counter: id, Route: id, Label: id, Bucket: record.NoBucket, N: 1}
		for j, final := range []bool{false, true, true} {
			c.Revision, c.Final = j+1, final
			if err := s.Write(ctx, &store.Batch{Seq: uint64(3*i + j + 1), At: storetest.Start.Add(time.Duration(j) * 24 * time.Hour), Cases: []record.Case{c}, Cells: []record.Cell{cell}}); err != nil {
				t.Fatalf("%q: %v", id, err)
			}
			page, err := s.Search(ctx, store.Search{})
			if err != nil || len(page.Cases) != i+1 {
				t.Fatalf("%q: %d cases, want %d, %v", id, len(page.Cases), i+1, err)
			}
			if got, err := s.Case(ctx, id); id != "" && (err != nil || got.ID != id || got.Revision != j+1) {
				t.Errorf("%q: revision %d of %q, %v", id, got.Revision, got.ID, err)
			}
		}
		n := 0
		if err := s.Rollup(ctx, store.Rollup{ByRoute: id != "", ByLabel: true, Counters: []string{id}}, func(c *record.Cell) error {
			if c.Route == id && c.Label == id {
				n = int(c.N)
			}
			return nil
		}); err != nil || n != 3 {
			t.Errorf("%q: sum %d, %v", id, n, err)
		}
	}
}

// TestRetainAll: when all is too old, all goes, the partitions that are being written too; numbers go on from there.
func TestRetainAll(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	write(t, s, 20)
	freed, err := s.Retain(context.Background(), store.Policy{Messages: time.Hour, Cases: time.Hour, Rollups: time.Hour}, storetest.Start.Std().Add(240*time.Hour))
	if err != nil || freed.Partitions != 3 {
		t.Errorf("freed %+v, %v", freed, err)
	}
	for range 2 {
		st, err := s.Stats(context.Background())
		if err != nil || st.Messages+st.Cases+st.Open+st.Cells != 0 || st.LastSeq != 20 {
			t.Errorf("%+v, %v", st, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir, Options{})
	}
}

// TestRetainForRoom: without room on the disk, what can go goes, oldest first, and what is being written stays.
func TestRetainForRoom(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	write(t, s, 100)
	freed, err := s.Retain(context.Background(), store.Policy{MinFree: 1 << 60}, time.Now())
	if err != nil || freed.Partitions != 9 {
		t.Errorf("freed %+v, %v", freed, err)
	}
	write(t, s, 105)
	page, err := s.Search(context.Background(), store.Search{})
	if err != nil || len(page.Cases) < 5 || page.Cases[0].ID != "case-105" {
		t.Errorf("%d cases, %v", len(page.Cases), err)
	}
}

// FuzzUnpack: no bytes of a block's head make more than an error.
func FuzzUnpack(f *testing.F) {
	c, err := newCodec()
	if err != nil {
		f.Fatal(err)
	}
	p := packer{codec: c}
	err = p.part(numbered(5).Messages, func(b *block) error {
		raw, err := c.dec.DecodeAll(b.head, nil)
		f.Add(raw)
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		u, err := c.unpack(c.enc.EncodeAll(raw, nil))
		if err == nil && len(u.list) > len(raw) {
			t.Errorf("%d messages in %d bytes", len(u.list), len(raw))
		}
	})
}
