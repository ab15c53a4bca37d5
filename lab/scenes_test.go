package lab

import "time"

// Who is who in every scene.
const (
	caller = "192.0.2.10:5060"
	proxy  = "192.0.2.20:5060"
	proxy2 = "192.0.2.21:5060"
	callee = "198.51.100.31:5060" // a phone, or the first gateway
	second = "198.51.100.32:5060" // the second gateway, or the second phone
)

// addresses are given to the loopback interface of each scene's namespace; sending to any other fails.
var addresses = []string{"192.0.2.10", "192.0.2.20", "192.0.2.21", "198.51.100.31", "198.51.100.32"}

// kamailio is one proxy: its configuration and the definitions handed to it (-A).
type kamailio struct {
	cfg    string
	listen string // proxy unless said otherwise
	define []string
}

// sipp is one end: script, own address, and what it is told.
type sipp struct {
	script string
	at     string
	talk   time.Duration     // length of its pause: ringing, or talking
	after  time.Duration     // callers only: wait before starting
	keys   map[string]string // values of [keywords] in the script, over the defaults
	user   string            // of its digest credentials
	secret string
	tcp    bool
}

// scene is one story: who stands where, who calls, what must be seen on the wire and what is the truth of it.
type scene struct {
	name    string
	proxies []kamailio
	ends    []sipp // wait for requests
	callers []sipp // act one after the other; the scene ends with the last
	codes   string // status codes that the capture must hold, in order of first appearance, without 100
	truth   truth
}

// truth is what a person who watched the scene being played would say of the call, registration or
// transaction that the last caller made.
type truth struct {
	kind     string // call, registration or transaction
	outcome  string // of analysis-json
	code     int    // what the caller saw last
	cause    string // root cause; empty: none
	origin   string // who made the deciding response; empty: nobody did
	suspect  string // where to look first; empty: not part of the label
	finding  string // must be among the findings
	attempts int    // targets tried by the proxy, when it tried several
}

const (
	calls     = "call"
	registers = "registration"
	messages  = "transaction"
)

var relay = []kamailio{{cfg: "relay.cfg", define: []string{`NEXT="sip:198.51.100.31:5060"`}}}

// refusal is the scene of a callee that refuses at once, relayed by one proxy.
func refusal(name, code, phrase, header string, t truth) scene {
	t.kind, t.origin = calls, callee
	return scene{
		name:    name,
		proxies: relay,
		ends:    []sipp{{script: "uas_reject", at: callee, keys: map[string]string{"code": code, "phrase": phrase, "header": header}}},
		callers: []sipp{{script: "uac_call", at: caller}},
		codes:   code,
		truth:   t,
	}
}

// rung is the scene of a callee that rings for a time and then refuses.
func rung(name string, ring time.Duration, code, phrase string, t truth) scene {
	t.kind, t.origin = calls, callee
	return scene{
		name:    name,
		proxies: relay,
		ends:    []sipp{{script: "uas_ring_reject", at: callee, talk: ring, keys: map[string]string{"code": code, "phrase": phrase}}},
		callers: []sipp{{script: "uac_call", at: caller}},
		codes:   "180 " + code,
		truth:   t,
	}
}

// reject is a gateway that refuses at once.
func reject(at, code, phrase, header string) sipp {
	return sipp{script: "uas_reject", at: at, keys: map[string]string{"code": code, "phrase": phrase, "header": header}}
}

var (
	alice      = sipp{script: "uac_register", at: caller, user: "alice", secret: "secret-alice", keys: map[string]string{"expires": "60"}}
	aliceWrong = sipp{script: "uac_register", at: caller, user: "alice", secret: "guess", keys: map[string]string{"expires": "60"}}
	answering  = sipp{script: "uas_answer", at: callee, talk: 500 * time.Millisecond}
)

// bobRegisters is the callee's own registration, from another port of the callee's (where it takes calls a
// SIPp of its own may listen).
func bobRegisters(script string, talk time.Duration, expires string) sipp {
	return sipp{
		script: script, at: "198.51.100.31:5070", talk: talk, user: "bob", secret: "secret-bob",
		keys: map[string]string{"from_uri": "sip:bob@example.com", "contact": callee, "expires": expires},
	}
}
