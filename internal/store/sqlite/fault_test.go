package sqlite

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/store/storetest"
)

// write writes the numbered batches up to last.
func write(t *testing.T, s *Store, last uint64) {
	t.Helper()
	for seq := s.seq.Load() + 1; seq <= last; seq++ {
		if err := s.Write(context.Background(), numbered(seq)); err != nil {
			t.Fatalf("batch %d: %v", seq, err)
		}
	}
}

// paths lists the files of a kind.
func paths(t *testing.T, dir string, k kind) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, kindFacts[k].dir, "*.sqlite"))
	if err != nil || len(list) == 0 {
		t.Fatalf("no files of %s, %v", kindFacts[k].name, err)
	}
	return list
}

// scribble damages a file from an offset on.
func scribble(t *testing.T, path string, at int64, n int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(strings.Repeat("damage", n/6)), at); err != nil {
		t.Fatal(err)
	}
}

// TestDamaged: after a crash a partition that was being written and is damaged is set aside, and the store starts.
func TestDamaged(t *testing.T) {
	for k := range kinds {
		for _, at := range []int64{0, pageSize, pageSize + 100} {
			dir := t.TempDir()
			s, err := Open(dir, Options{})
			if err != nil {
				t.Fatal(err)
			}
			write(t, s, 20)
			s.abandon()
			scribble(t, paths(t, dir, k)[0], at, 3*pageSize)
			s = open(t, dir, Options{})
			st, err := s.Stats(context.Background())
			if err != nil || len(st.BadPartitions) != 1 || !strings.HasPrefix(st.BadPartitions[0], kindFacts[k].dir+"/") {
				t.Fatalf("%s damaged at %d: bad %v, %v", kindFacts[k].name, at, st.BadPartitions, err)
			}
			if st.LastSeq != 20 {
				t.Errorf("%s damaged: last batch %d, want 20", kindFacts[k].name, st.LastSeq)
			}
			write(t, s, 25)
			if page, err := s.Search(context.Background(), store.Search{}); err != nil || len(page.Cases) < 5 {
				t.Errorf("%d cases, %v", len(page.Cases), err)
			}
		}
	}
}

// TestDamagedWhileRead: a sealed partition that cannot be read is an error once, and set aside at the next write.
func TestDamagedWhileRead(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	write(t, s, 65) // three days
	list := paths(t, dir, cases)
	s.files.close()
	scribble(t, list[0], pageSize, 20*pageSize)
	if _, err := s.Search(context.Background(), store.Search{Limit: 1000}); err == nil {
		t.Error("a damaged partition was searched without an error")
	}
	write(t, s, 66)
	page, err := s.Search(context.Background(), store.Search{Limit: 1000})
	if err != nil || len(page.Cases) < 30 {
		t.Errorf("%d cases, %v", len(page.Cases), err)
	}
	st, err := s.Stats(context.Background())
	if err != nil || len(st.BadPartitions) != 1 {
		t.Errorf("bad %v, %v", st.BadPartitions, err)
	}
}

// TestDamagedBeside: when writing needs an older partition, and that is damaged, the one that is written stays.
func TestDamagedBeside(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	s := open(t, dir, Options{})
	write(t, s, 65) // three days
	before, err := s.Stats(ctx)
	if err != nil {
		t.Fatal(err)
	}
	list := paths(t, dir, cases)
	s.files.close()
	scribble(t, list[0], pageSize, 20*pageSize)
	b := numbered(66)
	again := numbered(5).Cases[1] // a revision of what the damaged one has
	again.Revision++
	b.Cases = append(b.Cases, again)
	if err := s.Write(ctx, b); err == nil {
		t.Fatal("a damaged partition was looked at without an error")
	}
	if err := s.Write(ctx, b); err != nil {
		t.Fatalf("written again: %v", err)
	}
	st, err := s.Stats(ctx)
	if err != nil || len(st.BadPartitions) != 1 || st.BadPartitions[0] != "c/"+filepath.Base(list[0])+badSuffix {
		t.Errorf("bad %v, %v", st.BadPartitions, err)
	}
	if st.Open != before.Open {
		t.Errorf("%d open cases, were %d", st.Open, before.Open)
	}
}

