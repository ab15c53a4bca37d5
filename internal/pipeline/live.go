package pipeline

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"sipcause/internal/record"
	"sipcause/internal/view"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// LiveOptions of a live run. The zero value takes the defaults.
type LiveOptions struct {
	Options
	MaxWaiting int64 // bytes that may wait for the engine: DefaultWaiting
}

// DefaultWaiting is LiveOptions.MaxWaiting.
const DefaultWaiting = 64 << 20

// How often a live run turns, and how long after an open call began or was answered it is diagnosed.
const (
	turnEvery = 100 * time.Millisecond
	lookAfter = 2 * time.Second
	// awaitEvery is how often a source that waits for room looks again.
	awaitEvery = 5 * time.Millisecond
	// maxParcel is how many messages wait before a turn comes early.
	maxParcel = 16384
	// busyShare of the queue is what may wait while calls are judged before they are over.
	busyShare = 4
	// bulk is what a message, event or gap that waits is taken to need besides its bytes.
	bulk = 192
)

// Live runs the engine on what several live sources find. Between them and the engine is a queue that is bounded in
// bytes: what does not fit is dropped whole, media long before messages, and is a Gap. Sources never wait. Messages
// of one turn are put in order of time, so that sources need not be in step with each other.
type Live struct {
	engine *Engine
	limit  int64
	wake   chan struct{}
	asked  chan func(*Engine)

	mu      sync.Mutex
	fresh   *parcel
	waiting int64    // bytes of all parcels in use
	chunks  [][]byte // free
	dropped dropped

	held    *parcel // taken in the turn before: it sets how far this turn goes
	spare   *parcel
	due     []waits   // scratch of feed
	arrived time.Time // when the last message came
	last    wire.Time // greatest time of a message
}

// parcel is what came between two turns, with its own copy of the bytes.
type parcel struct {
	payloads []wire.Payload
	chunks   [][]byte // of the bytes: what is kept never moves; the last one is being filled
	events   []wire.Event
	media    []wire.Media
	notes    []wire.Note
	gaps     []wire.Gap
	bytes    int64
}

// dropped counts what did not fit.
type dropped struct {
	messages, media uint64 // since the start
	now             uint64 // messages since the last turn
	from, until     wire.Time
}

// NewLive returns a live run that hands every diagnosed call to emit, again whenever more is known of it: Verdict.Final
// says whether that was the last time.
func NewLive(opt LiveOptions, emit func(*view.Case) error) *Live {
	opt.Serial = true
	opt.Correlate.LookAfter = lookAfter
	if opt.MaxWaiting == 0 {
		opt.MaxWaiting = DefaultWaiting
	}
	return &Live{
		engine: NewEngine(opt.Options, emit), limit: opt.MaxWaiting,
		wake: make(chan struct{}, 1), asked: make(chan func(*Engine)), fresh: new(parcel), spare: new(parcel),
	}
}

// Restored takes a message that was recorded in an earlier run, in the order in which it was; before Run. Event time goes
// on in steps as it did then: legs end where they ended.
func (l *Live) Restored(m *record.Message, point uint16) error {
	if m.Time.Sub(l.last) >= turnEvery {
		l.engine.send()
		l.engine.Reached(m.Time.Add(-turnEvery))
		l.engine.send()
	}
	l.last = max(l.last, m.Time)
	return l.engine.Recorded(m, point)
}

// RestoredFrom says since when every message is restored; before that only those of calls that were open.
func (l *Live) RestoredFrom(t wire.Time) { l.engine.judge.ledger.Whole = t }

// RestoredGap takes a gap that was recorded in an earlier run, before the messages.
func (l *Live) RestoredGap(g wire.Gap) { l.engine.batch.gaps = append(l.engine.batch.gaps, g) }

// Resume ends what Restored began: event time goes on from the last message restored, since arrived.
func (l *Live) Resume(arrived time.Time) {
	l.engine.send()
	for _, s := range l.engine.shards {
		s.LookAgain() // after the gap that is known by then
	}
	l.arrived = arrived
}

// Sink returns a sink for one source's decoder. Several may be used at once.
func (l *Live) Sink() *Intake { return &Intake{l} }

// Run turns until ctx ends, and then once more for what came before. Calls that are open stay open: what was recorded of
// them is where a later run goes on. It returns the error of emit, if there was one.
func (l *Live) Run(ctx context.Context, now func() time.Time) error {
	t := time.NewTicker(turnEvery)
	defer t.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-t.C:
		case <-l.wake:
		case ask := <-l.asked:
			ask(l.engine)
			continue
		}
		l.turn(now())
		if err := l.engine.failed(); err != nil {
			return err
		}
	}
	l.turn(now())
	l.turn(now()) // what the last one held
	return l.engine.failed()
}

