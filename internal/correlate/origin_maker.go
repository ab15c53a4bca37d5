package correlate

import (
	"bytes"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// How sure an origin is when the capture does not show its other side: nothing else speaks for it, something does,
// and something speaks against it.
const (
	unseenBehind   = 0.8
	likelyHere     = 0.9
	likelyBehind   = 0.6
	registrarUnder = 0.9  // the element that a client registers with is nearly always the registrar
	passesOthers   = 0.95 // its other side is in the capture, as other requests show
)

// proxySoftware are Server header fragments of software that is a proxy before it is anything else.
var proxySoftware = []string{"kamailio", "opensips", "openser", "sip express router", "ser (", "drachtio", "repro", "flexisip"}

// madeBy says what the element is that made the response of transaction r, what shows it, and what else it could be.
func (b *builder) madeBy(c *call.Call, o *call.Origin, r call.TxnRef) {
	l := c.Legs[r.Leg]
	t := &l.Txns[r.Txn]
	o.Address, o.Code = t.Server, l.FinalStatus(t)
	o.Role = call.RoleUAS
	final := c.Msg(call.MsgRef{Leg: r.Leg, Msg: t.Final})
	if final != nil {
		o.Server = b.names.of(final.ServerOrUserAgent())
	}
	sent := &l.Sightings[t.Final]
	p := &b.prose
	b.refs = c.AppendDownstream(b.refs[:0], r)
	waited, silent := silentBefore(c, b.refs, sent.Time)
	switch {
	case silent:
		o.Role = call.RoleProxy
		if o.Code == 408 || o.Code >= 500 && waited >= leastTimer {
			o.Role = call.RoleTimer
		}
	case len(b.refs) > 0:
		o.Role = call.RoleProxy
	case c.Kind == call.KindRegistration:
		o.Role = call.RoleRegistrar
		o.Confidence *= registrarUnder
		b.behind(t.Server, "a registrar")
	case relays(c, r):
		o.Role = call.RoleProxy
		o.Confidence *= passesOthers
		p.addr(t.Server).text(" relayed other requests of this call, and this one not").evidence()
	case b.alerted(c, o, r, final):
		return
	case o.Code == 407:
		o.Role = call.RoleProxy
		o.Confidence *= b.traits(c, r, final)
		b.behind(t.Server, "a proxy")
	case isProxySoftware(o.Server):
		o.Role = call.RoleProxy
		o.Confidence *= likelyHere
		p.text("its Server header says ").text(strconv.Quote(o.Server)).evidence()
		b.behind(t.Server, "another such proxy")
	case final != nil && madeTag(final.ToTag()):
		o.Role = call.RoleProxy
		o.Confidence *= likelyHere
		p.text("its To tag has the form that Kamailio, OpenSIPS and SER give to responses of their own").evidence()
		b.behind(t.Server, "another such proxy")
	default:
		o.Confidence *= b.traits(c, r, final)
		if o.Code == 408 && ranOut(l, t) != "" {
			o.Role = call.RoleTimer
			b.behind(t.Server, "a hop with such a timer")
			break
		}
		b.behind(t.Server, "an element")
	}
	p.addr(t.Server).text(" sent ").number(uint64(o.Code)).text(" in frame ").number(sent.Ref.Number).text(" and was not seen receiving one").evidence()
}

// behind names what the capture does not exclude, and what would settle it.
func (b *builder) behind(at netip.AddrPort, what string) {
	b.prose.text(what).text(" behind ").addr(at).text(" that this capture does not show; a capture on its other side would tell").alternative()
}

// madeTag says whether a To tag has the form that SER and its heirs give to responses which they make themselves: the
// hash of a name in 32 hexadecimal digits, a dot or a dash, and a checksum in four or eight.
func madeTag(tag []byte) bool {
	if n := len(tag); n != 37 && n != 41 || tag[32] != '.' && tag[32] != '-' {
		return false
	}
	for i, c := range tag {
		if i != 32 && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// alerted says whether the element had sent a provisional response with the To tag of the final one: one UAS made both
// (RFC 3261 §8.2.6.2). That is the element itself, unless the Contact or the Record-Route of the provisional response
// show that it only passed it on.
func (b *builder) alerted(c *call.Call, o *call.Origin, r call.TxnRef, final *sip.Message) bool {
	l := c.Legs[r.Leg]
	t := &l.Txns[r.Txn]
	ringing := c.Msg(call.MsgRef{Leg: r.Leg, Msg: t.Progress})
	if !sameTag(final, ringing) {
		return false
	}
	p := &b.prose
	p.addr(t.Server).text(" had alerted with the same To tag before it sent ").number(uint64(o.Code)).text(" in frame ").number(l.Sightings[t.Final].Ref.Number).evidence()
	contact, named := contactHost(ringing)
	switch {
	case named && contact == t.Server.Addr():
	case recorded(ringing, t.Server.Addr()), named && !hidden(contact):
		o.Confidence *= likelyBehind
		p.text("the user agent behind ").addr(t.Server)
		if named {
			p.text(", by the Contact of its ").number(uint64(l.Sightings[t.Progress].Status)).text(" at ").text(contact.String())
		}
		p.text(": then ").addr(t.Server).text(" only passed the response on; a capture on its other side would tell").alternative()
	default:
		o.Confidence *= likelyHere
	}
	return true
}

// contactHost returns the address in a message's Contact, false when that has none.
func contactHost(m *sip.Message) (netip.Addr, bool) {
	for contact := range m.Contacts() {
		if u, ok := sip.ParseURI(contact.URI); ok && u.Addr().IsValid() {
			return u.Addr(), true
		}
	}
	return netip.Addr{}, false
}

// recorded says whether an address stands in a message's Record-Route: only proxies write themselves there
// (RFC 3261 §16.6 step 4).
func recorded(m *sip.Message, at netip.Addr) bool {
	for route := range m.RecordRoutes() {
		if u, ok := sip.ParseURI(route.URI); ok && u.Addr() == at {
			return true
		}
	}
	return false
}

// hidden says whether an address is one behind an address translator: it does not tell whose packets these are.
func hidden(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLoopback() || a.IsUnspecified() || a.IsLinkLocalUnicast() || carrierNAT.Contains(a)
}

var carrierNAT = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598

// traits says how sure it is that the element which sent the response made it, by what the response and the time tell
// when the capture does not show the other side.
func (b *builder) traits(c *call.Call, r call.TxnRef, final *sip.Message) float64 {
	l := c.Legs[r.Leg]
	t := &l.Txns[r.Txn]
	p := &b.prose
	sure := unseenBehind
	if t.Trying != call.None && final != nil {
		own, said := software(l.Raw(t.Trying)), final.ServerOrUserAgent()
		switch {
		case len(own) == 0 || len(said) == 0:
		case bytes.Equal(own, said):
			sure = likelyHere
			p.text("it has the Server header of the 100, which each hop makes itself").evidence()
		default:
			sure = likelyBehind
			p.text("its Server header is not that of the 100, which each hop makes itself (").text(strconv.Quote(call.Clean(own))).text(")").evidence()
		}
	}
	if final != nil {
		for v := range final.Reasons() {
			if v.Q850() {
				p.text("it carries Q.850 cause ").number(uint64(v.Cause)).text(": a telephone network, or an element that talks to one, decided").evidence()
				break
			}
		}
	}
	if name := ranOut(l, t); name != "" {
		p.text("it came ").text(name).text(" after the request: a hop waited in vain for its next one").evidence()
	}
	return sure
}

// ranOut names the timer that ran from the request of t to its final response, "" when it was none or something had
// come in between.
func ranOut(l *call.Leg, t *call.Txn) string {
	if !timerCode(l.FinalStatus(t)) || t.Progress != call.None || t.Request == call.None {
		return ""
	}
	return timerOf(l.Sightings[t.Final].Time.Sub(l.Start(t)))
}

// timerCode says whether a status is one that a hop's own timer makes.
func timerCode(code int) bool {
	switch code {
	case 408, 480, 500, 503, 504:
		return true
	}
	return false
}

// timerOf names the timer that runs for so long, "" when it looks like none: 64·T1, Timer C, and the round numbers to which
// people set failover timers.
func timerOf(d time.Duration) string {
	switch {
	case d >= call.TimerB-timerSlack && d <= call.TimerB+4*timerSlack:
		return "32 s (64·T1, RFC 3261 §17.1.1.2)"
	case d >= call.TimerC-timerSlack && d <= call.TimerC+4*timerSlack:
		return "180 s (Timer C, RFC 3261 §16.6 step 11)"
	}
	for _, n := range [...]time.Duration{5, 10, 15, 20, 30, 60, 120} {
		if off := d - n*time.Second; off > -timerSlack/5 && off < timerSlack {
			return strconv.Itoa(int(n)) + " s"
		}
	}
	return ""
}

const timerSlack = 250 * time.Millisecond // by which a timer fires late, and the way takes

// silence says that an element answered while its next hop was silent, for how long, and what timer that is.
func (b *builder) silence(c *call.Call, by netip.AddrPort, r call.TxnRef, at wire.Time) {
	t := c.Txn(r)
	p := &b.prose
	p.addr(by).text(" answered while ").addr(t.Server).text(" had not sent a final response")
	if d := at.Sub(c.Start(r)); d >= leastTimer && !at.Ordinal() {
		name := timerOf(d)
		if name == "" {
			name = strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
		}
		p.text(", ").text(name).text(" after it had been asked")
	}
	p.evidence()
}

// passedOn says whether the response that the originator saw has the To tag of the one that the last hop made.
func (b *builder) passedOn(c *call.Call, seen, r call.TxnRef) {
	if seen == r {
		return
	}
	first, last := c.Msg(c.Final), c.Msg(call.MsgRef{Leg: r.Leg, Msg: c.Txn(r).Final})
	if sameTag(first, last) {
		b.prose.text("the To tag is the same on both hops: the response was passed on").evidence()
	}
}

// isProxySoftware says whether a Server header field names one of proxySoftware.
func isProxySoftware(server string) bool {
	lower := strings.ToLower(server)
	return slices.ContainsFunc(proxySoftware, func(p string) bool { return strings.Contains(lower, p) })
}

// software returns the Server, else the User-Agent, of a message without parsing it; nil when it is written in an
// unusual way.
func software(raw []byte) []byte {
	for _, name := range [...]string{"\nServer: ", "\nUser-Agent: "} {
		if i := bytes.Index(raw, []byte(name)); i >= 0 {
			line, _, _ := bytes.Cut(raw[i+len(name):], []byte("\n"))
			return bytes.TrimSpace(line)
		}
	}
	return nil
}

// leastTimer is how long a hop waits for the next one at least before its own timer can be what answers: failover
// timers are set to a few seconds. What fails sooner was refused on the wire, or by the hop itself.
const leastTimer = 2 * time.Second

// silentBefore says whether a branch had no final response at the time, and for how long the last of them had
// been waited for.
func silentBefore(c *call.Call, kids []call.TxnRef, at wire.Time) (waited time.Duration, silent bool) {
	for _, k := range kids {
		kl := c.Legs[k.Leg]
		if kt := &kl.Txns[k.Txn]; kt.Final == call.None || kl.Sightings[kt.Final].Time > at {
			waited, silent = at.Sub(kl.Start(kt)), true
		}
	}
	return waited, silent
}

// sameTag says whether two responses carry the same To tag.
func sameTag(a, b *sip.Message) bool {
	return a != nil && b != nil && len(a.ToTag()) > 0 && bytes.Equal(a.ToTag(), b.ToTag())
}
