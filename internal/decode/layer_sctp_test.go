package decode

import (
	"encoding/binary"
	"slices"
	"testing"

	"sipcause/internal/wire"
)

// sctp returns a packet with the chunks given, between the ports of SIP.
func sctp(tag uint32, chunks ...[]byte) []byte {
	return cat(u16(5060), u16(5060), u32(tag), u32(0), cat(chunks...))
}

// dataChunkBytes returns a DATA chunk of stream 3, number 9; flags are U, B and E (4, 2, 1).
func dataChunkBytes(tsn uint32, flags byte, data []byte) []byte {
	return cat([]byte{0, flags}, u16(16+len(data)), u32(tsn), u16(3), u16(9), u32(0), data, make([]byte, -len(data)&3))
}

func (r *run) sctp(chunks ...[]byte) { r.ip(ip4(alice, bob, 132, 1, 0, sctp(7, chunks...))) }

func TestSCTP(t *testing.T) {
	a, b := sipMessage("a", 301), sipMessage("b", 10)
	const last = 1<<32 - 1
	sack := cat([]byte{3, 0}, u16(16), make([]byte, 12))
	for _, tc := range []struct {
		name    string
		packets [][][]byte // chunks of each packet
		want    [][]byte
		stats   SCTPStats
	}{
		{"one", [][][]byte{{dataChunkBytes(1, 3, a)}}, [][]byte{a}, SCTPStats{Chunks: 1}},
		{"unordered", [][][]byte{{dataChunkBytes(1, 7, a)}}, [][]byte{a}, SCTPStats{Chunks: 1}},
		{"bundled", [][][]byte{{sack, dataChunkBytes(1, 3, a), dataChunkBytes(2, 3, b)}}, [][]byte{a, b}, SCTPStats{Chunks: 2}},
		{"sent again", [][][]byte{{dataChunkBytes(1, 3, a)}, {dataChunkBytes(2, 3, b)}, {dataChunkBytes(1, 3, a)}}, [][]byte{a, b}, SCTPStats{Chunks: 3, Repeated: 1}},
		{"keepalive", [][][]byte{{dataChunkBytes(1, 3, []byte("\r\n\r\n"))}, {dataChunkBytes(2, 3, a)}}, [][]byte{a}, SCTPStats{Chunks: 2}},
		{"nothing", [][][]byte{{sack}, {cat([]byte{4, 0}, u16(7), []byte{1, 2, 3, 0}), sack}}, nil, SCTPStats{}},
		{"fragments", [][][]byte{{dataChunkBytes(8, 2, a[:100])}, {dataChunkBytes(9, 0, a[100:203])}, {dataChunkBytes(10, 1, a[203:])}}, [][]byte{a}, SCTPStats{Chunks: 3, Reassembled: 1, PeakHeld: len(a)}},
		{"unordered fragments", [][][]byte{{dataChunkBytes(8, 6, a[:100]), dataChunkBytes(9, 5, a[100:])}}, [][]byte{a}, SCTPStats{Chunks: 2, Reassembled: 1, PeakHeld: len(a)}},
		{
			"last first, one twice, TSN around zero",
			[][][]byte{{dataChunkBytes(last-2, 3, b)}, {dataChunkBytes(1, 1, a[203:])}, {dataChunkBytes(0, 0, a[100:203])}, {dataChunkBytes(0, 0, a[100:203])}, {dataChunkBytes(last, 2, a[:100])}},
			[][]byte{b, a},
			SCTPStats{Chunks: 5, Repeated: 1, Reassembled: 1, PeakHeld: len(a)},
		},
		{"two under way", [][][]byte{{dataChunkBytes(1, 2, a[:100])}, {dataChunkBytes(3, 2, b[:90])}, {dataChunkBytes(4, 1, b[90:])}, {dataChunkBytes(2, 1, a[100:])}}, [][]byte{b, a}, SCTPStats{Chunks: 4, Reassembled: 2, PeakHeld: len(a)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRun(Options{})
			for _, p := range tc.packets {
				r.sctp(p...)
			}
			wantMessages(t, r, tc.want...)
			for _, p := range r.payloads {
				if p.Flow.Transport != wire.SCTP || p.Flow.Src.Addr() != alice || p.Flow.Dst.Port() != 5060 || p.Truncated {
					t.Errorf("payload %+v", p)
				}
			}
			r.Flush(r.now)
			s := r.Stats()
			if s.SCTP.Live > 1 {
				t.Errorf("%d associations", s.SCTP.Live)
			}
			if s.SCTP.Live = 0; s.SCTP != tc.stats || len(s.Undecoded)+len(r.gaps) != 0 {
				t.Errorf("stats %+v, want %+v; undecoded %v, gaps %v", s.SCTP, tc.stats, s.Undecoded, r.gaps)
			}
			checkStats(t, r)
		})
	}
}

// TestSCTPLost: what never comes is a gap, and the beginning of the message is handed on as such.
func TestSCTPLost(t *testing.T) {
	a := sipMessage("a", 300)
	r := newRun(Options{})
	r.sctp(dataChunkBytes(1, 2, a[:200]))
	r.sctp(dataChunkBytes(3, 1, a[250:]))
	r.Flush(r.now)
	if len(r.payloads) != 1 || !r.payloads[0].Truncated || r.payloads[0].Ref.Number != 1 || string(r.payloads[0].Data) != string(a[:len(r.payloads[0].Data)]) {
		t.Errorf("payloads %+v", r.payloads)
	}
	if len(r.gaps) != 1 || r.gaps[0].Kind != wire.GapFragments || r.gaps[0].Lost != 2 || r.gaps[0].Bytes != uint64(len(a)-50) || r.Stats().SCTP.Lost != 2 {
		t.Errorf("gaps %+v, stats %+v", r.gaps, r.Stats().SCTP)
	}
	checkStats(t, r)
}

