package kpi

import (
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/record"
	"sipcause/internal/route"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

const minute = wire.Time(60e9)

// minuteOf returns the minute that t lies in.
func minuteOf(t wire.Time) int64 {
	m := t / minute
	if t%minute < 0 {
		m--
	}
	return int64(m)
}

// cells makes the cells of one case.
type cells struct {
	c     *view.Case
	add   func(record.Cell)
	began int64
}

// at returns a sink for the minute and route.
func (k *cells) at(minute int64, key string) sink {
	return func(id counter, label string, bucket int16, n int64) {
		k.add(record.Cell{Minute: minute, Counter: counters[id].Name, Route: key, Label: label, Bucket: bucket, N: n})
	}
}

// came returns a sink for all traffic and the route that the case came by.
func (k *cells) came(minute int64) sink {
	all := k.at(minute, "")
	if k.c.Ways.In == "" {
		return all
	}
	in := k.at(minute, route.InKey(k.c.Ways.In))
	return func(id counter, label string, bucket int16, n int64) {
		all(id, label, bucket, n)
		in(id, label, bucket, n)
	}
}

// every returns a sink for all traffic and each route of the case.
func (k *cells) every(minute int64) sink {
	came := k.came(minute)
	outs := k.outs()
	if len(outs) == 0 {
		return came
	}
	return func(id counter, label string, bucket int16, n int64) {
		came(id, label, bucket, n)
		for _, o := range outs {
			k.add(record.Cell{Minute: minute, Counter: counters[id].Name, Route: route.OutKey(o), Label: label, Bucket: bucket, N: n})
		}
	}
}

// outs returns the routes that the case was sent by, each once.
func (k *cells) outs() (list []string) {
	for _, o := range k.c.Ways.Out {
		if o != "" && !slices.Contains(list, o) {
			list = append(list, o)
		}
	}
	return list
}

// Count hands on every cell that one case adds. A case that was counted before is counted anew and the difference
// added: see Diff.
func Count(c *view.Case, add func(record.Cell)) {
	k := cells{c: c, add: add, began: minuteOf(c.Call.Began)}
	over := c.Verdict != nil && c.Verdict.Final
	u := unitOf(c.Call, over)
	came := k.came(k.began)
	u.count(came)
	k.quality(came)
	k.codes()
	k.upstream(came)
	k.verdict()
	k.media()
	switch c.Call.Kind {
	case call.KindCall:
		k.tries(came)
		k.gauge(over)
		k.destination(&u)
	case call.KindRegistration:
		k.binding()
	}
	k.attempts(&u)
}
