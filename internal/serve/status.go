package serve

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sipcause/internal/finding"
	"sipcause/internal/pipeline"
	"sipcause/internal/view"
)

// engineState is what was last heard of the engines.
type engineState struct {
	census   pipeline.Census
	findings []finding.Finding
}

// engines asks every engine, and adds up.
func (s *Server) engines(ctx context.Context) (st engineState, ok bool) {
	for _, l := range s.lines {
		if !l.live.Ask(ctx, func(e *pipeline.Engine) {
			c := e.Census()
			st.census.Add(&c)
			st.findings = append(st.findings, e.Findings()...)
		}) {
			return st, false
		}
	}
	return st, true
}

// How often the engines are asked how they are, and how much of a queue is an alarm.
const (
	watchEvery = 2 * time.Second
)

// watch looks after the engines, the queues and the sources.
func (s *Server) watch(ctx context.Context) {
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	var wasLost, wasUnstored uint64
	drops := dropLog{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		st, ok := s.engines(ctx)
		if !ok {
			return
		}
		s.state.Store(&st)
		_, _, lost, _ := s.waiting()
		s.alarms.set("queue", droppedNow(lost, &wasLost, "messages were dropped before the engine: it is too slow for this traffic"))
		_, _, unstored := s.rec.waiting()
		s.alarms.set("store queue", droppedNow(unstored.messages+unstored.cases, &wasUnstored, "messages were seen but not stored: the store is too slow or in trouble"))
		for _, src := range s.sources {
			state := src.State()
			s.logDrops(drops, src.Name(), state, src.agentStats())
			if p := state.Problem; p != "" || src.error.Load() == nil {
				s.alarms.set("source "+src.Name(), p)
			}
		}
	}
}

// droppedNow says that more was lost since the last time.
func droppedNow(n uint64, was *uint64, what string) string {
	more := n - *was
	*was = n
	if more == 0 {
		return ""
	}
	return what
}

// waiting sums up the queues before the engines.
func (s *Server) waiting() (bytes, limit int64, messages, media uint64) {
	for _, l := range s.lines {
		b, m, d, r := l.live.Waiting()
		bytes, limit, messages, media = bytes+b, limit+m, messages+d, media+r
	}
	return bytes, limit, messages, media
}

// Status says how the server is (view.Observer).
func (s *Server) Status(ctx context.Context) (view.Status, error) {
	st, err := s.opt.Store.Stats(ctx)
	if err != nil {
		return view.Status{}, fmt.Errorf("read the store: %w", err)
	}
	out := view.Status{Version: s.opt.Version, Started: s.started, Ready: s.ready.Load() && !s.alarms.has(aboutStore), Alarms: s.alarms.list(), Store: st}
	q := &out.Queue
	q.Bytes, q.Limit, q.DroppedSignal, q.DroppedMedia = s.waiting()
	_, since, lost := s.rec.waiting()
	if !since.IsZero() {
		out.StoreLag = s.opt.Now().Sub(since)
	}
	out.StoreDropped = lost.messages
	for _, src := range s.sources {
		state := src.State()
		one := view.SourceState{Name: src.Name(), Kind: src.kind, Packets: state.Packets, Bytes: state.Bytes, Last: state.Last, Error: state.Problem}
		for _, d := range state.Dropped {
			one.Dropped = append(one.Dropped, view.Count{Name: d.Reason, N: d.Count})
		}
		if e := src.error.Load(); e != nil {
			one.Error = *e
		}
		src.mu.Lock()
		one.Points = slices.Clone(src.points)
		src.mu.Unlock()
		out.Sources = append(out.Sources, one)
	}
	out.Points = s.points.list()
	if e := s.state.Load(); e != nil {
		c := &e.census
		out.OpenLegs, out.EventTime = c.Open, c.EventTime
		out.Findings = append(s.offNow(), e.findings...)
		out.Counters = []view.Count{
			{Name: "messages", N: c.Correlate.Messages},
			{Name: "retransmissions", N: c.Correlate.Repeats},
			{Name: "duplicates", N: c.Correlate.Duplicates},
			{Name: "unparsable", N: c.Correlate.Unparsable},
			{Name: "defective", N: c.Correlate.Defective},
			{Name: "stray", N: c.Correlate.Stray},
			{Name: "late", N: c.Correlate.Late},
			{Name: "evicted", N: c.Correlate.Evicted},
			{Name: "panics", N: c.Correlate.Panics},
			{Name: "media_evicted", N: c.MediaEvicted},
			{Name: "notes_evicted", N: c.NotesEvicted},
			{Name: "cases_not_stored", N: lost.cases},
			{Name: "agents_clock_corrected", N: s.clockCorrected()},
		}
	}
	return out, nil
}
