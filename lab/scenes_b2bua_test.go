package lab

import (
	"time"

	"sipcause/internal/testkit/b2bua"
)

// joined is the scene of a B2BUA where answered has a proxy; it names the caller's leg to the far side.
var joined = scene{
	name: "joined", b2buas: []b2bua.Config{{Listen: proxy, Targets: []string{callee}, Names: true}}, ends: []sipp{answering},
	callers: answered.callers,
	codes:   "180 200",
	truth:   truth{kind: calls, outcome: "answered", code: 200},
}

// unnamed is joined without a word on the far side of the caller's leg.
var unnamed = joined.with("joined-unnamed", func(s *scene) { s.b2buas[0].Names = false })

// beyond is joined with a proxy between the B2BUA and the callee.
var beyond = joined.with("joined-beyond-proxy", func(s *scene) {
	s.b2buas[0].Targets = []string{proxy2}
	s.proxies = []kamailio{{cfg: "loop.cfg", listen: proxy2, define: []string{`PEER="sip:198.51.100.31:5060"`}}}
})

// trunk is joined with a carrier that wants the B2BUA's credentials.
var trunk = joined.with("joined-trunk", func(s *scene) {
	s.b2buas[0].Targets = []string{proxy2}
	s.b2buas[0].User, s.b2buas[0].Secret = "trunk", "secret-trunk"
	s.b2buas[0].Codes = map[int]int{407: 503}
	s.proxies = []kamailio{{cfg: "carrier.cfg", listen: proxy2, define: []string{`PEER="sip:198.51.100.31:5060"`}}}
	s.codes = "407 180 200"
})

// ringing is a callee behind a B2BUA that rings until it is cancelled.
var ringing = sipp{at: callee, steps: []step{
	hear("INVITE"), say(reply("180 Ringing", contactHere)...), hear("CANCEL"), say(reply("200 OK")...),
	insist("SIP/2.0 487 Request Terminated", "[last_Via:]", "[last_From:]", "[last_To:];tag=[pid]lab[call_number]",
		"[last_Call-ID:]", "CSeq: 2 INVITE", "Content-Length: 0"),
	hear("ACK"), linger(2 * time.Second),
}}

// told is the scene of a B2BUA that tells the caller another code than the far side's.
func told(s scene, name, why string, far, caller int, farStatus, header string, named string, t truth) scene {
	t.code = caller
	if t.origin == "" {
		t.origin = callee
	}
	return s.but(name, why, func(s *scene) {
		s.b2buas[0].Codes = map[int]int{far: caller}
		s.ends[0] = reject(callee, farStatus[:3], farStatus[4:], header)
	}, named, t)
}

