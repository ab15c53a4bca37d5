// Package media measures RTP: what arrived of a stream, what RTCP says of it, and how that may have sounded.
// Its one rule: counting a packet costs the same for every packet, whatever it holds, and allocates nothing.
package media

import (
	"time"

	"sipcause/internal/wire"
)

// Pause is how long a stream is silent before what follows is taken for a new talk spurt: jitter and loss are
// not measured across it, since a sender that pauses need not keep its clock (hold, voice activity detection).
const Pause = time.Second

// Bounds of sequence numbers (RFC 3550 §A.1): a jump of maxDropout or more is a restart when the next packet
// confirms it; a packet up to maxMisorder behind is late or a copy.
const (
	maxDropout  = 3000
	maxMisorder = 100
)

// MaxTypes is how many payload types of a stream are told apart; packets of further ones are counted in Other.
const MaxTypes = 4

// Type is a payload type and how many packets had it.
type Type struct {
	PT      uint8
	Packets uint64
}

// Counter follows one RTP stream: one SSRC between two sockets. The zero Counter is ready.
type Counter struct {
	Packets, Bytes uint64    // as captured, copies included; bytes of UDP payload
	First, Last    wire.Time // least and greatest capture time
	Duplicates     uint64    // packets seen before, by sequence number
	Reordered      uint64    // packets that came after one with a higher sequence number
	Restarts       uint64    // sequence began anew in the same stream (RFC 3550 §A.1)
	Spurts         uint64    // packets with the marker bit: for audio the beginning of a talk spurt (RFC 3551 §4.1)
	Pauses         uint64    // silences longer than Pause after which the sequence went on: nothing was sent meanwhile
	Holes          uint64    // silences longer than Pause in which packets are missing
	HoleLost       uint64    // packets missing in those
	LongestGap     wire.Time // longest time between two packets, ns
	GapAt          wire.Time // when it began
	Types          [MaxTypes]Type
	Other          uint64 // packets of further payload types

	got      uint64 // distinct packets
	expected uint64 // of runs before the last restart
	base     uint64 // extended sequence number of the first packet of this run
	highest  uint64 // and the highest so far (RFC 3550 §A.1: cycles in the upper bits)
	window   uint64 // bit n: highest-n has been seen
	bad      uint32 // the sequence number that would confirm a restart; noBad: none

	clock jitter
}

// Packet is what Add reads of one RTP packet (RFC 3550 §5.1).
type Packet struct {
	Time   wire.Time
	TS     uint32
	Seq    uint16
	PT     uint8
	Marker bool
	Bytes  int
}

const noBad = 1 << 16

// Add counts one packet.
func (c *Counter) Add(p *Packet) {
	c.Packets++
	c.Bytes += uint64(p.Bytes)
	c.addType(p.PT)
	if p.Marker {
		c.Spurts++
	}
	if c.Packets == 1 {
		c.First, c.Last = p.Time, p.Time
		c.begin(p.Seq)
		c.clock.reset(p)
		return
	}
	gap := p.Time - c.Last
	c.First, c.Last = min(c.First, p.Time), max(c.Last, p.Time)
	if gap > c.LongestGap {
		c.LongestGap, c.GapAt = gap, p.Time-gap
	}
	if c.sequence(p.Seq, gap > wire.Time(Pause)) {
		c.clock.add(p, gap > wire.Time(Pause))
	}
}

func (c *Counter) begin(seq uint16) {
	first := uint64(seq) + 1<<16 // so that what comes behind it does not wrap
	c.base, c.highest, c.window, c.bad = first, first, 1, noBad
	c.got++
}

// sequence places a sequence number (RFC 3550 §A.1); it returns whether the packet is new and in its place.
func (c *Counter) sequence(seq uint16, paused bool) bool {
	switch ahead := seq - uint16(c.highest); {
	case ahead == 0:
		c.Duplicates++
		return false
	case ahead < maxDropout:
		c.highest += uint64(ahead)
		c.window = c.window<<ahead | 1
		c.got++
		c.bad = noBad
		if paused && ahead > 1 {
			c.Holes++
			c.HoleLost += uint64(ahead - 1)
		} else if paused {
			c.Pauses++
		}
		return true
	case ahead >= uint16(1<<16-maxMisorder):
		return c.behind(uint64(-ahead))
	case uint32(seq) == c.bad:
		c.expected += c.highest - c.base + 1
		c.Restarts++
		c.begin(seq)
		c.base, c.window = c.base-1, 3
		c.got++ // the packet before, which nobody believed
		return true
	}
	c.bad = uint32(seq + 1)
	return false
}

// Continues says whether a packet with that sequence number would be the next one or come shortly after it.
func (c *Counter) Continues(seq uint16) bool {
	ahead := seq - uint16(c.highest)
	return ahead > 0 && ahead < maxDropout
}

// behind takes a packet that is n behind the highest.
func (c *Counter) behind(n uint64) bool {
	if n < 64 {
		if c.window&(1<<n) != 0 {
			c.Duplicates++
			return false
		}
		c.window |= 1 << n
	}
	c.Reordered++
	if c.highest-n >= c.base { // one older than the first that was captured is not expected
		c.got++
	}
	return true
}

func (c *Counter) addType(pt uint8) {
	for i := range c.Types {
		t := &c.Types[i]
		if t.Packets == 0 {
			t.PT = pt
		}
		if t.PT == pt {
			t.Packets++
			return
		}
	}
	c.Other++
}

// PayloadType returns the payload type of most packets.
func (c *Counter) PayloadType() uint8 {
	best := c.Types[0]
	for _, t := range c.Types[1:] {
		if t.Packets > best.Packets {
			best = t
		}
	}
	return best.PT
}

// Expected returns how many packets the sequence numbers say were sent, from the first captured on
// (RFC 3550 §A.3).
func (c *Counter) Expected() uint64 {
	if c.Packets == 0 {
		return 0
	}
	return c.expected + c.highest - c.base + 1
}

// Lost returns how many of those were not captured (RFC 3550 §A.3).
func (c *Counter) Lost() uint64 {
	if e := c.Expected(); e > c.got {
		return e - c.got
	}
	return 0
}

// LossShare returns the share of packets lost while the stream ran, 0 to 1. Holes are left out: a sender that
// keeps counting while it sends elsewhere looks the same.
func (c *Counter) LossShare() float64 {
	lost, expected := c.Lost(), c.Expected()
	lost -= min(lost, c.HoleLost)
	expected -= min(expected, c.HoleLost)
	if expected == 0 {
		return 0
	}
	return float64(lost) / float64(expected)
}

// Restore makes Expected and Lost return what they did of the counter whose exported fields c has.
func (c *Counter) Restore(expected, lost uint64) {
	c.base, c.highest, c.expected = 1, 0, expected
	c.got = expected - min(lost, expected)
}
