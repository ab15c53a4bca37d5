package diagnose

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// routingRules are routing.*: the request did not reach the right place.
var routingRules = []rule{
	{id: "routing.unknown-user", on: onAll, codes: []int{404, 604}, check: routingUnknownUser},
	{id: "routing.number-unallocated", on: onCalls, check: routingNumberUnallocated},
	{id: "routing.no-route", on: onCallsAndTransactions, check: routingNoRoute},
	{id: "routing.not-registered", on: onCallsAndTransactions, codes: []int{404, 480}, check: routingNotRegistered},
	{id: "routing.unknown-domain", on: onAll, codes: []int{403, 404, 478, 480, 604}, check: routingUnknownDomain},
	{id: "routing.number-format", on: onCallsAndTransactions, codes: []int{400, 404, 484, 604}, check: routingNumberFormat},
	{id: "routing.address-incomplete", on: onCallsAndTransactions, check: routingAddressIncomplete},
	{id: "routing.ambiguous", on: onCallsAndTransactions, codes: []int{485}, check: routingAmbiguous},
	{id: "routing.gone", on: onCallsAndTransactions, codes: []int{410}, check: routingGone},
	{id: "routing.loop", on: onAll, always: true, check: routingLoop},
	{id: "routing.merged-request", on: onAll, codes: []int{482}, check: routingMergedRequest},
	{id: "routing.max-forwards", on: onAll, codes: []int{0, 408, 483}, check: routingMaxForwards},
	{id: "routing.max-breadth", on: onAll, codes: []int{440}, check: routingMaxBreadth},
	{id: "routing.dns-failure", on: onAll, check: routingDNSFailure},
	{id: "routing.redirect-not-followed", on: onAll, codes: []int{300, 301, 302}, check: routingRedirectNotFollowed},
	{id: "routing.redirect-no-target", on: onAll, codes: []int{300, 301, 302, 305}, check: routingRedirectNoTarget},
	{id: "routing.redirect-loop", on: onAll, codes: []int{300, 301, 302, 305}, check: routingRedirectLoop},
	{id: "routing.use-proxy", on: onAll, codes: []int{305}, check: routingUseProxy},
	{id: "routing.alternative-service", on: onCallsAndTransactions, codes: []int{380}, check: routingAlternativeService},
	{id: "routing.all-routes-failed", on: onCallsAndTransactions, check: routingAllRoutesFailed},
	{id: "routing.route-set-bypassed", on: onCalls, always: true, check: routingRouteSetBypassed},
	{id: "routing.flow-failed", on: onAll, codes: []int{430}, check: routingFlowFailed},
}

// requestURI returns the Request-URI of a transaction as text and parsed; ok is false when it was not
// captured or does not parse.
func (x *Case) requestURI(r call.TxnRef) (text string, u sip.URI, ok bool) {
	m := x.Request(r)
	if m == nil {
		return x.askedFor(r)
	}
	if !m.IsRequest() {
		return "", u, false
	}
	u, ok = sip.ParseURI(m.RequestURI())
	return call.Clean(m.RequestURI()), u, ok
}

// askedFor is requestURI of a request that was not captured: by the To of its response, the address before any routing
// (RFC 3261 §8.1.1.2).
func (x *Case) askedFor(r call.TxnRef) (text string, u sip.URI, ok bool) {
	m := x.Msg(x.FinalRef(r))
	if m == nil {
		return "", u, false
	}
	to, _ := m.To()
	u, ok = sip.ParseURI(to.URI)
	return call.Clean(to.URI), u, ok
}

// chain returns the transactions by which a request came as far as r, the first hop first. Of one request captured
// on both sides of a device that adds no Via, the later sighting stands for both.
func (x *Case) chain(r call.TxnRef) []int32 {
	txns := x.Legs[r.Leg].Txns
	var out []int32
	for t := r.Txn; t != call.None && len(out) < maxChain; t = txns[t].Parent {
		if n := len(out); n > 0 && len(txns[t].Branch) > 0 && bytes.Equal(txns[out[n-1]].Branch, txns[t].Branch) {
			continue
		}
		out = append(out, t)
	}
	slices.Reverse(out)
	return out
}

// maxChain bounds how many hops of a request are looked at: Max-Forwards begins at 70 (RFC 3261 §8.1.1.6).
const maxChain = 80

// cycle is a way that a request took more than once: the elements on it, in order, and how often it went round.
type cycle struct {
	at     []netip.AddrPort // from the element met twice to itself
	first  call.TxnRef      // the request that reached it the first time
	again  call.TxnRef      // and the second time
	rounds int
	same   bool // both had the same Request-URI and the same Route
}

// String words the cycle: "198.51.100.1:5060 -> 198.51.100.2:5060 -> 198.51.100.1:5060".
func (c *cycle) String() string {
	var b strings.Builder
	for i, a := range c.at {
		if i > 0 {
			b.WriteString(" -> ")
		}
		b.WriteString(a.String())
	}
	return b.String()
}

// cycleTo finds the cycle in the way of a request as far as r: an element that it reached twice. The newest
// two visits of the element that came round last are returned.
func (x *Case) cycleTo(r call.TxnRef) (c cycle, ok bool) {
	chain := x.chain(r)
	txns := x.Legs[r.Leg].Txns
	if len(chain) < 2 {
		return c, false
	}
	last := len(chain) - 1
	for i := last - 1; i >= 0; i-- {
		if backAt(txns, chain, i, last) {
			return x.cycleOf(r.Leg, chain, i, last), true
		}
	}
	if t := &txns[chain[0]]; t.Client == txns[chain[last]].Server { // it came back to who had sent it
		return x.cycleOf(r.Leg, chain, -1, last), true
	}
	if last < 2 {
		return c, false
	}
	for j := last - 1; j > 0; j-- { // the last hop may already be behind the cycle
		for i := j - 1; i >= 0; i-- {
			if backAt(txns, chain, i, j) {
				return x.cycleOf(r.Leg, chain, i, j), true
			}
		}
	}
	return c, false
}

