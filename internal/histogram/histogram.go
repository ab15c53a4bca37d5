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
	n     int64
	count map[int16]int64
}

// Add counts one value.
func (h *Histogram) Add(ms float64) { h.AddCount(Bucket(ms), 1) }

// AddCount counts n values of a bucket, or takes back as many when n is negative: what is taken back may be counted
// later. A bucket that does not exist counts as the nearest.
func (h *Histogram) AddCount(bucket int16, n int64) {
	if h.count == nil {
		h.count = map[int16]int64{}
	}
	h.n += n
	h.count[min(max(bucket, 0), buckets-1)] += n
}

// Bucket returns the bucket that a value is counted in, from 0 on. The numbers are stored: they never change.
func Bucket(ms float64) int16 {
	if !(ms > least) { // NaN too
		return 0
	}
	return int16(min(math.Log(ms/least)/math.Log(growth), buckets-1))
}

// Middle returns the value that stands for a bucket.
func Middle(bucket int16) float64 { return least * math.Pow(growth, float64(bucket)+0.5) }

// N returns how many values were counted.
func (h *Histogram) N() uint64 { return uint64(max(h.n, 0)) }

// Quantile returns the value below which the share q of all values lies; h must not be empty.
func (h *Histogram) Quantile(q float64) float64 {
	rank := max(uint64(math.Ceil(q*float64(h.n))), 1)
	var sum int64
	for b := range int16(buckets) {
		if sum += h.count[b]; sum >= int64(rank) {
			return Middle(b)
		}
	}
	return math.NaN() // not reached: all values are in a bucket
}

// Above returns how many values lie above the bucket of ms: those that are longer by more than the histogram's error.
func (h *Histogram) Above(ms float64) uint64 {
	var n int64
	for b := Bucket(ms) + 1; b < buckets; b++ {
		n += h.count[b]
	}
	return uint64(max(n, 0))
}
