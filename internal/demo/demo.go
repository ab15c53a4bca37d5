// Package demo invents SIP traffic that a server can be shown by: a dozen subscribers, a PBX and two carriers around a
// proxy and a gateway, and troubles that come in the same order every few minutes. Its one rule: it knows what it means
// by each call, and the same seed gives the same bytes.
package demo

import (
	"cmp"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"
)

// Packet is one SIP message on its way.
type Packet struct {
	At       time.Duration // since the beginning
	From, To netip.AddrPort
	Node     Node   // who tells of it
	Data     []byte // the message
	Begins   *Truth // what the call or registration means that begins with it; nil: none does
}

// Node is an element that mirrors what it sends and receives.
type Node struct {
	Number uint32 // as a HEP agent
	Name   string
}

// Truth is what is meant by a call, a registration or a transaction, in the words of the filter language.
type Truth struct {
	Scene   string // what is played
	Kind    string // "call", "registration", "transaction"
	CallID  string
	Began   time.Duration // as Packet.At
	Ended   time.Duration // its last message
	Outcome string        // "answered", …
	Code    int           // of the final response
	Cause   string        // ID of the root cause; "": none
	In, Out []string      // routes of the configuration by which it comes and goes; out: in order of the attempts
}

// Period is after how long the troubles repeat.
const Period = 3 * time.Minute

// Script is traffic without an end. It is for one goroutine.
type Script struct {
	rng     *rand.Rand
	due     []Packet // in order of time
	plan    []event  // what begins in this period, in order of time
	periods int      // planned so far
	calls   int      // begun so far: Call-IDs never repeat
	opaque  uint64   // of branches and tags begun so far
}

// event is a scene that begins.
type event struct {
	at   time.Duration
	play scene
}

// scene plays something that begins at a time.
type scene func(s *Script, at time.Duration)

// New returns the traffic of a seed.
func New(seed uint64) *Script {
	return &Script{rng: rand.New(rand.NewPCG(seed, 0x51bca05e))}
}

// Next returns the next message. Times never decrease.
func (s *Script) Next() Packet {
	for {
		if len(s.plan) == 0 {
			s.plan = s.period(time.Duration(s.periods) * Period)
			s.periods++
		}
		if len(s.due) > 0 && s.due[0].At <= s.plan[0].at {
			p := s.due[0]
			s.due[0] = Packet{}
			s.due = s.due[1:]
			return p
		}
		e := s.plan[0]
		s.plan = s.plan[1:]
		e.play(s, e.at)
	}
}

// add puts the messages of a scene among those that are due.
func (s *Script) add(packets []Packet) {
	s.due = append(s.due, packets...)
	slices.SortStableFunc(s.due, func(a, b Packet) int { return cmp.Compare(a.At, b.At) })
}

// between draws a time.
func (s *Script) between(least, most time.Duration) time.Duration {
	return least + time.Duration(s.rng.Int64N(int64(most-least)+1))
}

func one[T any](s *Script, of []T) T { return of[s.rng.IntN(len(of))] }
