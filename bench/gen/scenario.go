package main

import "strings"

// element is a place in the network that sends and receives.
type element uint8

const (
	atEdge element = iota
	atProxy
	atGateway  // tried first
	atGateway2 // tried second
)

// wait is the time before a step: uniform between Min and Max µs, or Min plus an exponential time of mean Mean
// that is cut at Max.
type wait struct{ min, max, mean int64 }

const (
	ms  = 1000
	sec = 1000 * ms
)

// The waits. No hop answers in less than 3 ms: a TCP segment held back for 2 ms leaves before the answer.
var (
	relay   = wait{min: 3 * ms, max: 6 * ms}
	network = wait{min: 8 * ms, max: 40 * ms}
	lookup  = wait{min: 150 * ms, max: 1200 * ms} // routing behind the gateway
	picking = wait{min: 1500 * ms, max: 9 * sec}
	talk    = wait{min: 6 * sec, mean: 34 * sec, max: 120 * sec}
	timerT1 = wait{min: 500 * ms, max: 502 * ms}
)

func exactly(d int64) wait { return wait{min: d, max: d + 2*ms} }

// step is one message: who sends it to whom, how long after the one before.
type step struct {
	after    wait
	from, to element
	text     string
	again    bool // a retransmission
}

// kind says what a scenario is about.
type kind uint8

const (
	aCall kind = iota
	aRegistration
	aTransaction
)

// caller says from which pool the caller is taken, so that an account that fails has never succeeded before.
type caller uint8

const (
	trunkCaller caller = iota // a number behind a PBX that the proxy trusts
	account                   // a user with the right password
	wrongPassword
	noPassword
)

// callee says from which pool the called one is taken.
type callee uint8

const (
	number callee = iota
	unallocated
	shortNumber
	extension // of the proxy's own domain; nobody has registered it
)

// scenario is one kind of call, registration or keepalive with what must be said of it.
type scenario struct {
	kind    kind
	weight  int // per mille of arrivals of its kind
	caller  caller
	callee  callee
	outcome string
	code    int
	cause   string // "" = none
	dead    bool   // the gateway does not answer anybody
	steps   []step
}

// flow collects the steps of a scenario.
type flow struct {
	steps []step
	a, p  hop // hops of the INVITE
	gw    string
	at    element // the gateway now tried
	tag   string  // its To tag
	cseq  int
}

func (f *flow) send(w wait, from, to element, text string) *flow {
	f.steps = append(f.steps, step{after: w, from: from, to: to, text: text})
	return f
}

// again repeats step n (from the end, 1 = last).
func (f *flow) again(w wait, n int) *flow {
	s := f.steps[len(f.steps)-n]
	s.after, s.again = w, true
	f.steps = append(f.steps, s)
	return f
}

func begin(cseq int, branch string) *flow {
	a := access(branch)
	return &flow{a: a, p: trunk("p1", "gw", a), gw: "gw", at: atGateway, tag: "tagG", cseq: cseq}
}

// entered is the caller's INVITE with the proxy's 100; withAuth challenges it first.
func entered(withAuth bool) *flow {
	if !withAuth {
		f := begin(1, "a1")
		f.send(wait{}, atEdge, atProxy, invite(f.a, 1, "", offer()))
		return f.trying()
	}
	f := challenged(begin(1, "a1"), "nonce")
	g := begin(2, "a2")
	g.steps = f.steps
	g.send(network, atEdge, atProxy, invite(g.a, 2, credentials("nonce", "digest"), offer()))
	return g.trying()
}

func credentials(nonce, response string) string {
	return digest("Proxy-Authorization", "{caller}", "sip:{callee}@"+proxy, nonce, response)
}

func (f *flow) trying() *flow {
	return f.send(relay, atProxy, atEdge, response("100 trying -- your call is important to us", f.a, "", f.cseq, "INVITE", byProxy))
}

// challenged is an INVITE without credentials, 407 and ACK.
func challenged(f *flow, nonce string) *flow {
	f.send(wait{}, atEdge, atProxy, invite(f.a, 1, "", offer()))
	return f.reject("407 Proxy Authentication Required", challenge("Proxy-Authenticate", nonce))
}

// reject is a final response of the proxy itself, with its ACK.
func (f *flow) reject(status string, extra ...string) *flow {
	f.send(relay, atProxy, atEdge, response(status, f.a, "tagP", f.cseq, "INVITE", byProxy, extra...))
	return f.send(network, atEdge, atProxy, hopwise("ACK", f.a, "tagP", f.cseq))
}

