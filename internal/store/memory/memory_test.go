package memory_test

import (
	"testing"

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
