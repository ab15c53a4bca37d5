package kpi

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"sipcause/internal/finding"
	"sipcause/internal/record"
	"sipcause/internal/route"
	"sipcause/internal/wire"
)

// Sibling is what one of several routes out did with the same traffic: Hits are failures that are neither the callee's nor
// the caller's doing.
type Sibling struct {
	Route string
	Portion
	Minutes []Portion // the same by minute, oldest first
}

// Bounds from which on a route is worse than its siblings.
const (
	leastAttempts = 50
	leastExcess   = 0.10
)

// Siblings returns what Degraded compares: the attempts of each route out from from until until, and those that failed
// other than by the callee's or the caller's doing.
func Siblings(rollup Rollup, from, until wire.Time) (list []Sibling, err error) {
	w := window{from: minuteOf(from), until: minuteOf(until), step: 1, byRoute: true}
	w.steps = int(w.until - w.from)
	at := map[string]int{}
	err = w.rollup(rollup, w.from, w.until, 1, []counter{callsEnded, callsEffective}, false, func(c *record.Cell) error {
		minute := int(c.Minute - w.from)
		if !strings.HasPrefix(c.Route, route.OutKey("")) || minute < 0 || minute >= w.steps {
			return nil
		}
		i, ok := at[c.Route]
		if !ok {
			i = len(list)
			at[c.Route] = i
			list = append(list, Sibling{Route: c.Route, Minutes: make([]Portion, w.steps)})
		}
		p := Portion{Hits: -c.N}
		if byName[c.Counter] == callsEnded {
			p = Portion{Hits: c.N, Of: c.N}
		}
		list[i].plus(p)
		list[i].Minutes[minute].plus(p)
		return nil
	})
	return list, err
}

// Degraded returns the routes that fail far more often than their siblings together, the worst first. The siblings must
// carry the same kind of traffic: who calls sees to that by prefix.
func Degraded(list []Sibling) []Sibling {
	var hits, of int64
	for i := range list {
		hits, of = hits+list[i].Hits, of+list[i].Of
	}
	var out []Sibling
	excess := func(s *Sibling) float64 {
		return per(s.Hits, float64(s.Of)) - per(hits-s.Hits, float64(of-s.Of))
	}
	for i := range list {
		s := &list[i]
		rest := of - s.Of
		if s.Of < leastAttempts || rest < leastAttempts {
			continue
		}
		p := float64(hits) / float64(of)
		sigma := math.Sqrt(p * (1 - p) * (1/float64(s.Of) + 1/float64(rest)))
		if e := excess(s); sigma > 0 && e >= leastExcess && e/sigma >= offZ {
			out = append(out, *s)
		}
	}
	slices.SortStableFunc(out, func(a, b Sibling) int { return cmp.Compare(excess(&b), excess(&a)) })
	return out
}

// Degradation is when and by what a route is worse than its siblings.
type Degradation struct {
	Route       string
	From, Until int64     // the bad minutes, the last one excluded
	Own, Rest   Portion   // of these minutes: its attempts, and those by the others
	Carriers    []Carrier // codes and causes that it has more of; Before: the others'
}

