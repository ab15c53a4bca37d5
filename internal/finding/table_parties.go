package finding

var calleeRows = []Def{
	{"callee.busy", Info, callScope, people + 30, root, ActsNobody, "Busy", refs("RFC 3261 §21.4.24", "RFC 3261 §21.6.1")},
	{"callee.declined", Info, callScope, people + 40, root, ActsNobody, "Declined by the callee", refs("RFC 3261 §21.6.2")},
	{"callee.unavailable", Info, callScope | txnScope, general + 60, root, ActsCallee, "Callee not available now", refs("RFC 3261 §21.4.18")},
	{"callee.answered-elsewhere", Info, callScope, people + 50, root, ActsNobody, "Answered on another device", refs("RFC 3326 §3.1", "RFC 3261 §16.7")},
	{"callee.forwarded", Info, callScope, general + 55, root, ActsNobody, "Forwarded by the callee", refs("RFC 3261 §21.3.3", "RFC 7044", "RFC 5806")},
}

var callerRows = []Def{
	// Below transport and above the timers: a caller who gave up on a dead hop is no cause, one who gave up
	// before a timer could run out is.
	{"caller.abandoned", Info, callScope, silence + 40, root, ActsNobody, "Caller gave up", refs("RFC 3261 §9.1", "RFC 3261 §21.4.25")},
	// The call was answered.
	{"caller.hung-up-early", Info, callScope, explain + 29, note, ActsNobody, "Caller hung up within seconds", refs("RFC 3261 §15.1.1")},
}

var serverRows = []Def{
	{"server.internal-error", Error, anyScope, general + 45, root, ActsProxy, "Server error without explanation", refs("RFC 3261 §21.5.1")},
	{"server.cseq-order", Error, anyScope, request + 9, root, ActsCaller, "CSeq went backwards", refs("RFC 3261 §12.2.2")},
	{"server.unimplemented", Error, anyScope, general + 65, root, ActsProxy, "Feature not implemented", refs("RFC 3261 §21.5.2")},
	{"server.bad-gateway", Error, anyScope, general + 70, root, ActsProxy, "Invalid response from behind a gateway", refs("RFC 3261 §21.5.3")},
	{"server.unavailable", Error, anyScope, general + 50, root, ActsCarrier, "Service unavailable", refs("RFC 3261 §21.5.4")},
	{"server.overload", Error, anyScope, silence + 15, root, ActsCarrier, "Server overloaded", refs("RFC 3261 §21.5.4", "RFC 7339", "RFC 5390")},
	{"server.capacity", Error, callScope, said + 60, root, ActsCarrier, "Trunk full", refs("RFC 3398 §7.2.4.1")},
	// About a peer: a call that it lost shows dialog.unknown.
	{"server.restart", Error, ScopePeer, explain + 72, note, ActsProxy, "Server restarted and lost its state", refs("RFC 3261 §12.2.2")},
}

// The cause that the Reason names becomes a finding of its own topic (routing, server, callee); this one
// prints it and says whether the mapping to the code is the standard's. A healthy call has one too (16).
var isupRows = []Def{
	{"isup.cause", Info, callScope, explain + 90, note, ActsCarrier, "Cause from the telephone network", refs("RFC 3326 §2", "RFC 3398 §7.2.4.1", "RFC 4497")},
}

// What happened after a failure: the failure itself is the cause.
var retryRows = []Def{
	{"retry.recovered", Warning, anyScope, explain + 80, note, ActsNobody, "Failed first, then succeeded", refs("RFC 3261 §16.7", "RFC 3263 §4.3")},
	{"retry.ignored-retry-after", Warning, anyScope, explain + 36, note, ActsCaller, "Retried before Retry-After", refs("RFC 3261 §20.33", "RFC 3261 §21.5.4")},
	{"retry.storm", Warning, anyScope | ScopePeer, explain + 38, note, ActsCaller, "Retry storm", refs("RFC 3261 §8.1.3.1", "RFC 5390")},
	{"retry.pointless", Warning, anyScope, explain + 35, note, ActsCaller, "Retried what no retry can cure", refs("RFC 3261 §21.4")},
	{"retry.missed-failover", Warning, callScope | txnScope, explain + 37, note, ActsProxy, "Another route was not tried", refs("RFC 3263 §4.3", "RFC 3261 §16.7")},
}

