package lab

import "time"

// timeoutScenes end because somebody waited long enough.
func timeoutScenes() []scene {
	return []scene{
		impatient.but("stalled-after-trying", "the callee says 100 and then nothing; the proxy gives up after 12 s", func(s *scene) {
			s.ends[0] = sipp{at: callee, steps: []step{hear("INVITE"), say(response("100 Trying", "[last_To:]", nil)...), hear("CANCEL"), rest(20 * time.Second)}}
		}, "408", truth{outcome: "failed", code: 408, cause: "timeout.provisional-stall", origin: proxy, suspect: callee}),
		// What the gateway waited for is not in the capture: it may have been a server, or its own timer.
		waited("gateway-timeout", "the gateway waits 3 s for what is behind it, and says so", "504", "Server Time-out",
			truth{outcome: "failed", code: 504, cause: "timeout.downstream"}),
		waited("request-timeout-relayed", "the gateway waits 3 s for what is behind it, and answers 408", "408", "Request Timeout",
			truth{outcome: "failed", code: 408, cause: "timeout.downstream|timeout.request"}),
		rung("no-answer-said-by-exchange", "nobody picks up, and the exchange behind the gateway says so: cause 19", 2*time.Second,
			"480", "Temporarily Unavailable", `Reason: Q.850;cause=19;text="No answer from the user"`,
			truth{outcome: "no-answer", code: 480, cause: "timeout.no-answer"}),
		rung("no-answer-gateway-gives-up", "nobody picks up, and the gateway gives up after 11 s", 11*time.Second,
			"480", "Temporarily Unavailable", "", truth{outcome: "no-answer", code: 480, cause: "timeout.no-answer"}),
	}
}

// waited is the scene of a gateway that answers 100 at once and refuses after 3 s.
func waited(name, why, code, phrase string, t truth) scene {
	t.origin = callee
	return answered.but(name, why, func(s *scene) {
		s.ends[0] = sipp{at: callee, steps: []step{
			hear("INVITE"), say(response("100 Trying", "[last_To:]", nil)...), rest(3 * time.Second),
			insist(reply(code + " " + phrase)...), hear("ACK"), linger(2 * time.Second),
		}}
	}, code, t)
}
