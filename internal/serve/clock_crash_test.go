package serve

import (
	"context"
	"slices"
	"testing"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/store/memory"
	"sipcause/internal/wire"
)

// TestAgentClockSteps: an agent whose clock is years wrong, and one whose clock is set forward and back by minutes in the
// middle of calls. Every call is one case, as it was, at the time of day at which it was.
//
// Long because: one story, told in order.
func TestAgentClockSteps(t *testing.T) {
	const year = 365 * 24 * time.Hour
	begin := wire.Time(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	for _, tc := range []struct {
		name   string
		wrong  func(at time.Duration) time.Duration // how much the clock shows more, so long after the beginning
		ours   bool                                 // that of the server as well
		within time.Duration                        // of the times that a call had
	}{
		{"right", func(time.Duration) time.Duration { return 0 }, false, time.Millisecond},
		{"years ahead", func(time.Duration) time.Duration { return 3 * year }, false, time.Millisecond},
		{"years behind", func(time.Duration) time.Duration { return -10 * year }, false, time.Millisecond},
		{"an hour ahead", func(time.Duration) time.Duration { return time.Hour }, false, time.Millisecond},
		{"set forward", after(30*time.Second, 5*time.Minute), false, 3 * time.Second},
		{"set back", after(30*time.Second, -5*time.Minute), false, 3 * time.Second},
		{"set forward and back", func(at time.Duration) time.Duration {
			if at > 30*time.Second && at < 60*time.Second {
				return 7 * time.Minute
			}
			return 0
		}, false, 3 * time.Second},
		{"ours set forward", after(30*time.Second, 5*time.Minute), true, time.Millisecond},
		{"ours set back", after(30*time.Second, -5*time.Minute), true, time.Millisecond},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var now clock
			now.set(begin)
			st := memory.New(256 << 20)
			r := start(t, Options{Store: st, Now: now.now, Flush: time.Second}, func(s *Server) {
				if tc.ours {
					s.steady.mono = func(wall time.Time) time.Duration {
						d := wall.Sub(begin.Std())
						if d > 30*time.Second { // the schedule has no hole of half a minute
							d -= tc.wrong(31 * time.Second)
						} else if d < 0 {
							d -= tc.wrong(31 * time.Second)
						}
						return d
					}
				}
			})
			all := traffic(5, begin, 100*time.Second, 5)
			first, last := map[string]wire.Time{}, map[string]wire.Time{}
			for i := range all {
				m := &all[i]
				if _, ok := first[m.callID]; !ok {
					first[m.callID] = m.at
				}
				last[m.callID] = m.at
				received := m.at
				if tc.ours {
					received = m.at.Add(tc.wrong(m.at.Sub(begin)))
				}
				now.set(received)
				r.src.sendAt(m, m.at.Add(tc.wrong(m.at.Sub(begin))), received)
				if i%20 == 0 {
					r.idle(t)
				}
			}
			r.idle(t)
			time.Sleep(2 * idleEvery)
			now.advance(5 * time.Minute)
			time.Sleep(2 * idleEvery)
			now.advance(7 * time.Hour)
			time.Sleep(3 * idleEvery)
			r.end(t)
			page, err := st.Search(context.Background(), store.Search{Limit: 10000})
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]int{}
			bad := 0
			for i := range page.Cases {
				c := &page.Cases[i]
				seen[c.ID]++
				off := func(a, b wire.Time) bool { return a.Sub(b).Abs() > 10*time.Minute }
				negative := slices.ContainsFunc([]*time.Duration{c.PDD, c.Setup, c.Ring, c.Duration}, func(d *time.Duration) bool { return d != nil && *d < 0 })
				if off(c.Began, first[c.ID]) || off(c.Ended, last[c.ID]) || c.Ended < c.Began || negative || !c.Final || c.Outcome == call.Unknown {
					if bad++; bad < 5 {
						t.Errorf("%s is %+v", c.ID, *c)
					}
				}
				if span := last[c.ID].Sub(first[c.ID]); seen[c.ID] == 1 && (c.Ended.Sub(c.Began)-span).Abs() > tc.within && tc.within < time.Second {
					t.Errorf("%s took %v, not %v", c.ID, c.Ended.Sub(c.Began), span)
				}
			}
			pieces := 0
			for id := range first {
				if seen[id] != 1 {
					if pieces++; pieces < 5 {
						for i := range page.Cases {
							if c := &page.Cases[i]; c.ID == id {
								t.Logf("%s: %s %d %s %d..%d (was %d..%d)", id, c.Outcome, c.Code, c.Cause, c.Began-begin, c.Ended-begin, first[id]-begin, last[id]-begin)
							}
						}
					}
				}
			}
			if pieces > 0 {
				t.Errorf("%d of %d calls are not one case", pieces, len(first))
			}
			minutes := map[int64]bool{}
			if err := st.Rollup(context.Background(), store.Rollup{Step: time.Minute}, func(c *record.Cell) error {
				minutes[c.Minute] = true
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			for m := range minutes {
				if d := time.Duration(m*60e9 - int64(begin)); d < -10*time.Minute || d > 10*time.Minute {
					t.Errorf("a minute is %v from the beginning", d)
				}
			}
		})
	}
}

func after(at, step time.Duration) func(time.Duration) time.Duration {
	return func(d time.Duration) time.Duration {
		if d > at {
			return step
		}
		return 0
	}
}
