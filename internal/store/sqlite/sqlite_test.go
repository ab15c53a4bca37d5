package sqlite

import (
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
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, t.TempDir(), Options{PartitionBytes: 1}) })
}

func parse(t testing.TB, filter string) *query.Expr {
	t.Helper()
	e, err := query.Parse(filter)
	if err != nil {
		t.Fatal(err)
	}
	return e
}
