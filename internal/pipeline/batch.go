package pipeline

import (
	"sipcause/internal/call"
	"sipcause/internal/correlate"
	"sipcause/internal/wire"
)

// A batch ends after so many messages, so many of their bytes, or so many media packets. The bounds are part
// of the result: legs are closed at the ends of batches.
const (
	batchMessages = 4096
	batchBytes    = 4 << 20
	batchMedia    = 16384
)

// batch is a run of what decode found, with its own copy of the bytes, on its way through the stages.
type batch struct {
	payloads []wire.Payload
	ends     []int // of each payload's bytes in data
	data     []byte
	shard    [correlate.Shards][]int32 // indices into payloads, by shard
	events   []call.Event
	media    []wire.Media
	gaps     []wire.Gap
	end      wire.Time // greatest event time read when the batch was sent
	flush    bool      // the last batch: close everything
	outputs  [correlate.Shards]correlate.Output
}

func (b *batch) add(p *wire.Payload) {
	i := int32(len(b.payloads))
	b.payloads = append(b.payloads, *p)
	b.data = append(b.data, p.Data...)
	b.ends = append(b.ends, len(b.data))
	b.payloads[i].Data = nil // the bytes move as data grows: see runShard
	s := correlate.ShardOf(p)
	b.shard[s] = append(b.shard[s], i)
}

func (b *batch) event(e *wire.Event) {
	b.events = append(b.events, call.Event{
		Kind: e.Kind, Ref: e.Ref, Time: e.Time, Until: e.Until, Flow: e.Flow, From: e.From, Txn: call.None,
		Code: e.ICMPCode, Type: e.ICMPType, V6: e.V6, Detail: e.Detail, Name: e.Name,
	})
}

func (b *batch) full() bool {
	return len(b.payloads) >= batchMessages || len(b.data) >= batchBytes || len(b.media) >= batchMedia
}

// runShard gives one shard its messages of the batch and takes what comes out.
func (b *batch) runShard(i int, s *correlate.Shard) {
	for _, k := range b.shard[i] {
		p := &b.payloads[k]
		from := 0
		if k > 0 {
			from = b.ends[k-1]
		}
		p.Data = b.data[from:b.ends[k]:b.ends[k]]
		s.Message(p)
	}
	s.Advance(b.end)
	if b.flush {
		s.Flush()
	}
	b.outputs[i] = s.Take(b.outputs[i])
}

// reset empties the batch for reuse; the legs in its outputs have been given back.
func (b *batch) reset() {
	clear(b.payloads)
	b.payloads, b.ends, b.data = b.payloads[:0], b.ends[:0], b.data[:0]
	for i := range b.shard {
		b.shard[i] = b.shard[i][:0]
	}
	clear(b.events)
	b.events, b.media, b.gaps = b.events[:0], b.media[:0], b.gaps[:0]
	b.flush = false
}
