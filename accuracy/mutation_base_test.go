package accuracy

import (
	"fmt"
	"slices"
	"strings"
)

// step is one line of a flow: a message from one element to another, or, with raw, anything else.
type step struct {
	wait     string
	from, to string
	what     string // method or code
	rest     string
	raw      string
}

func (s *step) String() string {
	line := s.raw
	if line == "" {
		line = strings.TrimSpace(s.from + " > " + s.to + " " + s.what + " " + s.rest)
	}
	if s.wait != "" {
		line = s.wait + " " + line
	}
	return line
}

// scene is a healthy flow that mutations may change.
type scene struct {
	name     string
	elements string
	chain    []string // from the caller to the callee
	kind     string   // call, registration, subscription, options
	tcp      bool
	auth     bool // the first element challenges
	rel      bool // reliable 183 and PRACK
	hold     bool // re-INVITE
	refer    bool
	steps    []step
}

func (s *scene) text() string {
	var b strings.Builder
	if s.elements != "" {
		b.WriteString("elements " + s.elements + "\n")
	}
	for i := range s.steps {
		b.WriteString(s.steps[i].String() + "\n")
	}
	return b.String()
}

func (s *scene) clone() *scene {
	c := *s
	c.steps = slices.Clone(s.steps)
	return &c
}

// key is what puts a line into the right call where a B2BUA parts them.
func (s *scene) key(hop int) string {
	at := slices.Index(s.chain, "b2bua")
	switch {
	case at < 0:
		return ""
	case hop < at:
		return " callid=1"
	}
	return " callid=2"
}

// ask sends a request along the chain, up from the callee with back.
func (s *scene) ask(wait, method, rest string, back bool) {
	n := len(s.chain) - 1
	for i := range n {
		hop, from, to := i, s.chain[i], s.chain[i+1]
		if back {
			hop = n - 1 - i
			from, to = s.chain[hop+1], s.chain[hop]
		}
		opts := s.key(hop)
		if i == 0 || s.chain[hop] == "b2bua" && !back || back && s.chain[hop+1] == "b2bua" {
			if s.chain[hop] == "b2bua" && !back && method == "INVITE" {
				opts += " from=alice"
			}
			if slices.Contains(s.chain, "b2bua") && !back && method == "INVITE" {
				opts += " to=" + dialled
			}
			opts += " " + rest // others relay what they got
			if s.chain[hop] == "b2bua" && hop > 1 && method == "INVITE" && !back {
				opts += " X-Call-ID: 1.main@flow.example.com"
			}
		}
		s.steps = append(s.steps, step{wait, from, to, method, strings.TrimSpace(s.transport(method) + opts), ""})
		wait = ""
	}
}

func (s *scene) transport(method string) string {
	if s.tcp && method == "INVITE" {
		return " tcp"
	}
	return ""
}

// answer sends a response the other way, from element index at on down to the caller.
func (s *scene) answer(wait, code, rest string, at int, ack bool) {
	for hop := at - 1; hop >= 0; hop-- {
		opts := s.key(hop)
		switch {
		case hop == at-1:
			opts += " " + rest
		case s.chain[hop+1] == "b2bua":
			opts += " own " + rest
		}
		s.steps = append(s.steps, step{wait, s.chain[hop+1], s.chain[hop], code, strings.TrimSpace(opts), ""})
		if ack {
			s.steps = append(s.steps, step{"", s.chain[hop], s.chain[hop+1], "ACK", strings.TrimSpace(s.key(hop)), ""})
		}
		wait = ""
	}
}

// answerBack is answer for a request that the callee sent.
func (s *scene) answerBack(code, rest string) {
	for hop := range len(s.chain) - 1 {
		opts := s.key(hop)
		if hop == 0 || s.chain[hop] == "b2bua" {
			if s.chain[hop] == "b2bua" {
				opts += " own"
			}
			opts += " " + rest
		}
		s.steps = append(s.steps, step{"", s.chain[hop], s.chain[hop+1], code, strings.TrimSpace(opts), ""})
	}
}

func (s *scene) last() int { return len(s.chain) - 1 }

const dialled = "+15550123"

// quiet lets the capture go on so long: others talk.
func (s *scene) quiet(wait string) {
	s.steps = append(s.steps, step{wait, "carol", "dave", "OPTIONS", "", ""}, step{"", "dave", "carol", "200", "OPTIONS", ""})
}

// invite makes the set-up up to and with the ringing.
func (s *scene) invite() {
	rest := "sdp"
	if s.rel {
		rest += " Supported: 100rel"
	}
	s.ask("", "INVITE", rest, false)
	if s.auth {
		first := s.steps[0]
		s.steps[0].rest += " auth"
		s.steps = append([]step{
			first,
			{"", s.chain[1], s.chain[0], "407", strings.TrimSpace(s.key(0)), ""},
			{"", s.chain[0], s.chain[1], "ACK", strings.TrimSpace(s.key(0)), ""},
		}, s.steps...)
	}
	// each server says 100 when it has the INVITE
	var out []step
	for i := range s.steps {
		st := s.steps[i]
		out = append(out, st)
		if st.what == "INVITE" && st.to != s.chain[s.last()] && (!s.auth || strings.Contains(st.rest, "auth") || i > 2) {
			hop := slices.Index(s.chain, st.from)
			out = append(out, step{"", st.to, st.from, "100", strings.TrimSpace(s.key(hop)), ""})
		}
	}
	s.steps = out
}

