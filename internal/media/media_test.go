package media

import (
	"encoding/binary"
	"math"
	"testing"

	"sipcause/internal/wire"
)

// play sends packets 20 ms apart with the sequence numbers given; -1 is a packet that is lost.
func play(c *Counter, seqs ...int) {
	for i, s := range seqs {
		if s >= 0 {
			c.Add(&Packet{Time: wire.Time(1e9 + i*20e6), Seq: uint16(s), TS: uint32(160 * i), PT: 0, Bytes: 172})
		}
	}
}

func TestSequence(t *testing.T) {
	tests := []struct {
		name                                             string
		seqs                                             []int
		expected, lost, duplicates, reordered, restarted uint64
	}{
		{"in order", []int{1, 2, 3, 4}, 4, 0, 0, 0, 0},
		{"lost", []int{1, 2, -1, 4, 5}, 5, 0, 0, 0, 0}, // overwritten below: 3 is missing
		{"wrap", []int{65534, 65535, 0, 1}, 4, 0, 0, 0, 0},
		{"lost at the wrap", []int{65534, -1, 0, 1}, 4, 1, 0, 0, 0},
		{"captured twice", []int{1, 1, 2, 2, 3, 3}, 3, 0, 3, 0, 0},
		{"reordered", []int{1, 3, 2, 4}, 4, 0, 0, 1, 0},
		{"late and twice", []int{1, 3, 2, 2, 4}, 4, 0, 1, 1, 0},
		{"late at the beginning", []int{10, 9, 11}, 2, 0, 0, 1, 0},
		{"late behind zero", []int{2, 65530, 3}, 2, 0, 0, 1, 0},
		{"restarted", []int{1, 2, 3, 40000, 40001, 40002}, 6, 0, 0, 0, 1},
		{"one stray", []int{1, 2, 40000, 3, 4}, 4, 0, 0, 0, 0},
	}
	tests[1].lost = 1
	for _, test := range tests {
		var c Counter
		play(&c, test.seqs...)
		if c.Expected() != test.expected || c.Lost() != test.lost || c.Duplicates != test.duplicates || c.Reordered != test.reordered || c.Restarts != test.restarted {
			t.Errorf("%s: expected %d lost %d duplicates %d reordered %d restarts %d, want %+v", test.name,
				c.Expected(), c.Lost(), c.Duplicates, c.Reordered, c.Restarts, test)
		}
	}
}

// TestPauseAndHole: silence after which the sequence goes on is a pause; missing packets make it a hole, which
// is no loss while the stream runs.
func TestPauseAndHole(t *testing.T) {
	var c Counter
	at := wire.Time(1e9)
	add := func(seq uint16, gap wire.Time) {
		at += gap
		c.Add(&Packet{Time: at, Seq: seq, TS: uint32(at / 125000), PT: 8, Bytes: 172})
	}
	for i := range 100 {
		add(uint16(i), 20e6)
	}
	add(100, 3e9)
	add(301, 4e9)
	if c.Pauses != 1 || c.Holes != 1 || c.HoleLost != 200 || c.LongestGap != 4e9 || c.LossShare() != 0 || c.Lost() != 200 {
		t.Errorf("pauses %d holes %d hole lost %d longest %d share %v lost %d", c.Pauses, c.Holes, c.HoleLost, c.LongestGap, c.LossShare(), c.Lost())
	}
	if mean, worst, ok := c.Jitter(8000); !ok || mean > 0.2 || worst > 0.2 {
		t.Errorf("jitter %v %v %v, want none: the clock is not compared across a pause", mean, worst, ok)
	}
}

// TestJitter holds the estimate against RFC 3550 §A.8 computed with the clock known from the start.
func TestJitter(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000, 90000} {
		var c Counter
		var want, sum, n float64
		var before float64
		at, ts := 1e9, uint32(math.MaxUint32-500) // the timestamp wraps, too
		for i := range 500 {
			late := float64((i * 7919 % 41) * 1e6)
			c.Add(&Packet{Time: wire.Time(at + late), Seq: uint16(i), TS: ts, PT: 96})
			if i > 0 {
				d := math.Abs((at + late - before) - 20e6)
				want += (d - want) / 16
				sum, n = sum+want, n+1
			}
			before = at + late
			at, ts = at+20e6, ts+uint32(rate/50)
		}
		mean, _, ok := c.Jitter(rate)
		if !ok || math.Abs(mean-sum/n/1e6) > 1e-6 {
			t.Errorf("%d Hz: jitter %v %v, want %v ms", rate, mean, ok, sum/n/1e6)
		}
	}
	var c Counter
	if _, _, ok := c.Jitter(8000); ok {
		t.Error("no packet, but a jitter")
	}
	play(&c, 1, 2, 3)
	if _, _, ok := c.Jitter(22050); ok {
		t.Error("a jitter for a clock that is not followed")
	}
}

// TestEventsDoNotJitter: the packets of an event have its first timestamp (RFC 4733 §2.2).
func TestEventsDoNotJitter(t *testing.T) {
	var c Counter
	for i := range 200 {
		p := Packet{Time: wire.Time(1e9 + i*20e6), Seq: uint16(i), TS: uint32(160 * i), PT: 0}
		if i >= 50 && i < 60 {
			p.PT, p.TS = 101, 160*50
		}
		c.Add(&p)
	}
	if mean, worst, _ := c.Jitter(8000); mean != 0 || worst != 0 {
		t.Errorf("jitter %v, %v", mean, worst)
	}
	if c.PayloadType() != 0 || c.Types[1] != (Type{101, 10}) {
		t.Errorf("types %+v", c.Types)
	}
}

