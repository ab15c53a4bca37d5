package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/cespare/xxhash/v2"

	"sipcause/internal/wire"
)

// watched is a file of a watched folder.
type watched struct {
	mark
	info    fs.FileInfo // as it was seen last; nil when it is not in the folder
	pending bool
	first   wire.Time // of its first packet

	tail  *tail // nil when it is not open
	head  wire.Packet
	ready bool      // head is next in turn
	grown time.Time // when it had more
}

// mark is what is remembered of a file. Its content, packed or not, is known by how it begins.
type mark struct {
	Name     string    `json:"name"`
	Size     int64     `json:"size"` // read
	Modified time.Time `json:"modified"`
	Head     int       `json:"head"` // bytes that Hash is of
	Hash     uint64    `json:"hash"`
	Packets  uint64    `json:"packets"`        // read
	Bad      bool      `json:"bad,omitempty"`  // it is no capture
	Copy     bool      `json:"copy,omitempty"` // packed; the file it was made of is there, too
}

// is says whether a file that begins with head is the one that m is of.
func (m *mark) is(head []byte) bool {
	return m.Head > 0 && len(head) >= m.Head && xxhash.Sum64(head[:m.Head]) == m.Hash
}

// remember takes over from an open file how it begins, and its size.
func (f *watched) remember() {
	if f.tail == nil {
		return
	}
	if f.Packets > 0 && len(f.tail.head.seen) > f.Head {
		f.Head, f.Hash = len(f.tail.head.seen), xxhash.Sum64(f.tail.head.seen)
	}
	info, err := f.tail.raw.f.Stat()
	if err != nil {
		return
	}
	f.Modified = info.ModTime()
	switch {
	case f.ready:
		f.Size = unfinished
	case f.tail.decoder != nil || f.tail.failed: // as much as will ever be read
		f.Size = info.Size()
	default:
		f.Size = f.tail.raw.at
	}
}

const (
	unfinished = -1 // size of a file of which some is left to read
	tailBlock  = 64 << 10
	headBytes  = 16 << 10 // enough for a section header and packets with their times
	// packedAfter is how long a packed file must not have changed: half of one is damaged.
	packedAfter = 2 * time.Second
)

// errMore says that a file has no more yet.
var errMore = errors.New("no more yet")

// growing reads a file up to where it is written.
type growing struct {
	f    *os.File
	at   int64
	last bool // nothing more will come
}

func (g *growing) Read(p []byte) (int, error) {
	n, err := g.f.Read(p)
	g.at += int64(n)
	if n == 0 && err == io.EOF && !g.last {
		err = errMore
	}
	return n, err
}

// headed keeps how a stream begins.
type headed struct {
	r    io.Reader
	seen []byte
}

func (h *headed) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	if room := headBytes - len(h.seen); room > 0 {
		h.seen = append(h.seen, p[:min(n, room)]...)
	}
	return n, err
}

// tail is an open file that may grow.
type tail struct {
	raw     *growing
	head    *headed
	decoder io.Closer
	records growingRecords
	again   []byte // how the file begins now
	failed  bool   // it cannot be read
}

// growingRecords is a format that can go on where a stream ended for the time being.
type growingRecords interface {
	records
	peek(n int) []byte
	whole() bool     // the next record is all there
	resume()         // the stream may have more
	endWith(e error) // the stream has no more
}

