package kpi

import (
	"time"

	"github.com/cespare/xxhash/v2"

	"sipcause/internal/call"
	"sipcause/internal/record"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// maxRedials bounds the failed calls that are remembered for their next try.
const maxRedials = 1 << 14

// redialWithin is how long after a failed call began another one of the same to the same is its next try.
const redialWithin = wire.Time(2 * time.Minute)

// Redials follows callers that try again under another Call-ID, as most do. The zero Redials is ready; it is for one
// goroutine.
type Redials struct {
	failed map[uint64]wire.Time // when the newest failed call of a caller to a callee began, by hash
	order  []uint64             // keys of failed as a ring, oldest at next
	next   int
}

// Count hands on the cells of a call that is the next try after one that failed. It must be called once for each call, when
// no further revision of it comes, in that order: the cells are never taken back.
func (r *Redials) Count(c *view.Case, add func(record.Cell)) {
	l := c.Call
	if l.Kind != call.KindCall || len(l.Legs) == 0 || l.From == "" || l.To == "" || l.Began.Ordinal() {
		return
	}
	tries := l.Legs[0].Tries()
	if len(tries) == 0 {
		return
	}
	ip := l.Legs[0].Txns[tries[0]].Client.Addr().As16()
	key := (xxhash.Sum64(ip[:])*31+xxhash.Sum64String(l.From))*31 + xxhash.Sum64String(l.To)
	before, again := r.failed[key]
	if again && l.Began > before && l.Began-before <= redialWithin {
		k := cells{c: c, add: add}
		s := k.came(minuteOf(l.Began))
		s.one(redialed)
		s.time(redialInterval, "", float64(l.Began-before)/1e6)
		if l.Outcome == call.Answered {
			s.one(redialAnswered)
		}
	}
	switch {
	case !l.Outcome.Bad():
		delete(r.failed, key)
	case !again:
		r.remember(key, l.Began)
	case l.Began > before:
		r.failed[key] = l.Began
	}
}

// remember takes the place of the oldest when there are too many.
func (r *Redials) remember(key uint64, at wire.Time) {
	if r.failed == nil {
		r.failed = map[uint64]wire.Time{}
	}
	if len(r.order) < maxRedials {
		r.order = append(r.order, key)
	} else {
		if r.order[r.next] != key {
			delete(r.failed, r.order[r.next])
		}
		r.order[r.next] = key
		r.next = (r.next + 1) % maxRedials
	}
	r.failed[key] = at
}
