package serve

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sipcause/internal/capture"
	"sipcause/internal/pipeline"
	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/store/memory"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// clock is a time of day that a test sets.
type clock struct{ ns atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(0, c.ns.Load()).UTC() }
func (c *clock) set(t wire.Time)         { c.ns.Store(int64(t)) }
func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

// played is a live source that hands on the packets of a capture and then nothing.
type played struct {
	name    string
	packets []wire.Packet
	done    chan struct{}
}

func (p *played) Name() string             { return p.name }
func (p *played) State() capture.LiveState { return capture.LiveState{Packets: uint64(len(p.packets))} }

func (p *played) Run(ctx context.Context, packet func(*wire.Packet), gap func(wire.Gap)) error {
	for i := range p.packets {
		packet(&p.packets[i])
	}
	close(p.done)
	<-ctx.Done()
	return nil
}

func load(t *testing.T, path string) []wire.Packet {
	t.Helper()
	src, err := capture.Open([]string{path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var all []wire.Packet
	err = src.Run(t.Context(), func(p *wire.Packet) error {
		own := *p
		own.Data = slices.Clone(p.Data)
		all = append(all, own)
		return nil
	}, func(*wire.Payload) error { return nil }, func(wire.Gap) {})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// until waits for a condition that comes by itself.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s: never came", what)
}

// line is what a test compares of a case.
func line(c *record.Case) string {
	return fmt.Sprintf("%s %d %s", c.Outcome, c.Code, c.Cause)
}

func analyzed(t *testing.T, path string) map[string]string {
	t.Helper()
	src, err := capture.Open([]string{path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]string{}
	var s view.Subject
	_, err = pipeline.Run(t.Context(), src, pipeline.Options{}, func(c *view.Case) error {
		r := view.Record(c, &s)
		lines[fmt.Sprintf("%s %s %d", r.ID, r.Kind, r.Began)] = line(&r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// stored returns what is final in the store; nothing may be open.
func stored(t *testing.T, st store.Store) map[string]string {
	t.Helper()
	page, err := st.Search(t.Context(), store.Search{Limit: 10000})
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]string{}
	for i := range page.Cases {
		c := &page.Cases[i]
		if !c.Final {
			t.Errorf("%s is open", c.ID)
		}
		lines[fmt.Sprintf("%s %s %d", c.ID, c.Kind, c.Began)] = line(c)
	}
	return lines
}

// TestLiveSaysWhatAnalyzeSays: the same packets, live and as a file. What a capture ends too early for may be decided live.
func TestLiveSaysWhatAnalyzeSays(t *testing.T) {
	var files []string
	for _, pattern := range []string{"../../testdata/captures/*/*.pcap*", "../../testdata/lab/*.pcap.gz"} {
		some, err := filepath.Glob(pattern)
		if err != nil || len(some) == 0 {
			t.Fatalf("%s: %v, %d files", pattern, err, len(some))
		}
		files = append(files, some...)
	}
	for _, f := range files {
		t.Run(filepath.Base(filepath.Dir(f))+"/"+filepath.Base(f), func(t *testing.T) {
			t.Parallel()
			want, got := analyzed(t, f), live(t, f)
			for id, w := range want {
				if g := got[id]; g != w && !(strings.HasPrefix(w, "ongoing") && g == "failed 0 transport.no-response") {
					t.Errorf("%s: analyze says %q, live %q", id, w, g)
				}
				delete(got, id)
			}
			for id, g := range got {
				t.Errorf("%s: live says %q, analyze has no such case", id, g)
			}
		})
	}
}

// live plays a capture to a server and returns what it says in the end.
func live(t *testing.T, file string) map[string]string {
	packets := load(t, file)
	if len(packets) == 0 {
		return nil
	}
	var now clock
	now.set(packets[len(packets)-1].Time)
	st := memory.New(64 << 20)
	s, err := New(Options{Store: st, Now: now.now, Flush: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	src := &played{name: "test", packets: packets, done: make(chan struct{})}
	if err := s.Add(src, "test", false); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	<-src.done
	census := func() (c pipeline.Census) {
		s.main.live.Ask(ctx, func(e *pipeline.Engine) { c = e.Census() })
		return c
	}
	until(t, "the last message", func() bool {
		bytes, _, _, _ := s.main.live.Waiting()
		return bytes == 0
	})
	for _, step := range []time.Duration{3 * time.Second, 25 * time.Second} {
		was := census().EventTime
		now.advance(step)
		time.Sleep(2 * idleEvery) // for the decoder, whose clock nobody sees
		until(t, "time that goes on", func() bool { return census().EventTime >= was.Add(step) })
	}
	now.advance(7 * time.Hour)
	until(t, "the end of every leg", func() bool {
		now.advance(time.Second)
		return census().Open == 0
	})
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	return stored(t, st)
}
