package lab

import "time"

// serverScenes fail at the other side's own troubles.
func serverScenes() []scene {
	busy := truth{outcome: "failed", code: 486, cause: "server.capacity"}
	busy.outcome = "" // busy or failed: the words do not say
	return []scene{
		refusal("bad-gateway", "the gateway got nonsense from what is behind it", "502", "Bad Gateway", "",
			truth{outcome: "failed", code: 502, cause: "server.bad-gateway"}),
		refusal("busy-means-no-circuit", "the gateway has no circuit left and says so in a 486", "486", "Busy Here",
			`Reason: Q.850;cause=34;text="No circuit/channel available"`, busy),
		refusal("network-out-of-order", "the network behind the gateway is down", "503", "Service Unavailable",
			`Reason: Q.850;cause=38;text="Network out of order"`,
			truth{outcome: "failed", code: 500, cause: "server.unavailable"}).withCodes("503 500"),
		limited.but("calls-per-second", "the account may begin one call a minute, and begins two", func(s *scene) {
			s.proxies[0].define = []string{"LIMIT=1"}
		}, "180 200 503", truth{outcome: "failed", code: 503, cause: "policy.rate-limited", origin: proxy}),
		crowd.but("overload", "the proxy takes twelve of twenty-four calls in six seconds, and sheds the rest", func(s *scene) {
			s.proxies[0].define = []string{"LIMIT=12", `TEXT="Server overloaded"`}
		}, "180 200 503", truth{outcome: "failed", code: 503, cause: "server.overload", origin: proxy}),
	}
}

// crowd: four calls a second.
var crowd = limited.with("twenty-four-calls", func(s *scene) {
	s.proxies[0].define = []string{"LIMIT=100", `TEXT="Server overloaded"`}
	s.ends[0].calls = 24
	s.callers = s.callers[:1]
	s.callers[0].calls, s.callers[0].every = 24, 250*time.Millisecond
})

// limited: two calls of one account, one after the other.
var limited = answered.with("two-calls-of-one-account", func(s *scene) {
	s.proxies = []kamailio{{cfg: "limit.cfg", define: []string{"LIMIT=10"}}}
	s.ends[0].calls = 2
	s.callers = append(s.callers, s.callers[0])
})
