package serve

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sipcause/internal/finding"
	"sipcause/internal/kpi"
	"sipcause/internal/query"
	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// What is normal is learnt minute by minute, a little after the minute, when it is stored; it is kept under baselineDoc.
const (
	baselineDoc   = "kpi.baselines"
	minuteSlack   = 5 * time.Second
	keepBaselines = 5 * time.Minute
	exampleCalls  = 5
	maxCatchUp    = 60 // minutes that are learnt at once when the clock went on without us
)

// normal is what is known of what is normal, and what is not normal now.
type normal struct {
	mu        sync.Mutex
	baselines kpi.Baselines
	minute    int64 // the last that was learnt
	kept      time.Time
	off       map[kpi.Key]*episode
}

// episode is a series that is off.
type episode struct {
	finding finding.Finding
	note    record.Annotation // kept beside the series; ID 0: not yet
	seen    int64             // the last minute in which it was off
}

// learn follows the measures until ctx ends.
func (s *Server) learn(ctx context.Context) {
	doc, err := s.opt.Store.Get(ctx, baselineDoc)
	if err == nil {
		s.normal.mu.Lock() // the API answers already
		err = s.normal.baselines.Unmarshal(doc)
		s.normal.mu.Unlock()
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		s.opt.Log.Error("what is normal is learnt anew", "problem", err.Error())
	}
	for ctx.Err() == nil {
		now := s.opt.Now()
		pause(ctx, now.Truncate(time.Minute).Add(time.Minute+minuteSlack).Sub(now))
		if ctx.Err() != nil {
			break
		}
		s.minutes(ctx, s.opt.Now().Unix()/60)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	s.keepNormal(last)
}

// minutes learns what ended before minute now. One in which nothing was captured teaches nothing.
func (s *Server) minutes(ctx context.Context, now int64) {
	n := &s.normal
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.minute == 0 || now-n.minute > maxCatchUp {
		n.minute = now - 1
	}
	for n.minute < now {
		n.minute++
		from := wire.Time(n.minute-1) * wire.Time(time.Minute)
		gaps, err := s.opt.Store.Gaps(ctx, from, from.Add(time.Minute), maxSeriesGaps)
		if err == nil && !stopped(gaps) {
			err = s.follow(ctx, n.minute)
		}
		if err != nil {
			if ctx.Err() == nil {
				s.opt.Log.Error("learn what is normal", "problem", err.Error())
			}
			return
		}
	}
	if now := s.opt.Now(); now.Sub(n.kept) >= keepBaselines {
		n.kept = now
		s.putNormal(ctx)
	}
}

func stopped(gaps []record.Gap) bool {
	for i := range gaps {
		if gaps[i].Kind == wire.GapStopped {
			return true
		}
	}
	return false
}

// follow takes one minute. normal.mu is held.
func (s *Server) follow(ctx context.Context, minute int64) error {
	n := &s.normal
	alarms, err := kpi.Follow(&n.baselines, minute, s.rollup(ctx))
	if err != nil {
		return err
	}
	for i := range alarms {
		a := &alarms[i]
		if err := s.explain(ctx, a, n.episode(a.Key, minute)); err != nil {
			return err
		}
	}
	if err := s.degraded(ctx, minute); err != nil {
		return err
	}
	for k, e := range n.off {
		if e.seen < minute {
			s.opt.Log.Info("back to normal", "finding", e.finding.ID, "series", k.Measure, "route", k.Route, "label", k.Label)
			delete(n.off, k)
		}
	}
	return nil
}

// explain says what is off, what carries it, and keeps that beside the series.
func (s *Server) explain(ctx context.Context, a *kpi.Alarm, e *episode) error {
	change, parts, err := kpi.Split(a, s.rollup(ctx))
	if err != nil {
		return err
	}
	from := wire.Time(a.Judgement.Since) * wire.Time(time.Minute)
	until := wire.Time(a.Minute+1) * wire.Time(time.Minute)
	examples, err := s.examples(ctx, a.Key.Route, from, until)
	if err != nil {
		return err
	}
	return s.tell(ctx, e, a.Watch.Report(a.Key, &a.Judgement, kpi.Explain(change, parts), examples, nil), from, until)
}

// siblingWindow is over how long routes out are compared with each other.
const siblingWindow = 15 * time.Minute

// degraded finds routes that fail far more often than the others. normal.mu is held.
func (s *Server) degraded(ctx context.Context, minute int64) error {
	until := wire.Time(minute) * wire.Time(time.Minute)
	from := until.Add(-siblingWindow)
	list, err := kpi.Degradations(s.rollup(ctx), from, until)
	if err != nil {
		return err
	}
	for i := range list {
		d := &list[i]
		e := s.normal.episode(kpi.Key{Measure: "kpi.route-degraded", Route: d.Route}, minute)
		since := d.From
		if e.note.ID != 0 {
			since = min(since, int64(e.note.From/wire.Time(time.Minute)))
		}
		from, until := wire.Time(since)*wire.Time(time.Minute), wire.Time(d.Until)*wire.Time(time.Minute)
		examples, err := s.examples(ctx, d.Route, from, until)
		if err != nil {
			return err
		}
		if err := s.tell(ctx, e, d.Report(since, examples, nil), from, until); err != nil {
			return err
		}
	}
	return nil
}

// episode returns the episode of a series that is off in a minute.
func (n *normal) episode(k kpi.Key, minute int64) *episode {
	e := n.off[k]
	if e == nil {
		e = &episode{}
		if n.off == nil {
			n.off = map[kpi.Key]*episode{}
		}
		n.off[k] = e
	}
	e.seen = minute
	return e
}

// tell says what is off from from until until, and keeps that beside the series.
func (s *Server) tell(ctx context.Context, e *episode, f finding.Finding, from, until wire.Time) error {
	e.finding = f
	notes, err := s.Annotations(ctx, from, until)
	if err != nil {
		return err
	}
	for _, m := range notes {
		if m.Kind == "maintenance" && concerns(m.Route, f.Subject) {
			e.finding.Severity = finding.Info
			e.finding.Summary = fmt.Sprintf("During maintenance (%s): %s", m.Text, e.finding.Summary)
			break
		}
	}
	if e.note.ID == 0 {
		e.note.From = from
		s.opt.Log.Warn("not normal", "finding", e.finding.ID, "summary", e.finding.Summary)
	}
	e.note = record.Annotation{ID: e.note.ID, From: min(from, e.note.From), Until: until, Kind: string(e.finding.ID), Route: f.Subject, Text: e.finding.Summary}
	e.note.ID, err = s.opt.Store.Annotate(ctx, e.note)
	return err
}

// examples returns the IDs of calls that show what is off on a route ("": anywhere): the newest with a finding.
func (s *Server) examples(ctx context.Context, route string, from, until wire.Time) (ids []string, err error) {
	q := store.Search{From: from, Until: until, Limit: exampleCalls}
	filter := "severity >= warning"
	if route != "" {
		filter += fmt.Sprintf(" and route = %q", route)
	}
	where, unaskable := query.Parse(filter)
	if unaskable != nil {
		return nil, nil //nolint:nilerr // a name that cannot be asked for has no examples
	}
	q.Where = where
	page, err := s.opt.Store.Search(ctx, q)
	if err != nil {
		return nil, err
	}
	for i := range page.Cases {
		ids = append(ids, page.Cases[i].ID)
	}
	return ids, nil
}

// rollup asks the store.
func (s *Server) rollup(ctx context.Context) kpi.Rollup {
	return func(q store.Rollup, visit func(*record.Cell) error) error { return s.opt.Store.Rollup(ctx, q, visit) }
}

// keepNormal keeps what is normal for the next start.
func (s *Server) keepNormal(ctx context.Context) {
	s.normal.mu.Lock()
	defer s.normal.mu.Unlock()
	s.putNormal(ctx)
}

func (s *Server) putNormal(ctx context.Context) {
	if s.normal.baselines.Len() == 0 {
		return
	}
	if err := s.opt.Store.Put(ctx, baselineDoc, s.normal.baselines.Marshal()); err != nil {
		s.opt.Log.Error("keep what is normal", "problem", err.Error())
	}
}

// expect adds to series what is normal.
func (s *Server) expect(q *view.SeriesQuery, list []view.Series) {
	s.normal.mu.Lock()
	defer s.normal.mu.Unlock()
	kpi.Expect(&s.normal.baselines, list, q.Step, s.normal.minute)
}

// offNow returns what is not normal now.
func (s *Server) offNow() (list []finding.Finding) {
	s.normal.mu.Lock()
	defer s.normal.mu.Unlock()
	for _, e := range s.normal.off {
		list = append(list, e.finding)
	}
	return list
}
