package diagnose

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/wire"
)

// handshake is what the events of one TLS connection show of how it began. What is encrypted (in TLS 1.3 all from the
// server's hello on) is not in it unless it was decrypted.
type handshake struct {
	flow  wire.Flow // the client's direction
	hello *call.Event
	cert  *call.Event // the server's
	alert *call.Event // the first that ended the connection
	reset *call.Event // RST before anything encrypted
}

// handshakes puts events, in order of time, together by connection. One that begins anew between the same sockets is a
// connection of its own.
func handshakes(events []call.Event) []handshake {
	var out []handshake
	open := map[wire.Flow]int{}
	for i := range events {
		e := &events[i]
		if !handshakeEvent(e) {
			continue
		}
		flow := wire.Flow{Transport: wire.TCP, Src: e.Flow.Src, Dst: e.Flow.Dst}
		k, known := open[flow]
		if e.Kind == wire.EventTLSHello && known && out[k].hello != nil || !known {
			k = len(out)
			out, open[flow] = append(out, handshake{flow: flow}), k
		}
		h := &out[k]
		switch e.Kind {
		case wire.EventTLSHello:
			h.hello = e
		case wire.EventTLSCert:
			h.cert = e
		case wire.EventTLSAlert:
			if h.alert == nil && ends(e) {
				h.alert = e
			}
		case wire.EventTCPReset:
			h.reset = e
		}
	}
	return out
}

// usualPort says whether SIP servers usually listen there (RFC 3261 §19.1.2, and the alternatives in use): other TLS in
// a capture is none of ours.
func usualPort(port uint16) bool { return port >= 5060 && port <= 5091 }

// handshakeEvent says whether e tells of a TLS handshake.
func handshakeEvent(e *call.Event) bool {
	switch e.Kind {
	case wire.EventTLSHello, wire.EventTLSCert, wire.EventTLSAlert:
		return true
	}
	return e.Kind == wire.EventTCPReset && strings.HasSuffix(e.Detail, "in the TLS handshake")
}

// ends says whether an alert ends the connection before its time: neither a warning nor an orderly close.
func ends(e *call.Event) bool {
	return !strings.HasSuffix(e.Detail, ", warning") && !alertIs(e, "close_notify", "user_canceled")
}

func alertIs(e *call.Event, names ...string) bool {
	name, _, _ := strings.Cut(e.Detail, " (")
	return slices.Contains(names, name)
}

// failed says whether the connection never came to carry SIP.
func (h *handshake) failed() bool { return h.alert != nil || h.reset != nil }

// overcome says whether a later connection of the same client to the same server got through, as far as can be seen.
func (h *handshake) overcome(all []handshake) bool {
	return slices.ContainsFunc(all, func(o handshake) bool {
		return o.hello != nil && !o.failed() && o.flow.Src.Addr() == h.flow.Src.Addr() && o.flow.Dst == h.flow.Dst && o.hello.Time > h.time()
	})
}

// byServer says whether the server sent the alert.
func (h *handshake) byServer() bool { return h.alert != nil && h.alert.From == h.flow.Dst.Addr() }

// certificate is the server's certificate as its event words it: see decode's describeCertificate.
type certificate struct {
	subject, issuer string
	names           []string
	from, until     time.Time
	read            bool // validity and subject are known
	more            bool // it has more names than are listed
}

func (h *handshake) certificate() (c certificate) {
	if h.cert == nil {
		return c
	}
	for part := range strings.SplitSeq(h.cert.Detail, "; ") {
		key, value, _ := strings.Cut(part, " ")
		switch {
		case key == "subject":
			c.subject = value
		case key == "issuer":
			c.issuer = value
		case key == "names":
			c.names = strings.Split(value, ", ")
		case strings.HasPrefix(part, "not before "):
			c.from, _ = time.Parse(time.RFC3339, strings.TrimPrefix(part, "not before "))
		case strings.HasPrefix(part, "not after "):
			c.until, _ = time.Parse(time.RFC3339, strings.TrimPrefix(part, "not after "))
		}
	}
	if len(c.names) == 0 && h.cert.Name != "" {
		c.names = []string{h.cert.Name}
	}
	c.more = len(c.names) > 8 // the list ends in a mark then
	c.read = !c.from.IsZero() && !c.until.IsZero()
	return c
}

// covers says whether one of the names is for host (RFC 5922 §7.1, §7.2). A wildcard, which RFC 5922 forbids, counts:
// many accept it.
func (c *certificate) covers(host string) bool {
	for _, n := range c.names {
		n = strings.TrimPrefix(n, "sip:")
		n = strings.TrimPrefix(n, "sips:")
		if strings.EqualFold(n, host) {
			return true
		}
		if rest, wild := strings.CutPrefix(n, "*."); wild {
			if _, parent, ok := strings.Cut(host, "."); ok && strings.EqualFold(rest, parent) {
				return true
			}
		}
	}
	return false
}

// diagnosis is what a handshake shows to be wrong.
type diagnosis struct {
	id         finding.ID
	confidence float64
	words      string // goes on "… because" or stands alone
	fix        string
	suspect    netip.AddrPort
	worked     bool // the client went on all the same
}

// events are those seen of the handshake, in order.
func (h *handshake) events() []*call.Event {
	return slices.DeleteFunc([]*call.Event{h.hello, h.cert, h.alert, h.reset}, func(e *call.Event) bool { return e == nil })
}

// time is when what it shows was seen.
func (h *handshake) time() wire.Time {
	list := h.events()
	return list[len(list)-1].Time
}

func (h *handshake) evidence() []finding.Evidence {
	var out []finding.Evidence
	for _, e := range h.events() {
		out = append(out, packet(e.Ref, "%s", tlsNote(e)))
	}
	return out
}

// tlsNote names an event for people.
func tlsNote(e *call.Event) string {
	switch e.Kind {
	case wire.EventTLSHello:
		return "ClientHello for " + strings.TrimSpace(e.Name+" offers "+e.Detail)
	case wire.EventTLSCert:
		return "certificate of the server: " + e.Detail
	case wire.EventTLSAlert:
		return "alert " + e.Detail + " from " + e.From.String()
	}
	return e.Detail
}
