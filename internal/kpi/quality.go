package kpi

import (
	"fmt"
	"slices"
	"strings"

	"sipcause/internal/record"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// Grades of view.Quality.
const (
	Good = "good"
	Fair = "fair"
	Poor = "poor"
)

// From these shares on of cases seen in part or of time without a capture, a value is fair, or poor.
const (
	fairShare = 0.05
	poorShare = 0.20
)

// grade is the quality of one step; blind says that nothing can have been captured in it.
type grade struct {
	view.Quality
	blind bool
}

// lower lowers the grade for a reason.
func (g *grade) lower(to, reason string) {
	if g.Grade != Poor {
		g.Grade = to
	}
	g.Reasons = append(g.Reasons, reason)
}

// share lowers the grade when n of all is too much of it.
func (g *grade) share(n, all int64, what string) {
	if n <= 0 || all <= 0 {
		return
	}
	text := fmt.Sprintf("%s: %d of %d", what, n, all)
	switch s := float64(n) / float64(all); {
	case s >= poorShare:
		g.lower(Poor, text)
	case s >= fairShare:
		g.lower(Fair, text)
	}
}

// grades returns the quality of each step, for all traffic and for each route that it came by.
func (w *window) grades(rollup Rollup, gaps []record.Gap) (map[string][]grade, error) {
	sums := map[string][]parts{"": w.parts()} // hits: seen; in: half; all: one way
	visit := func(c *record.Cell) error {
		i := int((c.Minute - w.from) / w.step)
		if w.steps == 1 {
			i = 0
		}
		if i < 0 || i >= w.steps {
			return nil
		}
		if sums[c.Route] == nil {
			if err := w.bounded(len(sums)); err != nil {
				return err
			}
			sums[c.Route] = w.parts()
		}
		switch p := &sums[c.Route][i]; byName[c.Counter] {
		case seen:
			p.hits += c.N
		case seenHalf:
			p.in += c.N
		case seenOneWay:
			p.all += c.N
		}
		return nil
	}
	ids := []counter{seen, seenHalf, seenOneWay}
	all := *w
	all.byRoute, all.routes = false, nil
	if err := all.rollup(rollup, w.from, w.until, w.step, ids, false, visit); err != nil {
		return nil, err
	}
	if w.byRoute {
		if err := w.rollup(rollup, w.from, w.until, w.step, ids, false, visit); err != nil {
			return nil, err
		}
	}
	lost := w.lost(gaps)
	out := map[string][]grade{}
	for key, list := range sums {
		out[key] = make([]grade, w.steps)
		for i := range list {
			out[key][i] = gradeOf(&list[i], &lost[i])
		}
	}
	return out, nil
}

// loss is what is missing in one step.
type loss struct {
	packets uint64
	length  wire.Time // of the step
	absent  wire.Time // time in which nothing was captured at all
	why     []string
	places  []string
}

// lost spreads the gaps over the steps that they touch.
func (w *window) lost(gaps []record.Gap) []loss {
	list := make([]loss, w.steps)
	for i := range list {
		from := w.at(i)
		until := min(from+wire.Time(w.step)*minute, wire.Time(w.until)*minute)
		list[i].length = until - from
	}
	for i := range gaps {
		g := &gaps[i]
		if g.Until < w.at(0) || g.From >= wire.Time(w.until)*minute || g.Kind == wire.GapExpired {
			continue
		}
		first := max(0, int((minuteOf(g.From)-w.from)/w.step))
		last := min(w.steps-1, int((minuteOf(g.Until)-w.from)/w.step))
		for k := first; k <= last; k++ {
			l := &list[k]
			if g.Kind == wire.GapStopped {
				from, until := max(g.From, w.at(k)), min(g.Until, w.at(k)+l.length)
				l.absent += max(until-from, 0)
			} else {
				l.packets += max(g.Lost/uint64(last-first+1), 1)
			}
			if name := g.Kind.String(); len(l.why) < 4 && !slices.Contains(l.why, name) {
				l.why = append(l.why, name)
			}
			if g.PointName != "" && len(l.places) < 4 && !slices.Contains(l.places, g.PointName) {
				l.places = append(l.places, g.PointName)
			}
		}
	}
	return list
}

// gradeOf grades one step. p.hits are cases seen, p.in those in part, p.all those in one direction.
func gradeOf(p *parts, l *loss) grade {
	g := grade{Quality: view.Quality{Grade: Good}}
	where := ""
	if len(l.places) > 0 {
		where = " at " + strings.Join(l.places, ", ")
	}
	if l.absent > 0 {
		share := float64(l.absent) / float64(l.length)
		to := Fair
		if share >= poorShare {
			to = Poor
		}
		g.lower(to, fmt.Sprintf("the server did not run for %.0f %% of the time", 100*share))
		g.blind = l.absent >= l.length
	}
	if l.packets > 0 {
		to := Fair
		if p.hits > 0 && float64(l.packets) >= poorShare*float64(p.hits) {
			to = Poor
		}
		g.lower(to, fmt.Sprintf("%d packets or more missing (%s)%s", l.packets, strings.Join(l.why, ", "), where))
	}
	g.share(p.in, p.hits, "seen in part")
	g.share(p.all, p.hits, "one direction only")
	return g
}
