package kpi

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"sipcause/internal/finding"
)

// Sibling is what one of several routes out did with the same traffic: Hits are failures by 4xx and 5xx that are not the
// callee's doing.
type Sibling struct {
	Route string
	Portion
}

// Bounds from which on a route is worse than its siblings.
const (
	leastAttempts = 50
	leastExcess   = 0.10
)

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

// ReportDegraded makes the finding of a route that Degraded found among the list.
func ReportDegraded(s Sibling, list []Sibling) finding.Finding {
	var rest Portion
	for i := range list {
		if list[i].Route != s.Route {
			rest.plus(list[i].Portion)
		}
	}
	f := finding.Finding{
		ID: "kpi.route-degraded", Subject: s.Route, Confidence: 0.9,
		Summary: fmt.Sprintf("What goes %s fails far more often than what goes by the other routes: %d of %d attempts, there %d of %d.",
			routeWords(s.Route), s.Hits, s.Of, rest.Hits, rest.Of),
	}
	if d, ok := finding.Lookup(f.ID); ok {
		f.Severity, f.Acts, f.Refs = d.Severity, d.Acts, d.Refs
	}
	return f
}
