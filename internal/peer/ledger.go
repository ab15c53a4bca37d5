// Package peer holds what is known of peers, accounts, bindings, nonces and routes at an event time. Its one
// rule: every question names a time, and nothing that happened after it is in the answer.
package peer

import (
	"math/bits"
	"net/netip"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/hashicorp/golang-lru/v2/simplelru"

	"sipcause/internal/call"
	"sipcause/internal/wire"
)

// Bounds of the ledger: entries per kind (what was used last longest ago goes first) and facts per entry.
const (
	maxEntries = 1 << 16
	maxServers = 1 << 14 // elements that answer, and pairs of one with a client
	maxFacts   = 16
)

// Ledger is fed calls and events in order of their end; it is not safe for concurrent use.
type Ledger struct {
	bindings *simplelru.LRU[uint64, []Binding] // exact in their order: see AORs
	refusals *simplelru.LRU[uint64, refused]
	events   *simplelru.LRU[netip.Addr, []call.Event]
	lost     *simplelru.LRU[netip.AddrPort, []Lost]
	ways     *simplelru.LRU[pairKey, *Way]
	accounts *table[uint64, []Login]
	nonces   *table[uint64, Nonce]
	attempts *table[uint64, []Attempt]
	sockets  *table[netip.AddrPort, *socket]
	targets  *table[netip.AddrPort, []Target]
	servers  *table[netip.AddrPort, *server]
	pairs    *table[pairKey, *pair]
	asked    []Attempt // what Attempts found last: several rules ask for the same
	parties  uint64    // of asked
	fresh    bool      // asked is still true
	losses   losses
	Start    wire.Time // first event time of the capture
	End      wire.Time // last event time known so far
	Whole    wire.Time // of what is before not everything is read: it is no history of a server
	Evicted  uint64    // entries dropped by the caps
}

// New returns an empty ledger.
func New() *Ledger {
	l := &Ledger{}
	l.bindings = ordered[uint64, []Binding](l)
	l.refusals = ordered[uint64, refused](l)
	l.events = ordered[netip.Addr, []call.Event](l)
	l.lost = ordered[netip.AddrPort, []Lost](l)
	l.ways = ordered[pairKey, *Way](l)
	l.accounts = newTable[uint64, []Login](&l.Evicted, maxEntries)
	l.nonces = newTable[uint64, Nonce](&l.Evicted, maxEntries)
	l.attempts = newTable[uint64, []Attempt](&l.Evicted, maxEntries)
	l.sockets = newTable[netip.AddrPort, *socket](&l.Evicted, maxEntries)
	l.targets = newTable[netip.AddrPort, []Target](&l.Evicted, maxEntries)
	l.servers = newTable[netip.AddrPort, *server](&l.Evicted, maxServers)
	l.pairs = newTable[pairKey, *pair](&l.Evicted, maxServers)
	return l
}

func ordered[K comparable, V any](l *Ledger) *simplelru.LRU[K, V] {
	t, err := simplelru.NewLRU(maxEntries, func(K, V) { l.Evicted++ })
	if err != nil {
		panic(err) // only for a size below 1
	}
	return t
}

// server is what is known of one element as a server.
type server struct {
	route   Route
	clients []Client
	forms   []Form
	busy    []RetryAfter
}

// server returns the entry of an element, a new one if there is none.
func (l *Ledger) server(at netip.AddrPort) *server {
	s, ok := l.servers.get(at)
	if !ok {
		s = &server{}
		l.servers.put(at, s)
	}
	return s
}

// known returns the entry of an element; it is empty when nothing is known.
func (l *Ledger) known(at netip.AddrPort) *server {
	if s, ok := l.servers.peek(at); ok {
		return s
	}
	return &nobody
}

var nobody server

// widen widens the time that the ledger covers.
func (l *Ledger) widen(at wire.Time) {
	if l.Start == 0 || at < l.Start {
		l.Start = at
	}
	l.End = max(l.End, at)
}

// Key is how accounts, AORs, nonces and URIs are looked up: by a hash of their text as call.Clean gives it.
func Key(text string) uint64 { return xxhash.Sum64String(text) }

// KeyOf is Key of call.Clean(b), without making the string where b needs no cleaning.
func KeyOf(b []byte) uint64 {
	if len(b) > call.CleanBytes {
		b = b[:call.CleanBytes]
	}
	for _, c := range b {
		if c < 0x20 || c == 0x7f {
			return Key(call.Clean(b))
		}
	}
	return xxhash.Sum64(b)
}

