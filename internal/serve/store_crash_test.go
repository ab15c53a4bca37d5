package serve

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sipcause/internal/capture"
	"sipcause/internal/kpi"
	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/store/memory"
	"sipcause/internal/wire"
)

// fed is a live source whose messages a test sends.
type fed struct {
	ready  chan struct{}
	packet func(*wire.Packet)
	n      atomic.Uint64
}

func newFed() *fed { return &fed{ready: make(chan struct{})} }

func (f *fed) Name() string             { return "fed" }
func (f *fed) State() capture.LiveState { return capture.LiveState{Packets: f.n.Load()} }
func (f *fed) Run(ctx context.Context, packet func(*wire.Packet), gap func(wire.Gap)) error {
	f.packet = packet
	close(f.ready)
	<-ctx.Done()
	return nil
}

// send hands on messages as HEP packets received when they were seen.
func (f *fed) send(list []said) {
	for i := range list {
		f.sendAt(&list[i], list[i].at, list[i].at)
	}
}

func (f *fed) sendAt(m *said, seen, received wire.Time) {
	p := wire.Packet{Link: wire.LinkHEP, Time: received, Sender: 1, Data: hepPacket(m, seen)}
	p.WireLen = len(p.Data)
	p.Ref.Number = f.n.Add(1)
	f.packet(&p)
}

// running is a server in this process.
type running struct {
	*Server
	src  *fed
	stop context.CancelFunc
	done chan error
}