// TestSCTPOtherMessage: parts of messages that are not the same do not join, whatever their TSNs.
func TestSCTPOtherMessage(t *testing.T) {
	a := sipMessage("a", 300)
	other := dataChunkBytes(2, 1, a[200:])
	copy(other[10:], u16(10)) // another stream sequence number
	r := newRun(Options{})
	r.sctp(dataChunkBytes(1, 2, a[:200]))
	r.sctp(other)
	if len(r.payloads) != 0 {
		t.Errorf("payloads %+v", r.payloads)
	}
}

func TestSCTPCut(t *testing.T) {
	a := sipMessage("a", 300)
	whole := ip4(alice, bob, 132, 1, 0, sctp(7, dataChunkBytes(1, 3, a)))
	for cut := range whole {
		r := newRun(Options{})
		r.feedCut(101, whole, cut)
		r.Flush(r.now)
		for _, p := range r.payloads {
			if p.Truncated != (len(p.Data) < len(a)) || string(p.Data) != string(a[:len(p.Data)]) {
				t.Fatalf("cut at %d: %q, truncated %v", cut, p.Data, p.Truncated)
			}
		}
		if got := len(r.payloads); cut > 20+12+16+64 && got != 1 {
			t.Fatalf("cut at %d: %d messages", cut, got)
		}
		checkStats(t, r)
	}
}

// TestSCTPCaps: neither associations nor parts of messages that never end grow without bound, and what goes is counted.
func TestSCTPCaps(t *testing.T) {
	a := sipMessage("a", 1000)
	for _, tc := range []struct {
		name  string
		opt   Options
		feed  func(r *run)
		check func(r *run, s SCTPStats) bool
	}{
		{"associations", Options{MaxAssociations: 10}, func(r *run) {
			for i := range 100 {
				r.ip(ip4(alice, bob, 132, 1, 0, sctp(uint32(i), dataChunkBytes(1, 3, a), dataChunkBytes(2, 2, a))))
			}
		}, func(r *run, s SCTPStats) bool {
			return s.Live == 10 && s.Evicted == 90 && s.Lost == 90 && len(r.sctps.byKey) == 10 && len(r.gaps) == 90
		}},
		{"parts", Options{}, func(r *run) {
			for i := range uint32(10 * maxChunkParts) {
				r.sctp(dataChunkBytes(2*i, 2, a[:100]))
			}
		}, func(r *run, s SCTPStats) bool {
			return s.Lost == 9*maxChunkParts && len(r.sctps.order.head.owner.parts) == maxChunkParts
		}},
		{"bytes of one", Options{MaxStreamBytes: 5000}, func(r *run) {
			for i := range uint32(100) {
				r.sctp(dataChunkBytes(2*i, 2, a))
			}
		}, func(r *run, s SCTPStats) bool {
			return s.PeakHeld <= 5000 && s.Lost == 100-uint64(5000/len(a))
		}},
		{"bytes of all", Options{}, func(r *run) {
			big := sipMessage("big", 60_000)
			for i := range uint32(200) {
				r.ip(ip4(alice, bob, 132, 1, 0, sctp(i, dataChunkBytes(1, 2, big))))
			}
		}, func(r *run, s SCTPStats) bool {
			return s.PeakHeld <= maxChunkBytes && s.PeakHeld > maxChunkBytes/2 && s.Lost > 100
		}},
	} {
		r := newRun(tc.opt)
		tc.feed(r)
		if s := r.Stats().SCTP; !tc.check(r, s) {
			t.Errorf("%s: stats %+v, %d gaps", tc.name, s, len(r.gaps))
		}
		r.Flush(r.now)
		checkStats(t, r)
	}
}

func TestSCTPNoAllocation(t *testing.T) {
	data := ip4(alice, bob, 132, 1, 0, sctp(7, dataChunkBytes(1, 3, sipMessage("alloc", 100))))
	d := New(discard{}, Options{})
	p := wire.Packet{Link: 101, Data: data, WireLen: len(data), Time: start}
	tsn := uint32(0)
	if n := testing.AllocsPerRun(1000, func() {
		tsn++
		binary.BigEndian.PutUint32(data[20+12+4:], tsn)
		d.Packet(&p)
	}); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
	if n := d.Stats().Payloads["sctp"]; n != uint64(tsn) {
		t.Errorf("%d messages of %d", n, tsn)
	}
}

func FuzzSCTP(f *testing.F) {
	a := sipMessage("fuzz", 100)
	f.Add(cat(dataChunkBytes(1, 3, a), dataChunkBytes(2, 2, a[:100])), cat(dataChunkBytes(3, 1, a[100:])), uint16(0))
	f.Add(cat(dataChunkBytes(8, 2, a[:80])), cat(dataChunkBytes(10, 1, a[120:]), dataChunkBytes(9, 0, a[80:120])), uint16(5))
	f.Fuzz(func(t *testing.T, one, two []byte, cut uint16) {
		r := newRun(Options{MaxStreamBytes: 4096, MaxAssociations: 2})
		for _, chunks := range slices.Concat([][]byte{one, two}, [][]byte{one}) {
			if len(chunks) > 60_000 {
				return
			}
			b := ip4(alice, bob, 132, 1, 0, sctp(7, chunks))
			r.ip(b)
			r.feedCut(101, b, max(0, len(b)-int(cut)))
		}
		r.Flush(r.now)
		checkStats(t, r)
	})
}
