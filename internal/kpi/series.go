package kpi

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"sipcause/internal/histogram"
	"sipcause/internal/record"
	"sipcause/internal/route"
	"sipcause/internal/store"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// maxPoints bounds what one call of Series returns.
const maxPoints = 400_000

// QueryError says why a query cannot be answered as it is, and what could be.
type QueryError struct{ text string }

func (e *QueryError) Error() string { return e.text }

func refuse(format string, args ...any) error { return &QueryError{fmt.Sprintf(format, args...)} }

// Rollup hands on sums of cells as store.Store.Rollup does.
type Rollup func(q store.Rollup, visit func(*record.Cell) error) error

// Series evaluates measures over time. Steps are whole minutes and begin at multiples of the step since the epoch, the
// first at or before From. Where routes are asked for, each direction of a route has its series, named as route.InKey
// and route.OutKey do; so have labels where asked for and the measure has them. gaps are those of the interval.
func Series(q view.SeriesQuery, rollup Rollup, gaps []record.Gap) ([]view.Series, error) {
	w, err := windowOf(q)
	if err != nil {
		return nil, err
	}
	grades, err := w.grades(rollup, gaps)
	if err != nil {
		return nil, err
	}
	var out []view.Series
	points := 0
	for _, name := range q.Measures {
		m, ok := MeasureOf(name)
		if !ok {
			return nil, refuse("measure %q: not known", name)
		}
		list, err := w.measure(m, rollup)
		if err != nil {
			return nil, err
		}
		if points += len(list) * w.steps; points > maxPoints {
			return nil, refuse("more than %d points: ask for a shorter time, a longer step, or fewer routes", maxPoints)
		}
		for _, l := range list {
			out = append(out, l.series(m, &w, grades))
		}
	}
	return out, nil
}

// window is the steps of a query, in minutes.
type window struct {
	from, until, step int64
	steps             int
	byRoute, byLabel  bool
	routes            []string // keys; nil: all
}

func windowOf(q view.SeriesQuery) (window, error) {
	w := window{from: minuteOf(q.From), until: minuteOf(q.Until + minute - 1), step: int64(q.Step / time.Minute)}
	if q.Step < 0 || q.Step%time.Minute != 0 {
		return w, refuse("step %s: want whole minutes", q.Step)
	}
	if q.From <= 0 || q.Until <= q.From {
		return w, refuse("interval: want a beginning and a later end")
	}
	switch q.By {
	case "", "route", "label", "route,label":
		w.byRoute, w.byLabel = strings.Contains(q.By, "route"), strings.Contains(q.By, "label")
	default:
		return w, refuse("by %q: want route, label or route,label", q.By)
	}
	if q.Routes != nil {
		w.byRoute, w.routes = true, route.Keys(q.Routes)
	}
	if w.step == 0 {
		w.step = w.until - w.from
	} else {
		w.from -= w.from % w.step
	}
	n := (w.until - w.from + w.step - 1) / w.step
	if n > maxPoints {
		return w, refuse("%d steps: ask for a shorter time or a longer step", n)
	}
	w.steps = int(n)
	return w, nil
}

// at returns when step i begins.
func (w *window) at(i int) wire.Time { return wire.Time(w.from+int64(i)*w.step) * minute }

// rollup asks for cells, step minutes wide, of the window's routes.
func (w *window) rollup(rollup Rollup, from, until, step int64, ids []counter, byLabel bool, visit func(*record.Cell) error) error {
	q := store.Rollup{From: wire.Time(from) * minute, Until: wire.Time(until) * minute, Step: time.Duration(step) * time.Minute, ByLabel: byLabel}
	if w.steps == 1 && step == w.step {
		q.Step = 0
	}
	for _, id := range ids {
		if n := counters[id].Name; !slices.Contains(q.Counters, n) {
			q.Counters = append(q.Counters, n)
		}
	}
	if w.byRoute {
		q.Routes, q.ByRoute = w.routes, true
	}
	return rollup(q, visit)
}

// line is one series in the making.
type line struct {
	route, label string
	parts        []parts // by step
	total        []parts // of all labels, for shares; shared by the lines of a route
}

type lineKey struct{ route, label string }