// TestInUse: one program at a time.
func TestInUse(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, Options{})
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("second open: %v", err)
	}
}

// TestVersions: partitions of the version before are read, not written; others are refused in words.
func TestVersions(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	write(t, s, 65)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// The layout becomes version 2 of itself: in version 1 the column body had another name.
	for _, path := range paths(t, dir, cases) {
		w, err := newWriter(path, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range []string{"alter table row rename column body to case_text", "alter table row rename to final"} {
			if err := w.exec(q); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.seal(); err != nil {
			t.Fatal(err)
		}
	}
	later := caseLayout
	later.version, later.before = 2, []string{"create temp view row as select n, began, case_text as body from final"}
	layouts[cases] = &later
	defer func() { layouts[cases] = &caseLayout }()

	s = open(t, dir, Options{})
	page, err := s.Search(context.Background(), store.Search{Limit: 1000, Where: parse(t, "cause = callee.busy")})
	if err != nil || len(page.Cases) != 65 {
		t.Fatalf("%d cases, want 65, %v", len(page.Cases), err)
	}
	prefix(t, s)
	write(t, s, 70)
	prefix(t, s)
	if c, err := s.Case(context.Background(), "call-12"); err != nil || c.ID != "case-12" {
		t.Errorf("case: %q, %v", c.ID, err)
	}
	for version, says := range map[int]string{3: "later version", 4: "later version"} {
		elsewhere := t.TempDir()
		o := open(t, elsewhere, Options{})
		write(t, o, 3)
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
		w, err := newWriter(paths(t, elsewhere, cases)[0], false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.conn.ExecContext(bg, "pragma user_version="+string(rune('0'+version))); err != nil {
			t.Fatal(err)
		}
		w.close()
		if _, err := Open(elsewhere, Options{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("version %d: %v", version, err)
		}
	}
}

// TestReopen: what was written is there after Close, and numbers go on.
func TestReopen(t *testing.T) {
	dir := t.TempDir()
	for round := range uint64(4) {
		s, err := Open(dir, Options{fileBytes: 150_000})
		if err != nil {
			t.Fatal(err)
		}
		write(t, s, 40*(round+1))
		if last := prefix(t, s); last != 40*(round+1) {
			t.Errorf("last batch %d", last)
		}
		if err := s.Put(context.Background(), "baseline", []byte{byte(round)}); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	report, ok, err := Check(dir)
	if err != nil || !ok {
		t.Errorf("check: %v %v\n%s", ok, err, report)
	}
	scribble(t, paths(t, dir, messages)[0], 2*pageSize, pageSize)
	if report, ok, err = Check(dir); err != nil || ok || !strings.Contains(report, "m/") {
		t.Errorf("check of a damaged one: %v %v\n%s", ok, err, report)
	}
}

// TestReplacedInAnotherPartition: a final case that is revised in a later partition is one case, after a restart too.
func TestReplacedInAnotherPartition(t *testing.T) {
	dir := t.TempDir()
	g := storetest.NewGenerator(1)
	c := g.Case(storetest.Start)
	c.Final, c.Cause = true, "callee.busy"
	r := g.Revise(c, true)
	r.Cause = "server.capacity"
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for i, x := range []record.Case{c, r} {
		if err := s.Write(ctx, &store.Batch{Seq: uint64(i + 1), At: storetest.Start.Add(time.Duration(i) * 48 * time.Hour), Cases: []record.Case{x}}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		for filter, want := range map[string]int{"cause = callee.busy": 0, "cause = server.capacity": 1, "exists id": 1} {
			page, err := s.Search(ctx, store.Search{Where: parse(t, filter)})
			if err != nil || len(page.Cases) != want {
				t.Errorf("%s: %d cases, want %d, %v", filter, len(page.Cases), want, err)
			}
		}
		st, err := s.Stats(ctx)
		if err != nil || st.Cases != 1 {
			t.Errorf("%d cases, %v", st.Cases, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir, Options{})
	}
}
