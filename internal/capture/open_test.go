package capture

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sipcause/internal/wire"
)

// fuzzStream reads any bytes as a pipe and, split in small pieces, again: it must end, without an error but
// that of the format, every packet within what was read, and both times alike but where a record is bad.
func fuzzStream(t *testing.T, b []byte) {
	run := func(r io.Reader) (g got, err error) {
		s, err := Open([]string{"-"}, r)
		if err != nil {
			return g, err
		}
		err = s.Run(context.Background(), g.packet, g.payload, g.gap)
		if err == nil && s.Read() != int64(len(b)) && len(b) > 0 && b[0] != 0x1f && b[0] != 0x28 {
			t.Fatalf("read %d of %d bytes", s.Read(), len(b))
		}
		return g, err
	}
	var format *FormatError
	g, err := run(bytes.NewReader(b))
	if err != nil {
		if !errors.As(err, &format) && !strings.Contains(err.Error(), "open gzip") {
			t.Fatal(err)
		}
		return
	}
	total := 0
	for i, p := range g.packets {
		total += len(p.Data)
		if p.WireLen < len(p.Data) || i > 0 && p.Ref.Number <= g.packets[i-1].Ref.Number {
			t.Fatalf("packet %+v", p)
		}
	}
	if b[0] != 0x1f && b[0] != 0x28 && total > len(b) {
		t.Fatalf("%d bytes of packets in %d", total, len(b))
	}
	slow, err := run(slowReader{bytes.NewReader(b), 7})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range g.gaps {
		if x.Kind == wire.GapBadRecord {
			return
		}
	}
	if !equalPackets(g.packets, slow.packets) {
		t.Fatalf("%d packets at once, %d in pieces", len(g.packets), len(slow.packets))
	}
}

// capture returns a pcap of n packets, one every step from at on, each saying its name and number.
func capture(name string, n int, at wire.Time, step wire.Time) []byte {
	o := binary.LittleEndian
	b := pcapFile(o, pcapMicro, 1)
	for i := range n {
		data := fmt.Appendf(nil, "%s %d", name, i+1)
		b = append(b, record(o, at+wire.Time(i)*step, data, len(data))...)
	}
	return b
}

func texts(g got) (s []string) {
	for _, p := range g.packets {
		s = append(s, string(p.Data))
	}
	return s
}

func TestCompressed(t *testing.T) {
	o := binary.LittleEndian
	plain := capture("a", 5000, start, 1e6)
	ng := slices.Concat(ngSectionBlock(o), ngInterfaceBlock(o, 1), ngPacketBlock(o, 0, 1, payload(0), 60), ngPacketBlock(o, 0, 2, payload(1), 60))
	for _, tc := range []struct {
		name string
		b    []byte
		want int
	}{
		{"pcap.gz", gz(plain), 5000},
		{"pcap.zst", zst(plain), 5000},
		{"pcapng.gz", gz(ng), 2},
		{"pcapng.zst", zst(ng), 2},
		{"members.gz", slices.Concat(gz(plain[:7777]), gz(plain[7777:])), 5000},
		{"frames.zst", slices.Concat(zst(plain[:7777]), zst(plain[7777:])), 5000},
	} {
		dir := t.TempDir()
		g, s := readAll(t, write(t, dir, tc.name, tc.b))
		if len(g.packets) != tc.want {
			t.Errorf("%s: %d packets, want %d; gaps %+v", tc.name, len(g.packets), tc.want, g.gaps)
		}
		if s.Size() != int64(len(tc.b)) || s.Read() != s.Size() {
			t.Errorf("%s: read %d of %d, want %d", tc.name, s.Read(), s.Size(), len(tc.b))
		}
		slow := slowReader{bytes.NewReader(tc.b), 100}
		s, err := Open([]string{"-"}, slow)
		if err != nil {
			t.Fatal(err)
		}
		var piped got
		if err := s.Run(context.Background(), piped.packet, piped.payload, piped.gap); err != nil || !slices.Equal(texts(piped), texts(g)) {
			t.Errorf("%s: piped: %d packets, %v", tc.name, len(piped.packets), err)
		}
		if s.Size() != -1 {
			t.Errorf("%s: size of a pipe is %d", tc.name, s.Size())
		}
	}
}

