package finding

import (
	"fmt"
	"testing"
)

// situations lists, for each way a call, registration or transaction can fail, the findings that can hold
// together on it, the root cause first: every pair of a row is a decided pair. A new finding that can be a root
// cause must be put in the rows where it can hold (TestEveryRootIsPlaced).
var situations = []struct {
	name  string
	order []ID
}{
	{"403: words, then comparison, then the code", []ID{
		"policy.no-credit", "policy.rate-limited", "identity.caller-not-allowed", "identity.stale-date",
		"policy.destination-barred", "routing.unknown-domain", "auth.wrong-credentials",
		"policy.source-not-allowed", "policy.forbidden", "protocol.missing-header", "code.403",
	}},
	{"404 and 604", []ID{
		"identity.caller-not-allowed", "routing.not-registered", "routing.unknown-domain", "routing.number-format",
		"routing.number-unallocated", "routing.all-routes-failed", "routing.no-route", "routing.unknown-user",
		"protocol.content-length", "code.404",
	}},
	{"410", []ID{"routing.number-unallocated", "routing.gone", "code.410"}},
	{"484 and 485", []ID{"routing.number-format", "routing.number-unallocated", "routing.address-incomplete", "routing.ambiguous", "code.484"}},
	{"480", []ID{
		"policy.no-credit", "policy.rate-limited", "identity.caller-not-allowed", "server.capacity",
		"callee.declined", "timeout.no-answer", "capability.sips", "routing.not-registered",
		"routing.all-routes-failed", "routing.dns-failure", "transport.unreachable", "nat.binding-expired",
		"transport.no-response", "routing.no-route", "server.overload", "callee.unavailable", "code.480",
	}},
	{"486 and 600", []ID{
		"policy.rate-limited", "server.capacity", "callee.declined", "callee.busy", "timeout.no-answer",
		"routing.all-routes-failed", "code.486",
	}},
	{"603", []ID{
		"policy.rejected-by-analytics", "identity.caller-not-allowed", "callee.declined",
		"policy.destination-barred", "policy.forbidden", "code.603",
	}},
	{"607, 433: said by the code", []ID{"policy.unwanted", "policy.anonymity-disallowed", "callee.declined", "policy.forbidden"}},
	{"503", []ID{
		"policy.rate-limited", "server.capacity", "routing.all-routes-failed", "tls.handshake-failure",
		"routing.dns-failure", "transport.fragment-lost", "transport.unreachable", "transport.connect-timeout",
		"transport.connection-lost", "transport.send-failed", "transport.no-response", "routing.no-route",
		"server.overload", "timeout.downstream", "server.unavailable", "protocol.malformed", "code.503",
	}},
	{"500", []ID{
		"server.cseq-order", "routing.all-routes-failed", "routing.dns-failure", "transport.unreachable",
		"dialog.prack-missing", "transport.no-response", "server.overload", "timeout.downstream",
		"server.unavailable", "server.internal-error", "protocol.missing-header", "protocol.content-length",
		"protocol.malformed", "code.500",
	}},
	{"501 and 405", []ID{"capability.method", "server.unimplemented", "dialog.refer-refused", "code.501"}},
	{"502", []ID{"transport.unreachable", "transport.no-response", "timeout.downstream", "server.bad-gateway", "code.502"}},
	{"504", []ID{"routing.all-routes-failed", "routing.dns-failure", "transport.unreachable", "transport.no-response", "timeout.provisional-stall", "timeout.downstream", "code.504"}},
	{"408", []ID{
		"timeout.no-answer", "routing.all-routes-failed", "nat.rport-missing", "tls.handshake-failure",
		"transport.fragment-lost", "transport.truncated", "transport.response-misrouted", "transport.unreachable",
		"transport.connect-timeout", "transport.connection-lost", "nat.binding-expired", "transport.no-response",
		"timeout.provisional-stall", "timeout.request", "timeout.downstream", "protocol.malformed", "code.408",
	}},
	{"477 and 478", []ID{
		"tls.certificate-expired", "routing.dns-failure", "transport.unreachable", "transport.connect-timeout",
		"transport.connection-lost", "transport.send-failed", "code.477",
	}},
	{"488 and 606", []ID{
		"media.precondition", "media.ip-version", "media.bandwidth", "media.transport-mismatch", "media.no-common-codec",
		"media.offerless-rejected", "protocol.content-length", "media.malformed-sdp", "media.unacceptable",
		"dialog.reinvite-failed", "code.488",
	}},
	{"415", []ID{"media.no-common-codec", "media.unsupported-body", "media.offerless-rejected", "protocol.content-length", "code.415"}},
	{"406", []ID{"media.no-common-codec", "capability.not-acceptable", "code.406"}},
	{"400", []ID{
		"routing.number-format", "transport.truncated", "media.offerless-rejected", "nat.alg-suspected",
		"protocol.missing-header", "protocol.content-length", "media.malformed-sdp", "protocol.malformed",
		"dialog.reinvite-failed", "code.400",
	}},
	{"401 and 407", []ID{
		"auth.wrong-header", "auth.algorithm-unsupported", "auth.partial-credentials", "auth.realm-mismatch",
		"auth.nonce-mismatch", "auth.stale-nonce", "auth.cseq-not-incremented", "auth.wrong-credentials",
		"auth.no-credentials", "auth.challenge-loop", "dialog.reinvite-failed", "code.401",
	}},
	{"420, 421, 494", []ID{"capability.security-agreement", "capability.extension-required", "capability.bad-extension", "capability.other", "code.421"}},
	{"422, 423", []ID{"capability.session-interval", "capability.interval-too-brief", "dialog.session-expired", "dialog.reinvite-failed", "code.422"}},
	{"416, 505, 413, 417", []ID{"capability.sips", "capability.uri-scheme", "capability.version", "capability.too-large", "capability.resource-priority", "transport.fragment-lost", "code.416"}},
	{"439, 430 and other registration trouble", []ID{"capability.outbound", "routing.flow-failed", "nat.binding-expired", "transport.no-response", "capability.other"}},
	{"489, 493", []ID{"capability.event-package", "capability.undecipherable", "policy.forbidden", "capability.other"}},
	{"428, 436, 437, 438", []ID{
		"identity.missing", "identity.bad-info", "identity.unsupported-credential", "identity.stale-date",
		"identity.invalid", "policy.forbidden", "code.428",
	}},
	{"481", []ID{
		"nat.private-contact", "routing.route-set-bypassed", "dialog.ack-missing", "dialog.unknown",
		"dialog.session-expired", "dialog.reinvite-failed", "code.481",
	}},
	{"482, 483, 440", []ID{
		"routing.loop", "routing.merged-request", "routing.max-forwards", "routing.max-breadth",
		"routing.all-routes-failed", "transport.no-response", "timeout.request", "code.482",
	}},
	{"487 and calls given up", []ID{
		"callee.answered-elsewhere", "timeout.no-answer", "transport.unreachable", "nat.binding-expired",
		"transport.no-response", "caller.abandoned", "timeout.provisional-stall", "dialog.terminated-request", "code.487",
	}},
	{"3xx", []ID{
		"routing.redirect-loop", "routing.alternative-service", "routing.redirect-no-target", "routing.use-proxy",
		"routing.redirect-not-followed", "callee.forwarded", "code.302",
	}},
	{"no response at all", []ID{
		"nat.rport-missing", "transport.fragment-lost", "transport.truncated", "transport.response-misrouted",
		"transport.unreachable", "nat.binding-expired", "policy.source-not-allowed", "transport.no-response",
		"caller.abandoned", "protocol.malformed",
	}},
	{"TLS", []ID{
		"tls.version-mismatch", "tls.certificate-expired", "tls.certificate-name", "tls.client-certificate",
		"tls.certificate-untrusted", "tls.handshake-failure", "transport.connection-lost", "transport.no-response",
	}},
	{"after the 2xx", []ID{
		"nat.private-contact", "nat.rport-missing", "routing.route-set-bypassed", "dialog.ack-misrouted",
		"transport.fragment-lost", "transport.response-misrouted", "transport.unreachable", "dialog.ack-missing",
		"transport.no-response", "dialog.session-expired", "protocol.content-length",
	}},
	{"reliable provisional responses", []ID{
		"timeout.no-answer", "nat.private-contact", "routing.route-set-bypassed", "transport.response-misrouted",
		"transport.unreachable", "dialog.prack-missing", "transport.no-response", "timeout.downstream",
		"server.internal-error",
	}},
	{"REGISTER refused", []ID{
		"policy.rate-limited", "register.too-many-contacts", "routing.unknown-domain", "auth.wrong-credentials",
		"policy.source-not-allowed", "routing.unknown-user", "server.unavailable", "policy.forbidden", "code.403",
	}},
}

