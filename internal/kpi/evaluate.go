package kpi

import (
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/histogram"
	"sipcause/internal/record"
	"sipcause/internal/view"
)

// Sums are the cells of one interval and route, added up. The zero Sums is empty; it is for one goroutine.
type Sums struct {
	Seconds float64 // length of the interval, for measures per second
	n       [nCounters]int64
	times   [nCounters]*histogram.Histogram
}

// Add adds a cell. Cells of counters that are not known any more are passed over.
func (s *Sums) Add(c *record.Cell) {
	if id, ok := byName[c.Counter]; ok {
		s.count(id, "", c.Bucket, c.N)
	}
}

// count is a sink.
func (s *Sums) count(id counter, _ string, bucket int16, n int64) {
	s.n[id] += n
	if !counters[id].Times {
		return
	}
	if s.times[id] == nil {
		s.times[id] = &histogram.Histogram{}
	}
	s.times[id].AddCount(bucket, n)
}

// parts are what a measure is computed of.
type parts struct {
	hits, in, all int64
	times         *histogram.Histogram
	seconds       float64
}

func (s *Sums) of(list []counter) (n int64) {
	for _, id := range list {
		n += s.n[id]
	}
	return n
}

// Evaluate computes the measure. Where its population is empty there is no value and Refused says why.
func (m *Measure) Evaluate(s *Sums) view.KPI {
	p := parts{hits: s.of(m.hits), in: s.of(m.in), all: s.of(m.all), seconds: s.Seconds}
	if m.form == quantile {
		p.times = s.times[m.in[0]]
	}
	return m.evaluate(&p)
}

func (m *Measure) evaluate(p *parts) view.KPI {
	k := view.KPI{Name: m.Name, Unit: m.Unit, Ref: m.Ref}
	positive := func(n int64) uint64 { return uint64(max(n, 0)) }
	switch m.form {
	case total, rate, level:
		n := p.hits
		if m.form == level {
			n -= p.in
		}
		k.Value, k.Population = float64(n), positive(n)
		if m.form == rate {
			if p.seconds <= 0 {
				k.Value, k.Refused = 0, "the interval has no length"
				return k
			}
			k.Value /= p.seconds
		}
		return k
	}
	k.Population = positive(p.in)
	if len(m.all) > 0 {
		k.Excluded = positive(p.all - p.in)
	}
	switch {
	case p.in <= 0 || m.form == quantile && (p.times == nil || p.times.N() == 0):
		k.Population, k.Refused = 0, m.empty
	case m.form == quantile:
		k.Value = p.times.Quantile(m.q)
	default:
		k.Value = m.scale * float64(p.hits) / float64(p.in)
	}
	return k
}

// Meter takes calls and gives the measures of all of them. The zero Meter is ready; it is for one goroutine.
type Meter struct {
	sums Sums
	sink sink
}

// Add counts one call.
func (m *Meter) Add(c *call.Call) {
	if m.sink == nil {
		m.sink = m.sums.count
	}
	u := unitOf(c, true)
	u.count(m.sink)
}

// KPIs returns the measures of a capture's summary so far, in the order of the table.
func (m *Meter) KPIs() []view.KPI {
	list := make([]view.KPI, 0, summaryMeasures)
	for i := range table[:summaryMeasures] {
		list = append(list, table[i].Evaluate(&m.sums))
	}
	return slices.Clip(list)
}
