package testkit

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"strings"
	"time"

	"sipcause/internal/wire"
)

// base is when every flow begins.
var base = wire.Time(time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC).UnixNano())

// step is the time between two lines that name none.
const step = 15 * time.Millisecond

// txn is one transaction on one hop of a flow, as its author wrote it.
type txn struct {
	key            string // of the Call-ID
	method         string
	client, server *element
	from, to       netip.AddrPort // where the request really came from and went to
	req            *Message
	parent         *txn // the one this relays
	responses      []*answer
	final          int
}

// answer is a response within a transaction.
type answer struct {
	code    int
	msg     *Message
	relayed bool
}

// side is what one end of a dialog knows of it (RFC 3261 §12).
type side struct {
	local, remote string // values for From and To of its requests
	target        string
	routes        []string
	confirmed     bool
	peer          *element // who answered, for the caller's side
}

// end names an element in a call.
type end struct {
	key  string
	elem *element
}

// sent is one message as it went out, for resend and for ICMP.
type sent struct {
	st   *stmt
	hash string // what names it: method or code, and callid
	emit emission
}

// player turns statements into messages.
type player struct {
	*parser
	now      time.Duration
	txns     []*txn
	sides    map[end][]*side
	cseq     map[end]int
	tags     map[end]string
	methods  map[string]string // first method of each key
	answered map[end]bool      // made a response of its own that opens a dialog
	tcp      map[[2]*element]bool
	branches int
	nonces   int
	rseq     int
	ipid     map[netip.Addr]uint16
	out      []emission
	conns    map[[2]*element]*conn
	ports    int
	log      []sent
}

// play runs a parsed flow and returns what it puts on the wire.
func play(p *parser) (*Flow, error) {
	s := &player{
		parser: p, sides: map[end][]*side{}, cseq: map[end]int{}, tags: map[end]string{}, methods: map[string]string{},
		answered: map[end]bool{}, tcp: map[[2]*element]bool{}, ipid: map[netip.Addr]uint16{},
		conns: map[[2]*element]*conn{}, now: -step,
	}
	for _, st := range p.stmts {
		switch {
		case st.absolute && st.at < s.now:
			return nil, fmt.Errorf("line %d: %s lies before the line above", st.line, st.at)
		case st.absolute:
			s.now = st.at
		case st.wait >= 0:
			s.now = max(s.now, 0) + st.wait
		default:
			s.now += step
		}
		if err := s.statement(st); err != nil {
			return nil, fmt.Errorf("line %d: %w", st.line, err)
		}
	}
	f := &Flow{Name: p.name, Wants: p.wants, keys: s.methods}
	for i := range f.Wants {
		if err := f.Wants[i].resolve(p, s.methods); err != nil {
			return nil, fmt.Errorf("line %d: %w", f.Wants[i].Line, err)
		}
	}
	s.packetise(f)
	return f, nil
}

func (s *player) statement(st *stmt) error {
	switch st.kind {
	case stmtMessage:
		if st.has("resend") && st.opts["resend"] == "" || st.has("dup") {
			return s.again(st)
		}
		if st.code != 0 {
			return s.response(st)
		}
		return s.request(st)
	case stmtRaw:
		return s.emit(st, st.raw, "raw ")
	}
	return s.event(st)
}

// callID is the Call-ID of a key in a flow.
func callID(flow, key string) string { return key + "." + flow + "@flow.example.com" }

func (s *player) branch() string {
	s.branches++
	h := fnv.New32a()
	fmt.Fprintf(h, "%s/%d", s.name, s.branches)
	return fmt.Sprintf("z9hG4bK%08x%d", h.Sum32(), s.branches)
}

// tag returns the tag of an element in a call.
func (s *player) tag(e end) string {
	t, ok := s.tags[e]
	if !ok {
		t = fmt.Sprintf("%s%d", e.elem.name, len(s.tags)+1)
		s.tags[e] = t
	}
	return t
}

// key tells to which call a request belongs.
func (s *player) key(st *stmt) string {
	if k, ok := st.opts["callid"]; ok {
		return k
	}
	inCall := slices.Contains([]string{"ACK", "CANCEL", "BYE", "PRACK", "UPDATE", "INFO", "NOTIFY", "REFER", "INVITE"}, st.method)
	for _, t := range slices.Backward(s.txns) {
		pair := t.client == st.src && t.server == st.dst || t.client == st.dst && t.server == st.src || t.server == st.src
		first := s.methods[t.key]
		switch {
		case !pair:
		case first == st.method, inCall && (first == "INVITE" || st.method != "INVITE" && (first == "SUBSCRIBE" || first == "REFER")):
			return t.key
		}
	}
	if st.method == "INVITE" || inCall {
		return "1"
	}
	return strings.ToLower(st.method) + "-" + st.src.name
}

// parent returns the request that src hands on; nil when it is an end of the call or received none.
func (s *player) parent(st *stmt, key string) *txn {
	if st.has("new") || st.has("resend") && st.opts["resend"] == "" {
		return nil
	}
	if !st.has("relay") && s.isEnd(end{key, st.src}) {
		return nil
	}
	for _, t := range slices.Backward(s.txns) {
		if t.key == key && t.server == st.src && t.method == st.method {
			return t
		}
	}
	return nil
}

