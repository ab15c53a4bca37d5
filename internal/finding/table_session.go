package finding

// Offer/answer. What only media show explains: the signalling of such a call succeeded.
var mediaRows = []Def{
	{"media.no-common-codec", Error, callScope, request + 45, root, ActsCaller, "No codec in common", refs("RFC 3264 §6", "RFC 3261 §21.4.26")},
	{"media.transport-mismatch", Error, callScope, request + 46, root, ActsCaller, "Media transports differ", refs("RFC 3264 §6", "RFC 8866 §5.14")},
	{"media.ip-version", Error, callScope, request + 48, root, ActsCaller, "No IP version in common for media", refs("RFC 3261 §20.43", "RFC 8866 §5.7")},
	{"media.bandwidth", Error, callScope, request + 47, root, ActsCaller, "Not enough bandwidth", refs("RFC 3261 §20.43")},
	{"media.unsupported-body", Error, anyScope, request + 43, root, ActsCaller, "Body type not accepted", refs("RFC 3261 §8.2.3", "RFC 3261 §21.4.13")},
	{"media.malformed-sdp", Error, callScope, defect + 40, root, ActsCaller, "SDP does not parse", refs("RFC 8866 §5", "RFC 8866 §9")},
	// Low: any code may refuse an INVITE that happens to have no offer.
	{"media.offerless-rejected", Error, callScope, general + 33, root, ActsCaller, "INVITE without an offer refused", refs("RFC 3261 §13.2.1", "RFC 3264 §5")},
	{"media.precondition", Error, callScope, request + 49, root, ActsCaller, "Preconditions not met", refs("RFC 3312")},
	{"media.unacceptable", Error, callScope, defect + 30, root, ActsCaller, "Session description not acceptable", refs("RFC 3261 §21.4.26", "RFC 3261 §21.6.4")},
	{"media.one-way", Error, callScope, explain + 64, note, ActsNetwork, "Media one way only", refs("RFC 3264 §5.1", "RFC 3550 §6.4.1")},
	{"media.none", Error, callScope, explain + 63, note, ActsNetwork, "No media", refs("RFC 3264 §5.1")},
	{"media.late", Warning, callScope, explain + 42, note, ActsNetwork, "Media began late", refs("RFC 3264 §5.1")},
	{"media.stopped", Warning, callScope, explain + 62, note, ActsNetwork, "Media ended before the call", refs("RFC 3550 §6.3.5")},
	{"media.unannounced-source", Warning, callScope, explain + 44, note, ActsNetwork, "Media from a source no SDP names", refs("RFC 3264 §5.1", "RFC 4961")},
	{"media.payload-mismatch", Warning, callScope, explain + 46, note, ActsCallee, "Payload type other than agreed", refs("RFC 3264 §6.1", "RFC 3551 §6")},
	{"media.dtmf-mismatch", Warning, callScope, explain + 45, note, ActsCaller, "DTMF modes differ", refs("RFC 4733")},
	{"media.no-ringback", Warning, callScope, explain + 43, note, ActsProxy, "No ringback while alerting", refs("RFC 3960 §3.2")},
	{"media.quality", Warning, callScope, explain + 41, note, ActsNetwork, "Poor media quality", refs("RFC 3550 §6.4.1", "RFC 3611 §4.7")},
}

// What the request asks for and the other side does not do. A retry that met the demand leaves no failure.
var capabilityRows = []Def{
	{"capability.bad-extension", Error, anyScope, request + 63, root, ActsCaller, "Required extension not supported", refs("RFC 3261 §8.2.2.3", "RFC 3261 §21.4.15")},
	{"capability.extension-required", Error, anyScope, request + 64, root, ActsCaller, "Extension demanded of the client", refs("RFC 3261 §21.4.16")},
	{"capability.session-interval", Error, callScope, request + 62, root, ActsCaller, "Session interval too small", refs("RFC 4028 §6", "RFC 4028 §5")},
	{"capability.interval-too-brief", Error, regScope | txnScope, request + 61, root, ActsCaller, "Expiry too short", refs("RFC 3261 §21.4.17", "RFC 3261 §10.3")},
	{"capability.method", Error, anyScope, request + 60, root, ActsCaller, "Method not allowed", refs("RFC 3261 §8.2.1", "RFC 3261 §21.4.6", "RFC 3261 §21.5.2")},
	{"capability.event-package", Error, anyScope, request + 59, root, ActsCaller, "Event package not supported", refs("RFC 6665 §8.3.2")},
	{"capability.uri-scheme", Error, anyScope, request + 58, root, ActsCaller, "URI scheme not supported", refs("RFC 3261 §8.2.2.1", "RFC 3261 §21.4.14")},
	{"capability.version", Error, anyScope, request + 57, root, ActsCaller, "SIP version not supported", refs("RFC 3261 §21.5.6")},
	{"capability.too-large", Error, anyScope, request + 56, root, ActsCaller, "Message too large", refs("RFC 3261 §21.4.11", "RFC 3261 §21.4.12", "RFC 3261 §21.5.7")},
	{"capability.not-acceptable", Error, anyScope, request + 5, root, ActsCaller, "No body type acceptable to the client", refs("RFC 3261 §21.4.7")},
	{"capability.resource-priority", Error, anyScope, request + 55, root, ActsCaller, "Resource priority unknown", refs("RFC 4412")},
	{"capability.security-agreement", Error, anyScope, request + 66, root, ActsCaller, "Security agreement required", refs("RFC 3329")},
	{"capability.outbound", Error, regScope, request + 54, root, ActsProxy, "First hop lacks outbound", refs("RFC 5626 §4.2.1")},
	{"capability.sips", Error, anyScope, request + 65, root, ActsCaller, "sips required or not allowed", refs("RFC 5630", "RFC 3261 §26.2.2")},
	{"capability.undecipherable", Error, anyScope, request + 53, root, ActsCaller, "Encrypted body cannot be read", refs("RFC 3261 §21.4.28")},
	{"capability.other", Error, anyScope, general + 35, root, ActsCaller, "An extension's demand was not met", refs("RFC 3261 §21.4")},
}

