package finding

var routingRows = []Def{
	{"routing.unknown-user", Error, anyScope, general + 80, root, ActsCaller, "User or number not known there", refs("RFC 3261 §21.4.5", "RFC 3261 §21.6.3")},
	{"routing.number-unallocated", Error, callScope, request + 30, root, ActsCaller, "Number not in use", refs("RFC 3398 §7.2.4.1")},
	{"routing.no-route", Error, callScope | txnScope, silence + 18, root, ActsCarrier, "No route to this destination", refs("RFC 3398 §7.2.4.1")},
	{"routing.not-registered", Error, callScope | txnScope, request + 33, root, ActsCallee, "Callee not registered", refs("RFC 3261 §10.3", "RFC 3261 §21.4.18")},
	{"routing.unknown-domain", Error, anyScope, request + 32, root, ActsCaller, "Domain not served there", refs("RFC 3261 §16.5", "RFC 3261 §21.4.5")},
	{"routing.number-format", Error, callScope | txnScope, request + 31, root, ActsCaller, "Number not in the form this peer takes", refs("RFC 3966 §5.1", "RFC 3261 §19.1.6")},
	{"routing.address-incomplete", Error, callScope | txnScope, request + 29, root, ActsCaller, "Number incomplete", refs("RFC 3261 §21.4.22")},
	{"routing.ambiguous", Error, callScope | txnScope, request + 28, root, ActsCaller, "Address ambiguous", refs("RFC 3261 §21.4.23")},
	{"routing.gone", Error, callScope | txnScope, request + 27, root, ActsCaller, "Address gone for good", refs("RFC 3261 §21.4.10")},
	// Above routing.merged-request, whose marks every loop shows too; a bare 482 proves neither and keeps a
	// confidence below Plausible.
	{"routing.loop", Error, anyScope, request + 95, root, ActsProxy, "Request loops", refs("RFC 3261 §16.3", "RFC 3261 §21.4.20")},
	{"routing.merged-request", Error, anyScope, request + 90, root, ActsProxy, "Request arrived by two paths", refs("RFC 3261 §8.2.2.2", "RFC 3261 §21.4.20")},
	{"routing.max-forwards", Error, anyScope, request + 85, root, ActsProxy, "Too many hops", refs("RFC 3261 §16.3", "RFC 3261 §21.4.21")},
	{"routing.max-breadth", Error, anyScope, request + 84, root, ActsProxy, "Too many parallel branches", refs("RFC 5393 §5")},
	{"routing.dns-failure", Error, anyScope, path + 30, root, ActsProxy, "Next hop's name does not resolve", refs("RFC 3263 §4")},
	{"routing.redirect-not-followed", Error, anyScope, request + 35, root, ActsCaller, "Redirect not followed", refs("RFC 3261 §8.1.3.4")},
	{"routing.redirect-no-target", Error, anyScope, request + 37, root, ActsProxy, "Redirect names no target", refs("RFC 3261 §21.3", "RFC 3261 §8.1.3.4")},
	{"routing.redirect-loop", Error, anyScope, request + 39, root, ActsProxy, "Redirected to a target already tried", refs("RFC 3261 §8.1.3.4")},
	{"routing.use-proxy", Error, anyScope, request + 36, root, ActsCaller, "Reachable through a proxy only", refs("RFC 3261 §21.3.4")},
	{"routing.alternative-service", Error, callScope | txnScope, request + 38, root, ActsCaller, "Another service is to be used", refs("RFC 3261 §21.3.5")},
	// Above every cause of one target. Where all targets say the same of the request itself (404, 484, 604 …)
	// no route failed and the rule keeps silent.
	{"routing.all-routes-failed", Error, callScope | txnScope, routes, root, ActsCarrier, "Every target tried failed", refs("RFC 3261 §16.7")},
	{"routing.route-set-bypassed", Error, callScope, path + 43, root, ActsCaller, "In-dialog request left the route set", refs("RFC 3261 §12.2.1.1", "RFC 3261 §16.12")},
	{"routing.flow-failed", Error, anyScope, request + 26, root, ActsProxy, "Registered flow no longer there", refs("RFC 5626")},
}

