package peer

import (
	"net/netip"

	"sipcause/internal/wire"
)

// Bounds of what is known of a server's clients.
const (
	maxServers  = 1 << 13 // servers, and pairs of server and client, of which this is known
	maxClients  = 64      // clients of one server; further ones are not kept
	maxPrefixes = 32      // destinations of one client at one server; further ones are not kept
	maxCalls    = 64      // times of a client's latest INVITEs at one server
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

type clientKey struct {
	server netip.AddrPort
	host   netip.Addr
}

// client notes an answer of server to a request of host.
func (l *Ledger) client(server netip.AddrPort, host netip.Addr, at wire.Time, code int) {
	if code < 200 {
		return
	}
	list, _ := l.clients.Get(server)
	k := 0
	for k < len(list) && list[k].Host != host {
		k++
	}
	if k == len(list) {
		if k >= maxClients {
			l.Evicted++
			return
		}
		list = append(list, Client{Host: host})
		l.clients.Add(server, list)
	}
	if code == 403 {
		first(&list[k].FirstRefused, at)
	} else {
		first(&list[k].FirstServed, at)
	}
}

// dialled notes a finished INVITE of host to server, other than a challenged one.
func (l *Ledger) dialled(server netip.AddrPort, host netip.Addr, prefix string, began, ended wire.Time, code int) {
	key := clientKey{server, host}
	put(l.calls, key, span{began, ended}, maxCalls)
	if code >= 300 && code != 403 && code != 603 || code < 200 {
		return
	}
	list, _ := l.dials.Get(key)
	k := 0
	for k < len(list) && list[k].Prefix != prefix {
		k++
	}
	if k == len(list) {
		if k >= maxPrefixes {
			l.Evicted++
			return
		}
		list = append(list, Dialled{Prefix: prefix})
		l.dials.Add(key, list)
	}
	if code < 300 {
		first(&list[k].FirstAnswered, ended)
	} else {
		first(&list[k].FirstRefused, ended)
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
	list, _ := l.clients.Peek(server)
	return list
}

// Dialled returns how server answered the calls of host by prefix, in no order of meaning; see Clients.
func (l *Ledger) Dialled(server netip.AddrPort, host netip.Addr) []Dialled {
	list, _ := l.dials.Peek(clientKey{server, host})
	return list
}

// Before says whether t is known and before at.
func Before(t, at wire.Time) bool { return t != 0 && t < at }

// Calls counts the INVITEs, other than challenged ones, that host began at server not before from and that had
// their final response by until, among its latest 64.
func (l *Ledger) Calls(server netip.AddrPort, host netip.Addr, from, until wire.Time) int {
	list, _ := l.calls.Peek(clientKey{server, host})
	n := 0
	for _, s := range list {
		if s.began >= from && s.ended <= until {
			n++
		}
	}
	return n
}
