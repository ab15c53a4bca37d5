package lab

// tlsEnd is how one of two proxies does TLS. Files are those of keys_test.go.
type tlsEnd struct{ method, suites, trusts, certificate string }

var (
	tls12 = tlsEnd{method: "TLSv1.2", suites: "ALL", trusts: "ca"}
	tls13 = tlsEnd{method: "TLSv1.2+", suites: "ALL", trusts: "ca"}
)

func (e tlsEnd) define(more ...string) []string {
	return append(more, `METHOD="`+e.method+`"`, `SUITES="`+e.suites+`"`, `CA="../`+e.trusts+`.pem"`,
		`CERT="../`+e.certificate+`.pem"`, `KEY="../`+e.certificate+`.key"`)
}

// from is the proxy that connects, and checks whom it meets.
func (e tlsEnd) from() kamailio {
	e.certificate = "client"
	return kamailio{cfg: "secure.cfg", define: e.define("WITH_CHECK", "SECURE=tls:192.0.2.20:5061", `NEXT="sip:192.0.2.21:5061;transport=tls"`)}
}

// at is the proxy that is connected to.
func (e tlsEnd) at(certificate string, more ...string) kamailio {
	e.certificate = certificate
	return kamailio{cfg: "secure.cfg", listen: proxy2, define: e.define(append(more, "SECURE=tls:192.0.2.21:5061", `NEXT="sip:198.51.100.31:5060"`)...)}
}

// overTLS is the scene of two proxies with TLS between them; UDP leads in and out. TLS 1.2 shows certificates and
// alerts in the clear.
var overTLS = scene{
	name: "over-tls", tls: true,
	proxies: []kamailio{tls12.from(), tls12.at("good")},
	ends:    []sipp{answering}, callers: answered.callers,
	codes: "180 200",
	truth: truth{kind: calls, outcome: "answered", code: 200},
}

// overTLS13 is overTLS with TLS 1.3, which hides certificates, and alerts once both sides have switched to the keys of the handshake.
var overTLS13 = overTLS.with("over-tls13", func(s *scene) { s.proxies = []kamailio{tls13.from(), tls13.at("good")} })

// mutual is overTLS with certificates of both.
var mutual = overTLS.with("over-mutual-tls", func(s *scene) { s.proxies[1] = tls12.at("good", "WITH_CHECK") })

// tlsScenes fail because two proxies cannot shake hands. The first one's fr_timer ends each after 5 s.
func tlsScenes() []scene {
	failed := func(cause string) truth {
		return truth{outcome: "failed", code: 408, cause: cause, origin: proxy}
	}
	return []scene{
		overTLS.but("tls-certificate-expired", "the second proxy's certificate ran out two days ago", func(s *scene) {
			s.proxies[1] = tls12.at("expired")
		}, "408", failed("tls.certificate-expired")),
		overTLS.but("tls-certificate-self-signed", "the second proxy's certificate is of no authority that the first one trusts", func(s *scene) {
			s.proxies[1] = tls12.at("stranger")
		}, "408", failed("tls.certificate-untrusted")),
		overTLS13.but("tls13-certificate-expired", "the second proxy's certificate ran out two days ago; TLS 1.3 hides it, and OpenSSL's alert comes in the clear", func(s *scene) {
			s.proxies[1] = tls13.at("expired")
		}, "408", failed("tls.certificate-expired")),
		overTLS.but("tls-suites-disjoint", "the proxies have no cipher suite in common", func(s *scene) {
			first, next := tls12, tls12
			first.suites, next.suites = "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"
			s.proxies = []kamailio{first.from(), next.at("good")}
		}, "408", failed("tls.version-mismatch|tls.handshake-failure")),
		mutual.but("tls-client-certificate-refused", "the second proxy does not trust the authority of the first one's certificate", func(s *scene) {
			next := tls12
			next.trusts = "stranger"
			s.proxies[1] = next.at("good", "WITH_CHECK")
		}, "408", failed("tls.client-certificate")),
	}
}
