package capture

import (
	"bytes"
	"hash/fnv"
	"net/netip"
	"slices"
	"strings"

	"sipcause/internal/wire"
	"sipcause/sip"
)

// endpoints find out between which sockets the messages of a text went. What the log does not say is taken from
// the messages themselves: a request comes from the sent-by of its top Via and goes to its first Route or its
// Request-URI (RFC 3261 §8.1.2, §18.1.1), a response goes back the way its request came (§18.2.2). The element
// that wrote a log is known by the Vias of the requests that it sent. A host that has only a name gets a
// placeholder (wire.Placeholder), always the same for one name.
type endpoints struct {
	own   map[wire.Transport]netip.AddrPort // of the element that wrote the log
	names map[string]netip.Addr             // addresses of hosts that logs name
	txns  [2]map[string]wire.Flow           // flows of requests, by transaction: the newer ones, the older ones
	calls [2]map[string]netip.AddrPort      // where an INVITE went whose server is not known, by call and sender
	stand []string                          // "0.133.148.201 is example.net" for the first placeholders
}

const (
	maxTextTxns  = 4096 // of each of the two tables
	maxTextNames = 1024
	maxToldNames = 8 // placeholders that a report explains
)

func newEndpoints() endpoints {
	return endpoints{
		own: map[wire.Transport]netip.AddrPort{}, names: map[string]netip.Addr{},
		txns: [2]map[string]wire.Flow{{}, {}}, calls: [2]map[string]netip.AddrPort{{}, {}},
	}
}

// learn takes from a message what it tells of the element that wrote the log, and of hosts that have a name.
func (e *endpoints) learn(m *textMessage) {
	if m.sip.Parse(m.data) != nil {
		return
	}
	h := &m.head
	via := m.sip.TopVia()
	if h.proto == wire.UnknownTransport {
		h.proto = protos[string(bytes.ToLower(via.Transport))]
	}
	switch {
	case h.way == waySent:
		h.src, h.dst = merge(h.src, h.local), merge(h.dst, h.peer)
	case h.way == wayReceived:
		h.src, h.dst = merge(h.src, h.peer), merge(h.dst, h.local)
	}
	sentBy := viaPlace(&via)
	if m.sip.IsRequest() {
		e.name(h.src, sentBy)
	} else {
		e.name(h.dst, sentBy)
	}
	switch {
	case h.way == waySent && h.src.known():
		e.learnOwn(h.src, h.proto)
	case h.way == wayReceived && h.dst.known():
		e.learnOwn(h.dst, h.proto)
	case (h.way == waySent) == m.sip.IsRequest() && h.way != wayUnknown && sentBy.known():
		e.learnOwn(sentBy, h.proto)
	case h.way == waySent && m.sip.Count(sip.HeaderVia) == 1:
		e.contact(m)
	}
}

// learnOwn notes the element's own socket; the first one counts.
func (e *endpoints) learnOwn(p place, t wire.Transport) {
	if _, known := e.own[t]; !known {
		e.own[t] = e.socket(p, t)
	}
}

// contact takes the Contact of a message that was sent for the element's own socket: with one Via it is its own.
func (e *endpoints) contact(m *textMessage) {
	for c := range m.sip.Contacts() {
		if u, ok := sip.ParseURI(c.URI); ok && u.Addr().IsValid() && m.sip.Method != sip.MethodRegister && m.sip.Status < 300 {
			e.learnOwn(uriPlace(u), m.head.proto)
		}
		return
	}
}

// merge completes what is known of a place.
func merge(p, more place) place {
	if p == (place{}) {
		return more
	}
	return p
}

// name notes the address of a host that the log only names: that of the Via, when both have one port.
func (e *endpoints) name(p, sentBy place) {
	if p.name != "" && sentBy.known() && p.port == sentBy.port && len(e.names) < maxTextNames {
		e.names[p.name] = sentBy.addr
	}
}

// flow returns the flow of a message and whether the text says both of its ends. later are the messages that
// follow it.
func (e *endpoints) flow(m *textMessage, later []*textMessage) (f wire.Flow, known bool) {
	if len(m.sip.Raw()) == 0 {
		return wire.Flow{Src: nowhere(), Dst: nowhere()}, false
	}
	h := &m.head
	src, dst := e.place(h.src), e.place(h.dst)
	known = src.known() && dst.known()
	if m.sip.IsRequest() {
		f = e.request(m, src, dst, later)
	} else {
		f = e.response(m, src, dst)
	}
	if !known && f.Src == f.Dst { // a name that both ends share: the one that is less sure is not known
		if src.known() || !dst.known() {
			f.Dst = nowhere()
		} else {
			f.Src = nowhere()
		}
	}
	if m.sip.IsRequest() {
		e.remember(m, f)
	}
	return f, known
}

