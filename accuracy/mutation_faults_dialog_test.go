package accuracy

import (
	"slices"
	"strings"
)

// denials: authentication of a call.
var denials = []fault{
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
}

// breaks: what goes wrong in a dialog, or on the way to one.
var breaks = []fault{
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
}

// requests: registrations and whatever is no call.
var requests = []fault{
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
