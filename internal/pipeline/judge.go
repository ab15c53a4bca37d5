package pipeline

import (
	"cmp"
	"slices"
	"sync/atomic"

	"sipcause/internal/call"
	"sipcause/internal/clocks"
	"sipcause/internal/correlate"
	"sipcause/internal/diagnose"
	"sipcause/internal/finding"
	"sipcause/internal/kpi"
	"sipcause/internal/peer"
	"sipcause/internal/retry"
	"sipcause/internal/route"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// judge takes batches in order: facts into the ledger, legs into calls, calls to a verdict, and on to emit.
type judge struct {
	ledger *peer.Ledger
	linker *correlate.Linker
	rules  diagnose.Judge
	meter  kpi.Meter
	retry  retry.Book
	media  mediaTable
	notes  notes
	emit   func(*view.Case) error
	stop   *atomic.Pointer[error]

	opened []*correlate.Opened
	closed []*call.Leg
	looks  []*call.Leg
	facts  []ordered
	spent  correlate.Spent // legs of the calls of the batch
	calls  [3]uint64       // by call.Kind
	panics gapList
	stops  []wire.Gap     // in which the server did not run
	points *clocks.Points // nil when there is one capture point only
	routes *route.Table   // nil: not told
	record func(*Seen)    // nil: nobody keeps the messages

	busy      bool // live: there is no time for calls that go on
	noRecover bool // see correlate.Options.NoRecover
	out       view.Case
}

// ordered is a fact in the batch's outputs with what it is ordered by. The facts of one message stay in the order in
// which its shard found them.
type ordered struct {
	time wire.Time
	ref  wire.PacketRef
	n    int
	fact *peer.Fact
}

func (a ordered) compare(b ordered) int {
	if c := cmp.Compare(a.time, b.time); c != 0 {
		return c
	}
	if c := a.ref.Compare(b.ref); c != 0 {
		return c
	}
	return a.n - b.n
}

func (j *judge) init(emit func(*view.Case) error, stop *atomic.Pointer[error]) {
	j.ledger = peer.New()
	j.linker = correlate.NewLinker(j.ledger, j.call)
	j.media.init()
	j.emit, j.stop = emit, stop
}

func (j *judge) batch(b *batch) {
	j.opened, j.closed, j.looks, j.facts = j.opened[:0], j.closed[:0], j.looks[:0], j.facts[:0]
	if j.record != nil {
		j.record(&Seen{Payloads: b.payloads, Keys: b.keys, Events: b.raw, Notes: b.notes, Gaps: b.gaps, Until: b.end})
	}
	for i := range b.outputs {
		o := &b.outputs[i]
		for _, g := range o.Panics {
			j.panicked(g)
		}
		for k := range o.Opened {
			j.opened = append(j.opened, &o.Opened[k])
		}
		j.closed = append(j.closed, o.Closed...)
		j.looks = append(j.looks, o.Looks...)
		for _, s := range o.Seen {
			j.ledger.Saw(s.From, s.At)
		}
	}
	j.gather(b)
	for _, t := range b.traffic {
		j.ledger.AddTraffic(t.time, t.messages)
	}
	for _, g := range b.gaps {
		if g.Kind == wire.GapStopped {
			j.stops = append(j.stops[max(0, len(j.stops)-maxStops+1):], g)
		}
		j.ledger.AddGap(g)
		if j.points != nil {
			j.points.AddGap(g)
		}
	}
	for i, s := range b.spans {
		j.points.Reached(i, s.first, s.last)
	}
	for i := range b.events {
		j.ledger.AddEvent(b.events[i])
	}
	for i := range j.facts {
		j.ledger.Apply(j.facts[i].fact)
	}
	for i := range b.media {
		j.media.add(&b.media[i])
	}
	for i := range b.notes {
		j.notes.add(&b.notes[i])
	}
	j.linker.Batch(j.opened, j.closed, b.end)
	if b.flush {
		j.linker.Flush()
	}
	if !j.busy {
		j.linker.Look(j.looks, j.look)
	}
	j.spent.Release()
}

// gather puts the facts of all shards in order. Messages come in it but for a few, so that is how they are gathered.
func (j *judge) gather(b *batch) {
	var done [correlate.Shards]int // facts of each shard
	for m, i := range b.shardOf {
		facts := b.outputs[i].Facts[done[i]:]
		for k := 0; k < len(facts) && facts[k].Message == int32(m); k++ {
			j.facts = append(j.facts, ordered{facts[k].Time, facts[k].Ref, len(j.facts), &facts[k]})
			done[i]++
		}
	}
	slices.SortFunc(j.facts, ordered.compare)
}

// panicked notes a panic of ours, which lost one message or one verdict.
func (j *judge) panicked(g wire.Gap) {
	j.panics.add(g)
	j.ledger.AddGap(g)
}

// verdict diagnoses one call. A panic in a rule costs that call its verdict, and nothing else.
func (j *judge) verdict(c *call.Call) (v *finding.Verdict) {
	if !j.noRecover {
		defer func() {
			if r := recover(); r != nil {
				j.panicked(correlate.PanicGap(c.Legs[0].Sightings[0].Ref, c.Began, r))
				v = &finding.Verdict{Call: c.ID, Final: true}
			}
		}()
	}
	return j.rules.Diagnose(c, j.ledger)
}

// call diagnoses one call and hands it on; its memory is given back when the batch is done.
func (j *judge) call(c *call.Call) {
	j.calls[c.Kind]++
	v := j.judged(c)
	j.meter.Add(c)
	j.retry.Add(c, v)
	if c.Kind == call.KindRegistration && c.Outcome.Bad() {
		j.refused(c, v)
	}
	j.hand(c, v)
	for _, l := range c.Legs {
		j.spent.Add(l)
	}
}

// look diagnoses a call that may go on.
func (j *judge) look(c *call.Call) {
	v := j.judged(c)
	v.Final = false
	j.hand(c, v)
}

func (j *judge) judged(c *call.Call) *finding.Verdict {
	j.media.bind(c)
	c.Points = j.points
	c.Gaps = j.unseen(c)
	return j.verdict(c)
}

// maxStops bounds the stops of the server that are remembered.
const maxStops = 16

// unseen returns the gaps of a call, those among them in which the server did not run: the end of a call that was up by
// then may be in one.
func (j *judge) unseen(c *call.Call) []wire.Gap {
	if len(j.stops) == 0 || c.Outcome != call.Answered || c.Kind != call.KindCall || c.HungUpBy != "" {
		return c.Gaps
	}
	for _, g := range j.stops {
		if g.Until > c.Began {
			c.Gaps = append(c.Gaps, g)
		}
	}
	return c.Gaps
}

// hand hands on a diagnosed call.
func (j *judge) hand(c *call.Call, v *finding.Verdict) {
	if j.stop.Load() != nil {
		return
	}
	j.out = view.Case{Call: c, Verdict: v, Notes: j.notes.of(c)}
	if j.routes != nil {
		j.out.Ways = j.routes.Ways(c)
	}
	if err := j.emit(&j.out); err != nil {
		failed := err // err itself stays on the stack
		j.stop.Store(&failed)
	}
}
