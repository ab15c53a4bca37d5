package sqlite

import (
	"context"
	"testing"

	"sipcause/internal/query"
	"sipcause/internal/store"
	"sipcause/internal/store/storetest"
)

// open opens a store that the test closes at its end.
func open(t testing.TB, dir string, opt Options) *Store {
	t.Helper()
	s, err := Open(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, t.TempDir(), Options{}) })
}

// TestConformanceOfSmallPartitions: each batch begins another partition of its kind.
func TestConformanceOfSmallPartitions(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, t.TempDir(), Options{fileBytes: 1}) })
}

func parse(t testing.TB, filter string) *query.Expr {
	t.Helper()
	e, err := query.Parse(filter)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestSearchLooksAtFew: a page is found by looking at little more than what is on it, wherever it lies, and messages
// take few bytes.
func TestSearchLooksAtFew(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	filled(t, s, 60_000)
	ctx := context.Background()
	st, err := s.Stats(ctx)
	if err != nil || st.Cases < 4000 {
		t.Fatalf("%d cases, %v", st.Cases, err)
	}
	if per := st.Bytes / int64(st.Messages); per > 400 { // three files of 8 KiB pages and their logs
		t.Errorf("%d bytes a message", per)
	}
	for filter, most := range map[string]uint64{
		"": 300, "code = 486": 150, "code >= 500": 150, "cause = auth.*": 150, "number = +4930*": 300, "number = *47": 150, "ip = 192.0.2.7": 150, "route = carrier-3": 150,
		"callid = nobody": 0, "kind = registration": 0, "cause = auth.* and route = carrier-3": 50, "code = 486 or cause = auth.*": 150, "code in (404, 503) and number = *1": 150,
		"code = 486 and start < 2026-01-15T06:00:00Z": 150,
	} {
		q := store.Search{}
		if filter != "" {
			q.Where = parse(t, filter)
		}
		p, err := s.Search(ctx, q)
		if err != nil || p.Scanned > most {
			t.Errorf("%s: %d cases of %d looked at, want at most %d, %v", filter, len(p.Cases), p.Scanned, most, err)
		}
	}
}

// TestFilesAreBounded: however many partitions a search reads, few are open afterwards.
func TestFilesAreBounded(t *testing.T) {
	s := open(t, t.TempDir(), Options{fileBytes: 1})
	write(t, s, 40)
	prefix(t, s)
	if n := len(s.files.open); n > maxFiles {
		t.Errorf("%d files are open, want at most %d", n, maxFiles)
	}
}
