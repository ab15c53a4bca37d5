package demo

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Delays on the way.
const (
	ms = time.Millisecond
	t1 = 500 * ms // RFC 3261 §17.1.1.1
)

// flow writes one call, registration or transaction, message after message.
type flow struct {
	s     *Script
	truth *Truth
	at    time.Duration // of the next message
	path  []*host       // the elements that requests pass, the client first
	vias  []string      // Via of each of the path but the last, for the INVITE

	from, to       party
	target         string // host part of the first Request-URI
	last           string // Request-URI of the last hop; "": that of the hop before at the element's address
	fromTag, toTag string
	cseq           int
	credentials    string // header field of the first hop; "" none
	sdp            string
	packets        []Packet
}

// begin begins a flow.
func (s *Script) begin(truth Truth, at time.Duration, from, to party, path ...*host) *flow {
	s.calls++
	truth.CallID = fmt.Sprintf("%08x-%d@%s", s.rng.Uint32(), s.calls, path[0].ip())
	truth.Began = at
	f := &flow{
		s: s, truth: &truth, at: at, path: path, from: from, to: to, target: domain, cseq: 1 + s.rng.IntN(100),
		fromTag: s.token(), sdp: offer(path[0]),
	}
	f.branches()
	if r := path[0].route; r != "" {
		truth.In = []string{r}
	}
	return f
}

// end hands in what was written.
func (f *flow) end() {
	f.truth.Ended = f.packets[len(f.packets)-1].At
	f.packets[0].Begins = f.truth
	f.s.add(f.packets)
}

// token is text that nobody else has.
func (s *Script) token() string {
	s.opaque++
	return fmt.Sprintf("%08x%x", s.rng.Uint32(), s.opaque)
}

// branches gives every hop a new transaction.
func (f *flow) branches() {
	f.vias = f.vias[:0]
	for _, h := range f.path[:len(f.path)-1] {
		f.vias = append(f.vias, f.via(h))
	}
}

func (f *flow) via(h *host) string {
	v := fmt.Sprintf("Via: SIP/2.0/UDP %s:5060;branch=z9hG4bK%s", h.ip(), f.s.token())
	if h == f.path[0] {
		v += ";rport"
	}
	return v
}

// stack are the Via fields of hop i; told: as whoever received the request writes them.
func stack(vias []string, i int, told bool) string {
	var b strings.Builder
	for k := i; k >= 0; k-- {
		v := vias[k]
		if head, ok := strings.CutSuffix(v, ";rport"); ok && (told || k < i) {
			addr := strings.TrimPrefix(head, "Via: SIP/2.0/UDP ")
			ip, _, _ := strings.Cut(addr, ":")
			v = head + ";rport=5060;received=" + ip
		}
		b.WriteString(v + "\n")
	}
	return b.String()
}

func (f *flow) wait(least, most time.Duration) *flow {
	f.at += f.s.between(least, most)
	return f
}

// send puts a message on the wire; the next one comes a moment later.
func (f *flow) send(from, to *host, head, body string) {
	if body != "" {
		head += "Content-Type: application/sdp\n"
	}
	body = crlf(body)
	head += fmt.Sprintf("Content-Length: %d\n\n", len(body))
	f.packets = append(f.packets, Packet{At: f.at, From: from.addr, To: to.addr, Node: nodeOf(from, to), Data: []byte(crlf(head) + body)})
	f.wait(4*ms, 22*ms)
}

func crlf(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }

// again repeats the last message after d (RFC 3261 §17.1.1.2).
func (f *flow) again(d time.Duration) {
	p := f.packets[len(f.packets)-1]
	p.At += d
	f.packets = append(f.packets, p)
	f.at = p.At
}

// uri is the Request-URI on hop i.
func (f *flow) uri(i int) string {
	switch {
	case i == 0:
		return "sip:" + f.to.user + "@" + f.target
	case i == len(f.path)-2 && f.last != "":
		return f.last
	}
	return "sip:" + f.to.user + "@" + f.path[i+1].ip() + ":5060"
}

// ends are From, To, Call-ID and CSeq of what the caller asks.
func (f *flow) ends(cseq int, method, toTag string) string {
	to := "To: <" + f.to.uri() + ">"
	if toTag != "" {
		to += ";tag=" + toTag
	}
	return fmt.Sprintf("From: %q <%s>;tag=%s\n%s\nCall-ID: %s\nCSeq: %d %s\n", f.from.name, f.from.uri(), f.fromTag, to, f.truth.CallID, cseq, method)
}

// contact is where the client is reached.
func (f *flow) contact() string {
	return fmt.Sprintf("Contact: <sip:%s@%s:5060>\n", f.from.user, f.path[0].ip())
}

const (
	allow     = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, REFER, NOTIFY\n"
	supported = "Supported: replaces, timer\n"
)

// recordRoute are the fields that the elements before element i have added, as it gets them.
func recordRoute(path []*host, i int) string {
	var b strings.Builder
	for k := i - 1; k > 0; k-- {
		b.WriteString("Record-Route: <sip:" + path[k].ip() + ";lr>\n")
	}
	return b.String()
}