// pairs are decided pairs whose findings come from different responses: another branch, an earlier attempt,
// another hop.
var pairs = []struct {
	winner, loser ID
	how           string
}{
	{"callee.busy", "transport.unreachable", "first target dead (ICMP), failover reached the callee: 486"},
	{"callee.busy", "transport.no-response", "first target silent, failover reached the callee: 486"},
	{"callee.busy", "transport.connect-timeout", "first target's TCP port filtered, failover 486"},
	{"callee.busy", "transport.send-failed", "477 of one branch, 486 of the other"},
	{"callee.busy", "server.unavailable", "503 of the first gateway, 486 through the second"},
	{"callee.busy", "server.overload", "503 under load, 486 through the second gateway"},
	{"callee.busy", "server.internal-error", "500 of one branch, 486 of the other"},
	{"callee.busy", "timeout.request", "first target timed out, second 486"},
	{"callee.busy", "auth.wrong-credentials", "refused, other credentials accepted, then 486"},
	{"callee.busy", "auth.stale-nonce", "nonce renewed, then 486"},
	{"callee.busy", "capability.session-interval", "422 retried with a longer interval, then 486"},
	{"callee.busy", "media.no-common-codec", "488 of one phone, 486 of another"},
	{"callee.busy", "identity.stale-date", "Date hours off, yet the call reached the callee"},
	{"callee.busy", "routing.unknown-user", "404 of one branch, 486 of the other"},
	{"callee.busy", "routing.redirect-not-followed", "302 of one branch, 486 of the other"},
	{"callee.busy", "callee.unavailable", "480 of one device, 486 of another"},
	{"callee.busy", "protocol.content-length", "a defect everybody tolerates"},
	{"callee.busy", "protocol.malformed", "a defect everybody tolerates"},
	{"callee.busy", "protocol.missing-header", "a defect everybody tolerates"},
	{"callee.busy", "nat.alg-suspected", "rewritten SDP, call refused as busy"},
	{"callee.declined", "transport.unreachable", "dead branch, other branch declined"},
	{"callee.declined", "transport.no-response", "silent branch, other branch declined"},
	{"callee.declined", "callee.busy", "one device busy, the other declined (6xx ends the search, RFC 3261 §16.7)"},
	{"callee.declined", "timeout.no-answer", "480 with 'rejected' after 15 s of alerting"},
	{"callee.declined", "auth.wrong-credentials", "wrong password first, then declined"},
	{"callee.declined", "callee.unavailable", "480 after alerting with 'rejected'"},
	{"callee.answered-elsewhere", "callee.busy", "one branch busy, another answered, this one cancelled"},
	{"callee.answered-elsewhere", "caller.abandoned", "CANCEL with Reason SIP;cause=200 within 10 s"},
	{"callee.answered-elsewhere", "dialog.terminated-request", "487 of the losing branch"},
	{"callee.answered-elsewhere", "transport.no-response", "a silent branch beside one that answered"},
	{"timeout.no-answer", "callee.unavailable", "480 after 30 s of alerting"},
	{"timeout.no-answer", "transport.unreachable", "one branch dead, the other rang out"},
	{"timeout.no-answer", "transport.no-response", "one branch silent, the other rang out"},
	{"timeout.no-answer", "server.unavailable", "503 of the first gateway, the second rang out"},
	{"timeout.no-answer", "auth.wrong-credentials", "wrong password first, then rang out"},
	{"timeout.no-answer", "server.overload", "480 of a loaded server after 30 s of alerting"},
	{"server.capacity", "callee.busy", "486 with Q.850 cause 34"},
	{"server.capacity", "server.overload", "Q.850 cause 42 from a loaded switch"},
	{"server.capacity", "routing.no-route", "503 'no route', Reason says circuits busy"},
	{"server.capacity", "transport.unreachable", "first gateway dead, second full"},
	{"policy.rate-limited", "server.overload", "503 with Retry-After to this customer only"},
	{"policy.rate-limited", "callee.busy", "486 'too many concurrent calls'"},
	{"policy.no-credit", "callee.unavailable", "480 'no credit'"},
	{"policy.no-credit", "auth.wrong-credentials", "403 'insufficient balance' to an authenticated call"},
	{"policy.rejected-by-analytics", "callee.declined", "603 with an analytics engine's Call-Info"},
	{"policy.destination-barred", "routing.number-format", "403 for +882…, dialled like the others"},
	{"auth.wrong-credentials", "transport.unreachable", "one branch dead, the other challenged in vain"},
	{"auth.wrong-credentials", "transport.no-response", "one hop silent, the other challenged in vain"},
	{"auth.no-credentials", "caller.abandoned", "challenge, then CANCEL"},
	{"auth.no-credentials", "server.unavailable", "503 of the first gateway, challenge of the second"},
	{"auth.wrong-credentials", "protocol.malformed", "a header that everybody tolerates beside a refused digest"},
	{"auth.algorithm-unsupported", "auth.no-credentials", "SHA-256 only, client gave up"},
	{"auth.stale-nonce", "auth.challenge-loop", "lifetime too short: every answer is stale"},
	{"auth.nonce-mismatch", "auth.stale-nonce", "two servers behind one name do not share nonces"},
	{"routing.loop", "timeout.request", "a loop ends in 408 before 483"},
	{"routing.loop", "transport.no-response", "a loop floods the hop that then says nothing"},
	{"routing.loop", "server.overload", "the loop is the load"},
	{"routing.not-registered", "callee.unavailable", "480 of the registrar after the binding ran out"},
	{"routing.not-registered", "nat.binding-expired", "binding removed and stale contact tried"},
	{"routing.unknown-domain", "policy.forbidden", "403 'relaying denied'"},
	{"routing.no-route", "server.unavailable", "503, Q.850 cause 3"},
	{"routing.all-routes-failed", "transport.unreachable", "two gateways, one dead, one 503"},
	{"routing.all-routes-failed", "transport.no-response", "two gateways, both silent"},
	{"routing.all-routes-failed", "transport.send-failed", "477 of both"},
	{"routing.all-routes-failed", "timeout.request", "408 after two silent targets"},
	{"routing.all-routes-failed", "server.unavailable", "503 of both gateways"},
	{"routing.all-routes-failed", "server.overload", "503 of both gateways under load"},
	{"routing.all-routes-failed", "server.internal-error", "500 of both gateways"},
	{"routing.all-routes-failed", "nat.binding-expired", "two contacts of one phone, both stale"},
	{"callee.busy", "routing.all-routes-failed", "first gateway 503, second 486"},
	{"timeout.no-answer", "routing.all-routes-failed", "both targets rang out"},
	{"routing.number-unallocated", "routing.all-routes-failed", "Q.850 cause 1 through both gateways"},
	{"media.no-common-codec", "routing.all-routes-failed", "488 of both gateways"},
	{"media.no-common-codec", "transport.unreachable", "first target dead, second 488"},
	{"transport.unreachable", "transport.no-response", "ICMP for one copy, retransmissions until Timer B"},
	{"transport.send-failed", "transport.no-response", "477 for one branch, silence on the other"},
	{"transport.connect-timeout", "transport.no-response", "SYN unanswered, so no response either"},
	{"transport.connection-lost", "transport.send-failed", "FIN, then 477 for the same flow"},
	{"transport.unreachable", "transport.send-failed", "connection refused, then 477"},
	{"transport.no-response", "timeout.request", "next hop silent, 408 upstream"},
	{"transport.no-response", "timeout.provisional-stall", "100 upstream, silence downstream"},
	{"transport.no-response", "server.unavailable", "next hop silent, 503 upstream"},
	{"transport.no-response", "callee.unavailable", "contact silent, 480 upstream"},
	{"transport.unreachable", "caller.abandoned", "hop dead, caller gave up"},
	{"transport.unreachable", "callee.unavailable", "contact dead, 480 upstream"},
	{"transport.unreachable", "server.internal-error", "hop dead, 500 upstream"},
	{"transport.truncated", "protocol.content-length", "datagram cut on the way"},
	{"transport.truncated", "media.malformed-sdp", "SDP cut on the way"},
	{"transport.response-misrouted", "dialog.ack-missing", "200 sent to another port, so no ACK"},
	{"transport.response-misrouted", "transport.unreachable", "ICMP for the response sent to the wrong port"},
	{"nat.rport-missing", "transport.response-misrouted", "no rport, responses go to the sent-by port"},
	{"nat.private-contact", "dialog.ack-missing", "ACK sent to 192.168.x.y"},
	{"nat.private-contact", "transport.unreachable", "ICMP host unreachable for the private Contact"},
	{"nat.private-contact", "transport.no-response", "BYE to the private Contact unanswered"},
	{"nat.private-contact", "dialog.session-expired", "refresh sent to the private Contact"},
	{"nat.binding-expired", "timeout.request", "stale contact silent, 408 upstream"},
	{"nat.binding-expired", "callee.unavailable", "stale contact silent, 480 upstream"},
	{"nat.alg-suspected", "protocol.content-length", "address rewritten, length not"},
	{"nat.alg-suspected", "media.malformed-sdp", "address rewritten badly"},
	{"dialog.ack-missing", "transport.no-response", "no ACK, and the BYE after 32 s unanswered too"},
	{"routing.route-set-bypassed", "dialog.ack-misrouted", "ACK skipped the recorded hop"},
	{"routing.route-set-bypassed", "dialog.unknown", "BYE past the proxy that holds the state"},
	{"caller.abandoned", "timeout.provisional-stall", "caller gave up before Timer C"},
	{"caller.abandoned", "timeout.request", "CANCEL crossed the 408"},
	{"caller.abandoned", "server.unavailable", "CANCEL while failing over"},
	{"server.unavailable", "server.internal-error", "a proxy turned 503 into 500"},
	{"server.overload", "server.internal-error", "500 under load"},
	{"server.cseq-order", "dialog.reinvite-failed", "re-INVITE with an older CSeq: 500"},
	{"dialog.unknown", "dialog.reinvite-failed", "re-INVITE: 481"},
	{"media.no-common-codec", "dialog.reinvite-failed", "re-INVITE with another codec: 488"},
	{"policy.forbidden", "dialog.refer-refused", "REFER: 403"},
	{"callee.unavailable", "policy.forbidden", "480 of one device, 403 of the other branch"},
	{"capability.bad-extension", "media.unacceptable", "420 of one branch, 488 of the other"},
	{"routing.unknown-user", "media.offerless-rejected", "404 to an INVITE without offer"},
	{"callee.busy", "media.offerless-rejected", "486 to an INVITE without offer"},
	{"server.unavailable", "media.offerless-rejected", "503 to an INVITE without offer"},
	{"server.internal-error", "media.offerless-rejected", "500 to an INVITE without offer"},
	{"policy.forbidden", "media.offerless-rejected", "403 to an INVITE without offer"},
	{"identity.caller-not-allowed", "policy.forbidden", "403 'invalid caller ID'"},
	{"identity.stale-date", "policy.forbidden", "403 'Stale Date'"},
	{"register.too-many-contacts", "policy.forbidden", "403 'too many contacts'"},
	// What only explains comes after any cause.
	{"callee.unavailable", "isup.cause", "480 with Q.850 cause 20"},
	{"server.unavailable", "isup.cause", "503 with Q.850 cause 38"},
	{"code.500", "isup.cause", "500 with a cause that says nothing"},
	{"server.unavailable", "retry.storm", "dialled again and again into 503"},
	{"routing.unknown-user", "retry.pointless", "404 dialled again and again"},
	{"server.unavailable", "retry.missed-failover", "503, another gateway idle"},
	{"transport.no-response", "transport.one-way-signalling", "one call of a peer that only sends"},
	{"transport.no-response", "protocol.retransmission-storm", "resent twice as often as Timer A allows"},
	{"transport.no-response", "keepalive.lost", "the peer's OPTIONS go unanswered too"},
	{"auth.wrong-credentials", "register.failed", "REGISTER refused"},
	{"auth.wrong-credentials", "auth.password-change-suspected", "the account worked an hour ago"},
	{"auth.wrong-credentials", "security.brute-force", "one of many guesses"},
	{"dialog.unknown", "server.restart", "481 from a server that forgot its dialogs"},
	{"dialog.reinvite-failed", "dialog.glare", "491 once, then refused for good"},
	{"code.491", "dialog.glare", "491 and no retry"},
	{"routing.unknown-user", "security.enumeration", "one of many names tried"},
	{"code.480", "protocol.code-misuse", "480 for something else"},
	{"media.unacceptable", "nat.private-sdp", "488, and the offer names 10.0.0.1"},
	{"dialog.ack-missing", "media.none", "no ACK, no media"},
	{"register.flapping", "register.interval", "address changes and refreshes every 5 s"},
	{"isup.cause", "protocol.code-misuse", "both explain: the cause first"},
	{"retry.recovered", "retry.ignored-retry-after", "both explain: that it worked first"},
	{"security.credential-stuffing-success", "security.brute-force", "the guess that succeeded"},
}

