package capture

import "io"

// block reads a stream in large pieces and lends out the bytes where they lie.
type block struct {
	r        io.Reader
	buf      []byte
	pos, end int   // buf[pos:end] is read and not taken
	base     int64 // offset of buf[0] in the stream
	err      error // why reading ended; io.EOF at an honest end
}

// peek returns the next n bytes, or fewer when the stream has no more. They are valid until the next peek
// that returns more.
func (b *block) peek(n int) []byte {
	if b.end-b.pos < n {
		b.fill(n)
	}
	return b.buf[b.pos:min(b.pos+n, b.end)]
}

// take passes over n bytes that were peeked at.
func (b *block) take(n int) { b.pos += n }

// skip passes over n bytes, seen or not, and says whether there were so many.
func (b *block) skip(n int) bool {
	for n > b.end-b.pos {
		n -= b.end - b.pos
		b.pos = b.end
		if b.fill(1); b.pos == b.end {
			return false
		}
	}
	b.pos += n
	return true
}

// offset returns where in the stream the next byte is.
func (b *block) offset() int64 { return b.base + int64(b.pos) }

// ended says whether all that will ever come is in the buffer.
func (b *block) ended() bool { return b.err != nil }

// maxEmptyReads bounds how often a reader may return nothing without an error.
const maxEmptyReads = 100

// fill reads until n bytes are there. What is left moves to the front; the buffer grows only for a record
// that is larger than it.
func (b *block) fill(n int) {
	if b.err != nil {
		return
	}
	b.base += int64(b.pos)
	rest := b.buf[b.pos:b.end]
	if n > len(b.buf) {
		b.buf = make([]byte, n+n/2)
	}
	b.pos, b.end = 0, copy(b.buf, rest)
	for empty := 0; b.end < n && b.err == nil; {
		var m int
		m, b.err = b.r.Read(b.buf[b.end:])
		b.end += m
		if m > 0 {
			empty = 0
		} else if empty++; empty > maxEmptyReads && b.err == nil {
			b.err = io.ErrNoProgress
		}
	}
}