// The cause of a REGISTER that failed is named by the topics above; a binding that lapsed or moves had
// been granted.
var registerRows = []Def{
	{"register.failed", Error, regScope, explain + 85, note, ActsCaller, "Registration failed", refs("RFC 3261 §10.2", "RFC 3261 §10.3")},
	{"register.expired", Warning, regScope, explain + 54, note, ActsCallee, "Binding not refreshed in time", refs("RFC 3261 §10.2.4", "RFC 3261 §10.3")},
	{"register.flapping", Warning, regScope, explain + 53, note, ActsCaller, "Binding changes too often", refs("RFC 3261 §10.2.1", "RFC 3261 §10.3")},
	{"register.interval", Info, regScope, explain + 20, note, ActsProxy, "Refreshed far before expiry", refs("RFC 3261 §10.2.4", "RFC 3261 §10.3")},
	{"register.too-many-contacts", Error, regScope, said + 65, root, ActsCallee, "Too many contacts for the address of record", refs("RFC 3261 §10.3")},
}

// About a peer: one OPTIONS shows transport.no-response.
var keepaliveRows = []Def{
	{"keepalive.lost", Error, ScopePeer, explain + 71, note, ActsNetwork, "Peer no longer answers keepalives", refs("RFC 5626 §4.4", "RFC 6223", "RFC 3261 §11")},
}

// One source or the whole capture; no call's cause.
var securityRows = []Def{
	{"security.scanner", Warning, ScopePeer | ScopeCapture, explain + 15, note, ActsProxy, "SIP scanner", refs("RFC 3261 §26.1")},
	{"security.enumeration", Warning, ScopePeer | ScopeCapture, explain + 15, note, ActsProxy, "Users being enumerated", refs("RFC 3261 §26.1")},
	{"security.brute-force", Error, ScopePeer | ScopeCapture, explain + 17, note, ActsProxy, "Passwords being guessed", refs("RFC 3261 §26.1.1", "RFC 7616 §5.7")},
	{"security.credential-stuffing-success", Critical, ScopePeer | ScopeCapture, explain + 19, note, ActsProxy, "Guessing succeeded: account taken over", refs("RFC 3261 §26.1.1")},
	{"security.flood", Error, ScopePeer | ScopeCapture, explain + 17, note, ActsProxy, "Flood from one source", refs("RFC 3261 §26.1.5")},
	{"security.auth-storm", Error, ScopePeer | ScopeCapture, explain + 16, note, ActsProxy, "Challenges far above normal", refs("RFC 3261 §22.1")},
	{"security.toll-fraud", Critical, ScopePeer | ScopeCapture, explain + 19, note, ActsCarrier, "Toll fraud", nil},
	{"security.topology-leak", Info, ScopePeer | ScopeCapture, explain + 11, note, ActsProxy, "Internal addresses or versions shown outside", refs("RFC 3323", "RFC 5853 §3.1")},
	{"security.weak-auth", Info, ScopePeer | ScopeCapture, explain + 12, note, ActsProxy, "Weak authentication", refs("RFC 8760 §3", "RFC 3261 §22.1")},
	{"security.plaintext", Info, ScopePeer | ScopeCapture, explain + 12, note, ActsProxy, "Signalling or keys in the clear", refs("RFC 3261 §26.2.1", "RFC 4568 §8")},
	{"security.false-answer", Warning, ScopePeer | ScopeCapture, explain + 14, note, ActsCarrier, "Answered without the callee", nil},
	{"security.wangiri", Warning, ScopePeer | ScopeCapture, explain + 14, note, ActsCarrier, "Short calls that invite call-backs", nil},
	{"security.third-party-media", Critical, ScopeCall | ScopePeer, explain + 18, note, ActsNetwork, "Media taken or put in by a third party", refs("RFC 3550 §9")},
	{"security.malformed-probe", Warning, ScopePeer | ScopeCapture, explain + 13, note, ActsProxy, "Crafted messages from one source", refs("RFC 4475")},
	{"security.spoofed-identity", Error, ScopePeer | ScopeCapture, explain + 16, note, ActsProxy, "Local identity used from outside", refs("RFC 3325 §12", "RFC 3261 §26.1")},
}

// Trends, no call's cause.
var kpiRows = []Def{
	{"kpi.spike", Error, ScopeCapture, explain + 8, note, ActsProxy, "Rate left its baseline", nil},
	{"kpi.asr-drop", Error, ScopeCapture, explain + 7, note, ActsCarrier, "Fewer calls answered than normal", refs("RFC 6076 §4.6")},
	{"kpi.slow-setup", Warning, ScopeCapture, explain + 5, note, ActsCarrier, "Slow call set-up", refs("RFC 6076 §4.3")},
	{"kpi.short-calls", Warning, ScopeCapture, explain + 4, note, ActsCarrier, "Calls shorter than normal", refs("RFC 6076 §4.5")},
	{"kpi.route-degraded", Error, ScopePeer | ScopeCapture, explain + 6, note, ActsCarrier, "One gateway worse than its siblings", refs("RFC 6076 §4.6")},
}
