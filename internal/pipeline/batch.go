package pipeline

import (
	"bytes"

	"sipcause/internal/call"
	"sipcause/internal/correlate"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// A batch ends after so many messages, so many of their bytes, so many media packets, or so many events and gaps:
// it should stay in a processor's cache on its way. The bounds are part of the result: legs are closed at the ends
// of batches.
const (
	batchMessages = 1024
	batchBytes    = 1 << 20
	batchMedia    = 4096
	batchEvents   = 4096
)

// batch is a run of what decode found, with its own copy of the bytes, on its way through the stages.
type batch struct {
	payloads []wire.Payload
	data     []byte                             // of the payloads; those added before it grew have theirs where it was then
	items    [correlate.Shards][]correlate.Item // of the payloads, by shard
	shardOf  []uint8                            // of each payload
	keys     []uint64                           // of each payload: correlate.KeyOf; empty unless recorded
	recorded bool                               // somebody wants the keys
	raw      []wire.Event                       // the events; empty unless recorded
	notes    []wire.Note
	said     []byte // what the notes refer to
	traffic  []traffic
	events   []call.Event
	media    []wire.Media
	rtcp     []byte // what Data of media refers to
	gaps     []wire.Gap
	end      wire.Time // greatest event time read when the batch was sent
	spans    []span    // what had been read by then, by capture point
	flush    bool      // the last batch: close everything
	outputs  [correlate.Shards]correlate.Output
}

// maxDataKept bounds the memory for bytes that a batch keeps when it is empty again.
const maxDataKept = 2 << 20

// traffic says how many messages came from a time on.
type traffic struct {
	time     wire.Time
	messages int
}

// trafficEvery is how many messages are entered into the ledger's traffic at the time of the first of them.
const trafficEvery = 64

func (b *batch) add(p *wire.Payload) {
	if len(b.payloads)%trafficEvery == 0 {
		b.traffic = append(b.traffic, traffic{time: p.Time})
	}
	b.traffic[len(b.traffic)-1].messages++
	key := correlate.KeyOf(p)
	b.shardOf = append(b.shardOf, uint8(key%correlate.Shards))
	if b.recorded {
		b.keys = append(b.keys, key)
	}
	own := &b.items[key%correlate.Shards]
	*own = append(*own, correlate.Item{Key: key, At: len(b.payloads)})
	if b.data == nil {
		b.data = make([]byte, 0, batchBytes)
	}
	from := len(b.data)
	b.data = append(b.data, p.Data...)
	if b.payloads == nil {
		b.payloads = make([]wire.Payload, 0, batchMessages)
	}
	b.payloads = b.payloads[:len(b.payloads)+1]
	q := &b.payloads[len(b.payloads)-1]
	*q = *p // append would copy by way of the stack and wait for itself there
	q.Data = b.data[from:len(b.data):len(b.data)]
}

func (b *batch) event(e *wire.Event) {
	if b.recorded {
		own := *e
		own.Quote = nil
		if quotedCallID(e.Quote) != "" {
			own.Quote = bytes.Clone(e.Quote)
		}
		b.raw = append(b.raw, own)
	}
	b.events = append(b.events, call.Event{
		Kind: e.Kind, Ref: e.Ref, Time: e.Time, Until: e.Until, Flow: e.Flow, From: e.From, Txn: call.None,
		Code: e.ICMPCode, Type: e.ICMPType, V6: e.V6, Detail: e.Detail, Name: e.Name, CallID: quotedCallID(e.Quote),
	})
}

// note keeps what an agent said; its texts are copied.
func (b *batch) note(n *wire.Note) {
	keep := func(t []byte) []byte {
		from := len(b.said)
		b.said = append(b.said, t...)
		return b.said[from:len(b.said):len(b.said)]
	}
	own := *n
	own.CallID, own.Text = keep(n.CallID), keep(n.Text)
	b.notes = append(b.notes, own)
}

// quotedCallID returns the Call-ID in the beginning of a message, "" unless its line is there to the end.
func quotedCallID(quote []byte) string {
	id := sip.CallIDOf(quote)
	if i := bytes.Index(quote, id); len(id) == 0 || i < 0 || i+len(id) >= len(quote) {
		return ""
	}
	return string(id)
}

func (b *batch) full() bool {
	return len(b.payloads) >= batchMessages || len(b.data)+len(b.rtcp)+len(b.said) >= batchBytes || len(b.media) >= batchMedia ||
		len(b.events)+len(b.gaps)+len(b.notes) >= batchEvents
}

// runShard gives one shard its messages of the batch and takes what comes out.
func (b *batch) runShard(i int, s *correlate.Shard) {
	s.Messages(b.payloads, b.items[i])
	s.Advance(b.end)
	if b.flush {
		s.Flush()
	}
	b.outputs[i] = s.Take(b.outputs[i])
}

// reset empties the batch for reuse; the legs in its outputs have been given back.
func (b *batch) reset() {
	for i := range b.items {
		b.items[i] = b.items[i][:0]
	}
	if cap(b.data) > maxDataKept {
		clear(b.payloads)
		b.data = nil
	}
	if len(b.rtcp) > 0 {
		clear(b.media)
	}
	clear(b.events)
	clear(b.notes)
	clear(b.raw)
	b.raw, b.keys, b.notes, b.said = b.raw[:0], b.keys[:0], b.notes[:0], b.said[:0]
	b.payloads, b.data, b.traffic, b.shardOf = b.payloads[:0], b.data[:0], b.traffic[:0], b.shardOf[:0]
	b.events, b.media, b.rtcp, b.gaps = b.events[:0], b.media[:0], b.rtcp[:0], b.gaps[:0]
	b.flush = false
}
