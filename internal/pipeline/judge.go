package pipeline

import (
	"cmp"
	"slices"
	"sync/atomic"

	"sipcause/internal/call"
	"sipcause/internal/correlate"
	"sipcause/internal/diagnose"
	"sipcause/internal/kpi"
	"sipcause/internal/peer"
	"sipcause/internal/view"
)

// judge takes batches in order: facts into the ledger, legs into calls, calls to a verdict, and on to emit.
type judge struct {
	ledger *peer.Ledger
	linker *correlate.Linker
	rules  diagnose.Judge
	meter  kpi.Meter
	media  mediaTable
	emit   func(*view.Case) error
	stop   *atomic.Pointer[error]

	opened []correlate.Opened
	closed []*call.Leg
	facts  []*peer.Fact // into the batch's outputs
	calls  [3]uint64    // by call.Kind
	out    view.Case
}

func (j *judge) init(emit func(*view.Case) error, stop *atomic.Pointer[error]) {
	j.ledger = peer.New()
	j.linker = correlate.NewLinker(j.ledger, j.call)
	j.media.init()
	j.emit, j.stop = emit, stop
}

func (j *judge) batch(b *batch) {
	j.opened, j.closed, j.facts = j.opened[:0], j.closed[:0], j.facts[:0]
	for i := range b.outputs {
		o := &b.outputs[i]
		j.opened, j.closed = append(j.opened, o.Opened...), append(j.closed, o.Closed...)
		for k := range o.Facts {
			j.facts = append(j.facts, &o.Facts[k])
		}
	}
	// Stable: the facts of one message stay in the order in which its shard found them.
	slices.SortStableFunc(j.facts, func(a, b *peer.Fact) int {
		switch {
		case a.Time != b.Time:
			return cmp.Compare(a.Time, b.Time)
		case a.Ref == b.Ref:
			return 0
		case a.Ref.Less(b.Ref):
			return -1
		}
		return 1
	})
	for i := range b.payloads {
		if p := &b.payloads[i]; i == 0 || i%trafficEvery == 0 {
			j.ledger.AddTraffic(p.Time, min(trafficEvery, len(b.payloads)-i))
		}
	}
	for _, g := range b.gaps {
		j.ledger.AddGap(g)
	}
	for i := range b.events {
		j.ledger.AddEvent(b.events[i])
	}
	for _, f := range j.facts {
		j.ledger.Apply(f)
	}
	for i := range b.media {
		j.media.add(&b.media[i])
	}
	j.linker.Batch(j.opened, j.closed, b.end)
	if b.flush {
		j.linker.Flush()
	}
}

// trafficEvery is how many messages are entered into the ledger's traffic at the time of the first of them.
const trafficEvery = 64

// call diagnoses one call, hands it on and gives its memory back.
func (j *judge) call(c *call.Call) {
	j.calls[c.Kind]++
	j.media.bind(c)
	v := j.rules.Diagnose(c, j.ledger)
	j.meter.Add(c)
	if j.stop.Load() == nil {
		j.out = view.Case{Call: c, Verdict: v}
		if err := j.emit(&j.out); err != nil {
			j.stop.Store(&err)
		}
	}
	for _, l := range c.Legs {
		correlate.Release(l)
	}
}