func start(t *testing.T, opt Options, with func(*Server)) *running {
	t.Helper()
	s, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{Server: s, src: newFed(), done: make(chan error, 1)}
	if err := s.Add(r.src, "test", false); err != nil {
		t.Fatal(err)
	}
	if with != nil {
		with(s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	go func() { r.done <- s.Run(ctx) }()
	<-r.src.ready
	return r
}

func (r *running) end(t *testing.T) {
	t.Helper()
	r.stop()
	if err := <-r.done; err != nil {
		t.Fatal(err)
	}
}

// idle waits until nothing waits before the engine.
func (r *running) idle(t *testing.T) {
	t.Helper()
	until(t, "the engine", func() bool {
		b, _, _, _ := r.waiting()
		return b == 0
	})
}

// broken is a store whose Write does what a test says.
type broken struct {
	store.Store
	mu    sync.Mutex
	write func(context.Context, *store.Batch) error // nil: as the store does
	most  atomic.Int64                              // messages of the largest batch
}

func (b *broken) Write(ctx context.Context, batch *store.Batch) error {
	b.most.Store(max(b.most.Load(), int64(len(batch.Messages))))
	b.mu.Lock()
	w := b.write
	b.mu.Unlock()
	if w != nil {
		if err := w(ctx, batch); err != nil {
			return err
		}
	}
	return b.Store.Write(ctx, batch)
}

func (b *broken) set(w func(context.Context, *store.Batch) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.write = w
}

// counts sums up what is told of counters.
type counts struct {
	mu    sync.Mutex
	sum   map[string]int64
	cells []record.Cell
}

func (c *counts) add(cells []record.Cell) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sum == nil {
		c.sum = map[string]int64{}
	}
	for i := range cells {
		if cells[i].Route == "" {
			c.sum[cells[i].Counter] += cells[i].N
		}
	}
	c.cells = kpi.Merge(append(c.cells, cells...))
}

func (c *counts) of(counter string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sum[counter]
}

// TestStoreInTrouble: while the store refuses, capture and counting go on, an alarm says so, memory is bounded; what does
// not fit is dropped, counted and a gap. When it takes again, what waited is written in order, and the sums are right.
//
// Long because: one story, told in order.
func TestStoreInTrouble(t *testing.T) {
	for _, tc := range []struct {
		name  string
		write func(context.Context, *store.Batch) error
		alarm string
	}{
		{"full", func(context.Context, *store.Batch) error { return fmt.Errorf("write: %w", store.ErrFull) }, "store: no space left"},
		{"failing", func(context.Context, *store.Batch) error { return fmt.Errorf("input/output error") }, "store: input/output error"},
		{"stuck", func(ctx context.Context, _ *store.Batch) error { <-ctx.Done(); return ctx.Err() }, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			begin := wire.Time(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano())
			var now clock
			now.set(begin)
			st := &broken{Store: memory.New(256 << 20)}
			var told counts
			var revisions atomic.Int64
			const unstored, cases = 300 << 10, 600 << 10
			r := start(t, Options{Store: st, Now: now.now, Flush: time.Second, Counted: told.add, Told: func(*record.Case) { revisions.Add(1) }}, func(s *Server) {
				s.rec.limits.unstored, s.rec.limits.unstoredCases, s.rec.limits.gaps = unstored, cases, 5
				s.rec.account = true
			})
			all := traffic(3, begin, 200*time.Second, 10)
			i := 0
			play := func(until wire.Time) {
				for ; i < len(all) && all[i].at < until; i++ {
					r.src.sendAt(&all[i], all[i].at, all[i].at)
					if i%200 == 0 {
						r.idle(t)
						now.set(all[i].at)
					}
				}
				r.idle(t)
				now.set(until)
				time.Sleep(250 * time.Millisecond)
			}
			play(begin.Add(20 * time.Second))
			counted, seen := told.of("attempts"), revisions.Load()
			if counted == 0 || seen == 0 {
				t.Fatalf("%d attempts counted, %d revisions told before the trouble", counted, seen)
			}
			release := make(chan struct{})
			if tc.alarm == "" {
				st.set(func(ctx context.Context, b *store.Batch) error {
					select {
					case <-release:
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				})
			} else {
				st.set(tc.write)
			}
			for step := range 12 {
				play(begin.Add(time.Duration(30+10*step) * time.Second))
				bytes, _, _ := r.rec.waiting()
				if bytes > unstored {
					t.Fatalf("%d bytes wait, more than %d", bytes, unstored)
				}
				r.rec.mu.Lock()
				batches, gaps, size := len(r.rec.ready), len(r.rec.cur.Gaps), r.rec.cases
				r.rec.mu.Unlock()
				if batches > maxReady+3 || gaps > 5 || size > cases {
					t.Fatalf("%d batches wait, %d gaps, %d bytes of cases", batches, gaps, size)
				}
				if more := told.of("attempts"); more <= counted {
					t.Fatalf("counting stopped at %d", counted)
				} else {
					counted = more
				}
				if more := revisions.Load(); more <= seen {
					t.Fatalf("the live feed stopped at %d", seen)
				} else {
					seen = more
				}
			}
			_, _, lost := r.rec.waiting()
			if lost.messages == 0 || lost.cases == 0 {
				t.Fatalf("nothing was dropped: %+v", lost)
			}
			if tc.alarm != "" {
				until(t, "the alarm", func() bool {
					return slices.ContainsFunc(r.alarms.list(), func(a string) bool { return len(a) >= len(tc.alarm) && a[:len(tc.alarm)] == tc.alarm })
				})
			}
			st.set(nil)
			close(release)
			until(t, "the end of the alarm", func() bool {
				return !slices.ContainsFunc(r.alarms.list(), func(a string) bool { return a[:6] == "store:" })
			})
			play(begin.Add(240 * time.Second))
			now.advance(10 * time.Minute)
			time.Sleep(400 * time.Millisecond)
			r.end(t)
			last := wire.Time(-1 << 62)
			n := 0
			if err := st.Replay(context.Background(), 0, 0, func(m *record.Message) error {
				if m.Time < last {
					t.Errorf("message at %d is after %d", m.Time, last)
				}
				last = m.Time
				n++
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			_, _, lost = r.rec.waiting()
			if n+int(lost.messages) != len(all) {
				t.Errorf("%d messages stored and %d dropped, of %d", n, lost.messages, len(all))
			}
			gaps, err := st.Gaps(context.Background(), 0, 1<<62, 1000)
			if err != nil {
				t.Fatal(err)
			}
			told64 := uint64(0)
			for _, g := range gaps {
				if g.Kind == wire.GapQueue {
					told64 += g.Lost
				}
			}
			if told64 != lost.messages {
				t.Errorf("gaps tell of %d messages, %d were dropped: %+v", told64, lost.messages, gaps)
			}
			if d := kpi.Diff(told.cells, rollups(t, st)); len(d) > 0 {
				t.Errorf("what was counted and what is stored differ in %d cells, first %+v", len(d), d[0])
			}
		})
	}
}

// rollups returns every cell of a store.
func rollups(t *testing.T, st store.Store) (all []record.Cell) {
	t.Helper()
	for _, byRoute := range []bool{true, false} {
		if err := st.Rollup(context.Background(), store.Rollup{Step: time.Minute, ByRoute: byRoute, ByLabel: true}, func(c *record.Cell) error {
			all = append(all, *c)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return kpi.Merge(all)
}
