package clocks

import (
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sipcause/internal/wire"
)

const start = wire.Time(1_770_000_000e9)

// two draws what two points saw of the messages between two hosts: n of them, every so often, from both sides, with
// delays from 1 ms on, the second clock by offset and drift (ppm) wrong.
func two(t *rapid.T, n int, every time.Duration, offset time.Duration, drift float64) []Lane {
	x, y := netip.MustParseAddrPort("192.0.2.1:5060"), netip.MustParseAddrPort("192.0.2.2:5060")
	a, b := Lane{Stem: "a"}, Lane{Stem: "b"}
	wrong := func(at wire.Time) wire.Time {
		return at.Add(offset) + wire.Time(float64(at-start)*drift/1e6)
	}
	for i := range n {
		left := start + wire.Time(i)*wire.Time(every)
		delay := wire.Time(rapid.Int64Range(1e6, 4e6).Draw(t, "delay"))
		src, dst := x, y
		ta, tb := left, wrong(left+delay)
		if i%2 == 1 {
			src, dst = y, x
			ta, tb = left+delay, wrong(left)
		}
		hop, back := HopOf(src, dst)
		m := Mark{ID: uint64(i + 1), Top: uint64(i + 1), Hop: hop, Back: back, Mint: uint16(i + 1)}
		if rapid.IntRange(0, 9).Draw(t, "lost") < 9 {
			m.At = ta
			a.Marks = append(a.Marks, m)
		}
		if rapid.IntRange(0, 9).Draw(t, "lost") < 9 {
			m.At = tb
			b.Marks = append(b.Marks, m)
		}
	}
	for _, l := range []*Lane{&a, &b} {
		for _, m := range l.Marks {
			if l.First == 0 {
				l.First = m.At
			}
			l.First, l.Last = min(l.First, m.At), max(l.Last, m.At)
		}
	}
	return []Lane{a, b}
}

// TestOffsetIsFound: the true offset lies within the error given, whatever it is.
func TestOffsetIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		offset := time.Duration(rapid.Int64Range(-4e12, 4e12).Draw(t, "offset"))
		clocks, links := Align(two(t, 60, 20*time.Millisecond, offset, 0))
		if len(clocks) != 2 {
			t.Fatalf("%d points", len(clocks))
		}
		c := clocks[1]
		if miss := (c.Offset - offset).Abs(); miss > c.Error || c.Error > 4*time.Millisecond || !c.Both {
			t.Errorf("%s ±%s (both directions: %v), the clock is %s ahead", c.Offset, c.Error, c.Both, offset)
		}
		if c.Applied != (c.Offset.Abs() > c.Error) {
			t.Errorf("offset %s ±%s: applied is %v", c.Offset, c.Error, c.Applied)
		}
		if len(links) != 2 {
			t.Errorf("links: %+v", links)
		}
		for _, l := range links {
			if want := l.Near == 1; l.Messages > 0 && l.Back != want {
				t.Errorf("link from %d goes the wrong way: %+v", l.Near, l)
			}
		}
	})
}

// TestDriftIsFound: of clocks that go apart, the offset at any time.
func TestDriftIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		drift := rapid.Float64Range(40, 200).Draw(t, "ppm")
		if rapid.Bool().Draw(t, "slow") {
			drift = -drift
		}
		clocks, _ := Align(two(t, 600, time.Second, 3*time.Second, drift))
		c := clocks[1]
		if math.Abs(c.Drift-drift) > 5 {
			t.Fatalf("drift %.1f ppm found, %.1f is true (offset %s ±%s)", c.Drift, drift, c.Offset, c.Error)
		}
		for _, after := range []time.Duration{0, 300 * time.Second, 599 * time.Second} {
			at := start.Add(after)
			shown := at.Add(3*time.Second) + wire.Time(float64(at-start)*drift/1e6)
			if miss := c.Right(shown).Sub(at).Abs(); miss > 5*time.Millisecond {
				t.Errorf("after %s: %s off", after, miss)
			}
		}
	})
}

// TestOneDirection: messages of one direction leave the delay of the way open, and that is said.
func TestOneDirection(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lanes := two(t, 40, 20*time.Millisecond, 300*time.Millisecond, 0)
		for i := range lanes {
			lanes[i].Marks = slices.DeleteFunc(lanes[i].Marks, func(m Mark) bool { return m.Back })
		}
		clocks, _ := Align(lanes)
		c := clocks[1]
		if c.Both || c.Error != 0 || !c.Applied || (c.Offset-300*time.Millisecond).Abs() > 5*time.Millisecond {
			t.Errorf("%+v", c)
		}
	})
}

