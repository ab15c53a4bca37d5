package capture

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"sipcause/internal/wire"
)

func TestPcapng(t *testing.T) {
	for _, o := range orders {
		micros, units := uint64(start/1000), uint64(start)
		b := slices.Concat(
			ngSectionBlock(o),
			ngInterfaceBlock(o, 1),
			ngInterfaceBlock(o, 113, option(o, 2, []byte("eth0")), option(o, optResolution, []byte{9}), option(o, optEnd, nil)),
			ngPacketBlock(o, 0, micros, payload(0), len(payload(0))),
			ngPacketBlock(o, 1, uint64(start)+789, payload(1), len(payload(1))+5),
			ngBlock(o, ngNames, o.AppendUint32(nil, 0)),
			ngBlock(o, ngJournal, []byte("MESSAGE=x\n")), // frame 3
			ngBlock(o, 0x7777, make([]byte, 40)),
			ngBlock(o, ngSimple, o.AppendUint32(nil, 4), []byte("four")), // frame 4
			ngBlock(o, ngOldPacket, o.AppendUint16(nil, 1), o.AppendUint16(nil, 0xffff), o.AppendUint32(nil, uint32(units>>32)),
				o.AppendUint32(nil, uint32(units)), o.AppendUint32(nil, 3), o.AppendUint32(nil, 3), []byte("old")),
		)
		other := orders[0]
		if o == other {
			other = orders[1]
		}
		b = slices.Concat(b, // a second section, in the other byte order, whose interfaces are its own
			ngSectionBlock(other),
			ngInterfaceBlock(other, 101, option(other, optOffset, other.AppendUint64(nil, uint64(1_000_000_000)))),
			ngPacketBlock(other, 0, 700_000_000_123_456, payload(6), len(payload(6))),
			ngBlock(other, ngCustom, other.AppendUint32(nil, 4711)), // frame 7
			ngPacketBlock(other, 0, 700_000_001_123_456, payload(8), len(payload(8))),
		)
		want := []wire.Packet{
			{Ref: ref(1), Time: start, Link: 1, WireLen: len(payload(0)), Data: payload(0)},
			{Ref: ref(2), Time: start + 789, Link: 113, WireLen: len(payload(1)) + 5, Data: payload(1)},
			{Ref: ref(4), Time: 0, Link: 1, WireLen: 4, Data: []byte("four")},
			{Ref: ref(5), Time: start, Link: 113, WireLen: 3, Data: []byte("old")},
			{Ref: ref(6), Time: start, Link: 101, WireLen: len(payload(6)), Data: payload(6)},
			{Ref: ref(8), Time: start + 1e9, Link: 101, WireLen: len(payload(8)), Data: payload(8)},
		}
		g := readBytes(t, b)
		if !equalPackets(g.packets, want) {
			t.Errorf("%v: packets\n%v\nwant\n%v", o, g.packets, want)
		}
		if len(g.gaps) != 1 || g.gaps[0].Kind != wire.GapSnapLength || g.gaps[0].Lost != 1 || g.gaps[0].Bytes != 5 {
			t.Errorf("gaps %+v", g.gaps)
		}
	}
}

func ref(n uint64) wire.PacketRef { return wire.PacketRef{Number: n} }

func TestClock(t *testing.T) {
	for _, tc := range []struct {
		resolution byte
		units      uint64
		offset     int64
		want       wire.Time
	}{
		{6, 1_700_000_000_123_456, 0, start},
		{0, 1_700_000_000, 0, 1_700_000_000e9},
		{3, 1_700_000_000_123, 0, 1_700_000_000_123e6},
		{9, 1_700_000_000_123_456_789, 0, 1_700_000_000_123_456_789},
		{12, 1_700_000_000_123_456_789, 0, 1_700_000_000_123_456},
		{10, 17_000_000_001_234_567_891, 0, 1_700_000_000_123_456_789},
		{28, math.MaxUint64, 0, 1},
		{29, math.MaxUint64, 0, 0},
		{127, 5, 0, 0},
		{0x80, 1_700_000_000, 0, 1_700_000_000e9},
		{0x80 | 1, 3_400_000_001, 0, 1_700_000_000_500_000_000},
		{0x80 | 20, 1_700_000_000<<20 | 1<<19, 0, 1_700_000_000_500_000_000},
		{0x80 | 32, 1_700_000_000<<32 | 1<<31, 0, 1_700_000_000_500_000_000},
		{0x80 | 32, 1_700_000_000<<32 | 0xffffffff, 0, 1_700_000_000_999_999_999},
		{0x80 | 40, 1<<40 | 1, 0, 1_000_000_000},
		{0x80 | 63, 1<<63 | 1<<62, 0, 1_500_000_000},
		{6, 0, -10, -10e9},
		{6, 1, 1_700_000_000, 1_700_000_000_000_001_000},
		{0, math.MaxUint64, 0, math.MaxInt64},
		{6, math.MaxUint64, 0, math.MaxInt64},
	} {
		if got := clockOf(tc.resolution).time(tc.units, tc.offset); got != tc.want {
			t.Errorf("resolution %#x, %d units, offset %d: %d, want %d", tc.resolution, tc.units, tc.offset, got, tc.want)
		}
	}
}

