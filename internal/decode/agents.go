package decode

import (
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"

	"sipcause/internal/wire"
)

const (
	maxAgentNames = 4096 // names of capture points that agents may bring
	maxAgentName  = 64   // bytes of one
	noPoint       = -1
)

// agentKey tells HEP agents apart: many have the number that they were delivered with.
type agentKey struct {
	sender uint32 // wire.Packet.Sender
	id     uint32
	name   uint64 // hash; 0: no name
}

// agent is one HEP agent.
type agent struct {
	use   node[agent] // in agents.order
	key   agentKey
	point int32 // noPoint: that of the packet
	clock agentClock
	at    wire.Time // of its clock, in the packet before
	seen  wire.Time // the same, corrected
}

// agents are those known, the one not heard of for longest first.
type agents struct {
	known map[agentKey]*agent
	order list[agent]
	last  *agent // of the packet before
	names int    // asked of Options.Points
}

func (a *agents) init() { a.known = map[agentKey]*agent{} }

func nameHash(name []byte) uint64 {
	if len(name) == 0 {
		return 0
	}
	return xxhash.Sum64(name)
}

// agent returns who sent the packet at hand; nil where it matters neither for the time nor for the point.
func (d *Decoder) agent(key agentKey, name []byte) *agent {
	if d.cur.received == 0 && d.opt.Points == nil {
		return nil
	}
	s := &d.agents
	if s.last != nil && s.last.key == key {
		return s.last
	}
	a := s.known[key]
	if a == nil {
		if len(s.known) >= d.opt.MaxAgents {
			old := s.order.head.owner
			old.use.leave()
			delete(s.known, old.key)
			d.stats.agents.Evicted++
		}
		a = &agent{key: key, point: d.agentPoint(key.id, name)}
		s.known[key] = a
	}
	s.order.push(&a.use, a)
	s.last = a
	return a
}

// agentPoint returns the capture point of an agent: by its name, else by its number, unless it has neither.
func (d *Decoder) agentPoint(id uint32, name []byte) int32 {
	if d.opt.Points == nil || id == 0 && len(name) == 0 {
		return noPoint
	}
	if d.agents.names >= maxAgentNames {
		d.stats.agents.Unnamed++
		return noPoint
	}
	d.agents.names++
	if len(name) == 0 {
		return int32(d.opt.Points("hep:" + strconv.FormatUint(uint64(id), 10)))
	}
	clean := make([]byte, 0, maxAgentName)
	for _, c := range name[:min(len(name), maxAgentName)] {
		if c <= ' ' || c > '~' {
			c = '_'
		}
		clean = append(clean, c)
	}
	return int32(d.opt.Points(string(clean)))
}

// correct returns when the packet at hand, of agent a and seen at the time at of its clock, was seen by ours. What an agent
// saw later is not put before what it saw earlier, whatever has been learnt of its clock between: an agent that reads an
// old file to us, faster than it was written, has a clock that is less and less slow.
func (d *Decoder) correct(a *agent, at wire.Time) wire.Time {
	st := &d.stats.agents
	back := a.at != 0 && at < a.at-clockTolerance
	switch a.clock.hear(at, d.cur.received, back) {
	case clockStep:
		st.Steps++
		st.Stepped, st.Slow = uint16(max(a.point, 0)), time.Duration(a.clock.offset)
	case clockLate:
		st.Late++
	}
	if a.clock.offset != 0 {
		st.Corrected++
	}
	t := at + a.clock.offset
	if a.at != 0 && at >= a.at {
		t = max(t, a.seen)
	}
	a.at, a.seen = at, t
	return t
}

const (
	day = 24 * time.Hour
	// clockTolerance is how wrong an agent's clock may be, and how late its packets may come, without being corrected.
	clockTolerance = wire.Time(2 * time.Second)
	// clockWindow is how long late packets are watched, twice, before the agent's clock is taken to be slow.
	clockWindow = wire.Time(5 * time.Second)
)

// agentClock tells how wrong an agent's clock is. What is heard of it is time of receipt less the agent's time: how
// slow its clock is, and how long the packet took, which is never less than nothing. So a lesser difference than
// believed is proof, at once, as is a clock that goes back: agents send in order. A greater one may also be a delay, as of
// an agent that sends what it had to keep while it could not. Of delays that are made up for, the difference falls; that of a slow clock is the same in two windows.
type agentClock struct {
	offset wire.Time // what its times lack; 0 while that is within clockTolerance
	was    wire.Time // offset before: one packet with a time that cannot be does not last
	began  wire.Time // of the window, by receipt; 0: there is none
	low    wire.Time // least difference in the window
	before wire.Time // least difference in the window before
	first  bool      // there was none before
}

// clockWord is what one packet says of a clock.
type clockWord uint8

const (
	clockAgrees clockWord = iota
	clockStep             // it is wrong otherwise than believed; offset has changed
	clockLate             // or it is, or the packet is late
)

func (c *agentClock) hear(at, received wire.Time, back bool) clockWord {
	diff := received - at
	switch {
	case diff < c.offset-clockTolerance, diff > c.offset+wire.Time(day), back && diff > c.offset+clockTolerance:
		c.step(diff)
		return clockStep
	case diff <= c.offset+clockTolerance:
		c.began = 0
		return clockAgrees
	case apart(diff, c.was) <= clockTolerance:
		c.step(diff)
		return clockStep
	case c.began == 0:
		c.began, c.low, c.first = received, diff, true
		return clockLate
	}
	c.low = min(c.low, diff)
	if received-c.began < clockWindow && received >= c.began {
		return clockLate
	}
	if !c.first && apart(c.low, c.before) <= clockTolerance {
		c.step(min(c.low, c.before))
		return clockStep
	}
	c.began, c.before, c.low, c.first = received, c.low, diff, false
	return clockLate
}

// step takes diff for how slow the clock is.
func (c *agentClock) step(diff wire.Time) {
	c.began = 0
	c.was, c.offset = c.offset, diff
	if apart(diff, 0) <= clockTolerance {
		c.offset = 0
	}
}
