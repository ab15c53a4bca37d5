package route

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"sipcause/internal/call"
	"sipcause/sip"
)

// Max is how many names a Table discovers when it is not told otherwise.
const Max = 256

// directions are the values of Rule.Direction.
var directions = []string{"", "in", "out"}

// Table names the routes of calls. It is for one goroutine.
type Table struct {
	rules   []Rule
	max     int
	found   map[netip.Addr]string  // peers without a rule
	names   []string               // configured, each once in order of the rules, then discovered in order of discovery
	rule    int                    // how many of names are configured
	makers  map[netip.Addr]string  // elements that made responses
	acted   map[netip.AddrPort]act // what elements did with calls, for proxies; at most 2·max
	Refused uint64                 // addresses that found no room and were counted as Other
}

// NewTable returns a table of the rules, the first that holds names a route. It discovers at most so many further names
// (0: Max). Errors name the rule and its field.
func NewTable(rules []Rule, most int) (*Table, error) {
	t := &Table{max: most, found: map[netip.Addr]string{}, makers: map[netip.Addr]string{}, acted: map[netip.AddrPort]act{}}
	if most < 0 {
		return nil, fmt.Errorf("routes: max %d: want a number from 0", most)
	}
	if most == 0 {
		t.max = Max
	}
	for i := range rules {
		r := rules[i]
		if err := check(&r, i); err != nil {
			return nil, err
		}
		t.rules = append(t.rules, r)
		if !slices.Contains(t.names, r.Name) {
			t.names = append(t.names, r.Name)
		}
	}
	t.rule = len(t.names)
	return t, nil
}

