package lab

import "time"

// routingScenes fail on the way.
func routingScenes() []scene {
	return []scene{
		{
			name: "unknown-user", proxies: []kamailio{{cfg: "home.cfg"}},
			callers: []sipp{{script: "uac_call", at: caller, keys: map[string]string{"to_uri": "sip:dave@example.com"}}},
			codes:   "404",
			truth:   truth{kind: calls, outcome: "failed", code: 404, cause: "routing.unknown-user", origin: proxy},
		},
		{
			name: "unregistered-user", proxies: []kamailio{{cfg: "home.cfg"}},
			callers: []sipp{
				bobRegisters("uac_unregister", 500*time.Millisecond, "60"),
				{script: "uac_call", at: caller, after: time.Second},
			},
			codes: "401 200 404",
			truth: truth{kind: calls, outcome: "failed", code: 404, cause: "routing.not-registered", origin: proxy},
		},
		{
			name: "registration-ran-out", proxies: []kamailio{{cfg: "home.cfg"}},
			callers: []sipp{
				bobRegisters("uac_register", 0, "2"),
				{script: "uac_call", at: caller, after: 5 * time.Second},
			},
			codes: "401 200 404",
			truth: truth{kind: calls, outcome: "failed", code: 404, cause: "routing.not-registered", origin: proxy},
		},
		{
			name: "foreign-domain", proxies: []kamailio{{cfg: "home.cfg"}},
			callers: []sipp{{script: "uac_call", at: caller, keys: map[string]string{"to_uri": "sip:bob@elsewhere.example.org"}}},
			codes:   "403",
			truth:   truth{kind: calls, outcome: "failed", code: 403, cause: "routing.unknown-domain", origin: proxy},
		},
		{
			name: "forbidden", proxies: []kamailio{{cfg: "home.cfg"}},
			callers: []sipp{{script: "uac_call", at: caller, keys: map[string]string{"to_uri": "sip:voicemail-admin@example.com"}}},
			codes:   "403",
			truth:   truth{kind: calls, outcome: "failed", code: 403, cause: "policy.forbidden", origin: proxy},
		},
		{
			name: "max-forwards", // two hops too few, no loop: the second proxy is one too many
			proxies: []kamailio{
				{cfg: "relay.cfg", define: []string{`NEXT="sip:192.0.2.21:5060"`}},
				{cfg: "loop.cfg", listen: proxy2, define: []string{`PEER="sip:198.51.100.31:5060"`}},
			},
			ends:    []sipp{answering},
			callers: []sipp{{script: "uac_call", at: caller, keys: map[string]string{"hops": "1"}}},
			codes:   "483",
			truth:   truth{kind: calls, outcome: "failed", code: 483, cause: "routing.max-forwards", origin: proxy2},
		},
		{
			name: "loop-until-max-forwards",
			proxies: []kamailio{
				{cfg: "loop.cfg", define: []string{`PEER="sip:192.0.2.21:5060"`}},
				{cfg: "loop.cfg", listen: proxy2, define: []string{`PEER="sip:192.0.2.20:5060"`}},
			},
			callers: []sipp{{script: "uac_call", at: caller, keys: map[string]string{"hops": "8"}}},
			codes:   "483",
			truth:   truth{kind: calls, outcome: "failed", code: 483, cause: "routing.loop", origin: proxy},
		},
		{
			name: "loop-detected",
			proxies: []kamailio{
				{cfg: "loop.cfg", define: []string{`PEER="sip:192.0.2.21:5060"`, "WITH_DETECTION"}},
				{cfg: "loop.cfg", listen: proxy2, define: []string{`PEER="sip:192.0.2.20:5060"`}},
			},
			callers: []sipp{{script: "uac_call", at: caller}},
			codes:   "482",
			truth:   truth{kind: calls, outcome: "failed", code: 482, cause: "routing.loop", origin: proxy},
		},
		{
			name: "redirect-not-followed", proxies: relay,
			ends:    []sipp{{script: "uas_redirect", at: callee}},
			callers: []sipp{{script: "uac_call", at: caller}},
			codes:   "302",
			truth:   truth{kind: calls, outcome: "redirected", code: 302, cause: "routing.redirect-not-followed", origin: callee},
		},
		{
			name: "failover-all-failed", proxies: []kamailio{{cfg: "hunt.cfg"}},
			ends:    []sipp{reject(callee, "503", "Service Unavailable", ""), reject(second, "500", "Server Internal Error", "")},
			callers: []sipp{{script: "uac_call", at: caller}},
			codes:   "503 500",
			truth:   truth{kind: calls, outcome: "failed", code: 500, cause: "routing.all-routes-failed", origin: second, attempts: 2},
		},
		refusal("address-incomplete", "484", "Address Incomplete", "", truth{outcome: "failed", code: 484, cause: "routing.address-incomplete"}),
	}
}