// openTail begins to read a file. errMore: it has no header yet, or is being packed.
func openTail(path string, source uint32, gap func(g wire.Gap)) (t *tail, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	t = &tail{raw: &growing{f: f}}
	defer func() {
		if err != nil {
			t.close()
		}
	}()
	packed := &block{r: t.raw, buf: make([]byte, tailBlock)}
	t.head = &headed{r: packed}
	unpack := unpackers(packed.peek(4))
	if packed.err = nil; unpack != nil {
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		if time.Since(info.ModTime()) < packedAfter {
			return t, errMore
		}
		t.raw.last = true
		r, err := unpack.open(packed)
		if err != nil {
			return nil, &FormatError{Name: path, Found: fmt.Sprintf("damaged %s data: %v", unpack.name, err)}
		}
		t.decoder, t.head.r = r, &unpacked{r, unpack.name}
	} else if _, err := f.Seek(0, io.SeekStart); err == nil {
		t.raw.at, t.head.r = 0, t.raw
	}
	st := stream{
		block: block{r: t.head, buf: make([]byte, tailBlock)}, to: sink{gap: gap, secret: silent.secret},
		name: path, source: source, live: true, packed: unpack != nil,
	}
	return t, t.recognise(st)
}

// recognise finds out what a stream is. Text traces are none that grow.
func (t *tail) recognise(st stream) error {
	b := st.peek(pcapHeader)
	switch {
	case looksPcap(b):
		t.records = newPcap(st)
	case looksPcapng(b):
		t.records = newPcapng(st)
	case len(b) < pcapHeader && errors.Is(st.err, errMore):
		return errMore
	default:
		return &FormatError{Name: st.name, Found: foreign(st.peekSome(sniffBytes))}
	}
	return nil
}

// next reads the next packet: errMore when it is not there yet, io.EOF after the last.
func (t *tail) next(p *wire.Packet) error {
	t.records.resume()
	if !t.raw.last && !t.records.whole() {
		return errMore
	}
	err := t.records.next(p)
	if errors.Is(err, errMore) {
		return errMore
	}
	return err
}

// end makes what has been read of the file so far all there is.
func (t *tail) end() {
	t.raw.last = true
	t.records.endWith(io.EOF)
}

// refresh says whether the file has grown, or was written anew.
func (t *tail) refresh() (grew, anew bool) {
	info, err := t.raw.f.Stat()
	if err != nil || t.raw.last || info.Size() == t.raw.at {
		return false, false
	}
	if info.Size() < t.raw.at {
		return false, true
	}
	t.again = append(t.again[:0], t.head.seen...)
	n, _ := t.raw.f.ReadAt(t.again, 0)
	return true, !bytes.Equal(t.again[:n], t.head.seen)
}

func (t *tail) close() {
	if t.decoder != nil {
		t.decoder.Close()
	}
	t.raw.f.Close()
}

// resume implements growingRecords.
func (s *stream) resume() {
	if errors.Is(s.err, errMore) {
		s.err = nil
	}
}

// endWith implements growingRecords.
func (s *stream) endWith(e error) { s.err = e }

// whole implements growingRecords. What cannot be a record is for next.
func (r *pcap) whole() bool {
	h := r.peek(pcapRecord)
	if len(h) < pcapRecord {
		return false
	}
	n := int(min(r.u32(h[8:]), maxCaptured+1))
	return n > maxCaptured || len(r.peek(pcapRecord+n)) == pcapRecord+n
}

// whole implements growingRecords.
func (r *pcapng) whole() bool {
	h := r.peek(12)
	if len(h) < 12 {
		return false
	}
	typ := r.u32(h)
	if typ == ngSection && !r.order(h[8:]) {
		return true
	}
	size := padded(r.u32(h[4:]))
	if size < 12 || size > maxBlock && (size > maxLongBlock || !longBlock(typ)) {
		return true
	}
	return len(r.peek(int(size))) == int(size)
}

// glanceAt returns how a capture begins and when its first packet was: errMore when there is none yet.
func glanceAt(path string) (head []byte, first wire.Time, err error) {
	t, err := openTail(path, 0, silent.gap)
	if err != nil {
		return nil, 0, err
	}
	defer t.close()
	var p wire.Packet
	if err := t.next(&p); err != nil {
		return nil, 0, errMore // one that is whole and empty, too: there is nothing to read
	}
	t.records.peek(headBytes)
	return t.head.seen, p.Time, nil
}