// place returns p with the address of its host, if that is known by now.
func (e *endpoints) place(p place) place {
	if a, ok := e.names[p.name]; ok && p.name != "" {
		p.addr = a
	}
	return p
}

func (e *endpoints) request(m *textMessage, src, dst place, later []*textMessage) wire.Flow {
	h := &m.head
	f := wire.Flow{Transport: h.proto, Src: e.socket(src, h.proto), Dst: e.socket(dst, h.proto)}
	via := m.sip.TopVia()
	if asked, ok := e.asked(m); ok && !dst.known() && (!src.known() || f.Src == asked.Src) {
		return asked // sent again, or an ACK or CANCEL that goes where its INVITE went (RFC 3261 §17.1.1.3, §9.1)
	}
	if sentBy := viaPlace(&via); !src.known() && h.way == waySent && sentBy.known() {
		f.Src = e.socket(sentBy, h.proto)
	} else if !src.known() {
		f.Src = e.first(h.way == waySent, h.proto, func() place {
			if p := viaSource(&via); p.known() || src.name == "" && src.port == 0 {
				return p
			}
			return src
		})
	}
	if to, ok := e.server(m, f.Src); ok && !dst.known() && h.way != wayReceived {
		f.Dst = to
	} else if !dst.known() {
		f.Dst = e.first(h.way == wayReceived, h.proto, func() place {
			if p := relayedBy(m, &via, later); p.known() {
				return p
			}
			if dst.name != "" {
				return dst
			}
			return nextHop(&m.sip)
		})
	}
	return f
}

func (e *endpoints) response(m *textMessage, src, dst place) wire.Flow {
	h := &m.head
	f := wire.Flow{Transport: h.proto, Src: e.socket(src, h.proto), Dst: e.socket(dst, h.proto)}
	asked, matched := e.asked(m)
	via := m.sip.TopVia()
	if !src.known() {
		if f.Src = asked.Dst; !matched {
			f.Src = e.first(h.way == waySent, h.proto, func() place { return src })
		}
	}
	if !dst.known() {
		if f.Dst = asked.Src; !matched {
			f.Dst = e.first(h.way == wayReceived, h.proto, func() place { return viaSource(&via) })
		}
	}
	return f
}

// first returns the element's own socket where it is at this end and known, else what other says.
func (e *endpoints) first(own bool, proto wire.Transport, other func() place) netip.AddrPort {
	if own {
		if a, ok := e.own[proto]; ok {
			return a
		}
		for t := wire.UDP; t <= wire.SCTP; t++ { // it has the same address for other transports
			if a, ok := e.own[t]; ok {
				return e.socket(place{addr: a.Addr()}, proto)
			}
		}
	}
	return e.socket(other(), proto)
}

// relayedBy returns the element that sent a request on, by its Via on top of this one.
func relayedBy(m *textMessage, via *sip.Via, later []*textMessage) place {
	if len(via.Branch) == 0 {
		return place{}
	}
	for _, l := range later {
		if !l.sip.IsRequest() || l.sip.Method != m.sip.Method {
			continue
		}
		if below, ok := l.sip.Via(1); ok && bytes.Equal(below.Branch, via.Branch) {
			top := l.sip.TopVia()
			return viaPlace(&top)
		}
	}
	return place{}
}

// nextHop returns where a request is bound for: its first Route, else its Request-URI.
func nextHop(m *sip.Message) place {
	for r := range m.Routes() {
		if u, ok := sip.ParseURI(r.URI); ok {
			return uriPlace(u)
		}
		break
	}
	u, ok := sip.ParseURI(m.RequestURI())
	if !ok {
		return place{}
	}
	return uriPlace(u)
}

func uriPlace(u sip.URI) place {
	p := hostPort(string(u.Host), u.Port)
	if maddr, ok := u.Param("maddr"); ok {
		p = hostPort(string(maddr), u.Port)
	}
	return p
}

// viaPlace returns the sent-by of a Via.
func viaPlace(v *sip.Via) place { return hostPort(string(v.Host), v.Port) }

