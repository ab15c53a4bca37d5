// Package histogram counts times in buckets of equal relative width. Its one rule: its size does not depend on how
// many values it is given.
package histogram

import "math"

// Buckets grow by 2 %, so that a quantile is at most 1 % off; they reach from 10 µs to 70 years.
const (
	growth  = 1.02
	least   = 0.01 // ms; what is shorter counts as this
	buckets = 1400
)

// Histogram counts milliseconds. The zero Histogram is empty; it is for one goroutine.
type Histogram struct {
	n     uint64
	count map[int16]uint64
}

// Add counts one value.
func (h *Histogram) Add(ms float64) {
	if h.count == nil {
		h.count = map[int16]uint64{}
	}
	h.n++
	h.count[bucket(ms)]++
}

func bucket(ms float64) int16 {
	if ms <= least {
		return 0
	}
	return int16(min(int(math.Log(ms/least)/math.Log(growth)), buckets-1))
}

// N returns how many values were counted.
func (h *Histogram) N() uint64 { return h.n }

// Quantile returns the value below which the share q of all values lies; h must not be empty.
func (h *Histogram) Quantile(q float64) float64 {
	rank := uint64(math.Ceil(q * float64(h.n)))
	var sum uint64
	for b := range int16(buckets) {
		if sum += h.count[b]; sum >= rank {
			return least * math.Pow(growth, float64(b)+0.5)
		}
	}
	return math.NaN() // not reached: all values are in a bucket
}

// Above returns how many values lie above the bucket of ms: those that are longer by more than the histogram's error.
func (h *Histogram) Above(ms float64) (n uint64) {
	for b := bucket(ms) + 1; b < buckets; b++ {
		n += h.count[b]
	}
	return n
}
