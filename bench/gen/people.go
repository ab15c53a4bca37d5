package main

import (
	"fmt"
	"math/rand/v2"
)

// Hosts by index: the proxy, the callers' edges, the gateways, and one gateway that answers nobody.
const (
	edges     = 8
	gateways  = 6
	hostProxy = 0
	hostEdge  = 1
	hostGw    = hostEdge + edges
	hostDead  = hostGw + gateways
	hostCount = hostDead + 1
)

// Sizes of the pools of people. An account registers again after about accounts/registrationRate = 300 s.
const (
	accounts  = 6000
	wrongs    = 300
	withouts  = 100
	callers   = 3000
	callees   = 5400 // of every hundred numbers the last ten are unallocated
	unknowns  = 600
	firstPort = 6101 // of the edges' TCP connections
)

var hosts = func() (h [hostCount][4]byte) {
	h[hostProxy] = [4]byte{198, 51, 100, 1}
	for i := range edges {
		h[hostEdge+i] = [4]byte{192, 0, 2, byte(11 + i)}
	}
	for i := range gateways {
		h[hostGw+i] = [4]byte{203, 0, 113, byte(11 + i)}
	}
	h[hostDead] = [4]byte{203, 0, 113, 66}
	return h
}()

// people casts the parts of a scenario.
type people struct {
	rng      *rand.Rand
	next     int // account that registers next
	area     int // of the next number that is forbidden
	address  [hostCount]string
	port     [edges]string // as rport
	user     [4][]string   // by caller pool
	callee   [4][]string   // by callee pool
	names    []string
	agents   []string
	gwServer [gateways + 1]string
}

// areas are area codes; with 555-01XX they make numbers reserved for fiction.
var areas = [...]int{201, 202, 203, 205, 206, 208, 209, 212, 213, 214, 215, 216, 217, 218, 219, 224, 225, 228, 229, 231, 234, 239, 240, 248, 251, 252, 253, 254, 256, 260, 262, 267, 269, 270, 276, 281, 301, 302, 303, 304, 305, 307, 308, 309, 310, 312, 313, 314, 315, 316, 317, 318, 319, 320, 321, 323, 325, 330, 331, 334}

// perArea is how many of an area's hundred numbers are in use.
const perArea = 90

func newPeople(rng *rand.Rand, tcp bool) *people {
	p := &people{rng: rng}
	for i, h := range hosts {
		p.address[i] = fmt.Sprintf("%d.%d.%d.%d", h[0], h[1], h[2], h[3])
	}
	for i := range p.port {
		p.port[i] = "5060"
		if tcp {
			p.port[i] = itoa(firstPort + i)
		}
	}
	for i := range accounts {
		p.user[account] = append(p.user[account], fmt.Sprintf("u%05d", i))
	}
	for i := range wrongs {
		p.user[wrongPassword] = append(p.user[wrongPassword], fmt.Sprintf("w%05d", i))
	}
	for i := range withouts {
		p.user[noPassword] = append(p.user[noPassword], fmt.Sprintf("n%05d", i))
	}
	for i := range unknowns {
		p.callee[extension] = append(p.callee[extension], fmt.Sprintf("7%03d", i))
	}
	for _, a := range areas {
		for k := range 100 {
			n := fmt.Sprintf("+1%d55501%02d", a, k)
			switch {
			case k >= perArea:
				p.callee[unallocated] = append(p.callee[unallocated], n)
			default:
				p.callee[number] = append(p.callee[number], n)
				p.callee[shortNumber] = append(p.callee[shortNumber], n[:8])
			}
		}
	}
	p.user[trunkCaller] = p.callee[number][:callers]
	for _, first := range []string{"Alice", "Bob", "Carol", "Dave", "Erin", "Frank", "Grace", "Heidi", "Ivan", "Judy", "Mallory", "Niaj", "Olivia", "Peggy", "Rupert", "Sybil"} {
		for _, last := range []string{"Example", "Sample", "Specimen", "Placeholder"} {
			p.names = append(p.names, first+" "+last)
		}
	}
	p.agents = []string{"ExamplePBX 18.20.2", "ExamplePhone T46G 28.83.0.120", "SampleSoftphone/3.21.6 (desktop)", "ExampleATA 2ch/7.5.1"}
	for i := range p.gwServer {
		p.gwServer[i] = fmt.Sprintf("ExampleGateway/7.4.%d trunk-media-server", i)
	}
	return p
}

