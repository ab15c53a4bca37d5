package kpi

import (
	"sipcause/internal/call"
	"sipcause/internal/record"
	"sipcause/internal/route"
	"sipcause/internal/wire"
)

// attempts counts, for each route out, what the attempts by it did: each as if it were a call of its own, seen where it
// left the elements that the capture shows.
func (k *cells) attempts(u *unit) {
	c := k.c.Call
	for i, name := range k.c.Ways.Out {
		if name == "" || i >= len(c.Attempts) {
			continue
		}
		r, ok := route.Edge(c, i)
		if !ok {
			continue
		}
		l, t := c.Legs[r.Leg], c.Txn(r)
		s := k.at(k.began, route.OutKey(name))
		a := attemptUnit(c, u, r)
		a.count(s)
		if t.Final != call.None {
			id := codeFinal
			if challenges(l, t) && a.outcome != call.Challenged {
				id = codeChallenge
			}
			k.at(minuteOf(l.Sightings[t.Final].Time), route.OutKey(name))(id, codeLabel(t.Method, l.FinalStatus(t)), record.NoBucket, 1)
		}
		var n [4]int64
		hop(t, &n)
		sent(s, &n)
	}
}

// attemptUnit returns the unit of one attempt of a call whose own unit is u.
func attemptUnit(c *call.Call, u *unit, r call.TxnRef) unit {
	l, t := c.Legs[r.Leg], c.Txn(r)
	a := unit{kind: c.Kind, code: l.FinalStatus(t), provisional: none, pdd: none, final: none, setup: none, duration: none, sdd: none}
	if t.Request != call.None && !l.Sightings[t.Request].Time.Ordinal() {
		start := l.Sightings[t.Request].Time
		since := func(i int32) float64 {
			if i == call.None {
				return none
			}
			return max(float64(l.Sightings[i].Time-start)/1e6, 0)
		}
		a.provisional, a.pdd, a.final = since(t.Trying), since(t.Progress), since(t.Final)
		if a.provisional < 0 || a.pdd >= 0 && a.pdd < a.provisional {
			a.provisional = a.pdd
		}
	}
	a.outcome = attemptOutcome(c, t, a.code)
	if a.answered() {
		a.setup = a.final
		a.duration, a.closed, a.completed = u.duration, u.closed, u.completed
	} else {
		a.closed = a.ended()
	}
	return a
}

// attemptOutcome says how an attempt with this final code (0: none) ended.
func attemptOutcome(c *call.Call, t *call.Txn, code int) call.Outcome {
	switch {
	case code == 0 && len(c.Attempts) == 1, code == c.Code && code != 0:
		return c.Outcome // what was judged by more than the code
	case code == 0 && t.Cancel != call.None:
		return call.Cancelled
	case code == 0 && (c.Outcome == call.Ongoing || c.Outcome == call.Unknown):
		return c.Outcome
	case code == 0:
		return call.Failed
	case code < 300:
		return call.Answered
	case code < 400:
		return call.Redirected
	case code == 401 || code == 407:
		return call.Challenged
	case code == 486 || code == 600:
		return call.Busy
	case code == 603 || code == 607:
		return call.Declined
	case code == 487 && c.Outcome == call.NoAnswer:
		return call.NoAnswer
	case code == 487:
		return call.Cancelled
	case (code == 408 || code == 480) && c.Outcome == call.NoAnswer:
		return call.NoAnswer
	}
	return call.Failed
}

// tries counts how often the call was tried: by its caller, and by elements on the way that went to another target.
func (k *cells) tries(s sink) {
	c := k.c.Call
	edges, own := int64(0), 0
	var last wire.Time
	for i := range c.Attempts {
		a := &c.Attempts[i]
		if _, ok := route.Edge(c, i); ok {
			edges++
		}
		if a.Hop > 0 {
			continue
		}
		if own++; own > 1 && !a.At.Ordinal() && a.At >= last {
			s.time(retryInterval, "", float64(a.At-last)/1e6)
		}
		last = a.At
	}
	if edges > 0 {
		s.one(attemptCalls)
		s(attempts, "", record.NoBucket, edges)
	}
	if own > 1 {
		s.one(retried)
	}
	if first, again, ok := failover(c); ok {
		s.one(failedOver)
		if !first.At.Ordinal() {
			s.time(failoverCost, "", float64(again.At-first.At)/1e6)
		}
		if c.Outcome == call.Answered {
			s.one(failoverSaved)
		}
	}
}

// patience is how long after an attempt without a final response another one is a failover and no parallel branch.
const patience = wire.Time(500e6)

// failover returns the first attempt and the last of those that an element made one after the other to different
// targets.
func failover(c *call.Call) (first, last *call.Attempt, ok bool) {
	for i := range c.Attempts {
		a := &c.Attempts[i]
		if a.Hop == 0 {
			continue
		}
		if first == nil {
			first = a
			continue
		}
		if a.Leg != first.Leg || a.Hop != first.Hop || a.Target == first.Target {
			continue
		}
		ended := first.At + patience
		if first.Code != 0 {
			ended = first.At + wire.Time(first.FinalMS*1e6)
		}
		if a.At >= ended && (first.Code == 0 || first.Code >= 300) {
			last, ok = a, true
		}
	}
	return first, last, ok
}