// forward is the INVITE on its way to the gateway, whose 100 it gets. lost: the first copy does not arrive.
func (f *flow) forward(body string, lost bool) *flow {
	f.send(relay, atProxy, f.at, invite(f.p, f.cseq, "", body))
	if lost {
		f.again(timerT1, 1)
	}
	return f.send(network, f.at, atProxy, response("100 Trying", f.p, "", f.cseq, "INVITE", byGateway))
}

// ring is a 180 on both hops.
func (f *flow) ring() *flow {
	f.send(lookup, f.at, atProxy, ringing(f.p, f.tag, f.gw, f.cseq))
	return f.send(relay, atProxy, atEdge, ringing(f.a, f.tag, f.gw, f.cseq))
}

// refuse is a final response of the gateway with the proxy's ACK to it.
func (f *flow) refuse(w wait, status string, extra ...string) *flow {
	extra = append([]string{"Accept: application/sdp", allow, able, events}, extra...)
	f.send(w, f.at, atProxy, response(status, f.p, f.tag, f.cseq, "INVITE", byGateway, extra...))
	return f.send(relay, atProxy, f.at, hopwise("ACK", f.p, f.tag, f.cseq))
}

// relayed is a final response passed on to the caller, with its ACK.
func (f *flow) relayed(status string, extra ...string) *flow {
	extra = append([]string{"Accept: application/sdp", allow, able, events}, extra...)
	f.send(relay, atProxy, atEdge, response(status, f.a, f.tag, f.cseq, "INVITE", byGateway, extra...))
	return f.send(network, atEdge, atProxy, hopwise("ACK", f.a, f.tag, f.cseq))
}

// failed is refuse and relayed with the same words.
func (f *flow) failed(w wait, status string, extra ...string) []step {
	return f.refuse(w, status, extra...).relayed(status, extra...).steps
}

// second makes the other gateway the one tried.
func (f *flow) second() *flow {
	f.p, f.gw, f.at, f.tag = trunk("p2", "gw2", f.a), "gw2", atGateway2, "tag2"
	return f
}

// pick is the 200 and its ACK on both hops. lost: the proxy's copy does not reach the caller at first.
func (f *flow) pick(w wait, lost bool) *flow {
	f.send(w, f.at, atProxy, accepted(f.p, f.tag, f.gw, f.cseq))
	f.send(relay, atProxy, atEdge, accepted(f.a, f.tag, f.gw, f.cseq))
	if lost {
		f.again(timerT1, 2).again(relay, 2)
	}
	a := access("a3")
	f.send(network, atEdge, atProxy, within("ACK", a, f.tag, f.gw, f.cseq))
	return f.send(relay, atProxy, f.at, within("ACK", trunk("p3", f.gw, a), f.tag, f.gw, f.cseq))
}

// hangUp is the caller's BYE. lost: it is repeated on the trunk.
func (f *flow) hangUp(lost bool) *flow {
	a := access("a4")
	p := trunk("p4", f.gw, a)
	f.send(talk, atEdge, atProxy, within("BYE", a, f.tag, f.gw, f.cseq+1))
	f.send(relay, atProxy, f.at, within("BYE", p, f.tag, f.gw, f.cseq+1))
	if lost {
		f.again(timerT1, 1)
	}
	f.send(network, f.at, atProxy, response("200 OK", p, f.tag, f.cseq+1, "BYE", byGateway, allow, able))
	return f.send(relay, atProxy, atEdge, response("200 OK", a, f.tag, f.cseq+1, "BYE", byGateway, allow, able))
}

// hungUp is the callee's BYE.
func (f *flow) hungUp() *flow {
	v := "Via: SIP/2.0/{T} {gw}:5060;branch=z9hG4bK{p4}"
	g := hop{via: v, viaRes: v, maxFwd: "70"}
	t := "Via: SIP/2.0/{T} " + proxy + ":5060;branch=z9hG4bK-p{a4}.0\n" + v
	e := hop{via: t, viaRes: t, maxFwd: "69"}
	f.send(talk, atGateway, atProxy, byeFromCallee(g, route))
	f.send(relay, atProxy, atEdge, byeFromCallee(e, ""))
	f.send(network, atEdge, atProxy, byeFromCalleeOK(e))
	return f.send(relay, atProxy, atGateway, byeFromCalleeOK(g))
}

