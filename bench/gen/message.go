package main

import (
	"strconv"
	"strings"
)

// The proxy, which is the registrar too. Callers are behind a few hosts ("edges"), the called ones behind gateways.
const proxy = "198.51.100.1"

// hop is one link of a call; the texts on it differ in Via, Route and Max-Forwards.
type hop struct {
	via    string // Via fields of a request, topmost first
	viaRes string // the same as responses carry them
	maxFwd string
	uri    string // host part of the Request-URI
}

// access is the hop from the caller's host to the proxy; branch is the caller's.
func access(branch string) hop {
	v := "Via: SIP/2.0/{T} {edge}:5060;branch=z9hG4bK-524287-1---{" + branch + "};rport"
	return hop{via: v, viaRes: v + "={rport};received={edge}", maxFwd: "70", uri: proxy}
}

// trunk is the hop from the proxy to a gateway (gw or gw2) of a request that came on hop a.
func trunk(branch, gw string, a hop) hop {
	v := "Via: SIP/2.0/{T} " + proxy + ":5060;branch=z9hG4bK-p{" + branch + "}.0\n" + a.viaRes
	return hop{via: v, viaRes: v, maxFwd: "69", uri: "{" + gw + "}"}
}

const (
	fromLine    = "From: \"{name}\" <sip:{caller}@example.com>;tag={tag}"
	allow       = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY, MESSAGE"
	recordRoute = "Record-Route: <sip:" + proxy + ";lr;ftag={tag};did={cnonce}>"
	route       = "Route: <sip:" + proxy + ";lr;ftag={tag};did={cnonce}>"
	able        = "Supported: timer, path, replaces, norefersub"
	events      = "Allow-Events: talk, hold, conference, refer"
	empty       = "Content-Length: 0"
)

func toLine(tag string) string {
	s := "To: <sip:{callee}@example.com>"
	if tag != "" {
		s += ";tag={" + tag + "}"
	}
	return s
}

func lines(s ...string) string {
	kept := s[:0:0]
	for _, l := range s {
		if l != "" {
			kept = append(kept, l)
		}
	}
	return strings.Join(kept, "\n")
}

func sdp(sess, host, port, formats, maps string) string {
	return "v=0\no=- {" + sess + "} {" + sess + "} IN IP4 {" + host + "}\ns=-\nc=IN IP4 {" + host + "}\nt=0 0\nm=audio {" + port + "} RTP/AVP " + formats + "\n" + maps +
		"a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-16\na=ptime:20\na=maxptime:150\na=sendrecv\na=rtcp-mux\n"
}

const (
	mapsWide   = "a=rtpmap:8 PCMA/8000\na=rtpmap:0 PCMU/8000\na=rtpmap:9 G722/8000\na=rtpmap:18 G729/8000\na=fmtp:18 annexb=no\n"
	mapsNarrow = "a=rtpmap:8 PCMA/8000\n"
	mapsOther  = "a=rtpmap:96 opus/48000/2\na=fmtp:96 useinbandfec=1; maxaveragebitrate=32000\na=rtpmap:97 speex/16000\n"
)

func offer() string  { return sdp("sessA", "edge", "portA", "8 0 9 18 101", mapsWide) }
func exotic() string { return sdp("sessA", "edge", "portA", "96 97 101", mapsOther) }
func answer(gw string) string {
	return sdp("sessG", gw, "portG", "8 101", mapsNarrow)
}

// digest is the credentials header for a challenge.
func digest(header, user, uri, nonce, response string) string {
	return header + ": Digest username=\"" + user + "\", realm=\"example.com\", nonce=\"{" + nonce + "}\", uri=\"" + uri + "\", response=\"{" + response +
		"}\", algorithm=MD5, cnonce=\"{cnonce}\", qop=auth, nc=00000001"
}

func challenge(header, nonce string) string {
	return header + ": Digest realm=\"example.com\", nonce=\"{" + nonce + "}\", algorithm=MD5, qop=\"auth\""
}

func invite(h hop, cseq int, credentials, body string) string {
	rr, pai := "", "P-Preferred-Identity: \"{name}\" <sip:{caller}@example.com>"
	if h.maxFwd != "70" {
		rr, pai = recordRoute, "P-Asserted-Identity: \"{name}\" <sip:{caller}@example.com>"
	}
	return lines("INVITE sip:{callee}@"+h.uri+" SIP/2.0", rr, h.via, "Max-Forwards: "+h.maxFwd, fromLine, toLine(""), "Call-ID: {callid}",
		cseqLine(cseq, "INVITE"), "Contact: <sip:{caller}@{edge}:5060;transport={t}>", credentials, allow,
		able, events, "Session-Expires: 1800", "Min-SE: 90", pai, "User-Agent: {agent}",
		"Content-Type: application/sdp", "Content-Length: {length}") + "\n\n" + body
}

func cseqLine(n int, method string) string { return "CSeq: " + strconv.Itoa(n) + " " + method }

// response is any response without a body; server names the maker.
func response(status string, h hop, tag string, cseq int, method, server string, extra ...string) string {
	return lines("SIP/2.0 "+status, h.viaRes, fromLine, toLine(tag), "Call-ID: {callid}", cseqLine(cseq, method), lines(extra...), server, empty) + "\n\n"
}

const (
	byProxy   = "Server: ExampleProxy (5.6.3 (x86_64/linux), proxy.test.example.com)"
	byGateway = "Server: {server}"
	byCaller  = "User-Agent: {agent}"
)