func TestPcapngDropsAndSecrets(t *testing.T) {
	o := binary.LittleEndian
	micros := uint64(start / 1000)
	stats := func(at uint64, ifDrop, osDrop uint64) []byte {
		return ngBlock(o, ngStats, o.AppendUint32(nil, 0), o.AppendUint32(nil, uint32(at>>32)), o.AppendUint32(nil, uint32(at)),
			option(o, 4, o.AppendUint64(nil, 1000)), option(o, optIfDrop, o.AppendUint64(nil, ifDrop)),
			option(o, optOSDrop, o.AppendUint64(nil, osDrop)), option(o, optEnd, nil))
	}
	secret := func(data []byte) []byte {
		return ngBlock(o, ngSecrets, o.AppendUint32(nil, 0x544c534b), o.AppendUint32(nil, uint32(len(data))), data)
	}
	long := bytes.Repeat([]byte("CLIENT_RANDOM 0 1\n"), 150_000) // 2.7 MB
	b := slices.Concat(
		ngSectionBlock(o), ngInterfaceBlock(o, 1), secret([]byte("CLIENT_RANDOM")), secret(long),
		ngPacketBlock(o, 0, micros, payload(0), len(payload(0))),
		ngPacketBlock(o, 0, micros+1000, payload(1), len(payload(1)), option(o, optDropCount, o.AppendUint64(nil, 4))),
		stats(micros+2000, 5, 2), // 3 more than the packet said
		stats(micros+3000, 5, 2),
		stats(micros+4000, 6, 2),
		secret(make([]byte, 15<<20)),
		ngPacketBlock(o, 0, micros+5000, payload(2), len(payload(2))),
	)
	path := write(t, t.TempDir(), "a.pcapng", b)
	g, s := readAll(t, path)
	if len(g.packets) != 3 {
		t.Fatalf("%d packets; gaps %+v", len(g.packets), g.gaps)
	}
	want := []wire.Gap{
		{Kind: wire.GapDrops, Ref: ref(1), From: start, Until: start + 1e6, Where: path, Lost: 4},
		{Kind: wire.GapDrops, Ref: ref(2), From: start, Until: start + 2e6, Where: path + " interface 0", Lost: 3},
		{Kind: wire.GapDrops, Ref: ref(2), From: start + 3e6, Until: start + 4e6, Where: path + " interface 0", Lost: 1},
		{Kind: wire.GapEvicted, Ref: ref(2), From: start + 1e6, Until: start + 1e6, Where: path + " decryption secrets", Bytes: 15 << 20},
	}
	if !slices.Equal(g.gaps, want) {
		t.Errorf("gaps\n%+v\nwant\n%+v", g.gaps, want)
	}
	if got := s.Secrets(); len(got) != 2 || string(got[0]) != "CLIENT_RANDOM" || !bytes.Equal(got[1], long) {
		t.Errorf("%d secrets", len(got))
	}
}

// TestPcapngCut cuts a file at every byte.
func TestPcapngCut(t *testing.T) {
	o := binary.LittleEndian
	b := slices.Concat(ngSectionBlock(o), ngInterfaceBlock(o, 1))
	ends := []int{len(ngSectionBlock(o)), len(b)}
	for i := range 4 {
		b = append(b, ngPacketBlock(o, 0, uint64(start/1000), payload(i), len(payload(i)))...)
		ends = append(ends, len(b))
	}
	for n := 12; n <= len(b); n++ {
		g := readBytes(t, b[:n])
		blocks, at := 0, 0
		for _, e := range ends {
			if e <= n {
				blocks++
				at = e
			}
		}
		if len(g.packets) != max(0, blocks-2) {
			t.Fatalf("cut at %d: %d packets, want %d", n, len(g.packets), blocks-2)
		}
		if at == n {
			if len(g.gaps) != 0 {
				t.Fatalf("cut at %d: gaps %v", n, g.gaps)
			}
			continue
		}
		if len(g.gaps) != 1 || g.gaps[0].Kind != wire.GapTruncated || !strings.HasSuffix(g.gaps[0].Where, "offset "+itoa(at)) || g.gaps[0].Bytes != uint64(n-at) {
			t.Fatalf("cut at %d: gaps %+v, want one at %d", n, g.gaps, at)
		}
	}
}

