package kpi

import "math"

// Buckets grow by 2 %, so that a quantile is at most 1 % off; they reach from 10 µs to 70 years.
const (
	growth  = 1.02
	least   = 0.01 // ms; what is shorter counts as this
	buckets = 1400
)

// histogram counts milliseconds in buckets of equal relative width; two of them can be added up.
type histogram struct {
	n, without uint64 // values, and calls that had none
	count      map[int16]uint64
}

func (h *histogram) add(ms *float64) {
	if ms == nil {
		h.without++
		return
	}
	if h.count == nil {
		h.count = map[int16]uint64{}
	}
	b := 0
	if *ms > least {
		b = min(int(math.Log(*ms/least)/math.Log(growth)), buckets-1)
	}
	h.n++
	h.count[int16(b)]++
}

// quantile returns the value below which the share q of all values lies; h must not be empty.
func (h *histogram) quantile(q float64) float64 {
	rank := uint64(math.Ceil(q * float64(h.n)))
	var sum uint64
	for b := range int16(buckets) {
		if sum += h.count[b]; sum >= rank {
			return least * math.Pow(growth, float64(b)+0.5)
		}
	}
	return math.NaN() // not reached: all values are in a bucket
}