// authScenes fail for want of the right credentials.
func authScenes() []scene {
	return []scene{
		{
			name: "wrong-password-challenged-again", proxies: []kamailio{{cfg: "home.cfg"}},
			callers: []sipp{aliceWrong},
			codes:   "401",
			truth:   truth{kind: registers, outcome: "failed", code: 401, cause: "auth.wrong-credentials", origin: proxy, suspect: caller},
		},
		{
			name: "wrong-password-forbidden", proxies: []kamailio{{cfg: "home.cfg", define: []string{"WITH_403"}}},
			callers: []sipp{aliceWrong},
			codes:   "401 403",
			truth:   truth{kind: registers, outcome: "failed", code: 403, cause: "auth.wrong-credentials", origin: proxy, suspect: caller},
		},
		{
			name: "challenge-never-answered", proxies: []kamailio{{cfg: "home.cfg", define: []string{"WITH_CALL_AUTH"}}},
			callers: []sipp{{script: "uac_call", at: caller}},
			codes:   "407",
			truth:   truth{kind: calls, outcome: "challenged", code: 407, cause: "auth.no-credentials", origin: proxy, suspect: caller},
		},
		{
			name: "call-with-wrong-password", proxies: []kamailio{{cfg: "home.cfg", define: []string{"WITH_CALL_AUTH"}}},
			callers: []sipp{{script: "uac_call_auth", at: caller, user: "alice", secret: "guess"}},
			codes:   "407",
			truth:   truth{kind: calls, outcome: "failed", code: 407, cause: "auth.wrong-credentials", origin: proxy, suspect: caller},
		},
	}
}

// transportScenes fail because a packet did not get through. Kamailio's fr_timer is 5 s here, not 32.
func transportScenes() []scene {
	return []scene{
		{
			name: "silent-gateway", proxies: relay,
			ends:    []sipp{{script: "uas_silent", at: callee}},
			callers: []sipp{{script: "uac_call", at: caller}},
			codes:   "408",
			truth:   truth{kind: calls, outcome: "failed", code: 408, cause: "transport.no-response", origin: proxy, suspect: callee},
		},
		{
			name: "closed-port", proxies: relay, // nobody listens there: ICMP port unreachable
			callers: []sipp{{script: "uac_call", at: caller}},
			codes:   "408",
			truth:   truth{kind: calls, outcome: "failed", code: 408, cause: "transport.unreachable", origin: proxy, suspect: callee},
		},
		{
			name: "send-failed", proxies: []kamailio{{cfg: "relay.cfg", define: []string{`NEXT="sip:203.0.113.99:5060"`}}},
			callers: []sipp{{script: "uac_call", at: caller}},
			codes:   "477",
			truth:   truth{kind: calls, outcome: "failed", code: 477, cause: "transport.send-failed", origin: proxy},
		},
		{
			name: "tcp-refused", proxies: []kamailio{{cfg: "relay.cfg", define: []string{`NEXT="sip:198.51.100.31:5060;transport=tcp"`}}},
			callers: []sipp{{script: "uac_call", at: caller}},
			codes:   "477",
			truth:   truth{kind: calls, outcome: "failed", code: 477, cause: "transport.unreachable", origin: proxy, suspect: callee},
		},
	}
}

// peopleScenes end because of what somebody did or did not do.
func peopleScenes() []scene {
	return []scene{
		refusal("busy", "486", "Busy Here", "", truth{outcome: "busy", code: 486, cause: "callee.busy"}),
		{
			name: "busy-behind-two-proxies",
			proxies: []kamailio{
				{cfg: "relay.cfg", define: []string{`NEXT="sip:192.0.2.21:5060"`}},
				{cfg: "loop.cfg", listen: proxy2, define: []string{`PEER="sip:198.51.100.31:5060"`}},
			},
			ends:    []sipp{reject(callee, "486", "Busy Here", "")},
			callers: []sipp{{script: "uac_call", at: caller}},
			codes:   "486",
			truth:   truth{kind: calls, outcome: "busy", code: 486, cause: "callee.busy", origin: callee},
		},
		{
			name: "busy-over-tcp", proxies: relay, // TCP to the proxy, UDP from there
			ends:    []sipp{reject(callee, "486", "Busy Here", "")},
			callers: []sipp{{script: "uac_call", at: caller, tcp: true}},
			codes:   "486",
			truth:   truth{kind: calls, outcome: "busy", code: 486, cause: "callee.busy", origin: callee},
		},
		rung("declined", 2*time.Second, "603", "Decline", truth{outcome: "declined", code: 603, cause: "callee.declined"}),
		rung("unavailable", 2*time.Second, "480", "Temporarily Unavailable", truth{outcome: "failed", code: 480, cause: "callee.unavailable"}),
		{
			name: "no-answer", proxies: relay,
			ends:    []sipp{{script: "uas_ring", at: callee}},
			callers: []sipp{{script: "uac_cancel", at: caller, talk: 11 * time.Second}},
			codes:   "180 200 487",
			truth:   truth{kind: calls, outcome: "no-answer", code: 487, cause: "timeout.no-answer", origin: caller},
		},
		{
			name:    "no-answer-proxy-gives-up",
			proxies: []kamailio{{cfg: "relay.cfg", define: []string{`NEXT="sip:198.51.100.31:5060"`, "FR_INV=12000"}}},
			ends:    []sipp{{script: "uas_ring", at: callee}},
			callers: []sipp{{script: "uac_call", at: caller}},
			codes:   "180 408 200 487",
			truth:   truth{kind: calls, outcome: "no-answer", code: 408, cause: "timeout.no-answer", origin: proxy},
		},
		{
			name: "abandoned", proxies: relay,
			ends:    []sipp{{script: "uas_ring", at: callee}},
			callers: []sipp{{script: "uac_cancel", at: caller, talk: 3 * time.Second}},
			codes:   "180 200 487",
			truth:   truth{kind: calls, outcome: "cancelled", code: 487, cause: "caller.abandoned", origin: caller},
		},
	}
}

