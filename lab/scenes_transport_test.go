package lab

import (
	"strings"
	"time"
)

// transportScenes fail because a packet did not get through. Kamailio's fr_timer is 5 s here, not 32.
func transportScenes() []scene {
	unheard := func(code int, cause string) truth {
		return truth{outcome: "failed", code: code, cause: cause, origin: proxy, suspect: callee}
	}
	filter := func(rule string) func(*scene) {
		return func(s *scene) { s.net.shut = []string{"ip daddr 198.51.100.31 " + rule} }
	}
	return []scene{
		answered.but("silent-gateway", "the callee takes the INVITE and never answers", func(s *scene) {
			s.ends[0] = sipp{script: "uas_silent", at: callee}
		}, "408", unheard(408, "transport.no-response")),
		answered.but("closed-port", "nobody listens at the callee's port: ICMP port unreachable", func(s *scene) { s.ends = nil },
			"408", unheard(408, "transport.unreachable")),
		answered.but("host-unreachable", "the callee's router says that the host is not there", filter("udp dport 5060 reject with icmp type host-unreachable"),
			"408", unheard(408, "transport.unreachable")),
		answered.but("firewall-rejects", "a firewall before the callee prohibits: ICMP, communication administratively prohibited",
			filter("udp dport 5060 reject with icmp type admin-prohibited"), "408", unheard(408, "transport.unreachable")),
		answered.but("firewall-drops", "a firewall before the callee drops", filter("udp dport 5060 drop"),
			"408", unheard(408, "transport.no-response")),
		answered.but("send-failed", "the proxy has no route to its next hop", func(s *scene) {
			s.proxies[0].define[0] = `NEXT="sip:203.0.113.99:5060"`
		}, "477", truth{outcome: "failed", code: 477, cause: "transport.send-failed", origin: proxy}),
		tcpOut.but("tcp-refused", "nobody listens at the callee's TCP port: connection refused", func(s *scene) { s.ends = nil },
			"477", unheard(477, "transport.unreachable")),
		tcpOut.but("tcp-filtered", "a firewall before the callee drops TCP: no answer to SYN", filter("tcp dport 5060 drop"),
			"408", unheard(408, "transport.connect-timeout")),
		tcpOut.but("tcp-closed", "the callee closes the connection with the INVITE unanswered", func(s *scene) {
			s.ends[0].script, s.ends[0].steps = "", []step{hear("INVITE"), rest(500 * time.Millisecond)}
		}, "408", unheard(408, "transport.connection-lost")),
		large.but("fragment-lost", "the second fragment of every large INVITE to the callee is lost", func(s *scene) {
			s.net.lost = []string{"ip daddr 198.51.100.31 ip frag-off & 0x1fff != 0"}
		}, "408", unheard(408, "transport.fragment-lost")),
		answered.but("proxy-silent", "a firewall before the proxy drops; the caller goes on for 64·T1", func(s *scene) {
			s.net.shut = []string{between(caller, proxy) + " drop"}
			s.callers[0].fails = true
		}, "", truth{outcome: "failed", cause: "transport.no-response", suspect: proxy}),
	}
}

// tcpOut is a call that the proxy sends on over TCP.
var tcpOut = answered.with("answered-over-tcp-beyond", func(s *scene) {
	s.proxies[0].define[0] = `NEXT="sip:198.51.100.31:5060;transport=tcp"`
	s.ends[0].tcp = true
	s.ends[0].set("here", "[local_ip]:[local_port];transport=tcp")
})

// large is a call whose INVITE does not fit into one frame.
var large = answered.with("answered-large-invite", func(s *scene) {
	s.net.mtu = 1500
	s.callers[0].set("header", "X-Account: "+strings.Repeat("0123456789", 140))
})

const (
	private = "10.0.0.10"          // the caller's address behind NAT
	public  = "203.0.113.7:40010"  // what that is outside
	hidden  = "10.0.0.31:5060"     // the callee's, likewise
	exposed = "203.0.113.31:40031" // what that is outside
)