// Ask runs ask on the engine's goroutine, between two turns; it is false when ctx ended first.
func (l *Live) Ask(ctx context.Context, ask func(*Engine)) bool {
	done := make(chan struct{})
	select {
	case l.asked <- func(e *Engine) { ask(e); close(done) }:
		<-done
		return true
	case <-ctx.Done():
		return false
	}
}

// Waiting returns the bytes that wait for the engine, how many may, and what was dropped since the start.
func (l *Live) Waiting() (bytes, limit int64, messages, media uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waiting, l.limit, l.dropped.messages, l.dropped.media
}

// Await returns when so little waits that nothing of a source that can wait is dropped, or when ctx ends.
func (l *Live) Await(ctx context.Context) {
	for {
		if bytes, limit, _, _ := l.Waiting(); bytes <= limit/busyShare {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(awaitEvery):
		}
	}
}

// turn gives the engine what came up to the turn before, in order, and lets event time go on.
func (l *Live) turn(now time.Time) {
	p := l.take()
	if len(p.payloads) > 0 {
		l.arrived = now
	}
	e := l.engine
	for i := range p.gaps {
		e.Gap(p.gaps[i])
	}
	for i := range p.notes {
		e.Note(&p.notes[i])
	}
	e.judge.busy = l.busy()
	l.feed(p)
	if l.last != 0 {
		// While nothing comes, the clock of what came goes on.
		e.Reached(l.last.Add(max(now.Sub(l.arrived), 0)))
	}
	e.send()
	l.release(p)
}

// busy says whether so much waits that calls are only judged when they are over.
func (l *Live) busy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waiting > l.limit/busyShare
}

// feed gives the engine what was held before, and of p what is not later than all of that, in order of time: what was
// on the wire later than a message must not be known when it is judged. The rest of p is held now.
func (l *Live) feed(p *parcel) {
	until, due := wire.Time(-1<<62), l.due[:0]
	if h := l.held; h != nil {
		due = h.due(due, 1<<62-1)
		for i := range due {
			until = max(until, due[i].time)
		}
	}
	due = p.due(due, until)
	slices.SortStableFunc(due, func(a, b waits) int { return cmp.Compare(a.time, b.time) })
	for i := range due {
		switch w := &due[i]; {
		case w.payload != nil:
			l.last = max(l.last, w.time)
			l.engine.Payload(w.payload)
		case w.event != nil:
			l.engine.Event(w.event)
		default:
			l.engine.Media(w.media)
		}
	}
	clear(due)
	l.due = due
	p.payloads = slices.DeleteFunc(p.payloads, func(q wire.Payload) bool { return q.Time <= until })
	p.events = slices.DeleteFunc(p.events, func(e wire.Event) bool { return e.Time <= until })
	p.media = slices.DeleteFunc(p.media, func(m wire.Media) bool { return m.Time <= until })
}

// waits is one thing that waits in a parcel.
type waits struct {
	time    wire.Time
	payload *wire.Payload
	event   *wire.Event
	media   *wire.Media
}

// due appends what is not later than until.
func (p *parcel) due(list []waits, until wire.Time) []waits {
	for i := range p.events {
		if e := &p.events[i]; e.Time <= until {
			list = append(list, waits{time: e.Time, event: e})
		}
	}
	for i := range p.media {
		if m := &p.media[i]; m.Time <= until {
			list = append(list, waits{time: m.Time, media: m})
		}
	}
	for i := range p.payloads {
		if q := &p.payloads[i]; q.Time <= until {
			list = append(list, waits{time: q.Time, payload: q})
		}
	}
	return list
}

// take takes what came since the last turn.
func (l *Live) take() *parcel {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.fresh
	l.fresh, l.spare = l.spare, nil
	if d := &l.dropped; d.now > 0 {
		p.gaps = append(p.gaps, wire.Gap{Kind: wire.GapQueue, From: d.from, Until: d.until, Lost: d.now, Where: "queue between the sources and the engine"})
		d.now = 0
	}
	return p
}

