package kpi

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// maxBaselines bounds the series that are followed; one of them takes about 11 KB when four weeks are known.
const maxBaselines = 1024

// idle is after how many minutes without a sample a series makes way for another.
const idle = 7 * 24 * 60

// Key names a series: a measure of a route and label.
type Key struct{ Measure, Route, Label string }

func (k Key) compare(o Key) int {
	return cmp.Or(cmp.Compare(k.Measure, o.Measure), cmp.Compare(k.Route, o.Route), cmp.Compare(k.Label, o.Label))
}

// Baselines are what is normal for many series. The zero Baselines is empty. It is for one goroutine.
type Baselines struct {
	series  map[Key]*Baseline
	Refused uint64 // samples of series that found no room
}

// Observe judges the sample of a minute and learns from it. When there is no room for another series, the one that
// was silent for longest makes way if that is a week; else the sample is refused.
func (b *Baselines) Observe(k Key, s Sample) Judgement {
	one := b.series[k]
	if one == nil {
		if len(b.series) >= maxBaselines && !b.forget(s.Minute) {
			b.Refused++
			return Judgement{}
		}
		if b.series == nil {
			b.series = map[Key]*Baseline{}
		}
		one = &Baseline{Scale: scaleOf(k.Measure)}
		b.series[k] = one
	}
	return one.Observe(s)
}

// absent returns the series of a measure that have no sample of this minute although they have had some: there was
// nothing of it. One that has been nothing for long is left to be forgotten.
func (b *Baselines) absent(measure string, minute int64) (list []Key) {
	for k, one := range b.series {
		if k.Measure == measure && one.last < minute && one.mean > 1e-3 {
			list = append(list, k)
		}
	}
	slices.SortFunc(list, Key.compare)
	return list
}

// known says whether normal is known for a label of a measure and route.
func (b *Baselines) known(measure, route string) bool {
	for k, one := range b.series {
		if k.Measure == measure && k.Route == route && one.minutes >= warmUp {
			return true
		}
	}
	return false
}

// never begins the series of a label that others of its route had all the time and that never was there: its share was 0.
func (b *Baselines) never(k Key, minute int64) {
	if len(b.series) < maxBaselines {
		b.series[k] = &Baseline{Scale: scaleOf(k.Measure), minutes: warmUp, first: minute - warmUp, last: minute - 1}
	}
}

// forget drops the series that was silent for longest.
func (b *Baselines) forget(now int64) bool {
	var oldest Key
	last := int64(math.MaxInt64)
	for k, one := range b.series {
		if one.last < last || one.last == last && k.compare(oldest) < 0 {
			oldest, last = k, one.last
		}
	}
	if now-last < idle {
		return false
	}
	delete(b.series, oldest)
	return true
}

// Len returns how many series are followed.
func (b *Baselines) Len() int { return len(b.series) }

// Of returns the baseline of a series, nil when there is none. It is the Baselines'.
func (b *Baselines) Of(k Key) *Baseline { return b.series[k] }

// scaleOf returns the scale of a measure.
func scaleOf(name string) Scale {
	m, ok := MeasureOf(name)
	switch {
	case !ok:
		return Number
	case m.form == ratio && m.Unit == "%":
		return Share
	case m.form == ratio || m.form == quantile:
		return Level
	}
	return Number
}

// layout is the first byte of what Marshal makes.
const layout = 1

// Marshal returns the baselines as bytes for store.Store.Put.
func (b *Baselines) Marshal() []byte {
	keys := make([]Key, 0, len(b.series))
	for k := range b.series {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, Key.compare)
	out := []byte{layout}
	out = binary.AppendUvarint(out, uint64(len(keys)))
	for _, k := range keys {
		for _, s := range []string{k.Measure, k.Route, k.Label} {
			out = append(binary.AppendUvarint(out, uint64(len(s))), s...)
		}
		out = b.series[k].append(out)
	}
	return out
}

func (b *Baseline) append(out []byte) []byte {
	out = append(out, byte(b.Scale))
	for _, v := range []int64{b.minutes, b.first, b.last, int64(b.streak), int64(b.calm), b.since} {
		out = binary.AppendVarint(out, v)
	}
	for _, v := range []float64{b.mean, b.slope, b.dev} {
		out = binary.LittleEndian.AppendUint64(out, math.Float64bits(v))
	}
	for i := range b.window {
		w := &b.window[i]
		out = binary.AppendVarint(out, w.Minute)
		out = binary.AppendVarint(out, w.Population)
		out = binary.LittleEndian.AppendUint64(out, math.Float64bits(w.Value))
	}
	for i := range b.slots {
		out = append(out, byte(len(b.slots[i])))
		for _, v := range b.slots[i] {
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
		}
	}
	return out
}

var errDamaged = errors.New("read baselines: damaged")

// Unmarshal takes the place of what b has with what Marshal made; after an error b is empty.
func (b *Baselines) Unmarshal(data []byte) error {
	*b = Baselines{series: map[Key]*Baseline{}}
	r := reader{data: data}
	if v := r.byte(); r.bad || v != layout {
		return fmt.Errorf("read baselines: layout %d: want %d", v, layout)
	}
	n := r.uvarint()
	for range min(n, maxBaselines+1) {
		k := Key{r.string(), r.string(), r.string()}
		one := &Baseline{}
		r.baseline(one)
		if r.bad {
			break
		}
		b.series[k] = one
	}
	if r.bad || n > maxBaselines || len(r.data) > 0 || uint64(len(b.series)) != n {
		b.series = nil
		return errDamaged
	}
	return nil
}

// reader reads what append wrote; bad is set by the first thing that cannot be.
type reader struct {
	data []byte
	bad  bool
}

func (r *reader) take(n uint64) []byte {
	if r.bad || uint64(len(r.data)) < n {
		r.bad = true
		return make([]byte, min(n, 8))
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

func (r *reader) byte() byte { return r.take(1)[0] }

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.data)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.data)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *reader) string() string { return string(r.take(r.uvarint())) }

// float reads a number; what is none, or absurd, makes the document bad, for it would spoil every later one.
func (r *reader) float() float64 {
	v := math.Float64frombits(binary.LittleEndian.Uint64(r.take(8)))
	r.bad = r.bad || !(math.Abs(v) < absurd)
	return v
}

func (r *reader) baseline(b *Baseline) {
	b.Scale = Scale(r.byte())
	r.bad = r.bad || b.Scale > Level
	var streak, calm int64
	for _, v := range []*int64{&b.minutes, &b.first, &b.last, &streak, &calm, &b.since} {
		*v = r.varint()
	}
	b.streak, b.calm = int(streak), int(calm)
	r.bad = r.bad || b.minutes < 0 || b.minutes > absurd || b.first < 0 || b.last < 0 || b.last > absurd
	for _, v := range []*float64{&b.mean, &b.slope, &b.dev} {
		*v = r.float()
	}
	r.bad = r.bad || b.dev < 0
	for i := range b.window {
		w := &b.window[i]
		w.Minute, w.Population = r.varint(), r.varint()
		w.Value = r.float()
		r.bad = r.bad || w.Minute < 0 || w.Minute > absurd || w.Population < 0 || w.Population > absurd
	}
	for i := range b.slots {
		n := int(r.byte())
		if r.bad || n > keptSamples {
			r.bad = true
			return
		}
		for range n {
			v := math.Float32frombits(binary.LittleEndian.Uint32(r.take(4)))
			r.bad = r.bad || !(math.Abs(float64(v)) < absurd)
			b.slots[i] = append(b.slots[i], v)
		}
	}
}