// joinedScenes fail behind a B2BUA, or at it. The far side's answer decides, whatever the caller is told.
func joinedScenes() []scene {
	refused := func(status, header string) func(*scene) {
		return func(s *scene) { s.ends[0] = reject(callee, status[:3], status[4:], header) }
	}
	return []scene{
		joined.but("b2bua-busy", "the callee behind the B2BUA is busy", refused("486 Busy Here", ""),
			"486", truth{outcome: "busy", code: 486, cause: "callee.busy", origin: callee}),
		unnamed.but("b2bua-busy-unnamed", "the callee behind a B2BUA that names no leg is busy", refused("486 Busy Here", ""),
			"486", truth{outcome: "busy", code: 486, cause: "callee.busy", origin: callee}),
		beyond.but("b2bua-busy-beyond-proxy", "the callee behind B2BUA and proxy is busy", refused("486 Busy Here", ""),
			"486", truth{outcome: "busy", code: 486, cause: "callee.busy", origin: callee}),
		told(joined, "b2bua-503-told-500", "the gateway is in maintenance, and the B2BUA tells it as 500", 503, 500, "503 Service Unavailable", "Retry-After: 60",
			"503 500", truth{outcome: "failed", cause: "server.unavailable", suspect: callee}),
		told(joined, "b2bua-503-told-480", "the gateway is in maintenance, and the B2BUA tells it as 480", 503, 480, "503 Service Unavailable", "Retry-After: 60",
			"503 480", truth{outcome: "failed", cause: "server.unavailable", suspect: callee}),
		told(unnamed, "b2bua-503-told-500-unnamed", "the gateway is in maintenance, and a B2BUA that names no leg tells it as 500", 503, 500, "503 Service Unavailable", "Retry-After: 60",
			"503 500", truth{outcome: "failed", cause: "server.unavailable", suspect: callee}),
		told(joined, "b2bua-404-told-503", "the gateway does not know the number, and the B2BUA tells it as 503", 404, 503, "404 Not Found", `Reason: Q.850;cause=1;text="Unallocated number"`,
			"404 503", truth{outcome: "failed", cause: "routing.number-unallocated"}),
		told(joined, "b2bua-trunk-full-told-486", "the gateway has no circuit left, and the B2BUA tells it as busy", 503, 486, "503 Service Unavailable", `Reason: Q.850;cause=34;text="No circuit available"`,
			"503 486", truth{cause: "server.capacity", suspect: callee}),
		joined.but("b2bua-declined-told-busy", "the callee declines after 2 s of ringing, and the B2BUA tells it as busy", func(s *scene) {
			s.b2buas[0].Codes = map[int]int{603: 486}
			s.ends[0] = sipp{script: "uas_ring_reject", at: callee, talk: 2 * time.Second, keys: map[string]string{"code": "603", "phrase": "Decline"}}
		}, "180 603 486", truth{code: 486, cause: "callee.declined", origin: callee}),
		joined.but("b2bua-silent-gateway", "the gateway answers nothing, and the B2BUA gives up after 4 s", func(s *scene) {
			s.b2buas[0].Patience, s.b2buas[0].GiveUp = 4*time.Second, 408
			s.ends[0] = sipp{script: "uas_silent", at: callee}
		}, "408", truth{outcome: "failed", code: 408, cause: "transport.no-response", origin: proxy, suspect: callee}),
		joined.but("b2bua-silent-gateway-told-500", "the gateway answers nothing, and the B2BUA says 500 after 4 s", func(s *scene) {
			s.b2buas[0].Patience, s.b2buas[0].GiveUp = 4*time.Second, 500
			s.ends[0] = sipp{script: "uas_silent", at: callee}
		}, "500", truth{outcome: "failed", code: 500, cause: "transport.no-response", origin: proxy, suspect: callee}),
		joined.but("b2bua-closed-port", "nobody listens at the gateway's port, and the B2BUA says 503 after 4 s", func(s *scene) {
			s.b2buas[0].Patience, s.b2buas[0].GiveUp = 4*time.Second, 503
			s.ends = nil
		}, "503", truth{outcome: "failed", code: 503, cause: "transport.unreachable", origin: proxy, suspect: callee}),
		joined.but("b2bua-gives-up", "nobody picks up, and the B2BUA gives up after 12 s", func(s *scene) {
			s.b2buas[0].Patience, s.b2buas[0].GiveUp = 12*time.Second, 480
			s.ends[0] = ringing
		}, "180 200 487 480", truth{outcome: "no-answer", code: 480, cause: "timeout.no-answer", origin: proxy}),
		joined.but("b2bua-no-answer", "nobody picks up, and the caller cancels after 11 s", func(s *scene) {
			s.ends[0] = ringing
			s.callers[0] = sipp{script: "uac_cancel", at: caller, talk: 11 * time.Second}
		}, "180 200 487", truth{outcome: "no-answer", code: 487, cause: "timeout.no-answer", origin: caller}),
		joined.but("b2bua-abandoned", "the caller cancels after 3 s of ringing", func(s *scene) {
			s.ends[0] = ringing
			s.callers[0] = sipp{script: "uac_cancel", at: caller, talk: 3 * time.Second}
		}, "180 200 487", truth{outcome: "cancelled", code: 487, cause: "caller.abandoned", origin: caller}),
		joinedTwo.but("b2bua-all-routes-failed", "both gateways fail, and the B2BUA tells the last one's failure", func(s *scene) {
			s.ends[0] = reject(callee, "503", "Service Unavailable", "")
			s.ends = append(s.ends, reject(second, "500", "Server Internal Error", ""))
		}, "503 500", truth{outcome: "failed", code: 500, cause: "routing.all-routes-failed", origin: second}),
		joinedTwo.but("b2bua-failover-recovered", "the first gateway fails, and the B2BUA takes the second", func(s *scene) {
			s.ends[0] = reject(callee, "503", "Service Unavailable", "")
			s.ends = append(s.ends, sipp{script: "uas_answer", at: second, talk: 500 * time.Millisecond})
		}, "503 180 200", truth{outcome: "answered", code: 200, finding: "retry.recovered"}),
		trunk.but("b2bua-wrong-trunk-password", "the B2BUA has a wrong password for the carrier, and tells the caller 503", func(s *scene) {
			s.b2buas[0].Secret = "guess"
		}, "407 503", truth{outcome: "failed", code: 503, cause: "auth.wrong-credentials", origin: proxy2, suspect: proxy}),
		trunk.but("b2bua-no-trunk-password", "the B2BUA has no credentials for the carrier, and tells the caller 503", func(s *scene) {
			s.b2buas[0].Secret = ""
		}, "407 503", truth{code: 503, cause: "auth.no-credentials", origin: proxy2, suspect: proxy}),
	}
}