// invite sends the INVITE on hop i.
func (f *flow) invite(i int) {
	head := "INVITE " + f.uri(i) + " SIP/2.0\n" + stack(f.vias, i, false) + recordRoute(f.path, i+1) + fmt.Sprintf("Max-Forwards: %d\n", 70-i) +
		f.ends(f.cseq, "INVITE", "") + f.contact()
	if i == 0 {
		head += f.credentials
	}
	f.send(f.path[i], f.path[i+1], head+allow+supported+"User-Agent: "+f.path[0].agent+"\n", f.sdp)
}

// forward sends the INVITE along the path from element i to the last, each of which says that it is trying.
func (f *flow) forward(i int) *flow {
	for ; i < len(f.path)-1; i++ {
		f.invite(i)
		f.respond(i, "100 Trying", "", f.cseq, "INVITE", f.path[i+1], "")
	}
	return f
}

// respond sends a response on hop i, against the way of the request; maker names who made it.
func (f *flow) respond(i int, status, toTag string, cseq int, method string, maker *host, more string) {
	f.respondWith(i, status, toTag, cseq, method, maker, more, "")
}

func (f *flow) respondWith(i int, status, toTag string, cseq int, method string, maker *host, more, body string) {
	f.send(f.path[i+1], f.path[i], "SIP/2.0 "+status+"\n"+stack(f.vias, i, true)+f.ends(cseq, method, toTag)+more+"Server: "+maker.agent+"\n", body)
}

// back hands a response of the last element on to the client.
func (f *flow) back(status, more, body string) *flow {
	n := len(f.path) - 1
	if f.toTag == "" {
		f.toTag = f.s.token()
	}
	more = recordRoute(f.path, n) + fmt.Sprintf("Contact: <%s>\n", f.remote()) + more
	for i := n - 1; i >= 0; i-- {
		f.respondWith(i, status, f.toTag, f.cseq, "INVITE", f.path[n], more, body)
	}
	return f
}

// remote is where the one who was called is reached.
func (f *flow) remote() string {
	return fmt.Sprintf("sip:%s@%s:5060", f.to.user, f.path[len(f.path)-1].ip())
}

// refuse hands a final response that element from made on to element until; it is acknowledged on each hop.
func (f *flow) refuse(from, until int, status, more string) *flow {
	tag := f.toTag
	if tag == "" {
		tag = f.s.token()
	}
	for i := from - 1; i >= until; i-- {
		f.respond(i, status, tag, f.cseq, "INVITE", f.path[from], more)
		f.send(f.path[i], f.path[i+1], "ACK "+f.uri(i)+" SIP/2.0\n"+f.vias[i]+"\nMax-Forwards: 70\n"+f.ends(f.cseq, "ACK", tag)+"User-Agent: "+f.path[i].agent+"\n", "")
	}
	return f
}

// failed hands on a final response of the last element.
func (f *flow) failed(status, more string) *flow { return f.refuse(len(f.path)-1, 0, status, more) }

// ring is a 180.
func (f *flow) ring() *flow { return f.back("180 Ringing", "", "") }

// pick is the 200 and its ACK.
func (f *flow) pick() *flow {
	f.back("200 OK", allow+supported, answer(f.path[len(f.path)-1]))
	f.within("ACK", f.cseq, false)
	return f
}

// within sends a request of the dialog from one end to the other and, but for an ACK, its 200 back; callee: the one
// who was called asks.
func (f *flow) within(method string, cseq int, callee bool) {
	path, target := f.path, f.remote()
	ends := f.ends(cseq, method, f.toTag)
	if callee {
		path = slices.Clone(path)
		slices.Reverse(path)
		target = fmt.Sprintf("sip:%s@%s:5060", f.from.user, f.path[0].ip())
		ends = fmt.Sprintf("From: <%s>;tag=%s\nTo: %q <%s>;tag=%s\nCall-ID: %s\nCSeq: %d %s\n",
			f.to.uri(), f.toTag, f.from.name, f.from.uri(), f.fromTag, f.truth.CallID, cseq, method)
	}
	g := flow{s: f.s, path: path}
	g.branches()
	n := len(path) - 1
	for i := range n {
		routes := ""
		for _, h := range path[i+1 : n] {
			routes += "Route: <sip:" + h.ip() + ";lr>\n"
		}
		f.send(path[i], path[i+1], method+" "+target+" SIP/2.0\n"+stack(g.vias, i, false)+routes+fmt.Sprintf("Max-Forwards: %d\n", 70-i)+ends+"User-Agent: "+path[0].agent+"\n", "")
	}
	if method == "ACK" {
		return
	}
	for i := n - 1; i >= 0; i-- {
		f.send(path[i+1], path[i], "SIP/2.0 200 OK\n"+stack(g.vias, i, true)+ends+"Server: "+path[n].agent+"\n", "")
	}
}

