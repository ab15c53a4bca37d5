package memory_test

import (
	"testing"
	"time"

	"sipcause/internal/store"
	"sipcause/internal/store/memory"
	"sipcause/internal/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		s := memory.New(1 << 30)
		t.Cleanup(func() { _ = s.Close() })
		return s
	})
}

// TestBound: beyond the bound the oldest of each kind goes, and the newest stays.
func TestBound(t *testing.T) {
	const bound = 400_000
	s, g := memory.New(bound), storetest.NewGenerator(1)
	var last *store.Batch
	for i := range 200 {
		last = g.Batch(uint64(i+1), storetest.Start.Add(time.Duration(i)*time.Hour), 20)
		if err := s.Write(t.Context(), last); err != nil {
			t.Fatal(err)
		}
		if st, err := s.Stats(t.Context()); err != nil || st.Bytes > bound {
			t.Fatalf("after batch %d: %d bytes, %v", i, st.Bytes, err)
		}
	}
	st, err := s.Stats(t.Context())
	if err != nil || st.Messages < 200 || st.Cases < 20 || st.Cases >= 4000 || st.Cells < 100 || st.LastSeq != 200 {
		t.Fatalf("%+v, %v", st, err)
	}
	for _, c := range last.Cases {
		if _, err := s.Case(t.Context(), c.ID); err != nil {
			t.Error(err)
		}
	}
	m := last.Messages[len(last.Messages)-1]
	if got, err := s.Messages(t.Context(), []uint64{m.Key}, m.Time, m.Time); err != nil || len(got) == 0 {
		t.Errorf("the newest message: %d, %v", len(got), err)
	}
	// Nothing fits: no panic, and writing goes on.
	s = memory.New(1)
	for i := range 3 {
		if err := s.Write(t.Context(), g.Batch(uint64(i+1), storetest.Start, 20)); err != nil {
			t.Fatal(err)
		}
	}
	if st, err := s.Stats(t.Context()); err != nil || st.Bytes != 0 {
		t.Errorf("%+v, %v", st, err)
	}
}
