package accuracy

import (
	"slices"
	"strings"
)

// fault changes a healthy scene so that one thing is wrong.
type fault struct {
	name string
	want string            // the finding that has to appear: as root cause where the call failed
	kind string            // of the scenes it fits, "" for calls
	do   func(*scene) bool // false: it does not fit
}

// setUp is where in the flow the callee says its first word.
func (s *scene) setUp() int {
	return slices.IndexFunc(s.steps, func(st step) bool { return st.from == s.chain[s.last()] })
}

// find returns the index of the n-th step with that method or code between two elements, -1 for none.
func (s *scene) find(from, to, what string, n int) int {
	for i, st := range s.steps {
		if st.from == from && st.to == to && st.what == what {
			if n == 0 {
				return i
			}
			n--
		}
	}
	return -1
}

func (s *scene) add(text string) { s.steps = append(s.steps, lines(text)...) }

// request changes the caller's INVITE.
func (s *scene) request(options string) {
	for i := range s.steps {
		if st := &s.steps[i]; st.from == s.chain[0] && st.what == "INVITE" {
			st.rest = strings.TrimSpace(st.rest + " " + options)
		}
	}
}

// plain says that the scene has nothing but a call.
func (s *scene) plain() bool { return !s.hold && !s.rel && !s.refer }

// refused lets the callee refuse.
func refused(code, rest string) func(*scene) bool {
	return func(s *scene) bool {
		if s.hold || s.refer {
			return false // the same until here
		}
		s.steps = s.steps[:s.setUp()]
		s.answer("+40ms", code, rest, s.last(), true)
		s.quiet("+40s")
		return true
	}
}

// refusedOf is refused after the caller's INVITE was changed.
func refusedOf(options, code, rest string) func(*scene) bool {
	return func(s *scene) bool {
		if s.rel || slices.Contains(s.chain, "b2bua") {
			return false // header lines after header lines; what a B2BUA passes on is its own affair
		}
		s.request(options)
		return refused(code, rest)(s)
	}
}

// giveUp lets every element from index at on down answer its client with a code of its own.
func (s *scene) giveUp(wait, code string, at int) {
	if at > 0 {
		s.answer(wait, code, "own", at, true)
	}
}

func (s *scene) hop() (from, to string) { return s.chain[s.last()-1], s.chain[s.last()] }

// faults are what may go wrong in the network or an endpoint.
var faults = slices.Concat(refusals, silences, denials, breaks, requests)

// refusals: the callee's side says it.
var refusals = []fault{
	{"busy", "callee.busy", "", refused("486", "")},
	{"busy-everywhere", "callee.busy", "", refused("600", "")},
	{"declined", "callee.declined", "", func(s *scene) bool {
		if !s.plain() {
			return false
		}
		s.steps = s.steps[:s.find(s.chain[1], s.chain[0], "180", 0)+1]
		s.answer("+4s", "603", "", s.last(), true)
		s.quiet("+40s")
		return true
	}},
	{"unavailable", "callee.unavailable", "", refused("480", "")},
	{"unknown-user", "routing.unknown-user", "", refused("404", "")},
	{"unallocated", "routing.number-unallocated", "", refused("404", "Reason: Q.850;cause=1")},
	{"gone", "routing.gone", "", refused("410", "")},
	{"incomplete", "routing.address-incomplete", "", refused("484", "")},
	{"ambiguous", "routing.ambiguous", "", refused("485", "")},
	{"no-route", "routing.no-route", "", refused("500", "Reason: Q.850;cause=3")},
	{"disjoint-codecs", "media.no-common-codec", "", refused("488", "sdp=G729,opus")},
	{"srtp-against-rtp", "media.transport-mismatch", "", refused("488", "sdp=PCMU;savp")},
	{"no-credit", "policy.no-credit", "", refused("402", "")},
	{"forbidden", "policy.forbidden", "", refused("403", "")},
	{"anonymous", "policy.anonymity-disallowed", "", refused("433", "")},
	{"unwanted", "policy.unwanted", "", refused("607", "")},
	{"analytics", "policy.rejected-by-analytics", "", refused("608", "")},
	{"identity-missing", "identity.missing", "", refused("428", "")},
	{"trunk-full", "server.capacity", "", refused("503", "Reason: Q.850;cause=34")},
	{"overload", "server.overload", "", refused("503", `"Server overloaded" Retry-After: 10`)},
	{"unavailable-service", "server.unavailable", "", refused("503", "")},
	{"internal-error", "server.internal-error", "", refused("500", "")},
	{"unimplemented", "server.unimplemented", "", refused("501", "")},
	{"bad-gateway", "server.bad-gateway", "", refused("502", "")},
	{"gateway-timeout", "timeout.downstream", "", refused("504", "")},
	{"session-interval", "capability.session-interval", "", refusedOf("Session-Expires: 60", "422", "Min-SE: 1800")},
	{"bad-extension", "capability.bad-extension", "", refusedOf("Require: precondition", "420", "Unsupported: precondition")},
	{"method", "capability.method", "", refused("405", "Allow: OPTIONS, REGISTER")},
	{"version", "capability.version", "", refused("505", "")},
	{"too-large", "capability.too-large", "", refused("513", "")},
	{"body-type", "media.unsupported-body", "", refused("415", "Accept: text/plain")},
	{"redirect", "routing.redirect-not-followed", "", refused("302", "contact=sip:carol@203.0.113.77")},
	{"missing-header", "protocol.missing-header", "", func(s *scene) bool {
		if len(s.chain) > 2 || s.rel || s.auth {
			return false
		}
		s.steps[0].rest += "\n    -Max-Forwards"
		return refused("400", `"Missing Max-Forwards"`)(s)
	}},
	{"content-length", "protocol.content-length", "", func(s *scene) bool {
		if len(s.chain) > 2 || s.rel || s.auth || s.tcp {
			return false
		}
		s.steps[0].rest += " Content-Length: 60"
		return refused("400", "")(s)
	}},
	{"hops-used-up", "routing.max-forwards", "", func(s *scene) bool {
		if s.rel || s.auth || slices.Contains(s.chain, "b2bua") {
			return false
		}
		s.request("\n    Max-Forwards: " + []string{"", "0", "1", "2"}[s.last()])
		return refused("483", "own")(s)
	}},
	{"loop", "routing.loop", "", func(s *scene) bool {
		if !slices.Equal(s.chain, []string{"alice", "edge", "core", "gw"}) || !s.plain() {
			return false
		}
		s.steps = s.steps[:s.find("core", "gw", "INVITE", 0)]
		s.add(`
core > edge INVITE relay
edge > core 482 own
core > edge ACK
core > edge 482
edge > core ACK
edge > alice 482
alice > edge ACK`)
		s.quiet("+40s")
		return true
	}},
}

