package capture

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"sipcause/internal/wire"
)

func TestPcap(t *testing.T) {
	for _, o := range orders {
		for _, nano := range []bool{false, true} {
			magic, at := uint32(pcapMicro), start
			if nano {
				magic = pcapNano
				at += 789
			}
			b := pcapFile(o, magic, 113)
			var want []wire.Packet
			for i := range 5 {
				rec := record(o, at, payload(i), len(payload(i)))
				if nano {
					o.PutUint32(rec[4:], uint32(at%1e9))
				}
				b = append(b, rec...)
				want = append(want, wire.Packet{
					Ref: wire.PacketRef{Number: uint64(i + 1)}, Time: at, Link: 113, WireLen: len(payload(i)), Data: payload(i),
				})
				at += 1_000_001_000
			}
			g := readBytes(t, b)
			if !equalPackets(g.packets, want) || len(g.gaps) != 0 {
				t.Errorf("%v nano %v: packets %v, gaps %v, want %v", o, nano, g.packets, g.gaps, want)
			}
		}
	}
}

func equalPackets(a, b []wire.Packet) bool {
	return slices.EqualFunc(a, b, func(x, y wire.Packet) bool {
		return x.Ref == y.Ref && x.Time == y.Time && x.Point == y.Point && x.Link == y.Link && x.WireLen == y.WireLen && string(x.Data) == string(y.Data)
	})
}

// TestPcapOdd holds what is unusual but whole to be read without a gap.
func TestPcapOdd(t *testing.T) {
	le := binary.LittleEndian
	b := pcapFile(le, pcapMicro, 1|4<<28) // a frame check sequence of 4 bytes
	b = append(b, record(le, 0, []byte("at the epoch"), 12)...)
	b = append(b, record(le, 4_294_967_295e9, []byte("in 2106"), 7)...)
	b = append(b, record(le, start, nil, 0)...)
	b = append(b, record(le, start, []byte("more than sent"), 4)...)
	b = append(b, record(le, start, make([]byte, maxCaptured), maxCaptured)...)
	g := readBytes(t, b)
	if len(g.packets) != 5 || len(g.gaps) != 0 {
		t.Fatalf("%d packets, gaps %v", len(g.packets), g.gaps)
	}
	if p := g.packets[0]; p.Time != 0 || p.Link != 1 {
		t.Errorf("first = %v", p)
	}
	if p := g.packets[1]; p.Time != 4_294_967_295e9 {
		t.Errorf("time = %d", p.Time)
	}
	if p := g.packets[3]; p.WireLen != 14 {
		t.Errorf("wire length = %d, want 14", p.WireLen)
	}
}

func TestPcapSnapLength(t *testing.T) {
	le := binary.LittleEndian
	b := pcapFile(le, pcapMicro, 1)
	for i := range 10 {
		sent := 100
		if i%3 == 1 { // packets 2, 5 and 8
			sent += 50
		}
		b = append(b, record(le, start+wire.Time(i)*1e9, make([]byte, 100), sent)...)
	}
	g := readBytes(t, b)
	want := wire.Gap{
		Kind: wire.GapSnapLength, Ref: wire.PacketRef{Number: 2}, From: start + 1e9, Until: start + 7e9, Lost: 3, Bytes: 150,
	}
	if len(g.packets) != 10 || len(g.gaps) != 1 {
		t.Fatalf("%d packets, gaps %v", len(g.packets), g.gaps)
	}
	want.Where = g.gaps[0].Where
	if g.gaps[0] != want || !strings.HasSuffix(want.Where, "test.pcap") {
		t.Errorf("gap = %+v, want %+v", g.gaps[0], want)
	}
}

// TestPcapCut cuts a file at every byte: all whole records are read, and the rest is told.
func TestPcapCut(t *testing.T) {
	le := binary.LittleEndian
	b := pcapFile(le, pcapMicro, 1)
	ends := []int{len(b)}
	for i := range 4 {
		b = append(b, record(le, start+wire.Time(i)*1e9, payload(i), 100)[:]...)
		ends = append(ends, len(b))
	}
	for n := pcapHeader; n <= len(b); n++ {
		g := readBytes(t, b[:n])
		whole, at := 0, ends[0]
		for _, e := range ends[1:] {
			if e <= n {
				whole++
				at = e
			}
		}
		var cut []wire.Gap
		for _, x := range g.gaps {
			if x.Kind != wire.GapSnapLength {
				cut = append(cut, x)
			}
		}
		if len(g.packets) != whole {
			t.Fatalf("cut at %d: %d packets, want %d", n, len(g.packets), whole)
		}
		if at == n {
			if len(cut) != 0 {
				t.Fatalf("cut at %d, between records: gaps %v", n, cut)
			}
			continue
		}
		if len(cut) != 1 || cut[0].Kind != wire.GapTruncated || !strings.HasSuffix(cut[0].Where, "offset "+itoa(at)) ||
			cut[0].Bytes != uint64(n-at) || cut[0].Ref.Number != uint64(whole) {
			t.Fatalf("cut at %d: gaps %+v, want one at %d", n, cut, at)
		}
	}
}

func itoa(n int) string { return string(appendInt(nil, n)) }

func appendInt(b []byte, n int) []byte {
	if n >= 10 {
		b = appendInt(b, n/10)
	}
	return append(b, '0'+byte(n%10))
}

