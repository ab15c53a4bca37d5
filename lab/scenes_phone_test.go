package lab

import "time"

const third = "192.0.2.11:5060" // another caller

// dial has phone 0 call phone 1 at uri.
func dial(uri string) deed { return deed{does: "/dial " + uri} }

const (
	accept      = "/accept"
	hangUpPhone = "/hangup"
)

// phones is the scene of one baresip that calls another, which answers by itself.
var phones = scene{
	name:   "phones",
	phones: []phone{{at: caller, user: "alice"}, {at: callee, user: "bob", account: ";answermode=auto"}},
	deeds:  []deed{dial("sip:bob@198.51.100.31"), {after: 7 * time.Second, does: hangUpPhone}},
	net:    network{nat: ownSource},
	codes:  "180 200",
	truth:  truth{kind: calls, outcome: "answered", code: 200},
	by:     caller,
}

// picked is phones with a callee whose user picks up.
var picked = phones.with("phones-picked-up", func(s *scene) {
	s.phones[1].account = ""
	s.deeds = []deed{dial("sip:bob@198.51.100.31"), {after: 2 * time.Second, phone: 1, does: accept}, {after: 7 * time.Second, does: hangUpPhone}}
})

// phoneRegisters is a scene of a phone that registers with the home proxy.
var phoneRegisters = scene{
	name: "phone-registered", proxies: []kamailio{{cfg: "home.cfg"}},
	phones: []phone{{at: caller, user: "alice", secret: "secret-alice", account: `;outbound="sip:192.0.2.20:5060"`}},
	deeds:  []deed{{after: 5 * time.Second}},
	codes:  "401 200",
	truth:  truth{kind: registers, outcome: "answered", code: 200},
	by:     caller,
}

// atHome is the scene of two registered phones.
var atHome = scene{
	name: "phones-at-home", proxies: []kamailio{{cfg: "home.cfg"}},
	phones: []phone{
		{at: caller, user: "alice", secret: "secret-alice", account: `;outbound="sip:192.0.2.20:5060"`},
		{at: callee, user: "bob", secret: "secret-bob", account: `;outbound="sip:192.0.2.20:5060";answermode=auto`},
	},
	deeds: []deed{{after: 2 * time.Second, does: "/dial sip:bob@example.com"}, {after: 7 * time.Second, does: hangUpPhone}},
	net:   network{nat: ownSource},
	codes: "401 200 180",
	truth: truth{kind: calls, outcome: "answered", code: 200},
	by:    caller,
}

// rtpPorts matches what the phones send as RTP and RTCP: phone 0 from 10000 on, phone 1 from 10100 on.
const rtpPorts = "udp sport 10000-10999"

// ownSource gives the phones' RTP their own addresses: their sockets have none, and one namespace has all of them.
var ownSource = []string{"udp sport 10000-10099 snat to 192.0.2.10", "udp sport 10100-10199 snat to 198.51.100.31"}