func pick(rng *rand.Rand, from []string) (int, string) {
	i := rng.IntN(len(from))
	return i, from[i]
}

// called draws whom a scenario calls. Forbidden numbers go area after area: two refusals in a row from one edge
// into one area would be a barred destination.
func (p *people) called(s *scenario) string {
	at, callee := pick(p.rng, p.callee[s.callee])
	if s.cause == "policy.forbidden" {
		callee = p.callee[number][p.area*perArea+at%perArea]
		p.area = (p.area + 1) % len(areas)
	}
	return callee
}

// cast fills in who plays and every value that is new in each call.
func (p *people) cast(x *played, s *scenario) {
	b := x.buf[:0]
	if cap(b) == 0 {
		b = make([]byte, 0, 1024)
	}
	who, user := pick(p.rng, p.user[s.caller])
	if s.kind == aRegistration && s.caller == account {
		who = p.next
		user = p.user[account][who]
		p.next = (p.next + 1) % accounts
	}
	edge := who % edges
	gw := p.rng.IntN(gateways)
	gw2 := (gw + 1) % gateways
	x.hosts = [4]uint8{atEdge: uint8(hostEdge + edge), atProxy: hostProxy, atGateway: uint8(hostGw + gw), atGateway2: uint8(hostGw + gw2)}
	if s.dead {
		x.hosts[atGateway] = hostDead
	}
	put := func(f field, v string) {
		n := len(b)
		b = append(b, v...)
		x.f[f] = b[n:len(b):len(b)]
	}
	put(fEdge, p.address[x.hosts[atEdge]])
	put(fGw, p.address[x.hosts[atGateway]])
	put(fGw2, p.address[x.hosts[atGateway2]])
	put(fRport, p.port[edge])
	put(fCaller, user)
	put(fName, p.names[who%len(p.names)])
	put(fCallee, p.called(s))
	put(fAgent, p.agents[edge%len(p.agents)])
	put(fServer, p.gwServer[gw])
	for _, f := range [...]field{fA1, fA2, fA3, fA4, fP1, fP2, fP3, fP4, fDigest, fCnonce} {
		n := len(b)
		b = hex(b, p.rng.Uint64(), 16)
		if f == fDigest || f >= fP1 && f <= fP4 {
			b = hex(b, p.rng.Uint64(), 16)
		}
		x.f[f] = b[n:len(b):len(b)]
	}
	for _, f := range [...]field{fTag, fTagG, fTag2, fTagP} {
		n := len(b)
		b = hex(b, p.rng.Uint64(), 10)
		x.f[f] = b[n:len(b):len(b)]
	}
	for _, f := range [...]field{fNonce, fNonce2} {
		n := len(b)
		b = hex(hex(hex(b, p.rng.Uint64(), 16), p.rng.Uint64(), 16), p.rng.Uint64(), 8)
		x.f[f] = b[n:len(b):len(b)]
	}
	n := len(b)
	b = append(hex(append(hex(b, p.rng.Uint64(), 8), '-'), p.rng.Uint64(), 16), '@')
	b = append(b, p.address[x.hosts[atEdge]]...)
	x.f[fCallID] = b[n:len(b):len(b)]
	for _, f := range [...]field{fSessA, fSessG, fPortA, fPortG} {
		n := len(b)
		v, width := 1_000_000_000+p.rng.Uint64N(9_000_000_000), bodyWidth[f]
		if width == 5 {
			v = 10_000 + 2*(v%25_000)
		}
		b = decimal(b, v, width)
		x.f[f] = b[n:len(b):len(b)]
	}
	x.buf = b
}

// hex appends the lowest n hexadecimal digits of v.
func hex(b []byte, v uint64, n int) []byte {
	for range n {
		b = append(b, "0123456789abcdef"[v&15])
		v >>= 4
	}
	return b
}

// decimal appends v, which has exactly n digits.
func decimal(b []byte, v uint64, n int) []byte {
	b = append(b, "0000000000"[:n]...)
	for i := len(b) - 1; n > 0; i, n = i-1, n-1 {
		b[i] = byte('0' + v%10)
		v /= 10
	}
	return b
}
