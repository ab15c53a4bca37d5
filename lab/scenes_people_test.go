package lab

import "time"

// peopleScenes end because of what somebody did or did not do.
func peopleScenes() []scene {
	busy := func(s *scene) { s.ends[0] = reject(callee, "486", "Busy Here", "") }
	return []scene{
		refusal("busy", "the callee is busy", "486", "Busy Here", "", truth{outcome: "busy", code: 486, cause: "callee.busy"}),
		relayed.but("busy-behind-two-proxies", "the callee is busy", busy,
			"486", truth{outcome: "busy", code: 486, cause: "callee.busy", origin: callee}),
		overTCP.but("busy-over-tcp", "the callee is busy", busy,
			"486", truth{outcome: "busy", code: 486, cause: "callee.busy", origin: callee}),
		rung("declined", "the callee declines after 2 s of ringing", 2*time.Second, "603", "Decline", "",
			truth{outcome: "declined", code: 603, cause: "callee.declined"}),
		rung("unavailable", "the callee refuses after 2 s of ringing: not now", 2*time.Second, "480", "Temporarily Unavailable", "",
			truth{outcome: "failed", code: 480, cause: "callee.unavailable"}),
		refusal("busy-everywhere", "all of the callee's phones are busy", "600", "Busy Everywhere", "",
			truth{outcome: "busy", code: 600, cause: "callee.busy"}),
		refusal("do-not-disturb", "the callee does not want to be disturbed", "480", "Do Not Disturb", "",
			truth{outcome: "failed", code: 480, cause: "callee.unavailable"}),
		rung("rejected-by-button", "the callee presses the red button after 2 s of ringing", 2*time.Second, "486", "Call Rejected By User", "",
			truth{code: 486, cause: "callee.declined"}),
		answered.but("answered-elsewhere", "another phone takes the call after 3 s, and the PBX that called both cancels this one", func(s *scene) {
			s.ends[0] = sipp{script: "uas_ring", at: callee}
			s.callers[0] = sipp{script: "uac_cancel", at: caller, talk: 3 * time.Second, keys: map[string]string{"why": `Reason: SIP;cause=200;text="Call completed elsewhere"`}}
		}, "180 200 487", truth{outcome: "cancelled", code: 487, cause: "callee.answered-elsewhere", origin: caller}),
		answered.but("no-answer", "nobody picks up, and the caller cancels after 11 s", func(s *scene) {
			s.ends[0] = sipp{script: "uas_ring", at: callee}
			s.callers[0] = sipp{script: "uac_cancel", at: caller, talk: 11 * time.Second}
		}, "180 200 487", truth{outcome: "no-answer", code: 487, cause: "timeout.no-answer", origin: caller}),
		impatient.but("no-answer-proxy-gives-up", "nobody picks up, and the proxy gives up after 12 s", func(s *scene) {
			s.ends[0] = sipp{script: "uas_ring", at: callee}
		}, "180 408 200 487", truth{outcome: "no-answer", code: 408, cause: "timeout.no-answer", origin: proxy}),
		answered.but("abandoned", "the caller cancels after 3 s of ringing", func(s *scene) {
			s.ends[0] = sipp{script: "uas_ring", at: callee}
			s.callers[0] = sipp{script: "uac_cancel", at: caller, talk: 3 * time.Second}
		}, "180 200 487", truth{outcome: "cancelled", code: 487, cause: "caller.abandoned", origin: caller}),
		answered.but("abandoned-before-ringing", "the caller cancels after 2 s; the callee had not begun to ring", func(s *scene) {
			s.ends[0].script, s.ends[0].steps = "", terminated(say(response("100 Trying", "[last_To:]", nil)...))
			s.callers[0].script, s.callers[0].steps = "", cancelling(step(`<recv response="100"/>`), 2*time.Second)
		}, "200 487", truth{outcome: "cancelled", code: 487, cause: "caller.abandoned", origin: caller}),
		answered.but("hung-up-early", "the caller hangs up 2 s after the answer", func(s *scene) {
			s.callers[0].talk = 2 * time.Second
		}, "180 200", truth{outcome: "answered", code: 200, finding: "caller.hung-up-early"}),
	}
}

// terminated is a callee that waits for a CANCEL after its first response.
func terminated(first step) []step {
	return []step{
		remembered, first, hear("CANCEL"), say(reply("200 OK")...),
		insist(lateAnswer(tagged, "487 Request Terminated")...), hear("ACK"), linger(2 * time.Second),
	}
}

// cancelling is a caller that gives up some time after a response.
func cancelling(first step, after time.Duration) []step {
	return []step{
		insist(ask("INVITE", 1, "1", sdp(pcmu...)...)...), first, rest(after), insist(ask("CANCEL", 1, "1")...),
		then("200"), then("487"), say(ackRefusal(1, "1")...),
	}
}

var impatient = answered.with("answered-before-impatience", func(s *scene) {
	s.proxies[0].define = append(s.proxies[0].define, "FR_INV=12000")
})