// isEnd says whether an element began a call or answered it itself.
func (s *player) isEnd(e end) bool {
	if s.answered[e] {
		return true
	}
	for _, t := range s.txns {
		if t.key == e.key {
			return t.client == e.elem
		}
	}
	return true
}

func (s *player) request(st *stmt) error {
	key := s.key(st)
	if _, ok := s.methods[key]; !ok {
		s.methods[key] = st.method
	}
	t := &txn{key: key, method: st.method, client: st.src, server: st.dst}
	var m *Message
	switch {
	case st.method == "CANCEL":
		inv := s.clientTxn(st, key, func(t *txn) bool { return t.final == 0 })
		if inv == nil {
			inv = s.clientTxn(st, key, func(*txn) bool { return true })
		}
		if inv == nil {
			return fmt.Errorf("CANCEL: %s sent %s no INVITE", st.src.name, st.dst.name)
		}
		t.parent = s.parent(st, key)
		m = s.cancel(inv)
	case st.method == "ACK":
		inv := s.clientTxn(st, key, func(t *txn) bool { return t.final != 0 })
		if inv != nil && inv.final >= 300 && !st.has("new") && !st.has("relay") {
			m, t = s.ackFailure(inv), nil
			break
		}
		fallthrough
	default:
		if t.parent = s.parent(st, key); t.parent != nil {
			m = s.relay(st, t.parent)
		} else {
			var err error
			if m, err = s.originate(st, key); err != nil {
				return err
			}
		}
	}
	s.transport(st)
	if err := s.finish(st, m, key); err != nil {
		return err
	}
	if t != nil {
		t.req = m
		t.from, t.to = s.addrs(st)
		s.txns = append(s.txns, t)
	}
	return s.emit(st, m.Bytes(), st.method+" "+key)
}

// clientTxn returns the last INVITE transaction from src to dst that ok accepts.
func (s *player) clientTxn(st *stmt, key string, ok func(*txn) bool) *txn {
	for _, t := range slices.Backward(s.txns) {
		if t.key == key && t.method == "INVITE" && t.client == st.src && t.server == st.dst && ok(t) {
			return t
		}
	}
	return nil
}

// cancel makes the CANCEL of an INVITE (RFC 3261 §9.1).
func (s *player) cancel(inv *txn) *Message {
	m := Request("CANCEL", inv.req.uri())
	m.Add("Via", inv.req.Get("Via")).Add("Max-Forwards", "70")
	for _, r := range inv.req.Values("Route") {
		m.Add("Route", r)
	}
	m.Add("From", inv.req.Get("From")).Add("To", inv.req.Get("To")).Add("Call-ID", inv.req.Get("Call-ID"))
	return m.Add("CSeq", number(inv.req.Get("CSeq"))+" CANCEL")
}

// ackFailure makes the ACK for a response of 300 and above (RFC 3261 §17.1.1.3).
func (s *player) ackFailure(inv *txn) *Message {
	m := s.cancel(inv)
	m.Start = "ACK " + inv.req.uri() + " SIP/2.0"
	for _, a := range inv.responses {
		if a.code >= 300 {
			m.Set("To", a.msg.Get("To"))
		}
	}
	return m.Set("CSeq", number(inv.req.Get("CSeq"))+" ACK")
}

func number(cseq string) string {
	n, _, _ := strings.Cut(cseq, " ")
	return n
}

func (s *player) contact(e *element) string {
	params := ""
	for pair := range s.tcp {
		if pair[0] == e || pair[1] == e {
			params = ";transport=tcp"
		}
	}
	return "<sip:" + e.user + "@" + hostport(e.inside) + params + ">"
}

func hostport(a netip.AddrPort) string { return host(a.Addr()) + ":" + itoa(int(a.Port())) }

// via returns the Via that src puts on top of a request.
func (s *player) via(st *stmt) string {
	s.transport(st)
	tr := "UDP"
	if s.tcp[pairOf(st.src, st.dst)] {
		tr = "TCP"
	}
	b := st.opts["branch"]
	if b == "" {
		b = s.branch()
	}
	v := "SIP/2.0/" + tr + " " + hostport(st.src.inside) + ";branch=" + b
	if st.src.rport && !st.src.server() {
		v += ";rport"
	}
	return v
}

// stampVia writes what the server adds to the top Via (RFC 3261 §18.2.1, RFC 3581 §4).
func (s *player) stampVia(m *Message, t *txn) {
	i := slices.IndexFunc(m.Fields, func(f Field) bool { return strings.EqualFold(f.Name, "Via") })
	if i < 0 {
		return
	}
	v := m.Fields[i].Value
	differs := !strings.Contains(v, " "+host(t.from.Addr()))
	if before, ok := strings.CutSuffix(v, ";rport"); ok {
		v = before + ";received=" + t.from.Addr().String() + ";rport=" + itoa(int(t.from.Port()))
	} else if differs {
		v += ";received=" + t.from.Addr().String()
	}
	m.Fields[i].Value = v
}

func pairOf(a, b *element) [2]*element {
	if a.index > b.index {
		a, b = b, a
	}
	return [2]*element{a, b}
}

func (s *player) transport(st *stmt) {
	switch {
	case st.has("tcp"):
		s.tcp[pairOf(st.src, st.dst)] = true
	case st.has("udp"):
		delete(s.tcp, pairOf(st.src, st.dst))
	}
}
