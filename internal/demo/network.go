package demo

import (
	"fmt"
	"net/netip"
)

// host is an element of the network.
type host struct {
	addr  netip.AddrPort
	agent string // what it calls itself
	route string // as the configuration names it; "" not at all
}

func at(addr, agent, route string) *host {
	return &host{netip.AddrPortFrom(netip.MustParseAddr(addr), 5060), agent, route}
}

func (h *host) ip() string { return h.addr.Addr().String() }

// Routes are the routes of the configuration, as the server's option takes them.
var Routes = []string{
	"{name: carrier-a, addresses: 203.0.113.0/28}",
	"{name: carrier-b, addresses: 203.0.113.16/28}",
	"{name: pbx, addresses: 192.0.2.200/32}",
	"{name: phones, addresses: 192.0.2.0/25}",
	"{name: proxy, addresses: 198.51.100.1/32}",
}

// The elements. The proxy is the registrar too; the gateway chooses among the carriers.
var (
	proxy     = at("198.51.100.1", "ExampleProxy 5.8.3", "proxy")
	gateway   = at("198.51.100.2", "ExampleGateway 7.4.1", "")
	carrierA  = at("203.0.113.10", "ExampleTrunk A 12.1", "carrier-a")
	carrierB  = at("203.0.113.20", "SampleTransit 3.0.7", "carrier-b")
	carrierB2 = at("203.0.113.21", "SampleTransit 3.0.7", "carrier-b") // of which nothing comes back
	pbx       = at("192.0.2.200", "ExamplePBX 18.20.2", "pbx")
	scanner   = at("203.0.113.66", "friendly-scanner", "")
)

var (
	proxyNode   = Node{2001, "proxy"}
	gatewayNode = Node{2002, "gateway"}
)

// nodeOf is who tells of a message: the proxy of all that it sees, and the gateway of what is beyond.
func nodeOf(from, to *host) Node {
	if from == proxy || to == proxy {
		return proxyNode
	}
	return gatewayNode
}

// domain is that of the subscribers.
const domain = "example.com"

// party is somebody who calls or is called.
type party struct {
	user, name string
	at         *host // whence; nil of numbers behind the carriers
}

func (p party) uri() string { return "sip:" + p.user + "@" + domain }

func phone(user, name string, n int, agent string) party {
	return party{user, name, at(fmt.Sprintf("192.0.2.%d", n), agent, "phones")}
}

// Subscribers register at the proxy; two of the dozen have troubles of their own.
var (
	subscribers = []party{
		phone("alice", "Alice Example", 11, "ExamplePhone T46G 28.83.120"),
		phone("bob", "Bob Sample", 12, "ExamplePhone T46G 28.83.120"),
		phone("carol", "Carol Specimen", 13, "ExamplePhone T54W 96.86.70"),
		phone("dave", "Dave Placeholder", 14, "SampleSoftphone/3.21.6 (desktop)"),
		phone("erin", "Erin Example", 15, "SampleSoftphone/3.21.6 (desktop)"),
		phone("frank", "Frank Sample", 16, "ExampleATA 2ch/7.5.1"),
		phone("grace", "Grace Specimen", 17, "ExamplePhone T46G 28.83.120"),
		phone("heidi", "Heidi Placeholder", 18, "SampleSoftphone/3.22.0 (mobile)"),
		phone("ivan", "Ivan Example", 19, "ExampleATA 2ch/7.5.1"),
		phone("judy", "Judy Sample", 20, "ExamplePhone T54W 96.86.70"),
	}
	lobby   = phone("lobby", "Lobby", 31, "ExampleDoor 2.11")                 // its password is wrong
	meeting = phone("meeting", "Meeting Room", 32, "ExampleConference 4.0.2") // it does not register again in time
)

// extensions are behind the PBX.
var extensions = numbers(202, 20, 40)

// Numbers behind the carriers. The carrier is the one that the number's area is sent to first.
var (
	areasA      = append(numbers(212, 0, 90), numbers(312, 0, 90)...)
	areasB      = append(numbers(415, 0, 90), numbers(617, 0, 90)...)
	unallocated = numbers(212, 95, 99)
)

// numbers are those of an area that are reserved for fiction.
func numbers(area, from, until int) (list []party) {
	for n := from; n < until; n++ {
		user := fmt.Sprintf("+1%d55501%02d", area, n)
		list = append(list, party{user: user, name: user})
	}
	return list
}
