package serve

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/pipeline"
	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/store/memory"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

func quietServer(t *testing.T, opt Options) *Server {
	t.Helper()
	if opt.Store == nil {
		opt.Store = memory.New(64 << 20)
	}
	opt.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	s, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRecorderBatches: a batch goes on when it has many messages or bytes, before its time.
func TestRecorderBatches(t *testing.T) {
	var now clock
	now.set(1e18)
	s := quietServer(t, Options{Now: now.now, Flush: time.Hour})
	r := s.rec
	see := func(n, size int) {
		for range n {
			r.Seen(&pipeline.Seen{Payloads: []wire.Payload{{Time: 1, Data: make([]byte, size)}}, Keys: []uint64{1}})
		}
	}
	see(maxBatchMessages-1, 10)
	if len(r.ready) != 0 {
		t.Fatal("a batch went on too early")
	}
	see(1, 10)
	if len(r.ready) != 1 || len(r.ready[0].Messages) != maxBatchMessages {
		t.Fatalf("%d batches wait", len(r.ready))
	}
	see(maxBatchBytes/(64<<10), 64<<10)
	if len(r.ready) != 2 {
		t.Fatalf("%d batches wait after %d bytes", len(r.ready), maxBatchBytes)
	}
	see(maxUnstored/(64<<10), 64<<10)
	if bytes, _, lost := r.waiting(); bytes > maxUnstored || lost.messages == 0 {
		t.Errorf("%d bytes wait, %d messages dropped", bytes, lost.messages)
	}
	for range 10 * maxUnstoredGaps {
		r.Seen(&pipeline.Seen{Gaps: []wire.Gap{{Kind: wire.GapDrops, From: 5, Until: 9, Lost: 2}}})
	}
	gaps, lost := 0, uint64(0)
	for _, b := range append(r.ready, r.cur) {
		gaps += len(b.Gaps)
		for _, g := range b.Gaps {
			if g.Kind == wire.GapDrops {
				lost += g.Lost
			}
		}
	}
	if gaps > 4*maxUnstoredGaps || lost != 20*maxUnstoredGaps {
		t.Errorf("%d gaps wait that tell of %d", gaps, lost)
	}
}

// TestRecorderForgets: open cases beyond the bound are forgotten, revisions that find no room are counted.
func TestRecorderForgets(t *testing.T) {
	s := quietServer(t, Options{})
	s.rec.limits.open, s.rec.limits.unstoredCases = 100, 64<<10
	for i := range 1000 {
		l := &call.Leg{CallID: fmt.Sprint(i), Began: wire.Time(i)}
		c := &call.Call{ID: l.CallID, Kind: call.KindCall, Began: l.Began, Legs: []*call.Leg{l}, Final: call.NoMsg}
		if err := s.rec.Case(&view.Case{Call: c, Verdict: &finding.Verdict{Call: c.ID}}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.rec.open); n != 100 {
		t.Errorf("%d open cases are remembered", n)
	}
	if _, _, lost := s.rec.waiting(); s.rec.cases > 64<<10 || lost.cases == 0 || lost.cases >= 1000 {
		t.Errorf("%d bytes of cases wait, %d dropped", s.rec.cases, lost.cases)
	}
}

// TestTallyIsBounded: kinds that nothing has are forgotten when there are many; those of open cases keep their meaning.
// Sums that wait are bounded.
func TestTallyIsBounded(t *testing.T) {
	y := newTally()
	y.maxKeys, y.maxSums = 1000, 500
	kept := record.Cell{Minute: 7, Counter: "kept", Bucket: record.NoBucket, N: 1}
	open := map[caseKey]*revision{{id: "a"}: {cells: y.count(nil, &kept)}}
	for i := range 20000 {
		y.add(y.count(nil, &record.Cell{Minute: int64(i), Counter: "c", Label: fmt.Sprint(i), N: 1}), 1)
		if i%300 == 299 {
			if told := y.tell(); len(told) != 300 {
				t.Fatalf("%d sums told", len(told))
			}
			if len(y.owed) > 500 {
				t.Fatalf("%d sums wait", len(y.owed))
			}
		}
		if i%600 == 599 {
			y.take()
			y.prune(open)
			if len(y.keys) >= 1000+600 {
				t.Fatalf("%d kinds have a number", len(y.keys))
			}
		}
	}
	if got := y.cells(open[caseKey{id: "a"}].cells); len(got) != 1 || got[0] != kept {
		t.Errorf("an open case counted %+v", got)
	}
	if y.lost == 0 {
		t.Error("no sum was dropped: the test proves nothing")
	}
}

// TestPointsAreBounded: further capture points are one.
func TestPointsAreBounded(t *testing.T) {
	p := newPoints()
	for i := range 3 * maxPoints {
		if n := p.of(fmt.Sprint("p", i)); int(n) >= maxPoints {
			t.Fatalf("point %d", n)
		}
	}
	if n := len(p.list()); n != maxPoints-1 {
		t.Errorf("%d points", n)
	}
	if a, b := p.of("x"), p.of("y"); a != b || p.name(a) != "others" {
		t.Errorf("further points are %d and %d, %q", a, b, p.name(a))
	}
}

// TestFeedIsBounded: a further follower is refused; one who does not read misses some and is told how many.
func TestFeedIsBounded(t *testing.T) {
	var f feed
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	hold := make(chan struct{})
	var missed atomic.Uint64
	for range maxFollowers {
		go func() {
			_ = f.follow(ctx, nil, func(_ *record.Case, n uint64) error {
				<-hold
				missed.Add(n)
				return nil
			})
		}()
	}
	until(t, "all followers", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.followers) == maxFollowers
	})
	if err := f.follow(ctx, nil, nil); err == nil {
		t.Error("one more follower was taken")
	}
	for range 3 * maxFollowing {
		f.tell(&record.Case{})
	}
	close(hold)
	f.tell(&record.Case{})
	until(t, "what was missed", func() bool { return missed.Load() > maxFollowers*maxFollowing })
}