// measure sums up what a measure is made of.
func (w *window) measure(m *Measure, rollup Rollup) ([]*line, error) {
	lines, totals := map[lineKey]*line{}, map[string][]parts{}
	labelled := m.LabelOf != nil && (w.byLabel || m.Always)
	totalOf := func(route string) []parts {
		if totals[route] == nil {
			totals[route] = w.parts()
		}
		return totals[route]
	}
	lineOf := func(c *record.Cell) *line {
		k := lineKey{route: c.Route}
		if labelled {
			k.label = m.LabelOf(c.Label)
		}
		l := lines[k]
		if l == nil {
			l = &line{route: k.route, label: k.label, parts: w.parts()}
			if m.Always {
				l.total = totalOf(c.Route)
			}
			lines[k] = l
		}
		return l
	}
	if !w.byRoute && !labelled {
		lineOf(&record.Cell{}) // there is a series of nothing, too
	}
	for _, key := range w.routes {
		if !labelled {
			lineOf(&record.Cell{Route: key})
		}
	}
	if err := w.bounded(len(lines)); err != nil {
		return nil, err
	}
	var err error
	if m.form == level {
		err = w.levels(m, rollup, lineOf)
	} else {
		err = w.rollup(rollup, w.from, w.until, w.step, slices.Concat(m.hits, m.in), labelled, func(c *record.Cell) error {
			i := int((c.Minute - w.from) / w.step)
			if w.steps == 1 {
				i = 0
			}
			if i < 0 || i >= w.steps {
				return nil
			}
			l := lineOf(c)
			l.parts[i].add(m, c)
			if m.Always {
				l.total[i].add(m, c)
			}
			return w.bounded(len(lines))
		})
	}
	if err != nil {
		return nil, err
	}
	out := make([]*line, 0, len(lines))
	for _, l := range lines {
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b *line) int { return cmp.Or(cmp.Compare(a.route, b.route), cmp.Compare(a.label, b.label)) })
	return out, nil
}

// bounded refuses more lines than maxPoints allows, before they are made.
func (w *window) bounded(lines int) error {
	if lines*w.steps > maxPoints {
		return refuse("more than %d points: ask for a shorter time, a longer step, or fewer routes", maxPoints)
	}
	return nil
}

func (w *window) parts() []parts {
	list := make([]parts, w.steps)
	for i := range list {
		list[i].seconds = float64(min(w.step, w.until-w.from-int64(i)*w.step)) * 60
	}
	return list
}

// add counts a cell for what the measure has it for.
func (p *parts) add(m *Measure, c *record.Cell) {
	id, ok := byName[c.Counter]
	if !ok {
		return
	}
	if slices.Contains(m.hits, id) {
		p.hits += c.N
	}
	if slices.Contains(m.in, id) {
		p.in += c.N
		if m.form == quantile {
			if p.times == nil {
				p.times = &histogram.Histogram{}
			}
			p.times.AddCount(c.Bucket, c.N)
		}
	}
}

// levels computes what was up at the end of each minute: what began before, as far back as it may last, less what ended.
func (w *window) levels(m *Measure, rollup Rollup, lineOf func(*record.Cell) *line) error {
	ids := slices.Concat(m.hits, m.in)
	now := map[*line]int64{}
	sign := func(c *record.Cell) int64 {
		if c.Counter == counters[m.in[0]].Name {
			return -c.N
		}
		return c.N
	}
	before := *w
	before.steps = 1
	back := int64(lasts(m) / minute)
	if err := before.rollup(rollup, w.from-back, w.from, before.step, ids, false, func(c *record.Cell) error {
		now[lineOf(c)] += sign(c)
		return nil
	}); err != nil {
		return err
	}
	changes := map[*line]map[int64]int64{}
	if err := w.minutes(rollup, ids, func(c *record.Cell) error {
		l := lineOf(c)
		if changes[l] == nil {
			changes[l] = map[int64]int64{}
		}
		changes[l][c.Minute] += sign(c)
		return w.bounded(len(changes))
	}); err != nil {
		return err
	}
	lines := map[*line]bool{lineOf(&record.Cell{}): !w.byRoute}
	for l := range now {
		lines[l] = true
	}
	for l := range changes {
		lines[l] = true
	}
	for l := range lines {
		w.climb(l, now[l], changes[l])
	}
	return nil
}

// minutes asks for cells minute by minute.
func (w *window) minutes(rollup Rollup, ids []counter, visit func(*record.Cell) error) error {
	q := *w
	q.step, q.steps = 1, 0
	return q.rollup(rollup, w.from, w.until, 1, ids, false, visit)
}

// climb sets the steps of a line: the greatest number at the end of one of its minutes.
func (w *window) climb(l *line, now int64, changes map[int64]int64) {
	for i := range l.parts {
		first := w.from + int64(i)*w.step
		for at := first; at < min(first+w.step, w.until); at++ {
			if now += changes[at]; at == first || now > l.parts[i].hits {
				l.parts[i].hits = now
			}
		}
	}
}

// lasts returns how long what a level counts may last.
func lasts(m *Measure) wire.Time {
	if m.hits[0] == bindingsUp {
		return longestBinding
	}
	return longestCall
}

// series makes the points of a line.
func (l *line) series(m *Measure, w *window, grades map[string][]grade) view.Series {
	s := view.Series{Measure: m.Name, Unit: m.Unit, Ref: m.Ref, Route: l.route, Label: l.label, Points: make([]view.Point, w.steps)}
	g := grades[l.route]
	if g == nil {
		g = grades[""]
	}
	for i := range s.Points {
		p := l.parts[i]
		if l.total != nil {
			p.in = l.total[i].in
		}
		k := m.evaluate(&p)
		s.Points[i] = view.Point{At: w.at(i), Value: k.Value, Population: int64(k.Population), Refused: k.Refused, Quality: g[i].Quality}
		if g[i].blind && p.in == 0 && p.hits == 0 {
			s.Points[i].Refused, s.Points[i].Value = "nothing was captured: "+strings.Join(g[i].Reasons, "; "), 0
		}
	}
	return s
}
