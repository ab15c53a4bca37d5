package peer

import (
	"net/netip"
	"slices"

	"sipcause/internal/wire"
)

// Bounds of what is known of a server's clients.
const (
	maxClients  = 64 // clients of one server; further ones are not kept
	maxPrefixes = 32 // destinations of one client at one server; further ones are not kept
	maxCalls    = 64 // times of a client's latest INVITEs at one server
)

// Client is what one element did for the requests of one host. First times are kept because they stay true:
// what had been served once had been served at any later time.
type Client struct {
	Host         netip.Addr
	FirstServed  wire.Time // first answer other than 403 to its request; 0 never
	FirstRefused wire.Time // first 403; 0 never
}

// Dialled is how one element answered the calls of one host to one Prefix.
type Dialled struct {
	Prefix        string
	FirstAnswered wire.Time // first 2xx; 0 never
	FirstRefused  wire.Time // first 403 or 603; 0 never
}

// span is when a call's INVITE was sent, and when it had its final response.
type span struct{ began, ended wire.Time }

type pairKey struct {
	server netip.AddrPort
	host   netip.Addr
}

// pair is what is known of the requests of one host to one server.
type pair struct {
	client   int  // index into the server's clients, where it was last
	unlisted bool // the server has other clients enough
	dials    []Dialled
	calls    []span // the latest; in a ring when there are maxCalls
	next     int    // of calls: the next to be overwritten
}

// pair returns the entry of a server and a host, a new one if there is none.
func (l *Ledger) pair(server netip.AddrPort, host netip.Addr) *pair {
	key := pairKey{server, host}
	p, ok := l.pairs.get(key)
	if !ok {
		p = &pair{}
		l.pairs.put(key, p)
	}
	return p
}

// client notes an answer of a server to a request of a host.
func (l *Ledger) client(s *server, p *pair, host netip.Addr, at wire.Time, code int) {
	if code < 200 {
		return
	}
	if p.client >= len(s.clients) || s.clients[p.client].Host != host {
		full := len(s.clients) >= maxClients
		if p.unlisted && full {
			l.Evicted++
			return
		}
		p.client = slices.IndexFunc(s.clients, func(c Client) bool { return c.Host == host })
		if p.client < 0 {
			if p.client, p.unlisted = 0, full; full {
				l.Evicted++
				return
			}
			p.client = len(s.clients)
			s.clients = append(s.clients, Client{Host: host})
		}
	}
	c := &s.clients[p.client]
	if code == 403 {
		first(&c.FirstRefused, at)
	} else {
		first(&c.FirstServed, at)
	}
}

// dialled notes a finished INVITE of a host to a server, other than a challenged one.
func (l *Ledger) dialled(p *pair, prefix string, began, ended wire.Time, code int) {
	if len(p.calls) < maxCalls {
		p.calls = append(p.calls, span{began, ended})
	} else {
		p.calls[p.next] = span{began, ended}
		p.next = (p.next + 1) % maxCalls
	}
	if code >= 300 && code != 403 && code != 603 || code < 200 {
		return
	}
	k := 0
	for k < len(p.dials) && p.dials[k].Prefix != prefix {
		k++
	}
	if k == len(p.dials) {
		if k >= maxPrefixes {
			l.Evicted++
			return
		}
		p.dials = append(p.dials, Dialled{Prefix: prefix})
	}
	if code < 300 {
		first(&p.dials[k].FirstAnswered, ended)
	} else {
		first(&p.dials[k].FirstRefused, ended)
	}
}

func first(t *wire.Time, at wire.Time) {
	if *t == 0 || at < *t {
		*t = at
	}
}

// Clients returns the hosts whose requests server is known to have answered, in no order of meaning. A time
// after at is no knowledge as of at: see Before. The slice is the ledger's.
func (l *Ledger) Clients(server netip.AddrPort) []Client {
	return l.known(server).clients
}

// Dialled returns how server answered the calls of host by prefix, in no order of meaning; see Clients.
func (l *Ledger) Dialled(server netip.AddrPort, host netip.Addr) []Dialled {
	p, ok := l.pairs.peek(pairKey{server, host})
	if !ok {
		return nil
	}
	return p.dials
}

// Before says whether t is known and before at.
func Before(t, at wire.Time) bool { return t != 0 && t < at }

// Calls counts the INVITEs, other than challenged ones, that host began at server not before from and that had
// their final response by until, among its latest 64.
func (l *Ledger) Calls(server netip.AddrPort, host netip.Addr, from, until wire.Time) int {
	p, ok := l.pairs.peek(pairKey{server, host})
	if !ok {
		return 0
	}
	n := 0
	for _, s := range p.calls {
		if s.began >= from && s.ended <= until {
			n++
		}
	}
	return n
}