// backAt says whether hop j of the chain leads to the element that hop i had led to: to its address, or over the
// connection by which it had passed the request on (RFC 5923).
func backAt(txns []call.Txn, chain []int32, i, j int) bool {
	to := txns[chain[j]].Server
	return txns[chain[i]].Server == to || i+1 < j && txns[chain[i+1]].Client == to
}

// cycleOf describes the cycle between the servers of two transactions of a chain; i = -1 is the first client.
func (x *Case) cycleOf(leg int, chain []int32, i, j int) cycle {
	txns := x.Legs[leg].Txns
	c := cycle{again: call.TxnRef{Leg: leg, Txn: chain[j]}, rounds: 1}
	if i < 0 {
		c.at = append(c.at, txns[chain[0]].Client)
		c.first = call.TxnRef{Leg: leg, Txn: chain[0]}
	} else {
		c.first = call.TxnRef{Leg: leg, Txn: chain[i]}
	}
	for k := max(i, 0); k <= j; k++ {
		c.at = append(c.at, txns[chain[k]].Server)
	}
	for n, k := j-i, i; n > 0 && k-n >= 0 && txns[chain[k-n]].Server == txns[chain[k]].Server; k -= n {
		c.rounds++
	}
	c.same = x.sameRequest(c.first, c.again)
	return c
}

// sameRequest says whether two requests have what routing goes by in common: Request-URI and topmost Route
// (RFC 3261 §16.6 step 8).
func (x *Case) sameRequest(a, b call.TxnRef) bool {
	m, n := x.Request(a), x.Request(b)
	return m != nil && n != nil && bytes.Equal(m.RequestURI(), n.RequestURI()) && bytes.Equal(m.Header(sip.HeaderRoute), n.Header(sip.HeaderRoute))
}

// viaCycle finds an element that stands twice in the Via stack of a request, by sent-by: it has had the request
// before.
func viaCycle(m *sip.Message) (sentBy string, n int) {
	if m == nil {
		return "", 0
	}
	seen := map[string]int{}
	for d := range maxChain {
		v, ok := m.Via(d)
		if !ok {
			break
		}
		port := v.Port
		if port == 0 {
			port = 5060
		}
		key := fmt.Sprintf("%s:%d", strings.ToLower(call.Clean(v.Host)), port)
		if seen[key]++; seen[key] > n {
			sentBy, n = key, seen[key]
		}
	}
	if n < 2 {
		return "", 0
	}
	return sentBy, n
}

// stoppedAt returns the transactions in which a failed request got furthest: the deciding one and the dead ends.
func (x *Case) stoppedAt() []call.TxnRef {
	var out []call.TxnRef
	if d, ok := x.DecidingTxn(); ok {
		out = append(out, d)
	}
	return append(out, x.deadEnds()...)
}

// contact is one Contact of a 3xx or 485.
type contact struct {
	text   string
	uri    sip.URI
	usable bool // a request can be sent there
}

// contactsOf reads the Contacts of a response, at most maxContacts.
func contactsOf(m *sip.Message) []contact {
	var out []contact
	if m == nil {
		return nil
	}
	for c := range m.Contacts() {
		if len(out) == maxContacts {
			break
		}
		u, ok := sip.ParseURI(c.URI)
		tel := equalFold(u.Scheme, "tel")
		out = append(out, contact{call.Clean(c.URI), u, ok && !c.Star && (u.IsSIP() && len(u.Host) > 0 || tel && len(u.User) > 0)})
	}
	return out
}

const maxContacts = 8

// usable returns the texts of the contacts that a request can be sent to.
func usable(list []contact) []string {
	var out []string
	for i := range list {
		if list[i].usable {
			out = append(out, list[i].text)
		}
	}
	return out
}

// sameTarget compares two URIs by what routing goes by: scheme, user, host, port and transport.
func sameTarget(a, b sip.URI) bool {
	port := func(u sip.URI) uint16 {
		if u.Port == 0 {
			return 5060
		}
		return u.Port
	}
	ta, _ := a.Param("transport")
	tb, _ := b.Param("transport")
	return bytes.EqualFold(a.Scheme, b.Scheme) && bytes.Equal(a.User, b.User) && bytes.EqualFold(a.Host, b.Host) && port(a) == port(b) && bytes.EqualFold(ta, tb)
}

// redirect returns the redirecting response that was the originator's last word.
func (x *Case) redirect() (m *sip.Message, ok bool) {
	if x.Code < 300 || x.Code > 399 {
		return nil, false
	}
	m = x.FinalMsg()
	return m, m != nil
}

// tried finds a request of this call that went to the target between two times.
func (x *Case) tried(u sip.URI, from, until wire.Time) (call.TxnRef, bool) {
	for r, t := range x.Txns() {
		if t.Request == call.None || t.InDialog || t.Method == sip.MethodAck || t.Method == sip.MethodCancel {
			continue
		}
		if at := x.Start(r); at < from || at > until {
			continue
		}
		if _, have, ok := x.requestURI(r); ok && sameTarget(have, u) {
			return r, true
		}
	}
	return call.TxnRef{}, false
}