// hangUp is the BYE.
func (f *flow) hangUp(callee bool) *flow {
	cseq := f.cseq + 1
	if callee {
		cseq = 1
	}
	f.within("BYE", cseq, callee)
	return f
}

// cancel gives up on every hop.
func (f *flow) cancel() {
	for i := range len(f.path) - 1 {
		f.send(f.path[i], f.path[i+1], "CANCEL "+f.uri(i)+" SIP/2.0\n"+f.vias[i]+"\nMax-Forwards: 70\n"+f.ends(f.cseq, "CANCEL", "")+"User-Agent: "+f.path[i].agent+"\n", "")
		own := flow{s: f.s, truth: f.truth, at: f.at, path: f.path[i:], vias: f.vias[i : i+1], from: f.from, to: f.to, fromTag: f.fromTag}
		own.respond(0, "200 OK", f.toTag, f.cseq, "CANCEL", f.path[i+1], "")
		f.packets, f.at = append(f.packets, own.packets...), own.at
	}
	f.failed("487 Request Terminated", "")
}

// reroute sends the INVITE to another last element.
func (f *flow) reroute(to *host) *flow {
	f.path = append(slices.Clone(f.path[:len(f.path)-1]), to)
	f.vias = append(f.vias[:len(f.vias)-1:len(f.vias)-1], f.via(f.path[len(f.path)-2]))
	f.toTag = ""
	return f.forward(len(f.path) - 2)
}

// silence repeats the INVITE on the last hop until its client gives up with a 408 of its own (Timers A and B,
// RFC 3261 §17.1.1.2).
func (f *flow) silence() *flow {
	n := len(f.path) - 1
	for i := range n - 1 {
		f.invite(i)
		f.respond(i, "100 Trying", "", f.cseq, "INVITE", f.path[i+1], "")
	}
	f.invite(n - 1)
	sent := f.packets[len(f.packets)-1].At
	for d := t1; d < 64*t1; d *= 2 {
		f.again(d)
	}
	f.at = sent + 64*t1
	return f.refuse(n-1, 0, "408 Request Timeout", "")
}

// digest are credentials for a challenge with that nonce.
func (f *flow) digest(header, uri, nonce string) string {
	return fmt.Sprintf("%s: Digest username=%q, realm=%q, nonce=%q, uri=%q, response=\"%016x%016x\", algorithm=MD5, cnonce=%q, qop=auth, nc=00000001\n",
		header, f.from.user, domain, nonce, uri, f.s.rng.Uint64(), f.s.rng.Uint64(), f.s.token())
}

func challenge(header, nonce string) string {
	return fmt.Sprintf("%s: Digest realm=%q, nonce=%q, algorithm=MD5, qop=\"auth\"\n", header, domain, nonce)
}

// challenged is an INVITE that the proxy asks for credentials; the next one has them.
func (f *flow) challenged() *flow {
	nonce := f.s.token() + f.s.token()
	f.invite(0)
	f.refuse(1, 0, "407 Proxy Authentication Required", challenge("Proxy-Authenticate", nonce))
	f.cseq++
	f.branches()
	f.credentials = f.digest("Proxy-Authorization", f.uri(0), nonce)
	return f
}

// register is a REGISTER, which is challenged and then answered with status; 200 grants so many seconds.
func (f *flow) register(status string, seconds int) *flow {
	nonce := f.s.token() + f.s.token()
	contact := fmt.Sprintf("Contact: <sip:%s@%s:5060>;expires=%d\n", f.from.user, f.path[0].ip(), seconds)
	ask := func() {
		f.send(f.path[0], f.path[1], "REGISTER sip:"+domain+" SIP/2.0\n"+stack(f.vias, 0, false)+"Max-Forwards: 70\n"+f.ends(f.cseq, "REGISTER", "")+contact+f.credentials+allow+
			"User-Agent: "+f.path[0].agent+"\n", "")
	}
	ask()
	f.respond(0, "401 Unauthorized", f.s.token(), f.cseq, "REGISTER", f.path[1], challenge("WWW-Authenticate", nonce))
	f.cseq++
	f.branches()
	f.credentials = f.digest("Authorization", "sip:"+domain, nonce)
	ask()
	more := contact
	if !strings.HasPrefix(status, "200") {
		more = challenge("WWW-Authenticate", f.s.token()+f.s.token())
	}
	f.respond(0, status, f.s.token(), f.cseq, "REGISTER", f.path[1], more)
	return f
}

// options asks whether somebody is there.
func (f *flow) options(status string) *flow {
	f.send(f.path[0], f.path[1], "OPTIONS sip:"+f.to.user+"@"+f.path[1].ip()+":5060 SIP/2.0\n"+stack(f.vias, 0, false)+"Max-Forwards: 70\n"+f.ends(f.cseq, "OPTIONS", "")+f.contact()+
		"Accept: application/sdp\nUser-Agent: "+f.path[0].agent+"\n", "")
	f.respond(0, status, f.s.token(), f.cseq, "OPTIONS", f.path[1], allow)
	return f
}
