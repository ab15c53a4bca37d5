package sqlite

import (
	"cmp"
	"database/sql"
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

// heading is what a block's head has in lists, and names by their place in them.
type heading struct {
	points []string
	flows  []wire.Flow
	runs   []uint64 // messages of each key
	point  map[string]uint64
	flow   map[wire.Flow]uint64
}

// pack writes one block.
func (p *packer) pack(list []record.Message, order []int32) block {
	first := &list[order[0]]
	b := block{n: len(order), tmin: first.Time, tmax: first.Time}
	h := heading{point: map[string]uint64{}, flow: map[wire.Flow]uint64{}}
	p.text = p.text[:0]
	for _, i := range order {
		m := &list[i]
		p.text = append(p.text, m.Data...)
		b.tmin, b.tmax = min(b.tmin, m.Time), max(b.tmax, m.Time)
		if len(b.keys) == 0 || b.keys[len(b.keys)-1] != m.Key {
			b.keys, h.runs = append(b.keys, m.Key), append(h.runs, 0)
		}
		h.runs[len(h.runs)-1]++
		if _, ok := h.flow[m.Flow]; !ok {
			h.flow[m.Flow] = uint64(len(h.flows))
			h.flows = append(h.flows, m.Flow)
		}
		if _, ok := h.point[m.Point]; !ok {
			h.point[m.Point] = uint64(len(h.points))
			h.points = append(h.points, m.Point)
		}
	}
	p.head(&b, &h, list, order)
	b.head = p.codec.enc.EncodeAll(p.w.B, nil)
	b.data = p.codec.enc.EncodeAll(p.text, nil)
	return b
}

// head writes a block's head: the lists, then numbers, all of one column before the next.
func (p *packer) head(b *block, h *heading, list []record.Message, order []int32) {
	w := &p.w
	w.Reset(w.B[:0])
	w.Uint(uint64(b.n))
	w.Texts(h.points)
	w.Uint(uint64(len(h.flows)))
	for _, f := range h.flows {
		w.Flow(f)
	}
	w.Uint(uint64(len(b.keys)))
	key := uint64(0)
	for i, k := range b.keys {
		w.Uint(k - key)
		w.Uint(h.runs[i])
		key = k
	}
	w.Fixed(uint64(b.tmin))
	t, place, ref := b.tmin, int32(0), wire.PacketRef{}
	for _, i := range order {
		w.Time(list[i].Time, t)
		t = list[i].Time
	}
	for _, i := range order {
		w.Int(int64(i - place))
		place = i
	}
	for _, i := range order {
		r := list[i].Ref
		w.Int(int64(r.Source) - int64(ref.Source))
		w.Int(int64(r.Number - ref.Number))
		ref = r
	}
	for _, column := range [...]func(m *record.Message) uint64{
		func(m *record.Message) uint64 { return h.flow[m.Flow] },
		func(m *record.Message) uint64 { return h.point[m.Point] },
		func(m *record.Message) uint64 { return uint64(len(m.Data)) },
		func(m *record.Message) uint64 { return uint64(m.IPID) },
		func(m *record.Message) uint64 { return uint64(m.What) },
		func(m *record.Message) uint64 { return uint64(m.Fragments) },
		flagsOf,
	} {
		for _, i := range order {
			w.Uint(column(&list[i]))
		}
	}
}

func flagsOf(m *record.Message) (flags uint64) {
	if m.Truncated {
		flags |= flagTruncated
	}
	if m.ViaHEP {
		flags |= flagViaHEP
	}
	return flags
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
	u.columns(r, points, flows)
	if r.Err() != nil || r.Left() > 0 || i != n {
		return nil, fmt.Errorf("%w: head of a block", errDamaged)
	}
	return u, nil
}

// columns reads the numbers of each message.
func (u *unpacked) columns(r *record.Reader, points []string, flows []wire.Flow) {
	t, place, ref := wire.Time(r.Fixed()), int64(0), wire.PacketRef{}
	for i := range u.list {
		t = r.Time(t)
		u.list[i].Time = t
	}
	for i := range u.list {
		place += r.Int()
		u.place[i] = int32(place)
	}
	for i := range u.list {
		ref.Source = uint32(int64(ref.Source) + r.Int())
		ref.Number += uint64(r.Int())
		u.list[i].Ref = ref
	}
	for _, column := range [...]func(i int, m *record.Message, v uint64){
		func(_ int, m *record.Message, v uint64) {
			if v < uint64(len(flows)) {
				m.Flow = flows[v]
			}
		},
		func(_ int, m *record.Message, v uint64) {
			if v < uint64(len(points)) {
				m.Point = points[v]
			}
		},
		func(i int, _ *record.Message, v uint64) {
			u.at[i], u.size[i] = u.total, int(min(v, maxBlockBytes+1))
			u.total += u.size[i]
		},
		func(_ int, m *record.Message, v uint64) { m.IPID = uint16(v) },
		func(_ int, m *record.Message, v uint64) { m.What = record.What(v) },
		func(_ int, m *record.Message, v uint64) { m.Fragments = uint8(v) },
		func(_ int, m *record.Message, v uint64) {
			m.Truncated, m.ViaHEP = v&flagTruncated != 0, v&flagViaHEP != 0
		},
	} {
		for i := range u.list {
			column(i, &u.list[i], r.Uint())
		}
	}
}

// scan reads the block of a row of head and data, all of it.
func (c *codec) scan(rows *sql.Rows) (*unpacked, []byte, error) {
	var head, data sql.RawBytes
	if err := rows.Scan(&head, &data); err != nil {
		return nil, nil, err
	}
	u, err := c.unpack(head)
	if err != nil {
		return nil, nil, err
	}
	text, err := c.text(u, data)
	return u, text, err
}

// text decompresses the data of a block.
func (c *codec) text(u *unpacked, data []byte) ([]byte, error) {
	if u.total > maxBlockBytes {
		return nil, fmt.Errorf("%w: text of a block: %d bytes", errDamaged, u.total)
	}
	text, err := c.dec.DecodeAll(data, make([]byte, 0, u.total))
	if err != nil || len(text) != u.total {
		return nil, fmt.Errorf("%w: text of a block", errDamaged)
	}
	return text, nil
}