// phoneScenes fail between real phones (baresip).
func phoneScenes() []scene {
	srtp := func(at int, how string) func(*scene) {
		return func(s *scene) {
			s.phones[at].modules, s.phones[at].account = []string{"srtp"}, s.phones[at].account+how
		}
	}
	secure := phones.with("phones-srtp", func(s *scene) {
		srtp(0, ";mediaenc=srtp-mand")(s)
		srtp(1, ";mediaenc=srtp-mand")(s)
	})
	return []scene{
		phones.with("phones-third-idle", func(s *scene) {
			s.phones[1].config = []string{"call_max_calls 1"}
			s.phones = append(s.phones, phone{at: third, user: "carol"})
		}).but("phone-busy", "the callee's one line is in use: another caller's", func(s *scene) {
			s.deeds = []deed{{phone: 2, does: "/dial sip:bob@198.51.100.31"}, {after: 3 * time.Second, does: "/dial sip:bob@198.51.100.31"}, {after: 4 * time.Second, phone: 2, does: hangUpPhone}}
		}, "180 200 486", truth{outcome: "busy", code: 486, cause: "callee.busy", origin: callee}),
		picked.but("phone-declined", "the callee's user rejects the call after 3 s of ringing", func(s *scene) {
			s.deeds = []deed{dial("sip:bob@198.51.100.31"), {after: 3 * time.Second, phone: 1, does: hangUpPhone}}
		}, "180 486", truth{code: 486, cause: "callee.declined", origin: callee}),
		picked.but("phone-no-answer", "nobody picks up, and the caller hangs up after 11 s", func(s *scene) {
			s.deeds = []deed{dial("sip:bob@198.51.100.31"), {after: 11 * time.Second, does: hangUpPhone}}
		}, "180 200 487", truth{outcome: "no-answer", code: 487, cause: "timeout.no-answer", origin: caller}),
		picked.but("phone-abandoned", "the caller hangs up after 3 s of ringing", func(s *scene) {
			s.deeds = []deed{dial("sip:bob@198.51.100.31"), {after: 3 * time.Second, does: hangUpPhone}}
		}, "180 200 487", truth{outcome: "cancelled", code: 487, cause: "caller.abandoned", origin: caller}),
		phones.but("phone-codec-mismatch", "the callee's only codec is GSM, the caller's are PCMU and PCMA", func(s *scene) {
			s.phones[1].codecs = []string{"gsm"}
		}, "488", truth{outcome: "failed", code: 488, cause: "media.no-common-codec|media.unacceptable", origin: callee}),
		phones.but("phone-srtp-against-plain", "the caller insists on SRTP, and the callee does not have it", srtp(0, ";mediaenc=srtp-mand"),
			"488", truth{outcome: "failed", code: 488, cause: "media.transport-mismatch|media.unacceptable", origin: callee}),
		secure.but("phone-plain-against-srtp", "the callee insists on SRTP, and the caller does not have it", func(s *scene) {
			s.phones[0].modules, s.phones[0].account = nil, ""
		}, "488", truth{outcome: "failed", code: 488, cause: "media.transport-mismatch|media.unacceptable", origin: callee}),
		secure.but("phone-dtls-against-sdes", "the caller does DTLS-SRTP only, and the callee SDES only", func(s *scene) {
			s.phones[0].modules, s.phones[0].account = []string{"dtls_srtp"}, ";mediaenc=dtls_srtp"
		}, "488", truth{outcome: "failed", code: 488, cause: "media.transport-mismatch|media.unacceptable", origin: callee}),
		phoneRegisters.but("phone-wrong-password", "the phone has a wrong password", func(s *scene) { s.phones[0].secret = "guess" },
			"401", truth{outcome: "failed", code: 401, cause: "auth.wrong-credentials", origin: proxy, suspect: caller}),
		phoneRegisters.but("phone-wrong-password-403", "the phone has a wrong password, and the registrar says 403", func(s *scene) {
			s.proxies[0].define = []string{"WITH_403"}
			s.phones[0].secret = "guess"
		}, "401 403", truth{outcome: "failed", code: 403, cause: "auth.wrong-credentials", origin: proxy, suspect: caller}),
		atHome.but("phone-not-registered", "the callee's phone is not there, and never was", func(s *scene) { s.phones = s.phones[:1] },
			"401 200 404", truth{outcome: "failed", code: 404, cause: "routing.unknown-user", origin: proxy}),
		atHome.but("phone-unregistered", "the callee's phone was switched off, and unregistered itself", func(s *scene) {
			s.deeds = []deed{{after: 2 * time.Second, phone: 1, does: "/quit"}, {after: 2 * time.Second, does: "/dial sip:bob@example.com"}, {after: 3 * time.Second}}
		}, "401 200 404", truth{outcome: "failed", code: 404, cause: "routing.not-registered", origin: proxy}),
		phones.but("phone-one-way-audio", "the network loses all RTP from callee to caller", func(s *scene) {
			s.net.lost = []string{"ip daddr 192.0.2.10 " + rtpPorts}
		}, "180 200", truth{outcome: "answered", code: 200, finding: "media.one-way"}),
		phones.but("phone-unannounced-source", "the callee's RTP leaves from another address than its SDP names", func(s *scene) {
			s.net.addresses = []string{"203.0.113.77"}
			s.net.nat[1] = "udp sport 10100-10199 snat to 203.0.113.77"
		}, "180 200", truth{outcome: "answered", code: 200, finding: "media.unannounced-source"}),
		phones.with("phones-held", func(s *scene) {
			s.deeds = []deed{dial("sip:bob@198.51.100.31"), {after: 3 * time.Second, does: "/hold"}, {after: 3 * time.Second, does: "/resume"}, {after: 3 * time.Second, does: hangUpPhone}}
		}).but("phone-hold-refused", "the callee lets no re-INVITE change the call", func(s *scene) {
			s.phones = s.phones[:1]
			s.ends = []sipp{{at: callee, steps: []step{
				hear("INVITE"), say(reply("180 Ringing", contactHere)...), rest(200 * time.Millisecond), insist(reply("200 OK", sdp(pcmu...)...)...), hear("ACK"),
				hear("INVITE"), insist(inDialog("488 Not Acceptable Here")...), hear("ACK"),
				hear("BYE"), say(inDialog("200 OK")...), linger(2 * time.Second),
			}}}
			s.deeds = []deed{dial("sip:bob@198.51.100.31"), {after: 3 * time.Second, does: "/hold"}, {after: 4 * time.Second, does: hangUpPhone}}
		}, "180 200 488", truth{outcome: "answered", code: 200, finding: "dialog.reinvite-failed"}),
	}
}

