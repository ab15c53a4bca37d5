package lab

import "time"

// masked is the scene of a proxy that hides what is behind it, with another proxy there.
var masked = relayed.with("answered-hidden", func(s *scene) {
	s.proxies = []kamailio{
		{cfg: "hide.cfg", define: []string{`NEXT="sip:192.0.2.21:5060"`}},
		{cfg: "loop.cfg", listen: proxy2, define: []string{`PEER="sip:198.51.100.31:5060"`}},
	}
})

// maskedCallID is masked with another Call-ID behind the proxy.
var maskedCallID = masked.with("answered-hidden-call-id", func(s *scene) {
	s.proxies[0].define = append(s.proxies[0].define, "WITH_CALLID")
})

// hiddenScenes fail behind a proxy that rewrites Via, Record-Route and Contact (Kamailio's topoh), or at it.
func hiddenScenes() []scene {
	refused := func(status, header string) func(*scene) {
		return func(s *scene) { s.ends[0] = reject(callee, status[:3], status[4:], header) }
	}
	silent := func(s *scene) { s.ends[0] = sipp{script: "uas_silent", at: callee} }
	return []scene{
		masked.but("hidden-busy", "the callee is busy", refused("486 Busy Here", ""),
			"486", truth{outcome: "busy", code: 486, cause: "callee.busy", origin: callee}),
		maskedCallID.but("hidden-busy-call-id", "the callee is busy, and the Call-ID is another one there", refused("486 Busy Here", ""),
			"486", truth{outcome: "busy", code: 486, cause: "callee.busy", origin: callee}),
		masked.but("hidden-503", "the gateway is in maintenance", refused("503 Service Unavailable", "Retry-After: 60"),
			"503 500", truth{outcome: "failed", code: 500, cause: "server.unavailable", origin: callee, suspect: callee}),
		maskedCallID.but("hidden-503-call-id", "the gateway is in maintenance, and the Call-ID is another one there", refused("503 Service Unavailable", "Retry-After: 60"),
			"503 500", truth{outcome: "failed", code: 500, cause: "server.unavailable", origin: callee, suspect: callee}),
		masked.but("hidden-silent-gateway", "the gateway answers nothing, and the proxy before it gives up", silent,
			"408", truth{outcome: "failed", code: 408, cause: "transport.no-response", origin: proxy2, suspect: callee}),
		maskedCallID.but("hidden-silent-gateway-call-id", "the gateway answers nothing, and the Call-ID is another one there", silent,
			"408", truth{outcome: "failed", code: 408, cause: "transport.no-response", origin: proxy2, suspect: callee}),
		masked.but("hidden-declined", "the callee declines after 2 s of ringing", func(s *scene) {
			s.ends[0] = sipp{script: "uas_ring_reject", at: callee, talk: 2 * time.Second, keys: map[string]string{"code": "603", "phrase": "Decline"}}
		}, "180 603", truth{outcome: "declined", code: 603, cause: "callee.declined", origin: callee}),
		masked.but("hidden-loop", "the proxy behind sends everything back to the one that hides", func(s *scene) {
			s.proxies[1].define = []string{`PEER="sip:192.0.2.20:5060"`}
			s.callers[0] = sipp{script: "uac_call", at: caller, keys: map[string]string{"hops": "8"}}
			s.ends = nil
		}, "483", truth{outcome: "failed", code: 483, cause: "routing.loop", origin: proxy}),
		masked.but("hidden-refused-itself", "the proxy that hides refuses the call itself", func(s *scene) {
			s.proxies[0].define = append(s.proxies[0].define, "WITH_BAR")
		}, "403", truth{outcome: "failed", code: 403, cause: "policy.forbidden", origin: proxy}),
		masked.but("hidden-refused-behind", "the callee refuses the call, and no proxy", refused("403 Forbidden", ""),
			"403", truth{outcome: "failed", code: 403, cause: "policy.forbidden", origin: callee}),
	}
}