// TestSeries: files of one capture that follow each other are one point, though they have retransmissions around the
// change in common; two such series are two.
func TestSeries(t *testing.T) {
	hop, _ := HopOf(netip.MustParseAddrPort("192.0.2.1:5060"), netip.MustParseAddrPort("192.0.2.2:5060"))
	lane := func(stem string, from, n int, offset time.Duration) Lane {
		l := Lane{Stem: stem}
		for i := range n {
			at := start.Add(time.Duration(from+i)*100*time.Millisecond + offset)
			l.Marks = append(l.Marks, Mark{At: at, ID: uint64(from + i + 1), Top: 1, Hop: hop, Back: i%2 == 1})
		}
		l.First, l.Last = l.Marks[0].At, l.Marks[n-1].At
		return l
	}
	a1, a2 := lane("a", 0, 50, 0), lane("a", 50, 50, 0)
	for i := range 4 { // sent again after the change
		m := a1.Marks[46+i]
		m.At = a2.First.Add(time.Duration(i*i) * 500 * time.Millisecond)
		a2.Marks = append(a2.Marks, m)
	}
	if clocks, _ := Align([]Lane{a1, a2}); clocks != nil {
		t.Errorf("one series is %d points", len(clocks))
	}
	b1, b2 := lane("b", 0, 30, time.Hour), lane("b", 30, 70, time.Hour)
	clocks, _ := Align([]Lane{a1, b1, a2, b2})
	if len(clocks) != 2 || !slices.Equal(clocks[0].Lanes, []int{0, 2}) || !slices.Equal(clocks[1].Lanes, []int{1, 3}) || clocks[1].Offset != time.Hour {
		t.Errorf("two series: %+v", clocks)
	}
}

// TestThreePoints: an offset goes along the pairs that have messages in common.
func TestThreePoints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ab, bc := two(t, 40, 20*time.Millisecond, time.Hour, 0), two(t, 40, 20*time.Millisecond, -3*time.Second, 0)
		b := ab[1]
		for _, m := range bc[0].Marks { // of another hop
			m.At, m.ID, m.Hop = m.At.Add(time.Hour+10*time.Second), m.ID+1000, m.Hop+1
			b.Marks = append(b.Marks, m)
		}
		c := Lane{Stem: "c"}
		for _, m := range bc[1].Marks {
			m.At, m.ID, m.Hop = m.At.Add(time.Hour+10*time.Second), m.ID+1000, m.Hop+1
			c.Marks = append(c.Marks, m)
		}
		b.Last = b.Marks[len(b.Marks)-1].At
		c.First, c.Last = c.Marks[0].At, c.Marks[len(c.Marks)-1].At
		clocks, _ := Align([]Lane{ab[0], b, c})
		if len(clocks) != 3 {
			t.Fatalf("%d points", len(clocks))
		}
		want := time.Hour - 3*time.Second
		if got := clocks[2]; got.Reference != 0 || (got.Offset-want).Abs() > got.Error {
			t.Errorf("%+v, want %s", got, want)
		}
	})
}

// TestAgain: a test tool that sends the same messages in its next run makes no second point of it, at whatever level
// messages are compared.
func TestAgain(t *testing.T) {
	a, b := netip.MustParseAddrPort("192.0.2.1:5060"), netip.MustParseAddrPort("192.0.2.2:5060")
	lane := func(run int) Lane {
		l := Lane{Stem: string(rune('a' + run))}
		for i := range 60 {
			hop, back := HopOf(a, b)
			if i%3 == 2 {
				hop += 7 // relayed
			}
			l.Marks = append(l.Marks, Mark{
				At: start.Add(time.Duration(run)*time.Hour + time.Duration(i)*time.Second), ID: uint64(i/3 + 1), Talk: uint64(i/3 + 1), Top: uint64(i%3 + 1),
				Hop: hop, Back: back, Mint: uint16(1000*run + i + 1),
			})
		}
		l.First, l.Last = l.Marks[0].At, l.Marks[59].At
		return l
	}
	if clocks, _ := Align([]Lane{lane(0), lane(1)}); clocks != nil {
		t.Errorf("%d points: %+v", len(clocks), clocks)
	}
	same := lane(0)
	for i := range same.Marks {
		same.Marks[i].At += 3600e9
	}
	same.First, same.Last, same.Stem = same.First+3600e9, same.Last+3600e9, "b"
	if clocks, _ := Align([]Lane{lane(0), same}); len(clocks) != 2 || clocks[1].Offset != time.Hour {
		t.Errorf("the same packets: %+v", clocks)
	}
}
