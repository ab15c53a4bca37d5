package demo

import (
	"strconv"
	"time"
)

// Waits that people and networks take.
const (
	lookupLeast, lookupMost   = 150 * ms, 1200 * ms
	pickLeast, pickMost       = 1500 * ms, 8 * time.Second
	talkLeast, talkMost       = 6 * time.Second, 60 * time.Second
	givesUpLeast, givesUpMost = 2500 * ms, 7 * time.Second
	ringsLeast, ringsMost     = 16 * time.Second, 28 * time.Second
)

// usual is what happens all the time, as often as it weighs.
var usual = []struct {
	weight int
	play   scene
}{
	{46, outgoing(Truth{Scene: "call out", Outcome: "answered", Code: 200}, talked)},
	{14, incoming(Truth{Scene: "call in", Outcome: "answered", Code: 200}, talked)},
	{6, internal(Truth{Scene: "internal call", Outcome: "answered", Code: 200}, talked)},
	{7, outgoing(Truth{Scene: "busy", Outcome: "busy", Code: 486, Cause: "callee.busy"}, busy)},
	{2, internal(Truth{Scene: "busy inside", Outcome: "busy", Code: 486, Cause: "callee.busy"}, busy)},
	{6, outgoing(Truth{Scene: "caller gives up", Outcome: "cancelled", Code: 487, Cause: "caller.abandoned"}, abandoned)},
	{5, outgoing(Truth{Scene: "nobody answers", Outcome: "no-answer", Code: 487, Cause: "timeout.no-answer"}, unanswered)},
	{4, incoming(Truth{Scene: "nobody answers inside", Outcome: "no-answer", Code: 480, Cause: "timeout.no-answer"}, rangOut)},
	{3, incoming(Truth{Scene: "declined", Outcome: "declined", Code: 603, Cause: "callee.declined"}, declined)},
	{2, absent},
	{2, wrongNumber},
	{2, unknownExtension},
	{1, shortNumber},
}

// kindCall and so on are Truth.Kind.
const (
	aCall         = "call"
	aRegistration = "registration"
	aTransaction  = "transaction"
)

// outgoing is a call of an extension of the PBX, or of a subscriber whom the proxy asks for credentials, to a number
// behind a carrier.
func outgoing(truth Truth, play func(*flow)) scene {
	return func(s *Script, at time.Duration) {
		carrier, number := carrierA, one(s, areasA)
		if s.rng.IntN(10) >= 6 {
			carrier, number = carrierB, one(s, areasB)
		}
		if carrier == carrierA && phaseOf(at) == full && s.rng.IntN(3) > 0 {
			overloaded(s, at)
			return
		}
		f := s.callOut(truth, at, number, carrier)
		if carrier == carrierA {
			f.hurdle()
		}
		play(f)
		f.end()
	}
}

// callOut begins a call by a carrier, which has the INVITE then.
func (s *Script) callOut(truth Truth, at time.Duration, number party, carrier *host) *flow {
	truth.Kind, truth.Out = aCall, []string{carrier.route}
	if s.rng.IntN(10) < 6 {
		return s.begin(truth, at, one(s, extensions), number, pbx, proxy, gateway, carrier).forward(0)
	}
	who := one(s, subscribers)
	return s.begin(truth, at, who, number, who.at, proxy, gateway, carrier).challenged().forward(0)
}

// hurdle is what a call by carrier-a meets in the bad minutes.
func (f *flow) hurdle() {
	switch phaseOf(f.truth.Began) {
	case slow, full:
		f.wait(2500*ms, 6*time.Second)
	case failover:
		f.wait(300*ms, 900*ms).refuse(3, 2, "503 Service Unavailable", "Retry-After: 30\n").reroute(carrierB)
		f.truth.Out = append(f.truth.Out, carrierB.route)
	}
}

// incoming is a call of a number behind a carrier to a subscriber.
func incoming(truth Truth, play func(*flow)) scene {
	truth.Kind, truth.Out = aCall, []string{subscribers[0].at.route}
	return func(s *Script, at time.Duration) {
		carrier, number := carrierA, one(s, areasA)
		if s.rng.IntN(2) == 0 {
			carrier, number = carrierB, one(s, areasB)
		}
		who := one(s, subscribers)
		f := s.begin(truth, at, number, who, carrier, gateway, proxy, who.at)
		play(f.forward(0))
		f.end()
	}
}