// undecidable are pairs that one capture often cannot tell apart. The general one is the root cause, and
// its actions name the packet that would settle it.
var undecidable = []struct {
	winner, loser ID
	settle        string
}{
	{"transport.unreachable", "nat.binding-expired", "a packet from the contact itself after the ICMP error: its source port shows whether the binding moved"},
	{"auth.wrong-credentials", "auth.password-change-suspected", "a later request with the same user name that is accepted"},
	{"timeout.no-answer", "dialog.terminated-request", "the CANCEL on the hop upstream of the capture point"},
	{"transport.no-response", "protocol.malformed", "a capture at the next hop: does the request arrive, and is it discarded"},
	{"server.internal-error", "protocol.missing-header", "the same request with the header field added"},
	{"server.internal-error", "protocol.content-length", "the same request with the right Content-Length"},
	{"policy.forbidden", "protocol.missing-header", "the same request with the header field added"},
	{"server.internal-error", "media.offerless-rejected", "the same call with an offer in the INVITE"},
	{"routing.unknown-user", "protocol.content-length", "the same number in a request without the defect"},
	{"timeout.provisional-stall", "timeout.downstream", "the messages on the far side of the hop that sent the 100"},
	{"server.unavailable", "server.internal-error", "the response that the proxy itself received"},
	{"callee.busy", "timeout.no-answer", "the final response of each branch behind the fork"},
}

