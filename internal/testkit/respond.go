package testkit

import (
	"fmt"
	"slices"
	"strings"
)

// response plays a response line.
func (s *player) response(st *stmt) error {
	t := s.pending(st)
	if t == nil {
		return fmt.Errorf("%d: %s has no request of %s to answer", st.code, st.src.name, st.dst.name)
	}
	var m *Message
	if a := s.received(st, t); a != nil {
		a.relayed = true
		m = a.msg.clone()
		if st.phrase != "" {
			m.Start = Response(st.code, strings.TrimSpace(st.phrase)).Start
		}
		i := slices.IndexFunc(m.Fields, func(f Field) bool { return f.Name == "Via" })
		if i >= 0 { // RFC 3261 §16.7 step 3
			m.Fields = slices.Delete(m.Fields, i, i+1)
		}
	} else {
		m = s.answer(st, t)
		if st.code > 100 && st.code < 300 && forming(t.method) {
			s.answered[end{t.key, st.src}] = true
			s.calleeSide(t, m)
		}
	}
	if err := s.finish(st, m, t.key); err != nil {
		return err
	}
	t.responses = append(t.responses, &answer{code: st.code, msg: m})
	if st.code >= 200 && (t.final == 0 || st.code < 300) {
		t.final = st.code
	}
	if t.parent == nil && st.code > 100 && st.code < 300 && forming(t.method) {
		s.callerSide(t, m, st.code)
	}
	return s.emit(st, m.Bytes(), fmt.Sprintf("%d %s", st.code, t.key))
}

// forming says whether a method makes dialogs.
func forming(method string) bool {
	return method == "INVITE" || method == "SUBSCRIBE" || method == "REFER"
}

// pending returns the request that a response line answers: the last one without a final response, else the last one.
func (s *player) pending(st *stmt) *txn {
	var last *txn
	for _, t := range slices.Backward(s.txns) {
		if t.server != st.src || t.client != st.dst || t.method == "ACK" {
			continue
		}
		if st.method != "" && t.method != st.method || st.opts["callid"] != "" && t.key != st.opts["callid"] {
			continue
		}
		if t.method == "CANCEL" && st.method == "" && (st.code == 487 || st.code < 200) {
			continue
		}
		if t.final == 0 {
			return t
		}
		if last == nil {
			last = t
		}
	}
	return last
}

// received returns the response that src has from downstream and hands on; nil when it answers itself.
func (s *player) received(st *stmt, t *txn) *answer {
	if st.has("own") || st.code == 100 || t.method == "CANCEL" {
		return nil
	}
	var last *answer
	for _, c := range slices.Backward(s.txns) {
		if c.parent != t || st.opts["from"] != "" && c.server.name != st.opts["from"] {
			continue
		}
		for _, a := range slices.Backward(c.responses) {
			if a.code != st.code {
				continue
			}
			if !a.relayed {
				return a
			}
			if last == nil {
				last = a
			}
		}
	}
	return last
}

// answer makes a response (RFC 3261 §8.2.6).
func (s *player) answer(st *stmt, t *txn) *Message {
	phrase := phrases[st.code]
	if st.phrase != "" {
		phrase = strings.TrimSpace(st.phrase)
	}
	m := Response(st.code, phrase)
	req := t.req.clone()
	s.stampVia(req, t)
	for _, v := range req.Values("Via") {
		m.Add("Via", v)
	}
	dialog := st.code > 100 && st.code < 300 && forming(t.method)
	if dialog {
		for _, v := range req.Values("Record-Route") {
			m.Add("Record-Route", v)
		}
	}
	to := req.Get("To")
	if v := st.opts["tag"]; v != "" {
		s.tags[end{t.key, st.src}] = v
	}
	if st.code > 100 && !strings.Contains(to, ";tag=") && !st.has("notag") {
		to += ";tag=" + s.tag(end{t.key, st.src})
	}
	for _, f := range []Field{{"From", req.Get("From")}, {"To", to}, {"Call-ID", req.Get("Call-ID")}, {"CSeq", req.Get("CSeq")}} {
		if f.Value != "" {
			m.Add(f.Name, f.Value)
		}
	}
	switch {
	case dialog || t.method == "UPDATE" && st.code < 300:
		m.Add("Contact", s.contact(st.src))
	case t.method == "REGISTER" && st.code == 200:
		expires := st.opts["expires"]
		if expires == "" {
			expires = req.Get("Expires")
		}
		for _, c := range req.Values("Contact") {
			if c != "*" && expires != "0" {
				m.Add("Contact", c+";expires="+expires)
			}
		}
	case t.method == "SUBSCRIBE" && st.code < 300:
		m.Add("Expires", req.Get("Expires"))
	}
	if st.has("rel") {
		s.rseq++
		m.Add("Require", "100rel").Add("RSeq", itoa(s.rseq))
	}
	if (st.code == 401 || st.code == 407) && !st.has("nochallenge") {
		m.Add(challengeHeader(st.code), s.challenge(st))
	}
	if st.src.agent != "" {
		m.Add("Server", st.src.agent)
	}
	return m
}

// callerSide notes the dialog that a response makes at the caller (RFC 3261 §12.1.2).
func (s *player) callerSide(t *txn, m *Message, code int) {
	me := end{t.key, t.client}
	to := m.Get("To")
	if !strings.Contains(to, ";tag=") {
		return
	}
	var sd *side
	for _, o := range s.sides[me] {
		if o.remote == to {
			sd = o
		}
	}
	if sd == nil {
		sd = &side{local: m.Get("From"), remote: to}
		s.sides[me] = append(s.sides[me], sd)
	}
	if c := m.Get("Contact"); c != "" {
		sd.target = addrSpec(c)
	}
	if sd.target == "" {
		sd.target = t.req.uri()
	}
	if !sd.confirmed {
		sd.routes = m.Values("Record-Route")
		slices.Reverse(sd.routes)
	}
	sd.confirmed = sd.confirmed || code >= 200
	for e, tag := range s.tags {
		if e.key == t.key && strings.HasSuffix(to, ";tag="+tag) {
			sd.peer = e.elem
		}
	}
}

// calleeSide notes the dialog at who answered (RFC 3261 §12.1.1).
func (s *player) calleeSide(t *txn, m *Message) {
	me := end{t.key, t.server}
	var sd *side
	for _, o := range s.sides[me] {
		if o.local == m.Get("To") {
			sd = o
		}
	}
	if sd == nil {
		sd = &side{local: m.Get("To"), remote: m.Get("From"), routes: t.req.Values("Record-Route")}
		s.sides[me] = append(s.sides[me], sd)
	}
	if c := t.req.Get("Contact"); c != "" {
		sd.target = addrSpec(c)
	}
	sd.confirmed = sd.confirmed || strings.HasPrefix(m.Start, "SIP/2.0 2")
}

// addrSpec returns the URI of a name-addr.
func addrSpec(v string) string {
	if _, rest, ok := strings.Cut(v, "<"); ok {
		v, _, _ = strings.Cut(rest, ">")
		return v
	}
	v, _, _ = strings.Cut(v, ";")
	return strings.TrimSpace(v)
}
