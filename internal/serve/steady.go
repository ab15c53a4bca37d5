package serve

import (
	"sync"
	"time"

	"sipcause/internal/wire"
)

// The time of day may be set while we run. Were times of packets to follow at once, calls that go on would have lasted
// minutes more, or less than nothing, and what waits would be over. So a step is made up for, and that is given up little by
// little; a long one is followed at once.
const (
	leastStep = time.Second      // between two looks, which is no step but a clock that is slewed
	longStep  = 10 * time.Minute // beyond it a step is followed
	givenUp   = 100              // of what is made up for, one second is given up in so many
)

// steady turns the time of day into one without steps. It may be used from several goroutines.
type steady struct {
	mu    sync.Mutex
	start time.Time
	mono  func(time.Time) time.Duration // since start, whatever is set
	was   time.Duration                 // time of day since start less mono, at the last look
	at    time.Duration                 // mono at the last look
	shift time.Duration                 // what is added to the time of day
	older time.Duration                 // shift before the last step
	steps int
}

func newSteady(start time.Time) *steady {
	return &steady{start: start, mono: func(t time.Time) time.Duration { return t.Sub(start) }}
}

// now takes the time of day and returns the steady one, and how long a step was that is followed, 0 if there was none.
func (s *steady) now(wall time.Time) (at time.Time, followed time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	mono := s.mono(wall)
	passed := time.Duration(wall.UnixNano()-s.start.UnixNano()) - mono
	step := passed - s.was
	since := max(mono-s.at, 0)
	s.was, s.at = passed, max(s.at, mono)
	if give := since / givenUp; s.shift > 0 {
		s.shift = max(s.shift-give, 0)
	} else {
		s.shift = min(s.shift+give, 0)
	}
	if step.Abs() >= leastStep {
		s.steps++
		s.older = s.shift
		if s.shift -= step; s.shift.Abs() > longStep {
			s.shift, followed = 0, step
		}
	}
	return time.Unix(0, wall.UnixNano()+int64(s.shift)), followed
}

// of returns the steady time of a packet that was seen just now: before the last step, or after it.
func (s *steady) of(t wire.Time, now time.Time) wire.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, b := t.Add(s.shift), t.Add(s.older)
	if at := wire.Time(now.UnixNano()); s.steps > 0 && at.Sub(b).Abs() < at.Sub(a).Abs() {
		return b
	}
	return a
}

// now is the time by which events of a timeline go on. That of folders is not the time of day.
func (s *Server) now(line *timeline) time.Time {
	wall := s.opt.Now()
	if line != s.main {
		return wall
	}
	at, followed := s.steady.now(wall)
	if followed != 0 {
		s.opt.Log.Warn("the time of day was set: calls that go on are not followed over that", "by", followed)
	}
	if followed > 0 {
		until := wire.Time(at.UnixNano())
		s.main.live.Sink().Gap(wire.Gap{Kind: wire.GapStopped, From: until.Add(-followed), Until: until, Where: "the time of day was set"})
	}
	return at
}
