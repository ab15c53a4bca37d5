package lab

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"sipcause/internal/testkit/b2bua"
)

// Who is who in every scene.
const (
	caller = "192.0.2.10:5060"
	proxy  = "192.0.2.20:5060"
	proxy2 = "192.0.2.21:5060"
	callee = "198.51.100.31:5060" // a phone, or the first gateway
	second = "198.51.100.32:5060" // the second gateway, or the second phone
)

// addresses are given to the loopback interface of each scene's namespace; sending to any other fails.
var addresses = []string{"192.0.2.10", "192.0.2.11", "192.0.2.20", "192.0.2.21", "192.0.2.22", "198.51.100.31", "198.51.100.32"}

// kamailio is one proxy: its configuration and the definitions handed to it (-A).
type kamailio struct {
	cfg    string
	listen string // proxy unless said otherwise
	define []string
}

// sipp is one end: script, own address, and what it is told.
type sipp struct {
	script string // file of sipp/, without .xml
	steps  []step // instead of a file: script_test.go
	at     string
	talk   time.Duration     // length of its pause: ringing, or talking
	after  time.Duration     // callers only: wait before starting
	keys   map[string]string // values of [keywords] in the script, over the defaults; may have several lines
	user   string            // of its digest credentials
	secret string
	tcp    bool
	fails  bool          // callers only: SIPp sees that its story did not go to its end
	stays  bool          // callers only: it is not waited for, and goes on until the scene ends
	calls  int           // callers only: calls made one after the other; 0: one
	every  time.Duration // between the beginnings of these calls
}

// scene is one story: who stands where, who calls, what must be seen on the wire and what is the truth of it.
type scene struct {
	name    string
	proxies []kamailio
	ends    []sipp // wait for requests
	callers []sipp // act one after the other; the scene ends with the last
	b2buas  []b2bua.Config
	phones  []phone
	tls     bool   // keys and certificates are made: keys_test.go
	deeds   []deed // of the phones, one after the other; at the same time as callers
	net     network
	media   []stream
	codes   string // status codes that the capture must hold, in order of first appearance, without 100
	truth   truth
	why     string // of a failing scene: how the fault was made
	twin    *scene // of a failing scene: the same without the fault
	open    string // what sipcause says of it, against the label, for as long as it does

	by    string // who makes the call that the label is about, when it is no SIPp: address and port
	found string // its Call-ID in the capture, once that has been read
}

// phone is one baresip.
type phone struct {
	at      string
	user    string
	secret  string   // it registers when it has one
	codecs  []string // modules; nil: g711
	modules []string
	config  []string // more lines of its configuration
	account string   // more parameters of its account
}

// deed is what a phone does next, in baresip's words.
type deed struct {
	after time.Duration
	phone int
	does  string // empty: nothing, the scene goes on for that long
}

// truth is what a person who watched the scene being played would say of the call, registration or
// transaction that the last caller made.
type truth struct {
	kind     string // call, registration or transaction; capture: finding is one of the capture as a whole
	outcome  string // of analysis-json
	code     int    // what the caller saw last; 0 with an outcome: nothing, without: not part of the label
	cause    string // root cause; empty: none; several, best first, with | between, where packets cannot tell them apart
	origin   string // who made the deciding response; empty: nobody did; unsaid: not part of the label
	suspect  string // where to look first; empty: not part of the label
	finding  string // must be among the findings
	attempts int    // targets tried by the proxy, when it tried several
}

const unsaid = "unsaid"

const (
	calls     = "call"
	registers = "registration"
	messages  = "transaction"
	whole     = "capture"
)

// but is the scene s with one fault: it differs from s, its healthy twin, in what fault changes and in nothing
// else. why says how the fault was made. A truth without kind is about what s is about.
func (s scene) but(name, why string, fault func(*scene), codes string, t truth) scene {
	twin := s
	failing := s.clone()
	fault(&failing)
	if t.kind == "" {
		t.kind = s.truth.kind
	}
	failing.name, failing.why, failing.codes, failing.truth, failing.twin = name, why, codes, t, &twin
	return failing
}

// contradicted says what sipcause says of s, where that is not what the label says.
func (s scene) contradicted(by string) scene {
	s.open = by
	return s
}

// with is the healthy scene s played under another name in another, also healthy way.
func (s scene) with(name string, change func(*scene)) scene {
	other := s.clone()
	change(&other)
	other.name = name
	return other
}

// clone shares nothing with s that a fault may change.
func (s scene) clone() scene {
	s.proxies = slices.Clone(s.proxies)
	for i := range s.proxies {
		s.proxies[i].define = slices.Clone(s.proxies[i].define)
	}
	s.ends, s.callers = cloneEnds(s.ends), cloneEnds(s.callers)
	s.b2buas, s.phones, s.deeds = slices.Clone(s.b2buas), slices.Clone(s.phones), slices.Clone(s.deeds)
	s.net = s.net.clone()
	s.media = slices.Clone(s.media)
	return s
}

func cloneEnds(list []sipp) []sipp {
	list = slices.Clone(list)
	for i := range list {
		list[i].keys = maps.Clone(list[i].keys)
		list[i].steps = slices.Clone(list[i].steps)
	}
	return list
}

// set gives the end a value for a keyword of its script.
func (e *sipp) set(key, value string) {
	if e.keys == nil {
		e.keys = map[string]string{}
	}
	e.keys[key] = value
}

var relay = []kamailio{{cfg: "relay.cfg", define: []string{`NEXT="sip:198.51.100.31:5060"`}}}

// answered is the scene that most failing ones come from: one proxy, and a callee who answers.
var answered = scene{
	name: "answered", proxies: relay, ends: []sipp{answering},
	callers: []sipp{{script: "uac_call", at: caller, talk: 6 * time.Second}},
	codes:   "180 200",
	truth:   truth{kind: calls, outcome: "answered", code: 200},
}

// refusal is the scene of a callee that refuses at once, relayed by one proxy.
func refusal(name, why, code, phrase, header string, t truth) scene {
	t.origin = callee
	return answered.but(name, why, func(s *scene) { s.ends[0] = reject(callee, code, phrase, header) }, code, t)
}

// rung is the scene of a callee that rings for a time and then refuses.
func rung(name, why string, ring time.Duration, code, phrase, header string, t truth) scene {
	t.origin = callee
	return answered.but(name, why, func(s *scene) {
		s.ends[0] = sipp{script: "uas_ring_reject", at: callee, talk: ring, keys: map[string]string{"code": code, "phrase": phrase, "header": header}}
	}, "180 "+code, t)
}

// headerName makes words for a scene's name of a header's name and value.
func headerName(header string) string {
	words := strings.FieldsFunc(strings.ToLower(header), func(r rune) bool { return r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return strings.Join(words, "-")
}

// reject is a gateway that refuses at once.
func reject(at, code, phrase, header string) sipp {
	return sipp{script: "uas_reject", at: at, keys: map[string]string{"code": code, "phrase": phrase, "header": header}}
}

var (
	alice     = sipp{script: "uac_register", at: caller, user: "alice", secret: "secret-alice", keys: map[string]string{"expires": "60"}}
	answering = sipp{script: "uas_answer", at: callee, talk: 500 * time.Millisecond}
)

// bobRegisters is the callee's own registration, from another port of the callee's (where it takes calls a
// SIPp of its own may listen).
func bobRegisters(script string, talk time.Duration, expires string) sipp {
	return sipp{
		script: script, at: "198.51.100.31:5070", talk: talk, user: "bob", secret: "secret-bob",
		keys: map[string]string{"from_uri": "sip:bob@example.com", "contact": callee, "expires": expires},
	}
}
