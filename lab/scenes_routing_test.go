package lab

import "time"

// routingScenes fail on the way.
func routingScenes() []scene {
	return []scene{
		home.but("unknown-user", "a user is called who is nobody's account", func(s *scene) {
			s.callers[1].set("to_uri", "sip:dave@example.com")
		}, "401 200 404", truth{outcome: "failed", code: 404, cause: "routing.unknown-user", origin: proxy}),
		home.but("unregistered-user", "the callee removes its registration before the call", func(s *scene) {
			s.callers[0] = bobRegisters("uac_unregister", 500*time.Millisecond, "60")
		}, "401 200 404", truth{outcome: "failed", code: 404, cause: "routing.not-registered", origin: proxy}),
		home.but("registration-ran-out", "the callee registers for 2 s, and the call comes after 5", func(s *scene) {
			s.callers[0].set("expires", "2")
			s.callers[1].after = 5 * time.Second
		}, "401 200 404", truth{outcome: "failed", code: 404, cause: "routing.not-registered", origin: proxy}),
		home.but("foreign-domain", "a domain is called that the proxy does not serve", func(s *scene) {
			s.callers[1].set("to_uri", "sip:bob@elsewhere.example.org")
		}, "401 200 403", truth{outcome: "failed", code: 403, cause: "routing.unknown-domain", origin: proxy}),
		home.but("forbidden", "a number is called that the proxy lets nobody call", func(s *scene) {
			s.callers[1].set("to_uri", "sip:voicemail-admin@example.com")
		}, "401 200 403", truth{outcome: "failed", code: 403, cause: "policy.forbidden", origin: proxy}),
		// No loop: the second proxy is one too many.
		relayed.but("max-forwards", "the caller begins with Max-Forwards 1 where there are two proxies", func(s *scene) {
			s.callers[0].set("hops", "1")
		}, "483", truth{outcome: "failed", code: 483, cause: "routing.max-forwards", origin: proxy2}),
		relayed.but("loop-until-max-forwards", "the second proxy's next hop is the first one", func(s *scene) {
			s.proxies[1].define[0] = `PEER="sip:192.0.2.20:5060"`
		}, "483", truth{outcome: "failed", code: 483, cause: "routing.loop", origin: proxy}).shortOfHops(),
		detecting.but("loop-detected", "the second proxy's next hop is the first one, which looks for itself in Via", func(s *scene) {
			s.proxies[1].define[0] = `PEER="sip:192.0.2.20:5060"`
		}, "482", truth{outcome: "failed", code: 482, cause: "routing.loop", origin: proxy}),
		answered.but("redirect-not-followed", "the callee has moved, and the caller does not go there", func(s *scene) {
			s.ends[0] = sipp{script: "uas_redirect", at: callee}
		}, "302", truth{outcome: "redirected", code: 302, cause: "routing.redirect-not-followed", origin: callee}),
		hunted.but("failover-all-failed", "both gateways refuse", func(s *scene) {
			s.ends[0] = reject(callee, "503", "Service Unavailable", "")
			s.ends[1] = reject(second, "500", "Server Internal Error", "")
		}, "503 500", truth{outcome: "failed", code: 500, cause: "routing.all-routes-failed", origin: second, attempts: 2}),
		hunted.but("failover-recovered", "the first gateway refuses, the second answers", func(s *scene) {
			s.ends[0] = reject(callee, "503", "Service Unavailable", "")
		}, "503 180 200", truth{outcome: "answered", code: 200, finding: "retry.recovered", attempts: 2}),
		refusal("address-incomplete", "the gateway wants more digits", "484", "Address Incomplete", "",
			truth{outcome: "failed", code: 484, cause: "routing.address-incomplete"}),
		refusal("number-unallocated", "the exchange has no such number: cause 1", "404", "Not Found", `Reason: Q.850;cause=1;text="Unallocated (unassigned) number"`,
			truth{outcome: "failed", code: 404, cause: "routing.number-unallocated"}),
		refusal("no-route", "the exchange has no route to the destination: cause 3", "404", "Not Found", `Reason: Q.850;cause=3;text="No route to destination"`,
			truth{outcome: "failed", code: 404, cause: "routing.no-route"}),
		refusal("gone", "the callee has left for good", "410", "Gone", "", truth{outcome: "failed", code: 410, cause: "routing.gone"}),
		refusal("ambiguous", "two people have that name", "485", "Ambiguous",
			"Contact: <sip:bob.brown@example.com>, <sip:bob.black@example.com>", truth{outcome: "failed", code: 485, cause: "routing.ambiguous"}),
		answered.but("number-with-spaces", "the number has spaces in it", func(s *scene) {
			s.callers[0].set("to_uri", "sip:202%20555%200123@example.com")
			s.ends[0] = reject(callee, "484", "Address Incomplete", "")
		}, "484", truth{outcome: "failed", code: 484, cause: "routing.number-format", origin: callee}),
		refusal("moved-for-good-not-followed", "the callee has moved, and the caller does not go there", "301", "Moved Permanently",
			"Contact: <sip:bob@198.51.100.44:5060>", truth{outcome: "redirected", code: 301, cause: "routing.redirect-not-followed"}),
		refusal("redirect-to-nowhere", "the callee has moved, and does not say where to", "302", "Moved Temporarily", "",
			truth{outcome: "redirected", code: 302, cause: "routing.redirect-no-target"}),
		refusal("use-proxy", "the callee wants to be called by its own proxy", "305", "Use Proxy",
			"Contact: <sip:198.51.100.44:5060>", truth{outcome: "redirected", code: 305, cause: "routing.use-proxy"}),
		refusal("alternative-service", "the network wants the call made another way", "380", "Alternative Service",
			"Contact: <urn:service:sos>", truth{outcome: "redirected", code: 380, cause: "routing.alternative-service"}),
		redirected.but("redirect-loop", "the callee sends the caller to carol, and carol's phone sends it back", func(s *scene) {
			s.ends[0].steps = []step{
				hear("INVITE"), insist(redirect("carol")...), hear("ACK"), hear("INVITE"), insist(redirect("bob")...), hear("ACK"), linger(2 * time.Second),
			}
		}, "302", truth{outcome: "redirected", code: 302, cause: "routing.redirect-loop", origin: callee}),
		refusal("too-many-branches", "a proxy behind the callee's may not fork any further", "440", "Max-Breadth Exceeded", "",
			truth{outcome: "failed", code: 440, cause: "routing.max-breadth"}),
		refusal("flow-failed", "the edge proxy has lost its flow to the callee", "430", "Flow Failed", "",
			truth{outcome: "failed", code: 430, cause: "routing.flow-failed"}),
		answered.but("name-not-resolved", "the proxy's next hop has a name that no DNS server knows", func(s *scene) {
			s.proxies[0].define[0] = `NEXT="sip:gateway.example.net"`
		}, "478", truth{outcome: "failed", code: 478, cause: "routing.dns-failure", origin: proxy}),
	}
}

