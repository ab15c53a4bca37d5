package clocks

import (
	"net/netip"

	"github.com/cespare/xxhash/v2"

	"sipcause/internal/wire"
)

// HopOf returns what two hosts with messages between them are known by, the same for both directions, and whether
// src is the greater of them. Of one host that sends to itself it is the sockets.
func HopOf(src, dst netip.AddrPort) (hop uint64, back bool) {
	a, b := src.Addr().As16(), dst.Addr().As16()
	hop = xxhash.Sum64(a[:]) + xxhash.Sum64(b[:])
	if src.Addr() == dst.Addr() {
		hop += uint64(src.Port()) * uint64(dst.Port())
	}
	return hop, src.Compare(dst) > 0
}

// Points is what is known of the capture points of a capture that has several, as of now. Times are those of the
// reference clock.
type Points struct {
	Clocks []Clock
	Names  [][]string // files and interfaces of each
	Missed uint64     // gaps beyond maxGaps

	first, last []wire.Time // of each point's packets
	gaps        []wire.Gap
	links       map[way]int // messages that both points had in common
}

// way is a direction of a hop as one point sees it, and the point that sees it next.
type way struct {
	near, far int
	hop       uint64
	back      bool
}

// maxGaps bounds the gaps that are remembered.
const maxGaps = 1024

// NewPoints returns what is known at the beginning.
func NewPoints(clocks []Clock, names [][]string, links []Link) *Points {
	p := &Points{Clocks: clocks, Names: names, first: make([]wire.Time, len(clocks)), last: make([]wire.Time, len(clocks)), links: map[way]int{}}
	for _, l := range links {
		p.links[way{l.Near, l.Far, l.Hop, l.Back}] = l.Messages
	}
	return p
}

// Reached notes that a point's packets have been read from first up to last.
func (p *Points) Reached(point int, first, last wire.Time) {
	if point < len(p.first) {
		p.first[point], p.last[point] = first, last
	}
}

// AddGap notes that packets are missing at g.Point.
func (p *Points) AddGap(g wire.Gap) {
	if len(p.gaps) >= maxGaps {
		p.Missed++
		return
	}
	p.gaps = append(p.gaps, g)
}

// Running says whether a point captured all that came from one time until another: it has packets before and after,
// and no gap. A text never says that it has all.
func (p *Points) Running(point int, from, until wire.Time) bool {
	if point >= len(p.first) || p.Clocks[point].Text || p.Missed > 0 || p.first[point] == 0 || p.first[point] > from || p.last[point] < until {
		return false
	}
	for i := range p.gaps {
		if g := &p.gaps[i]; int(g.Point) == point && g.Kind != wire.GapSnapLength && g.From <= until && g.Until >= from {
			return false
		}
	}
	return true
}

// Next returns the messages that were seen first at one point and then at another, of those that went from one host
// to another as the first saw them; known is false when the two have none in common on that hop either way.
func (p *Points) Next(near, far int, src, dst netip.AddrPort) (messages int, known bool) {
	hop, back := HopOf(src, dst)
	messages, known = p.links[way{near, far, hop, back}]
	return messages, known
}

// Name names a point: its first file or interface.
func (p *Points) Name(point int) string { return p.Names[point][0] }
