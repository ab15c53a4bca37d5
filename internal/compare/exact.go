package compare

import "math"

// exact returns how likely chance alone makes the shares a of na and b of nb differ this much or more: Fisher's exact
// test of two proportions, two-sided as twice the smaller tail. a ≤ na and b ≤ nb.
func exact(a, na, b, nb uint64) float64 {
	if na == 0 || nb == 0 {
		return 1
	}
	return min(1, 2*min(tail(a, na, b, nb), tail(b, nb, a, na)))
}

// tail is the chance that a of the a+b hits, or more, fall into the first na of na+nb (hypergeometric distribution).
func tail(a, na, b, nb uint64) float64 {
	hits, all := float64(a+b), float64(na+nb)
	x := float64(a)
	p := math.Exp(choose(float64(na), x) + choose(float64(nb), float64(b)) - choose(all, hits))
	sum := p
	for last := min(float64(na), hits); x < last; x++ {
		p *= (float64(na) - x) * (hits - x) / ((x + 1) * (float64(nb) - hits + x + 1))
		sum += p
		if p < sum*1e-12 {
			break
		}
	}
	return sum
}

// choose is the logarithm of the binomial coefficient.
func choose(n, k float64) float64 { return factorial(n) - factorial(k) - factorial(n-k) }

func factorial(n float64) float64 {
	v, _ := math.Lgamma(n + 1)
	return v
}
