package correlate

import (
	"github.com/cespare/xxhash/v2"

	"sipcause/internal/call"
	"sipcause/internal/peer"
	"sipcause/internal/wire"
)

// KeyOfCallID returns KeyOf of a message with that Call-ID.
func KeyOfCallID(id []byte) uint64 { return xxhash.Sum64(id) }

// maxRebuilt bounds the bytes of messages that Legs keeps.
const maxRebuilt = 64 << 20

// Legs makes the legs of messages of one key, in the order given, as if nothing else had been captured. They belong to
// the receiver; see Spent.
func Legs(messages []wire.Payload, key uint64, opt Options) []*call.Leg {
	opt.MaxBytes, opt.LookAfter = maxRebuilt, 0
	s := NewShard(0, opt)
	items := make([]Item, len(messages))
	for i := range items {
		items[i] = Item{Key: key, At: i}
	}
	s.Messages(messages, items)
	s.Flush()
	s.stock.empty()
	return s.out.Closed
}

// empty gives the chunks back that were not used.
func (s *stock) empty() {
	store.Lock()
	store.chunks = append(store.chunks, s.chunks[:s.n]...)
	store.Unlock()
	s.n = 0
}

// Rebuild makes the call of legs that are known to be one, with what can be told of them alone: nothing is known of
// other traffic, nor of what happened on the wire. end is the time up to which the capture was read.
func Rebuild(legs []*call.Leg, links []call.Link, end wire.Time) *call.Call {
	b := &builder{ledger: peer.New(), end: end, look: true}
	return b.build(legs, links)
}
