package correlate

import (
	"fmt"
	"net/netip"
	"testing"

	"sipcause/internal/call"
	"sipcause/internal/peer"
	"sipcause/internal/wire"
)

// TestLinkerForgets: calls that come and go leave nothing behind but what is used again.
func TestLinkerForgets(t *testing.T) {
	emitted := 0
	k := NewLinker(peer.New(), func(c *call.Call) { emitted++ })
	const calls, alive = 20_000, 50
	var open []*call.Leg
	for i := range calls {
		at := wire.Time(1e18 + i*10_000_000) // a hundred calls a second
		l := &call.Leg{CallID: fmt.Sprint(i), Began: at, Ended: at, Keys: []call.Key{{Kind: call.KeyCallID, Own: true, Value: uint64(i)}, {Kind: call.KeyVia, Value: uint64(i) << 32}}}
		op := Opened{
			Leg: l, CallID: l.CallID, Time: at, Client: netip.MustParseAddrPort("192.0.2.1:5060"), Server: netip.MustParseAddrPort("198.51.100.1:5060"),
			Called: uint64(i%7 + 1), Caller: uint64(i), Keys: l.Keys,
		}
		var closed []*call.Leg
		if open = append(open, l); len(open) > alive {
			closed, open = open[:1], open[1:]
		}
		k.Batch([]*Opened{&op}, closed, at)
	}
	k.Batch(nil, open, 2e18)
	if emitted != calls {
		t.Errorf("%d calls came out, want %d", emitted, calls)
	}
	if n := len(k.owners) + len(k.wanted); n != 0 {
		t.Errorf("%d keys are left", n)
	}
	if n := len(k.members); n > 600 {
		t.Errorf("%d members were made for %d legs at a time and 400 arrivals", n, alive)
	}
	if n := len(k.arrivals); n > 7 {
		t.Errorf("%d arrivals by key are left", n)
	}
}

// TestLinkerJoins: a B2BUA's second leg is found by time, place and number until its first is too old, and each leg
// goes out once.
func TestLinkerJoins(t *testing.T) {
	caller, b2bua, callee := netip.MustParseAddrPort("192.0.2.1:5060"), netip.MustParseAddrPort("198.51.100.1:5060"), netip.MustParseAddrPort("203.0.113.1:5060")
	for _, c := range []struct {
		after wire.Time
		want  int // calls
	}{{1e9, 1}, {4e9, 1}, {4e9 + 1, 2}} {
		var legs []int
		k := NewLinker(peer.New(), func(c *call.Call) { legs = append(legs, len(c.Legs)) })
		a := &call.Leg{CallID: "a", Began: 1e18, Ended: 1e18}
		b := &call.Leg{CallID: "b", Began: 1e18 + c.after, Ended: 1e18 + c.after}
		k.Batch([]*Opened{{Leg: a, CallID: "a", Time: a.Began, Client: caller, Server: b2bua, Called: 5, FromTag: 1}}, nil, a.Began)
		k.Batch([]*Opened{{Leg: b, CallID: "b", Time: b.Began, Client: b2bua, Server: callee, Called: 5, FromTag: 2}}, nil, b.Began)
		k.Batch(nil, []*call.Leg{a}, b.Began)
		k.Batch(nil, []*call.Leg{b}, b.Began)
		if sum := len(legs); sum != c.want {
			t.Errorf("after %d ns: %d calls of %v legs, want %d", c.after, sum, legs, c.want)
		}
		if n := len(k.members); n != 2 || k.waiting != 0 {
			t.Errorf("after %d ns: %d members, %d waiting", c.after, n, k.waiting)
		}
	}
}

// TestLinkerJoinsBehindRelay: a B2BUA that got the INVITE from a proxy is found as one that got it from the caller, until
// the first leg's call went out.
func TestLinkerJoinsBehindRelay(t *testing.T) {
	caller, proxy, b2bua, callee := netip.MustParseAddrPort("192.0.2.1:5060"), netip.MustParseAddrPort("198.51.100.1:5060"), netip.MustParseAddrPort("198.51.100.2:5060"), netip.MustParseAddrPort("203.0.113.1:5060")
	for _, c := range []struct {
		after wire.Time
		gone  bool
		want  int // calls
	}{{1e9, false, 1}, {4e9 + 1, false, 2}, {1e9, true, 2}} {
		calls := 0
		k := NewLinker(peer.New(), func(*call.Call) { calls++ })
		a := &call.Leg{CallID: "a", Began: 1e18, Ended: 1e18}
		b := &call.Leg{CallID: "b", Began: 1e18 + c.after, Ended: 1e18 + c.after}
		k.Batch([]*Opened{
			{Leg: a, CallID: "a", Time: a.Began, Client: proxy, Server: b2bua, Called: 5, FromTag: 1, Relay: true, Ref: wire.PacketRef{Number: 2}},
			{Leg: a, CallID: "a", Time: a.Began, Client: caller, Server: proxy, Called: 5, FromTag: 1, Ref: wire.PacketRef{Number: 1}},
		}, nil, a.Began)
		if c.gone {
			k.Batch(nil, []*call.Leg{a}, a.Began)
		}
		k.Batch([]*Opened{{Leg: b, CallID: "b", Time: b.Began, Client: b2bua, Server: callee, Called: 5, FromTag: 2}}, nil, b.Began)
		if !c.gone {
			k.Batch(nil, []*call.Leg{a}, b.Began)
		}
		k.Batch(nil, []*call.Leg{b}, b.Began)
		k.Flush()
		if calls != c.want {
			t.Errorf("%+v: %d calls", c, calls)
		}
		if k.waiting != 0 {
			t.Errorf("%+v: %d waiting", c, k.waiting)
		}
	}
}

// TestArrivalsFlood: many calls at one instant do not grow the arrivals without end.
func TestArrivalsFlood(t *testing.T) {
	k := NewLinker(peer.New(), func(*call.Call) {})
	server := netip.MustParseAddrPort("198.51.100.1:5060")
	for i := range 3 * maxArrivals {
		leg := &call.Leg{CallID: fmt.Sprint(i)}
		k.Batch([]*Opened{{Leg: leg, CallID: leg.CallID, Time: 1, Ref: wire.PacketRef{Number: uint64(i)}, Server: server, Called: uint64(i + 1)}}, nil, 1)
	}
	if n := len(k.recent) - k.expired; n > maxArrivals+1 {
		t.Errorf("%d arrivals, at most %d", n, maxArrivals)
	}
}
