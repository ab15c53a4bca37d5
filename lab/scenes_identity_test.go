package lab

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// start is the time that the scenes of this run take for now where a message must say when it was made.
var start = time.Now()

// passport is an Identity header (RFC 8224, RFC 8588) for a call between two numbers, issued at a time. Its
// signature is of the right length and of no key.
func passport(from, to string, issued time.Time) string {
	enc := base64.RawURLEncoding
	const where = "https://certificates.example.org/lab.pem"
	head := fmt.Sprintf(`{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":%q}`, where)
	claims := fmt.Sprintf(`{"attest":"A","dest":{"tn":[%q]},"iat":%d,"orig":{"tn":%q},"origid":"6d1d0c0e-2b1f-4c62-8f0c-1f6a7c1f0001"}`, to, issued.Unix(), from)
	signature := []byte(strings.Repeat("laboratory signs", 4))
	return fmt.Sprintf("Identity: %s.%s.%s;info=<%s>;alg=ES256;ppt=shaken",
		enc.EncodeToString([]byte(head)), enc.EncodeToString([]byte(claims)), enc.EncodeToString(signature), where)
}

const (
	ours   = "12025550100" // fictional numbers
	theirs = "12025550123"
	other  = "12025550177"
)

// numbered is a call from a number to a number, with the Identity header of just now.
var numbered = answered.with("answered-with-identity", func(s *scene) {
	s.callers[0].set("from_uri", "sip:+"+ours+"@example.com;user=phone")
	s.callers[0].set("to_uri", "sip:+"+theirs+"@example.com;user=phone")
	s.callers[0].set("header", passport(ours, theirs, start))
})

// identityScenes are refused for what the call says of who calls.
func identityScenes() []scene {
	verifier := func(code, phrase string, header ...string) func(*scene) {
		return func(s *scene) {
			s.ends[0] = reject(callee, code, phrase, "")
			for _, h := range header {
				s.callers[0].set("header", h)
			}
		}
	}
	failed := func(code int, cause string) truth {
		return truth{outcome: "failed", code: code, cause: cause, origin: callee}
	}
	return []scene{
		numbered.but("identity-missing", "the call has no Identity header, and the verifier wants one",
			verifier("428", "Use Identity Header", ""), "428", failed(428, "identity.missing")),
		numbered.but("identity-certificate-unreachable", "the verifier cannot fetch the certificate that info names",
			verifier("436", "Bad Identity Info"), "436", failed(436, "identity.bad-info")),
		numbered.but("identity-certificate-unsupported", "the verifier does not trust the certificate's issuer",
			verifier("437", "Unsupported Credential"), "437", failed(437, "identity.unsupported-credential")),
		numbered.but("identity-of-another-number", "the PASSporT is for another calling number than From has",
			verifier("438", "Invalid Identity Header", passport(other, theirs, start)), "438", failed(438, "identity.invalid")),
		numbered.but("identity-stale", "the PASSporT was made ten minutes before the call",
			verifier("403", "Stale Date", passport(ours, theirs, start.Add(-10*time.Minute))), "403", failed(403, "identity.stale-date")),
		owned.but("from-of-somebody-else", "alice's phone authenticates as alice and calls as carol", func(s *scene) {
			s.callers[1].set("from_uri", "sip:carol@example.com")
		}, "401 200 407 403", truth{outcome: "failed", code: 403, cause: "identity.caller-not-allowed", origin: proxy}),
	}
}

// owned is a challenged call through a proxy that lets each account call as itself only.
var owned = secured.with("answered-as-oneself", func(s *scene) {
	s.proxies[0].define = append(s.proxies[0].define, "WITH_OWN_FROM")
})

// policyScenes are refused by the rules of a network.
func policyScenes() []scene {
	failed := func(code int, cause string) truth { return truth{outcome: "failed", code: code, cause: cause} }
	return []scene{
		refusal("no-credit", "the account has no money left", "402", "Payment Required", "", failed(402, "policy.no-credit")),
		refusal("rejected-by-analytics", "an analytics engine on the way takes it for a nuisance call", "608", "Rejected",
			"Call-Info: <https://redress.example.org/jcard>;purpose=jwscard", failed(608, "policy.rejected-by-analytics")),
		refusal("unwanted", "the callee has marked this caller as unwanted", "607", "Unwanted", "", truth{code: 607, cause: "policy.unwanted"}),
		asking("Privacy: id").but("anonymity-disallowed", "the callee takes no anonymous calls", func(s *scene) {
			s.ends[0] = reject(callee, "433", "Anonymity Disallowed", "")
		}, "433", truth{outcome: "failed", code: 433, cause: "policy.anonymity-disallowed", origin: callee}),
		guarded.but("source-not-allowed", "the proxy does not serve the caller's address; it serves another's call in between", func(s *scene) {
			s.proxies[0].define = append(s.proxies[0].define, `DENY="192.0.2.10"`)
		}, "403 180 200", truth{outcome: "failed", code: 403, cause: "policy.source-not-allowed", origin: proxy}),
		prefixed.but("destination-barred", "the proxy bars numbers that begin with 900; the caller's other calls go through", func(s *scene) {
			s.callers[1].set("to_uri", "sip:9005550111@example.com")
			s.callers[2].set("to_uri", "sip:9005550122@example.com")
		}, "180 200 403", truth{outcome: "failed", code: 403, cause: "policy.destination-barred", origin: proxy}),
		declines("declined-by-policy", "the gateway refuses within milliseconds and without alerting", "603", "Decline",
			truth{code: 603, cause: "policy.forbidden", origin: callee}),
	}
}

func declines(name, why, code, phrase string, t truth) scene {
	return refusal(name, why, code, phrase, "", t)
}

// guarded: three calls, the second one from another address.
var guarded = answered.with("three-calls-from-two-addresses", func(s *scene) {
	s.proxies = []kamailio{{cfg: "guard.cfg"}}
	s.ends[0].calls = 3
	here := sipp{script: "uac_call", at: caller, talk: 6 * time.Second}
	there := here
	there.at = "192.0.2.11:5060"
	s.callers = []sipp{here, there, here}
})

// prefixed: three calls of one caller to three numbers.
var prefixed = answered.with("three-calls-to-three-numbers", func(s *scene) {
	s.proxies = []kamailio{{cfg: "guard.cfg"}}
	s.ends[0].calls = 3
	s.callers = nil
	for _, number := range []string{"2025550123", "2025550111", "2025550122"} {
		s.callers = append(s.callers, sipp{script: "uac_call", at: caller, talk: 6 * time.Second, keys: map[string]string{"to_uri": "sip:" + number + "@example.com"}})
	}
})
