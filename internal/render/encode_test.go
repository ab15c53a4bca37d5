package render

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

// TestAppendFloat: the quick way gives the bytes of the slow one.
func TestAppendFloat(t *testing.T) {
	check := func(v float64) {
		t.Helper()
		if got, want := string(appendFloat(nil, v)), strconv.FormatFloat(v, 'f', -1, 64); got != want {
			t.Fatalf("%v: %s, want %s", v, got, want)
		}
	}
	for _, v := range []float64{0, 1, -1, 0.5, 1e-6, 1e-7, 0.1 + 0.2, 100, 1.000001, 999999999.999999, 1e9, 1e21, 0.95 * 0.9, -0.000001} {
		check(v)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		check(float64(random.Int64N(1<<random.IntN(62))) / 1e6)
		check(random.Float64())
	}
}
