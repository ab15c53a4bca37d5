package kpi

import (
	"cmp"
	"math"
	"slices"
)

// Portion is a part of the traffic in one interval: Hits of what the measure counts (failures, answers, calls of one
// code) of Of in all. Of a Number the two are equal.
type Portion struct{ Hits, Of int64 }

// Part is the traffic with one value of a dimension, before a change and since.
type Part struct {
	Dimension, Value string // "route" "out:carrier-a", "code" "503", "prefix" "155", "ua", "source", "cause", "maker" …
	Before, After    Portion
}

// Change is what is to be explained: all traffic before and since, and how long the two intervals are in minutes.
type Change struct {
	Scale                       Scale // Number: of Hits per minute; else of Hits/Of
	Before, After               Portion
	MinutesBefore, MinutesAfter float64
}

// Ways in which a part carries a change.
const (
	ByVolume = "volume" // there is more or less of it
	ByRate   = "rate"   // it behaves otherwise
	ByMix    = "mix"    // it behaves as ever, but its share of the traffic is another
	ByResult = "result" // it is what the change consists of: a code, a cause, who made the response
)

// Carrier is a part of the traffic that carries more of a change than its share of the traffic.
type Carrier struct {
	Dimension, Value string
	Share            float64 // of the change, 1 for all of it; more when others went the other way
	Usual            float64 // share that it would carry if all traffic had changed alike
	How              string  // ByVolume, ByRate, ByMix or ByResult
	Before, After    Portion
}

// resultDimensions tell apart how calls ended and no traffic before it did.
var resultDimensions = []string{"code", "cause", "maker"}

// From these on a part is said to carry a change.
const (
	leastShare    = 0.3
	leastSurprise = 0.2
)

// maxCarriers bounds the answer.
const maxCarriers = 8

// Explain returns the parts that carry the change, the most telling first: that of which the most cannot be put down to its
// size. It is empty when all traffic changed alike, or not at all.
func Explain(c Change, parts []Part) []Carrier {
	total := c.total()
	if total == 0 || math.IsNaN(total) || math.IsInf(total, 0) {
		return nil
	}
	var list []Carrier
	for i := range parts {
		p := &parts[i]
		if p.Value == "" {
			continue // not known, or none
		}
		one := Carrier{Dimension: p.Dimension, Value: p.Value, Before: p.Before, After: p.After}
		var delta float64
		if c.Scale == Number {
			delta, one.Usual, one.How = c.volume(p)
		} else {
			delta, one.Usual, one.How = c.rate(p)
		}
		one.Share = delta / total
		if one.Share >= leastShare && one.Share-one.Usual >= leastSurprise {
			list = append(list, one)
		}
	}
	slices.SortStableFunc(list, func(a, b Carrier) int { return cmp.Compare(min(b.Share, 1)-b.Usual, min(a.Share, 1)-a.Usual) })
	return list[:min(len(list), maxCarriers)]
}

// total is the change of the measure.
func (c *Change) total() float64 {
	if c.Scale == Number {
		return per(c.After.Hits, c.MinutesAfter) - per(c.Before.Hits, c.MinutesBefore)
	}
	return per(c.After.Hits, float64(c.After.Of)) - per(c.Before.Hits, float64(c.Before.Of))
}

func per(n int64, of float64) float64 {
	if of <= 0 {
		return 0
	}
	return float64(n) / of
}

// volume returns how much a part adds to the change of a Number.
func (c *Change) volume(p *Part) (delta, usual float64, how string) {
	before := per(p.Before.Hits, c.MinutesBefore)
	how = ByVolume
	if slices.Contains(resultDimensions, p.Dimension) {
		how = ByResult
	}
	return per(p.After.Hits, c.MinutesAfter) - before, per(p.Before.Hits, float64(c.Before.Hits)), how
}

// rate returns how much a part adds to the change of a share: w' (r' - r) because it behaves otherwise, and (w' - w)(r - R)
// because there is another share of it in the traffic, where R is the share of all before. These sum to the change.
func (c *Change) rate(p *Part) (delta, usual float64, how string) {
	all := per(c.Before.Hits, float64(c.Before.Of))
	w0, w1 := per(p.Before.Of, float64(c.Before.Of)), per(p.After.Of, float64(c.After.Of))
	r0, r1 := all, per(p.After.Hits, float64(p.After.Of))
	if p.Before.Of > 0 {
		r0 = per(p.Before.Hits, float64(p.Before.Of))
	}
	if p.After.Of == 0 {
		r1 = r0
	}
	byRate, byMix := w1*(r1-r0), (w1-w0)*(r0-all)
	switch {
	case slices.Contains(resultDimensions, p.Dimension):
		how, usual = ByResult, w0
	case math.Abs(byMix) > math.Abs(byRate):
		how, usual = ByMix, w0
	default:
		how, usual = ByRate, w1
	}
	return byRate + byMix, usual, how
}

// Since returns at which of the values a change began: the split into two parts that differ the most for what they
// scatter. 0 when there are fewer than two.
func Since(values []float64) int {
	best, at := 0.0, 0
	var sum float64
	for _, v := range values {
		sum += v
	}
	n, left := float64(len(values)), 0.0
	for i := 1; i < len(values); i++ {
		left += values[i-1]
		a, b := left/float64(i), (sum-left)/(n-float64(i))
		if gain := float64(i) * (n - float64(i)) / n * (a - b) * (a - b); gain > best {
			best, at = gain, i
		}
	}
	return at
}