// silences: who waits in vain, and what the wire says.
var silences = []fault{
	{"no-answer", "timeout.no-answer", "", func(s *scene) bool {
		if !s.plain() {
			return false
		}
		s.steps = s.steps[:s.find(s.chain[1], s.chain[0], "180", 0)+1]
		s.cancel("+40s")
		return true
	}},
	{"abandoned", "caller.abandoned", "", func(s *scene) bool {
		if !s.plain() {
			return false
		}
		s.steps = s.steps[:s.find(s.chain[1], s.chain[0], "180", 0)+1]
		s.cancel("+3s")
		return true
	}},
	{"silent", "transport.no-response", "", func(s *scene) bool {
		if s.hold || s.refer || s.tcp {
			return false
		}
		s.steps = s.steps[:s.setUp()]
		s.steps[len(s.steps)-1].rest = resent(s.steps[len(s.steps)-1].rest, "resend=6")
		s.giveUp("@32s", "408", s.last()-1)
		s.quiet("+40s")
		return true
	}},
	{"silent-after-100", "timeout.provisional-stall", "", func(s *scene) bool {
		if !s.plain() {
			return false
		}
		s.steps = s.steps[:s.setUp()]
		from, to := s.hop()
		s.steps = append(s.steps, step{"", to, from, "100", strings.TrimSpace(s.key(s.last() - 1)), ""})
		s.giveUp("+181s", "408", s.last()-1)
		s.quiet("+240s")
		return true
	}},
	{"port-unreachable", "transport.unreachable", "", unreachable("port-unreachable")},
	{"host-unreachable", "transport.unreachable", "", unreachable("host-unreachable")},
	{"prohibited", "transport.unreachable", "", unreachable("admin-prohibited")},
	{"refused-connection", "transport.unreachable", "", connection("refuse")},
	{"unanswered-connection", "transport.connect-timeout", "", connection("syn")},
	{"reset-connection", "transport.connection-lost", "", func(s *scene) bool {
		if !s.tcp || !s.plain() || len(s.chain) < 3 {
			return false
		}
		s.steps = s.steps[:s.find(s.chain[1], s.chain[0], "180", 0)+1]
		from, to := s.hop()
		s.add("+2s rst " + to + " > " + from)
		s.giveUp("+1s", "480", s.last()-1)
		s.quiet("+40s")
		return true
	}},
}

// resent puts an option before header fields.
func resent(rest, option string) string { return strings.TrimSpace(option + " " + rest) }

// cancel ends the attempt by the caller.
func (s *scene) cancel(wait string) {
	for hop := range s.last() {
		s.steps = append(s.steps, step{wait, s.chain[hop], s.chain[hop+1], "CANCEL", strings.TrimSpace(s.key(hop)), ""},
			step{"", s.chain[hop+1], s.chain[hop], "200", strings.TrimSpace("CANCEL" + s.key(hop)), ""})
		wait = ""
	}
	s.answer("", "487", "INVITE", s.last(), true)
	s.quiet("+40s")
}

func unreachable(kind string) func(*scene) bool {
	return func(s *scene) bool {
		if s.tcp || s.hold || s.refer {
			return false
		}
		s.steps = s.steps[:s.setUp()]
		_, to := s.hop()
		from := to
		if kind != "port-unreachable" {
			from = "203.0.113.250" // a router
		}
		s.add("icmp " + kind + " from " + from + " for last")
		s.giveUp("", "503", s.last()-1)
		s.quiet("+40s")
		return true
	}
}

func connection(word string) func(*scene) bool {
	return func(s *scene) bool {
		if !s.tcp || !s.plain() {
			return false
		}
		from, to := s.hop()
		s.steps = s.steps[:s.setUp()-1]
		if len(s.chain) == 2 {
			return false // nothing of the call is on the wire
		}
		line := word + " " + from + " > " + to
		wait := ""
		if word == "syn" {
			line, wait = line+" 4", "+30s"
		}
		s.add(line)
		s.giveUp(wait, map[string]string{"syn": "408", "refuse": "503"}[word], s.last()-1)
		s.quiet("+60s")
		return true
	}
}
