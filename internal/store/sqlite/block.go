package sqlite

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/klauspost/compress/zstd"

	"sipcause/internal/record"
	"sipcause/internal/wire"
)

const (
	blockMessages = 512       // messages of one block
	partMessages  = 32 * 512  // messages that are sorted by key together, and read again together by Replay
	maxBlockBytes = 256 << 20 // of one block decompressed: more is damage
)

// codec compresses; its encoder is for the writer's goroutine, its decoder for all.
type codec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

func newCodec() (*codec, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		return nil, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxBlockBytes))
	if err != nil {
		return nil, err
	}
	return &codec{enc, dec}, nil
}

// Bits of a message's flags.
const (
	flagTruncated = 1 << iota
	flagViaHEP
)

// block is a run of messages on its way into a file.
type block struct {
	head, data []byte
	n          int
	tmin, tmax wire.Time
	keys       []uint64 // each once
}

// packer makes blocks.
type packer struct {
	codec *codec
	order []int32
	text  []byte
	w     record.Writer
}

// part makes the blocks of messages that are written together, sorted by key, and hands each on; it is valid during the
// call.
func (p *packer) part(list []record.Message, each func(*block) error) error {
	p.order = p.order[:0]
	for i := range list {
		p.order = append(p.order, int32(i))
	}
	slices.SortFunc(p.order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(list[a].Key, list[b].Key), cmp.Compare(a, b))
	})
	for order := range slices.Chunk(p.order, blockMessages) {
		b := p.pack(list, order)
		if err := each(&b); err != nil {
			return err
		}
	}
	return nil
}

// pack writes one block: columns of numbers, in which flows and points are named by their place in lists before them.
func (p *packer) pack(list []record.Message, order []int32) block {
	first := &list[order[0]]
	b := block{n: len(order), tmin: first.Time, tmax: first.Time}
	flows, points := map[wire.Flow]uint64{}, map[string]uint64{}
	var flowList []wire.Flow
	var pointList []string
	var runs []uint64 // messages of each key
	p.text = p.text[:0]
	for _, i := range order {
		m := &list[i]
		p.text = append(p.text, m.Data...)
		b.tmin, b.tmax = min(b.tmin, m.Time), max(b.tmax, m.Time)
		if len(b.keys) == 0 || b.keys[len(b.keys)-1] != m.Key {
			b.keys, runs = append(b.keys, m.Key), append(runs, 0)
		}
		runs[len(runs)-1]++
		if _, ok := flows[m.Flow]; !ok {
			flows[m.Flow] = uint64(len(flowList))
			flowList = append(flowList, m.Flow)
		}
		if _, ok := points[m.Point]; !ok {
			points[m.Point] = uint64(len(pointList))
			pointList = append(pointList, m.Point)
		}
	}
	w := &p.w
	w.Reset(w.B[:0])
	w.Uint(uint64(b.n))
	w.Texts(pointList)
	w.Uint(uint64(len(flowList)))
	for _, f := range flowList {
		w.Flow(f)
	}
	w.Uint(uint64(len(b.keys)))
	last := uint64(0)
	for i, k := range b.keys {
		w.Uint(k - last)
		w.Uint(runs[i])
		last = k
	}
	before := struct {
		time  wire.Time
		ref   wire.PacketRef
		place int32
	}{time: b.tmin}
	w.Fixed(uint64(b.tmin))
	for _, i := range order {
		w.Time(list[i].Time, before.time)
		before.time = list[i].Time
	}
	for _, i := range order {
		w.Int(int64(i - before.place))
		before.place = i
	}
	for _, i := range order {
		ref := list[i].Ref
		w.Int(int64(ref.Source) - int64(before.ref.Source))
		w.Int(int64(ref.Number - before.ref.Number))
		before.ref = ref
	}
	for _, i := range order {
		w.Uint(flows[list[i].Flow])
	}
	for _, i := range order {
		w.Uint(points[list[i].Point])
	}
	for _, i := range order {
		w.Uint(uint64(len(list[i].Data)))
	}
	for _, i := range order {
		w.Uint(uint64(list[i].IPID))
	}
	for _, i := range order {
		m := &list[i]
		var flags byte
		if m.Truncated {
			flags |= flagTruncated
		}
		if m.ViaHEP {
			flags |= flagViaHEP
		}
		w.Byte(byte(m.What))
		w.Byte(m.Fragments)
		w.Byte(flags)
	}
	b.head = p.codec.enc.EncodeAll(w.B, nil)
	b.data = p.codec.enc.EncodeAll(p.text, nil)
	return b
}

// unpacked is a block's head: messages without their data, and where that is.
type unpacked struct {
	list  []record.Message
	place []int32 // in the part that was written together
	at    []int   // offset of the data
	size  []int
	total int
}

// unpack reads a block's head.
func (c *codec) unpack(head []byte) (*unpacked, error) {
	raw, err := c.dec.DecodeAll(head, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: head of a block: %w", errDamaged, err)
	}
	r := record.NewReader(raw)
	n := r.Count(10)
	u := &unpacked{list: make([]record.Message, n), place: make([]int32, n), at: make([]int, n), size: make([]int, n)}
	points := r.Texts()
	flows := make([]wire.Flow, r.Count(3))
	for i := range flows {
		flows[i] = r.Flow()
	}
	i, key := 0, uint64(0)
	for range r.Count(2) {
		key += r.Uint()
		run := r.Uint()
		if run > uint64(n-i) {
			return nil, fmt.Errorf("%w: head of a block: keys", errDamaged)
		}
		for range run {
			u.list[i].Key = key
			i++
		}
	}
	t := wire.Time(r.Fixed())
	for i := range n {
		t = r.Time(t)
		u.list[i].Time = t
	}
	place := int64(0)
	for i := range n {
		place += r.Int()
		u.place[i] = int32(place)
	}
	var source int64
	var number uint64
	for i := range n {
		source += r.Int()
		number += uint64(r.Int())
		u.list[i].Ref = wire.PacketRef{Source: uint32(source), Number: number}
	}
	for i := range n {
		if f := r.Uint(); f < uint64(len(flows)) {
			u.list[i].Flow = flows[f]
		}
	}
	for i := range n {
		if p := r.Uint(); p < uint64(len(points)) {
			u.list[i].Point = points[p]
		}
	}
	for i := range n {
		u.at[i] = u.total
		u.size[i] = int(min(r.Uint(), maxBlockBytes))
		u.total += u.size[i]
	}
	for i := range n {
		u.list[i].IPID = uint16(r.Uint())
	}
	for i := range n {
		m := &u.list[i]
		m.What, m.Fragments = record.What(r.Byte()), r.Byte()
		flags := r.Byte()
		m.Truncated, m.ViaHEP = flags&flagTruncated != 0, flags&flagViaHEP != 0
	}
	if r.Err() != nil || r.Left() > 0 || i != n {
		return nil, fmt.Errorf("%w: head of a block", errDamaged)
	}
	return u, nil
}

// text decompresses the data of a block.
func (c *codec) text(u *unpacked, data []byte) ([]byte, error) {
	text, err := c.dec.DecodeAll(data, make([]byte, 0, u.total))
	if err != nil || len(text) != u.total {
		return nil, fmt.Errorf("%w: text of a block", errDamaged)
	}
	return text, nil
}