// TestCompressedDamaged reads what there is of compressed files cut short or damaged.
func TestCompressedDamaged(t *testing.T) {
	plain := capture("a", 50_000, start, 1e6)
	for _, tc := range []struct {
		name string
		b    []byte
		want wire.GapKind
	}{
		{"cut.gz", cutInHalf(gz(plain)), wire.GapTruncated},
		{"cut.zst", cutInHalf(zst(plain)), wire.GapTruncated},
		{"sum.gz", flip(gz(plain), -6), wire.GapBadRecord},
		{"middle.gz", flip(gz(plain), 0), wire.GapBadRecord},
		{"trailer.gz", append(gz(plain), "something else that follows"...), wire.GapBadRecord},
	} {
		g, _ := readAll(t, write(t, t.TempDir(), tc.name, tc.b))
		kinds := map[wire.GapKind]int{}
		for _, x := range g.gaps {
			kinds[x.Kind]++
		}
		if len(g.packets) < 1000 || kinds[tc.want] != 1 {
			t.Errorf("%s: %d packets, gaps %+v", tc.name, len(g.packets), g.gaps)
		}
	}
}

func cutInHalf(b []byte) []byte { return b[:len(b)/2] }

// flip changes a byte: the one at i from the end, or that in the middle.
func flip(b []byte, i int) []byte {
	if i == 0 {
		i = len(b) / 2
	} else {
		i += len(b)
	}
	b[i] ^= 0x55
	return b
}

func TestMerge(t *testing.T) {
	dir := t.TempDir()
	a := write(t, dir, "b-first.pcap", capture("a", 4, start, 2e6))             // 0 2 4 6
	b := write(t, dir, "a-second.pcap.gz", gz(capture("b", 4, start+1e6, 2e6))) // 1 3 5 7
	c := write(t, dir, "c.pcap", capture("c", 3, start, 2e6))                   // 0 2 4: after a's of the same time
	g, s := readAll(t, a, b, c)
	want := []string{"a 1", "c 1", "b 1", "a 2", "c 2", "b 2", "a 3", "c 3", "b 3", "a 4", "b 4"}
	if !slices.Equal(texts(g), want) {
		t.Errorf("order %v, want %v", texts(g), want)
	}
	if p := g.packets[5]; p.Ref != (wire.PacketRef{Source: 1, Number: 2}) {
		t.Errorf("reference of b 2 = %v", p.Ref)
	}
	if !slices.Equal(s.Files(), []string{a, b, c}) {
		t.Errorf("files %v", s.Files())
	}
	// the same through standard input for one of them
	data, _ := os.ReadFile(b)
	s, err := Open([]string{a, "-", c}, slowReader{bytes.NewReader(data), 10})
	if err != nil {
		t.Fatal(err)
	}
	var piped got
	if err := s.Run(context.Background(), piped.packet, piped.payload, piped.gap); err != nil || !slices.Equal(texts(piped), want) {
		t.Errorf("piped: %v, %v", texts(piped), err)
	}
}

// TestMergeOrder keeps the order within a file whose times leap, and holds back nothing.
func TestMergeOrder(t *testing.T) {
	o := binary.LittleEndian
	dir := t.TempDir()
	leaps := pcapFile(o, pcapMicro, 1)
	for i, at := range []wire.Time{5, 1, 9, 2} {
		leaps = append(leaps, record(o, start+at*1e6, fmt.Appendf(nil, "leap %d", i+1), 6)...)
	}
	a := write(t, dir, "leaps.pcap", leaps)
	b := write(t, dir, "even.pcap", capture("even", 4, start+2e6, 2e6)) // 2 4 6 8
	g, _ := readAll(t, a, b)
	want := []string{"even 1", "even 2", "leap 1", "leap 2", "even 3", "even 4", "leap 3", "leap 4"}
	if !slices.Equal(texts(g), want) {
		t.Errorf("order %v, want %v", texts(g), want)
	}
}

// TestSplit reads one capture whole and in three parts: the same packets in the same order.
func TestSplit(t *testing.T) {
	dir := t.TempDir()
	whole := write(t, dir, "whole.pcap", capture("x", 300, start, 1e3))
	all, _ := readAll(t, whole)
	o := binary.LittleEndian
	parts := []string{}
	for i, r := range [][2]int{{0, 100}, {100, 101}, {101, 300}} {
		b := pcapFile(o, pcapMicro, 1)
		for _, p := range all.packets[r[0]:r[1]] {
			b = append(b, record(o, p.Time, p.Data, p.WireLen)...)
		}
		parts = append(parts, write(t, dir, fmt.Sprintf("part%d.pcap", 2-i), b)) // named against their order
	}
	g, _ := readAll(t, parts...)
	if !slices.Equal(texts(g), texts(all)) {
		t.Errorf("%d packets, want %d alike", len(g.packets), len(all.packets))
	}
	g, _ = readAll(t, filepath.Join(dir, "part*.pcap"))
	if !slices.Equal(texts(g), texts(all)) {
		t.Errorf("by pattern: %d packets, want %d alike", len(g.packets), len(all.packets))
	}
}