// Pair makes one key of two.
func Pair(a, b uint64) uint64 { return a*0x9e3779b97f4a7c15 ^ bits.RotateLeft64(b, 32) }

// BindingState says what the last word of a registrar about an AOR was.
type BindingState uint8

// States of a binding.
const (
	NeverSeen BindingState = iota
	Bound                  // 2xx with a contact that has not run out
	Lapsed                 // ran out and was not refreshed
	Removed                // unregistered
	Refused                // the last REGISTER failed and no earlier binding holds
	Unsure                 // 2xx whose expiry is not known, too long ago to tell
)

// unsaidHolds is how long a binding whose expiry is not known is taken to hold: registrars grant a day at most, hardly
// ever more.
const unsaidHolds = 24 * time.Hour

// Binding is one final answer to a REGISTER.
type Binding struct {
	Time    wire.Time
	Ref     wire.PacketRef
	CallID  string
	AOR     string
	Contact string
	Source  netip.AddrPort // where the REGISTER came from
	Server  netip.AddrPort
	Code    int
	Expires int       // seconds granted, -1 unknown
	Until   wire.Time // when it runs out; 0 unknown
	Removed bool
}

// AddBinding notes a registrar's answer.
func (l *Ledger) AddBinding(b Binding) { keep(l.bindings, Key(b.AOR), b, maxFacts) }

// keep is note for a table in exact order.
func keep[K comparable, V any](t *simplelru.LRU[K, []V], k K, v V, limit int) {
	list, _ := t.Get(k)
	t.Add(k, push(list, v, limit))
}

// Bindings returns what is known of an AOR as of at, oldest first. The slice is the ledger's.
func (l *Ledger) Bindings(aor string, at wire.Time) []Binding {
	list, _ := l.bindings.Peek(Key(aor))
	n := 0
	for n < len(list) && list[n].Time <= at {
		n++
	}
	return list[:n]
}

// Binding returns the state of an AOR as of at, with the answer that decided it.
func (l *Ledger) Binding(aor string, at wire.Time) (BindingState, Binding) {
	list := l.Bindings(aor, at)
	for _, b := range slices.Backward(list) {
		switch {
		case b.Code >= 300:
			continue
		case b.Removed:
			return Removed, b
		case b.Until != 0 && b.Until < at:
			return Lapsed, b
		case b.Until == 0 && at.Sub(b.Time) > unsaidHolds:
			return Unsure, b
		}
		return Bound, b
	}
	if len(list) > 0 {
		return Refused, list[len(list)-1]
	}
	return NeverSeen, Binding{}
}

// AORs yields every binding history as of the end, for rules about the capture as a whole, oldest entry first.
func (l *Ledger) AORs() [][]Binding { return l.bindings.Values() }

// Login is one answer to a request that carried credentials.
type Login struct {
	Time     wire.Time
	Ref      wire.PacketRef
	From     netip.AddrPort // whose credentials they were
	CallID   string
	Accepted bool
	Code     int
}

// AddLogin notes whether credentials were accepted; account is the Pair of the keys of user and realm.
func (l *Ledger) AddLogin(account uint64, g Login) { note(l.accounts, account, g, maxFacts) }

// Logins returns what is known of an account as of at, oldest first.
func (l *Ledger) Logins(user, realm string, at wire.Time) []Login {
	list, _ := l.accounts.peek(Pair(Key(user), Key(realm)))
	n := 0
	for n < len(list) && list[n].Time <= at {
		n++
	}
	return list[:n]
}

// Nonce is a nonce seen in a challenge.
type Nonce struct {
	Time   wire.Time
	Ref    wire.PacketRef
	Server netip.AddrPort // who sent the challenge
	Realm  string
}

// AddNonce notes a challenge by the nonce's key; the first one with a nonce counts.
func (l *Ledger) AddNonce(k uint64, n Nonce) {
	if _, ok := l.nonces.get(k); !ok {
		l.nonces.put(k, n)
	}
}

// Nonce returns who issued a nonce, if the capture saw it.
func (l *Ledger) Nonce(nonce string, at wire.Time) (Nonce, bool) {
	n, ok := l.nonces.peek(Key(nonce))
	return n, ok && n.Time <= at
}

