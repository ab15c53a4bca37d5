package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"sipcause/internal/wire"
)

// input is one capture of a Source.
type input struct {
	name   string
	path   string // "" for standard input
	size   int64  // of the file
	pipe   io.Reader
	source uint32
	held   bool         // cannot be opened again: what was read to look at it is kept in records
	parked bool         // its file is open only while a block is read
	only   int          // 1 + the interface that is read of it; 0: all
	fix    []Correction // by interface; see Source.Correct

	records records
	file    *file
	decoder io.Closer
	head    wire.Packet // the packet next in turn
}

// blockSize returns how much is read at once of each of n captures, so that all of them together hold little.
func blockSize(n int) int {
	switch {
	case n <= 4:
		return 512 << 10
	case n <= 64:
		return 128 << 10
	}
	return 32 << 10
}

const (
	sniffBytes = 4096
	// pipeBlock is read at once of a pipe, which seldom holds more.
	pipeBlock = 64 << 10
	// maxWindow bounds what a zstd stream may make its reader hold ("zstd --long" needs 128 MiB).
	maxWindow = 128 << 20
)

// open begins to read in, and finds out what it is. An input that is open already goes on where it is.
func (in *input) open(s *Source, size int, to sink) error {
	to = in.corrected(to)
	if in.records != nil {
		in.handTo(to)
		return nil
	}
	r := in.pipe
	if r == nil {
		in.file = &file{path: in.path, parked: in.parked, read: &s.read}
		if err := in.file.open(); err != nil {
			return err
		}
		r = in.file
	} else {
		r = &counted{r, &s.read}
	}
	whole := size
	if in.pipe != nil {
		whole = min(size, pipeBlock)
	} else if in.size < int64(size) {
		whole = max(sniffBytes, int(in.size)+1) // one more, or its end would not be seen
	}
	st := stream{block: block{r: r, buf: make([]byte, whole)}, to: to, name: in.name, source: in.source, live: in.pipe != nil}
	if in.path == "" {
		st.name = "standard input"
		if n, ok := in.pipe.(interface{ CaptureName() string }); ok {
			st.name = n.CaptureName()
		}
	}
	b := st.peekSome(in.sniff())
	packing := ""
	if unpack := unpackers(b); unpack != nil {
		var err error
		packing = unpack.name + " of "
		if st, err = in.unpack(st, *unpack, size); err != nil {
			return err
		}
		b = st.peekSome(in.sniff())
	}
	if err := st.err; len(b) == 0 && err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s: %w", st.name, err)
	}
	switch {
	case looksPcap(b):
		in.records = newPcap(st)
	case looksPcapng(b):
		in.records = newPcapng(st)
	default:
		return in.openText(st, b, packing)
	}
	return nil
}

// openText reads a stream that begins with b as text, if it is one that has a SIP message in it.
func (in *input) openText(st stream, b []byte, packing string) error {
	wrong := &FormatError{Name: st.name, Found: packing + foreign(b)} // before b is read over
	if foreignKind(b) != "" || !looksText(b) {
		return wrong
	}
	t, err := newText(st)
	if err != nil {
		return err
	}
	if t == nil {
		return wrong
	}
	in.records = t
	return nil
}

// hand gives what in has next to the sink: p, or the message that p stands for.
func (in *input) hand(to sink, p *wire.Packet) error {
	if t, ok := in.records.(*text); ok {
		return to.payload(&t.payload)
	}
	return to.packet(p)
}

// sniff returns how many bytes to wait for to tell what in is. A pipe may give no more than a header for long.
func (in *input) sniff() int {
	if in.pipe != nil {
		return pcapHeader
	}
	return sniffBytes
}

// peekSome returns what is there, at least n bytes unless the stream ends before, at most sniffBytes.
func (b *block) peekSome(n int) []byte {
	b.peek(n)
	return b.peek(min(max(n, b.end-b.pos), sniffBytes))
}

// handTo directs what records find beside packets to another sink.
func (in *input) handTo(to sink) {
	switch r := in.records.(type) {
	case *pcap:
		r.to = to
	case *pcapng:
		r.to = to
	case *text:
		r.to = to
	}
}

// unpacker is a compression that is read.
type unpacker struct {
	name  string
	magic []byte
	open  func(r io.Reader) (io.ReadCloser, error)
}

// unpackers returns what reads the compression whose magic b begins with, nil if it is none.
func unpackers(b []byte) *unpacker {
	for _, u := range [...]unpacker{
		{"gzip", []byte{0x1f, 0x8b}, func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }},
		{"zstd", []byte{0x28, 0xb5, 0x2f, 0xfd}, openZstd},
	} {
		if bytes.HasPrefix(b, u.magic) {
			return &u
		}
	}
	return nil
}

func openZstd(r io.Reader) (io.ReadCloser, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

// unpack returns the stream inside the compressed st.
func (in *input) unpack(st stream, u unpacker, size int) (stream, error) {
	packed := st.block
	r, err := u.open(&packed)
	if err != nil {
		return st, fmt.Errorf("read %s: open %s: %w", st.name, u.name, err)
	}
	in.decoder = r
	st.packed = true
	st.block = block{r: &unpacked{r, u.name}, buf: make([]byte, size)}
	return st, nil
}

// Read makes a block the reader of what it has not lent out yet: a decompressor's input.
func (b *block) Read(p []byte) (int, error) {
	if b.pos == b.end {
		if b.fill(1); b.pos == b.end {
			return 0, b.err
		}
	}
	n := copy(p, b.buf[b.pos:b.end])
	b.pos += n
	return n, nil
}

// unpacked tells the errors of a decompressor from those of the file below it.
type unpacked struct {
	r    io.Reader
	name string
}

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	var below *os.PathError
	if err == nil || err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &below) {
		return n, err
	}
	return n, errDamaged{fmt.Errorf("%s data damaged: %w", u.name, err)}
}

// close ends reading; what Run did not read is left.
func (in *input) close() {
	if in.decoder != nil {
		in.decoder.Close()
	}
	if in.file != nil {
		in.file.close()
	}
	if c, ok := in.pipe.(io.Closer); ok && in.path != "" {
		c.Close()
	}
	in.records, in.decoder, in.file = nil, nil, nil
	in.head = wire.Packet{}
}

// file reads a file, which a parked one is open for only as long as each read takes.
type file struct {
	path   string
	f      *os.File
	at     int64
	parked bool
	read   *atomic.Int64
}

func (f *file) open() (err error) {
	f.f, err = os.Open(f.path)
	return err
}

func (f *file) Read(p []byte) (int, error) {
	if f.f == nil {
		if err := f.open(); err != nil {
			return 0, err
		}
		if _, err := f.f.Seek(f.at, io.SeekStart); err != nil {
			return 0, err
		}
	}
	n, err := f.f.Read(p)
	f.at += int64(n)
	f.read.Add(int64(n))
	if f.parked {
		f.close()
	}
	return n, err
}

func (f *file) close() {
	if f.f != nil {
		f.f.Close()
		f.f = nil
	}
}

// counted counts what is read of a pipe.
type counted struct {
	r    io.Reader
	read *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.read.Add(int64(n))
	return n, err
}
