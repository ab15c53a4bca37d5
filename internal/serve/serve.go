// Package serve is the running server: live sources, the engine, the store, and what faces read. Its one rule: capture
// never waits, neither for the store nor for a face.
package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sipcause/code/playbooks"
	"sipcause/internal/capture"
	"sipcause/internal/config"
	"sipcause/internal/decode"
	"sipcause/internal/pipeline"
	"sipcause/internal/record"
	"sipcause/internal/route"
	"sipcause/internal/store"
	"sipcause/internal/wire"
)

var errFollowers = errors.New("too many followers of the live feed")

// Options of a server.
type Options struct {
	Version      string
	Store        store.Store
	Flush        time.Duration          // how often what was seen is written; 0: one second
	Policy       func() store.Policy    // what may stay; nil: all
	Engine       pipeline.LiveOptions   // routes, caps; Record is the server's own
	Book         func() *playbooks.Book // what to do; nil: no advice
	Routes       []route.Rule           // named in the configuration
	Discover     int                    // how many further routes get a name
	RatingHeader string                 // header field in which user agents send what the user thinks of the call; "": none
	Maintenance  func() []config.Window // nil: none
	Missed       func(*record.Gap)      // each gap; nil: nobody
	Log          *slog.Logger           // nil: none
	Now          func() time.Time       // nil: time.Now
	Told         func(*record.Case)     // each revision of a case; nil: nobody
	Counted      func([]record.Cell)    // what was added to the counters since the last time; nil: nobody
}

// Server is a server that runs or is about to. Its Observer methods may be used from several goroutines.
type Server struct {
	opt        Options
	points     *points
	rec        *recorder
	main       *timeline
	lines      []*timeline // main first
	sources    []*source
	feed       feed
	configured map[string]bool // names of routes
	alarms     alarms
	normal     normal
	ratings    ratings
	firstRun   int64 // when the server ran for the first time, ns since 1970; 0: not known
	started    time.Time
	ready      atomic.Bool

	steady       *steady
	maxRestored  int           // see maxRestored
	mostWarm     time.Duration // see mostWarm
	orphansAfter time.Duration // see orphansAfter
	state        atomic.Pointer[engineState]
}

// timeline is what shares one event time: everything live is one, and every folder of files is another.
type timeline struct {
	name string // of the folder that it is for, which is that of its capture point; "" for all that is live
	live *pipeline.Live
}

// source is a live source with its decoder's counters.
type source struct {
	capture.Live
	kind  string
	line  *timeline
	error atomic.Pointer[string]

	agents atomic.Pointer[decode.AgentStats] // of the decoder; nil before it began

	mu     sync.Mutex
	points []string // those that something came from
}

// saw notes a capture point of the source.
func (s *source) saw(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name != "" && !slices.Contains(s.points, name) && len(s.points) < maxPoints {
		s.points = append(s.points, name)
	}
}

