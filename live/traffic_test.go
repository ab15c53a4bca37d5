//go:build linux

package live

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// sipp is one SIPp: a scenario of the lab's, and what it is told.
type sipp struct {
	name   string
	script string // of ../lab/sipp
	tcp    bool
	talk   time.Duration     // length of its pause: ringing, or talking
	keys   map[string]string // values of [keywords] in the scenario, over defaultKeys
	port   int               // gateways only; callers get one each
	after  string            // callers only: the caller that must have ended before
}

// callID is that of the call that a caller makes.
func (e sipp) callID() string { return fmt.Sprintf("%s-1@%s", e.name, caller) }

// gateways wait for calls.
var gateways = []sipp{
	{name: "answers", script: "uas_answer", port: 5060, talk: 500 * time.Millisecond},
	{name: "answers-tcp", script: "uas_answer", port: 5066, talk: 500 * time.Millisecond, tcp: true, keys: map[string]string{"here": "[local_ip]:[local_port];transport=tcp"}},
	{name: "is-busy", script: "uas_reject", port: 5061, keys: map[string]string{"code": "486", "phrase": "Busy Here"}},
	{name: "declines", script: "uas_ring_reject", port: 5062, talk: 300 * time.Millisecond, keys: map[string]string{"code": "603", "phrase": "Decline"}},
	{name: "is-overloaded", script: "uas_reject", port: 5063, keys: map[string]string{"code": "503", "phrase": "Service Unavailable"}},
	{name: "rings", script: "uas_ring", port: 5064},
	{name: "is-silent", script: "uas_silent", port: 5065},
}

// callers make one call each, all at once, the same over UDP and over TCP, as users of their names. The proxy gives up what is silent after
// giveUp, and what rings after ringFor.
func callers() (all []sipp) {
	to := func(user string) map[string]string {
		return map[string]string{"to_uri": "sip:" + user + "@example.com"}
	}
	for _, e := range []sipp{
		{name: "answered", script: "uac_call", talk: 3 * time.Second},
		{name: "long", script: "uac_call", talk: 6 * time.Second},
		{name: "busy", script: "uac_call", keys: to("busy")},
		{name: "declined", script: "uac_call", keys: to("declining")},
		{name: "unknown", script: "uac_call", keys: to("nobody")},
		{name: "overloaded", script: "uac_call", keys: to("overloaded")},
		{name: "failover", script: "uac_call", talk: 2 * time.Second, keys: to("two-gateways")},
		{name: "challenged", script: "uac_call_auth", talk: 2 * time.Second, keys: to("challenged")},
		{name: "cancelled", script: "uac_cancel", talk: time.Second, keys: to("ringing")},
		{name: "unanswered", script: "uac_call", keys: to("ringing")},
		{name: "silent", script: "uac_call", keys: to("silent")},
		{name: "beyond-tcp", script: "uac_call", talk: time.Second, keys: to("tcp")},
		{name: "closed", script: "uac_call", keys: to("closed")},
		{name: "tcp-closed", script: "uac_call", keys: to("tcp-closed")},
	} {
		all = append(all, e)
		if e.name == "tcp-closed" {
			continue // of two at once, Kamailio may queue one behind the connection that the other is still opening
		}
		e.name += "-by-tcp"
		e.tcp = true
		all = append(all, e)
	}
	return append(all,
		sipp{name: "registers", script: "uac_register"},
		sipp{name: "carol", script: "uac_unregister", talk: 500 * time.Millisecond},
		sipp{name: "unregistered", script: "uac_call", keys: to("carol"), after: "carol"},
	)
}

const (
	giveUp  = 4 * time.Second
	ringFor = 5 * time.Second
)

// defaultKeys are values of the scenarios' [keywords] where an end says nothing else.
var defaultKeys = map[string]string{
	"to_uri": "sip:bob@example.com", "format": "0", "encoding": "PCMU", "hops": "70", "header": "",
	"code": "500", "phrase": "Server Internal Error", "expires": "60", "type": "application/sdp", "why": "", "length": "[len]",
	"contact_line": "Contact: <sip:lab@[here]>", "here": "[local_ip]:[local_port]", "contact": callee + ":5060",
	"body": "v=0\no=lab 53655765 2353687637 IN IP4 [local_ip]\ns=-\nc=IN IP4 [local_ip]\nt=0 0\n" +
		"m=audio 6000 RTP/AVP [format]\na=rtpmap:[format] [encoding]/8000",
}

