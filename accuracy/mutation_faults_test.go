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
var faults = []fault{
	// The callee's side says it.
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

	// Who waits in vain.
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

	// Authentication.
	{"wrong-password", "auth.wrong-credentials", "", again("password=wrong", "407", "")},
	{"wrong-password-403", "auth.wrong-credentials", "", again("password=wrong", "403", "")},
	{"wrong-realm", "auth.realm-mismatch", "", again("realm=elsewhere.example", "407", "")},
	{"never-answered", "auth.no-credentials", "", func(s *scene) bool {
		if !s.auth {
			return false
		}
		s.steps = s.steps[:3]
		s.quiet("+60s")
		return true
	}},
	{"stale-loop", "auth.stale-nonce", "", func(s *scene) bool {
		if !s.auth {
			return false
		}
		s.steps = s.steps[:4]
		ask, key := s.steps[3].String(), s.key(0)
		deny := s.chain[1] + " > " + s.chain[0] + " 407" + key + " stale\n" + s.chain[0] + " > " + s.chain[1] + " ACK" + key
		s.add(deny + "\n" + ask + "\n" + deny + "\n" + ask + "\n" + deny)
		s.quiet("+60s")
		return true
	}},

	// The dialog.
	{"ack-lost", "dialog.ack-missing", "", func(s *scene) bool {
		if !s.plain() || s.tcp {
			return false
		}
		from, to := s.hop()
		k := s.find(to, from, "200", 0)
		i := k + slices.IndexFunc(s.steps[k:], func(st step) bool { return st.from == from && st.to == to && st.what == "ACK" })
		s.steps[k].rest = resent(s.steps[k].rest, "resend=10")
		s.steps = slices.Delete(s.steps, i, len(s.steps))
		s.ask("@36s", "BYE", "", true)
		s.answerBack("200", "BYE")
		s.quiet("+40s")
		return true
	}},
	{"bye-lost", "dialog.bye-lost", "", func(s *scene) bool {
		if s.tcp {
			return false
		}
		from, to := s.hop()
		i := s.find(from, to, "BYE", 0)
		s.steps[i].rest = resent(s.steps[i].rest, "resend=10")
		s.steps = s.steps[:i+1]
		if s.last() > 1 {
			s.answer("+32s", "408", "own BYE", s.last()-1, false)
		}
		s.quiet("+60s")
		return true
	}},
	{"forgotten-at-bye", "dialog.unknown", "", func(s *scene) bool {
		from, to := s.hop()
		i := s.find(from, to, "BYE", 0)
		s.steps = s.steps[:i+1]
		s.answer("", "481", "BYE", s.last(), false)
		s.quiet("+60s")
		return true
	}},
	{"hold-refused", "dialog.reinvite-failed", "", func(s *scene) bool {
		if !s.hold {
			return false
		}
		i := s.find(s.chain[0], s.chain[1], "200", 0)
		s.steps = s.steps[:i]
		for hop := range s.last() {
			own := ""
			if s.chain[hop] == "b2bua" {
				own = " own"
			}
			s.steps = append(s.steps, step{"", s.chain[hop], s.chain[hop+1], "488", strings.TrimSpace(s.key(hop) + own + " INVITE"), ""},
				step{"", s.chain[hop+1], s.chain[hop], "ACK", strings.TrimSpace(s.key(hop)), ""})
		}
		s.hangUp()
		return true
	}},
	{"refer-refused", "dialog.refer-refused", "", func(s *scene) bool {
		if !s.refer {
			return false
		}
		i := s.find(s.chain[s.last()], s.chain[s.last()-1], "202", 0)
		s.steps = s.steps[:i]
		s.answer("", "603", "REFER", s.last(), false)
		s.hangUp()
		return true
	}},
	{"transfer-failed", "dialog.transfer-failed", "", func(s *scene) bool {
		if !s.refer {
			return false
		}
		i := s.find(s.chain[1], s.chain[0], "202", 0)
		s.steps = s.steps[:i+1]
		s.ask("+2s", "NOTIFY", "body=@busy.sipfrag Content-Type: message/sipfrag\n    Event: refer\n    Subscription-State: terminated;reason=noresource", true)
		s.answerBack("200", "NOTIFY")
		s.hangUp()
		return true
	}},
	{"prack-lost", "dialog.prack-missing", "", func(s *scene) bool {
		if !s.rel || s.tcp || slices.Contains(s.chain, "b2bua") {
			return false
		}
		callee := s.chain[s.last()]
		i := s.find(callee, s.chain[s.last()-1], "183", 0)
		s.steps[i].rest = resent(s.steps[i].rest, "resend=6")
		k := s.find(s.chain[1], s.chain[0], "183", 0)
		s.steps = s.steps[:k+1]
		s.answer("@33s", "500", "INVITE", s.last(), true)
		s.quiet("+40s")
		return true
	}},
	{"crossing", "dialog.cancel-race", "", func(s *scene) bool {
		if !s.plain() || len(s.chain) > 2 {
			return false
		}
		i := s.find("bob", "alice", "200", 0)
		rest := append([]step{}, s.steps[i+1:]...)
		s.steps = append(s.steps[:i:i], step{"+3s", "alice", "bob", "CANCEL", "", ""}, step{"", "bob", "alice", "200", "sdp INVITE", ""}, step{"", "bob", "alice", "200", "CANCEL", ""})
		s.steps = append(s.steps, rest...)
		return true
	}},
	{"misrouted", "transport.response-misrouted", "", func(s *scene) bool {
		if s.tcp || !s.plain() || s.auth {
			return false
		}
		s.elements = "alice=192.0.2.10:40123"
		s.steps = s.steps[:1]
		me, next := s.chain[0], s.chain[1]
		key := s.key(0)
		s.add(next + " > " + me + " 486" + key + " own dst=192.0.2.10:5060")
		for _, w := range []string{"+500ms", "+1s", "+2s", "+4s", "+8s", "+16s"} {
			s.add(w + " " + me + " > " + next + " INVITE" + key + " resend\n" + next + " > " + me + " 486" + key + " resend dst=192.0.2.10:5060")
		}
		s.quiet("+60s")
		return true
	}},
	{"private-contact", "nat.private-contact", "", func(s *scene) bool {
		if !s.plain() || s.tcp || s.auth || len(s.chain) > 2 {
			return false
		}
		i := s.find("bob", "alice", "200", 0)
		s.steps[i].rest = "sdp INVITE resend=10 contact=sip:bob@192.168.1.31:5060"
		s.steps = s.steps[:i+1]
		s.add("alice > bob ACK dst=192.168.1.31:5060\n@36s bob > alice BYE\nalice > bob 200 BYE")
		s.quiet("+40s")
		return true
	}},

	{"route-set-cut", "routing.route-set-bypassed", "", func(s *scene) bool {
		if !s.plain() || s.tcp || slices.Contains(s.chain, "b2bua") || len(s.chain) < 3 {
			return false
		}
		for i := range s.steps {
			if s.steps[i].what == "INVITE" && s.steps[i].from != s.chain[0] {
				s.steps[i].rest = resent(s.steps[i].rest, "rr")
			}
		}
		callee := s.chain[s.last()]
		s.steps = s.steps[:s.find(s.chain[0], s.chain[1], "BYE", 0)]
		s.add("+12s alice > " + callee + " BYE\n" + callee + " > alice 481")
		s.quiet("+40s")
		return true
	}},
	{"fragment-lost", "transport.fragment-lost", "", func(s *scene) bool {
		if s.tcp || !s.plain() || slices.Contains(s.chain, "b2bua") || s.auth || s.last() == 1 {
			return false // direct: no message of the call is whole
		}
		s.steps = s.steps[:s.setUp()]
		s.steps[0].rest = "sdp=@long.sdp"
		from, to := s.hop()
		s.steps[len(s.steps)-1].rest = resent(s.steps[len(s.steps)-1].rest, "losefrag=2")
		s.add("+500ms " + from + " > " + to + " INVITE resend losefrag=2\n+1s " + from + " > " + to + " INVITE resend losefrag=2")
		s.giveUp("@33s", "408", s.last()-1)
		s.quiet("+60s")
		return true
	}},
	{"all-routes-down", "routing.all-routes-failed", "", func(s *scene) bool {
		if len(s.chain) < 3 || !s.plain() || slices.Contains(s.chain, "b2bua") {
			return false
		}
		s.steps = s.steps[:s.setUp()]
		from, to := s.hop()
		s.add(to + " > " + from + " 503\n" + from + " > " + to + " ACK\n" + from + " > gw2 INVITE relay" + s.transport("INVITE") + "\ngw2 > " + from + " 500\n" + from + " > gw2 ACK")
		s.giveUp("", "503", s.last()-1)
		s.quiet("+40s")
		return true
	}},
	{"other-branch-left", "dialog.orphan-fork", "", func(s *scene) bool {
		if !slices.Equal(s.chain, []string{"alice", "proxy", "bob"}) || !s.plain() || s.tcp || s.auth {
			return false
		}
		s.steps = lines(`
alice > proxy INVITE sdp
proxy > alice 100
proxy > bob INVITE
proxy > carol INVITE
+2s bob > proxy 200 sdp
proxy > alice 200 from=bob
carol > proxy 200 sdp
proxy > alice 200 from=carol
alice > proxy ACK dialog=bob
proxy > bob ACK dialog=bob
+9s alice > proxy BYE dialog=bob
proxy > bob BYE dialog=bob
bob > proxy 200 BYE
proxy > alice 200 BYE`)
		s.quiet("+40s")
		return true
	}},
	{"not-refreshed", "dialog.session-expired", "", func(s *scene) bool {
		if s.last() > 1 || !s.plain() || s.tcp || s.auth {
			return false
		}
		s.request("Session-Expires: 600;refresher=uac")
		s.steps[s.find("bob", "alice", "200", 0)].rest += " Session-Expires: 600;refresher=uac"
		s.steps = s.steps[:s.find("alice", "bob", "BYE", 0)]
		s.add("+568s bob > alice BYE\nalice > bob 200 BYE")
		s.quiet("+40s")
		return true
	}},
	{"binding-gone", "nat.binding-expired", "", func(s *scene) bool {
		if !slices.Equal(s.chain, []string{"alice", "proxy", "bob"}) || !s.plain() || s.tcp || s.auth {
			return false
		}
		s.elements = "bob=203.0.113.31:40123;nat=192.168.1.31:5060"
		s.steps = lines(`
bob > proxy REGISTER expires=600
proxy > bob 200 expires=600
+200s alice > proxy INVITE sdp to=bob callid=1
proxy > alice 100
proxy > bob INVITE resend=6
+32s proxy > alice 408 own
alice > proxy ACK`)
		s.quiet("+60s")
		return true
	}},
	{"no-name", "routing.dns-failure", "", func(s *scene) bool {
		if len(s.chain) < 3 || !s.plain() {
			return false
		}
		s.steps = s.steps[:s.find(s.chain[1], s.chain[0], "100", 0)+1]
		s.steps = append(s.steps, step{"", s.chain[1], s.chain[0], "478", "own " + strings.TrimSpace(s.key(0)) + ` "Unresolvable destination (478/TM)"`, ""}, step{"", s.chain[0], s.chain[1], "ACK", strings.TrimSpace(s.key(0)), ""})
		s.quiet("+40s")
		return true
	}},

	// Registrations and the rest.
	{"register-no-rport", "nat.rport-missing", "registration", func(s *scene) bool {
		if s.tcp || s.last() > 1 {
			return false
		}
		s.elements = "alice=203.0.113.10:40123;nat=10.0.0.5:5060;rport=no"
		s.steps = s.steps[:1]
		s.add("registrar > alice 401 dst=203.0.113.10:5060")
		for _, w := range []string{"+500ms", "+1s", "+2s", "+4s"} {
			s.add(w + " alice > registrar REGISTER resend\nregistrar > alice 401 resend dst=203.0.113.10:5060")
		}
		s.quiet("+60s")
		return true
	}},
	{"register-wrong-password", "auth.wrong-credentials", "registration", registerAgain("password=wrong", "403", "")},
	{"register-wrong-password-401", "auth.wrong-credentials", "registration", registerAgain("password=wrong", "401", "")},
	{"register-wrong-realm", "auth.realm-mismatch", "registration", registerAgain("realm=elsewhere.example", "401", "")},
	{"register-too-brief", "capability.interval-too-brief", "registration", registerAgain("", "423", "Min-Expires: 3600")},
	{"register-refused", "policy.forbidden", "registration", func(s *scene) bool {
		s.steps = s.steps[:s.last()]
		s.answer("", "403", "", s.last(), false)
		s.quiet("+40s")
		return true
	}},
	{"register-silent", "transport.no-response", "registration", func(s *scene) bool {
		if s.tcp {
			return false
		}
		s.steps = s.steps[:s.last()]
		s.steps[s.last()-1].rest = resent(s.steps[s.last()-1].rest, "resend=10")
		s.giveUp("@33s", "408", s.last()-1)
		s.steps = slices.DeleteFunc(s.steps, func(st step) bool { return st.what == "ACK" })
		s.quiet("+60s")
		return true
	}},
	{"register-never-answered", "auth.no-credentials", "registration", func(s *scene) bool {
		s.steps = s.steps[:2*s.last()]
		s.quiet("+60s")
		return true
	}},
	{"event-package", "capability.event-package", "subscription", func(s *scene) bool {
		s.steps = s.steps[:1]
		s.add("bob > alice 489 Allow-Events: dialog")
		s.quiet("+40s")
		return true
	}},
	{"pings-unanswered", "keepalive.lost", "options", func(s *scene) bool {
		s.steps = slices.DeleteFunc(s.steps, func(st step) bool {
			return st.from == "gw" && !strings.Contains(st.rest, "ping0") && !strings.Contains(st.rest, "ping1")
		})
		for i := range s.steps {
			if st := &s.steps[i]; st.from == "proxy" && !strings.Contains(st.rest, "ping0") && !strings.Contains(st.rest, "ping1") {
				st.rest += " resend=6"
			}
		}
		return true
	}},
	{"message-refused", "capability.method", "transaction", func(s *scene) bool {
		s.steps = s.steps[:s.last()]
		s.answer("", "405", "Allow: INVITE, ACK, BYE", s.last(), false)
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

// again lets the credentials of the caller be wrong, and refused.
func again(options, code, rest string) func(*scene) bool {
	return func(s *scene) bool {
		if !s.auth {
			return false
		}
		s.steps = s.steps[:4]
		s.steps[3].rest += " " + options
		me, next, key := s.chain[0], s.chain[1], s.key(0)
		s.add(next + " > " + me + " " + code + key + " " + rest + "\n" + me + " > " + next + " ACK" + key)
		s.quiet("+60s")
		return true
	}
}

func registerAgain(options, code, rest string) func(*scene) bool {
	return func(s *scene) bool {
		s.steps = s.steps[:3*s.last()]
		s.steps[2*s.last()].rest += " " + options
		s.answer("", code, rest, s.last(), false)
		s.quiet("+60s")
		return true
	}
}