// natted is a call from behind NAT. The callee hangs up.
var natted = scene{
	name: "answered-behind-nat", proxies: []kamailio{{cfg: "nat.cfg", define: []string{"FIX_RPORT", "FIX_CONTACT"}}},
	ends: []sipp{{at: callee, talk: 6 * time.Second, steps: []step{
		dialog(hear("INVITE")), say(reply("180 Ringing", contactHere)...), rest(500 * time.Millisecond),
		insist(reply("200 OK", sdp(pcmu...)...)...), mark("wait"),
		`<recv request="INVITE" optional="true" next="wait"/>`, hear("ACK"), rest(0),
		insist(askBack("BYE", 1, "bye")...),
		step(`<recv response="408" optional="true" next="end"/><recv response="200"/><label id="end"/>`),
	}}},
	callers: []sipp{{at: private + ":5060", steps: []step{
		insist(ask("INVITE", 1, "1", contactHere, "Content-Type: [type]", "Content-Length: [len]", "", "[body]")...), maybe(100, 180), got(200), say(askInside("ACK", 1, "2")...),
		step(`<recv request="BYE" timeout="12000" ontimeout="end"/>`), say(inDialog("200 OK")...), step(`<label id="end"/>`), rest(time.Second),
	}, keys: map[string]string{"body": session("IP4", host(public), pcmu...)}}},
	net: network{
		addresses: []string{private, "203.0.113.7"},
		nat:       []string{"ip saddr " + private + " meta l4proto udp snat to " + public},
		// Nothing comes in that does not belong to a binding.
		shut: []string{"ip saddr 192.0.2.20 ip daddr " + private + " ct direction original drop", "ip daddr 203.0.113.7 drop"},
	},
	codes: "180 200",
	truth: truth{kind: calls, outcome: "answered", code: 200},
}

// reached is a call to somebody behind NAT who registered half a minute ago.
var reached = scene{
	name: "answered-behind-nat-half-a-minute-later", proxies: []kamailio{{cfg: "home.cfg", define: []string{"WITH_NAT"}}},
	callers: []sipp{
		{script: "uac_register", at: hidden, user: "bob", secret: "secret-bob", keys: map[string]string{"from_uri": "sip:bob@example.com", "expires": "600"}},
		{
			script: "uas_answer", at: hidden, talk: 500 * time.Millisecond, stays: true,
			keys: map[string]string{"body": session("IP4", host(exposed), pcmu...)},
		},
		{script: "uac_call", at: caller, talk: 6 * time.Second, after: 34 * time.Second},
	},
	net: network{
		addresses: []string{"10.0.0.31", "203.0.113.31"},
		nat:       []string{"ip saddr 10.0.0.31 meta l4proto udp snat to " + exposed},
		shut:      []string{"ip daddr 203.0.113.31 drop"},
		bindings:  180 * time.Second,
	},
	codes: "401 200 180",
	truth: truth{kind: calls, outcome: "answered", code: 200},
}

// natScenes fail at a device that translates addresses.
func natScenes() []scene {
	return []scene{
		natted.but("private-contact", "the caller's Contact stays a private address: the callee's BYE goes nowhere", func(s *scene) {
			s.proxies[0].define = []string{"FIX_RPORT"}
		}, "180 200 408", truth{outcome: "answered", code: 200, finding: "nat.private-contact"}),
		natted.but("rport-missing", "the caller asks for no rport and the proxy does not insist: responses go to the untranslated port", func(s *scene) {
			s.proxies[0].define = []string{"FIX_CONTACT"}
			s.callers[0].fails = true
		}, "180 200", truth{cause: "nat.rport-missing", origin: unsaid}),
		reached.but("binding-expired", "the callee's NAT forgets the binding after 20 s without traffic, and the call comes after 34", func(s *scene) {
			s.net.bindings = 20 * time.Second
		}, "401 200 408", truth{outcome: "failed", code: 408, cause: "nat.binding-expired", origin: proxy, suspect: exposed}),
	}
}
