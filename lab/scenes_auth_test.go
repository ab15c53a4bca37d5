package lab

import "time"

// authScenes fail for want of the right credentials.
func authScenes() []scene {
	guess := func(s *scene) { s.callers[len(s.callers)-1].secret = "guess" }
	refused := func(code int, cause string) truth {
		return truth{outcome: "failed", code: code, cause: cause, origin: proxy, suspect: caller}
	}
	return []scene{
		registered.but("wrong-password-challenged-again", "the phone has a wrong password; the registrar challenges again", guess,
			"401", refused(401, "auth.wrong-credentials")),
		strict.but("wrong-password-forbidden", "the phone has a wrong password; the registrar answers that with 403", guess,
			"401 403", refused(403, "auth.wrong-credentials")),
		secured.but("challenge-never-answered", "the caller gives up when it is challenged", func(s *scene) {
			s.callers[1].script = "uac_call"
		}, "401 200 407", truth{outcome: "challenged", code: 407, cause: "auth.no-credentials", origin: proxy, suspect: caller}),
		secured.but("call-with-wrong-password", "the caller has a wrong password", guess,
			"401 200 407", refused(407, "auth.wrong-credentials")),
		registered.but("registrar-challenge-never-answered", "the phone has no password and gives up when it is challenged", func(s *scene) {
			s.callers[0].script, s.callers[0].steps = "", often(0, 0)[:2]
		}, "401", truth{outcome: "challenged", code: 401, cause: "auth.no-credentials", origin: proxy, suspect: caller}),
		registered.but("credentials-for-another-realm", "the phone was given another realm than the registrar's", func(s *scene) {
			s.callers[0].script, s.callers[0].steps = "", fixedRealm("lab.example.net")
		}, "401", refused(401, "auth.realm-mismatch")),
		secured.but("answer-in-wrong-header", "the caller answers the proxy's 407 with Authorization", func(s *scene) {
			s.callers[1].script, s.callers[1].steps = "", wrongHeader()
		}, "401 200 407", refused(407, "auth.wrong-header")),
		refreshed.but("nonce-stale-not-answered", "nonces live 2 s; the phone refreshes after 4 s with the old one, and gives up at stale=true", func(s *scene) {
			s.proxies[0].define = []string{"NONCE_LIFE=2"}
		}, "401 200", truth{code: 401, cause: "auth.stale-nonce", origin: proxy}),
		slow.but("nonce-dies-too-soon", "nonces live 1 s, and the phone takes 3 s for each answer", func(s *scene) {
			s.proxies[0].define = []string{"NONCE_LIFE=1"}
		}, "401", truth{outcome: "failed", code: 401, cause: "auth.stale-nonce", origin: proxy}),
		shared.but("nonce-of-the-other-registrar", "two registrars behind one address do not share nonces, and requests alternate", func(s *scene) {
			s.proxies[2].define = []string{`NONCE_SECRET="another secret"`}
		}, "401", truth{outcome: "failed", code: 401, cause: "auth.nonce-mismatch", origin: "192.0.2.22:5060"}),
		chained.but("second-challenge-not-answered", "the carrier's proxy challenges too, and the caller has credentials for the first only", func(s *scene) {
			s.proxies[1].define = []string{`REALM="carrier.example.net"`}
		}, "407", truth{outcome: "challenged", code: 407, cause: "auth.partial-credentials", origin: proxy2, suspect: caller}).contradicted("outcome failed, not challenged"),
		// Both are true: the password is wrong now, and it was right before.
		twice.but("password-changed", "the phone registers, and then again with another password", guess,
			"401 200", refused(401, "auth.wrong-credentials|auth.password-change-suspected")),
	}
}

var (
	strict = registered.with("registered-at-strict-registrar", func(s *scene) { s.proxies[0].define = []string{"WITH_403"} })
	twice  = registered.with("registered-again", func(s *scene) { s.callers = []sipp{alice, alice} })
	slow   = registered.with("registered-slowly", func(s *scene) {
		s.proxies[0].define = []string{"NONCE_LIFE=300"}
		s.callers[0].script, s.callers[0].steps = "", slowly(3)
	})
	shared = registered.with("registered-at-one-of-two", func(s *scene) {
		const secret = `NONCE_SECRET="the secret of both"`
		s.proxies = []kamailio{
			{cfg: "pair.cfg"},
			{cfg: "home.cfg", listen: proxy2, define: []string{secret}},
			{cfg: "home.cfg", listen: "192.0.2.22:5060", define: []string{secret}},
		}
	})
	// chained is a call through two proxies, of which the first challenges.
	chained = answered.with("answered-after-challenge-of-the-first", func(s *scene) {
		s.proxies = []kamailio{
			{cfg: "challenge.cfg", define: []string{`REALM="example.com"`, `NEXT="sip:192.0.2.21:5060"`}},
			{cfg: "challenge.cfg", listen: proxy2},
		}
		s.callers = []sipp{{script: "uac_call_auth", at: caller, user: "alice", secret: "secret-alice", talk: 6 * time.Second}}
		s.codes = "407 180 200"
	})
)

func register(cseq int, lines ...string) step {
	return insist(request("REGISTER sip:example.com", "REGISTER", cseq, "r[branch]", "To: <[from_uri]>", append([]string{
		"Contact: <sip:[service]@[contact]>", "Expires: [expires]",
	}, lines...))...)
}

const nonce = `nonce="([^"]+)"`

// digest is an answer typed in by hand; its response fits no password.
func digest(header, realm, uri string) string {
	return header + `: Digest username="alice",realm="` + realm + `",nonce="[$nonce]",uri="` + uri +
		`",response="6b1f3a4dcf5a4b2e9d3c7f6e5a4b3c2d",algorithm=MD5`
}

func fixedRealm(realm string) []step {
	return []step{
		register(1), find(`<recv response="401"/>`, nonce, "nonce"),
		register(2, digest("Authorization", realm, "sip:example.com")), then("401"),
	}
}

func wrongHeader() []step {
	return []step{
		insist(ask("INVITE", 1, "1", sdp(pcmu...)...)...), maybe(100), find(`<recv response="407"/>`, nonce, "nonce"), say(ackRefusal(1, "1")...),
		insist(ask("INVITE", 2, "2", append([]string{digest("Authorization", "example.com", "sip:bob@example.com")}, sdp(pcmu...)...)...)...),
		maybe(100), then("407"), say(ackRefusal(2, "2")...),
	}
}

// slowly takes 3 s for its answer to each of up to n challenges.
func slowly(n int) []step {
	steps := []step{register(1), challenged(401)}
	for i := range n {
		steps = append(steps, rest(3*time.Second), register(2+i, "[authentication]"), or("200", "end"))
		if i < n-1 {
			steps = append(steps, challenged(401))
		} else {
			steps = append(steps, then("401"))
		}
	}
	return append(steps, mark("end"))
}
