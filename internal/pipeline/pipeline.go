// Package pipeline wires the stages: packets → payloads → shards → calls → verdicts. Its one rule: the whole
// system is on this page, and the same input gives the same output with one worker or many.
package pipeline

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"sipcause/internal/capture"
	"sipcause/internal/correlate"
	"sipcause/internal/decode"
	"sipcause/internal/digest"
	"sipcause/internal/passport"
	"sipcause/internal/route"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// Options of a run. The zero value takes the defaults.
type Options struct {
	Workers   int // goroutines that parse and correlate; GOMAXPROCS
	Decode    decode.Options
	Correlate correlate.Options
	Secrets   *digest.Secrets // with which digest responses are computed anew; nil: none
	Certs     *passport.Store // with which signatures of calls are checked; nil: none
	Routes    *route.Table    // by which the ways of calls are named; nil: not at all
	Record    func(*Seen)     // live: takes what each batch held, on the goroutine and before the calls of emit; nil: nobody
	Serial    bool            // a batch is done with when it is sent: legs that are still open can be looked at
}

// Seen is what one batch held. It is valid during the call only.
type Seen struct {
	Payloads []wire.Payload
	Keys     []uint64     // of Payloads: correlate.KeyOf
	Events   []wire.Event // their quotes only where they show a Call-ID
	Notes    []wire.Note
	Gaps     []wire.Gap
	Until    wire.Time // event time up to which everything was read
}

// Run reads the source to its end, hands every diagnosed call to emit, in an order that depends on the capture
// alone, and returns the summary. A Case is valid only during emit. An error of emit stops the run, as the end
// of ctx does.
func Run(ctx context.Context, src *capture.Source, opt Options, emit func(*view.Case) error) (*view.Summary, error) {
	keys := newKeyring(&opt.Decode)
	points, err := align(ctx, src, opt.Decode)
	if err != nil {
		return nil, err
	}
	e := NewEngine(opt, emit)
	e.places(points)
	dec := decode.New(e, opt.Decode)
	err = src.Run(ctx, func(p *wire.Packet) error {
		keys.take(src.Secrets())
		e.packet(p)
		dec.Packet(p)
		return e.failed()
	}, func(p *wire.Payload) error {
		e.written(p)
		return e.failed()
	}, e.Gap)
	dec.Flush(e.read.last)
	if closing := e.Close(); err == nil {
		err = closing
	}
	return e.summary(src, dec.Stats()), err
}

// DecodeOnly reads and decodes the source and does nothing with what it finds: the floor of every benchmark.
func DecodeOnly(ctx context.Context, src *capture.Source) (*view.Summary, error) {
	e := &Engine{discard: true}
	dec := decode.New(e, decode.Options{})
	err := src.Run(ctx, func(p *wire.Packet) error {
		e.packet(p)
		dec.Packet(p)
		return nil
	}, func(p *wire.Payload) error {
		e.written(p)
		return nil
	}, e.Gap)
	dec.Flush(e.read.last)
	return e.summary(src, dec.Stats()), err
}

// Engine takes what a decoder finds and gives diagnosed calls. It is a decode.Sink for one goroutine; behind
// it run the dispatcher, which spreads each batch over the workers, and the judge, which takes the batches
// in order.
type Engine struct {
	opt     Options
	batch   *batch // being filled
	spare   chan *batch
	toShard chan *batch
	toJudge chan *batch
	done    sync.WaitGroup
	shards  [correlate.Shards]*correlate.Shard
	judge   judge

	discard bool
	packets uint64
	texts   uint64 // of these, messages of text traces
	bytes   uint64
	read    span // of what has been read
	gaps    gapList
	spans   []span // by capture point; nil when there is one only
	certs   certificates
	stop    atomic.Pointer[error] // of emit
}

// batches is how many batches are under way: one being filled, one in the shards, one with the judge, one waiting.
const batches = 4