// TestMany merges more files than may be open at a time, all of them overlapping.
func TestMany(t *testing.T) {
	dir := t.TempDir()
	const files, each = 600, 40
	for i := range files {
		b := capture(fmt.Sprintf("f%d", i), each, start+wire.Time(i)*1e3, 1e6)
		name := fmt.Sprintf("f%03d.pcap", i)
		if i%3 == 0 {
			b, name = gz(b), name+".gz"
		}
		write(t, dir, name, b)
	}
	s, err := Open([]string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	n, most, last := 0, 0, wire.Time(0)
	var next [files]uint64
	err = s.Run(context.Background(), func(p *wire.Packet) error {
		if p.Time < last {
			return fmt.Errorf("packet %v at %d after %d", p.Ref, p.Time, last)
		}
		next[p.Ref.Source]++
		if p.Ref.Number != next[p.Ref.Source] {
			return fmt.Errorf("packet %v, want number %d", p.Ref, next[p.Ref.Source])
		}
		last = p.Time
		if n++; n%500 == 0 {
			open := 0
			for _, in := range s.inputs {
				if in.file != nil && in.file.f != nil {
					open++
				}
			}
			most = max(most, open)
		}
		return nil
	}, nil, func(g wire.Gap) { t.Errorf("gap %+v", g) })
	if err != nil || n != files*each {
		t.Fatalf("%d packets, want %d: %v", n, files*each, err)
	}
	if most > maxOpen {
		t.Errorf("%d files open at once", most)
	}
	if s.Read() != s.Size() {
		t.Errorf("read %d of %d bytes", s.Read(), s.Size())
	}
}

func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "b.pcap", capture("b", 1, start, 1))
	write(t, dir, "a/capture", capture("a", 1, start+1e9, 1))
	write(t, dir, "notes.txt", []byte("call fails since monday\n"))
	write(t, dir, "z.pcap", nil)
	g, s := readAll(t, dir)
	if want := []string{"b 1", "a 1"}; !slices.Equal(texts(g), want) {
		t.Errorf("packets %v, want %v", texts(g), want)
	}
	if want := []string{filepath.Join(dir, "a/capture"), filepath.Join(dir, "b.pcap")}; !slices.Equal(s.Files(), want) {
		t.Errorf("files %v", s.Files())
	}
	if want := []string{filepath.Join(dir, "notes.txt") + ": text", filepath.Join(dir, "z.pcap") + ": empty file"}; !slices.Equal(s.Skipped(), want) {
		t.Errorf("skipped %v, want %v", s.Skipped(), want)
	}
	g, s = readAll(t, filepath.Join(dir, "b.pcap"), dir) // the same file twice is read once
	if len(g.packets) != 2 || len(s.Files()) != 2 {
		t.Errorf("packets %v of %v", texts(g), s.Files())
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	text := write(t, dir, "none/log.txt", []byte("hello\n"))
	if err := os.MkdirAll(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		path, want string
	}{
		{text, "log.txt: expected a capture (pcap, pcapng, or a text trace with SIP messages in it, plain or compressed with gzip or zstd), found text"},
		{filepath.Join(dir, "absent.pcap"), "no such file"},
		{filepath.Join(dir, "*.pcap"), "no files"},
		{filepath.Join(dir, "empty"), "no files"},
		{filepath.Join(dir, "none"), "no capture among 1 files ("},
		{"-", "read standard input: expected a capture"},
	} {
		_, err := Open([]string{tc.path}, strings.NewReader("INVITE sip:bob@example.com SIP/2.0\r\n\r\n"))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("open %s: %v, want %q", tc.path, err, tc.want)
		}
	}
	if _, err := Open(nil, nil); err == nil {
		t.Error("no paths: no error")
	}
}

