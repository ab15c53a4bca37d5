package serve

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"sipcause/internal/call"
	"sipcause/internal/correlate"
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

	maxGapsRestored = 4096
)

// restore brings the engines back to where they were when the store was last written to: messages of what was open, and
// of the last minutes, are read again, with the gaps of that time; cases that were final then are passed over. What was lost
// meanwhile is a gap.
func (s *Server) restore(ctx context.Context, st store.Stats) error {
	if st.LastMessage == 0 {
		return nil
	}
	from := st.LastMessage.Add(-min(warm(st), s.mostWarm))
	from -= from % wire.Time(time.Minute) // the history of a peer is kept by the minute: half of one would be a quiet one
	since, begun, err := s.restoreOpen(ctx, from)
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
	gaps, err := s.opt.Store.Gaps(ctx, begun, st.LastMessage, maxGapsRestored)
	if err != nil {
		return err
	}
	for i := range gaps {
		for _, l := range s.lines {
			l.live.RestoredGap(gaps[i].Gap)
		}
	}
	earlier, err := s.earlier(ctx, since, begun, from)
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

// restoreOpen tells the recorder what was said of the open cases, and returns the keys of the messages of those that began
// before from, each with the beginning of the first that has it, and the first beginning of all, from if there is none.
func (s *Server) restoreOpen(ctx context.Context, from wire.Time) (since map[uint64]wire.Time, begun wire.Time, err error) {
	since, begun = map[uint64]wire.Time{}, from
	err = s.each(ctx, store.Search{Open: true}, func(c *record.Case) {
		r := &revision{number: c.Revision, restored: true}
		for i := range c.Counted {
			r.cells = s.rec.tally.count(r.cells, &c.Counted[i])
		}
		s.rec.open[caseKey{c.ID, c.Began}] = r
		if c.Began >= from {
			return
		}
		begun = min(begun, c.Began)
		for _, k := range c.Keys {
			if at, ok := since[k]; !ok || c.Began < at {
				since[k] = c.Began
			}
		}
	})
	return since, begun, err
}

// finals are cases that ended for good, in order of key.
type finals []final

type final struct {
	key          uint64
	began, ended wire.Time
}

// finalKey is what a case is found by in finals, whichever of its legs is looked at: a device has one Call-ID for the
// registrations of all its accounts (RFC 3261 §10.2).
func finalKey(kind call.Kind, callID, to string) uint64 {
	k := (correlate.KeyOfCallID([]byte(callID)) ^ uint64(kind)) * 0x9e3779b97f4a7c15
	if kind == call.KindRegistration {
		k ^= xxhash.Sum64String(to)
	}
	return k
}

// has says whether c is one of them, or what is left of one whose first messages were not read again.
func (f finals) has(c *call.Call) bool {
	if len(f) == 0 {
		return false
	}
	for _, l := range c.Legs {
		key := finalKey(c.Kind, l.CallID, c.To)
		i, _ := slices.BinarySearchFunc(f, key, func(x final, key uint64) int { return cmp.Compare(x.key, key) })
		for ; i < len(f) && f[i].key == key; i++ {
			if f[i].began <= c.Began && c.Began <= f[i].ended {
				return true
			}
		}
	}
	return false
}

// finalSince returns the cases that had ended for good by then, with messages since from.
func (s *Server) finalSince(ctx context.Context, from wire.Time) (list finals, err error) {
	err = s.each(ctx, store.Search{From: from.Add(-longCall)}, func(c *record.Case) {
		if !c.Final || c.Ended < from {
			return
		}
		for _, id := range c.CallIDs {
			list = append(list, final{finalKey(c.Kind, id, c.To), c.Began, c.Ended})
		}
	})
	slices.SortFunc(list, func(a, b final) int { return cmp.Compare(a.key, b.key) })
	return list, err
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

// earlier returns the messages under the keys, each since its time and before until, in order of time.
func (s *Server) earlier(ctx context.Context, since map[uint64]wire.Time, begun, until wire.Time) (all []record.Message, err error) {
	bytes := 0
	for some := range slices.Chunk(slices.Sorted(maps.Keys(since)), keysAtOnce) {
		list, err := s.opt.Store.Messages(ctx, some, begun, until-1)
		if err != nil {
			return nil, err
		}
		for i := range list {
			if list[i].Time < since[list[i].Key] {
				continue
			}
			if bytes += len(list[i].Data); bytes > s.maxRestored {
				s.opt.Log.Error("restore: more messages of open calls than fit; what those calls were is not known any more", "bytes", s.maxRestored)
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

// orphansAfter is how long after the start every call that goes on has been looked at.
const orphansAfter = time.Minute

// endOrphans ends, a while after the start, the cases that are open in the store and of which the engine knows nothing:
// their messages are gone, or were more than could be read again.
func (s *Server) endOrphans(ctx context.Context) {
	pause(ctx, orphansAfter)
	var list []record.Case
	err := s.each(ctx, store.Search{Open: true}, func(c *record.Case) {
		if s.rec.orphan(c) {
			list = append(list, *c)
		}
	})
	if err != nil {
		if ctx.Err() == nil {
			s.opt.Log.Error("look for calls that nothing is known of any more", "problem", err.Error())
		}
		return
	}
	for i := range list {
		s.rec.end(&list[i])
	}
	if len(list) > 0 {
		s.opt.Log.Warn("calls were open in the store and their messages are gone: they are over as they are", "calls", len(list))
	}
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
