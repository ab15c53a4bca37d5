package clocks

import (
	"testing"
	"time"

	"sipcause/internal/wire"
)

// TestFlood holds that what is kept of points has bounds.
func TestFlood(t *testing.T) {
	lanes := make([]Lane, 80)
	for i := range lanes {
		l := &lanes[i]
		l.Stem, l.First, l.Last = string(rune('a'+i)), start, start.Add(time.Minute)
		for k := range 40 {
			l.Marks = append(l.Marks, Mark{At: start.Add(time.Duration(k)*time.Second + time.Duration(i)*time.Hour), ID: uint64(k + 1), Hop: uint64(k), Back: k%2 == 0})
		}
	}
	clocks, links := Align(lanes)
	if len(clocks) != maxPoints || len(links) != maxLinks {
		t.Errorf("%d points, want %d; %d links, want %d", len(clocks), maxPoints, len(links), maxLinks)
	}
	n := 0
	for i := range clocks {
		n += len(clocks[i].Lanes)
	}
	if n != len(lanes) {
		t.Errorf("%d lanes have a point, want %d", n, len(lanes))
	}

	again := []Lane{{Stem: "a"}, {Stem: "b"}}
	for i := range again {
		for k := range 100 {
			again[i].Marks = append(again[i].Marks, Mark{At: start.Add(time.Duration(k) * time.Second), ID: 1})
		}
	}
	if s := match(again)[pair{0, 1}]; len(s) != maxOccurrences {
		t.Errorf("%d occurrences compared, want %d", len(s), maxOccurrences)
	}

	p := NewPoints(clocks[:2], nil, nil)
	p.Reached(1, start, start.Add(time.Hour))
	if !p.Running(1, start, start.Add(time.Minute)) {
		t.Error("the point was not running")
	}
	for range maxGaps + 5 {
		p.AddGap(wire.Gap{Kind: wire.GapDrops, From: start.Add(2 * time.Hour), Until: start.Add(2 * time.Hour)})
	}
	if len(p.gaps) != maxGaps || p.Missed != 5 || p.Running(1, start, start.Add(time.Minute)) {
		t.Errorf("%d gaps kept, %d missed; running: %v", len(p.gaps), p.Missed, p.Running(1, start, start.Add(time.Minute)))
	}
}

// TestRunning: a point has captured a time when it has packets before and after and no gap in it.
func TestRunning(t *testing.T) {
	p := NewPoints(make([]Clock, 2), nil, nil)
	at := func(s int) wire.Time { return start.Add(time.Duration(s) * time.Second) }
	p.Reached(1, at(0), at(100))
	p.AddGap(wire.Gap{Kind: wire.GapDrops, Point: 1, From: at(50), Until: at(60)})
	p.AddGap(wire.Gap{Kind: wire.GapDrops, Point: 0, From: at(0), Until: at(100)})
	for _, c := range []struct {
		from, until int
		want        bool
	}{{0, 1, true}, {-1, 1, false}, {99, 101, false}, {49, 50, false}, {55, 56, false}, {61, 100, true}} {
		if got := p.Running(1, at(c.from), at(c.until)); got != c.want {
			t.Errorf("from %d s until %d s: %v, want %v", c.from, c.until, got, c.want)
		}
	}
	if p.Running(0, at(0), at(1)) {
		t.Error("a point without packets was running")
	}
}
