package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"sipcause/internal/query"
	"sipcause/internal/record"
	"sipcause/internal/render"
	"sipcause/internal/store"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// How often failures of one cause are shown at most, and how often the state.
const (
	failureEvery = 5 * time.Second
	stateEvery   = 10 * time.Second
	maxTold      = 4096 // cases remembered as shown
)

// watcher tells of a server as it runs: its failures, of each case the first time that a cause is known, and its state.
type watcher struct {
	of  view.Observer
	opt render.Options

	mu    sync.Mutex // of what follows
	w     io.Writer
	shown map[string]bool
	next  map[string]time.Time // when a failure of that cause may be shown again
	more  int                  // not shown since the last state
	began wire.Time
}

func newWatcher(w io.Writer, of view.Observer) *watcher {
	t := &watcher{of: of, w: w, shown: map[string]bool{}, next: map[string]time.Time{}, began: wire.Time(time.Now().UnixNano())}
	t.opt = render.Options{Zone: time.Local, Color: colorful(w)}
	if _, ok := isTerminal(w); ok {
		t.opt.Width = terminalWidth(w)
	}
	return t
}

// watch tells until ctx ends.
func (t *watcher) watch(ctx context.Context) {
	failures, err := query.Parse("outcome = failed or outcome = challenged")
	if err != nil {
		panic(err) // it is the one above
	}
	var following sync.WaitGroup
	following.Go(func() {
		_ = t.of.Follow(ctx, failures, func(c *record.Case, missed uint64) error { // it ends when ctx does
			t.failure(c, int(missed), time.Now())
			return nil
		})
	})
	tick := time.NewTicker(stateEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			t.state(ctx)
		}
	}
	following.Wait()
}

// failure shows a case whose cause is known, unless another of the same cause was shown just now.
func (t *watcher) failure(c *record.Case, missed int, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.more += missed
	if c.Cause == "" || t.shown[c.ID] {
		return
	}
	if len(t.shown) >= maxTold {
		clear(t.shown)
	}
	t.shown[c.ID] = true
	if now.Before(t.next[c.Cause]) {
		t.more++
		return
	}
	t.next[c.Cause] = now.Add(failureEvery)
	fmt.Fprint(t.w, render.Brief(c, t.opt))
}

// state shows how many calls there were, how they ended, and what comes in.
func (t *watcher) state(ctx context.Context) {
	calls, err := query.Parse("kind = call")
	if err != nil {
		panic(err) // as above
	}
	outcomes, err := t.of.Count(ctx, store.Search{From: t.began, Where: calls}, query.Outcome, 20)
	if err != nil {
		return // it is ending
	}
	status, err := t.of.Status(ctx)
	if err != nil {
		return
	}
	total, words := uint64(0), []string(nil)
	for _, o := range outcomes {
		total += o.N
		words = append(words, fmt.Sprintf("%d %s", o.N, o.Value))
	}
	messages := uint64(0)
	if i := slices.IndexFunc(status.Counters, func(c view.Count) bool { return c.Name == "messages" }); i >= 0 {
		messages = status.Counters[i].N
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	line := fmt.Sprintf("%s  ── %d calls: %s · %d messages · %d open", time.Now().Format("15:04:05"), total, strings.Join(words, ", "), messages, status.OpenLegs)
	if t.more > 0 {
		line += fmt.Sprintf(" · %d more failed", t.more)
	}
	t.more = 0
	for _, alarm := range status.Alarms {
		line += " · " + alarm
	}
	fmt.Fprintln(t.w, line)
}