// cancelled is a CANCEL on both hops, and the 487.
func (f *flow) cancelled(w wait) []step {
	f.send(w, atEdge, atProxy, hopwise("CANCEL", f.a, "", f.cseq))
	f.send(relay, atProxy, atEdge, cancelOK(f.a, "tagP", f.cseq, byProxy))
	f.send(relay, atProxy, f.at, hopwise("CANCEL", f.p, "", f.cseq))
	f.send(network, f.at, atProxy, cancelOK(f.p, f.tag, f.cseq, byGateway))
	return f.failed(wait{min: 3 * ms, max: 5 * ms}, "487 Request Terminated")
}

func q850(cause, text string) string {
	return "Reason: Q.850;cause=" + cause + ";text=\"" + text + "\""
}

// silence is an INVITE to a gateway that never answers: Timer A until Timer B, then the proxy's own 408
// (RFC 3261 §17.1.1.2).
func silence() []step {
	f := entered(false)
	f.send(relay, atProxy, atGateway, invite(f.p, 1, "", offer()))
	for t := int64(500 * ms); t <= 16*sec; t *= 2 {
		f.again(exactly(t), 1)
	}
	f.reject("408 Request Timeout")
	f.steps[len(f.steps)-2].after = exactly(500 * ms)
	return f.steps
}

// wrong is an INVITE whose credentials are refused.
func wrong() []step {
	f := challenged(begin(1, "a1"), "nonce")
	g := begin(2, "a2")
	g.steps = f.steps
	g.send(network, atEdge, atProxy, invite(g.a, 2, credentials("nonce", "digest"), offer()))
	return g.reject("407 Proxy Authentication Required", challenge("Proxy-Authenticate", "nonce2")).steps
}

func registration(final string, lost bool, extra ...string) []step {
	f := new(flow)
	f.send(wait{}, atEdge, atProxy, register("a1", 1, ""))
	f.send(relay, atProxy, atEdge, registerResponse("401 Unauthorized", "a1", 1, challenge("WWW-Authenticate", "nonce")))
	if lost {
		f.again(timerT1, 2).again(relay, 2)
	}
	f.send(network, atEdge, atProxy, register("a2", 2, digest("Authorization", "{caller}", "sip:example.com", "nonce", "digest")))
	return f.send(relay, atProxy, atEdge, registerResponse(final, "a2", 2, extra...)).steps
}

func keepalive(lost bool) []step {
	f := new(flow)
	f.send(wait{}, atProxy, atGateway, options())
	if lost {
		f.again(timerT1, 1)
	}
	return f.send(network, atGateway, atProxy, optionsOK()).steps
}

