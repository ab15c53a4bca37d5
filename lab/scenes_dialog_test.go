package lab

import (
	"slices"
	"time"
)

// setUp is what a caller does until it talks; of is what it offers.
func setUp(cseq int, extra ...string) []step {
	return []step{insist(ask("INVITE", cseq, "1", append(extra, sdp(pcmu...)...)...)...), maybe(100, 180), got(200), say(askInside("ACK", cseq, "2")...)}
}

// takeUp is what a callee does until it talks.
func takeUp() []step {
	return []step{
		dialog(hear("INVITE")), say(reply("180 Ringing", contactHere)...), rest(500 * time.Millisecond),
		insist(reply("200 OK", sdp(pcmu...)...)...), hear("ACK"),
	}
}

// farewell is the caller's end of the call, and of its story.
func farewell(cseq int) []step {
	return []step{rest(0), insist(askInside("BYE", cseq, "bye")...), then("200")}
}

// letGo is the callee's.
func letGo() []step {
	return []step{hear("BYE"), say(inDialog("200 OK")...), linger(2 * time.Second)}
}

func story(parts ...[]step) []step { return slices.Concat(parts...) }

// changed is a call that the caller puts on hold with a re-INVITE.
var changed = answered.with("answered-and-held", func(s *scene) {
	s.callers[0].script, s.ends[0].script = "", ""
	s.callers[0].steps = story(setUp(10), reinvite(11))
	s.ends[0].steps = story(takeUp(), []step{hear("INVITE"), insist(inDialog("200 OK", sdp(onHold("recvonly")...)...)...), hear("ACK")}, letGo())
})

func onHold(direction string) []string { return append(slices.Clone(pcmu), "a="+direction) }

// reinvite holds the call, takes no for an answer, tries again after a 491, and hangs up.
func reinvite(cseq int) []step {
	again := []step{
		rest(time.Second), insist(askInside("INVITE", cseq, "h1", sdp(onHold("sendonly")...)...)...), maybe(100),
		or("481", "no"), or("488", "no"), or("500", "no"), or("491", "pending"), then("200"), `<nop next="yes"/>`,
		mark("pending"), say(askInside("ACK", cseq, "h1")...), rest(3 * time.Second),
		insist(askInside("INVITE", cseq+1, "h3", sdp(onHold("sendonly")...)...)...), maybe(100), then("200"),
		say(askInside("ACK", cseq+1, "h4")...), `<nop next="bye"/>`,
		mark("no"), say(askInside("ACK", cseq, "h1")...), `<nop next="bye"/>`,
		mark("yes"), say(askInside("ACK", cseq, "h2")...), mark("bye"),
	}
	return story(again, farewell(cseq+10))
}

// plain is a call whose caller's steps are told one by one.
var plain = answered.with("answered-step-by-step", func(s *scene) {
	s.callers[0].script, s.callers[0].steps = "", story(setUp(1), farewell(2))
})

// patient is such a call whose callee waits for its ACK, and takes a BYE without.
var patient = plain.with("answered-step-by-step-and-acknowledged", func(s *scene) {
	s.ends[0].script, s.ends[0].steps = "", acknowledged.ends[0].steps
})

// timed is a call that the callee refreshes (RFC 4028) and then ends. Its refresh comes early, for a scene's sake.
var timed = answered.with("answered-and-refreshed", func(s *scene) {
	s.callers[0].script, s.callers[0].steps = "", story(setUp(1, "Supported: timer", "Session-Expires: 90;refresher=uas"), []step{
		`<recv request="UPDATE" optional="true" next="asked"/>`, `<recv request="BYE" next="over"/>`,
		mark("asked"), say(inDialog("200 OK", contactHere, "Session-Expires: 90;refresher=uac")...), hear("BYE"),
		mark("over"), say(inDialog("200 OK")...), rest(time.Second),
	})
	up := takeUp()
	up[3] = insist(reply("200 OK", append([]string{"Require: timer", "Session-Expires: 90;refresher=uas"}, sdp(pcmu...)...)...)...)
	s.ends[0].script, s.ends[0].steps = "", story(up, []step{
		rest(3 * time.Second), insist(askBack("UPDATE", 1, "u1", contactHere, "Supported: timer", "Session-Expires: 90;refresher=uac")...),
		or("408", "lost"), then("200"), rest(3 * time.Second), mark("lost"), insist(askBack("BYE", 2, "bye")...), then("200"),
	})
})

// transferred is a call that the caller hands over to somebody else.
var transferred = answered.with("answered-and-transferred", func(s *scene) {
	s.callers[0].script, s.ends[0].script = "", ""
	s.callers[0].steps = story(setUp(1), []step{
		rest(time.Second), insist(askInside("REFER", 2, "r1", contactHere, "Refer-To: <sip:carol@example.com>", "Referred-By: <sip:alice@example.com>")...),
		or("403", "no"), then("202"), hear("NOTIFY"), say(inDialog("200 OK")...), mark("no"),
	}, farewell(3))
	s.ends[0].steps = refer("200 OK")
	s.codes = "180 200 202"
})

