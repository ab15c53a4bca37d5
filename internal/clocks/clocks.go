// Package clocks says how the clocks of capture points lie to each other, by the messages that several of them saw.
// Its one rule: pure functions of what was seen; the same marks give the same answer in whatever order they are
// gathered.
package clocks

import (
	"cmp"
	"slices"
	"time"

	"sipcause/internal/wire"
)

// Mark is one message seen in one lane: a file, or an interface of one.
type Mark struct {
	At   wire.Time
	ID   uint64 // of the message as its originator made it, the same on all hops
	Talk uint64 // of the message by what a B2BUA hands on of it, 0: nothing
	Top  uint64 // of its topmost Via's branch: the same as long as no element puts a Via on it
	Hop  uint64 // HopOf the two hosts it went between
	Back bool   // it went from the greater host to the lesser
	Mint uint16 // what this very packet has and one with the same message sent another time has not; 0: nothing is known
}

// Lane is what was read of one file or interface for the sake of its clock.
type Lane struct {
	Stem        string // its name without digits: files of one series share it
	Text        bool   // a trace that somebody wrote: what it lacks was not lost
	First, Last wire.Time
	Marks       []Mark
}

// Clock says how a capture point's clock lies to that of its reference.
type Clock struct {
	Lanes     []int // that make the point, by index
	Reference int   // the point whose clock is taken for right; the point itself when nothing ties it to another
	Offset    time.Duration
	Error     time.Duration // Offset is off by no more; 0 when Both is not set
	Drift     float64       // parts per million; 0 when none can be told
	From      wire.Time     // on the point's own clock: when Offset holds; before and after it Drift has its share
	Messages  int           // that the estimate rests on
	Both      bool          // messages in both directions were among them
	Text      bool          // one of the lanes is a text
	Applied   bool          // times of the point are to be corrected: the error alone does not explain the offset
}

// ahead returns how far the clock is ahead of its reference at a time that it shows; negative: behind.
func (c *Clock) ahead(at wire.Time) time.Duration {
	d := c.Offset
	if c.Drift != 0 {
		d += time.Duration(float64(at-c.From) * c.Drift / 1e6)
	}
	return d
}

// Right returns the time of the reference for a time of the point.
func (c *Clock) Right(at wire.Time) wire.Time {
	if !c.Applied || at == 0 {
		return at
	}
	return at - wire.Time(c.ahead(at))
}

// Link is a hop that two points saw: what goes along it one way passes Near first, then Far.
type Link struct {
	Near, Far int    // points
	Hop       uint64 // as Near saw it
	Back      bool   // Mark.Back of what goes from Near to Far
	Messages  int    // that both saw, in this direction
}

// maxLinks bounds the links that are told of.
const maxLinks = 4096

// maxPoints bounds the capture points told apart; further lanes join the first.
const maxPoints = 64

// sample is one message seen in two lanes.
type sample struct {
	at   wire.Time // in the first lane
	d    wire.Time // time in the second less that in the first
	hop  uint64    // in the first lane
	far  uint64    // in the second
	back bool
	bac2 bool // in the second
	same bool // the very same packet, by Mark.Mint
	hops bool // seen on one hop
	made bool // an element between made the second of the first: it may keep messages back
}

// pair names two lanes or points, the lesser first.
type pair struct{ a, b int }

// Align tells capture points apart and estimates their clocks. Lanes are of one point unless they have messages in
// common, as only captures taken in different places have: files of one series stay together. nil when there is
// only one point.
func Align(lanes []Lane) ([]Clock, []Link) {
	byLanes := match(lanes)
	points := grouped(lanes, byLanes)
	n := 0
	for _, p := range points {
		n = max(n, p+1)
	}
	if n < 2 {
		return nil, nil
	}
	byPoints := map[pair][]sample{}
	for _, k := range sortedPairs(byLanes) {
		a, b := points[k.a], points[k.b]
		switch {
		case a < b:
			byPoints[pair{a, b}] = append(byPoints[pair{a, b}], byLanes[k]...)
		case a > b:
			for _, s := range byLanes[k] {
				byPoints[pair{b, a}] = append(byPoints[pair{b, a}], sample{s.at + s.d, -s.d, s.far, s.hop, s.bac2, s.back, s.same, s.hops, s.made})
			}
		}
	}
	clocks := make([]Clock, n)
	for i := range clocks {
		clocks[i] = Clock{Reference: i}
	}
	for lane, p := range points {
		clocks[p].Lanes = append(clocks[p].Lanes, lane)
		clocks[p].Text = clocks[p].Text || lanes[lane].Text
	}
	var links []Link
	found := map[pair]estimate{}
	for _, k := range sortedPairs(byPoints) {
		e := estimateOf(byPoints[k])
		found[k] = e
		links = append(links, linksOf(k, byPoints[k])...)
	}
	tie(clocks, found)
	return clocks, links[:min(len(links), maxLinks)]
}

func sortedPairs[T any](m map[pair]T) []pair {
	keys := make([]pair, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y pair) int { return cmp.Or(x.a-y.a, x.b-y.b) })
	return keys
}

