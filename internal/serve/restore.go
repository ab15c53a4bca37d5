package serve

import (
	"cmp"
	"context"
	"errors"
	"slices"
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
	casesAtOnce  = 1024

	maxGapsRestored = 4096
)

// restore brings the engines back to where they were when the store was last written to: messages of what was open, and
// of the last minutes, are read again, with the gaps of that time; cases that were final then are passed over. What was lost
// meanwhile is a gap.
func (s *Server) restore(ctx context.Context, st store.Stats) error {
	if st.LastMessage == 0 {
		return nil
	}
	st.LastMessage = min(st.LastMessage, wire.Time(s.opt.Now().UnixNano())) // a file may be of a clock that is ahead
	from := st.LastMessage.Add(-min(warm(st, s.policy().Messages), s.mostWarm))
	from -= from % wire.Time(time.Minute) // the history of a peer is kept by the minute: half of one would be a quiet one
	open, begun, err := s.restoreOpen(ctx, from)
	if err != nil {
		return err
	}
	if s.rec.passed, err = s.finalSince(ctx, from); err != nil {
		return err
	}
	s.rec.quiet = true
	bad := 0
	var unknown map[uint64]bool // keys of what does not fit
	take := func(m *record.Message) error {
		if unknown[m.Key] {
			return nil
		}
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
			if l == s.main || gaps[i].Kind != wire.GapStopped {
				l.live.RestoredGap(gaps[i].Gap)
			}
		}
	}
	for _, l := range s.lines {
		l.live.RestoredFrom(from)
	}
	earlier, unknown, err := s.earlier(ctx, open, begun, from)
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
	return s.resume(ctx, st)
}

// resume ends the restoring: the hole is told, and time goes on.
func (s *Server) resume(ctx context.Context, st store.Stats) error {
	now := s.opt.Now()
	unwritten, err := s.tellStopped(ctx, st, now)
	if err != nil {
		return err
	}
	for _, l := range s.lines {
		arrived := now
		if l == s.main {
			arrived = st.LastMessage.Std()
		}
		l.live.Resume(arrived)
	}
	s.rec.quiet = false
	for _, g := range unwritten {
		s.main.live.Sink().Gap(g)
	}
	return nil
}

// tellStopped notes that the server did not run. That is stored at once: after a second crash nobody would know it. What
// finds no room is returned.
func (s *Server) tellStopped(ctx context.Context, st store.Stats, now time.Time) (unwritten []wire.Gap, err error) {
	gap := record.Gap{Gap: wire.Gap{Kind: wire.GapStopped, From: s.lastAlive(ctx, st), Until: wire.Time(now.UnixNano()), Where: "from the end of what is known to be stored to the start"}}
	if !s.hears() || gap.From >= gap.Until { // of a folder nothing is missed
		return nil, nil
	}
	s.rec.seq++
	err = s.opt.Store.Write(ctx, &store.Batch{Seq: s.rec.seq, At: gap.Until, Gaps: []record.Gap{gap}})
	if errors.Is(err, store.ErrFull) {
		return []wire.Gap{gap.Gap}, nil
	}
	if err != nil {
		return nil, err
	}
	s.main.live.RestoredGap(gap.Gap)
	if s.opt.Missed != nil {
		s.opt.Missed(&gap)
	}
	return nil, nil
}

// hears says whether there is a source that misses what comes while the server does not run.
func (s *Server) hears() bool {
	return slices.ContainsFunc(s.sources, func(src *source) bool { return src.line == s.main })
}

// warm returns how long the last messages were on their way that are read again, at the rate of all that is stored;
// messages are kept for so long.
func warm(st store.Stats, kept time.Duration) time.Duration {
	span := st.LastMessage.Sub(st.Oldest)
	if kept > 0 {
		span = min(span, kept) // cases are kept longer
	}
	if st.Messages == 0 || st.Oldest == 0 || span <= 0 {
		return mostWarm
	}
	d := time.Duration(float64(span) * warmMessages / float64(st.Messages))
	return min(max(d, leastWarm), mostWarm)
}

// openCase is an open case that began before what is read again in any case.
type openCase struct {
	began wire.Time
	keys  []uint64
}

// restoreOpen tells the recorder what was said of the open cases, and returns those that began before from, newest first,
// and the first beginning of all, from if there is none.
func (s *Server) restoreOpen(ctx context.Context, from wire.Time) (open []openCase, begun wire.Time, err error) {
	begun = from
	err = s.each(ctx, store.Search{Open: true}, func(c *record.Case) {
		s.rec.mu.Lock() // the API answers already
		defer s.rec.mu.Unlock()
		r := &revision{number: c.Revision, restored: true}
		for i := range c.Counted {
			r.cells = s.rec.tally.count(r.cells, &c.Counted[i])
		}
		s.rec.open[caseKey{c.ID, c.Began}] = r
		if c.Began < from {
			begun = min(begun, c.Began)
			open = append(open, openCase{c.Began, c.Keys})
		}
	})
	return open, begun, err
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

// earlier returns the messages of the open cases before until, in order of time: those of each case from its beginning, or
// none where they do not fit any more; the keys of those are returned as well. Half a call would be judged by its half.
func (s *Server) earlier(ctx context.Context, open []openCase, begun, until wire.Time) (all []record.Message, unknown map[uint64]bool, err error) {
	bytes, known := 0, map[uint64]bool{}
	unknown = map[uint64]bool{}
	for some := range slices.Chunk(open, casesAtOnce) {
		var keys []uint64
		for i := range some {
			keys = append(keys, some[i].keys...)
		}
		slices.Sort(keys)
		list, err := s.opt.Store.Messages(ctx, slices.Compact(keys), begun, until-1)
		if err != nil {
			return nil, nil, err
		}
		size, since := map[uint64]int{}, map[uint64]wire.Time{}
		for i := range list {
			size[list[i].Key] += len(list[i].Data)
		}
		for i := range some {
			need := 0
			for _, k := range some[i].keys {
				need += size[k]
			}
			fits := bytes+need <= s.maxRestored
			if fits {
				bytes += need
			}
			for _, k := range some[i].keys {
				switch at, ok := since[k]; {
				case !fits && !known[k]:
					unknown[k] = true
				case fits && (!ok || some[i].began < at):
					since[k], known[k] = some[i].began, true
					delete(unknown, k)
				}
			}
		}
		for i := range list {
			if at, ok := since[list[i].Key]; ok && list[i].Time >= at {
				all = append(all, list[i])
			}
		}
	}
	if len(unknown) > 0 {
		s.opt.Log.Error("restore: more messages of open calls than fit; what some of those calls were is not known any more", "bytes", s.maxRestored)
	}
	slices.SortStableFunc(all, func(a, b record.Message) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), a.Ref.Compare(b.Ref))
	})
	return all, unknown, nil
}

// orphansAfter is how long after the start every call that goes on has been looked at.
const orphansAfter = time.Minute

// endOrphans ends, a while after the start, the cases that are open in the store and of which the engine knows nothing:
// their messages are gone, or were more than could be read again.
func (s *Server) endOrphans(ctx context.Context) {
	pause(ctx, s.orphansAfter)
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
		if point == l.name {
			return l
		}
	}
	return s.main
}