func certain(id ID) *Finding {
	d, ok := Lookup(id)
	if !ok {
		panic(fmt.Sprintf("%s: no such finding", id))
	}
	return &Finding{ID: id, Severity: d.Severity, Confidence: 1, Weight: d.Weight}
}

// decided yields every pair with a known winner.
func decided(yield func(winner, loser ID, how string)) {
	for _, s := range situations {
		for i, w := range s.order {
			for _, l := range s.order[i+1:] {
				yield(w, l, s.name)
			}
		}
	}
	for _, p := range pairs {
		yield(p.winner, p.loser, p.how)
	}
	for _, p := range undecidable {
		yield(p.winner, p.loser, "cannot be told apart; settled by "+p.settle)
	}
}

func TestWinnerOfEveryPair(t *testing.T) {
	type pair struct{ a, b ID }
	seen := map[pair]bool{}
	decided(func(winner, loser ID, how string) {
		w, l := certain(winner), certain(loser)
		if !Less(w, l) || Less(l, w) {
			t.Errorf("%s: want %s (%d) before %s (%d)", how, winner, w.Weight, loser, l.Weight)
		}
		if w.Weight == l.Weight {
			t.Errorf("%s: %s and %s both weigh %d: their order rests on the names", how, winner, loser, w.Weight)
		}
		if seen[pair{loser, winner}] {
			t.Errorf("%s: %s before %s, but another pair says the contrary", how, winner, loser)
		}
		seen[pair{winner, loser}] = true
	})
	if len(seen) < 700 {
		t.Errorf("%d pairs decided, want at least 700: a row was lost", len(seen))
	}
}

// TestEveryRootIsPlaced fails when a finding that can be a root cause is in no situation, where its rank
// among those that hold with it would be decided.
func TestEveryRootIsPlaced(t *testing.T) {
	placed := map[ID]bool{}
	for _, s := range situations {
		for _, id := range s.order {
			placed[id] = true
		}
	}
	for _, d := range Table() {
		if !d.Root {
			continue
		}
		if !placed[d.ID] {
			t.Errorf("%s can be a root cause but is in no situation", d.ID)
		}
	}
}

func TestUndecidableSaysWhatSettlesIt(t *testing.T) {
	for _, p := range undecidable {
		if p.settle == "" {
			t.Errorf("%s, %s: no packet named", p.winner, p.loser)
		}
	}
}
