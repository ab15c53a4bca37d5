package serve

import (
	"testing"
	"time"

	"sipcause/internal/pipeline"
	"sipcause/internal/store/memory"
	"sipcause/internal/wire"
)

// TestServeSoak: hours of traffic in which every caller has a name and address of his own. What the recorder holds depends
// on what is going on, not on how long the server has run.
func TestServeSoak(t *testing.T) {
	begin := wire.Time(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	var now clock
	now.set(begin)
	r := start(t, Options{Store: memory.New(16 << 20), Now: now.now, Flush: time.Second, Discover: 64}, nil)
	const hours = 6
	all := traffic(6, begin, hours*time.Hour, 1)
	type held struct{ open, kinds, sums, legs int }
	look := func() (h held) {
		r.idle(t)
		r.main.live.Ask(t.Context(), func(e *pipeline.Engine) {
			r.rec.mu.Lock()
			defer r.rec.mu.Unlock()
			h = held{len(r.rec.open), len(r.rec.tally.keys), len(r.rec.tally.sums) + len(r.rec.tally.owed), e.Census().Open}
		})
		return h
	}
	// Long calls of the schedule last hours: what is compared are the middle and the time when no more begin.
	var middle held
	for i := range all {
		r.src.sendAt(&all[i], all[i].at, all[i].at)
		now.set(all[i].at)
		if i%5000 == 0 {
			r.idle(t)
		}
		if middle.legs == 0 && all[i].at > begin.Add(hours*time.Hour/2) {
			middle = look()
		}
		if all[i].at > begin.Add(hours*time.Hour) {
			break
		}
	}
	end := look()
	if end.open > end.legs+16 || middle.open > middle.legs+16 {
		t.Errorf("open cases of more than is open: %+v, %+v", middle, end)
	}
	if end.kinds > middle.kinds+middle.kinds/4 || end.sums > 4*end.kinds {
		t.Errorf("kinds of cells: %+v, %+v", middle, end)
	}
	now.advance(10 * time.Minute)
	time.Sleep(2 * idleEvery)
	now.advance(7 * time.Hour)
	until(t, "the end of everything", func() bool {
		h := look()
		return h.legs == 0 && h.open == 0
	})
	t.Logf("%d messages; %+v, %+v", len(all), middle, end)
	r.end(t)
}