// scenario puts values for the keywords of the lab; SIPp puts its own.
func (e sipp) scenario() (string, error) {
	b, err := os.ReadFile(filepath.Join("../lab/sipp", e.script+".xml"))
	if err != nil {
		return "", err
	}
	text, keys := string(b), maps.Clone(defaultKeys)
	keys["from_uri"] = "sip:" + e.name + "@example.com" // nobody is taken for another who tries again
	maps.Copy(keys, e.keys)
	outer := []string{"body", "contact_line"} // these hold others
	for _, k := range append(outer, slices.Sorted(maps.Keys(keys))...) {
		if keys[k] == "" { // a line that is nothing but a keyword without a value is left out
			text = regexp.MustCompile(`(?m)^ *\[`+k+`\]\n`).ReplaceAllLiteralString(text, "")
		}
		text = strings.ReplaceAll(text, "["+k+"]", keys[k])
	}
	if e.port == 0 { // over TCP, what it sent last is read before it closes the connection
		text = strings.Replace(text, "</scenario>", `<timewait milliseconds="1000"/></scenario>`, 1)
	}
	return text, nil
}

// sipp starts one SIPp at the near end; i tells its ports.
func (s *stage) sipp(e sipp, i int) *process {
	s.t.Helper()
	text, err := e.scenario()
	if err != nil {
		s.t.Fatal(err)
	}
	script := filepath.Join(s.dir, e.name+".xml")
	if err := os.WriteFile(script, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	host := callee
	if e.port == 0 {
		host = caller
	}
	args := []string{
		proxy + ":5060", "-sf", script, "-i", host, "-p", fmt.Sprint(cmp.Or(e.port, 5100+i)), "-s", e.name, "-au", e.name, "-ap", "secret-" + e.name,
		"-d", fmt.Sprint(e.talk.Milliseconds()), "-cid_str", e.name + "-%u@%s", "-nostdin", "-trace_err",
		"-cp", fmt.Sprint(9000 + i), "-mp", fmt.Sprint(20000 + 4*i), "-timeout", "90", "-timeout_error",
	}
	if e.port == 0 {
		args = append(args, "-m", "1")
	}
	if e.tcp {
		args = append(args, "-t", "t1")
	}
	return s.start(s.near, e.name, "sipp", args...)
}

// proxy starts Kamailio, which mirrors to a URI.
func (s *stage) proxy(mirror string) {
	s.t.Helper()
	need(s.t, "kamailio", "sipp")
	cfg, err := filepath.Abs("kamailio.cfg")
	if err != nil {
		s.t.Fatal(err)
	}
	run := filepath.Join(s.dir, "kamailio")
	if err := os.Mkdir(run, 0o755); err != nil {
		s.t.Fatal(err)
	}
	p := s.start(s.far, "kamailio", "kamailio", "-DD", "-E", "-m", "16", "-M", "4", "-f", cfg, "-Y", run, "-w", run, "-P", filepath.Join(run, "pid"),
		"-A", fmt.Sprintf("MIRROR=%q", mirror), "-A", fmt.Sprint("FR=", giveUp.Milliseconds()), "-A", fmt.Sprint("FR_INV=", ringFor.Milliseconds()))
	s.ready(p, "listens", func() bool {
		return s.far.listens("udp", proxy+":5060")() && s.far.listens("tcp", proxy+":5060")()
	})
}

// play has all callers make their calls, to the end.
func (s *stage) play() []sipp {
	s.t.Helper()
	for i, g := range gateways {
		network := "udp"
		if g.tcp {
			network = "tcp"
		}
		p := s.sipp(g, i)
		s.ready(p, "listens", s.near.listens(network, fmt.Sprint(callee, ":", g.port)))
	}
	all := callers()
	running := map[string]*process{}
	for i, c := range all {
		if c.after != "" {
			if err := s.ends(running[c.after], finalWait); err != nil {
				s.t.Fatalf("%s: %v: %s", c.after, err, running[c.after].text())
			}
		}
		running[c.name] = s.sipp(c, len(gateways)+i)
	}
	for _, c := range all {
		if err := s.ends(running[c.name], finalWait); err != nil {
			s.t.Errorf("%s: %v: see %s", c.name, err, running[c.name].log)
		}
	}
	return all
}
