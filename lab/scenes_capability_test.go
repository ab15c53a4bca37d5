package lab

// capabilityScenes ask for what the other side does not do.
func capabilityScenes() []scene {
	failed := func(code int, cause string) truth {
		return truth{outcome: "failed", code: code, cause: cause, origin: callee}
	}
	refuse := func(code, phrase, header string) func(*scene) {
		return func(s *scene) { s.ends[0] = reject(callee, code, phrase, header) }
	}
	return []scene{
		refusal("extension-required", "the callee insists on reliable provisional responses", "421", "Extension Required", "Require: 100rel",
			truth{outcome: "failed", code: 421, cause: "capability.extension-required"}),
		asking("Accept: application/isup").but("accept-not-met", "the callee can send none of the bodies that the caller accepts",
			refuse("406", "Not Acceptable", ""), "406", failed(406, "capability.not-acceptable")),
		answered.with("answered-tel-uri", func(s *scene) { s.callers[0].set("to_uri", "tel:+12025550123") }).
			but("tel-uri-refused", "the callee does not do tel: URIs", refuse("416", "Unsupported URI Scheme", ""), "416", failed(416, "capability.uri-scheme")),
		refusal("version-not-supported", "the gateway says that it does not do this version of SIP", "505", "Version Not Supported", "",
			truth{outcome: "failed", code: 505, cause: "capability.version"}),
		large.but("message-too-large", "the gateway takes no INVITE of this size", refuse("513", "Message Too Large", ""), "513", failed(513, "capability.too-large")),
		asking("Resource-Priority: lab.0").but("unknown-priority", "the callee does not know the namespace of the priority, which the caller requires",
			refuse("417", "Unknown Resource-Priority", "Accept-Resource-Priority: ets.0"), "417", failed(417, "capability.resource-priority")),
		refusal("security-agreement-required", "the callee wants a security agreement", "494", "Security Agreement Required",
			"Security-Server: tls;q=0.2", truth{outcome: "failed", code: 494, cause: "capability.security-agreement"}),
		refusal("sips-required", "the callee takes sips: only", "480", "Temporarily Unavailable", `Warning: 381 198.51.100.31 "SIPS Required"`,
			truth{outcome: "failed", code: 480, cause: "capability.sips"}),
		refusal("body-not-decipherable", "the callee has not got the key of the body", "493", "Undecipherable", "",
			truth{outcome: "failed", code: 493, cause: "capability.undecipherable"}),
		asking("Geolocation: <sips:alice@location.example.com>").but("location-not-usable", "the emergency centre cannot use the location", refuse("424", "Bad Location Information", ""),
			"424", failed(424, "capability.other")),
		subscribed.but("event-package-unknown", "the callee does not do presence", func(s *scene) {
			s.ends[0].keys = map[string]string{"code": "489", "phrase": "Bad Event", "header": "Allow-Events: dialog"}
		}, "489", truth{outcome: "failed", code: 489, cause: "capability.event-package", origin: callee}),
		messaged.but("message-not-implemented", "the callee has no MESSAGE", func(s *scene) {
			s.ends[0].keys = map[string]string{"code": "501", "phrase": "Not Implemented"}
		}, "501", truth{outcome: "failed", code: 501, cause: "capability.method", origin: callee}),
		briefly.but("registration-too-brief", "the phone asks for 60 s, the registrar wants 300, and the phone does not ask again", func(s *scene) {
			s.callers[0].set("expires", "60")
		}, "423", truth{outcome: "failed", code: 423, cause: "capability.interval-too-brief", origin: proxy}),
	}
}

// briefly is a registration where short ones are refused.
var briefly = registered.with("registered-for-long-enough", func(s *scene) {
	s.proxies[0].define = []string{"MIN_EXPIRES=300"}
	s.callers[0].set("expires", "600")
})

// subscribed is a SUBSCRIBE that is taken; no NOTIFY follows within the scene.
var subscribed = messaged.with("subscription-taken", func(s *scene) {
	s.ends[0].script = "uas_subscribe"
	s.ends[0].keys = map[string]string{"code": "200", "phrase": "OK", "header": "Expires: 600"}
	s.callers[0].script = "uac_subscribe"
})