// viaSource returns where a request came from: as its receiver saw it (RFC 3261 §18.2.1, RFC 3581 §4), else
// as its sender says.
func viaSource(v *sip.Via) place {
	p := viaPlace(v)
	if a := v.ReceivedAddr(); a.IsValid() {
		p.addr, p.name = a, ""
	}
	if v.RPort != 0 {
		p.port = v.RPort
	}
	return p
}

// socket makes a socket of a place. No port is the default one of the transport (RFC 3261 §19.1.2), a name
// gets its placeholder, and nothing at all is 0.0.0.0:0.
func (e *endpoints) socket(p place, t wire.Transport) netip.AddrPort {
	if !p.known() && p.name == "" {
		return netip.AddrPortFrom(netip.IPv4Unspecified(), p.port)
	}
	if !p.known() {
		p.addr = placeholder(p.name)
		e.tell(p)
	}
	if p.port == 0 {
		switch t {
		case wire.TLS:
			p.port = 5061
		case wire.WS:
			p.port = 80
		case wire.WSS:
			p.port = 443
		default:
			p.port = 5060
		}
	}
	return netip.AddrPortFrom(p.addr, p.port)
}

// tell notes what a placeholder stands for, if that is a name as hosts have them.
func (e *endpoints) tell(p place) {
	if len(e.stand) >= maxToldNames || len(p.name) > maxFieldName || strings.Trim(p.name, "abcdefghijklmnopqrstuvwxyz0123456789.-_") != "" {
		return
	}
	if s := p.addr.String() + " is " + p.name; !slices.Contains(e.stand, s) {
		e.stand = append(e.stand, s)
	}
}

// nowhere is the socket of which nothing is known.
func nowhere() netip.AddrPort { return netip.AddrPortFrom(netip.IPv4Unspecified(), 0) }

// placeholder returns the address that stands for a host known by name: one of 0.0.0.0/8, which no packet on a
// wire is sent to (RFC 1122 §3.2.1.3).
func placeholder(name string) netip.Addr {
	h := fnv.New32a()
	h.Write([]byte(name))
	n := h.Sum32()
	n = n>>24 ^ n&0xffffff
	if n == 0 {
		n = 1
	}
	return netip.AddrFrom4([4]byte{0, byte(n >> 16), byte(n >> 8), byte(n)})
}

// server returns where requests of the call go that m is of: to where the INVITE went, when that is not known.
func (e *endpoints) server(m *textMessage, src netip.AddrPort) (netip.AddrPort, bool) {
	if len(m.sip.ToTag()) == 0 {
		return netip.AddrPort{}, false
	}
	k := callKey(m, src)
	for _, c := range e.calls {
		if a, ok := c[k]; ok {
			return a, true
		}
	}
	return netip.AddrPort{}, false
}

func callKey(m *textMessage, src netip.AddrPort) string {
	return string(m.sip.CallID()) + " " + src.String()
}

// key names a transaction (RFC 3261 §17.1.3): branch, method, number and Call-ID.
func (m *textMessage) key() string {
	via := m.sip.TopVia()
	method := m.sip.MethodName()
	if m.sip.Method == sip.MethodAck || m.sip.Method == sip.MethodCancel {
		method = []byte(sip.MethodInvite.String())
	}
	cseq, _, _ := bytes.Cut(m.sip.Header(sip.HeaderCSeq), []byte(" "))
	return string(bytes.Join([][]byte{via.Branch, via.Host, method, cseq, m.sip.CallID()}, []byte{0}))
}

// remember keeps the flow of a request for its responses.
func (e *endpoints) remember(m *textMessage, f wire.Flow) {
	if len(e.txns[0]) >= maxTextTxns {
		e.txns[0], e.txns[1] = map[string]wire.Flow{}, e.txns[0]
	}
	if k := m.key(); e.txns[0][k] == (wire.Flow{}) {
		e.txns[0][k] = f
	}
	if m.sip.Method != sip.MethodInvite || len(m.sip.ToTag()) > 0 || !wire.Placeholder(f.Dst.Addr()) {
		return
	}
	if len(e.calls[0]) >= maxTextTxns {
		e.calls[0], e.calls[1] = map[string]netip.AddrPort{}, e.calls[0]
	}
	e.calls[0][callKey(m, f.Src)] = f.Dst
}

// asked returns the flow of the request that a response answers.
func (e *endpoints) asked(m *textMessage) (wire.Flow, bool) {
	k := m.key()
	for _, t := range e.txns {
		if f, ok := t[k]; ok {
			return f, true
		}
	}
	return wire.Flow{}, false
}
