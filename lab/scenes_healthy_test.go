package lab

import "time"

// Scenes in which nothing goes wrong: nothing here may be blamed on anybody. They are what the failing scenes
// are made from.
var (
	registered = scene{
		name: "registered", proxies: []kamailio{{cfg: "home.cfg"}},
		callers: []sipp{alice},
		codes:   "401 200",
		truth:   truth{kind: registers, outcome: "answered", code: 200},
	}
	// home is a call to somebody who registered.
	home = scene{
		name: "home", proxies: []kamailio{{cfg: "home.cfg"}},
		ends: []sipp{answering},
		callers: []sipp{
			bobRegisters("uac_register", 0, "60"),
			{script: "uac_call", at: caller, talk: 6 * time.Second},
		},
		codes: "401 200 180",
		truth: truth{kind: calls, outcome: "answered", code: 200},
	}
	// secured is the same where callers are challenged too.
	secured = scene{
		name: "answered-after-challenge", proxies: []kamailio{{cfg: "home.cfg", define: []string{"WITH_CALL_AUTH"}}},
		callers: []sipp{
			bobRegisters("uac_register", 0, "60"),
			{script: "uac_call_auth", at: caller, user: "alice", secret: "secret-alice", talk: 6 * time.Second},
		},
		ends:  []sipp{answering},
		codes: "401 200 407 180",
		truth: truth{kind: calls, outcome: "answered", code: 200},
	}
	// hunted is a call through a proxy that has two gateways, of which the first takes it.
	hunted = scene{
		name: "first-gateway-answers", proxies: []kamailio{{cfg: "hunt.cfg"}},
		ends:    []sipp{answering, {script: "uas_answer", at: second, talk: 500 * time.Millisecond}},
		callers: []sipp{{script: "uac_call", at: caller, talk: 6 * time.Second}},
		codes:   "180 200",
		truth:   truth{kind: calls, outcome: "answered", code: 200},
	}
	// relayed is a call through two proxies.
	relayed = scene{
		name: "answered-behind-two-proxies",
		proxies: []kamailio{
			{cfg: "relay.cfg", define: []string{`NEXT="sip:192.0.2.21:5060"`}},
			{cfg: "loop.cfg", listen: proxy2, define: []string{`PEER="sip:198.51.100.31:5060"`}},
		},
		ends:    []sipp{answering},
		callers: []sipp{{script: "uac_call", at: caller, talk: 6 * time.Second}},
		codes:   "180 200",
		truth:   truth{kind: calls, outcome: "answered", code: 200},
	}
	overTCP = answered.with("answered-over-tcp", func(s *scene) { s.callers[0].tcp = true }) // to the proxy, UDP from there
	// messaged is a MESSAGE that is taken.
	messaged = scene{
		name: "message-taken", proxies: relay,
		ends:    []sipp{{script: "uas_message", at: callee, keys: map[string]string{"code": "200", "phrase": "OK"}}},
		callers: []sipp{{script: "uac_message", at: caller}},
		codes:   "200",
		truth:   truth{kind: messages, outcome: "answered", code: 200},
	}
)

func healthyScenes() []scene {
	return []scene{
		answered, registered, secured, relayed, overTCP, messaged,
		{
			name: "fork-one-busy-one-answers", proxies: []kamailio{{cfg: "hunt.cfg", define: []string{"WITH_FORK"}}},
			ends: []sipp{
				{script: "uas_ring_reject", at: callee, talk: 700 * time.Millisecond, keys: map[string]string{"code": "486", "phrase": "Busy Here"}},
				{script: "uas_answer", at: second, talk: 2 * time.Second},
			},
			callers: []sipp{{script: "uac_call", at: caller, talk: 6 * time.Second}},
			codes:   "180 486 200",
			truth:   truth{kind: calls, outcome: "answered", code: 200},
		},
	}
}
