package serve

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"sipcause/internal/kpi"
	"sipcause/internal/record"
	"sipcause/internal/route"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// maxSeriesGaps bounds the gaps that the quality of a series is judged by.
const maxSeriesGaps = 10000

// Series evaluates measures over time (view.Observer).
func (s *Server) Series(ctx context.Context, q view.SeriesQuery) ([]view.Series, error) {
	gaps, err := s.opt.Store.Gaps(ctx, q.From, q.Until, maxSeriesGaps)
	if err != nil {
		return nil, err
	}
	list, err := kpi.Series(q, s.rollup(ctx), gaps)
	if err != nil {
		return nil, err
	}
	s.expect(&q, list)
	s.unknown(&q, list)
	notes, err := s.Annotations(ctx, q.From, q.Until)
	if err != nil || len(notes) == 0 {
		return list, err
	}
	for i := range list {
		l := &list[i]
		for k := range l.Points {
			until := q.Until
			if k+1 < len(l.Points) {
				until = l.Points[k+1].At
			}
			l.Points[k].Notes = about(notes, l.Route, l.Points[k].At, until)
		}
	}
	return list, nil
}

// unknown refuses the points of a time before the first start, and lowers the quality of those of which not all is
// written yet.
func (s *Server) unknown(q *view.SeriesQuery, list []view.Series) {
	_, since, _ := s.rec.waiting()
	late := wire.Time(0)
	if !since.IsZero() && s.opt.Now().Sub(since) > lateAfter {
		late = wire.Time(since.UnixNano())
	}
	for i := range list {
		points := list[i].Points
		for k := range points {
			p, until := &points[k], q.Until
			if k+1 < len(points) {
				until = points[k+1].At
			}
			if until <= wire.Time(s.firstRun) && p.Population == 0 { // what was read of older captures counts
				p.Value, p.Refused = 0, "nothing was captured: the server did not run yet"
				p.Quality = view.Quality{Grade: kpi.Poor, Reasons: []string{"the server did not run yet"}}
			}
			if late != 0 && until > late {
				p.Quality.Grade = kpi.Poor
				p.Quality.Reasons = append(p.Quality.Reasons, "the store is in trouble: not all of it is written")
			}
		}
	}
}

// lateAfter is how long what was seen may wait for the store before series are not to be relied on.
const lateAfter = 10 * time.Second

// routeOf is the name of the route that is counted under a key.
func routeOf(key string) string {
	name, _ := route.SplitKey(key)
	return name
}

// concerns says whether a note of a route stands beside the series counted under key: one of all traffic ("") everywhere, one
// of a name beside both directions, one of a direction ("out:gw") beside this one.
func concerns(route, key string) bool { return route == "" || route == key || route == routeOf(key) }

// about returns the texts of the annotations that stand beside a route's series and touch an interval.
func about(notes []record.Annotation, route string, from, until wire.Time) (texts []string) {
	for _, a := range notes {
		if a.From < until && (a.Until > from || a.From >= from) && concerns(a.Route, route) {
			texts = append(texts, a.Kind+": "+a.Text)
		}
	}
	return texts
}

// routeMeasures are what the list of routes says of each.
var routeMeasures = []string{"call_rate", "asr", "ner", "pdd_p50", "pdd_p95"}

// Routes lists the routes (view.Observer).
func (s *Server) Routes(ctx context.Context, from, until wire.Time) ([]view.RouteState, error) {
	list, err := s.Series(ctx, view.SeriesQuery{Measures: routeMeasures, From: from, Until: until, By: "route"})
	if err != nil {
		return nil, err
	}
	var out []view.RouteState
	at := map[string]int{}
	for i := range list {
		l := &list[i]
		if len(l.Points) == 0 {
			continue
		}
		k, ok := at[l.Route]
		if !ok {
			k = len(out)
			at[l.Route] = k
			out = append(out, view.RouteState{Name: l.Route, Configured: s.configured[routeOf(l.Route)]})
		}
		p := &l.Points[0]
		out[k].KPIs = append(out[k].KPIs, view.KPI{Name: l.Measure, Value: p.Value, Unit: l.Unit, Population: uint64(max(p.Population, 0)), Ref: l.Ref, Refused: p.Refused})
	}
	return out, nil
}

// How far maintenance windows of the configuration are told where nobody says until when, and how far back at most.
const (
	windowAhead = 7 * 24 * time.Hour
	windowBack  = 366 * 24 * time.Hour
)

// Annotations returns the notes beside the series: those of people, and the windows of the configuration
// (view.Observer).
func (s *Server) Annotations(ctx context.Context, from, until wire.Time) ([]record.Annotation, error) {
	list, err := s.opt.Store.Annotations(ctx, from, until)
	if err != nil {
		return nil, fmt.Errorf("read annotations: %w", err)
	}
	if s.opt.Maintenance == nil {
		return list, nil
	}
	// Of windows that come again every week there is no end, and no beginning.
	to := until
	if to == 0 {
		to = wire.Time(s.opt.Now().Add(windowAhead).UnixNano())
	}
	from = max(from, to.Add(-windowBack))
	windows := s.opt.Maintenance()
	for i := range windows {
		w := &windows[i]
		for _, span := range w.Spans(from.Std(), to.Std()) {
			list = append(list, record.Annotation{
				From: wire.Time(span.From.UnixNano()), Until: wire.Time(span.Until.UnixNano()), Kind: "maintenance", Route: w.Route, Text: w.Name,
			})
		}
	}
	slices.SortStableFunc(list, func(a, b record.Annotation) int { return cmp.Compare(a.From, b.From) })
	return list, nil
}
