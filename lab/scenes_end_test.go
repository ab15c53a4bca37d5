package lab

// endScenes fail at what the other end cannot do, or at the other end itself.
func endScenes() []scene {
	offer := map[string]string{
		"code": "488", "phrase": "Not Acceptable Here", "format": "18", "encoding": "G729",
		"header": `Warning: 305 198.51.100.31 "Incompatible media format"`,
	}
	return []scene{
		answered.but("no-common-codec", "the callee does G.729 only, and the caller offers PCMU", func(s *scene) {
			s.ends[0] = sipp{script: "uas_reject_offer", at: callee, keys: offer}
		}, "488", truth{outcome: "failed", code: 488, cause: "media.no-common-codec", origin: callee}),
		asking("Require: 100rel").but("bad-extension", "the callee lacks the extension that the caller requires", func(s *scene) {
			s.ends[0] = reject(callee, "420", "Bad Extension", "Unsupported: 100rel")
		}, "420", truth{outcome: "failed", code: 420, cause: "capability.bad-extension", origin: callee}),
		asking("Session-Expires: 90").but("session-interval", "the callee wants longer sessions between refreshes, and the caller does not ask again", func(s *scene) {
			s.ends[0] = reject(callee, "422", "Session Interval Too Small", "Min-SE: 1800")
		}, "422", truth{outcome: "failed", code: 422, cause: "capability.session-interval", origin: callee}),
		refusal("unsupported-body", "the callee takes ISUP bodies only", "415", "Unsupported Media Type", "Accept: application/isup",
			truth{outcome: "failed", code: 415, cause: "media.unsupported-body"}),
		refusal("internal-error", "the callee breaks", "500", "Server Internal Error", "",
			truth{outcome: "failed", code: 500, cause: "server.internal-error", suspect: callee}),
		// Kamailio turns a 503 from below into a 500 (tm, remap_503_500; RFC 3261 §16.7 step 6).
		refusal("503-becomes-500", "the callee is in maintenance", "503", "Service Unavailable", "Retry-After: 60",
			truth{outcome: "failed", code: 500, cause: "server.unavailable", suspect: callee}).withCodes("503 500"),
		refusal("trunk-full", "the gateway has no circuit left", "503", "Service Unavailable", `Reason: Q.850;cause=34;text="No circuit available"`,
			truth{outcome: "failed", code: 500, cause: "server.capacity", suspect: callee}).withCodes("503 500"),
		messaged.but("message-not-taken", "the callee does not do MESSAGE", func(s *scene) {
			s.ends[0].keys = map[string]string{"code": "405", "phrase": "Method Not Allowed", "header": "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS"}
		}, "405", truth{outcome: "failed", code: 405, cause: "capability.method", origin: callee}),
		answered.but("callee-forgot-the-call", "the callee does not know the call any more when the caller hangs up", func(s *scene) {
			s.ends[0].script = "uas_answer_forgets"
		}, "180 200 481", truth{outcome: "answered", code: 200, finding: "dialog.unknown"}),
		answered.but("ack-never-sent", "the caller sends no ACK, and the callee hangs up after 64·T1", func(s *scene) {
			s.ends[0] = sipp{script: "uas_answer_unacked", at: callee}
			s.callers[0] = sipp{script: "uac_never_acks", at: caller}
		}, "180 200", truth{outcome: "failed", code: 200, cause: "dialog.ack-missing", origin: callee, suspect: caller}),
	}
}

// asking is answered with one more header in the INVITE.
func asking(header string) scene {
	return answered.with("answered-with-"+headerName(header), func(s *scene) { s.callers[0].set("header", header) })
}

func (s scene) withCodes(codes string) scene {
	s.codes = codes
	return s
}