func (s *scene) ring() {
	if !s.rel {
		s.answer("+80ms", "180", "", s.last(), false)
		return
	}
	s.answer("+80ms", "183", "sdp rel", s.last(), false)
	s.ask("", "PRACK", "", false)
	s.answer("", "200", "PRACK", s.last(), false)
}

func (s *scene) talk() {
	rest := "sdp"
	if s.rel {
		rest = ""
	}
	s.answer("+3s", "200", strings.TrimSpace(rest+" INVITE"), s.last(), false)
	s.ask("", "ACK", "", false)
	if s.hold {
		s.ask("+4s", "INVITE", "sdp=PCMU;sendonly", true)
		s.answerBack("200", "sdp=PCMU;recvonly INVITE")
		s.ask("", "ACK", "", true)
	}
	if s.refer {
		s.ask("+4s", "REFER", "Refer-To: <sip:carol@example.com>", false)
		s.answer("", "202", "REFER", s.last(), false)
	}
}

func (s *scene) hangUp() {
	s.ask("+12s", "BYE", "", false)
	s.answer("", "200", "BYE", s.last(), false)
	s.quiet("+40s")
}

// scenes are the healthy flows.
func scenes() []*scene {
	chains := map[string][]string{
		"direct":  {"alice", "bob"},
		"proxy":   {"alice", "proxy", "bob"},
		"proxies": {"alice", "edge", "core", "gw"},
		"b2bua":   {"alice", "b2bua", "gw"},
		"mixed":   {"alice", "proxy", "b2bua", "gw"},
	}
	var out []*scene
	for _, name := range []string{"direct", "proxy", "proxies", "b2bua", "mixed"} {
		for _, variant := range []string{"", "tcp", "auth", "hold", "rel", "refer"} {
			s := &scene{name: strings.TrimSuffix(name+"-"+variant, "-"), chain: chains[name], kind: "call"}
			if variant == "refer" && slices.Contains(s.chain, "b2bua") {
				continue
			}
			switch variant {
			case "tcp":
				s.tcp = true
			case "auth":
				s.auth = true
			case "hold":
				s.hold = true
			case "rel":
				s.rel = true
			case "refer":
				s.refer = true
			}
			s.invite()
			s.ring()
			s.talk()
			s.hangUp()
			out = append(out, s)
		}
	}
	return append(out, registrations()...)
}

func lines(text string) (out []step) {
	for _, l := range strings.Split(strings.TrimSpace(text), "\n") {
		st := step{}
		f := strings.Fields(l)
		if strings.HasPrefix(f[0], "+") || strings.HasPrefix(f[0], "@") {
			st.wait, f = f[0], f[1:]
		}
		if len(f) > 3 && f[1] == ">" {
			st.from, st.to, st.what, st.rest = f[0], f[2], f[3], strings.Join(f[4:], " ")
		} else if len(f) == 4 && f[1] == ">" {
			st.from, st.to, st.what = f[0], f[2], f[3]
		} else {
			st.raw = strings.Join(f, " ")
		}
		out = append(out, st)
	}
	return out
}

func registrations() []*scene {
	var out []*scene
	for _, tcp := range []bool{false, true} {
		for _, proxied := range []bool{false, true} {
			s := &scene{name: "register", chain: []string{"alice", "registrar"}, kind: "registration", tcp: tcp, auth: true}
			if proxied {
				s.name, s.chain = "register-proxy", []string{"alice", "proxy", "registrar"}
			}
			opt := ""
			if tcp {
				s.name += "-tcp"
				opt = " tcp"
			}
			s.ask("", "REGISTER", "expires=600"+opt, false)
			s.answer("", "401", "", s.last(), false)
			s.ask("", "REGISTER", "expires=600 auth", false)
			s.answer("", "200", "", s.last(), false)
			s.quiet("+40s")
			out = append(out, s)
		}
	}
	sub := &scene{name: "subscribe", chain: []string{"alice", "bob"}, kind: "subscription"}
	sub.steps = lines(`
alice > bob SUBSCRIBE expires=600 Event: presence
bob > alice 200
bob > alice NOTIFY Event: presence
alice > bob 200`)
	sub.quiet("+40s")
	opt := &scene{name: "options", chain: []string{"proxy", "gw"}, kind: "options"}
	for i := range 6 {
		wait := ""
		if i > 0 {
			wait = "+30s"
		}
		opt.steps = append(opt.steps, lines(fmt.Sprintf("%s proxy > gw OPTIONS callid=ping%d\ngw > proxy 200 OPTIONS callid=ping%d", wait, i, i))...)
	}
	opt.quiet("+40s")
	msg := &scene{name: "message", chain: []string{"alice", "proxy", "bob"}, kind: "transaction"}
	msg.ask("", "MESSAGE", "", false)
	msg.answer("", "200", "MESSAGE", 2, false)
	msg.quiet("+40s")
	return append(out, sub, opt, msg)
}