// TestPcapBadRecord damages one record of many; the others must be read, and the gap say where it was.
func TestPcapBadRecord(t *testing.T) {
	le := binary.LittleEndian
	const n, bad = 40, 20
	build := func() (b []byte, at [n + 1]int) {
		b = pcapFile(le, pcapMicro, 1)
		for i := range n {
			at[i] = len(b)
			b = append(b, record(le, start+wire.Time(i)*1e6, payload(i), len(payload(i)))...)
		}
		at[n] = len(b)
		return b, at
	}
	for _, tc := range []struct {
		name   string
		damage func(b []byte, at int) []byte
		lost   int
	}{
		{"length too large", func(b []byte, at int) []byte { le.PutUint32(b[at+8:], 1<<30); return b }, 1},
		{"length plausible but wrong", func(b []byte, at int) []byte { le.PutUint32(b[at+8:], 1000); return b }, 1},
		{"length too small", func(b []byte, at int) []byte { le.PutUint32(b[at+8:], 10); return b }, 1},
		{"header overwritten", func(b []byte, at int) []byte { copy(b[at:], strings.Repeat("x", 16)); return b }, 1},
		{"bytes inserted", func(b []byte, at int) []byte { return slices.Insert(b, at, []byte(strings.Repeat("\xfe", 333))...) }, 0},
		{"bytes missing", func(b []byte, at int) []byte { return slices.Delete(b, at+3, at+30) }, 1},
		{"zeros", func(b []byte, at int) []byte { return slices.Insert(b, at, make([]byte, 5000)...) }, 0},
		{"much garbage", func(b []byte, at int) []byte {
			r := rand.New(rand.NewPCG(1, 2))
			junk := make([]byte, 3<<20)
			for i := range junk {
				junk[i] = byte(r.Uint32())
			}
			return slices.Insert(b, at, junk...)
		}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, at := build()
			g := readBytes(t, tc.damage(b, at[bad]))
			seen := map[string]bool{}
			for _, p := range g.packets {
				seen[string(p.Data)] = true
			}
			var missing []int
			for i := range n {
				if !seen[string(payload(i))] {
					missing = append(missing, i)
				}
			}
			if len(missing) != tc.lost || tc.lost == 1 && missing[0] != bad {
				t.Errorf("missing packets %v, want %d", missing, tc.lost)
			}
			want, gaps := at[bad], 1
			if tc.name == "length too small" { // the record is read as a cut packet, what follows it is no record
				want, gaps = at[bad]+16+10, 2
			}
			if len(g.gaps) != gaps || g.gaps[0].Kind != wire.GapBadRecord {
				t.Fatalf("gaps %+v", g.gaps)
			}
			if !strings.HasSuffix(g.gaps[0].Where, "offset "+itoa(want)) {
				t.Errorf("where = %q, want offset %d", g.gaps[0].Where, want)
			}
		})
	}
}

// TestPcapConcatenated reads files that were put together as they are, plain and compressed.
func TestPcapConcatenated(t *testing.T) {
	a, b := capture("a", 3, start, 1e6), capture("b", 2, start+1e9, 1e6)
	other := append(pcapFile(binary.BigEndian, pcapMicro, 101), record(binary.BigEndian, start, payload(0), 60)...)
	for _, file := range [][]byte{slices.Concat(a, b, other), slices.Concat(gz(a), gz(b), gz(other))} {
		g := readBytes(t, file)
		if len(g.packets) != 6 || g.packets[3].Time != start+1e9 || g.packets[5].Link != 101 || g.packets[5].Ref.Number != 6 {
			t.Errorf("%d packets, gaps %+v", len(g.packets), g.gaps)
		}
	}
}

// TestPcapZeroTail reads a file whose end was allotted but never written.
func TestPcapZeroTail(t *testing.T) {
	le := binary.LittleEndian
	b := pcapFile(le, pcapMicro, 1)
	for i := range 3 {
		b = append(b, record(le, start, payload(i), len(payload(i)))...)
	}
	end := len(b)
	g := readBytes(t, append(b, make([]byte, 4<<20)...))
	if len(g.packets) != 3 || len(g.gaps) != 1 || g.gaps[0].Kind != wire.GapBadRecord || g.gaps[0].Bytes != 4<<20 ||
		!strings.HasSuffix(g.gaps[0].Where, "offset "+itoa(end)) {
		t.Errorf("%d packets, gaps %+v", len(g.packets), g.gaps)
	}
}

// TestRunAllocations holds reading to a fixed number of allocations and a fixed memory, however many packets
// there are.
func TestRunAllocations(t *testing.T) {
	le := binary.LittleEndian
	perRun := func(packets int) (allocs float64, bytes uint64) {
		b := pcapFile(le, pcapMicro, 1)
		for range packets {
			b = append(b, record(le, start, make([]byte, 700), 700)...)
		}
		path := write(t, t.TempDir(), "a.pcap", b)
		run := func() {
			s, err := Open([]string{path}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Run(context.Background(), func(*wire.Packet) error { return nil }, nil, func(wire.Gap) {}); err != nil {
				t.Fatal(err)
			}
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		run()
		runtime.ReadMemStats(&after)
		return testing.AllocsPerRun(5, run), after.TotalAlloc - before.TotalAlloc
	}
	few, _ := perRun(10)
	if many, bytes := perRun(30_000); many > few+2 || bytes > 1<<20 {
		t.Errorf("%v allocations for 10 packets, %v and %d bytes for 30000", few, many, bytes)
	}
}

func FuzzPcap(f *testing.F) {
	le := binary.LittleEndian
	b := pcapFile(le, pcapMicro, 1)
	for i := range 4 {
		b = append(b, record(le, start, payload(i), 60+i)...)
	}
	f.Add(b)
	f.Add(b[:len(b)-7])
	f.Add(append(pcapFile(binary.BigEndian, pcapNano, 113), record(binary.BigEndian, start, payload(1), 100)...))
	f.Fuzz(fuzzStream)
}