// release keeps p as what is held, and makes what was held the spare.
func (l *Live) release(p *parcel) {
	old := l.held
	l.held = p
	if old == nil {
		old = new(parcel)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting -= old.bytes
	l.reset(old)
	l.spare = old
}

// reset empties the parcel for use again and gives its chunks back; a giant is given up. l.mu is held.
func (l *Live) reset(p *parcel) {
	l.chunks = append(l.chunks, p.chunks...)
	if most := int(l.limit/chunkSize) / freeShare; len(l.chunks) > most {
		clear(l.chunks[most:])
		l.chunks = l.chunks[:most]
	}
	if cap(p.payloads) > 2*maxParcel {
		*p = parcel{}
		return
	}
	clear(p.chunks)
	clear(p.payloads[:cap(p.payloads)])
	clear(p.events)
	clear(p.media)
	clear(p.notes)
	*p = parcel{payloads: p.payloads[:0], chunks: p.chunks[:0], events: p.events[:0], media: p.media[:0], notes: p.notes[:0], gaps: p.gaps[:0]}
}

// Memory for bytes comes in chunks; of the queue's limit so much is kept when it is empty.
const (
	chunkSize = 256 << 10
	freeShare = 8
)

// keep copies b into the fresh parcel. l.mu is held.
func (l *Live) keep(b []byte) []byte {
	if b == nil {
		return nil
	}
	p := l.fresh
	n := len(p.chunks)
	if n == 0 || cap(p.chunks[n-1])-len(p.chunks[n-1]) < len(b) {
		p.chunks = append(p.chunks, l.chunk(len(b)))
		n++
	}
	c := &p.chunks[n-1]
	from := len(*c)
	*c = append(*c, b...)
	return (*c)[from:len(*c):len(*c)]
}

// keepText is keep for texts that may be stored: without passwords, so that none is in a case, a finding or a store.
func (l *Live) keepText(b []byte) []byte {
	own := l.keep(b)
	sip.MaskPasswords(own)
	return own
}

// chunk returns an empty chunk with room for n bytes. l.mu is held.
func (l *Live) chunk(n int) []byte {
	if k := len(l.chunks); k > 0 && cap(l.chunks[k-1]) >= n {
		c := l.chunks[k-1][:0]
		l.chunks = l.chunks[:k-1]
		return c
	}
	return make([]byte, 0, max(chunkSize, n))
}

// Intake takes what one source's decoder finds (decode.Sink, decode.NoteSink).
type Intake struct{ live *Live }

// room takes room for n bytes of the queue; half of it is closed to what is not signalling. l.mu is held.
func (l *Live) room(n int, signalling bool) bool {
	need, limit := int64(n+bulk), l.limit
	if !signalling {
		limit /= 2
	}
	if l.waiting+need > limit {
		return false
	}
	l.waiting += need
	l.fresh.bytes += need
	return true
}

// lost counts messages that were dropped. l.mu is held.
func (l *Live) lost(at wire.Time) {
	d := &l.dropped
	if d.now == 0 {
		d.from, d.until = at, at
	}
	d.from, d.until = min(d.from, at), max(d.until, at)
	d.now++
	d.messages++
}

// Payload takes one message.
func (s *Intake) Payload(p *wire.Payload) {
	l := s.live
	l.mu.Lock()
	if !l.room(len(p.Data), true) {
		l.lost(p.Time)
		l.mu.Unlock()
		return
	}
	f := l.fresh
	f.payloads = append(f.payloads, *p)
	f.payloads[len(f.payloads)-1].Data = l.keepText(p.Data)
	full := len(f.payloads) == maxParcel
	l.mu.Unlock()
	if full {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// Event takes one wire event.
func (s *Intake) Event(e *wire.Event) {
	l := s.live
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.room(len(e.Quote), true) {
		l.lost(e.Time)
		return
	}
	own := *e
	own.Quote = l.keepText(e.Quote)
	l.fresh.events = append(l.fresh.events, own)
}

// Media takes one RTP or RTCP packet.
func (s *Intake) Media(m *wire.Media) {
	l := s.live
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.room(len(m.Data), false) {
		l.dropped.media++
		return
	}
	own := *m
	own.Data = l.keep(m.Data)
	l.fresh.media = append(l.fresh.media, own)
}

// Note takes what an agent said of a call.
func (s *Intake) Note(n *wire.Note) {
	l := s.live
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.room(len(n.Text)+len(n.CallID), false) {
		l.dropped.media++
		return
	}
	own := *n
	own.CallID, own.Text = l.keepText(n.CallID), l.keepText(n.Text)
	l.fresh.notes = append(l.fresh.notes, own)
}

// Gap takes one gap: of these none is dropped for want of room, or what is missing would not be known.
func (s *Intake) Gap(g wire.Gap) {
	l := s.live
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.fresh.gaps) < maxGapsKept {
		l.fresh.gaps = append(l.fresh.gaps, g)
		return
	}
	last := &l.fresh.gaps[maxGapsKept-1]
	last.From, last.Until, last.Lost = min(last.From, g.From), max(last.Until, g.Until), last.Lost+max(g.Lost, 1)
}