func TestPcapngBadBlock(t *testing.T) {
	o := binary.LittleEndian
	const n, bad = 30, 15
	for _, tc := range []struct {
		name   string
		damage func(b []byte, at int) []byte
		lost   int
	}{
		{"length too large", func(b []byte, at int) []byte { o.PutUint32(b[at+4:], 1<<30); return b }, 1},
		{"length plausible but wrong", func(b []byte, at int) []byte { o.PutUint32(b[at+4:], 1000); return b }, 1},
		{"length beyond the end", func(b []byte, at int) []byte { o.PutUint32(b[at+4:], 100_000); return b }, 1},
		{"length too small", func(b []byte, at int) []byte { o.PutUint32(b[at+4:], 8); return b }, 1},
		{"trailing length wrong", func(b []byte, at int) []byte { b[at-4]++; return b }, 1},
		{"interface unknown", func(b []byte, at int) []byte { b[at+8] = 9; return b }, 1},
		{"captured length wrong", func(b []byte, at int) []byte { o.PutUint32(b[at+20:], 5000); return b }, 1},
		{"bytes inserted", func(b []byte, at int) []byte { return slices.Insert(b, at, []byte(strings.Repeat("x", 333))...) }, 0},
		{"zeros", func(b []byte, at int) []byte { return slices.Insert(b, at, make([]byte, 3<<20)...) }, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := slices.Concat(ngSectionBlock(o), ngInterfaceBlock(o, 1))
			at := 0
			for i := range n {
				if i == bad {
					at = len(b)
				}
				b = append(b, ngPacketBlock(o, 0, uint64(start/1000), payload(i), len(payload(i)))...)
			}
			g := readBytes(t, tc.damage(b, at))
			if len(g.packets) != n-tc.lost {
				t.Errorf("%d packets, want %d", len(g.packets), n-tc.lost)
			}
			if len(g.gaps) != 1 || g.gaps[0].Kind != wire.GapBadRecord {
				t.Fatalf("gaps %+v", g.gaps)
			}
		})
	}
}

// TestPcapngUnpadded reads a file whose block lengths leave the padding out, as some writers do.
func TestPcapngUnpadded(t *testing.T) {
	o := binary.LittleEndian
	b := ngPacketBlock(o, 0, 5, []byte("abcde"), 5)
	n := uint32(len(b) - 3)
	o.PutUint32(b[4:], n)
	o.PutUint32(b[len(b)-4:], n)
	g := readBytes(t, slices.Concat(ngSectionBlock(o), ngInterfaceBlock(o, 1), b, ngPacketBlock(o, 0, 6, payload(1), 49)))
	if len(g.packets) != 2 || string(g.packets[0].Data) != "abcde" || len(g.gaps) != 0 {
		t.Errorf("packets %v, gaps %v", g.packets, g.gaps)
	}
}

// TestGapCap reads a file whose every packet is bad: what is reported stays bounded, and counts them all.
func TestGapCap(t *testing.T) {
	o := binary.LittleEndian
	b := slices.Concat(ngSectionBlock(o), ngInterfaceBlock(o, 1))
	bad := ngPacketBlock(o, 7, 1, payload(0), 60)
	dropped := ngPacketBlock(o, 0, 1, payload(0), len(payload(0)), option(o, optDropCount, o.AppendUint64(nil, 1)))
	const n = 5000
	for range n {
		b = append(append(b, bad...), dropped...)
	}
	g := readBytes(t, b)
	var lost, size uint64
	for _, x := range g.gaps {
		lost += x.Lost
		size += x.Bytes
	}
	if len(g.packets) != n || len(g.gaps) > maxGaps+2 || lost != n || size != n*uint64(len(bad)) {
		t.Errorf("%d packets, %d gaps, %d lost, %d bytes, want %d", len(g.packets), len(g.gaps), lost, size, n*len(bad))
	}
}

func FuzzPcapng(f *testing.F) {
	for _, o := range orders {
		f.Add(slices.Concat(
			ngSectionBlock(o), ngInterfaceBlock(o, 1, option(o, optResolution, []byte{0x94})),
			ngPacketBlock(o, 0, 5, payload(0), 60, option(o, optDropCount, o.AppendUint64(nil, 4))),
			ngBlock(o, ngSimple, o.AppendUint32(nil, 4), []byte("four")),
			ngBlock(o, ngSecrets, o.AppendUint32(nil, 1), o.AppendUint32(nil, 4), []byte("four")),
			ngBlock(o, ngStats, make([]byte, 12), option(o, optIfDrop, o.AppendUint64(nil, 4))),
			ngBlock(o, ngJournal, []byte("x")),
		))
	}
	f.Fuzz(fuzzStream)
}
