package lab

import (
	"strings"
	"time"
)

// session is the body of these lines of media, from an address of a family (IP4 or IP6).
func session(family, address string, media ...string) string {
	return strings.Join(append([]string{
		"v=0", "o=lab 53655765 2353687637 IN " + family + " " + address, "s=-", "c=IN " + family + " " + address, "t=0 0",
	}, media...), "\n")
}

// offering is answered with what was offered.
func offering(name, body string) scene {
	return answered.with("answered-"+name, func(s *scene) {
		s.callers[0].set("body", body)
		s.ends[0].set("body", body)
	})
}

const (
	callerMedia = "192.0.2.10:6000"
	calleeMedia = "198.51.100.31:6000"
)

// spoken is an answered call with speech both ways, from the answer to the end.
var spoken = answered.with("answered-and-spoken", func(s *scene) {
	const begin, length = 600 * time.Millisecond, 5800 * time.Millisecond
	s.media = []stream{
		{from: callerMedia, to: calleeMedia, after: begin, lasts: length},
		{from: calleeMedia, to: callerMedia, after: begin, lasts: length},
	}
})

// spokenTwice is two such calls.
var spokenTwice = spoken.with("two-calls-spoken", func(s *scene) {
	s.callers = append(s.callers, s.callers[0])
	s.ends[0].calls = 2
	for _, m := range s.media {
		m.call = 1
		s.media = append(s.media, m)
	}
})

// mediaScenes fail over what the offer or answer says, or have trouble with the media itself.
func mediaScenes() []scene {
	failed := func(code int, cause string) truth {
		return truth{outcome: "failed", code: code, cause: cause, origin: callee}
	}
	heard := func(finding string) truth { return truth{outcome: "answered", code: 200, finding: finding} }
	refuse := func(code, phrase, header string) func(*scene) {
		return func(s *scene) { s.ends[0] = reject(callee, code, phrase, header) }
	}
	return []scene{
		answered.but("secured-media-wanted", "the callee does SRTP only, and the caller offers plain RTP", func(s *scene) {
			s.ends[0] = sipp{at: callee, steps: []step{
				hear("INVITE"), insist(reply("488 Not Acceptable Here", sdp("m=audio 6000 RTP/SAVP 0", "a=rtpmap:0 PCMU/8000",
					"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:bGFib3JhdG9yeSBsYWJvcmF0b3J5IGxhYm9yYXRv")...)...), hear("ACK"), linger(2 * time.Second),
			}}
		}, "488", failed(488, "media.transport-mismatch")),
		offering("ip6", session("IP6", "2001:db8::10", pcmu...)).but("ip6-media-refused", "the callee has no IPv6, and the caller offers nothing else",
			refuse("488", "Not Acceptable Here", `Warning: 301 198.51.100.31 "Incompatible network address formats"`),
			"488", failed(488, "media.ip-version")),
		refusal("bandwidth", "the callee's access has no bandwidth left", "606", "Not Acceptable",
			`Warning: 370 198.51.100.31 "Insufficient bandwidth"`, truth{outcome: "failed", code: 606, cause: "media.bandwidth"}),
		answered.but("broken-sdp", "the caller's m= line has no port and no format", func(s *scene) {
			s.callers[0].set("body", session("IP4", "192.0.2.10", "m=audio", "a=rtpmap:0 PCMU/8000"))
			s.ends[0] = reject(callee, "488", "Not Acceptable Here", "")
		}, "488", failed(488, "media.malformed-sdp")),
		asking("Supported: precondition").but("precondition-failure", "the callee cannot reserve what the offer demands",
			refuse("580", "Precondition Failure", ""), "580", failed(580, "media.precondition")),
		refusal("not-acceptable-here", "the callee does not like the offer and says nothing more", "488", "Not Acceptable Here", "",
			truth{outcome: "failed", code: 488, cause: "media.unacceptable"}),
		refusal("not-acceptable-anywhere", "likewise, for all of the callee's devices", "606", "Not Acceptable", "",
			truth{outcome: "failed", code: 606, cause: "media.unacceptable"}),
		offerless.but("offerless-refused", "the callee wants an offer in the INVITE",
			refuse("488", "Not Acceptable Here", ""), "488", failed(488, "media.offerless-rejected")),
		spoken.but("one-way-media", "what the callee says is lost on its way", func(s *scene) {
			s.net.lost = []string{"ip saddr 198.51.100.31 udp sport 6000"}
		}, "180 200", heard("media.one-way")),
		spokenTwice.but("no-media", "in the caller's second call neither side sends, as if a media server had let it go", func(s *scene) {
			s.media = s.media[:2]
		}, "180 200", heard("media.none")),
		spoken.but("late-media", "the callee begins to send 2 s after the answer", func(s *scene) {
			s.media[1].after += 2 * time.Second
			s.media[1].lasts -= 2 * time.Second
		}, "180 200", heard("media.late")),
		spoken.but("media-stops", "the callee's media ends 4 s before the call does", func(s *scene) {
			s.media[1].lasts -= 4 * time.Second
		}, "180 200", heard("media.stopped")).contradicted("nothing, of media that ends 4 s before the call"),
		spoken.but("other-payload-type", "the callee sends PCMA where PCMU was agreed", func(s *scene) {
			s.media[1].payload = 8
		}, "180 200", heard("media.payload-mismatch")),
		spoken.but("media-from-elsewhere", "the callee's media comes from an address that its SDP does not have", func(s *scene) {
			s.media[1].from = "198.51.100.32:7000"
		}, "180 200", heard("media.unannounced-source")),
		spoken.but("lossy-media", "one in eight of the callee's packets is lost", func(s *scene) {
			s.media[1].drop = 8
		}, "180 200", heard("media.quality")),
		spoken.but("private-media-address", "the callee's SDP has the private address that it has behind its NAT", func(s *scene) {
			s.ends[0].set("body", session("IP4", "10.0.0.31", pcmu...))
			s.media[0].to = "10.0.0.31:6000"
			s.net.addresses = []string{"10.0.0.31"} // its way there ends at the NAT
			s.net.shut = []string{"ip daddr 10.0.0.31 drop"}
		}, "180 200", heard("nat.private-sdp")),
	}
}

// offerless is a call whose offer is in the 200 and whose answer is in the ACK.
var offerless = answered.with("answered-without-offer", func(s *scene) {
	s.callers[0].script, s.callers[0].steps = "", []step{
		insist(ask("INVITE", 1, "1", contactHere)...), maybe(100, 180),
		step(`<recv response="488" optional="true" next="refused"/>`), got(200),
		say(askInside("ACK", 1, "2", sdp(pcmu...)...)...), rest(0),
		insist(askInside("BYE", 2, "3")...), step(`<recv response="200" next="end"/><label id="refused"/>`),
		say(ackRefusal(1, "1")...), step(`<label id="end"/>`),
	}
})
