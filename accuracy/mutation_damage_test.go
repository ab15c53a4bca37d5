package accuracy

import (
	"math/rand/v2"
	"slices"
	"time"

	"sipcause/internal/wire"
)

// Names of damages.
const (
	oneLost       = "one packet lost"
	lost1         = "1 % lost"
	lost5         = "5 % lost"
	lost20        = "20 % lost"
	lostHalf      = "half lost"
	burstLost     = "a burst lost"
	endCut        = "end cut off"
	beginningCut  = "beginning cut off"
	directionLost = "one direction lost"
	directionHalf = "half of one direction lost"
	directionLate = "one direction late"
	timesSwapped  = "neighbours swapped in time"
)

// damage is what may happen to a capture. The slice may be changed, the data of its packets not.
type damage struct {
	name string
	do   func([]wire.Packet, *rand.Rand) []wire.Packet
}

var damages = []damage{
	{lost1, lose(0.01)},
	{lost5, lose(0.05)},
	{lost20, lose(0.20)},
	{lostHalf, lose(0.50)},
	{burstLost, func(p []wire.Packet, r *rand.Rand) []wire.Packet {
		i := r.IntN(len(p))
		return slices.Delete(p, i, min(len(p), i+2+r.IntN(10)))
	}},
	{oneLost, func(p []wire.Packet, r *rand.Rand) []wire.Packet {
		i := r.IntN(len(p))
		return slices.Delete(p, i, i+1)
	}},
	{endCut, func(p []wire.Packet, r *rand.Rand) []wire.Packet { return p[:r.IntN(len(p))] }},
	{beginningCut, func(p []wire.Packet, r *rand.Rand) []wire.Packet { return p[r.IntN(len(p)):] }},
	{"packets cut short", func(p []wire.Packet, r *rand.Rand) []wire.Packet {
		n := 60 + r.IntN(800)
		for i := range p {
			p[i].Data = p[i].Data[:min(n, len(p[i].Data))]
		}
		return p
	}},
	{"half captured twice", func(p []wire.Packet, r *rand.Rand) (out []wire.Packet) {
		for _, one := range p {
			out = append(out, one)
			if r.IntN(2) == 0 {
				one.Time += wire.Time(r.Int64N(int64(time.Millisecond)))
				out = append(out, one)
			}
		}
		slices.SortStableFunc(out, byTime)
		return out
	}},
	{"neighbours swapped in the file", func(p []wire.Packet, r *rand.Rand) []wire.Packet {
		for i := range len(p) - 1 {
			if r.IntN(5) == 0 {
				p[i], p[i+1] = p[i+1], p[i]
			}
		}
		return p
	}},
	{timesSwapped, func(p []wire.Packet, r *rand.Rand) []wire.Packet {
		for i := range len(p) - 1 {
			if r.IntN(5) == 0 {
				p[i], p[i+1] = p[i+1], p[i]
				p[i].Time, p[i+1].Time = p[i+1].Time, p[i].Time
			}
		}
		return p
	}},
	{"a tenth late by up to 200 ms", late(200 * time.Millisecond)},
	{"a tenth late by up to 2 s", late(2 * time.Second)},
	{directionLate, direction(func(p []wire.Packet, in func(wire.Packet) bool, r *rand.Rand) []wire.Packet {
		by := wire.Time(r.Int64N(int64(2 * time.Second)))
		for i := range p {
			if in(p[i]) {
				p[i].Time += by
			}
		}
		slices.SortStableFunc(p, byTime)
		return p
	})},
	{directionLost, direction(func(p []wire.Packet, in func(wire.Packet) bool, _ *rand.Rand) []wire.Packet {
		return slices.DeleteFunc(p, in)
	})},
	{directionHalf, direction(func(p []wire.Packet, in func(wire.Packet) bool, r *rand.Rand) []wire.Packet {
		return slices.DeleteFunc(p, func(q wire.Packet) bool { return in(q) && r.IntN(2) == 0 })
	})},
}

func byTime(a, b wire.Packet) int { return int(a.Time - b.Time) }

func lose(share float64) func([]wire.Packet, *rand.Rand) []wire.Packet {
	return func(p []wire.Packet, r *rand.Rand) []wire.Packet {
		return slices.DeleteFunc(p, func(wire.Packet) bool { return r.Float64() < share })
	}
}

func late(by time.Duration) func([]wire.Packet, *rand.Rand) []wire.Packet {
	return func(p []wire.Packet, r *rand.Rand) []wire.Packet {
		for i := range p {
			if r.IntN(10) == 0 {
				p[i].Time += wire.Time(r.Int64N(int64(by)))
			}
		}
		slices.SortStableFunc(p, byTime)
		return p
	}
}

// direction draws one direction between two hosts, and does something to its packets.
func direction(do func([]wire.Packet, func(wire.Packet) bool, *rand.Rand) []wire.Packet) func([]wire.Packet, *rand.Rand) []wire.Packet {
	return func(p []wire.Packet, r *rand.Rand) []wire.Packet {
		var all []string
		for i := range p {
			if w := hosts(p[i]); w != "" && !slices.Contains(all, w) {
				all = append(all, w)
			}
		}
		if len(all) == 0 {
			return p
		}
		drawn := all[r.IntN(len(all))]
		return do(p, func(q wire.Packet) bool { return hosts(q) == drawn }, r)
	}
}

// hosts are source and destination of a packet of IP in Ethernet, "" of another.
func hosts(p wire.Packet) string {
	switch {
	case len(p.Data) >= 34 && p.Data[12] == 8 && p.Data[13] == 0:
		return string(p.Data[26:34])
	case len(p.Data) >= 54 && p.Data[12] == 0x86 && p.Data[13] == 0xdd:
		return string(p.Data[22:54])
	}
	return ""
}