// joinedTwo is joined with a second gateway.
var joinedTwo = joined.with("joined-two-gateways", func(s *scene) { s.b2buas[0].Targets = []string{callee, second} })

var both = []string{"m=audio 6000 RTP/AVP 0 8", "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000"}

// dialling is a caller that offers media, and does what comes next when it is answered.
func dialling(media []string, header string, next ...step) sipp {
	lines := append([]string{}, sdp(media...)...)
	if header != "" {
		lines = append([]string{header}, lines...)
	}
	return sipp{at: caller, steps: append([]step{
		insist(ask("INVITE", 1, "a", lines...)...), maybe(100, 180, 183), got(200), say(askInside("ACK", 1, "b")...),
	}, next...)}
}

// hangUp ends a caller's call.
func hangUp(cseq int) []step { return []step{insist(askInside("BYE", cseq, "z")...), got(200)} }

// held is a caller that talks, holds, and hangs up.
var held = dialling(pcmu, "",
	append([]step{
		rest(6 * time.Second),
		insist(askInside("INVITE", 2, "c", sdp(append(pcmu[:2:2], "a=sendonly")...)...)...),
		maybe(100), got(200), say(askInside("ACK", 2, "d")...), rest(2 * time.Second),
	}, hangUp(3)...)...)

// holding is a callee that is put on hold.
var holding = sipp{at: callee, steps: []step{
	hear("INVITE"), say(reply("180 Ringing", contactHere)...), rest(500 * time.Millisecond),
	insist(reply("200 OK", sdp(pcmu...)...)...), hear("ACK"), hear("INVITE"),
	insist(inDialog("200 OK", sdp(append(pcmu[:2:2], "a=recvonly")...)...)...), hear("ACK"),
	hear("BYE"), say(inDialog("200 OK")...), linger(2 * time.Second),
}}

