package serve

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/wire"
)

// How much is read again at the start: everything of the last minutes, so that what is known of peers is known again,
// as many as have about warmMessages; and of what is open the messages before that, as far as they fit.
const (
	warmMessages = 2_000_000
	leastWarm    = time.Minute
	mostWarm     = time.Hour
	openPage     = 1000
	maxRestored  = 96 << 20 // bytes of messages of open cases
	keysAtOnce   = 4096
)

// restore brings the engines back to where they were when the store was last written to: messages of what was open, and
// of the last minutes, are read again; cases that were final then are passed over. What was lost meanwhile is a gap.
func (s *Server) restore(ctx context.Context, st store.Stats) error {
	if st.LastMessage == 0 {
		return nil
	}
	from := st.LastMessage.Add(-warm(st))
	keys, begun, err := s.restoreOpen(ctx, from)
	if err != nil {
		return err
	}
	if s.rec.passed, err = s.finalSince(ctx, from); err != nil {
		return err
	}
	s.rec.quiet = true
	bad := 0
	take := func(m *record.Message) error {
		if err := s.lineOf(m.Point).live.Restored(m, s.points.of(m.Point)); err != nil {
			bad++
		}
		return nil
	}
	earlier, err := s.earlier(ctx, keys, begun, from)
	if err != nil {
		return err
	}
	for i := range earlier {
		_ = take(&earlier[i]) // never fails
	}
	if err := s.opt.Store.Replay(ctx, from, 0, take); err != nil {
		return err
	}
	if bad > 0 {
		s.opt.Log.Error("restore: records that cannot be read", "records", bad)
	}
	now := s.opt.Now()
	for _, l := range s.lines {
		arrived := now
		if l == s.main {
			arrived = st.LastMessage.Std()
		}
		l.live.Resume(arrived)
	}
	s.rec.quiet = false
	gap := wire.Gap{Kind: wire.GapStopped, From: st.LastMessage, Until: wire.Time(now.UnixNano()), Where: "between the last message stored and the start"}
	for _, l := range s.lines {
		l.live.Sink().Gap(gap)
	}
	return nil
}

// warm returns how long the last messages were on their way that are read again, at the rate of all that is stored.
func warm(st store.Stats) time.Duration {
	span := st.LastMessage.Sub(st.Oldest)
	if st.Messages == 0 || st.Oldest == 0 || span <= 0 {
		return mostWarm
	}
	d := time.Duration(float64(span) * warmMessages / float64(st.Messages))
	return min(max(d, leastWarm), mostWarm)
}

// restoreOpen tells the recorder what was said of the open cases, and returns the keys of their messages and the
// beginning of the first of those that began before from.
func (s *Server) restoreOpen(ctx context.Context, from wire.Time) (keys []uint64, begun wire.Time, err error) {
	err = s.each(ctx, store.Search{Open: true}, func(c *record.Case) {
		r := &revision{number: c.Revision}
		for i := range c.Counted {
			r.cells = s.rec.tally.count(r.cells, &c.Counted[i])
		}
		s.rec.open[caseKey{c.ID, c.Began}] = r
		if c.Began < from {
			keys = append(keys, c.Keys...)
			if begun == 0 || c.Began < begun {
				begun = c.Began
			}
		}
	})
	return keys, begun, err
}

// finalSince returns the cases that had ended for good by then, with messages since from: by ID, their end.
func (s *Server) finalSince(ctx context.Context, from wire.Time) (map[string]wire.Time, error) {
	passed := map[string]wire.Time{}
	err := s.each(ctx, store.Search{From: from.Add(-longCall)}, func(c *record.Case) {
		if c.Final && c.Ended >= from {
			passed[c.ID] = max(passed[c.ID], c.Ended)
		}
	})
	return passed, err
}

// longCall is how long before the messages that are read again the calls that they are of may have begun.
const longCall = 6 * time.Hour

func (s *Server) each(ctx context.Context, q store.Search, visit func(*record.Case)) error {
	q.Limit = openPage
	for {
		page, err := s.opt.Store.Search(ctx, q)
		if err != nil {
			return err
		}
		for i := range page.Cases {
			visit(&page.Cases[i])
		}
		if q.After = page.Next; q.After == "" {
			return nil
		}
	}
}

// earlier returns the messages under the keys before until, in order of time.
func (s *Server) earlier(ctx context.Context, keys []uint64, begun, until wire.Time) (all []record.Message, err error) {
	slices.Sort(keys)
	keys = slices.Compact(keys)
	bytes := 0
	for some := range slices.Chunk(keys, keysAtOnce) {
		list, err := s.opt.Store.Messages(ctx, some, begun, until-1)
		if err != nil {
			return nil, err
		}
		for i := range list {
			if bytes += len(list[i].Data); bytes > maxRestored {
				s.opt.Log.Error("restore: more messages of open calls than fit; what those calls were is not known any more", "bytes", maxRestored)
				break
			}
			all = append(all, list[i])
		}
	}
	slices.SortStableFunc(all, func(a, b record.Message) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), a.Ref.Compare(b.Ref))
	})
	return all, nil
}

// lineOf returns the timeline that a point's messages belong to: that of its folder, or the live one.
func (s *Server) lineOf(point string) *timeline {
	for _, l := range s.lines[1:] {
		if strings.HasPrefix(point, l.name) {
			return l
		}
	}
	return s.main
}
