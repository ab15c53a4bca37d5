package kpi

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sipcause/internal/histogram"
	"sipcause/internal/record"
	"sipcause/internal/route"
)

// Alarm is a series that is off.
type Alarm struct {
	Key       Key
	Minute    int64 // of the sample
	Watch     *Watch
	Judgement Judgement
}

// Follow takes the samples of every watched series that a minute, now as wall clock or event time has it, makes complete,
// judges them and learns from them. It returns those that are off, in order of their keys; an alarm comes again each minute until
// it is over. Minutes must grow; a minute whose capture is not to be relied on is left out by not calling.
func Follow(b *Baselines, now int64, rollup Rollup) ([]Alarm, error) {
	f := follower{b: b, now: now, rollup: rollup}
	for i := range watches {
		w := &watches[i]
		m, ok := MeasureOf(w.Measure)
		if !ok {
			return nil, fmt.Errorf("measure %q: not known", w.Measure)
		}
		if err := f.watch(w, m); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(f.out, func(a, c Alarm) int { return a.Key.compare(c.Key) })
	return f.out, nil
}

// follower is one call of Follow.
type follower struct {
	b      *Baselines
	now    int64
	rollup Rollup
	out    []Alarm
}

// watch takes one minute of one measure.
func (f *follower) watch(w *Watch, m *Measure) error {
	at := f.now - w.Delay
	populations := map[string]int64{} // of shares of labels, by route
	for _, byRoute := range [...]bool{false, true} {
		if byRoute && !w.Routes {
			continue
		}
		win := window{from: at, until: at + 1, step: 1, steps: 1, byRoute: byRoute}
		lines, err := win.measure(m, f.rollup)
		if err != nil {
			return err
		}
		for _, l := range lines {
			p := l.parts[0]
			if l.total != nil {
				p.in = l.total[0].in
			}
			k := m.evaluate(&p)
			if k.Refused != "" {
				continue
			}
			if m.Always {
				populations[l.route] = int64(k.Population)
			}
			f.observe(w, m, Key{w.Measure, l.route, l.label}, Sample{at, k.Value, int64(k.Population)})
		}
	}
	for _, k := range f.b.absent(w.Measure, at) {
		if n, ok := populations[k.Route]; ok || m.form == total || m.form == rate {
			f.observe(w, m, k, Sample{Minute: at, Population: n})
		}
	}
	return nil
}

// busy is how many a route must have in a minute to be followed: its series is to say something before the hour is over.
const busy = 3

func (f *follower) observe(w *Watch, m *Measure, k Key, s Sample) {
	if k.Route != "" && s.Population < busy && f.b.Of(k) == nil {
		return
	}
	if m.Always && f.b.Of(k) == nil && f.b.known(w.Measure, k.Route) {
		f.b.never(k, s.Minute)
	}
	if j := f.b.Observe(k, s); w.Trouble(&j) {
		f.out = append(f.out, Alarm{k, s.Minute, w, j})
	}
}

// hourBefore is how long before a change its traffic is compared with, in minutes.
const hourBefore = 60

// Split returns what Explain needs of an alarm: the traffic of the hour before it began and since, by source, route, prefix,
// code, cause and maker, as far as the roll-ups tell them apart. Other dimensions (User-Agent) may be appended.
func Split(a *Alarm, rollup Rollup) (c Change, list []Part, err error) {
	m, ok := MeasureOf(a.Key.Measure)
	if !ok {
		return c, nil, fmt.Errorf("measure %q: not known", a.Key.Measure)
	}
	s := splitter{m: m, a: a, at: map[[2]string]int{}}
	if scaleOf(m.Name) == Number {
		s.change.Scale = Number
	} else {
		s.change.Scale = Share
	}
	since := a.Judgement.Since
	s.change.MinutesBefore, s.change.MinutesAfter = hourBefore, float64(a.Minute+1-since)
	for after, span := range [2][2]int64{{since - hourBefore, since}, {since, a.Minute + 1}} {
		s.after = after == 1
		if err := s.span(span[0], span[1], rollup); err != nil {
			return c, nil, err
		}
	}
	slices.SortStableFunc(s.list, func(a, b Part) int {
		return cmp.Or(cmp.Compare(a.Dimension, b.Dimension), cmp.Compare(a.Value, b.Value))
	})
	return s.change, s.list, nil
}

// splitter adds up the parts of one alarm.
type splitter struct {
	m      *Measure
	a      *Alarm
	after  bool
	change Change
	list   []Part
	at     map[[2]string]int
}

// results are the counters that say how calls ended, with the dimension that their labels are of.
var results = [...]struct {
	id        counter
	dimension string
	label     func(string) string
}{{codeFinal, "code", code}, {cause, "cause", same}, {codeMaker, "maker", same}}

func (s *splitter) span(from, until int64, rollup Rollup) error {
	win := window{from: from, until: until, step: until - from, steps: 1}
	own := win
	if s.a.Key.Route != "" {
		own.byRoute, own.routes = true, []string{s.a.Key.Route}
	}
	ids := slices.Concat(s.m.hits, s.m.in)
	visit := func(add func(route string, p Portion)) func(*record.Cell) error {
		return func(c *record.Cell) error {
			add(c.Route, s.portion(c))
			return nil
		}
	}
	if err := own.rollup(rollup, from, until, win.step, ids, true, visit(func(_ string, p Portion) { s.total().plus(p) })); err != nil {
		return err
	}
	if s.a.Key.Route == "" {
		routes := win
		routes.byRoute = true
		if err := routes.rollup(rollup, from, until, win.step, ids, true, visit(func(key string, p Portion) {
			if _, dir := route.SplitKey(key); dir == "in" {
				s.part("source", key).plus(p)
			} else {
				s.part("route", key).plus(p)
			}
		})); err != nil {
			return err
		}
		if err := s.prefixes(&win, rollup); err != nil {
			return err
		}
	}
	if s.m.form == quantile {
		return nil // how calls end does not say how slow they were
	}
	for _, r := range results {
		if err := own.rollup(rollup, from, until, win.step, []counter{r.id}, true, func(c *record.Cell) error {
			p := Portion{Of: c.N}
			if s.change.Scale == Number || s.m.LabelOf != nil && (s.a.Key.Label == r.label(c.Label) || strings.HasPrefix(c.Label, s.a.Key.Label+" ")) {
				p.Hits = c.N // a maker's label begins with its code
			}
			s.part(r.dimension, r.label(c.Label)).plus(p)
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// prefixes adds the destinations, of which calls and answers are counted.
func (s *splitter) prefixes(win *window, rollup Rollup) error {
	if s.m.hits == nil || s.m.hits[0] != callsAnswered && s.m.hits[0] != calls {
		return nil
	}
	return win.rollup(rollup, win.from, win.until, win.step, []counter{prefix, prefixAnswered}, true, func(c *record.Cell) error {
		p := s.part("prefix", c.Label)
		switch byName[c.Counter] {
		case prefix:
			p.plus(Portion{Of: c.N})
			if s.change.Scale == Number {
				p.plus(Portion{Hits: c.N})
			}
		case prefixAnswered:
			if s.change.Scale != Number {
				p.plus(Portion{Hits: c.N})
			}
		}
		return nil
	})
}

// portion returns what a cell is for the measure. Of a time, hits are those above the upper end of normal.
func (s *splitter) portion(c *record.Cell) (p Portion) {
	id := byName[c.Counter]
	if slices.Contains(s.m.in, id) {
		p.Of = c.N
		if s.m.form == quantile && c.Bucket > histogram.Bucket(s.a.Judgement.Band.Mid) {
			p.Hits = c.N
		}
	}
	if slices.Contains(s.m.hits, id) && (s.a.Key.Label == "" || s.m.LabelOf(c.Label) == s.a.Key.Label) {
		p.Hits = c.N
		if s.change.Scale == Number {
			p.Of = c.N
		}
	}
	return p
}

func (s *splitter) total() *Portion {
	if s.after {
		return &s.change.After
	}
	return &s.change.Before
}

func (s *splitter) part(dimension, value string) *Portion {
	k := [2]string{dimension, value}
	i, ok := s.at[k]
	if !ok {
		i = len(s.list)
		s.at[k] = i
		s.list = append(s.list, Part{Dimension: dimension, Value: value})
	}
	if s.after {
		return &s.list[i].After
	}
	return &s.list[i].Before
}

func (p *Portion) plus(o Portion) { p.Hits, p.Of = p.Hits+o.Hits, p.Of+o.Of }
