// Package testkit makes SIP traffic for tests: call flows from a small language, messages, packets, captures,
// and golden files. Its one rule: what it makes is real (bytes as RFC 3261 wants them unless a line says otherwise,
// packets with right lengths and checksums), so that tests go through the real decoder, parser and correlator.
//
// # The flow language
//
// A file is a txtar archive. Its leading part is the flow "main", unless it holds comments only; each section named
// <name>.flow is one more; any other section is a body or a literal message to which lines refer as @section.
// A flow has one statement per line. # begins a comment, at the beginning of a line or between blanks.
//
//	# The callee is busy.
//	alice > proxy INVITE sdp
//	proxy > alice 100
//	proxy > bob INVITE
//	+1.2s bob > proxy 486 "Busy Here" Reason: Q.850;cause=17
//	proxy > bob ACK
//	proxy > alice 486
//	alice > proxy ACK
//	want callee.busy origin=bob outcome=busy code=486
//
// # Elements
//
// alice, bob, carol, dave, phone, proxy, p, edge, core, registrar, lb, sbc, b2bua, gw, carrier and attacker are known, with a
// digit after the name too (proxy2, gw1), at addresses of RFC 5737. Others, and other addresses, are declared before they
// are used:
//
//	elements trunk=203.0.113.9:5080 alice=[2001:db8::10];user=+15550101;ua=Phone_1.0
//
// Keys: user (of its URIs; else the name), domain (example.com), ua (User-Agent and Server, _ for a blank), nat=A:P (the
// address it believes to have: in Via, Contact and SDP), rport=no. Elements named proxy, p, edge, core, registrar, lb, sbc
// and b2bua are servers, all others user agents.
//
// # Time
//
// A flow begins at 2026-01-15 12:00:00 UTC; a line comes 15 ms after the one above it. +1.2s before it waits so long instead,
// @32s is counted from the beginning.
//
// # Requests: X > Y METHOD options Header: value
//
// Who has received a request of that method in the same call and is no end of the call relays it: a Via on top, received and
// rport in the one below, Max-Forwards one less, the Route that names it taken off, Record-Route in an INVITE when a later
// line shows it in the dialog (rr and norr say otherwise), the Contact of a user agent as Request-URI. Anybody else sends a
// request of its own: inside the dialog when there is one (tags, remote target, route set), else to the element at the end
// of the chain of relays. ACK for a final response of 300 and above and CANCEL take branch, Request-URI and CSeq of their
// INVITE; ACK for a 2xx is a request in the dialog. An INVITE or REGISTER sent again keeps Call-ID and From tag and has the
// next CSeq. PRACK gets its RAck from the last reliable response.
//
// Options: to= and from= (a user or a URI), uri= (Request-URI), callid=KEY (another call; the first one's key is 1),
// cseq=N|same, branch=, expires=, contact=ELEMENT|URI, tcp and udp (for this pair from here on), new (does not relay), relay (does),
// outside (any dialog), dialog=ELEMENT (that of a fork), auth.
//
// Lines without callid belong to the last call of the two elements in which the method makes sense. Outside a dialog REGISTER,
// OPTIONS, MESSAGE, SUBSCRIBE and PUBLISH have calls of their own, with keys such as register-alice.
//
// auth answers the last challenge received in the call, with the true digest of the password "secret"; user=, password=,
// realm=, nonce=, algorithm=, qop= (none), cnonce=, nc=, opaque= and response= change it, auth=www and auth=proxy choose the header field.
//
// # Responses: X > Y CODE "phrase" METHOD options Header: value
//
// A response answers the last request from Y to X without a final one, or the last one of METHOD. If X has received that
// code for what it relayed, it relays the response (from=ELEMENT: that branch's); else, or with own, it makes one, with
// its To tag (tag=, notag), Contact, Record-Route. rel makes a provisional one reliable. 401 and 407 carry a challenge: realm=, nonce=,
// stale, algorithm=, qop= (none), opaque=, nochallenge.
//
// # Header and body
//
// "Name: value" at the end of the line, or on indented lines under it, replaces the field, "+Name: value" adds one more, -Name
// removes it. sdp describes PCMU, PCMA and telephone-event; sdp=PCMU,opus;savp;port=0 says more (savp, savpf, dtls, port=, ip=, sendonly,
// recvonly, inactive); sdp=@section and body=@section take a section; nosdp removes what a relayed message has.
//
// # How it is sent
//
// resend sends the last such message of the two elements again; resend=6 sends a message and six retransmissions at the intervals
// of Timer A, E or G, which does not move the clock; dup captures the last such message once more (same IP identification);
// unseen happens without being captured; src= and dst= change the packet's addresses; snap=N captures N bytes of the frame;
// losefrag=N loses a fragment (packets above 1500 bytes are fragmented).
//
// # What is no message
//
//	alice > proxy raw:                           # its text on indented lines; or raw=@section
//	icmp port-unreachable from bob for last      # or for alice>proxy; host-, net-unreachable, admin-prohibited, ttl-exceeded, too-big
//	syn alice > proxy 4                          # SYNs that nobody answers
//	refuse alice > proxy                         # SYN and RST
//	rst proxy > alice                            # and fin, of the pair's connection
//	gap 500ms lost=3 tcp-segments alice>proxy    # packets are missing; kind (else capture-drops), flow and number are optional
//	rtp alice > bob 50 PCMU                      # 20 ms apart; does not move the clock
//	rtp alice > bob 250 PCMU loss=5 jitter=80ms  # 5 of 100 packets are missing; every other one is so late
//	rtcp bob > alice 5 loss=10 jitter=30ms       # receiver reports about the stream of the other, 5 s apart
//
// What else rtp takes: pt=N (payload type), port= and dstport= (of source and destination), src=A:P and dst=A:P, ssrc=N, seq=N (of
// the first packet), after=1s (so much later), every=20ms.
//
// # Wants
//
// Several want lines add up, for each call (callid=KEY; else the flow's first): the root cause or none, "also ID", "not ID" or
// "not topic.*", origin= and suspect= (element or address), role=, suspect-role=, outcome=, code=, max=SEVERITY (of all findings),
// confidence>=N and confidence<=N (of the root cause).
package testkit