// endScenes fail at what the other end cannot do, or at the other end itself.
func endScenes() []scene {
	offer := map[string]string{
		"code": "488", "phrase": "Not Acceptable Here", "format": "18", "encoding": "G729",
		"header": `Warning: 305 198.51.100.31 "Incompatible media format"`,
	}
	return []scene{
		{
			name: "no-common-codec", proxies: relay,
			ends:    []sipp{{script: "uas_reject_offer", at: callee, keys: offer}},
			callers: []sipp{{script: "uac_call", at: caller}},
			codes:   "488",
			truth:   truth{kind: calls, outcome: "failed", code: 488, cause: "media.no-common-codec", origin: callee},
		},
		refusal("bad-extension", "420", "Bad Extension", "Unsupported: 100rel", truth{outcome: "failed", code: 420, cause: "capability.bad-extension"}).
			withCaller("Require: 100rel"),
		refusal("session-interval", "422", "Session Interval Too Small", "Min-SE: 1800", truth{outcome: "failed", code: 422, cause: "capability.session-interval"}).
			withCaller("Session-Expires: 90"),
		refusal("unsupported-body", "415", "Unsupported Media Type", "Accept: application/isup", truth{outcome: "failed", code: 415, cause: "media.unsupported-body"}),
		refusal("internal-error", "500", "Server Internal Error", "", truth{outcome: "failed", code: 500, cause: "server.internal-error", suspect: callee}),
		// Kamailio turns a 503 from below into a 500 (tm, remap_503_500; RFC 3261 §16.7 step 6).
		refusal("503-becomes-500", "503", "Service Unavailable", "Retry-After: 60", truth{outcome: "failed", code: 500, cause: "server.unavailable", suspect: callee}).
			withCodes("503 500"),
		refusal("trunk-full", "503", "Service Unavailable", `Reason: Q.850;cause=34;text="No circuit available"`, truth{outcome: "failed", code: 500, cause: "server.capacity", suspect: callee}).
			withCodes("503 500"),
		{
			name: "message-not-taken", proxies: relay,
			ends:    []sipp{{script: "uas_message", at: callee}},
			callers: []sipp{{script: "uac_message", at: caller}},
			codes:   "405",
			truth:   truth{kind: messages, outcome: "failed", code: 405, cause: "capability.method", origin: callee},
		},
		{
			name: "callee-forgot-the-call", proxies: relay,
			ends:    []sipp{{script: "uas_answer_forgets", at: callee, talk: 500 * time.Millisecond}},
			callers: []sipp{{script: "uac_call", at: caller, talk: 6 * time.Second}},
			codes:   "180 200 481",
			truth:   truth{kind: calls, outcome: "answered", code: 200, finding: "dialog.unknown"},
		},
		{
			name: "ack-never-sent", proxies: relay,
			ends:    []sipp{{script: "uas_answer_unacked", at: callee}},
			callers: []sipp{{script: "uac_never_acks", at: caller}},
			codes:   "180 200",
			truth:   truth{kind: calls, outcome: "failed", code: 200, cause: "dialog.ack-missing", origin: callee, suspect: caller},
		},
	}
}

// withCaller gives the caller's INVITE one more header.
func (s scene) withCaller(header string) scene {
	s.callers = []sipp{{script: "uac_call", at: caller, keys: map[string]string{"header": header}}}
	return s
}

func (s scene) withCodes(codes string) scene {
	s.codes = codes
	return s
}