// scenarios is the table of everything that happens. Weights are per mille within a kind.
func scenarios() []scenario {
	ok := func(weight int, c caller, inviteLost, okLost, byeLost, callee bool) scenario {
		f := entered(c == account).forward(offer(), inviteLost).ring().pick(picking, okLost)
		if callee {
			f.hungUp()
		} else {
			f.hangUp(byeLost)
		}
		return scenario{weight: weight, caller: c, outcome: "answered", code: 200, steps: f.steps}
	}
	plain := func() *flow { return entered(false).forward(offer(), false) }
	auth := func() *flow { return entered(true).forward(offer(), false) }
	fail := func(weight int, outcome string, code int, cause string, steps []step) scenario {
		return scenario{weight: weight, outcome: outcome, code: code, cause: cause, steps: steps}
	}
	with := func(s scenario, from caller, to callee, dead bool) scenario {
		s.caller, s.callee, s.dead = from, to, dead
		return s
	}
	noAnswer := wait{min: 20 * sec, max: 40 * sec}
	full := "503 Service Unavailable"
	return []scenario{
		ok(170, trunkCaller, false, false, false, false),
		ok(130, trunkCaller, false, false, false, true),
		ok(140, account, false, false, false, false),
		ok(78, account, false, false, false, true),
		ok(30, trunkCaller, true, false, false, false),
		ok(20, trunkCaller, false, true, false, false),
		ok(22, account, false, false, true, false),
		fail(8, "answered", 200, "", plain().refuse(lookup, full, q850("34", "No circuit/channel available")).second().forward(offer(), false).ring().pick(picking, false).hangUp(false).steps),

		fail(60, "busy", 486, "callee.busy", plain().failed(lookup, "486 Busy Here", q850("17", "User busy"))),
		with(fail(28, "busy", 486, "callee.busy", auth().failed(lookup, "486 Busy Here", q850("17", "User busy"))), account, number, false),
		fail(66, "cancelled", 487, "caller.abandoned", plain().ring().cancelled(wait{min: 2 * sec, max: 8 * sec})),
		fail(50, "no-answer", 487, "timeout.no-answer", plain().ring().cancelled(wait{min: 15 * sec, max: 30 * sec})),
		fail(38, "no-answer", 480, "timeout.no-answer", plain().ring().failed(noAnswer, "480 Temporarily Unavailable", q850("19", "No answer from user"))),
		fail(20, "failed", 480, "callee.unavailable", plain().failed(lookup, "480 Temporarily Unavailable", q850("20", "Subscriber absent"))),
		fail(14, "declined", 603, "callee.declined", plain().ring().failed(wait{min: 2 * sec, max: 9 * sec}, "603 Decline", q850("21", "Call rejected"))),
		with(fail(32, "failed", 404, "routing.number-unallocated", plain().failed(lookup, "404 Not Found", q850("1", "Unallocated (unassigned) number"))), trunkCaller, unallocated, false),
		with(fail(12, "failed", 404, "routing.unknown-user", entered(false).reject("404 Not Found").steps), trunkCaller, extension, false),
		with(fail(10, "failed", 484, "routing.address-incomplete", plain().failed(lookup, "484 Address Incomplete", q850("28", "Invalid number format (address incomplete)"))), trunkCaller, shortNumber, false),
		fail(14, "failed", 403, "policy.forbidden", plain().failed(lookup, "403 Forbidden")),
		with(fail(14, "failed", 407, "auth.wrong-credentials", wrong()), wrongPassword, number, false),
		with(fail(4, "challenged", 407, "auth.no-credentials", challenged(begin(1, "a1"), "nonce").steps), noPassword, number, false),
		with(fail(8, "failed", 408, "transport.no-response", silence()), trunkCaller, number, true),
		fail(10, "failed", 488, "media.no-common-codec", exoticCall()),
		fail(8, "failed", 500, "server.internal-error", plain().failed(lookup, "500 Internal Server Error")),
		fail(6, "failed", 500, "server.unavailable", plain().refuse(lookup, full, q850("38", "Network out of order")).relayed("500 Server Internal Error", q850("38", "Network out of order")).steps),
		fail(8, "failed", 503, "server.capacity", plain().failed(lookup, full, q850("34", "No circuit/channel available"))),
		fail(6, "failed", 503, "routing.all-routes-failed", plain().refuse(lookup, full, q850("34", "No circuit/channel available")).second().forward(offer(), false).failed(lookup, full, q850("38", "Network out of order"))),
		fail(4, "failed", 504, "timeout.downstream", plain().failed(wait{min: 8 * sec, max: 12 * sec}, "504 Server Time-out", q850("102", "Recovery on timer expiry"))),

		{kind: aRegistration, weight: 930, caller: account, outcome: "answered", code: 200, steps: registration("200 OK", false, "Contact: <sip:{caller}@{edge}:5060;transport={t}>;expires=600")},
		{kind: aRegistration, weight: 30, caller: account, outcome: "answered", code: 200, steps: registration("200 OK", true, "Contact: <sip:{caller}@{edge}:5060;transport={t}>;expires=600")},
		{kind: aRegistration, weight: 40, caller: wrongPassword, outcome: "failed", code: 401, cause: "auth.wrong-credentials", steps: registration("401 Unauthorized", false, challenge("WWW-Authenticate", "nonce2"))},

		{kind: aTransaction, weight: 990, outcome: "answered", code: 200, steps: keepalive(false)},
		{kind: aTransaction, weight: 10, outcome: "answered", code: 200, steps: keepalive(true)},
	}
}

func exoticCall() []step {
	f := begin(1, "a1")
	f.send(wait{}, atEdge, atProxy, invite(f.a, 1, "", exotic()))
	return f.trying().forward(exotic(), false).failed(lookup, "488 Not Acceptable Here", "Warning: 305 {gw} \"Incompatible media format\"")
}

// transport puts the transport's name in a text: {T} in Via, {t} in URIs.
func transport(text string, tcp bool) string {
	upper, lower := "UDP", "udp"
	if tcp {
		upper, lower = "TCP", "tcp"
	}
	return strings.NewReplacer("{T}", upper, "{t}", lower).Replace(text)
}