// talkingScenes go wrong at the B2BUA once the call stands, or over what it does to the bodies.
func talkingScenes() []scene {
	onHold := joined.with("joined-held", func(s *scene) { s.callers[0], s.ends[0] = held, holding })
	unacked := joined.with("joined-long", func(s *scene) { s.callers[0].talk = 40 * time.Second })
	timed := joined.with("joined-with-session-timer", func(s *scene) {
		s.b2buas[0].Refresh = 12 * time.Second
		s.callers[0] = dialling(pcmu, "Supported: timer", append([]step{rest(6 * time.Second)}, hangUp(2)...)...)
	})
	twoCodecs := joined.with("joined-offering-two", func(s *scene) {
		s.callers[0] = dialling(both, "", append([]step{rest(6 * time.Second)}, hangUp(2)...)...)
		s.ends[0].keys = map[string]string{"format": "8", "encoding": "PCMA"}
	})
	reliable := joined.with("joined-100rel", func(s *scene) {
		s.b2buas[0].Rel100 = true
		s.callers[0] = pracking(got(200), say(askInside("ACK", 1, "c")...), rest(6*time.Second), insist(askInside("BYE", 3, "z")...), got(200))
		s.ends[0] = sipp{at: callee, steps: []step{
			keepInvite, insist(reply("183 Session Progress", append([]string{"Require: 100rel", "RSeq: 1"}, sdp(pcmu...)...)...)...),
			hear("PRACK"), say(inDialog("200 OK")...), rest(time.Second),
			insist("SIP/2.0 200 OK", "Via:[$via]", "[last_From:]", "[last_To:]", "[last_Call-ID:]", "CSeq:[$cseq]", contactHere, "Content-Length: 0"),
			hear("ACK"), hear("BYE"), say(inDialog("200 OK")...), linger(2 * time.Second),
		}}
		s.codes = "183 200"
	})
	return []scene{
		joined.but("b2bua-codec-filter", "the B2BUA lets only PCMA through, and the caller offers PCMU", func(s *scene) {
			s.b2buas[0].Formats = []string{"8"}
			s.ends = nil
		}, "488", truth{outcome: "failed", code: 488, cause: "media.unacceptable|media.no-common-codec", origin: proxy}),
		twoCodecs.but("b2bua-codec-cut", "the B2BUA takes from the offer the one format that the callee does", func(s *scene) {
			s.b2buas[0].Formats = []string{"0"}
			s.callers[0].steps = []step{insist(ask("INVITE", 1, "a", sdp(both...)...)...), maybe(100), got(488), say(ackRefusal(1, "a")...)}
			s.ends[0] = sipp{script: "uas_reject_offer", at: callee, keys: map[string]string{
				"code": "488", "phrase": "Not Acceptable Here", "format": "8", "encoding": "PCMA", "header": `Warning: 305 198.51.100.31 "Incompatible media format"`,
			}}
		}, "488", truth{outcome: "failed", code: 488, cause: "media.no-common-codec", origin: callee}),
		unacked.but("b2bua-keeps-ack", "the B2BUA does not hand the ACK on, and the callee hangs up after 64·T1", func(s *scene) {
			s.b2buas[0].DropACK = true
			s.callers[0] = dialling(pcmu, "", hear("BYE"), say(inDialog("200 OK")...), linger(2*time.Second))
			s.ends[0] = sipp{script: "uas_answer_unacked", at: callee}
		}, "180 200", truth{code: 200, cause: "dialog.ack-missing", origin: callee, suspect: proxy}).
			contradicted("has the finding, and takes the call for answered: the caller's own leg was acknowledged"),
		timed.but("b2bua-session-expired", "the caller never refreshes the session that the B2BUA asked it to, and the B2BUA hangs up on both", func(s *scene) {
			s.callers[0] = dialling(pcmu, "Supported: timer", hear("BYE"), say(inDialog("200 OK")...), linger(2*time.Second))
		}, "180 200", truth{outcome: "answered", code: 200, finding: "dialog.session-expired"}),
		onHold.but("b2bua-refuses-hold", "the B2BUA lets no re-INVITE through, and the caller talks on", func(s *scene) {
			s.b2buas[0].NoReinvite = true
			s.callers[0] = dialling(pcmu, "",
				append([]step{
					rest(6 * time.Second), insist(askInside("INVITE", 2, "c", sdp(append(pcmu[:2:2], "a=sendonly")...)...)...),
					got(488), say(askInside("ACK", 2, "c")...), rest(2 * time.Second),
				}, hangUp(3)...)...)
			s.ends[0] = answering
		}, "180 200 488", truth{outcome: "answered", code: 200, finding: "dialog.reinvite-failed"}),
		joined.but("b2bua-forgot-the-call", "the B2BUA does not know the call any more when the caller hangs up", func(s *scene) {
			s.b2buas[0].Forgets = true
		}, "180 200 481", truth{outcome: "answered", code: 200, finding: "dialog.unknown"}),
		reliable.but("b2bua-keeps-prack", "the B2BUA does not hand the PRACK on, and the callee gives up after five 183", func(s *scene) {
			s.b2buas[0].DropPRACK = true
			s.callers[0] = pracking(got(504), say(ackRefusal(1, "a")...))
			progress := say(reply("183 Session Progress", append([]string{"Require: 100rel", "RSeq: 1"}, sdp(pcmu...)...)...)...)
			s.ends[0] = sipp{at: callee, steps: []step{
				hear("INVITE"), progress, rest(500 * time.Millisecond), progress, rest(time.Second), progress, rest(2 * time.Second),
				progress, rest(4 * time.Second), progress, rest(4 * time.Second), insist(reply("504 Server Time-out")...), hear("ACK"), linger(2 * time.Second),
			}}
		}, "183 200 504", truth{outcome: "failed", code: 504, cause: "dialog.prack-missing", origin: callee, suspect: proxy}),
		onHold.but("b2bua-glare", "caller and callee ask for hold at the same time, and both are told to wait", func(s *scene) {
			glare(&s.callers[0], &s.ends[0])
		}, "180 200 491", truth{outcome: "answered", code: 200, finding: "dialog.glare"}),
	}
}

