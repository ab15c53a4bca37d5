package correlate

import (
	"sync"

	"sipcause/internal/call"
	"sipcause/internal/wire"
)

// slabSize is how many bytes of chunks are made at once.
const slabSize = 16 << 20

// store keeps what all shards use again: legs that came back through Release, and the chunks of their arenas. Nothing of it
// is given back: there is as much as was once in use at a time, which the caps of the shards bound. Chunks are met
// in the order of calls, not of addresses; they are cut from slabs in pages so large that the processor still
// finds them quickly.
var store struct {
	sync.Mutex
	legs   []*call.Leg
	chunks []*call.Chunk
	slab   []byte // not cut yet
}

// newLeg returns an empty leg.
func newLeg() *call.Leg {
	store.Lock()
	defer store.Unlock()
	n := len(store.legs)
	if n == 0 {
		return &call.Leg{Sightings: make([]call.Sighting, 0, 8), Txns: make([]call.Txn, 0, 4), Flows: make([]wire.Flow, 0, 4)} // what most need
	}
	l := store.legs[n-1]
	store.legs = store.legs[:n-1]
	return l
}

// Release gives a leg's memory back. Nothing that points into it may be used afterwards.
func Release(l *call.Leg) {
	store.Lock()
	defer store.Unlock()
	store.chunks = l.Arena.Empty(store.chunks)
	if cap(l.Sightings) > 1024 { // a giant would keep its size for ever
		return
	}
	l.Reset()
	store.legs = append(store.legs, l)
}

// stock is a shard's own few chunks: to lock the store for each would mean to wait for all that is being written.
type stock struct {
	chunks [8]*call.Chunk
	n      int
}

// keep copies b to where it lives as long as the leg.
func (s *stock) keep(l *call.Leg, b []byte) []byte {
	if l.Arena.Needs(len(b)) {
		if s.n == 0 {
			s.fill()
		}
		s.n--
		l.Arena.Add(s.chunks[s.n])
	}
	return l.Arena.Copy(b)
}

func (s *stock) fill() {
	store.Lock()
	defer store.Unlock()
	s.n = copy(s.chunks[:], store.chunks[max(0, len(store.chunks)-len(s.chunks)):])
	store.chunks = store.chunks[:len(store.chunks)-s.n]
	for ; s.n < len(s.chunks); s.n++ {
		if len(store.slab) == 0 {
			store.slab = make([]byte, slabSize)
			wantHugePages(store.slab)
		}
		c := (*call.Chunk)(store.slab)
		store.slab = store.slab[len(c):]
		s.chunks[s.n] = c
	}
}
