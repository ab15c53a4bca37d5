package call

// Chunk is one of the pieces that an Arena consists of.
type Chunk [4096]byte

// Arena holds the bytes that a leg keeps. It grows by the chunks that it is given, until it is emptied. The zero Arena
// is ready.
type Arena struct {
	chunks []*Chunk
	big    [][]byte // messages longer than half a chunk
	used   int      // bytes used in the last of chunks
	bytes  int
}

// Needs says whether the arena needs another chunk before n bytes can be copied into it.
func (a *Arena) Needs(n int) bool {
	return n <= len(Chunk{})/2 && (len(a.chunks) == 0 || a.used+n > len(Chunk{}))
}

// Add gives the arena another chunk, which it owns until it is emptied.
func (a *Arena) Add(c *Chunk) {
	a.chunks = append(a.chunks, c)
	a.used = 0
	a.bytes += len(c)
}

// Copy copies b into the arena, which must not need a chunk for it; the result lives until the arena is emptied.
func (a *Arena) Copy(b []byte) []byte {
	if len(b) > len(Chunk{})/2 {
		c := append([]byte(nil), b...)
		a.big = append(a.big, c)
		a.bytes += len(c)
		return c
	}
	c := a.chunks[len(a.chunks)-1][a.used : a.used+len(b) : a.used+len(b)]
	copy(c, b)
	a.used += len(b)
	return c
}

// Bytes returns how much memory the arena holds.
func (a *Arena) Bytes() int { return a.bytes }

// Empty appends the arena's chunks to free, for use elsewhere; slices returned by Copy must not be used any more.
func (a *Arena) Empty(free []*Chunk) []*Chunk {
	free = append(free, a.chunks...)
	clear(a.chunks)
	clear(a.big)
	*a = Arena{chunks: a.chunks[:0], big: a.big[:0]}
	return free
}