func TestForeign(t *testing.T) {
	elf, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		elf = elf[:min(len(elf), sniffBytes)]
	} else {
		elf = []byte("\x7fELF\x02\x01\x01")
	}
	for _, tc := range []struct {
		b    []byte
		want string
	}{
		{nil, "empty file"},
		{elf, "ELF executable"},
		{[]byte("snoop\x00\x00\x00\x00\x00\x00\x02"), "snoop capture (Solaris)"},
		{[]byte(`192.0.2.1 - - [10/Oct/2023:13:55:36 +0000] "GET / HTTP/1.1" 200 5` + "\n"), "text: looks like an HTTP log"},
		{[]byte("\nINVITE sip:bob@example.com SIP/2.0\n\nhello\n"), "text: looks like a SIP trace, but no message with a header could be read in it"},
		{[]byte(`{"a": 1}`), "JSON"},
		{[]byte("<!doctype html><html>"), "HTML"},
		{[]byte("12:00:01.000001 IP 192.0.2.1.5060 > 192.0.2.2.5060: SIP"), "text: looks like the output of tcpdump"},
		{[]byte("gr\xc3\xbc\xc3\x9fe"), "text"},
		{[]byte("cut in a rune \xc3"), "text"},
		{gz([]byte("hello")), "gzip of text"},
		{gz(nil), "gzip of empty file"},
		{zst(elf), "zstd of ELF executable"},
		{gz(gz([]byte("hello"))), "gzip of gzip"},
		{[]byte("PK\x03\x04...."), "ZIP archive"},
		{append(append(make([]byte, 100), make([]byte, 157)...), "ustar\x0000"...), "tar archive"},
		{make([]byte, 100), "zeros"},
		{[]byte{0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4, 5}, "data of an unknown kind that begins with de ad be ef 01 02 03 04"},
		{pcapFile(binary.LittleEndian, pcapMicro, 1)[:20], "pcap cut short within its file header"},
	} {
		_, err := Open([]string{write(t, t.TempDir(), "x", tc.b)}, nil)
		var format *FormatError
		if !errors.As(err, &format) || format.Found != tc.want {
			t.Errorf("%.20q: %v, want %q", tc.b, err, tc.want)
		}
	}
}

func TestRunEnds(t *testing.T) {
	dir := t.TempDir()
	a, b := write(t, dir, "a.pcap", capture("a", 5000, start, 1)), write(t, dir, "b.pcap", capture("b", 5000, start, 1))
	boom := errors.New("boom")
	for _, paths := range [][]string{{a}, {a, b}} {
		s, _ := Open(paths, nil)
		if err := s.Run(context.Background(), func(*wire.Packet) error { return boom }, nil, nil); !errors.Is(err, boom) {
			t.Errorf("%d files: %v", len(paths), err)
		}
		s, _ = Open(paths, nil)
		ctx, cancel := context.WithCancel(context.Background())
		n := 0
		err := s.Run(ctx, func(*wire.Packet) error { n++; cancel(); return nil }, nil, nil)
		if !errors.Is(err, context.Canceled) || n > checkEvery {
			t.Errorf("%d files: %v after %d packets", len(paths), err, n)
		}
	}
}

// TestEmptyCapture reads captures without packets, alone and among others.
func TestEmptyCapture(t *testing.T) {
	dir := t.TempDir()
	empty := write(t, dir, "a.pcap", pcapFile(binary.LittleEndian, pcapMicro, 1))
	other := write(t, dir, "b.pcap", capture("b", 2, start, 1e6))
	g, _ := readAll(t, empty)
	if len(g.packets)+len(g.gaps) != 0 {
		t.Errorf("%+v", g)
	}
	g, s := readAll(t, empty, other, empty)
	if len(g.packets) != 2 || g.packets[0].Ref.Source != 1 || s.Read() != s.Size() {
		t.Errorf("%+v, read %d of %d", g, s.Read(), s.Size())
	}
}

// TestLivePipe holds that a packet of a pipe is handed on before the next one comes.
func TestLivePipe(t *testing.T) {
	for _, tc := range []struct {
		name string
		b    []byte
	}{
		{"pcap", capture("a", 1, start, 1)},
		{"pcapng", slices.Concat(ngSectionBlock(binary.LittleEndian), ngInterfaceBlock(binary.LittleEndian, 1), ngPacketBlock(binary.LittleEndian, 0, 5, payload(0), 60))},
	} {
		r, w := io.Pipe()
		go func() {
			if _, err := w.Write(tc.b); err != nil { // and then nothing more comes
				t.Error(err)
			}
		}()
		s, err := Open([]string{"-"}, r)
		if err != nil {
			t.Fatal(err)
		}
		done := errors.New("done")
		if err := s.Run(context.Background(), func(*wire.Packet) error { return done }, nil, func(wire.Gap) {}); !errors.Is(err, done) {
			t.Errorf("%s: %v", tc.name, err)
		}
		r.Close()
	}
}