// New returns a server that has no sources yet.
func New(opt Options) (*Server, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Flush == 0 {
		opt.Flush = time.Second
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{opt: opt, points: newPoints(), started: opt.Now(), configured: map[string]bool{}, maxRestored: maxRestored, mostWarm: mostWarm, orphansAfter: orphansAfter}
	s.steady = newSteady(s.started)
	s.alarms.log = opt.Log
	for _, r := range opt.Routes {
		s.configured[r.Name] = true
	}
	s.rec = newRecorder(s, opt.Flush)
	var err error
	s.main, err = s.timeline("")
	return s, err
}

// timeline makes a timeline.
func (s *Server) timeline(name string) (*timeline, error) {
	opt := s.opt.Engine
	opt.Record = s.rec.Seen
	var err error
	if opt.Routes, err = route.NewTable(s.opt.Routes, s.opt.Discover); err != nil {
		return nil, err
	}
	t := &timeline{name: name, live: pipeline.NewLive(opt, s.rec.Case)}
	s.lines = append(s.lines, t)
	return t, nil
}

// told passes on a revision.
func (s *Server) told(c *record.Case) {
	if s.opt.Told != nil {
		s.opt.Told(c)
	}
	s.feed.tell(c)
}

func (s *Server) policy() store.Policy {
	if s.opt.Policy == nil {
		return store.Policy{}
	}
	return s.opt.Policy()
}

// Points returns the number of a capture point by its name, for sources and decoders.
func (s *Server) Points(name string) uint16 { return s.points.of(name) }

// Add adds a source before Run. One that reads files of the past has a timeline of its own.
func (s *Server) Add(src capture.Live, kind string, ofFiles bool) (err error) {
	line := s.main
	if ofFiles {
		if line, err = s.timeline(strings.TrimPrefix(src.Name(), "watch ")); err != nil {
			return err
		}
	}
	s.sources = append(s.sources, &source{Live: src, kind: kind, line: line})
	return nil
}

// Run restores what was open when the store was last written to, and runs until ctx ends; then it takes what came
// before, writes it, and returns. What is open stays open in the store.
func (s *Server) Run(ctx context.Context) error {
	st, err := s.opt.Store.Stats(ctx)
	if err != nil {
		return fmt.Errorf("read the store: %w", err)
	}
	s.rec.seq = st.LastSeq
	if err := s.first(ctx, st); err != nil {
		return fmt.Errorf("find out when the server ran first: %w", err)
	}
	if err := s.restore(ctx, st); err != nil {
		return fmt.Errorf("restore what was open: %w", err)
	}
	var sources, lines, rest sync.WaitGroup
	failed := make(chan error, len(s.lines))
	ctx, halt := context.WithCancel(ctx) // a timeline that fails ends the sources, too
	defer halt()
	stop, cancel := context.WithCancel(context.Background())
	writing, stopWriting := context.WithCancel(context.Background())
	defer cancel()
	defer stopWriting()
	for _, src := range s.sources {
		sources.Go(func() { s.take(ctx, src) })
	}
	for _, line := range s.lines {
		lines.Go(func() {
			if err := line.live.Run(stop, func() time.Time { return s.now(line) }); err != nil {
				failed <- err
			}
		})
	}
	rest.Go(func() { s.write(writing) })
	rest.Go(func() { s.retain(ctx) })
	rest.Go(func() { s.endOrphans(ctx) })
	rest.Go(func() { s.watch(ctx) })
	rest.Go(func() { s.learn(ctx) })
	rest.Go(func() { s.alive(writing) })
	s.ready.Store(true)
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	halt()
	s.ready.Store(false)
	s.opt.Log.Info("stopping: what is on the way is written")
	sources.Wait()
	cancel()
	lines.Wait()
	stopWriting()
	rest.Wait()
	last, done := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer done()
	s.putAlive(last, 0)
	return err
}

// awaitStore is how often a source of files looks whether the store has caught up.
const awaitStore = 20 * time.Millisecond

// await holds back a source of files, which can wait, until its timeline and the store have room, or ctx ends.
func (s *Server) await(ctx context.Context, line *timeline) {
	line.live.Await(ctx)
	for ctx.Err() == nil && s.rec.behind() {
		pause(ctx, awaitStore)
	}
}

// behind says whether half of what may wait for the store does.
func (r *recorder) behind() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.unstored > r.limits.unstored/2 || r.cases > r.limits.unstoredCases/2
}

// idleEvery is how often a decoder is told that time goes on while no packets come.
const idleEvery = 200 * time.Millisecond

// take runs one source into its timeline. A source that fails is an alarm until the next start: no waiting mends it.
func (s *Server) take(ctx context.Context, src *source) {
	in := src.line.live.Sink()
	opt := s.opt.Engine.Decode
	opt.Points = func(name string) uint16 {
		src.saw(name)
		return s.points.of(name)
	}
	dec := decode.New(in, opt)
	var mu sync.Mutex // of what follows: packets come on one goroutine, time on another
	var last wire.Time
	var arrived time.Time
	var own wire.Packet
	point := uint16(0)
	idle, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		t := time.NewTicker(idleEvery)
		defer t.Stop()
		for idle.Err() == nil {
			select {
			case <-idle.Done():
			case <-t.C:
				mu.Lock()
				agents := dec.Agents()
				src.agents.Store(&agents)
				if last != 0 && idle.Err() == nil {
					dec.Reached(last.Add(max(s.now(src.line).Sub(arrived), 0)))
				}
				mu.Unlock()
			}
		}
	}()
	err := src.Run(ctx, func(p *wire.Packet) {
		mu.Lock()
		defer mu.Unlock()
		arrived = s.now(src.line)
		own = *p
		if src.line == s.main {
			own.Time = s.steady.of(p.Time, arrived)
		}
		last = max(last, own.Time)
		if p.Point != point {
			point = p.Point
			src.saw(s.points.name(point))
		}
		if src.line != s.main {
			s.await(ctx, src.line)
		}
		dec.Packet(&own)
	}, in.Gap)
	stop()
	mu.Lock()
	defer mu.Unlock()
	dec.Flush(last)
	if err != nil && ctx.Err() == nil {
		text := err.Error()
		src.error.Store(&text)
		s.alarms.set("source "+src.Name(), text)
	}
}
