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

// TestAllPlain: of any byte among seven others it says what the table says.
func TestAllPlain(t *testing.T) {
	for c := range 256 {
		for at := range 8 {
			for _, other := range []byte{'a', ' ', '~', '"' + 1, '\\' - 1} {
				w := uint64(0)
				for k := range 8 {
					b := other
					if k == at {
						b = byte(c)
					}
					w |= uint64(b) << (8 * k)
				}
				if allPlain(w) != plain[c] {
					t.Fatalf("%#x: %v", w, !plain[c])
				}
			}
		}
	}
}
