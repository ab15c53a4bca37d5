package retry

import (
	"slices"
	"time"
)

// Shape says how the intervals between the tries of a run grow.
type Shape uint8

// Shapes.
const (
	ShapeUnknown     Shape = iota // fewer than three intervals
	ShapeNone                     // no back-off: each within a second
	ShapeConstant                 // all alike
	ShapeLinear                   // longer by the same each time
	ShapeExponential              // longer by the same factor each time, perhaps up to a limit
	ShapeJittered                 // around one length, or growing, with chance in it
	ShapeIrregular                // none of these: a person, or several causes
)

var shapeNames = [...]string{"unknown", "none", "constant", "linear", "exponential", "jittered", "irregular"}

// String returns the name used in output.
func (s Shape) String() string { return shapeNames[s] }

// What the shapes allow.
const (
	leastIntervals = 3
	atOnce         = time.Second
	alike          = 0.10 // spread of constant intervals, of the shortest
	step           = 0.20 // spread of the steps of linear ones, of the mean step
	leastFactor    = 1.4  // of exponential ones
	factorSpread   = 0.25 // of the mean factor
	jitterSpan     = 2.2  // longest to shortest of intervals around one length (RFC 5626 §4.5 draws from 50 to 100 %)
	jitterDip      = 0.5  // of growing ones, the least an interval may be of the longest before it
)

func shapeOf(list []time.Duration) Shape {
	if len(list) < leastIntervals {
		return ShapeUnknown
	}
	shortest, longest := slices.Min(list), slices.Max(list)
	switch {
	case longest <= atOnce:
		return ShapeNone
	case float64(longest-shortest) <= alike*float64(shortest):
		return ShapeConstant
	}
	if growing := uncapped(list); len(growing) >= leastIntervals {
		if linear(growing) && len(growing) == len(list) {
			return ShapeLinear
		}
		if exponential(growing) {
			return ShapeExponential
		}
	}
	if float64(longest) <= jitterSpan*float64(shortest) || jittered(list) {
		return ShapeJittered
	}
	return ShapeIrregular
}

// uncapped returns the intervals up to the first one at the limit, when the last ones are alike.
func uncapped(list []time.Duration) []time.Duration {
	n := len(list)
	for n > 1 && near(list[n-1], list[n-2]) {
		n--
	}
	return list[:n]
}

func near(a, b time.Duration) bool {
	return float64(max(a, b)-min(a, b)) <= alike*float64(min(a, b))
}

func linear(list []time.Duration) bool {
	least, most := list[1]-list[0], list[1]-list[0]
	for i := 1; i < len(list); i++ {
		d := list[i] - list[i-1]
		least, most = min(least, d), max(most, d)
	}
	mean := float64(list[len(list)-1]-list[0]) / float64(len(list)-1)
	return least > 0 && float64(most-least) <= step*mean
}

// exponential looks at the factors; the last step may be cut by the limit.
func exponential(list []time.Duration) bool {
	least, most, sum := 0.0, 0.0, 0.0
	n := len(list) - 1
	for i := 1; i < len(list); i++ {
		f := float64(list[i]) / float64(list[i-1])
		if i == n && n > 2 && f > 1 && f < most {
			n-- // to the limit
			break
		}
		if i == 1 {
			least = f
		}
		least, most, sum = min(least, f), max(most, f), sum+f
	}
	return least >= leastFactor && most-least <= factorSpread*sum/float64(n)
}

// jittered says whether intervals grow in all, and none falls far behind the longest before it.
func jittered(list []time.Duration) bool {
	longest := list[0]
	for _, d := range list[1:] {
		if float64(d) < jitterDip*float64(longest) {
			return false
		}
		longest = max(longest, d)
	}
	return list[len(list)-1] > list[0] && len(list) > leastIntervals
}
