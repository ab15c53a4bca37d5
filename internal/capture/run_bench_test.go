package capture

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"sipcause/internal/wire"
)

// BenchmarkRun reads 64 MB of packets like those of SIP from a file in the page cache.
func BenchmarkRun(b *testing.B) {
	path := filepath.Join(b.TempDir(), "big.pcap")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	rec := make([]byte, 16+770)
	le := binary.LittleEndian
	head := make([]byte, 24)
	le.PutUint32(head, pcapMicro)
	le.PutUint32(head[20:], 1)
	out := head
	const records = 81920
	for i := range uint32(records) {
		le.PutUint32(rec, 1_700_000_000+i/1000)
		le.PutUint32(rec[4:], i%1000*1000)
		le.PutUint32(rec[8:], 770)
		le.PutUint32(rec[12:], 770)
		out = append(out, rec...)
	}
	if _, err := f.Write(out); err != nil {
		b.Fatal(err)
	}
	f.Close()
	b.SetBytes(int64(len(out)))
	b.ReportAllocs()
	for b.Loop() {
		s, err := Open([]string{path}, nil)
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		if err := s.Run(context.Background(), func(p *wire.Packet) error { n++; return nil }, nil, func(wire.Gap) {}); err != nil || n != records {
			b.Fatal(n, err)
		}
	}
}
