package clocks

import (
	"cmp"
	"math"
	"slices"

	"sipcause/internal/wire"
)

// estimate is how far the clock of the second of two points is ahead of that of the first.
type estimate struct {
	offset, err wire.Time
	drift       float64   // ppm
	from        wire.Time // time at the first point for which offset holds
	n           int
	both        bool
	lo, hi      wire.Time // offset lies between: by the fastest messages of both directions
}

func (e estimate) better(o estimate) bool {
	if e.both != o.both {
		return e.both
	}
	return e.n > o.n
}

func (e estimate) reverse() estimate {
	r := e
	r.offset, r.drift, r.from = -e.offset, -e.drift, e.from+e.offset
	r.lo, r.hi = -e.hi, -e.lo
	return r
}

// An offset is fitted to so many spans of time at most, each with so many messages of each direction at least, when
// they take so long that a quartz may go wrong by more than the network's jitter.
const (
	maxSpans   = 16
	spanMin    = 8
	driftAfter = wire.Time(60e9)
	maxDrift   = 1000 // ppm: a clock that runs worse was set meanwhile
)

// estimateOf finds the offset: a message from the first point to the second arrives no earlier than it left, so the
// least difference of the times is the most that the offset can be; the other direction bounds it from below. The
// middle of the two is right when the fastest messages of both directions are as fast as each other, and off by no
// more than half of what lies between in any case.
func estimateOf(all []sample) estimate {
	middle, _ := densest(all)
	var s []sample
	for _, one := range all {
		if d := one.d - middle; d >= -8*steady && d <= 8*steady {
			s = append(s, one)
		}
	}
	slices.SortFunc(s, func(x, y sample) int { return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(x.d, y.d)) })
	e := estimate{n: len(s)}
	if len(s) == 0 {
		return e
	}
	forth := oriented(s)
	e.from = s[0].at
	e.interval(s, forth)
	if last := s[len(s)-1].at; e.both && last-e.from >= driftAfter {
		e.fit(s, forth)
	}
	return e
}

// oriented says of each sample whether its message went from the first point to the second: of a hop, the direction
// whose differences are the greater. A hop with one direction alone goes by the others, if it can: 0 is not known.
func oriented(s []sample) []int8 {
	type way struct{ d [2][]wire.Time }
	hops := map[uint64]*way{}
	for i := range s {
		w := hops[s[i].hop]
		if w == nil {
			w = &way{}
			hops[s[i].hop] = w
		}
		k := 0
		if s[i].back {
			k = 1
		}
		w.d[k] = append(w.d[k], s[i].d)
	}
	toSecond := map[uint64]int8{} // of what does not go back: 1 to the second point, -1 from it
	lo, hi, some := wire.Time(math.MinInt64), wire.Time(math.MaxInt64), false
	for h, w := range hops {
		if len(w.d[0]) == 0 || len(w.d[1]) == 0 {
			continue
		}
		m0, m1 := median(w.d[0]), median(w.d[1])
		some = true
		if m0 >= m1 {
			toSecond[h] = 1
			hi, lo = min(hi, slices.Min(w.d[0])), max(lo, slices.Max(w.d[1]))
		} else {
			toSecond[h] = -1
			hi, lo = min(hi, slices.Min(w.d[1])), max(lo, slices.Max(w.d[0]))
		}
	}
	for h, w := range hops {
		if _, ok := toSecond[h]; ok || !some {
			continue
		}
		k, sign := 0, int8(1)
		if len(w.d[0]) == 0 {
			k, sign = 1, -1
		}
		switch m := median(w.d[k]); {
		case m > max(lo, hi):
			toSecond[h] = sign
		case m < min(lo, hi):
			toSecond[h] = -sign
		}
	}
	out := make([]int8, len(s))
	for i := range s {
		if out[i] = toSecond[s[i].hop]; s[i].back {
			out[i] = -out[i]
		}
	}
	return out
}

func median(d []wire.Time) wire.Time {
	slices.Sort(d)
	return d[len(d)/2]
}

// interval sets the offset by the fastest messages. Where these contradict each other (the clock drifts, or was set),
// by the middle ones.
func (e *estimate) interval(s []sample, forth []int8) {
	var to, from, none []wire.Time
	for i := range s {
		switch forth[i] {
		case 1:
			to = append(to, s[i].d)
		case -1:
			from = append(from, s[i].d)
		default:
			none = append(none, s[i].d)
		}
	}
	if len(to) > 0 && len(from) > 0 {
		e.both = true
		e.lo, e.hi = slices.Max(from), slices.Min(to)
		if e.lo > e.hi {
			a, b := median(from), median(to)
			e.lo, e.hi = min(a, b), max(a, b)
		}
		e.offset = e.lo + (e.hi-e.lo)/2
		e.err = (e.hi - e.lo + 1) / 2
		return
	}
	one := append(append(none, to...), from...)
	m := median(one) // sorts
	e.offset = one[0]
	if one[len(one)-1]-m < m-one[0] { // delays make a tail on one side: it is on the other
		e.offset = one[len(one)-1]
	}
	e.lo, e.hi = e.offset, e.offset
}