// internal is a call of an extension to a subscriber.
func internal(truth Truth, play func(*flow)) scene {
	truth.Kind, truth.Out = aCall, []string{subscribers[0].at.route}
	return func(s *Script, at time.Duration) {
		who := one(s, subscribers)
		f := s.begin(truth, at, one(s, extensions), who, pbx, proxy, who.at)
		play(f.forward(0))
		f.end()
	}
}

func (f *flow) rings() *flow { return f.wait(lookupLeast, lookupMost).ring() }

func talked(f *flow) {
	f.rings().wait(pickLeast, pickMost).pick().wait(talkLeast, talkMost).hangUp(f.s.rng.IntN(2) == 0)
}

func busy(f *flow) { f.wait(lookupLeast, lookupMost).failed("486 Busy Here", q850(17, "User busy")) }

func abandoned(f *flow) { f.rings().wait(givesUpLeast, givesUpMost).cancel() }

func unanswered(f *flow) { f.rings().wait(ringsLeast, ringsMost).cancel() }

func rangOut(f *flow) {
	f.rings().wait(ringsLeast, ringsMost).failed("480 Temporarily Unavailable", q850(19, "No answer from user"))
}

func declined(f *flow) {
	f.rings().wait(2*time.Second, 6*time.Second).failed("603 Decline", q850(21, "Call rejected"))
}

// absent is a call to a mobile phone that is switched off.
func absent(s *Script, at time.Duration) {
	truth := Truth{Scene: "absent", Outcome: "failed", Code: 480, Cause: "callee.unavailable"}
	s.callOut(truth, at, one(s, areasB), carrierB).wait(lookupLeast, lookupMost).failed("480 Temporarily Unavailable", q850(20, "Subscriber absent")).end()
}

func q850(cause int, text string) string {
	return "Reason: Q.850;cause=" + strconv.Itoa(cause) + ";text=\"" + text + "\"\n"
}

// wrongNumber is a call to a number that nobody has.
func wrongNumber(s *Script, at time.Duration) {
	truth := Truth{Scene: "wrong number", Outcome: "failed", Code: 404, Cause: "routing.number-unallocated"}
	s.callOut(truth, at, one(s, unallocated), carrierA).wait(lookupLeast, lookupMost).failed("404 Not Found", q850(1, "Unallocated (unassigned) number")).end()
}

// shortNumber is a call to a number with some digits missing.
func shortNumber(s *Script, at time.Duration) {
	n := one(s, areasB)
	n.user = n.user[:8]
	truth := Truth{Scene: "digits missing", Outcome: "failed", Code: 484, Cause: "routing.address-incomplete"}
	s.callOut(truth, at, n, carrierB).wait(lookupLeast, lookupMost).failed("484 Address Incomplete", q850(28, "Invalid number format (address incomplete)")).end()
}

// unknownExtension is a call to a user whom the proxy does not know.
func unknownExtension(s *Script, at time.Duration) {
	truth := Truth{Scene: "unknown extension", Kind: aCall, Outcome: "failed", Code: 404, Cause: "routing.unknown-user", Out: []string{proxy.route}}
	f := s.begin(truth, at, one(s, extensions), party{user: strconv.Itoa(7000 + s.rng.IntN(900))}, pbx, proxy)
	f.forward(0).wait(10*ms, 40*ms).failed("404 Not Found", "").end()
}

// registers is a subscriber's REGISTER.
func registers(who party, seconds int) scene {
	return func(s *Script, at time.Duration) {
		truth := Truth{Scene: "registration", Kind: aRegistration, Outcome: "answered", Code: 200}
		s.begin(truth, at, who, who, who.at, proxy).register("200 OK", seconds).end()
	}
}

// alive asks a neighbour whether it is there.
func alive(from, to *host) scene {
	return func(s *Script, at time.Duration) {
		truth := Truth{Scene: "keepalive", Kind: aTransaction, Outcome: "answered", Code: 200}
		s.begin(truth, at, party{user: "keepalive"}, party{user: "ping"}, from, to).options("200 OK").end()
	}
}