// called is the scene of a SIPp that calls a baresip, at the proxy's address.
var called = scene{
	name: "phone-called", phones: []phone{{at: proxy, user: "bob", account: ";answermode=auto"}},
	callers: []sipp{offeringFrom("IN IP4 [local_ip]", append([]step{maybe(100, 180, 183), got(200), say(askInside("ACK", 1, "b")...), rest(6 * time.Second)}, hangUp(2)...)...)},
	codes:   "180 200",
	truth:   truth{kind: calls, outcome: "answered", code: 200},
}

// offeringFrom is a caller whose offer has this connection address.
func offeringFrom(connection string, next ...step) sipp {
	offer := []string{
		contactHere, "Content-Type: application/sdp", "Content-Length: [len]", "",
		"v=0", "o=lab 53655765 2353687637 " + connection, "s=-", "c=" + connection, "t=0 0",
	}
	return sipp{at: caller, steps: append([]step{insist(ask("INVITE", 1, "a", append(append(offer, pcmu...), "a=recvonly")...)...)}, next...)}
}

// phonesBeyond are phones with something between them.
func phonesBeyond() []scene {
	overTCP := picked.with("phones-over-tcp", func(s *scene) {
		s.deeds[0] = dial("sip:bob@198.51.100.31;transport=tcp")
		s.net.nat = append(s.net.nat, "tcp dport 5060 snat to 192.0.2.10")
	})
	joinedPhones := phones.with("phones-joined", func(s *scene) {
		s.b2buas, s.deeds[0] = joined.b2buas, dial("sip:bob@192.0.2.20")
	})
	challenged := atHome.with("phones-at-home-challenged", func(s *scene) {
		s.proxies = []kamailio{{cfg: "home.cfg", define: []string{"WITH_CALL_AUTH"}}}
		s.codes = "401 200 407 180"
	})
	return []scene{
		overTCP.but("phone-declined-over-tcp", "the callee's user rejects the call after 3 s of ringing", func(s *scene) {
			s.deeds = []deed{s.deeds[0], {after: 3 * time.Second, phone: 1, does: hangUpPhone}}
		}, "180 486", truth{code: 486, cause: "callee.declined", origin: callee}),
		joinedPhones.but("phone-codec-mismatch-behind-b2bua", "the callee's only codec is GSM, the caller's are PCMU and PCMA", func(s *scene) {
			s.phones[1].codecs = []string{"gsm"}
		}, "488", truth{outcome: "failed", code: 488, cause: "media.no-common-codec|media.unacceptable", origin: callee}),
		joinedPhones.but("phone-declined-behind-b2bua", "the callee's user rejects the call after 3 s of ringing", func(s *scene) {
			s.phones[1].account = ""
			s.deeds = []deed{s.deeds[0], {after: 3 * time.Second, phone: 1, does: hangUpPhone}}
		}, "180 486", truth{code: 486, cause: "callee.declined", origin: callee}),
		challenged.but("phone-calls-with-wrong-password", "the caller's phone has a wrong password", func(s *scene) { s.phones[0].secret = "guess" },
			"401 200 407", truth{outcome: "failed", code: 407, cause: "auth.wrong-credentials", origin: proxy, suspect: caller}),
		called.but("phone-offered-ipv6", "the caller's media is on IPv6, and the phone has IPv4 only", func(s *scene) {
			s.callers[0] = offeringFrom("IN IP6 2001:db8::10", maybe(100, 180), got(488), say(ackRefusal(1, "a")...))
		}, "488", truth{outcome: "failed", code: 488, cause: "media.ip-version|media.unacceptable", origin: proxy}),
	}
}
