package demo

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// phase is how carrier-a is.
type phase uint8

const (
	well     phase = iota
	slow           // takes seconds
	full           // takes seconds, and refuses most calls
	failover       // refuses all, and the gateway goes on to carrier-b
)

// phases say from when in the period carrier-a is how.
var phases = [...]struct {
	from time.Duration
	is   phase
}{{0, well}, {22 * time.Second, slow}, {32 * time.Second, full}, {50 * time.Second, failover}, {72 * time.Second, well}}

func phaseOf(at time.Duration) (is phase) {
	for _, p := range phases {
		if at%Period >= p.from {
			is = p.is
		}
	}
	return is
}

// troubles say what begins when in the period, how often, and how long after each other.
var troubles = [...]struct {
	at, every time.Duration
	times     int
	play      scene
}{
	{at: 300 * ms, times: 1, play: wrongNumber},
	{at: 1200 * ms, times: 1, play: noCodec},
	{at: 5 * time.Second, times: 1, play: wrongFormat},
	{at: 1800 * ms, every: 30 * time.Second, times: 6, play: wrongPassword},
	{at: 3 * time.Second, times: 1, play: registers(meeting, 60)},
	{at: 8 * time.Second, every: 700 * ms, times: 8, play: scanOptions},
	{at: 10 * time.Second, every: 900 * ms, times: 6, play: scanRegister},
	{at: 12 * time.Second, every: 2 * time.Second, times: 3, play: scanInvite},
	{at: 78 * time.Second, times: 1, play: storm},
	{at: 94 * time.Second, every: 3 * time.Second, times: 2, play: gone},
	{at: 102 * time.Second, every: 4 * time.Second, times: 3, play: silent},
	{at: 125 * time.Second, every: 4 * time.Second, times: 3, play: wrongFormat},
	{at: 140 * time.Second, every: 5 * time.Second, times: 3, play: noCodec},
}

// Rates of what is no trouble.
const (
	callsPerSecond = 4
	registerEvery  = time.Minute
	registerFor    = 120 // seconds granted
	aliveEvery     = 15 * time.Second
)

