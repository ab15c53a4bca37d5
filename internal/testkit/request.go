package testkit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// relay makes what a proxy sends on (RFC 3261 §16.6).
func (s *player) relay(st *stmt, p *txn) *Message {
	m := p.req.clone()
	s.stampVia(m, p)
	m.Fields = slices.Insert(m.Fields, 0, Field{"Via", s.via(st)})
	if n, err := strconv.Atoi(m.Get("Max-Forwards")); err == nil {
		m.Set("Max-Forwards", itoa(n-1))
	}
	routes := m.Values("Route")
	if len(routes) > 0 && strings.Contains(routes[0], hostport(st.src.inside)) {
		m.Del("Route")
		for _, r := range routes[1:] {
			m.Add("Route", r)
		}
	}
	toTag := strings.Contains(m.Get("To"), ";tag=")
	if !toTag && s.recordsRoute(st, p.key) {
		i := slices.IndexFunc(m.Fields, func(f Field) bool { return f.Name == "Record-Route" || f.Name == "From" })
		m.Fields = slices.Insert(m.Fields, max(i, 0), Field{"Record-Route", "<sip:" + hostport(st.src.inside) + ";lr>"})
	}
	if !toTag && !st.dst.server() && st.method != "REGISTER" {
		uri := m.uri()
		user, _, _ := strings.Cut(strings.TrimPrefix(uri, "sip:"), "@")
		m.Start = st.method + " sip:" + user + "@" + hostport(st.dst.inside) + " SIP/2.0"
	}
	return m
}

// recordsRoute says whether a proxy stays in the dialog's path: when it is told to, or when a later line
// shows it there.
func (s *player) recordsRoute(st *stmt, key string) bool {
	if st.method != "INVITE" && st.method != "SUBSCRIBE" && st.method != "REFER" || st.has("norr") {
		return false
	}
	if st.has("rr") {
		return true
	}
	for _, l := range s.stmts {
		if l.line <= st.line || l.kind != stmtMessage || l.code != 0 || l.opts["callid"] != "" && l.opts["callid"] != key {
			continue
		}
		switch l.method {
		case "ACK", "BYE", "PRACK", "UPDATE", "INFO", "NOTIFY":
			if l.src == st.src || l.dst == st.src {
				return true
			}
		}
	}
	return false
}

// originate makes a request of an end.
func (s *player) originate(st *stmt, key string) (*Message, error) {
	me := end{key, st.src}
	sd := s.dialog(st, me)
	var m *Message
	via, forwards := s.via(st), "70"
	if sd != nil {
		m = Request(st.method, sd.target).Add("Via", via).Add("Max-Forwards", forwards)
		for _, r := range sd.routes {
			m.Add("Route", r)
		}
		m.Add("From", sd.local).Add("To", sd.remote)
	} else {
		if st.method == "ACK" || st.method == "BYE" || st.method == "PRACK" {
			return nil, fmt.Errorf("%s: %s has no dialog (callid=%s): a 101-299 response must have reached it", st.method, st.src.name, key)
		}
		from, to, uri := s.addresses(st, key)
		m = Request(st.method, uri).Add("Via", via).Add("Max-Forwards", forwards)
		m.Add("From", "<"+from+">;tag="+s.tag(me)).Add("To", "<"+to+">")
	}
	m.Add("Call-ID", callID(s.name, key)).Add("CSeq", s.nextCSeq(st, me))
	switch st.method {
	case "INVITE", "SUBSCRIBE", "REFER", "UPDATE", "NOTIFY":
		m.Add("Contact", s.contact(st.src))
	case "REGISTER":
		m.Add("Contact", s.contact(st.src)).Add("Expires", "3600")
	case "PRACK":
		m.Add("RAck", s.rack(st, key))
	}
	if st.src.agent != "" {
		m.Add("User-Agent", st.src.agent)
	}
	return m, nil
}

// dialog returns the dialog a request belongs to, nil for one outside any.
func (s *player) dialog(st *stmt, me end) *side {
	if st.has("outside") || st.method == "REGISTER" || st.method == "PUBLISH" {
		return nil
	}
	var early *side
	for _, sd := range slices.Backward(s.sides[me]) {
		if d := st.opts["dialog"]; d != "" {
			if sd.peer != nil && sd.peer.name == d {
				return sd
			}
			continue
		}
		if sd.confirmed {
			return sd
		}
		if early == nil {
			early = sd
		}
	}
	switch st.method {
	case "INVITE", "SUBSCRIBE", "REFER", "OPTIONS", "MESSAGE": // an early dialog does not hold these back from being tried again
		return nil
	}
	return early
}

func (s *player) nextCSeq(st *stmt, me end) string {
	n := s.cseq[me]
	switch v := st.opts["cseq"]; {
	case v == "same":
	case v != "":
		n, _ = strconv.Atoi(v)
	case st.method == "ACK":
		for _, t := range slices.Backward(s.txns) {
			if t.key == me.key && t.client == me.elem && t.method == "INVITE" {
				return number(t.req.Get("CSeq")) + " ACK"
			}
		}
	default:
		n++
	}
	s.cseq[me] = n
	return itoa(n) + " " + st.method
}

// rack returns the RAck for the last reliable provisional response that src received (RFC 3262 §7.2).
func (s *player) rack(st *stmt, key string) string {
	for _, t := range slices.Backward(s.txns) {
		if t.key != key || t.client != st.src || t.method != "INVITE" {
			continue
		}
		for _, a := range slices.Backward(t.responses) {
			if r := a.msg.Get("RSeq"); r != "" {
				return r + " " + a.msg.Get("CSeq")
			}
		}
	}
	return "1 1 INVITE"
}

// addresses returns From, To and Request-URI of a request outside a dialog.
func (s *player) addresses(st *stmt, key string) (from, to, uri string) {
	aor := func(user, domain string) string {
		if strings.Contains(user, ":") {
			return user
		}
		return "sip:" + user + "@" + domain
	}
	from = aor(st.src.user, st.src.domain)
	if v := st.opts["from"]; v != "" {
		from = aor(v, st.src.domain)
	}
	if st.method == "REGISTER" {
		to = from
		uri = "sip:" + st.src.domain
	} else {
		callee := s.callee(st, key)
		to = aor(callee.user, callee.domain)
		if callee.server() { // a request to the server itself, as a keepalive is
			to = "sip:" + hostport(callee.inside)
		}
		uri = to
	}
	if v := st.opts["to"]; v != "" {
		to = aor(v, st.dst.domain)
		if st.method != "REGISTER" {
			uri = to
		}
	}
	if v := st.opts["uri"]; v != "" {
		uri = v
	}
	return from, to, uri
}

// callee finds whom a request is meant for: the end of the chain of relays that the flow shows, else bob
// (or alice, when bob calls).
func (s *player) callee(st *stmt, key string) *element {
	at := st.dst
	seen := map[*element]bool{st.src: true, at: true}
	for _, l := range s.stmts {
		if l.line > st.line && l.kind == stmtMessage && l.method == st.method && l.code == 0 && l.src == at && !seen[l.dst] &&
			(l.opts["callid"] == "" || l.opts["callid"] == key) {
			at = l.dst
			seen[at] = true
		}
	}
	if !at.server() || st.method == "OPTIONS" {
		return at
	}
	name := "bob"
	if st.src.name == "bob" {
		name = "alice"
	}
	if e, ok := s.elements[name]; ok {
		return e
	}
	e, _ := defaultElement(name)
	e.domain = st.dst.domain
	return e
}
