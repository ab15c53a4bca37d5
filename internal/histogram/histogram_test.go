package histogram

import (
	"math"
	"testing"
)

func TestQuantileAndAbove(t *testing.T) {
	var h Histogram
	for i := range 1000 {
		h.Add(float64(i + 1))
	}
	for q, want := range map[float64]float64{0.5: 500, 0.95: 950, 1: 1000} {
		if got := h.Quantile(q); math.Abs(got-want) > 0.011*want {
			t.Errorf("quantile %v = %v, want %v", q, got, want)
		}
	}
	for ms, want := range map[float64]uint64{0: 1000, 500: 500, 1000: 0, 1e9: 0} {
		if got := h.Above(ms); got > want || float64(got) < float64(want)-0.02*ms {
			t.Errorf("%d above %v, want %d less those in its bucket", got, ms, want)
		}
	}
	if h.N() != 1000 {
		t.Errorf("%d values", h.N())
	}
}

// TestBounded: whatever the values, no more buckets than there are.
func TestBounded(t *testing.T) {
	var h Histogram
	for e := -400.0; e < 300; e += 0.01 {
		h.Add(math.Pow(10, e))
	}
	h.Add(0)
	h.Add(-5)
	h.Add(math.MaxFloat64)
	if len(h.count) > buckets {
		t.Errorf("%d buckets", len(h.count))
	}
	if got := h.Quantile(1); math.IsNaN(got) {
		t.Error("no greatest value")
	}
}
