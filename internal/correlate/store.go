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

// keep copies b to where it lives as long as the leg.
func keep(l *call.Leg, b []byte) []byte {
	if l.Arena.Needs(len(b)) {
		l.Arena.Add(newChunk())
	}
	return l.Arena.Copy(b)
}

func newChunk() *call.Chunk {
	store.Lock()
	defer store.Unlock()
	if n := len(store.chunks); n > 0 {
		c := store.chunks[n-1]
		store.chunks = store.chunks[:n-1]
		return c
	}
	if len(store.slab) == 0 {
		store.slab = make([]byte, slabSize)
		wantHugePages(store.slab)
	}
	c := (*call.Chunk)(store.slab)
	store.slab = store.slab[len(c):]
	return c
}