// check reads one rule and brings its addresses and domains into the form that traffic is compared in.
func check(r *Rule, i int) error {
	what := fmt.Sprintf("route %q", r.Name)
	switch {
	case r.Name == "":
		return fmt.Errorf("route %d: name: want one", i+1)
	case r.Name == Other:
		return fmt.Errorf("%s: name: stands for the routes beyond the bound: want another", what)
	case strings.HasPrefix(r.Name, in) || strings.HasPrefix(r.Name, out):
		return fmt.Errorf("%s: name: %q and %q tell the directions of a route apart: want another", what, in, out)
	case r.Name != call.CleanString(r.Name) || strings.ContainsAny(r.Name, ","):
		return fmt.Errorf("%s: name: want at most %d printable characters and no comma", what, call.CleanBytes)
	case len(r.Addresses) == 0 && len(r.Ports) == 0 && len(r.Domains) == 0:
		return fmt.Errorf("%s: want addresses, ports or domains: it would hold for all traffic", what)
	case !slices.Contains(directions, r.Direction):
		return fmt.Errorf("%s: direction %q: want in, out or none for both", what, r.Direction)
	}
	addresses := slices.Clone(r.Addresses)
	for k, p := range addresses {
		if !p.IsValid() {
			return fmt.Errorf("%s: addresses: %d is no prefix such as 203.0.113.0/24", what, k+1)
		}
		if p.Addr().Is4In6() {
			if p.Bits() < 96 {
				return fmt.Errorf("%s: addresses: %s: want an IPv4 or IPv6 prefix", what, p)
			}
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		addresses[k] = p.Masked()
	}
	for _, p := range r.Ports {
		if p == 0 {
			return fmt.Errorf("%s: ports: 0 is no port", what)
		}
	}
	domains := slices.Clone(r.Domains)
	for k, d := range domains {
		d = strings.ToLower(strings.TrimSuffix(d, "."))
		if rest := strings.TrimPrefix(d, "*."); rest == "" || strings.ContainsAny(rest, "*@: /") && !strings.HasPrefix(rest, "[") {
			return fmt.Errorf("%s: domains: %q: want a host such as example.com or *.example.com", what, domains[k])
		}
		domains[k] = d
	}
	r.Addresses, r.Domains = addresses, domains
	return nil
}

// holds says whether the rule names a peer at addr that sends (in) or receives requests with a URI of this host.
func (r *Rule) holds(incoming bool, addr netip.AddrPort, host string) bool {
	if r.Direction == "in" && !incoming || r.Direction == "out" && incoming {
		return false
	}
	if len(r.Addresses) > 0 && !slices.ContainsFunc(r.Addresses, func(p netip.Prefix) bool { return p.Contains(addr.Addr()) }) {
		return false
	}
	if len(r.Ports) > 0 && !slices.Contains(r.Ports, addr.Port()) {
		return false
	}
	return len(r.Domains) == 0 || slices.ContainsFunc(r.Domains, func(d string) bool {
		if below, ok := strings.CutPrefix(d, "*"); ok {
			return strings.HasSuffix(host, below)
		}
		return host == d
	})
}

// Ways names the routes of a call. It must be called for one call after the other in the order in which they are
// judged: the first addresses are discovered. An element between the first and the last hop is no route, however many
// capture points saw the call, nor is a proxy that refuses a call itself, once it has been seen to send others on. Out and what it names are of the Table's caller.
func (t *Table) Ways(c *call.Call) Ways {
	var w Ways
	if len(c.Legs) == 0 {
		return w
	}
	good := c.Outcome == call.Answered
	learn := c.Kind == call.KindCall
	if tries := c.Legs[0].Tries(); len(tries) > 0 {
		w.In = t.name(true, c.Legs[0].Txns[tries[0]].Client, hostOf([]byte(c.From)), learn, good)
	}
	if len(c.Attempts) > 0 {
		w.Out = make([]string, len(c.Attempts))
	}
	for i := range c.Attempts {
		if r, ok := Edge(c, i); ok {
			refused := learn && t.refusedByProxy(c, r)
			w.Out[i] = t.name(false, c.Txn(r).Server, t.host(c, r), learn && !refused, good && c.Attempts[i].Code/100 == 2)
		}
	}
	if c.Origin != nil {
		w.Maker = t.maker(c.Origin.Address)
	}
	return w
}

// act is what an element was seen to do with calls.
type act uint8

const (
	sentOn   act = 1 << iota // within the Call-ID, as a proxy does
	answered                 // itself: it is no proxy, or not only
)

// refusedByProxy says whether a call got no further than a proxy that did not want it, or could not send it on. It notes
// what the elements on the way of the call's transaction r, its last, did.
func (t *Table) refusedByProxy(c *call.Call, r call.TxnRef) bool {
	l := c.Legs[r.Leg]
	last := &l.Txns[r.Txn]
	for p, n := last.Parent, 0; p != call.None && n < maxHops; p, n = l.Txns[p].Parent, n+1 {
		t.saw(l.Txns[p].Server, sentOn)
	}
	if l.FinalStatus(last)/100 == 2 {
		t.saw(last.Server, answered)
		return false
	}
	return t.acted[last.Server] == sentOn
}

func (t *Table) saw(element netip.AddrPort, did act) {
	if was, ok := t.acted[element]; ok || len(t.acted) < 2*t.max {
		t.acted[element] = was | did
	}
}

// host returns the host of the Request-URI of transaction r, "" when no rule asks for it or no request was seen.
func (t *Table) host(c *call.Call, r call.TxnRef) string {
	if !slices.ContainsFunc(t.rules, func(r Rule) bool { return len(r.Domains) > 0 && r.Direction != "in" }) {
		return ""
	}
	txn := c.Txn(r)
	if txn.Request == call.None {
		return ""
	}
	if m := c.Msg(call.MsgRef{Leg: r.Leg, Msg: txn.Request}); m != nil {
		return hostOf(m.RequestURI())
	}
	return ""
}

func hostOf(uri []byte) string {
	u, ok := sip.ParseURI(uri)
	if !ok {
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(call.Clean(u.Host), "."))
}

// name names a peer. Only calls (learn) have routes that are not configured: whoever registers is an account and no
// trunk, and what of the rest comes after the first call to a peer depends on the order. The second half of the room is
// kept for those with whom a call was answered (good), so that a scan does not crowd out the trunks.
func (t *Table) name(incoming bool, addr netip.AddrPort, host string, learn, good bool) string {
	addr = netip.AddrPortFrom(addr.Addr().Unmap().WithZone(""), addr.Port())
	if !addr.Addr().IsValid() {
		return ""
	}
	for i := range t.rules {
		if t.rules[i].holds(incoming, addr, host) {
			return t.rules[i].Name
		}
	}
	if !learn {
		return ""
	}
	if name, ok := t.found[addr.Addr()]; ok {
		return name
	}
	if n := len(t.found); n >= t.max || !good && n >= (t.max+1)/2 {
		t.Refused++
		return Other
	}
	name := addr.Addr().String()
	t.found[addr.Addr()] = name
	t.names = append(t.names, name)
	return name
}

// maker names who made a response: the route at that address, else the address.
func (t *Table) maker(addr netip.AddrPort) string {
	ip := addr.Addr().Unmap().WithZone("")
	if !ip.IsValid() {
		return ""
	}
	for i := range t.rules {
		if r := &t.rules[i]; len(r.Addresses) > 0 && len(r.Domains) == 0 && r.holds(r.Direction == "in", netip.AddrPortFrom(ip, addr.Port()), "") {
			return r.Name
		}
	}
	if name, ok := t.makers[ip]; ok {
		return name
	}
	if len(t.makers) >= t.max {
		return Other
	}
	name := ip.String()
	t.makers[ip] = name
	return name
}

// Names returns the names known: the configured in order of the rules, then the discovered in order of discovery.
// The slice is the Table's.
func (t *Table) Names() []string { return t.names }

// IsConfigured says whether a rule has the name.
func (t *Table) IsConfigured(name string) bool { return slices.Contains(t.names[:t.rule], name) }

// maxHops bounds the way to the edge: Max-Forwards starts there (RFC 3261 §8.1.1.6).
const maxHops = 70

// Edge returns the transaction by which attempt i left the elements that the capture shows: the last that was sent on
// its behalf. ok is false when the attempt branched further, so that its branches are attempts of their own.
func Edge(c *call.Call, i int) (r call.TxnRef, ok bool) {
	a := &c.Attempts[i]
	r = call.TxnRef{Leg: a.Leg, Txn: a.Txn}
	var room [4]call.TxnRef
	for range maxHops {
		kids := c.AppendDownstream(room[:0], r)
		if len(kids) == 0 {
			return r, true
		}
		next, tried := kids[len(kids)-1], 0
		for _, k := range kids {
			if s := c.Status(k); s != 401 && s != 407 {
				next, tried = k, tried+1
			}
		}
		if tried > 1 {
			return r, !slices.ContainsFunc(c.Attempts, func(o call.Attempt) bool { return slices.Contains(kids, call.TxnRef{Leg: o.Leg, Txn: o.Txn}) })
		}
		r = next
	}
	return r, true
}