var transportRows = []Def{
	{"transport.no-response", Error, anyScope, silence + 70, root, ActsNetwork, "No response from the next hop", refs("RFC 3261 §17.1.1.2", "RFC 3261 §17.1.2.2", "RFC 3261 §8.1.3.1")},
	{"transport.unreachable", Error, anyScope, path + 20, root, ActsNetwork, "Next hop unreachable", refs("RFC 3261 §18.4", "RFC 792", "RFC 4443 §3.1")},
	{"transport.connect-timeout", Error, anyScope, path + 19, root, ActsNetwork, "TCP connection not answered", refs("RFC 3261 §18.4", "RFC 9293 §3.5")},
	{"transport.send-failed", Error, anyScope, path + 17, root, ActsProxy, "Hop could not send to the next", refs("RFC 3261 §18.4", "RFC 3261 §16.9")},
	{"transport.connection-lost", Error, anyScope, path + 18, root, ActsNetwork, "Connection closed under open transactions", refs("RFC 3261 §18.4", "RFC 3261 §17.1.4")},
	{"transport.fragment-lost", Error, anyScope | ScopePeer, path + 27, root, ActsNetwork, "Large message did not get through", refs("RFC 3261 §18.1.1", "RFC 8085 §3.2")},
	{"transport.truncated", Error, anyScope, path + 26, root, ActsNetwork, "Datagram shorter than its Content-Length", refs("RFC 3261 §18.3")},
	{"transport.response-misrouted", Error, anyScope, path + 25, root, ActsNetwork, "Response sent elsewhere than the Via says", refs("RFC 3261 §18.2.2", "RFC 3581 §4")},
	// About a peer: one call shows transport.no-response.
	{"transport.one-way-signalling", Error, ScopePeer, explain + 70, note, ActsNetwork, "Signalling one way only", refs("RFC 3261 §18.2.2")},
}

var tlsRows = []Def{
	{"tls.handshake-failure", Error, anyScope | ScopePeer, path + 33, root, ActsNetwork, "TLS handshake failed", refs("RFC 8446 §6.2", "RFC 3261 §26.3.1")},
	{"tls.client-certificate", Error, anyScope | ScopePeer, path + 35, root, ActsCaller, "Client certificate missing or refused", refs("RFC 8446 §4.3.2", "RFC 8446 §6.2")},
	{"tls.certificate-expired", Error, anyScope | ScopePeer, path + 37, root, ActsProxy, "Certificate outside its validity", refs("RFC 5280 §4.1.2.5", "RFC 8446 §6.2")},
	{"tls.certificate-name", Error, anyScope | ScopePeer, path + 36, root, ActsProxy, "Certificate is for another name", refs("RFC 5922 §7")},
	{"tls.certificate-untrusted", Error, anyScope | ScopePeer, path + 34, root, ActsCaller, "Certificate not trusted", refs("RFC 8446 §6.2", "RFC 5280 §6")},
	{"tls.version-mismatch", Error, anyScope | ScopePeer, path + 38, root, ActsCaller, "No TLS version or suite in common", refs("RFC 8446 §4.1.2", "RFC 8446 §6.2")},
}

var natRows = []Def{
	{"nat.private-contact", Error, callScope | regScope, path + 45, root, ActsCaller, "Contact holds a private address", refs("RFC 3261 §8.1.1.8", "RFC 1918", "RFC 6598")},
	// Breaks media, not signalling: no response rests on it.
	{"nat.private-sdp", Warning, callScope, explain + 65, note, ActsCaller, "SDP offers a private address", refs("RFC 8866 §5.7", "RFC 1918", "RFC 6598")},
	// Below transport.unreachable: ICMP shows that the packet died, the idle binding only why it may have.
	{"nat.binding-expired", Error, callScope | txnScope, silence + 90, root, ActsCallee, "NAT binding of the contact ran out", refs("RFC 4787 §4.3", "RFC 5626 §4.4")},
	{"nat.rport-missing", Error, anyScope, path + 44, root, ActsCaller, "Responses go to the untranslated port", refs("RFC 3581 §3", "RFC 3261 §18.2.2")},
	{"nat.alg-suspected", Error, anyScope, defect + 60, root, ActsNetwork, "A device on the path rewrites SIP", refs("RFC 3261 §20.14", "RFC 2663 §2.9")},
}

var timeoutRows = []Def{
	{"timeout.no-answer", Info, callScope, people + 20, root, ActsNobody, "Nobody picked up", refs("RFC 3261 §13.3.1.1", "RFC 3261 §16.8")},
	{"timeout.request", Error, anyScope, silence + 20, root, ActsProxy, "A hop gave up waiting for the next", refs("RFC 3261 §16.7", "RFC 3261 §21.4.9")},
	{"timeout.downstream", Error, anyScope, silence + 10, root, ActsCarrier, "Something behind the responder was silent", refs("RFC 3261 §21.5.5")},
	{"timeout.provisional-stall", Error, callScope, silence + 30, root, ActsProxy, "Nothing after the 100", refs("RFC 3261 §16.8", "RFC 3261 §17.1.1.2")},
}
