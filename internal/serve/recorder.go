package serve

import (
	"slices"
	"sync"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/correlate"
	"sipcause/internal/kpi"
	"sipcause/internal/pipeline"
	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// Bounds of what waits to be stored.
const (
	maxBatchMessages = 20000    // a batch with so many is handed on before its time
	maxBatchBytes    = 24 << 20 // or with so many bytes of messages and cases
	maxUnstored      = 64 << 20 // bytes of messages that may wait in all while the store is slow or in trouble: then they are dropped
	maxUnstoredCases = 48 << 20 // bytes of revisions that may wait: then they are dropped too
	maxUnstoredGaps  = 1024     // gaps that may wait apart: further ones are merged into the last
	maxReady         = 2        // batches that wait before others are only handed on when they are full
	maxOpenCases     = 1 << 19  // cases whose earlier revision is remembered; the oldest go
)

// limits are the bounds; tests have smaller ones.
type limits struct {
	batchMessages, gaps, open           int
	batchBytes, unstored, unstoredCases int64
}

// recorder turns what the engine saw and said into batches for the store. Its methods but Next and Written are called on
// the engine's goroutine; the engine never waits for the store.
type recorder struct {
	server  *Server
	points  *points
	every   time.Duration
	now     func() time.Time
	subject view.Subject
	limits  limits
	passed  finals // cases that were final in the store when their messages were read again
	quiet   bool   // replaying: messages are in the store already
	account bool   // tests: what a case counted is kept with its final revision too

	mu       sync.Mutex // of what follows: there is an engine for each timeline, and the writer
	open     map[caseKey]*revision
	tally    *tally
	redials  kpi.Redials
	cur      *store.Batch
	slab     []byte // of the texts of cur, not used yet
	bytes    int64  // of cur
	begun    time.Time
	told     time.Time // when what was counted was told last
	ready    []*store.Batch
	unstored int64 // bytes of messages of ready and cur
	cases    int64 // bytes of cases of ready and cur
	seq      uint64
	lost     lost
	signal   chan struct{}
}

// caseKey names a case over its revisions.
type caseKey struct {
	id    string
	began wire.Time
}

// revision is what was last said of an open case.
type revision struct {
	number   int
	cells    []counted
	seen     digest
	restored bool // read from the store, and nothing was said of the case since
}

// digest is what makes a revision worth writing.
type digest struct {
	messages, code, findings, gaps int
	outcome                        uint8
	cause                          string
}

// lost counts what was not stored.
type lost struct {
	messages, cases uint64
	now             uint64
	from, until     wire.Time
}

func newRecorder(s *Server, every time.Duration) *recorder {
	return &recorder{
		server: s, points: s.points, every: every, now: s.opt.Now, open: map[caseKey]*revision{}, tally: newTally(),
		cur: new(store.Batch), signal: make(chan struct{}, 1),
		limits: limits{
			batchMessages: maxBatchMessages, batchBytes: maxBatchBytes, unstored: maxUnstored, unstoredCases: maxUnstoredCases, gaps: maxUnstoredGaps, open: maxOpenCases,
		},
	}
}

// Seen takes what one batch of the engine held.
func (r *recorder) Seen(s *pipeline.Seen) {
	if r.quiet {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range s.Payloads {
		p := &s.Payloads[i]
		r.keep(record.Message{
			Key: s.Keys[i], Time: p.Time, Ref: p.Ref, Flow: p.Flow, Point: r.points.name(p.Point), What: record.SIP,
			IPID: p.IPID, Fragments: uint8(min(p.Fragments, 255)), Truncated: p.Truncated, ViaHEP: p.ViaHEP, Data: r.text(p.Data),
		})
	}
	for i := range s.Events {
		e := &s.Events[i]
		r.keep(record.Message{
			Key: pipeline.KeyOfEvent(e), Time: e.Time, Ref: e.Ref, Flow: e.Flow, Point: r.points.name(e.Point), What: record.Event, Data: record.EncodeEvent(nil, e),
		})
	}
	for i := range s.Notes {
		n := &s.Notes[i]
		r.keep(record.Message{
			Key: correlate.KeyOfCallID(n.CallID), Time: n.Time, Ref: n.Ref, Flow: n.Flow, Point: r.points.name(n.Point), What: record.Note,
			Data: record.EncodeNote(nil, n),
		})
	}
	for _, g := range s.Gaps {
		r.gap(record.Gap{Gap: g, PointName: r.points.name(g.Point)})
	}
	r.turn(false)
}

// gap adds a gap to the batch. r.mu is held.
func (r *recorder) gap(g record.Gap) {
	if missed := r.server.opt.Missed; missed != nil {
		missed(&g)
	}
	list := r.cur.Gaps
	if len(list) < r.limits.gaps {
		r.cur.Gaps = append(list, g)
		return
	}
	last := &list[len(list)-1]
	last.From, last.Until, last.Lost, last.Bytes = min(last.From, g.From), max(last.Until, g.Until), last.Lost+max(g.Lost, 1), last.Bytes+g.Bytes
}

// keep adds a message to the batch, or counts it when too much waits. r.mu is held.
func (r *recorder) keep(m record.Message) {
	size := messageSize(&m)
	if r.unstored+size > r.limits.unstored {
		l := &r.lost
		if l.now == 0 {
			l.from, l.until = m.Time, m.Time
		}
		l.from, l.until = min(l.from, m.Time), max(l.until, m.Time)
		l.now++
		l.messages++
		return
	}
	r.cur.Messages = append(r.cur.Messages, m)
	r.bytes += size
	r.unstored += size
}

// messageSize is the memory that a message takes.
func messageSize(m *record.Message) int64 { return int64(len(m.Data)) + 256 }

// caseSize is about the memory that a case takes.
func caseSize(c *record.Case) int64 {
	return 1024 + int64(len(c.Doc)+8*len(c.Keys)+48*(len(c.Src)+len(c.Dst))+80*len(c.Counted))
}

// Case takes one revision of a case.
func (r *recorder) Case(c *view.Case) error {
	key := caseKey{c.Call.ID, c.Call.Began}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.passed.has(c.Call) {
		if c.Verdict.Final {
			r.redials.Count(c, func(record.Cell) {})
		}
		return nil
	}
	was := r.open[key]
	d := digestOf(c)
	if was != nil && !c.Verdict.Final && was.seen == d {
		return nil
	}
	rev := &revision{number: 1, seen: d}
	if was != nil {
		rev.number = was.number + 1
		rev.cells = was.cells[:0:0]
		r.tally.add(was.cells, -1)
	}
	kpi.Count(c, func(cell record.Cell) { rev.cells = r.tally.count(rev.cells, &cell) })
	r.tally.add(rev.cells, 1)
	c.Verdict.Revision = rev.number
	rec := view.Record(c, &r.subject)
	rec.Keys = pipeline.KeysOf(c.Call)
	if c.Verdict.Final {
		delete(r.open, key)
		add := r.add
		if r.account {
			rec.Counted = r.tally.cells(rev.cells)
			add = func(cell record.Cell) {
				rec.Counted = append(rec.Counted, cell)
				r.add(cell)
			}
		}
		r.server.rated(c, &rec, add)
		r.redials.Count(c, add)
	} else {
		rec.Counted = r.tally.cells(rev.cells)
		r.remember(key, rev)
	}
	r.say(&rec)
	r.absorb(c.Call, &rec)
	return nil
}

// remember keeps what was said of an open case. r.mu is held.
func (r *recorder) remember(key caseKey, rev *revision) {
	if len(r.open) >= r.limits.open && r.open[key] == nil {
		for k := range r.open { // any: there are more open cases than the engine can hold
			delete(r.open, k)
			break
		}
	}
	r.open[key] = rev
}

// say hands a revision to those who follow, and to the store. r.mu is held.
func (r *recorder) say(rec *record.Case) {
	r.server.told(rec)
	size := caseSize(rec)
	if r.cases+size > r.limits.unstoredCases {
		r.lost.cases++
		return
	}
	r.cases += size
	r.bytes += size
	r.cur.Cases = append(r.cur.Cases, *rec)
}

// absorb ends the cases that legs of a call were taken for before it was known that they belong together: what they
// counted is taken back, and who looks for one of them finds the whole. r.mu is held.
func (r *recorder) absorb(c *call.Call, whole *record.Case) {
	if len(c.Legs) < 2 {
		return
	}
	for _, l := range c.Legs {
		key := caseKey{l.CallID, l.Began}
		was := r.open[key]
		if was == nil || l.CallID == c.ID && l.Began == c.Began {
			continue
		}
		r.tally.add(was.cells, -1)
		delete(r.open, key)
		rec := *whole
		rec.ID, rec.Began, rec.Revision, rec.Final, rec.Counted = l.CallID, l.Began, was.number+1, true, nil
		r.say(&rec)
	}
}

// orphan says whether an open case of the store is one that nothing was said of since the start.
func (r *recorder) orphan(c *record.Case) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.open[caseKey{c.ID, c.Began}]
	return was != nil && was.restored
}

// end ends a case as it is, if it is an orphan still.
func (r *recorder) end(c *record.Case) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := caseKey{c.ID, c.Began}
	if was := r.open[key]; was == nil || !was.restored {
		return
	}
	delete(r.open, key)
	c.Revision, c.Final, c.Gap = c.Revision+1, true, true
	if !r.account {
		c.Counted = nil
	}
	r.say(c)
}