// ringing and accepted come from gateway gw.
func ringing(h hop, tag, gw string, cseq int) string {
	return response("180 Ringing", h, tag, cseq, "INVITE", byGateway, recordRoute, "Contact: <sip:{callee}@{"+gw+"}:5060;transport={t}>", "Accept: application/sdp", allow, able, events,
		"Remote-Party-ID: \"{callee}\" <sip:{callee}@example.com>;party=called;privacy=off;screen=no")
}

func accepted(h hop, tag, gw string, cseq int) string {
	return lines("SIP/2.0 200 OK", recordRoute, h.viaRes, fromLine, toLine(tag), "Call-ID: {callid}", cseqLine(cseq, "INVITE"),
		"Contact: <sip:{callee}@{"+gw+"}:5060;transport={t}>", allow, able, events, "Require: timer", "Session-Expires: 1800;refresher=uac",
		"Remote-Party-ID: \"{callee}\" <sip:{callee}@example.com>;party=called;privacy=off;screen=no", byGateway, "Content-Type: application/sdp", "Content-Length: {length}") + "\n\n" + answer(gw)
}

// within is a request inside the dialog sent by the caller (ACK to a 2xx, BYE); the proxy takes its Route out.
func within(method string, h hop, tag, gw string, cseq int) string {
	r := route
	if h.maxFwd != "70" {
		r = ""
	}
	return lines(method+" sip:{callee}@{"+gw+"}:5060;transport={t} SIP/2.0", h.via, r, "Max-Forwards: "+h.maxFwd, fromLine, toLine(tag), "Call-ID: {callid}",
		cseqLine(cseq, method), "Contact: <sip:{caller}@{edge}:5060;transport={t}>", able, events, byCaller, empty) + "\n\n"
}

// byeFromCallee is a BYE on its way from the gateway to the caller, with its 200.
func byeFromCallee(h hop, r string) string {
	return lines("BYE sip:{caller}@{edge}:5060;transport={t} SIP/2.0", h.via, r, "Max-Forwards: "+h.maxFwd, "From: <sip:{callee}@example.com>;tag={tagG}",
		"To: \"{name}\" <sip:{caller}@example.com>;tag={tag}", "Call-ID: {callid}", "CSeq: 1021 BYE", "Reason: Q.850;cause=16;text=\"NORMAL_CLEARING\"", byGateway, empty) + "\n\n"
}

func byeFromCalleeOK(h hop) string {
	return lines("SIP/2.0 200 OK", h.viaRes, "From: <sip:{callee}@example.com>;tag={tagG}", "To: \"{name}\" <sip:{caller}@example.com>;tag={tag}",
		"Call-ID: {callid}", "CSeq: 1021 BYE", byCaller, empty) + "\n\n"
}

// hopwise is a request that repeats the INVITE's Via on one hop: CANCEL, and ACK to a final response other than 2xx.
func hopwise(method string, h hop, tag string, cseq int) string {
	top, _, _ := strings.Cut(h.via, "\n")
	return lines(method+" sip:{callee}@"+h.uri+" SIP/2.0", top, "Max-Forwards: "+h.maxFwd, fromLine, toLine(tag), "Call-ID: {callid}",
		cseqLine(cseq, method), "User-Agent: {agent}", empty) + "\n\n"
}

// cancelOK answers a CANCEL on one hop.
func cancelOK(h hop, tag string, cseq int, server string) string {
	top, _, _ := strings.Cut(h.viaRes, "\n")
	return response("200 canceling", hop{viaRes: top}, tag, cseq, "CANCEL", server)
}

func register(branch string, cseq int, credentials string) string {
	h := access(branch)
	return lines("REGISTER sip:example.com SIP/2.0", h.via, "Max-Forwards: 70", fromLine, "To: \"{name}\" <sip:{caller}@example.com>", "Call-ID: {callid}",
		cseqLine(cseq, "REGISTER"), "Contact: <sip:{caller}@{edge}:5060;transport={t}>;expires=600", credentials, allow, "Supported: path, gruu",
		"User-Agent: {agent}", empty) + "\n\n"
}

func registerResponse(status, branch string, cseq int, extra ...string) string {
	return lines("SIP/2.0 "+status, access(branch).viaRes, fromLine, "To: \"{name}\" <sip:{caller}@example.com>;tag={tagP}", "Call-ID: {callid}",
		cseqLine(cseq, "REGISTER"), lines(extra...), byProxy, empty) + "\n\n"
}

func options() string {
	return lines("OPTIONS sip:{gw}:5060 SIP/2.0", "Via: SIP/2.0/{T} "+proxy+":5060;branch=z9hG4bK-k{p1}.0", "Max-Forwards: 70",
		"From: <sip:keepalive@"+proxy+">;tag={tag}", "To: <sip:{gw}:5060>", "Call-ID: {callid}", "CSeq: 10 OPTIONS", "Accept: application/sdp",
		"User-Agent: ExampleProxy (5.6.3 (x86_64/linux), proxy.test.example.com)", empty) + "\n\n"
}

func optionsOK() string {
	return lines("SIP/2.0 200 OK", "Via: SIP/2.0/{T} "+proxy+":5060;branch=z9hG4bK-k{p1}.0", "From: <sip:keepalive@"+proxy+">;tag={tag}",
		"To: <sip:{gw}:5060>;tag={tagG}", "Call-ID: {callid}", "CSeq: 10 OPTIONS", allow, "Accept: application/sdp, application/isup",
		"Accept-Encoding: identity", "Supported: timer, replaces, 100rel", byGateway, empty) + "\n\n"
}
