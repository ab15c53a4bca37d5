package call

import "sync"

const chunkSize = 4096

// chunks is shared by all arenas: a chunk is always given back whole. It holds pointers so that
// Put does not allocate.
var chunks = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// Arena holds the bytes that a leg keeps. It only grows, in chunks, until Free. The zero Arena is ready.
type Arena struct {
	full  []*[chunkSize]byte
	big   [][]byte // messages longer than a chunk
	used  int      // bytes used in the last chunk of full
	bytes int
}

// Copy copies b into the arena; the result lives until Free.
func (a *Arena) Copy(b []byte) []byte {
	if len(b) > chunkSize/2 {
		c := append([]byte(nil), b...)
		a.big = append(a.big, c)
		a.bytes += len(c)
		return c
	}
	if len(a.full) == 0 || a.used+len(b) > chunkSize {
		a.full = append(a.full, chunks.Get().(*[chunkSize]byte))
		a.used = 0
		a.bytes += chunkSize
	}
	c := a.full[len(a.full)-1][a.used : a.used+len(b) : a.used+len(b)]
	copy(c, b)
	a.used += len(b)
	return c
}

// Bytes returns how much memory the arena holds.
func (a *Arena) Bytes() int { return a.bytes }

// Free gives all memory back; slices returned by Copy must not be used any more.
func (a *Arena) Free() {
	for i, c := range a.full {
		chunks.Put(c)
		a.full[i] = nil
	}
	clear(a.big)
	*a = Arena{full: a.full[:0], big: a.big[:0]}
}
