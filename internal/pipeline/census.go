package pipeline

import (
	"sipcause/internal/correlate"
	"sipcause/internal/diagnose"
	"sipcause/internal/finding"
	"sipcause/internal/peer"
	"sipcause/internal/wire"
)

// Census is how an engine is. See Live.Ask for when it may be taken.
type Census struct {
	EventTime    wire.Time
	Open         int       // legs
	Ended        [3]uint64 // by call.Kind
	Correlate    correlate.Stats
	MediaEvicted uint64
	NotesEvicted uint64
}

// EventTime is up to when everything was read; 0 before the first message.
func (e *Engine) EventTime() wire.Time { return e.read.last }

// Census counts.
func (e *Engine) Census() (c Census) {
	c.EventTime = e.EventTime()
	for _, s := range e.shards {
		st := s.Stats()
		c.Correlate.Add(&st)
		c.Open += s.Open()
	}
	c.Ended = e.judge.calls
	c.MediaEvicted, c.NotesEvicted = e.judge.media.Evicted, e.judge.notes.Evicted
	return c
}

// Add adds what another engine counted; event time is the later one.
func (c *Census) Add(o *Census) {
	c.EventTime = max(c.EventTime, o.EventTime)
	c.Open += o.Open
	for i, n := range o.Ended {
		c.Ended[i] += n
	}
	c.Correlate.Add(&o.Correlate)
	c.MediaEvicted += o.MediaEvicted
	c.NotesEvicted += o.NotesEvicted
}

// Estate returns the addresses of record as they are now, worst first.
func (e *Engine) Estate() []peer.Account { return e.judge.ledger.Estate() }

// Findings returns what is to be said of all traffic so far.
func (e *Engine) Findings() []finding.Finding { return diagnose.Capture(e.judge.ledger) }