// Add adds to the counters what is of no revision. It may be called from any goroutine.
func (r *recorder) Add(cell record.Cell) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(cell)
}

// add is Add, with r.mu held.
func (r *recorder) add(cell record.Cell) {
	r.tally.add(r.tally.count(nil, &cell), 1)
}

// slabSize is how much memory for texts is made at once.
const slabSize = 1 << 20

// text copies a text to where it stays. r.mu is held.
func (r *recorder) text(b []byte) []byte {
	if len(b) > len(r.slab) {
		r.slab = make([]byte, max(slabSize, len(b)))
	}
	n := copy(r.slab, b)
	t := r.slab[:n:n]
	r.slab = r.slab[n:]
	return t
}

func digestOf(c *view.Case) digest {
	d := digest{code: c.Call.Code, findings: len(c.Verdict.Findings), gaps: len(c.Call.Gaps), outcome: uint8(c.Call.Outcome)}
	for _, l := range c.Call.Legs {
		d.messages += len(l.Sightings)
	}
	if c.Verdict.Root != nil {
		d.cause = string(c.Verdict.Root.ID)
	}
	return d
}

// Flush hands on what there is, at the end.
func (r *recorder) Flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn(true)
}

// turn hands the batch on when its time has come, or when it is full while others wait; what was counted is told in any
// case. r.mu is held.
func (r *recorder) turn(now bool) {
	b := r.cur
	if len(b.Messages)+len(b.Cases)+len(r.tally.sums)+len(r.tally.owed)+len(b.Gaps) == 0 && r.lost.now == 0 {
		return
	}
	at := r.now()
	if r.begun.IsZero() {
		r.begun = at
	}
	full := len(b.Messages) >= r.limits.batchMessages || r.bytes >= r.limits.batchBytes
	due := now || at.Sub(r.begun) >= r.every || at.Before(r.begun)
	hand := full || due && (now || len(r.ready) < maxReady)
	if hand || due && at.Sub(r.told).Abs() >= r.every {
		r.told = at
		cells := r.tally.tell()
		if told := r.server.opt.Counted; told != nil && len(cells) > 0 {
			told(cells)
		}
	}
	if !hand {
		return
	}
	if l := &r.lost; l.now > 0 {
		r.gap(record.Gap{Gap: wire.Gap{Kind: wire.GapQueue, From: l.from, Until: l.until, Lost: l.now, Where: "queue before the store"}})
		l.now = 0
	}
	b.Cells = r.tally.take()
	r.tally.prune(r.open)
	r.seq++
	b.Seq, b.At = r.seq, wire.Time(at.UnixNano())
	r.ready = append(r.ready, b)
	r.cur, r.bytes, r.begun = new(store.Batch), 0, time.Time{}
	select {
	case r.signal <- struct{}{}:
	default:
	}
}

// next returns the oldest batch that is not stored, nil when there is none; written takes it away.
func (r *recorder) next() *store.Batch {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ready) == 0 {
		return nil
	}
	return r.ready[0]
}

func (r *recorder) written(b *store.Batch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ready = slices.Delete(r.ready, 0, 1)
	for i := range b.Messages {
		r.unstored -= messageSize(&b.Messages[i])
	}
	for i := range b.Cases {
		r.cases -= caseSize(&b.Cases[i])
	}
}

// waiting says how much is not stored yet: bytes, batches, and since when.
func (r *recorder) waiting() (bytes int64, since time.Time, l lost) {
	r.mu.Lock()
	defer r.mu.Unlock()
	since = r.begun
	if len(r.ready) > 0 {
		since = r.ready[0].At.Std()
	}
	return r.unstored, since, r.lost
}