// Attempt is one ended try of a caller to reach a target (challenges are not counted).
type Attempt struct {
	Time       wire.Time // first request
	Ended      wire.Time // final response, or last sighting
	Ref        wire.PacketRef
	CallID     string
	Server     netip.AddrPort
	Code       int // 0 = no final response
	RetryAfter int // seconds, 0 = not said
}

// AddAttempt notes a try to reach somebody; parties is the Pair of the keys of the From and the To URI. That a try had no
// response is known late: it is put where it belongs by its time.
func (l *Ledger) AddAttempt(parties uint64, a Attempt) {
	l.fresh = false
	list, _ := l.attempts.get(parties)
	list = push(list, a, 4*maxFacts)
	for i := len(list) - 1; i > 0 && list[i-1].Time > list[i].Time; i-- {
		list[i-1], list[i] = list[i], list[i-1]
	}
	l.attempts.put(parties, list)
}

// Attempts returns the tries of the From URI to reach the To URI that began before at, oldest first.
func (l *Ledger) Attempts(from, to string, at wire.Time) []Attempt {
	list := l.asked
	if parties := Pair(Key(from), Key(to)); !l.fresh || parties != l.parties {
		list, _ = l.attempts.peek(parties)
		l.asked, l.parties, l.fresh = list, parties, true
	}
	n := 0
	for n < len(list) && list[n].Time < at {
		n++
	}
	return list[:n]
}

// RetryAfter is one response with a Retry-After header.
type RetryAfter struct {
	Time    wire.Time
	Ref     wire.PacketRef
	Seconds int
	Code    int
	CallID  string
	To      netip.AddrPort // whom it was told
}

// RetryAfters returns what server had asked for before at.
func (l *Ledger) RetryAfters(server netip.AddrPort, at wire.Time) []RetryAfter {
	list := l.known(server).busy
	n := 0
	for n < len(list) && list[n].Time < at {
		n++
	}
	return list[:n]
}

// AddEvent notes a wire event, under both ends of its flow.
func (l *Ledger) AddEvent(e call.Event) {
	keep(l.events, e.Flow.Dst.Addr(), e, 4*maxFacts)
	if e.Flow.Src.Addr() != e.Flow.Dst.Addr() {
		keep(l.events, e.Flow.Src.Addr(), e, 4*maxFacts)
	}
}

// Events returns the events about packets to or from a host between from and until.
func (l *Ledger) Events(host netip.Addr, from, until wire.Time) []call.Event {
	list, _ := l.events.Peek(host)
	var out []call.Event
	for _, e := range list {
		if e.Time >= from && e.Time <= until {
			out = append(out, e)
		}
	}
	return out
}

// HasEvents says whether any event is known.
func (l *Ledger) HasEvents() bool { return l.events.Len() > 0 }

// AllEvents yields the events still known, as of the end, for rules about the capture as a whole.
func (l *Ledger) AllEvents(yield func(*call.Event) bool) {
	for _, host := range l.events.Keys() {
		list, _ := l.events.Peek(host)
		for i := range list {
			if list[i].Flow.Dst.Addr() == host && !yield(&list[i]) {
				return
			}
		}
	}
}

// socket is when an address sent something, to the second: so many of the latest times, in no order.
type socket struct {
	times [maxFacts]wire.Time
	n     int // used of times
	next  int // of times: the next to be overwritten
}

// Saw notes that a SIP message from addr was captured; times closer than a second are one. Times need no order.
func (l *Ledger) Saw(addr netip.AddrPort, at wire.Time) {
	l.widen(at)
	s, ok := l.sockets.get(addr)
	if !ok {
		s = &socket{}
		l.sockets.put(addr, s)
	}
	for _, t := range s.times[:s.n] {
		if d := at.Sub(t); d < time.Second && d > -time.Second {
			return
		}
	}
	s.times[s.next] = at
	s.next = (s.next + 1) % maxFacts
	s.n = min(s.n+1, maxFacts)
}

// LastSeen returns when addr last sent something before at, among the times still known.
func (l *Ledger) LastSeen(addr netip.AddrPort, at wire.Time) (wire.Time, bool) {
	best := wire.Time(0)
	if s, ok := l.sockets.peek(addr); ok {
		for _, t := range s.times[:s.n] {
			if t < at {
				best = max(best, t)
			}
		}
	}
	return best, best != 0
}