// Degradations returns the routes that are worse than their siblings at the end of an interval. One that did well in the
// last minutes with attempts is none any more.
func Degradations(rollup Rollup, from, until wire.Time) (out []Degradation, err error) {
	list, err := Siblings(rollup, from, until)
	if err != nil {
		return nil, err
	}
	for _, s := range Degraded(list) {
		first, last := s.badMinutes(restOf(list, s.Route, 0, len(s.Minutes)))
		calm := 0
		for _, p := range s.Minutes[last+1:] {
			if p.Of > 0 {
				calm++
			}
		}
		if calm >= inARow {
			continue
		}
		d := Degradation{Route: s.Route, From: minuteOf(from) + int64(first), Until: minuteOf(from) + int64(last) + 1, Rest: restOf(list, s.Route, first, last+1)}
		for _, p := range s.Minutes[first : last+1] {
			d.Own.plus(p)
		}
		if err := d.explain(rollup); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// restOf returns what the other routes did in some of the minutes.
func restOf(list []Sibling, route string, first, end int) (rest Portion) {
	for i := range list {
		if list[i].Route == route {
			continue
		}
		for _, p := range list[i].Minutes[first:end] {
			rest.plus(p)
		}
	}
	return rest
}

// badMinutes returns the first and the last of the minutes in a row that have the most failures above what lies half way
// between the route and the others.
func (s *Sibling) badMinutes(rest Portion) (first, last int) {
	usual := (per(s.Hits, float64(s.Of)) + per(rest.Hits, float64(rest.Of))) / 2
	best, sum, begin := 0.0, 0.0, 0
	for i, p := range s.Minutes {
		if sum <= 0 {
			sum, begin = 0, i
		}
		if sum += float64(p.Hits) - usual*float64(p.Of); sum > best {
			best, first, last = sum, begin, i
		}
	}
	return first, last
}

// explain sets what tells the route's attempts from those by the others in the same minutes: codes and causes.
func (d *Degradation) explain(rollup Rollup) error {
	own, rest := float64(d.Own.Of), float64(d.Rest.Of)
	excess := per(d.Own.Hits, own) - per(d.Rest.Hits, rest)
	if excess <= 0 {
		return nil // in these very minutes the others did no better
	}
	w := window{from: d.From, until: d.Until, step: d.Until - d.From, steps: 1, byRoute: true}
	at := map[[2]string]int{}
	var list []Carrier
	err := w.rollup(rollup, w.from, w.until, w.step, []counter{codeFinal, cause}, true, func(c *record.Cell) error {
		if !strings.HasPrefix(c.Route, route.OutKey("")) {
			return nil
		}
		k := [2]string{"cause", c.Label}
		if byName[c.Counter] == codeFinal {
			if method(c.Label) != "INVITE" {
				return nil
			}
			k = [2]string{"code", code(c.Label)}
		}
		i, ok := at[k]
		if !ok {
			i = len(list)
			at[k] = i
			list = append(list, Carrier{Dimension: k[0], Value: k[1], How: ByResult, Before: Portion{Of: d.Rest.Of}, After: Portion{Of: d.Own.Of}})
		}
		if c.Route == d.Route {
			list[i].After.Hits += c.N
		} else {
			list[i].Before.Hits += c.N
		}
		return nil
	})
	for i := range list {
		c := &list[i]
		c.Share = (per(c.After.Hits, own) - per(c.Before.Hits, rest)) / excess
	}
	list = slices.DeleteFunc(list, func(c Carrier) bool { return !(c.Share >= leastShare) })
	slices.SortFunc(list, func(a, b Carrier) int {
		return cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(b.Dimension, a.Dimension), cmp.Compare(a.Value, b.Value))
	})
	d.Carriers = list
	return err
}

// Report makes the finding of the degradation. since is the minute in which it began, which may be before From, and examples are
// Call-IDs of calls in it. zone is that of the times of day; nil: UTC.
func (d *Degradation) Report(since int64, examples []string, zone *time.Location) finding.Finding {
	if zone == nil {
		zone = time.UTC
	}
	clock := func(minute int64) string { return time.Unix(minute*60, 0).In(zone).Format("15:04 MST") }
	lately := ""
	if since < d.From {
		lately = "from " + clock(d.From) + " on "
	}
	var b strings.Builder
	fmt.Fprintf(&b, "What goes %s fails far more often than what goes by the other routes since %s: %s%d of %d attempts, there %d of %d.",
		routeWords(d.Route), clock(since), lately, d.Own.Hits, d.Own.Of, d.Rest.Hits, d.Rest.Of)
	for i := range d.Carriers[:min(len(d.Carriers), 3)] {
		c := &d.Carriers[i]
		fmt.Fprintf(&b, " %s carries %s of it: %d, there %d.", upper(c.Dimension+" "+c.Value), quantity(100*min(c.Share, 1), "%"), c.After.Hits, c.Before.Hits)
	}
	f := finding.Finding{ID: "kpi.route-degraded", Subject: d.Route, Confidence: 0.9, Summary: b.String(), Evidence: named(examples)}
	if x, ok := finding.Lookup(f.ID); ok {
		f.Severity, f.Acts, f.Refs = x.Severity, x.Acts, x.Refs
	}
	return f
}
