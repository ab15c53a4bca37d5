package capture

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"sipcause/internal/wire"
)

// order is a byte order that can append.
type order interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

var orders = []order{binary.LittleEndian, binary.BigEndian}

const start = wire.Time(1_700_000_000_123_456_000)

// pcapFile returns the header of a classic capture, of the given magic and link type.
func pcapFile(o order, magic uint32, link uint32) []byte {
	b := o.AppendUint32(nil, magic)
	b = o.AppendUint16(o.AppendUint16(b, 2), 4)
	b = append(b, make([]byte, 8)...)
	return o.AppendUint32(o.AppendUint32(b, 65535), link)
}

// record returns a record of a classic capture with microseconds.
func record(o order, at wire.Time, data []byte, sent int) []byte {
	b := o.AppendUint32(nil, uint32(at/1e9))
	b = o.AppendUint32(b, uint32(at%1e9/1e3))
	return append(o.AppendUint32(o.AppendUint32(b, uint32(len(data))), uint32(sent)), data...)
}

// ngBlock returns a block of pcapng.
func ngBlock(o order, typ uint32, body ...[]byte) []byte {
	all := slices.Concat(body...)
	all = append(all, make([]byte, (4-len(all)%4)%4)...)
	n := uint32(len(all) + 12)
	return o.AppendUint32(append(o.AppendUint32(o.AppendUint32(nil, typ), n), all...), n)
}

func ngSectionBlock(o order) []byte {
	return ngBlock(o, ngSection, o.AppendUint32(nil, ngOrder), o.AppendUint16(o.AppendUint16(nil, 1), 0), bytes.Repeat([]byte{0xff}, 8))
}

func option(o order, code int, value []byte) []byte {
	b := append(o.AppendUint16(o.AppendUint16(nil, uint16(code)), uint16(len(value))), value...)
	return append(b, make([]byte, (4-len(b)%4)%4)...)
}

func ngInterfaceBlock(o order, link int, options ...[]byte) []byte {
	return ngBlock(o, ngInterface, o.AppendUint16(nil, uint16(link)), []byte{0, 0}, o.AppendUint32(nil, 0), slices.Concat(options...))
}

// ngPacketBlock returns an Enhanced Packet Block; units is its timestamp.
func ngPacketBlock(o order, iface int, units uint64, data []byte, sent int, options ...[]byte) []byte {
	b := o.AppendUint32(nil, uint32(iface))
	b = o.AppendUint32(o.AppendUint32(b, uint32(units>>32)), uint32(units))
	b = append(o.AppendUint32(o.AppendUint32(b, uint32(len(data))), uint32(sent)), data...)
	b = append(b, make([]byte, (4-len(b)%4)%4)...)
	return ngBlock(o, ngPacket, b, slices.Concat(options...))
}

func payload(n int) []byte {
	return fmt.Appendf(nil, "packet %d %s", n, bytes.Repeat([]byte{'a' + byte(n%26)}, 40+n%7))
}

func gz(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func zst(b []byte) []byte {
	w, _ := zstd.NewWriter(nil)
	return w.EncodeAll(b, nil)
}

// write puts a file below dir and returns its path.
func write(t testing.TB, dir, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// got is all that a run handed on.
type got struct {
	packets  []wire.Packet
	payloads []wire.Payload
	gaps     []wire.Gap
}

func (g *got) packet(p *wire.Packet) error {
	c := *p
	c.Data = slices.Clone(p.Data)
	g.packets = append(g.packets, c)
	return nil
}

func (g *got) payload(p *wire.Payload) error {
	c := *p
	c.Data = slices.Clone(p.Data)
	g.payloads = append(g.payloads, c)
	return nil
}

func (g *got) gap(x wire.Gap) { g.gaps = append(g.gaps, x) }

// readAll runs the captures at paths to their end.
func readAll(t testing.TB, paths ...string) (got, *Source) {
	t.Helper()
	s, err := Open(paths, nil)
	if err != nil {
		t.Fatal(err)
	}
	var g got
	if err := s.Run(context.Background(), g.packet, g.payload, g.gap); err != nil {
		t.Fatal(err)
	}
	return g, s
}

// readBytes runs one capture, given as the bytes of a file.
func readBytes(t testing.TB, b []byte) got {
	t.Helper()
	g, _ := readAll(t, write(t, t.TempDir(), "test.pcap", b))
	return g
}

// slowReader yields at most n bytes at a time.
type slowReader struct {
	r io.Reader
	n int
}

func (s slowReader) Read(p []byte) (int, error) { return s.r.Read(p[:min(len(p), s.n)]) }
