package correlate

import (
	"sync"

	"sipcause/internal/call"
	"sipcause/internal/wire"
)

// slabSize is how many bytes of chunks are made at once.
const slabSize = 16 << 20

// store keeps what all shards use again: legs that came back through Spent, and the chunks of their arenas. Nothing of it
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

// Spent gathers legs that are done with, to give their memory back all at once: a lock for each would make the shards
// wait. The zero value is ready.
type Spent struct {
	legs   []*call.Leg
	chunks []*call.Chunk
}

// Add takes a leg. Nothing that points into it may be used afterwards.
func (s *Spent) Add(l *call.Leg) {
	s.chunks = l.Arena.Empty(s.chunks)
	if cap(l.Sightings) > 1024 { // a giant would keep its size for ever
		return
	}
	l.Reset()
	s.legs = append(s.legs, l)
}

// Release gives back what was gathered.
func (s *Spent) Release() {
	store.Lock()
	store.legs = append(store.legs, s.legs...)
	store.chunks = append(store.chunks, s.chunks...)
	store.Unlock()
	clear(s.legs)
	clear(s.chunks)
	s.legs, s.chunks = s.legs[:0], s.chunks[:0]
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
	for i := s.take(); i < len(s.chunks); i++ {
		s.chunks[i][0] = 0 // a page looked at before it is written is one of zeros, to be exchanged for its own later
	}
}

// take takes chunks from the store and returns which of them is the first that was never used.
func (s *stock) take() (fresh int) {
	store.Lock()
	defer store.Unlock()
	fresh = copy(s.chunks[:], store.chunks[max(0, len(store.chunks)-len(s.chunks)):])
	store.chunks = store.chunks[:len(store.chunks)-fresh]
	for s.n = fresh; s.n < len(s.chunks); s.n++ {
		if len(store.slab) == 0 {
			store.slab = make([]byte, slabSize)
			wantHugePages(store.slab)
		}
		c := (*call.Chunk)(store.slab)
		store.slab = store.slab[len(c):]
		s.chunks[s.n] = c
	}
	return fresh
}