// refer does as it is told, and reports what came of it.
func refer(result string) []step {
	return story(takeUp(), []step{
		hear("REFER"), say(inDialog("202 Accepted", contactHere)...), rest(time.Second),
		insist(askBack("NOTIFY", 1, "n1", contactHere, "Event: refer", "Subscription-State: terminated;reason=noresource",
			"Content-Type: message/sipfrag", "Content-Length: [len]", "", "SIP/2.0 "+result)...), then("200"),
	}, letGo())
}

// reliable is a call whose early answer is acknowledged.
var reliable = answered.with("answered-with-prack", func(s *scene) {
	s.callers[0].script, s.ends[0].script = "", ""
	s.callers[0].steps = story([]step{
		insist(ask("INVITE", 1, "1", append([]string{"Supported: 100rel"}, sdp(pcmu...)...)...)...), maybe(100), got(183),
		insist(askInside("PRACK", 2, "p1", "RAck: 1 1 INVITE")...), then("200"), got(200), say(askInside("ACK", 1, "2")...),
	}, farewell(3))
	s.codes = "183 200"
	s.ends[0].steps = story([]step{
		remembered, say(early()...), hear("PRACK"), say(inDialog("200 OK")...), rest(500 * time.Millisecond),
		insist(lateAnswer("[last_To:]", "200 OK", sdp(pcmu...)...)...), hear("ACK"),
	}, letGo())
})

// early is a reliable provisional response with an answer.
func early() []string {
	return reply("183 Session Progress", append([]string{"Require: 100rel", "RSeq: 1"}, sdp(pcmu...)...)...)
}

// remembered is an INVITE that came by way of one proxy, and is answered by lateAnswer when another request has
// come since.
const remembered step = `<recv request="INVITE" rrs="true"><action>
<ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="cseq"/>
<ereg regexp=".*" search_in="hdr" header="Record-Route:" assign_to="rr"/>
<ereg regexp=".*" search_in="hdr" header="Via:" occurrence="1" assign_to="via1"/>
<ereg regexp=".*" search_in="hdr" header="Via:" occurrence="2" assign_to="via2"/>
</action></recv>`

func lateAnswer(to, status string, lines ...string) []string {
	return finish([]string{
		"SIP/2.0 " + status, "Via:[$via1]", "Via:[$via2]", "Record-Route:[$rr]", "[last_From:]", to, "[last_Call-ID:]", "CSeq:[$cseq]",
	}, lines)
}

