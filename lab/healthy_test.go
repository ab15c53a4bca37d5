package lab

import "time"

// healthyScenes are the twins of the failing ones: nothing here may be blamed on anybody.
func healthyScenes() []scene {
	return []scene{
		{
			name: "answered", proxies: relay, ends: []sipp{answering},
			callers: []sipp{{script: "uac_call", at: caller, talk: 6 * time.Second}},
			codes:   "180 200",
			truth:   truth{kind: calls, outcome: "answered", code: 200},
		},
		{
			name: "registered", proxies: []kamailio{{cfg: "home.cfg"}},
			callers: []sipp{alice},
			codes:   "401 200",
			truth:   truth{kind: registers, outcome: "answered", code: 200},
		},
		{
			name: "answered-after-challenge", proxies: []kamailio{{cfg: "home.cfg", define: []string{"WITH_CALL_AUTH"}}},
			callers: []sipp{
				bobRegisters("uac_register", 0, "60"),
				{script: "uac_call_auth", at: caller, user: "alice", secret: "secret-alice", talk: 6 * time.Second},
			},
			ends:  []sipp{answering},
			codes: "401 200 407 180",
			truth: truth{kind: calls, outcome: "answered", code: 200},
		},
		{
			name: "failover-recovered", proxies: []kamailio{{cfg: "hunt.cfg"}},
			ends:    []sipp{reject(callee, "503", "Service Unavailable", ""), {script: "uas_answer", at: second, talk: 500 * time.Millisecond}},
			callers: []sipp{{script: "uac_call", at: caller, talk: 6 * time.Second}},
			codes:   "503 180 200",
			truth:   truth{kind: calls, outcome: "answered", code: 200, finding: "retry.recovered", attempts: 2},
		},
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
