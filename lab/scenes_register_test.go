package lab

import (
	"slices"
	"time"
)

// often is a phone that registers n more times, gap apart, with the nonce of its first challenge. It gives up
// when it is refused.
func often(n int, gap time.Duration) []step {
	steps := []step{register(1), challenged(401), register(2, "[authentication]"), then("200")}
	for i := range n {
		steps = append(steps, rest(gap), register(3+i, "[authentication]"), or("401", "end"), then("200"))
	}
	return append(steps, mark("end"))
}

// refreshed is a phone that registers again after 4 s.
var refreshed = registered.with("registered-and-refreshed", func(s *scene) {
	s.callers[0].script, s.callers[0].steps = "", often(1, 4*time.Second)
	s.proxies[0].define = []string{"NONCE_LIFE=300"}
})

// broken answers every REGISTER with this code and phrase.
func broken(code, phrase string) func(*scene) {
	return func(s *scene) { s.proxies[0].define = []string{`CODE="` + code + `"`, `PHRASE="` + phrase + `"`} }
}

// registerScenes are about registrations and other things that are renewed.
func registerScenes() []scene {
	return []scene{
		registered.but("registrar-silent", "a firewall before the registrar drops; the phone goes on for 64·T1", func(s *scene) {
			s.net.shut = []string{between(caller, proxy) + " drop"}
			s.callers[0].fails = true
		}, "", truth{outcome: "failed", cause: "transport.no-response", suspect: proxy}),
		known.but("account-unknown", "the phone registers an account that is not there", func(s *scene) {
			s.callers[0].user = "mallory"
			s.callers[0].set("from_uri", "sip:mallory@example.com")
		}, "404", truth{outcome: "failed", code: 404, cause: "routing.unknown-user", origin: proxy}),
		crowded.but("too-many-contacts", "the account may be registered at one place, and is at two", func(s *scene) {
			s.proxies[0].define = []string{"MAX_CONTACTS=1"}
		}, "401 200 503", truth{outcome: "failed", code: 503, cause: "register.too-many-contacts", origin: proxy}),
		registered.but("registrar-broken", "the registrar's database is down", broken("500", "Server Internal Error"),
			"500", truth{outcome: "failed", code: 500, cause: "server.internal-error", origin: proxy}),
		registered.but("registrar-in-maintenance", "the registrar is in maintenance", broken("503", "Service Unavailable"),
			"503", truth{outcome: "failed", code: 503, cause: "server.unavailable", origin: proxy}),
		registered.but("no-outbound", "the edge proxy before the registrar does not do outbound", broken("439", "First Hop Lacks Outbound Support"),
			"439", truth{outcome: "failed", code: 439, cause: "capability.outbound", origin: proxy}),
		refreshed.but("registration-lapsed", "the phone asks for 2 s and refreshes after 4", func(s *scene) {
			s.callers[0].set("expires", "2")
		}, "401 200", truth{outcome: "answered", code: 200, finding: "register.expired"}),
		registered.but("registration-flaps", "the phone registers every second for a minute at a time", func(s *scene) {
			s.callers[0].script, s.callers[0].steps = "", often(8, time.Second)
			s.callers[0].set("expires", "3600")
		}, "401 200", truth{outcome: "answered", code: 200, finding: "register.flapping"}),
		pinged.but("keepalive-lost", "the gateway that the proxy pings every 2 s is down after its third answer", func(s *scene) {
			s.ends[0].calls = 3
		}, "200 180", truth{kind: whole, finding: "keepalive.lost"}),
	}
}

var (
	known   = registered.with("registered-with-account", func(s *scene) { s.proxies[0].define = []string{"WITH_ACCOUNTS"} })
	crowded = registered.with("registered-twice", func(s *scene) {
		s.proxies[0].define = []string{"MAX_CONTACTS=5"}
		other := s.callers[0]
		other.at = "192.0.2.11:5060"
		s.callers = []sipp{s.callers[0], other}
	})
)

// pinged is a call to the second gateway, while the proxy asks the first how it does.
var pinged = answered.with("answered-beside-keepalives", func(s *scene) {
	s.proxies = []kamailio{{cfg: "ping.cfg"}}
	s.ends = []sipp{
		{at: callee, calls: 1000, steps: []step{hear("OPTIONS"), say(reply("200 OK")...)}},
		{script: "uas_answer", at: second, talk: 500 * time.Millisecond},
	}
	s.callers[0].talk = 16 * time.Second
	s.callers[0].after = time.Second
	s.codes = "200 180"
})

// retryScenes are about what was done after a failure.
func retryScenes() []scene {
	later := func(header string) func(*scene) {
		return func(s *scene) {
			n := s.ends[0].calls
			s.ends[0] = reject(callee, "480", "Temporarily Unavailable", header)
			s.ends[0].calls = n
		}
	}
	gone := truth{outcome: "failed", code: 480, cause: "callee.unavailable", origin: callee}
	with := func(t truth, finding string) truth { t.finding = finding; return t }
	return []scene{
		again.but("retry-after-ignored", "the callee asks for 120 s of patience, and is called again after 2", later("Retry-After: 120"),
			"480", with(gone, "retry.ignored-retry-after")),
		split.but("other-gateway-not-tried", "the first gateway is in maintenance, and the proxy does not try the second, which takes the other calls", func(s *scene) {
			s.ends[0] = reject(callee, "503", "Service Unavailable", "")
		}, "180 200 503 500", truth{outcome: "failed", code: 500, cause: "server.unavailable", origin: callee, finding: "retry.missed-failover"}).contradicted("no retry.missed-failover"),
		eager.but("retry-storm", "the callee refuses, and the caller tries again every second, eight times", later(""),
			"480", with(gone, "retry.storm")),
		eagerHome.but("retry-pointless", "nobody's account is called, every second, six times", func(s *scene) {
			s.callers[1].set("to_uri", "sip:dave@example.com")
		}, "401 200 404", truth{outcome: "failed", code: 404, cause: "routing.unknown-user", origin: proxy, finding: "retry.pointless"}),
	}
}

var (
	again = answered.with("two-calls-of-one-caller", func(s *scene) {
		s.ends[0].calls = 2
		s.callers = slices.Repeat(s.callers, 2)
		s.callers[1].after = 2 * time.Second
	})
	split = answered.with("calls-by-two-gateways", func(s *scene) {
		s.proxies = []kamailio{{cfg: "split.cfg"}}
		s.ends = append(s.ends, sipp{script: "uas_answer", at: second, talk: 500 * time.Millisecond})
		s.callers = slices.Repeat(s.callers, 2)
		for i, number := range []string{"2025550111", "2025550123"} {
			s.callers[i].keys = map[string]string{"to_uri": "sip:" + number + "@example.com"}
		}
	})
	eager = answered.with("eight-calls-of-one-caller", func(s *scene) {
		s.ends[0].calls = 8
		s.callers[0].calls, s.callers[0].every = 8, time.Second
	})
	eagerHome = home.with("six-calls-of-one-caller", func(s *scene) {
		s.ends[0].calls = 6
		s.callers[1].calls, s.callers[1].every = 6, time.Second
	})
)