var detecting = relayed.with("answered-by-loop-detecting-proxies", func(s *scene) {
	s.proxies[0] = kamailio{cfg: "loop.cfg", define: []string{`PEER="sip:192.0.2.21:5060"`, "WITH_DETECTION"}}
})

// redirected is a call that is sent to another place and answered there, by way of the same proxy.
var redirected = answered.with("answered-after-redirection", func(s *scene) {
	s.callers[0].script, s.ends[0].script = "", ""
	invite := func(cseq int, who, branch string) step {
		m := ask("INVITE", cseq, branch, sdp(pcmu...)...)
		m[0] = "INVITE sip:" + who + "@example.com SIP/2.0"
		return insist(m...)
	}
	ack := ackRefusal(2, "2")
	ack[0] = "ACK sip:carol@example.com SIP/2.0"
	s.callers[0].steps = story([]step{
		invite(1, "bob", "1"), maybe(100), then("302"), say(ackRefusal(1, "1")...),
		invite(2, "carol", "2"), maybe(100, 180), or("302", "back"), got(200), say(askInside("ACK", 2, "3")...),
	}, farewell(3), []step{`<nop next="end"/>`, mark("back"), say(ack...), mark("end")})
	s.ends[0].steps = story([]step{hear("INVITE"), insist(redirect("carol")...), hear("ACK")}, takeUp(), letGo())
	s.codes = "302 180 200"
})

func redirect(to string) []string {
	return reply("302 Moved Temporarily", "Contact: <sip:"+to+"@example.com>")
}

// shortOfHops has the caller of s and of its twin begin with 8 hops: a loop then is as short as the log of it.
func (s scene) shortOfHops() scene {
	twin := s.twin.with("answered-with-eight-hops", func(t *scene) { t.callers[0].set("hops", "8") })
	s = s.clone()
	s.callers[0].set("hops", "8")
	s.twin = &twin
	return s
}
