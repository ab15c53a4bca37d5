package archive

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"sipcause/internal/query"
	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/store/memory"
	"sipcause/internal/store/storetest"
	"sipcause/internal/wire"
)

// contents is all that an archive is about.
type contents struct {
	Cases    []record.Case
	Messages []record.Message
	Cells    []record.Cell
	Gaps     []record.Gap
}

func contentsOf(t *testing.T, s store.Store) (c contents) {
	t.Helper()
	page, err := s.Search(t.Context(), store.Search{Limit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	c.Cases = page.Cases
	if err := s.Replay(t.Context(), 0, 0, func(m *record.Message) error {
		c.Messages = append(c.Messages, *m)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, byRoute := range []bool{false, true} {
		if err := s.Rollup(t.Context(), store.Rollup{Step: time.Minute, ByLabel: true, ByRoute: byRoute}, func(cell *record.Cell) error {
			c.Cells = append(c.Cells, *cell)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if c.Gaps, err = s.Gaps(t.Context(), 0, 0, 1<<20); err != nil {
		t.Fatal(err)
	}
	return c
}

// filled is a store with four days of random contents, and what it holds.
func filled(t *testing.T) (*memory.Store, contents) {
	t.Helper()
	s, g := memory.New(1<<30), storetest.NewGenerator(1)
	for i := range 8 {
		b := g.Batch(uint64(i+1), storetest.Start.Add(time.Duration(i)*12*time.Hour), 50)
		if i == 3 { // more than a batch of rows
			for range batchRows {
				b.Cells = append(b.Cells, record.Cell{Minute: int64(g.IntN(1e8)), Counter: "calls", Bucket: record.NoBucket, N: 1})
			}
		}
		if err := s.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	return s, contentsOf(t, s)
}

func same(t *testing.T, want, got contents) {
	t.Helper()
	for i, name := range []string{"cases", "messages", "cells", "gaps"} {
		w, g := reflect.ValueOf(want).Field(i), reflect.ValueOf(got).Field(i)
		if w.Len() != g.Len() {
			t.Errorf("%d %s, want %d", g.Len(), name, w.Len())
			continue
		}
		for j := range w.Len() {
			if !reflect.DeepEqual(w.Index(j).Interface(), g.Index(j).Interface()) {
				t.Errorf("%s %d:\n%+v\nwant\n%+v", name, j, g.Index(j), w.Index(j))
				break
			}
		}
	}
}

func TestRoundTrip(t *testing.T) {
	s, want := filled(t)
	dir := t.TempDir()
	n, err := Export(t.Context(), s, dir, Selection{})
	if err != nil {
		t.Fatal(err)
	}
	if n != (Written{400, uint64(len(want.Messages)), uint64(len(want.Cells)), 8}) || len(want.Cells) < batchRows {
		t.Errorf("wrote %+v", n)
	}
	into := memory.New(1 << 30)
	back, err := Import(t.Context(), into, dir)
	if err != nil || back != n {
		t.Fatalf("read %+v, wrote %+v, %v", back, n, err)
	}
	same(t, want, contentsOf(t, into))
	if _, err := Import(t.Context(), into, dir); err == nil || !strings.Contains(err.Error(), "not empty: 400 cases") {
		t.Errorf("second import: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.part")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestInterval(t *testing.T) {
	s, all := filled(t)
	from, until := storetest.Start.Add(24*time.Hour), storetest.Start.Add(48*time.Hour)
	in := func(at wire.Time) bool { return at >= from && at < until }
	want := contents{
		Cases:    slices.DeleteFunc(all.Cases, func(c record.Case) bool { return !in(c.Began) }),
		Messages: slices.DeleteFunc(all.Messages, func(m record.Message) bool { return !in(m.Time) }),
		Cells:    slices.DeleteFunc(all.Cells, func(c record.Cell) bool { return !in(wire.Time(c.Minute * int64(time.Minute))) }),
		Gaps:     slices.DeleteFunc(all.Gaps, func(g record.Gap) bool { return g.Until < from || g.From >= until }),
	}
	if len(want.Cases) != 100 || len(want.Gaps) != 2 {
		t.Fatalf("%d cases, %d gaps in the interval", len(want.Cases), len(want.Gaps))
	}
	dir, into := t.TempDir(), memory.New(1<<30)
	if _, err := Export(t.Context(), s, dir, Selection{From: from, Until: until}); err != nil {
		t.Fatal(err)
	}
	if _, err := Import(t.Context(), into, dir); err != nil {
		t.Fatal(err)
	}
	same(t, want, contentsOf(t, into))
}

func TestFilter(t *testing.T) {
	s, all := filled(t)
	where, err := query.Parse("cause = server.capacity and start >= 12:00")
	if err != nil {
		t.Fatal(err)
	}
	var keys []uint64
	want := contents{Cases: slices.DeleteFunc(all.Cases, func(c record.Case) bool { return !where.Match(&c, nil) })}
	for _, c := range want.Cases {
		keys = append(keys, c.Keys...)
	}
	want.Messages = slices.DeleteFunc(all.Messages, func(m record.Message) bool { return !slices.Contains(keys, m.Key) })
	if n := len(want.Cases); n < 10 || n > 200 {
		t.Fatalf("%d cases", n)
	}
	dir, into := t.TempDir(), memory.New(1<<30)
	if _, err := Export(t.Context(), s, dir, Selection{Where: where}); err != nil {
		t.Fatal(err)
	}
	if _, err := Import(t.Context(), into, dir); err != nil {
		t.Fatal(err)
	}
	same(t, want, contentsOf(t, into))
}

// TestColumnsSayWhatTheRecordSays: the columns that others read agree with the record that import reads.
func TestColumnsSayWhatTheRecordSays(t *testing.T) {
	s, all := filled(t)
	dir := t.TempDir()
	if _, err := Export(t.Context(), s, dir, Selection{}); err != nil {
		t.Fatal(err)
	}
	rows, err := parquet.ReadFile[CaseRow](filepath.Join(dir, casesFile))
	if err != nil || len(rows) != len(all.Cases) {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	slices.Reverse(all.Cases) // the oldest first
	for i := range rows {
		c, r := &all.Cases[i], &rows[i]
		want := caseRow(c)
		tidy(reflect.ValueOf(&want).Elem())
		tidy(reflect.ValueOf(r).Elem())
		if !reflect.DeepEqual(*r, want) {
			t.Fatalf("row %d:\n%+v\nwant\n%+v", i, *r, want)
		}
		if (r.Code == nil) != (c.Code == 0) || r.Code != nil && int(*r.Code) != c.Code || (r.PDD == nil) != (c.PDD == nil) || r.PDD != nil && *r.PDD != int64(*c.PDD) || r.Origin == "" && c.Origin.IsValid() || r.Outcome != c.Outcome.String() {
			t.Errorf("row %d says %+v of %+v", i, r, c)
		}
	}
}

// tidy makes empty lists nil.
func tidy(v reflect.Value) {
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Slice && f.Len() == 0 {
			f.SetZero()
		}
	}
}

// TestDamageIsNoPanic: whatever bytes are wrong, an import ends with an error or without.
func TestDamageIsNoPanic(t *testing.T) {
	s, g := memory.New(1<<30), storetest.NewGenerator(1)
	if err := s.Write(t.Context(), g.Batch(1, storetest.Start, 10)); err != nil {
		t.Fatal(err)
	}
	dir, failed := t.TempDir(), 0
	if _, err := Export(t.Context(), s, dir, Selection{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{casesFile, messagesFile, gapsFile} {
		path := filepath.Join(dir, name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for range 80 {
			damaged := slices.Clone(whole)
			for range 1 + g.IntN(5) {
				damaged[g.IntN(len(damaged))] = byte(g.Uint32())
			}
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Import(t.Context(), memory.New(1<<30), dir); err != nil {
				failed++
			}
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if failed < 30 {
		t.Errorf("%d of 240 damaged files were noticed", failed)
	}
}

func TestTroubleIsTold(t *testing.T) {
	s, _ := filled(t)
	dir := t.TempDir()
	if _, err := Export(t.Context(), s, dir, Selection{}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, messagesFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(t.TempDir(), "foreign")
	if err := parquet.WriteFile(foreign, []CellRow{{N: 1}}); err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(foreign)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"cut":     {whole[:len(whole)/2], "read " + path},
		"empty":   {nil, "read " + path},
		"foreign": {other, "no file of an export"},
	} {
		if err := os.WriteFile(path, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Import(t.Context(), memory.New(1<<30), dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Import(t.Context(), memory.New(1<<30), dir); err == nil || !strings.Contains(err.Error(), messagesFile) {
		t.Errorf("missing: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	empty := t.TempDir()
	if _, err := Export(ended, s, empty, Selection{}); err == nil {
		t.Error("ended context: no error")
	}
	if left, _ := filepath.Glob(filepath.Join(empty, "*")); len(left) > 0 {
		t.Errorf("ended context left %v", left)
	}
}

// TestRowsOutOfRange: a value that no column of the store holds is refused, not cut.
func TestRowsOutOfRange(t *testing.T) {
	whole := MessageRow{Transport: "udp", What: "sip"}
	if _, err := whole.message(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*MessageRow){
		"ip_id": func(r *MessageRow) { r.IPID = 1 << 16 }, "fragments": func(r *MessageRow) { r.Fragments = 256 }, "transport": func(r *MessageRow) { r.Transport = "pigeon" },
		"what": func(r *MessageRow) { r.What = "" }, "src": func(r *MessageRow) { r.Src = "192.0.2.1" },
	} {
		r := whole
		change(&r)
		if m, err := r.message(); err == nil {
			t.Errorf("%s: %+v", name, m)
		}
	}
	for _, bucket := range []int32{-2, 1 << 15} {
		if c, err := (&CellRow{Bucket: bucket}).cell(); err == nil {
			t.Errorf("bucket %d: %+v", bucket, c)
		}
	}
	if g, err := (&GapRow{Kind: "hole", Transport: "udp"}).gap(); err == nil {
		t.Errorf("kind of gap: %+v", g)
	}
}