// Two lanes are of different points when they have messages in common at one offset. Files of one capture have the
// retransmissions around the change from one file to the next in common.
const (
	steady  = wire.Time(250e6) // offsets of most messages lie within so much: no link is as slow
	fewest  = 20               // messages in common on one hop where the files were not written at the same time, unless the packets are the same, of both directions
	few     = 8                // messages in common on one hop where they were
	atLeast = 0.5              // share of these at the steady offset, and of the smaller lane where files follow each other
)

// apart says whether two lanes are of different points.
func apart(a, b *Lane, s []sample) bool {
	if len(s) == 0 {
		return false
	}
	_, n := densest(s)
	if float64(n) < atLeast*float64(len(s)) {
		return false
	}
	var same [2]int // by direction: two hosts do not count their packets alike by chance
	for i := range s {
		if s[i].same && s[i].back {
			same[1]++
		} else if s[i].same {
			same[0]++
		}
	}
	proven := same[0] > 0 && same[1] > 0 && 2*(same[0]+same[1]) > len(s)
	most := float64(n) >= atLeast*float64(min(len(a.Marks), len(b.Marks)))
	switch overlap := a.First < b.Last && b.First < a.Last; {
	case !overlap:
		return (s[0].hops && n >= fewest || proven) && most
	case s[0].hops:
		return proven || most || n >= few
	}
	return n >= 2
}

// densest returns the offset around which most samples lie, within steady, and how many they are.
func densest(s []sample) (wire.Time, int) {
	d := make([]wire.Time, len(s))
	for i := range s {
		d[i] = s[i].d
	}
	slices.Sort(d)
	best, n, lo := wire.Time(0), 0, 0
	for hi := range d {
		for d[hi]-d[lo] > 2*steady {
			lo++
		}
		if hi-lo+1 > n {
			best, n = d[lo]+(d[hi]-d[lo])/2, hi-lo+1
		}
	}
	return best, n
}

// grouped returns the point of each lane: that of its series, the first where nothing has messages in common with it,
// else one of its own.
func grouped(lanes []Lane, shared map[pair][]sample) []int {
	others := map[pair]bool{} // of different points
	alone := make([]bool, len(lanes))
	for i := range alone {
		alone[i] = true
	}
	for k, s := range shared {
		if apart(&lanes[k.a], &lanes[k.b], s) {
			others[k] = true
			alone[k.a], alone[k.b] = false, false
		}
	}
	points := make([]int, len(lanes))
	n := 0
	for i := range lanes {
		points[i] = 0
		if alone[i] && n > 0 {
			continue
		}
		own := -1
		for o := 0; o < i && own < 0; o++ {
			if lanes[o].precedes(&lanes[i]) && !alone[o] && !slices.ContainsFunc(sameIn(points[:i], points[o]), func(k int) bool {
				return others[pair{k, i}]
			}) {
				own = points[o]
			}
		}
		if own < 0 && n < maxPoints {
			own = n
			n++
		}
		points[i] = max(own, 0)
	}
	return points
}

// sameIn returns the indices of the lanes of a point.
func sameIn(points []int, point int) (list []int) {
	for i, p := range points {
		if p == point {
			list = append(list, i)
		}
	}
	return list
}

// precedes says whether two lanes may be files of one series: their names differ in digits alone, and they were not
// written at the same time.
func (l *Lane) precedes(o *Lane) bool {
	return l.Stem == o.Stem && (l.Last <= o.First+steady || o.Last <= l.First+steady)
}

// tie makes offsets between pairs of points offsets from one reference: along the pairs with the most messages in
// common, from the first point of those that hang together.
func tie(clocks []Clock, found map[pair]estimate) {
	done := make([]bool, len(clocks))
	keys := sortedPairs(found)
	for root := range clocks {
		if done[root] {
			continue
		}
		done[root] = true
		clocks[root].Reference = root
		for {
			best := pair{-1, -1}
			for _, k := range keys {
				if (done[k.a] && clocks[k.a].Reference == root) != (done[k.b] && clocks[k.b].Reference == root) && !(done[k.a] && done[k.b]) &&
					(best.a < 0 || found[k].better(found[best])) {
					best = k
				}
			}
			if best.a < 0 {
				break
			}
			e, from, to := found[best], best.a, best.b
			if done[best.b] {
				e, from, to = e.reverse(), best.b, best.a
			}
			done[to] = true
			c, up := &clocks[to], &clocks[from]
			c.Reference = root
			c.Messages, c.Both, c.Drift = e.n, e.both, e.drift+up.Drift
			c.From = e.from + e.offset
			c.Offset = time.Duration(e.offset) + up.ahead(e.from)
			c.Error = time.Duration(e.err) + up.Error
			slack := max(c.Error, time.Microsecond)
			if !e.both {
				slack = time.Duration(oneWay)
			}
			c.Applied = up.Applied || c.Drift != 0 || c.Offset.Abs() > slack
		}
	}
}

// oneWay is what messages of one direction only may be delayed for by the way alone.
const oneWay = wire.Time(100e6)