// dialogScenes have trouble in or after the making of a dialog.
func dialogScenes() []scene {
	found := func(finding string) truth { return truth{outcome: "answered", code: 200, finding: finding} }
	refuses := func(status string, more ...step) func(*scene) {
		return func(s *scene) {
			s.ends[0].steps = story(takeUp(), []step{hear("INVITE"), insist(inDialog(status)...), hear("ACK")}, more, letGo())
		}
	}
	return []scene{
		changed.but("hold-refused", "the callee does not take the re-INVITE", refuses("488 Not Acceptable Here"),
			"180 200 488", found("dialog.reinvite-failed")),
		changed.but("hold-in-unknown-dialog", "the callee does not know the dialog when the re-INVITE comes", refuses("481 Call/Transaction Does Not Exist"),
			"180 200 481", found("dialog.unknown")),
		changed.but("glare", "the callee has a re-INVITE of its own under way; the caller tries again after 3 s",
			refuses("491 Request Pending", hear("INVITE"), insist(inDialog("200 OK", sdp(onHold("recvonly")...)...)...), hear("ACK")),
			"180 200 491", found("dialog.glare")),
		changed.but("cseq-goes-backwards", "the caller's re-INVITE has a smaller CSeq than its INVITE", func(s *scene) {
			refuses("500 Server Internal Error")(s)
			s.callers[0].steps = story(setUp(10), reinvite(5))
		}, "180 200 500", found("server.cseq-order")),
		answered.but("bye-lost", "every BYE is lost between the proxy and the callee", func(s *scene) {
			s.net.shut = []string{first(proxy, callee, "BYE ") + " drop"}
		}, "180 200 408", found("dialog.bye-lost")),
		acknowledged.but("ack-lost", "every ACK is lost between the proxy and the callee, who repeats its 200", func(s *scene) {
			s.net.lost = []string{first(proxy, callee, "ACK ")}
		}, "180 200", found("dialog.ack-missing")),
		timed.but("session-refresh-lost", "the callee's refresh is lost on its way to the caller, and the callee hangs up", func(s *scene) {
			s.net.shut = []string{first(proxy, caller, "UPDA") + " drop"}
		}, "180 200 408", found("dialog.session-expired")),
		patient.but("ack-to-wrong-target", "the caller's ACK has the URI it called, not the callee's Contact: the proxy sends it nowhere", func(s *scene) {
			ack := request("ACK [to_uri]", "ACK", 1, "2", "To: <[to_uri]>[peer_tag_param]", []string{"[routes]"})
			s.callers[0].steps = story(setUp(1)[:3], []step{say(ack...)}, farewell(2))
		}, "180 200", found("dialog.ack-misrouted")),
		plain.but("route-set-ignored", "the caller's BYE has no Route, and the proxy does not know what to do with it", func(s *scene) {
			bye := request("BYE [next_url]", "BYE", 2, "bye", "To: <[to_uri]>[peer_tag_param]", nil)
			s.callers[0].steps = story(setUp(1), []step{rest(0), insist(bye...), then("481")})
		}, "180 200 481", found("routing.route-set-bypassed")),
		plain.but("branch-reused", "the caller's BYE has the branch of its INVITE", func(s *scene) {
			s.callers[0].steps = story(setUp(1), []step{rest(0), insist(askInside("BYE", 2, "1")...), then("200")})
		}, "180 200", found("protocol.branch-reuse")),
		transferred.but("transfer-failed", "the third party is busy", func(s *scene) { s.ends[0].steps = refer("486 Busy Here") },
			"180 200 202", found("dialog.transfer-failed")),
		transferred.but("transfer-refused", "the callee does not do what it is told", func(s *scene) {
			s.ends[0].steps = story(takeUp(), []step{hear("REFER"), say(inDialog("403 Forbidden")...)}, letGo())
		}, "180 200 403", found("dialog.refer-refused")),
		reliable.but("prack-missing", "the caller does not acknowledge the reliable 183; the callee repeats it and gives up after 8 s", func(s *scene) {
			s.callers[0].steps = []step{
				insist(ask("INVITE", 1, "1", append([]string{"Supported: 100rel"}, sdp(pcmu...)...)...)...), maybe(100, 183),
				got(504), say(ackRefusal(1, "1")...),
			}
			s.ends[0].steps = []step{
				hear("INVITE"), say(early()...), rest(500 * time.Millisecond), say(early()...), rest(time.Second), say(early()...),
				rest(2 * time.Second), say(early()...), rest(4 * time.Second),
				insist(reply("504 Server Time-out")...), hear("ACK"), linger(2 * time.Second),
			}
		}, "183 504", truth{outcome: "failed", code: 504, cause: "dialog.prack-missing", origin: callee, suspect: caller}),
		rung("terminated-by-nobody", "the callee ends the request after 2 s of ringing; nobody cancelled", 2*time.Second, "487", "Request Terminated", "",
			truth{outcome: "failed", code: 487, cause: "dialog.terminated-request"}),
	}
}

// acknowledged is a call whose callee waits for its ACK, and takes a BYE without.
var acknowledged = answered.with("answered-and-acknowledged", func(s *scene) {
	s.ends[0].script = ""
	s.ends[0].steps = []step{
		hear("INVITE"), say(reply("180 Ringing", contactHere)...), rest(500 * time.Millisecond), insist(reply("200 OK", sdp(pcmu...)...)...),
		`<recv request="ACK" optional="true"/>`, hear("BYE"), say(inDialog("200 OK")...), linger(2 * time.Second),
	}
})

// protocolScenes have messages that break the standard.
func protocolScenes() []scene {
	bad := func(phrase string) sipp { return reject(callee, "400", phrase, "") }
	failed := func(cause string) truth { return truth{outcome: "failed", code: 400, cause: cause, origin: callee} }
	return []scene{
		answered.but("contact-missing", "the caller's INVITE has no Contact", func(s *scene) {
			s.callers[0].set("contact_line", "")
			s.ends[0] = bad("Bad Request")
		}, "400", failed("protocol.missing-header")),
		answered.but("content-length-short", "the caller's Content-Length is 30, and the body longer", func(s *scene) {
			s.callers[0].set("length", "30")
			s.ends[0] = bad("Bad Request")
		}, "400", failed("protocol.content-length")),
		asking("Session-Expires: 1800").but("header-malformed", "the caller's Session-Expires is a word", func(s *scene) {
			s.callers[0].set("header", "Session-Expires: soon")
			s.ends[0] = bad("Bad Request")
		}, "400", failed("protocol.malformed")),
		answered.but("busy-without-tag", "the callee is busy, and says so without a To tag", func(s *scene) {
			s.ends[0] = sipp{at: callee, steps: []step{hear("INVITE"), insist(response("486 Busy Here", "[last_To:]", nil)...), hear("ACK"), linger(2 * time.Second)}}
		}, "486", truth{outcome: "busy", code: 486, cause: "callee.busy", origin: callee, finding: "protocol.to-tag-missing"}),
	}
}