// TestRestoreIsBounded: of messages of open calls no more is read again than fits; the calls of which nothing is known any
// more end as they are, and count once.
func TestRestoreIsBounded(t *testing.T) {
	begin := wire.Time(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	st := memory.New(64 << 20)
	var now clock
	now.set(begin)
	var before, afterwards counts
	r := start(t, Options{Store: st, Now: now.now, Flush: time.Second, Counted: before.add}, nil)
	var s schedule
	for i := range 50 {
		c := s.talk(fmt.Sprintf("long%d", i), addrOf(i), addrOf(1000), fmt.Sprintf("49305550%03d", i), "498955500", begin.Add(time.Duration(i)*10*time.Millisecond))
		c.request("INVITE", "").wait(little).answer(180, "Ringing", "").wait(time.Second).answer(200, "OK", "").wait(little).request("ACK", "")
	}
	r.src.send(s.all)
	r.idle(t)
	for range 30 {
		now.advance(time.Second)
		time.Sleep(30 * time.Millisecond)
	}
	last := schedule{}
	last.talk("last", addrOf(2000), addrOf(1000), "a", "b", begin.Add(3*time.Hour)).request("OPTIONS", "").wait(little).answer(200, "OK", "")
	now.set(begin.Add(3 * time.Hour))
	r.src.send(last.all)
	r.idle(t)
	now.advance(20 * time.Second)
	time.Sleep(300 * time.Millisecond)
	r.end(t)
	stats, err := st.Stats(context.Background())
	if err != nil || stats.Open != 50 {
		t.Fatalf("%d open cases, %v", stats.Open, err)
	}
	r = start(t, Options{Store: st, Now: now.now, Flush: time.Second, Counted: afterwards.add}, func(s *Server) { s.maxRestored, s.mostWarm, s.orphansAfter = 4000, time.Minute, time.Second })
	until(t, "the end of what is not known any more", func() bool {
		now.advance(time.Second)
		stats, err = st.Stats(context.Background())
		return err == nil && stats.Open < 50
	})
	r.end(t)
	if stats.Open == 0 || stats.Open > 10 {
		t.Errorf("%d of 50 calls go on, although a few fit", stats.Open)
	}
	page, err := st.Search(context.Background(), store.Search{Limit: 100})
	if err != nil || len(page.Cases) != 51 {
		t.Errorf("%d cases, %v", len(page.Cases), err)
	}
	for _, c := range page.Cases {
		if c.ID != "last" && c.Outcome != call.Answered {
			t.Errorf("%s: %s %s", c.ID, c.Outcome, c.Cause)
		}
	}
	if got := before.of("attempts") + afterwards.of("attempts"); got != 50 {
		t.Errorf("%d attempts counted, not 50", got)
	}
}
