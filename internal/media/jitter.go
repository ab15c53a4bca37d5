package media

import (
	"math"

	"sipcause/internal/wire"
)

// rates are the clock rates in Hz of the audio and video in use (RFC 3551 §6, RFC 7587, RFC 4867). Which one a
// dynamic payload type has is known only when its call's session description is read, after the packets: the
// jitter is followed for each.
var rates = [...]float64{8000, 16000, 48000, 90000}

// jitter is the interarrival jitter of RFC 3550 §6.4.1 and §A.8, in ns, for each of rates.
type jitter struct {
	at    wire.Time
	ts    uint32
	pt    uint8
	n     uint64
	now   [len(rates)]float64 // J
	sum   [len(rates)]float64 // of J over all packets
	worst [len(rates)]float64
}

func (j *jitter) reset(p *Packet) { j.at, j.ts, j.pt = p.Time, p.TS, p.PT }

// add takes a packet. Packets with the timestamp of the one before (a video frame's, an event's: RFC 4733
// §2.2) tell no time, and across a pause or a change of payload type there is none to compare with.
func (j *jitter) add(p *Packet, paused bool) {
	if p.TS == j.ts && p.PT == j.pt {
		return
	}
	if paused || p.PT != j.pt {
		j.reset(p)
		return
	}
	arrived, ticks := float64(p.Time-j.at), float64(int32(p.TS-j.ts))
	j.at, j.ts = p.Time, p.TS
	j.n++
	for i := range rates {
		d := math.Abs(arrived - ticks*(1e9/rates[i]))
		j.now[i] += (d - j.now[i]) / 16
		j.sum[i] += j.now[i]
		j.worst[i] = max(j.worst[i], j.now[i])
	}
}

// Jitter returns the mean and the greatest interarrival jitter in ms, measured with a clock of rate Hz. ok is
// false when that is not known: no such rate, or fewer than two packets to compare.
func (c *Counter) Jitter(rate int) (mean, worst float64, ok bool) {
	j := &c.clock
	for i := range rates {
		if float64(rate) == rates[i] && j.n > 0 {
			return j.sum[i] / float64(j.n) / 1e6, j.worst[i] / 1e6, true
		}
	}
	return 0, 0, false
}