// fit looks for drift: the offset of each of several spans of time, and the line through them, when no one offset
// fits all.
func (e *estimate) fit(s []sample, forth []int8) {
	from, width := e.from, (s[len(s)-1].at-e.from)/maxSpans+1
	var parts []estimate
	for i := 0; i < len(s); {
		k := i
		to, back := 0, 0
		for k < len(s) && (s[k].at-s[i].at < width || to < spanMin || back < spanMin) {
			if forth[k] > 0 {
				to++
			} else if forth[k] < 0 {
				back++
			}
			k++
		}
		if to < spanMin || back < spanMin {
			break
		}
		p := estimate{from: s[i].at + (s[k-1].at-s[i].at)/2}
		p.interval(s[i:k], forth[i:k])
		parts = append(parts, p)
		i = k
	}
	if len(parts) < 3 {
		return
	}
	lo, hi := parts[0].lo, parts[0].hi
	for _, p := range parts {
		lo, hi = max(lo, p.lo), min(hi, p.hi)
	}
	if lo <= hi {
		return // one offset fits all
	}
	slope, at := line(parts, from)
	if math.Abs(slope)*1e6 > maxDrift {
		return
	}
	worst := wire.Time(0)
	for _, p := range parts {
		off := p.offset - at - wire.Time(slope*float64(p.from-from))
		worst = max(worst, max(off, -off)+p.err)
	}
	if spread := parts[len(parts)-1].offset - parts[0].offset; 2*worst > max(spread, -spread) {
		return // not a line
	}
	e.drift, e.offset, e.err = slope*1e6, at, worst
}

// line is the least-squares line through the offsets: its slope, and its height at from.
func line(parts []estimate, from wire.Time) (slope float64, at wire.Time) {
	var sx, sy, sxx, sxy float64
	base := parts[0].offset
	for _, p := range parts {
		x, y := float64(p.from-from), float64(p.offset-base)
		sx, sy, sxx, sxy = sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	n := float64(len(parts))
	slope = (n*sxy - sx*sy) / (n*sxx - sx*sx)
	return slope, base + wire.Time((sy-slope*sx)/n)
}

// linksOf returns the hops that both points of a pair saw, with their direction, as each of the two sees them. An
// element that makes messages anew ends a hop.
func linksOf(k pair, s []sample) (list []Link) {
	middle, _ := densest(s)
	var near []sample
	for _, one := range s {
		if d := one.d - middle; !one.made && d >= -8*steady && d <= 8*steady {
			near = append(near, one)
		}
	}
	n := map[Link]int{}
	for i, way := range oriented(near) {
		one := &near[i]
		if way == 0 {
			// Which way it went cannot be told: both are possible.
			n[Link{Near: k.a, Far: k.b, Hop: one.hop, Back: one.back}]++
			n[Link{Near: k.b, Far: k.a, Hop: one.far, Back: one.bac2}]++
			n[Link{Near: k.a, Far: k.b, Hop: one.hop, Back: !one.back}] += 0
			n[Link{Near: k.b, Far: k.a, Hop: one.far, Back: !one.bac2}] += 0
			continue
		}
		if way > 0 {
			n[Link{Near: k.a, Far: k.b, Hop: one.hop, Back: one.back}]++
			n[Link{Near: k.b, Far: k.a, Hop: one.far, Back: !one.bac2}] += 0
		} else {
			n[Link{Near: k.b, Far: k.a, Hop: one.far, Back: one.bac2}]++
			n[Link{Near: k.a, Far: k.b, Hop: one.hop, Back: !one.back}] += 0
		}
	}
	for l, count := range n {
		l.Messages = count
		list = append(list, l)
	}
	slices.SortFunc(list, func(x, y Link) int {
		return cmp.Or(cmp.Compare(y.Messages, x.Messages), cmp.Compare(x.Hop, y.Hop), x.Near-y.Near, x.order()-y.order())
	})
	return list
}

// order puts what goes back last.
func (l *Link) order() int {
	if l.Back {
		return 1
	}
	return 0
}