// NewEngine returns a running engine; Close must be called.
func NewEngine(opt Options, emit func(*view.Case) error) *Engine {
	if opt.Workers <= 0 {
		opt.Workers = runtime.GOMAXPROCS(0)
	}
	e := &Engine{
		opt: opt, spare: make(chan *batch, batches),
		toShard: make(chan *batch, 1), toJudge: make(chan *batch, 1),
	}
	for i := range e.shards {
		e.shards[i] = correlate.NewShard(i, opt.Correlate)
	}
	e.judge.init(emit, &e.stop)
	e.judge.noRecover = opt.Correlate.NoRecover
	e.judge.rules.Secrets, e.judge.rules.Certs = opt.Secrets, opt.Certs
	e.judge.routes, e.judge.record = opt.Routes, opt.Record
	for range batches {
		e.spare <- &batch{recorded: opt.Record != nil}
	}
	e.batch = <-e.spare
	if opt.Serial {
		return e
	}
	e.done.Add(2)
	go e.dispatch()
	go e.decide()
	return e
}

// dispatch runs each batch through all shards: any worker takes the next shard, and a batch is finished
// before the next begins, so a shard sees its messages in order.
func (e *Engine) dispatch() {
	defer e.done.Done()
	defer close(e.toJudge)
	for b := range e.toShard {
		e.runShards(b)
		e.toJudge <- b
	}
}

func (e *Engine) runShards(b *batch) {
	var next atomic.Int32
	work := func() {
		for i := int(next.Add(1)) - 1; i < correlate.Shards; i = int(next.Add(1)) - 1 {
			b.runShard(i, e.shards[i])
		}
	}
	var wg sync.WaitGroup
	for range e.opt.Workers - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}

// decide hands the batches to the judge in order.
func (e *Engine) decide() {
	defer e.done.Done()
	for b := range e.toJudge {
		e.judge.batch(b)
		b.reset()
		e.spare <- b
	}
}

// Close sends what is left through, waits for it, and returns the error of emit, if there was one.
func (e *Engine) Close() error {
	e.batch.flush = true
	e.send()
	if e.opt.Serial {
		return e.failed()
	}
	close(e.toShard)
	e.done.Wait()
	return e.failed()
}

func (e *Engine) send() {
	e.batch.end = e.read.last
	e.batch.spans = append(e.batch.spans[:0], e.spans...)
	if e.opt.Serial {
		e.runShards(e.batch)
		e.judge.batch(e.batch)
		e.batch.reset()
		return
	}
	e.toShard <- e.batch
	e.batch = <-e.spare
}

func (e *Engine) failed() error {
	if err := e.stop.Load(); err != nil {
		return *err
	}
	return nil
}

// packet counts one packet.
func (e *Engine) packet(p *wire.Packet) {
	e.packets++
	e.bytes += uint64(len(p.Data))
	e.Reached(p.Time)
	if e.spans != nil {
		e.spans[p.Point].widen(p.Time)
	}
}

// written takes one message of a text trace, which counts as a packet of its own.
func (e *Engine) written(p *wire.Payload) {
	e.packets++
	e.texts++
	e.bytes += uint64(len(p.Data))
	e.Reached(p.Time)
	if e.spans != nil {
		e.spans[p.Point].widen(p.Time)
	}
	e.Payload(p)
}

// Reached says that the capture has been read up to t; what waits for a time before it may end.
func (e *Engine) Reached(t wire.Time) {
	e.read.widen(t)
}

// Payload takes one SIP message (decode.Sink).
func (e *Engine) Payload(p *wire.Payload) {
	if e.discard {
		return
	}
	e.read.last = max(e.read.last, p.Time)
	e.batch.add(p)
	if e.batch.full() {
		e.send()
	}
}

// Event takes one wire event (decode.Sink).
func (e *Engine) Event(ev *wire.Event) {
	if e.discard {
		return
	}
	if ev.Cert != nil {
		e.certs.add(ev)
	}
	e.batch.event(ev)
	if e.batch.full() {
		e.send()
	}
}

// Media takes one RTP or RTCP packet (decode.Sink).
func (e *Engine) Media(m *wire.Media) {
	if e.discard {
		return
	}
	e.batch.media = append(e.batch.media, *m)
	e.batch.keepRTCP(&e.batch.media[len(e.batch.media)-1])
	if e.batch.full() {
		e.send()
	}
}

// Note takes what a capture agent said of a call (decode.NoteSink).
func (e *Engine) Note(n *wire.Note) {
	if e.discard {
		return
	}
	e.batch.note(n)
	if e.batch.full() {
		e.send()
	}
}

// Gap takes one gap (decode.Sink).
func (e *Engine) Gap(g wire.Gap) {
	e.gaps.add(g)
	if e.discard {
		return
	}
	e.batch.gaps = append(e.batch.gaps, g)
	if e.batch.full() {
		e.send()
	}
}
