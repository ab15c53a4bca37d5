package testkit

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

// element is somebody who sends and receives in a flow.
type element struct {
	name   string
	addr   netip.AddrPort // where its packets come from and go to
	inside netip.AddrPort // the address it believes to have: in Via, Contact and SDP
	user   string
	domain string
	agent  string // User-Agent and Server
	rport  bool   // asks for rport (RFC 3581)
	index  int
}

// server says whether an element of this name hands requests on or registers, as opposed to a user agent.
func (e *element) server() bool { return serverName.MatchString(e.name) }

var serverName = regexp.MustCompile(`^(proxy|edge|registrar|core|lb|sbc|b2bua|p)[0-9]*$`)

// defaults are the elements that need no declaration, by name; a digit after the name adds to the last octet.
var defaults = map[string]string{
	"alice": "192.0.2.10", "bob": "203.0.113.31", "carol": "203.0.113.32", "dave": "203.0.113.33",
	"phone": "192.0.2.20", "proxy": "198.51.100.0", "p": "198.51.100.0", "edge": "198.51.100.100", "core": "198.51.100.110",
	"registrar": "198.51.100.120", "lb": "198.51.100.130", "sbc": "198.51.100.140", "b2bua": "198.51.100.150",
	"gw": "203.0.113.60", "carrier": "203.0.113.80", "attacker": "203.0.113.200",
}

var numbered = regexp.MustCompile(`^([a-z]+?[a-z0-9]*?)([0-9]*)$`)

// defaultElement returns the element of a well-known name.
func defaultElement(name string) (*element, bool) {
	m := numbered.FindStringSubmatch(name)
	if m == nil {
		return nil, false
	}
	base, digits := m[1], m[2]
	text, ok := defaults[name]
	n := 0
	if ok {
		digits = ""
	} else if text, ok = defaults[base]; !ok || len(digits) > 1 {
		return nil, false
	}
	addr := netip.MustParseAddr(text).As4()
	if digits != "" {
		n = int(digits[0] - '0')
	} else if addr[3]%10 == 0 && base != "alice" && base != "phone" && addr[3] != 200 {
		n = 1 // proxy is proxy1, gw is gw1
	}
	addr[3] += byte(n)
	return newElement(name, netip.AddrPortFrom(netip.AddrFrom4(addr), 5060)), true
}

func newElement(name string, addr netip.AddrPort) *element {
	return &element{name: name, addr: addr, inside: addr, user: name, domain: "example.com", rport: true}
}

// parseElement reads name=address[;key=value…]: "alice=192.0.2.10:5060;user=+15550100;nat=10.0.0.5:5060".
func parseElement(text string) (*element, error) {
	name, spec, ok := strings.Cut(text, "=")
	if !ok || !elementName.MatchString(name) {
		return nil, fmt.Errorf("element %q: want name=address", text)
	}
	parts := strings.Split(spec, ";")
	addr, err := parseAddr(parts[0])
	if err != nil {
		return nil, fmt.Errorf("element %s: %w", name, err)
	}
	e := newElement(name, addr)
	for _, p := range parts[1:] {
		k, v, _ := strings.Cut(p, "=")
		switch k {
		case "user":
			e.user = v
		case "domain":
			e.domain = v
		case "ua":
			e.agent = strings.ReplaceAll(v, "_", " ")
		case "nat":
			if e.inside, err = parseAddr(v); err != nil {
				return nil, fmt.Errorf("element %s: nat: %w", name, err)
			}
		case "rport":
			if v != "no" {
				return nil, fmt.Errorf("element %s: rport=%s: want no", name, v)
			}
			e.rport = false
		default:
			return nil, fmt.Errorf("element %s: unknown key %q: want user, domain, ua, nat or rport", name, k)
		}
	}
	return e, nil
}

var elementName = regexp.MustCompile(`^[a-z][a-z0-9]*$`)

// parseAddr reads an address with or without a port; 5060 is the default.
func parseAddr(s string) (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil && a.Zone() == "" {
		return netip.AddrPortFrom(a.Unmap(), 5060), nil
	}
	a, err := netip.ParseAddrPort(s)
	if err != nil || a.Addr().Zone() != "" {
		return a, fmt.Errorf("address %q: want 192.0.2.1, 192.0.2.1:5060 or [2001:db8::1]:5060", s)
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()), nil
}

// oneFamily refuses a packet from one IP version to the other.
func oneFamily(a, b netip.Addr) error {
	if a.Is4() != b.Is4() {
		return fmt.Errorf("%s and %s: no packet goes from one IP version to the other", a, b)
	}
	return nil
}

// host returns an address as in a URI: IPv6 in brackets (RFC 3261 §25.1 IPv6reference).
func host(a netip.Addr) string {
	if a.Is6() {
		return "[" + a.String() + "]"
	}
	return a.String()
}