var dialogRows = []Def{
	{"dialog.ack-missing", Error, callScope, silence + 75, root, ActsNetwork, "ACK for the 2xx never arrived", refs("RFC 3261 §13.3.1.4", "RFC 3261 §13.2.2.4")},
	{"dialog.ack-misrouted", Error, callScope, path + 42, root, ActsProxy, "ACK went to another address", refs("RFC 3261 §13.2.2.4", "RFC 3261 §12.2.1.1")},
	{"dialog.unknown", Error, callScope | txnScope, general + 85, root, ActsCallee, "Dialog unknown to the other side", refs("RFC 3261 §12.2.2", "RFC 3261 §21.4.19")},
	// A 491 is cured by waiting; one that is not ends as dialog.reinvite-failed.
	{"dialog.glare", Info, callScope, explain + 30, note, ActsNobody, "Both sides sent a re-INVITE", refs("RFC 3261 §14.1", "RFC 3261 §21.4.27")},
	{"dialog.prack-missing", Error, callScope, silence + 76, root, ActsCaller, "Reliable provisional response not acknowledged", refs("RFC 3262 §3", "RFC 3262 §4")},
	{"dialog.session-expired", Error, callScope, general + 30, root, ActsNetwork, "Session not refreshed in time", refs("RFC 4028 §10", "RFC 4028 §7.4")},
	{"dialog.reinvite-failed", Error, callScope, defect + 10, root, ActsCallee, "Change of the session refused", refs("RFC 3261 §14.1", "RFC 3311 §5.3")},
	// The transferred call failed; the one that carried the REFER did not.
	{"dialog.transfer-failed", Error, callScope, explain + 55, note, ActsCallee, "Transfer failed", refs("RFC 3515 §2.4.5", "RFC 5589")},
	// The call stood or ended as both wanted; only the crossing is told.
	{"dialog.cancel-race", Info, callScope, explain + 31, note, ActsNobody, "Answer crossed the CANCEL", refs("RFC 3261 §9.1", "RFC 3261 §15")},
	{"dialog.terminated-request", Error, callScope, general + 90, root, ActsProxy, "487 that nothing seen explains", refs("RFC 3261 §21.4.25", "RFC 3261 §15.1.2")},
	// The call had ended for the one who sent the BYE.
	{"dialog.bye-lost", Warning, callScope, explain + 50, note, ActsNetwork, "BYE not answered", refs("RFC 3261 §15.1.1", "RFC 3261 §17.1.2.2")},
	{"dialog.refer-refused", Error, callScope | txnScope, defect + 15, root, ActsCallee, "REFER refused", refs("RFC 3515 §2.4.2")},
	// Another branch answered: the caller has its call.
	{"dialog.orphan-fork", Warning, callScope, explain + 51, note, ActsCaller, "Second answer of a fork left open", refs("RFC 3261 §13.2.2.4", "RFC 3261 §16.7")},
}

// Messages that break the standard. Tolerated defects have Warning: see CanBeRoot.
var protocolRows = []Def{
	{"protocol.malformed", Error, anyScope, defect + 35, root, ActsCaller, "Message breaks the grammar", refs("RFC 3261 §21.4.1", "RFC 3261 §25.1")},
	{"protocol.missing-header", Error, anyScope, defect + 50, root, ActsCaller, "Mandatory header field absent", refs("RFC 3261 §8.1.1", "RFC 3261 §20")},
	{"protocol.content-length", Error, anyScope, defect + 45, root, ActsCaller, "Content-Length disagrees with the body", refs("RFC 3261 §18.3", "RFC 3261 §20.14")},
	// What it breaks, the dialog rules name.
	{"protocol.to-tag-missing", Warning, anyScope, explain + 25, note, ActsCallee, "Response without To tag", refs("RFC 3261 §8.2.6.2")},
	// The old response that comes back is judged like any other; this says where it came from.
	{"protocol.branch-reuse", Warning, anyScope, explain + 26, note, ActsCaller, "Branch used twice", refs("RFC 3261 §8.1.1.7", "RFC 3261 §17.2.3")},
	// A symptom of silence, or noise beside an answer.
	{"protocol.retransmission-storm", Warning, anyScope, explain + 24, note, ActsCaller, "Retransmitted more than the timers allow", refs("RFC 3261 §17.1.1.2", "RFC 3261 §17.1.2.2")},
	// The cause is what the sender meant by the code.
	{"protocol.code-misuse", Warning, anyScope, explain + 23, note, ActsProxy, "Response code used against its definition", refs("RFC 3261 §21", "RFC 3261 §27.4")},
}