// pracking is a caller that does reliable provisional responses (RFC 3262).
func pracking(next ...step) sipp {
	return sipp{at: caller, steps: append([]step{
		insist(ask("INVITE", 1, "a", append([]string{"Supported: 100rel"}, sdp(pcmu...)...)...)...), maybe(100), got(183),
		insist(askInside("PRACK", 2, "b", "RAck: 1 1 INVITE")...), got(200),
	}, next...)}
}

// keepInvite waits for an INVITE and keeps what names its transaction, for [$via] and [$cseq].
const keepInvite = step(`<recv request="INVITE" rrs="true"><action>
<ereg regexp=".*" search_in="hdr" header="Via:" assign_to="via"/>
<ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="cseq"/>
</action></recv>`)

// glare has both ends send a re-INVITE 3 s into the call and take the 491 (RFC 3261 §14.1): neither tries again.
func glare(caller, callee *sipp) {
	*caller = dialling(pcmu, "", append([]step{
		rest(3 * time.Second), say(askInside("INVITE", 2, "c", sdp(pcmu...)...)...), maybe(100), got(491), say(askInside("ACK", 2, "c")...), rest(4 * time.Second),
	}, hangUp(3)...)...)
	*callee = sipp{at: callee.at, steps: []step{
		learn(hear("INVITE"), "From", "from"), say(reply("180 Ringing", contactHere)...), rest(500 * time.Millisecond),
		insist(reply("200 OK", sdp(pcmu...)...)...), hear("ACK"), keepInvite,
		say(finish([]string{
			"INVITE sip:lab@" + proxy + " SIP/2.0", "Via: SIP/2.0/UDP [local_ip]:[local_port];branch=z9hG4bKcrossing[pid]", "Max-Forwards: 70",
			"From: <sip:bob@198.51.100.31>;tag=[pid]lab[call_number]", "To:[$from]", "Call-ID: [call_id]", "CSeq: 7 INVITE",
		}, sdp(pcmu...))...),
		maybe(100), got(491),
		say(
			"ACK sip:lab@"+proxy+" SIP/2.0", "Via: SIP/2.0/UDP [local_ip]:[local_port];branch=z9hG4bKcrossing[pid]", "Max-Forwards: 70",
			"From: <sip:bob@198.51.100.31>;tag=[pid]lab[call_number]", "To:[$from]", "Call-ID: [call_id]", "CSeq: 7 ACK", "Content-Length: 0",
		),
		say("SIP/2.0 491 Request Pending", "Via:[$via]", "From:[$from]", "To: <sip:bob@198.51.100.31>;tag=[pid]lab[call_number]", "Call-ID: [call_id]", "CSeq:[$cseq]", "Content-Length: 0"),
		hear("ACK"), hear("BYE"), say(inDialog("200 OK")...), linger(2 * time.Second),
	}}
}