// period plans what begins in a period.
func (s *Script) period(from time.Duration) (plan []event) {
	add := func(at, every time.Duration, times int, play scene) {
		for i := range times {
			plan = append(plan, event{from + at + time.Duration(i)*every, play})
		}
	}
	for _, t := range troubles {
		add(t.at, t.every, t.times, t.play)
	}
	for i, who := range subscribers {
		add(time.Duration(i)*registerEvery/time.Duration(len(subscribers))+s.between(0, time.Second), registerEvery, int(Period/registerEvery), registers(who, registerFor))
	}
	for i, to := range []*host{gateway, carrierA, carrierB} {
		by := gateway
		if to == gateway {
			by = proxy
		}
		add(time.Duration(i)*time.Second+500*ms, aliveEvery, int(Period/aliveEvery), alive(by, to))
	}
	total := 0
	for _, u := range usual {
		total += u.weight
	}
	for at := from; at < from+Period; at += time.Duration(s.rng.ExpFloat64() * float64(time.Second) / callsPerSecond) {
		n := s.rng.IntN(total)
		for _, u := range usual {
			if n -= u.weight; n < 0 {
				plan = append(plan, event{at, u.play})
				break
			}
		}
	}
	slices.SortStableFunc(plan, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	return plan
}

// overloaded is a call that carrier-a refuses for want of room.
func overloaded(s *Script, at time.Duration) {
	truth := Truth{Scene: "overload", Outcome: "failed", Code: 503, Cause: "server.overload"}
	const status = "503 Server Overloaded"
	f := s.callOut(truth, at, one(s, areasA), carrierA).wait(2*time.Second, 5*time.Second)
	f.refuse(3, 2, status, "Retry-After: 30\n").refuse(2, 0, status, "").end()
}

// storm is a dialler that tries the same number again as soon as it has failed.
func storm(s *Script, at time.Duration) {
	who, number := one(s, extensions), one(s, areasA)
	for range 12 {
		truth := Truth{Scene: "retry storm", Kind: aCall, Outcome: "failed", Code: 503, Cause: "server.capacity", Out: []string{carrierA.route}}
		f := s.begin(truth, at, who, number, pbx, proxy, gateway, carrierA).forward(0)
		f.wait(80*ms, 160*ms).failed("503 Service Unavailable", q850(34, "No circuit/channel available")).end()
		at = f.at + s.between(400*ms, 500*ms)
	}
}

// wrongFormat is a PBX that puts + before a number with an international prefix.
func wrongFormat(s *Script, at time.Duration) {
	n := one(s, areasB)
	n.user = "+00" + n.user[1:]
	truth := Truth{Scene: "number format", Kind: aCall, Outcome: "failed", Code: 484, Cause: "routing.number-format", Out: []string{carrierB.route}}
	f := s.begin(truth, at, one(s, extensions), n, pbx, proxy, gateway, carrierB).forward(0)
	f.wait(lookupLeast, lookupMost).failed("484 Address Incomplete", q850(28, "Invalid number format (address incomplete)")).end()
}

// noCodec is a softphone that offers what no carrier has.
func noCodec(s *Script, at time.Duration) {
	who := one(s, []party{subscribers[3], subscribers[4], subscribers[7]})
	truth := Truth{Scene: "codec mismatch", Kind: aCall, Outcome: "failed", Code: 488, Cause: "media.no-common-codec", Out: []string{carrierB.route}}
	f := s.begin(truth, at, who, one(s, areasB), who.at, proxy, gateway, carrierB)
	f.sdp = opusOnly(who.at)
	f.challenged().forward(0).wait(lookupLeast, lookupMost).failed("488 Not Acceptable Here", "Warning: 305 "+carrierB.ip()+" \"Incompatible media format\"\n").end()
}

// wrongPassword is a device whose password is not that of its account.
func wrongPassword(s *Script, at time.Duration) {
	truth := Truth{Scene: "wrong password", Kind: aRegistration, Outcome: "failed", Code: 401, Cause: "auth.wrong-credentials"}
	s.begin(truth, at, lobby, lobby, lobby.at, proxy).register("401 Unauthorized", 600).end()
}

// gone is a call to a device whose registration ran out.
func gone(s *Script, at time.Duration) {
	truth := Truth{Scene: "not registered", Kind: aCall, Outcome: "failed", Code: 480, Cause: "routing.not-registered", Out: []string{proxy.route}}
	s.begin(truth, at, one(s, extensions), meeting, pbx, proxy).forward(0).wait(10*ms, 40*ms).failed("480 Temporarily Unavailable", "").end()
}

// silent is a call that the gateway sends where nobody answers.
func silent(s *Script, at time.Duration) {
	truth := Truth{Scene: "silence", Kind: aCall, Outcome: "failed", Code: 408, Cause: "transport.no-response", Out: []string{carrierB2.route}}
	s.begin(truth, at, one(s, extensions), one(s, areasB), pbx, proxy, gateway, carrierB2).silence().end()
}

// scanOptions, scanRegister and scanInvite are somebody who tries doors.
func scanOptions(s *Script, at time.Duration) {
	truth := Truth{Scene: "scan", Kind: aTransaction, Outcome: "answered", Code: 200}
	s.begin(truth, at, s.guess(), s.guess(), scanner, proxy).options("200 OK").end()
}

func scanRegister(s *Script, at time.Duration) {
	who := s.guess()
	truth := Truth{Scene: "scan", Kind: aRegistration, Outcome: "failed", Code: 401, Cause: "auth.wrong-credentials"}
	s.begin(truth, at, who, who, scanner, proxy).register("401 Unauthorized", 3600).end()
}

func scanInvite(s *Script, at time.Duration) {
	truth := Truth{Scene: "scan", Kind: aCall, Outcome: "challenged", Code: 407, Cause: "auth.no-credentials"}
	s.begin(truth, at, s.guess(), one(s, areasB), scanner, proxy).challenged().end()
}

func (s *Script) guess() party {
	user := strconv.Itoa(100 + s.rng.IntN(900))
	return party{user: user, name: user}
}