func rtcp(pt, count int, body ...uint32) []byte {
	b := []byte{2<<6 | byte(count), byte(pt), 0, byte(len(body))}
	for _, w := range body {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	return b
}

func TestCompound(t *testing.T) {
	sr := rtcp(200, 1, 0xa, 0x11112222, 0x33334444, 160, 50, 8600, 0xb, 26<<24|0xfffffe, 70000, 80, 0x12345678, 65536)
	sdes := rtcp(202, 1, 0xa, 0x01020000)
	var c Compound
	if !c.Parse(append(append([]byte(nil), sr...), sdes...)) {
		t.Fatal("SR and SDES do not parse")
	}
	want := Block{SSRC: 0xb, Fraction: 26, Lost: -2, Highest: 70000, Jitter: 80, LSR: 0x12345678, DLSR: 65536}
	if c.Sender != 0xa || c.NTP != 0x22223333 || len(c.Blocks) != 1 || c.Blocks[0] != want {
		t.Errorf("sender %x ntp %x blocks %+v", c.Sender, c.NTP, c.Blocks)
	}
	xr := rtcp(207, 0, 0xa, 7<<24|8, 0xb, 13<<24|26<<16, 0, 120<<16|40, 0x7f7f7f10, 82<<24|127<<16|41<<8|127, 0, 0)
	if !c.Parse(xr) || len(c.VoIP) != 1 || len(c.Blocks) != 0 {
		t.Fatalf("XR: %+v", c.VoIP)
	}
	if v := c.VoIP[0]; v.SSRC != 0xb || v.Loss != 13.0/256 || v.Discard != 26.0/256 || v.RoundTrip != 120 || v.EndSystem != 40 || v.R != 82 || v.MOSLQ != 4.1 || v.MOSCQ != 0 {
		t.Errorf("VoIP metrics %+v", v)
	}
	for _, bad := range [][]byte{nil, sr[:len(sr)-1], append(append([]byte(nil), sr...), make([]byte, 14)...), []byte("\x80\xc8")} {
		if c.Parse(bad) {
			t.Errorf("% x parses", bad)
		}
	}
	if n := testing.AllocsPerRun(100, func() { c.Parse(sr) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzCompound(f *testing.F) {
	f.Add(rtcp(200, 1, 0xa, 1, 2, 160, 50, 8600, 0xb, 1, 70000, 80, 0, 0))
	f.Add(rtcp(207, 0, 0xa, 7<<24|8, 0xb, 0, 0, 0, 0, 0, 0, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c Compound
		c.Parse(b)
		if len(c.Blocks) > maxBlocks || len(c.VoIP) > maxBlocks {
			t.Error("too much kept")
		}
	})
}

func TestControl(t *testing.T) {
	var sender, receiver Control
	sender.Sent(0x1000, 1e9)
	receiver.Hear(&Block{SSRC: 7, Fraction: 255, Lost: 5, Jitter: 8000}, 1.1e9, 0) // still opening its media path
	receiver.Hear(&Block{SSRC: 7, Fraction: 64, Lost: 9, Jitter: 80, LSR: 0x1000, DLSR: 5 << 16}, 6.1e9, sender.SentAt(0x1000))
	receiver.Hear(&Block{SSRC: 7, Lost: 9, Jitter: 160}, 7e9, sender.SentAt(0))
	r := receiver.Reports()[0]
	if r.Heard != 3 || r.Reports != 2 || r.LossMean != 0.125 || r.LossMax != 0.25 || r.Lost != 9 || r.JitterMax != 160 || r.JitterSum != 240 || r.RoundTrip != 1e8 {
		t.Errorf("report %+v", r)
	}
	for i := range 10 {
		receiver.Hear(&Block{SSRC: uint32(100 + i)}, 3e9, 0)
	}
	if len(receiver.Reports()) != maxSubjects || receiver.Dropped != 7 {
		t.Errorf("%d streams, %d dropped", len(receiver.Reports()), receiver.Dropped)
	}
}

// TestMOS holds the estimate against points of the model: ITU-T G.107 gives 4.41 for 93.2.
func TestMOS(t *testing.T) {
	if got := Score(93.2); math.Abs(got-4.41) > 0.005 {
		t.Errorf("score of 93.2 is %v", got)
	}
	for r, want := range map[float64]float64{-5: 1, 0: 1, 60: 3.1, 100: 4.5, 120: 4.5} {
		if got := Score(r); math.Abs(got-want) > 0.005 {
			t.Errorf("score of %v is %v, want %v", r, got, want)
		}
	}
	clean, _ := MOS("PCMU", 0, 0, 0)
	lossy, _ := MOS("PCMU", 0.1, 0, 0)
	far, _ := MOS("PCMU", 0, 0, 400)
	g729, _ := MOS("G729", 0, 0, 0)
	if clean < 4.35 || lossy > 3.5 || far > 3.6 || g729 >= clean || g729 < 4 {
		t.Errorf("clean %v, 10 %% lost %v, 400 ms %v, G.729 %v", clean, lossy, far, g729)
	}
	if _, ok := MOS("opus", 0, 0, 0); ok {
		t.Error("a score on a scale that is not opus's")
	}
}

// TestAddAllocatesNothing, whatever arrives.
func TestAddAllocatesNothing(t *testing.T) {
	var c Counter
	i := 0
	if n := testing.AllocsPerRun(1000, func() {
		i++
		c.Add(&Packet{Time: wire.Time(i * 1e6), Seq: uint16(i * 31), TS: uint32(i * i), PT: uint8(i % 11)})
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAdd(b *testing.B) {
	var c Counter
	p := Packet{Bytes: 172}
	for i := 0; b.Loop(); i++ {
		p.Time, p.Seq, p.TS = wire.Time(i*20e6), uint16(i), uint32(160*i)
		c.Add(&p)
	}
}
