// Package kpi measures calls: each measure declares its unit, population and exclusions. Its one rule: an
// empty population has no value, and the reason is said.
package kpi

import (
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/histogram"
	"sipcause/internal/view"
)

// ratio is a share of calls: hits of the population, in percent. Every call of the kind is counted, kept out
// (neither) or ignored (another kind).
type ratio struct {
	name, ref string
	kind      call.Kind
	in        func(*call.Call) bool // belongs to the population
	hit       func(*call.Call) bool
}

// delay is a distribution of times in milliseconds.
type delay struct {
	name, ref string
	kind      call.Kind
	of        func(*call.Call) *float64 // nil: this call has none
}

// ended says whether the capture shows how an attempt ended.
func ended(c *call.Call) bool { return c.Outcome != call.Ongoing && c.Outcome != call.Unknown }

// notRedirected: 3xx leave the denominator (RFC 6076 §4.6).
func notRedirected(c *call.Call) bool { return ended(c) && c.Outcome != call.Redirected }

func answered(c *call.Call) bool { return c.Outcome == call.Answered }

// userCodes are the failures that count as effective (RFC 6076 §4.7).
var userCodes = []int{480, 486, 600, 603}

// networkCodes are the failures that make an attempt ineffective (RFC 6076 §4.8); 0 is no response at all.
var networkCodes = []int{0, 408, 500, 503, 504}

var ratios = [...]ratio{
	{"asr", "ITU-T E.411", call.KindCall, ended, answered},
	{"ner", "ITU-T E.425", call.KindCall, ended, func(c *call.Call) bool {
		return answered(c) || c.Outcome == call.Busy || c.Outcome == call.NoAnswer || c.Outcome == call.Declined || c.Outcome == call.Cancelled
	}},
	{"ser", "RFC 6076 §4.6", call.KindCall, notRedirected, answered},
	{"seer", "RFC 6076 §4.7", call.KindCall, notRedirected, func(c *call.Call) bool {
		return answered(c) || slices.Contains(userCodes, c.Code)
	}},
	{"isa", "RFC 6076 §4.8", call.KindCall, ended, func(c *call.Call) bool {
		return c.Outcome == call.Failed && slices.Contains(networkCodes, c.Code)
	}},
	{"ira", "RFC 6076 §4.2", call.KindRegistration, ended, func(c *call.Call) bool {
		return c.Outcome == call.Failed && c.Code != 402
	}},
}

var delays = [...]delay{
	{"pdd", "RFC 6076 §4.3", call.KindCall, func(c *call.Call) *float64 { return c.Timings.PDD }},
	{"setup", "RFC 3261 §13.1", call.KindCall, func(c *call.Call) *float64 { return c.Timings.Setup }},
	{"duration", "RFC 6076 §4.5", call.KindCall, func(c *call.Call) *float64 { return c.Timings.Duration }},
	{"rrd", "RFC 6076 §4.1", call.KindRegistration, func(c *call.Call) *float64 {
		if answered(c) {
			return c.Timings.Final
		}
		return nil
	}},
}

// quantiles of each delay.
var quantiles = []struct {
	suffix string
	q      float64
}{{"p50", 0.50}, {"p95", 0.95}, {"p99", 0.99}}

// Meter takes calls and gives the measures of all of them. The zero Meter is ready; it is for one goroutine.
type Meter struct {
	ratios [len(ratios)]tally
	delays [len(delays)]times
}

type tally struct{ hits, in, out uint64 }

// times are those of one delay; without counts the calls that had none.
type times struct {
	histogram.Histogram
	without uint64
}

func (t *times) add(ms *float64) {
	if ms == nil {
		t.without++
		return
	}
	t.Add(*ms)
}

// Add counts one call.
func (m *Meter) Add(c *call.Call) {
	for i := range ratios {
		r := &ratios[i]
		if r.kind != c.Kind {
			continue
		}
		t := &m.ratios[i]
		if !r.in(c) {
			t.out++
			continue
		}
		t.in++
		if r.hit(c) {
			t.hits++
		}
	}
	for i := range delays {
		if d := &delays[i]; d.kind == c.Kind {
			m.delays[i].add(d.of(c))
		}
	}
}

// KPIs returns the measures so far, in the order of the tables.
func (m *Meter) KPIs() []view.KPI {
	var out []view.KPI
	for i, r := range ratios {
		t := m.ratios[i]
		k := view.KPI{Name: r.name, Unit: "%", Population: t.in, Excluded: t.out, Ref: r.ref}
		if t.in == 0 {
			k.Refused = "no " + r.kind.String() + " in the capture came to an end"
		} else {
			k.Value = 100 * float64(t.hits) / float64(t.in)
		}
		out = append(out, k)
	}
	for i, d := range delays {
		h := &m.delays[i]
		for _, q := range quantiles {
			k := view.KPI{Name: d.name + "_" + q.suffix, Unit: "ms", Population: h.N(), Excluded: h.without, Ref: d.ref}
			if h.N() == 0 {
				k.Refused = "no " + d.kind.String() + " in the capture shows it"
			} else {
				k.Value = h.Quantile(q.q)
			}
			out = append(out, k)
		}
	}
	return out
}
