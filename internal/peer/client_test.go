package peer

import (
	"fmt"
	"net/netip"
	"testing"

	"sipcause/internal/wire"
)

func invite(server, host string, at, ended wire.Time, to string, code int) *Fact {
	return &Fact{
		Kind: FactInvite, First: true, Code: code, Time: ended, Began: at, Detail: Prefix(to),
		Server: netip.MustParseAddrPort(server), From: netip.AddrPortFrom(netip.MustParseAddr(host), 5060),
	}
}

func TestClients(t *testing.T) {
	const server, a, b = "198.51.100.1:5060", "192.0.2.10", "192.0.2.11"
	l := New()
	l.Apply(invite(server, a, 10, 11, "sip:+15550100@example.com", 403))
	l.Apply(invite(server, a, 20, 21, "sip:+15550101@example.com", 407))
	l.Apply(invite(server, a, 30, 31, "sip:+442079460000@example.com", 200))
	l.Apply(invite(server, b, 40, 41, "sip:+15550100@example.com", 403))
	list := l.Clients(netip.MustParseAddrPort(server))
	want := []Client{{netip.MustParseAddr(a), 21, 11}, {netip.MustParseAddr(b), 0, 41}}
	if fmt.Sprint(list) != fmt.Sprint(want) {
		t.Errorf("clients %v, want %v", list, want)
	}
	dialled := l.Dialled(netip.MustParseAddrPort(server), netip.MustParseAddr(a))
	if got, want := fmt.Sprint(dialled), fmt.Sprint([]Dialled{{"1555", 0, 11}, {"4420", 31, 0}}); got != want {
		t.Errorf("dialled %s, want %s", got, want)
	}
	for _, c := range []struct {
		from, until wire.Time
		want        int
	}{{0, 50, 2}, {0, 30, 1}, {11, 50, 1}, {0, 9, 0}} {
		if got := l.Calls(netip.MustParseAddrPort(server), netip.MustParseAddr(a), c.from, c.until); got != c.want {
			t.Errorf("calls from %d until %d: %d, want %d", c.from, c.until, got, c.want)
		}
	}
	if Before(0, 5) || Before(5, 5) || !Before(4, 5) {
		t.Error("Before: 0 is unknown, and a time is not before itself")
	}
}

// TestClientsFlood: a scan with many sources, servers and numbers stays within the bounds, and is counted.
func TestClientsFlood(t *testing.T) {
	l := New()
	const n = 3 * maxServers
	for i := range n {
		host := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).String()
		l.Apply(invite("198.51.100.1:5060", host, wire.Time(i), wire.Time(i+1), "sip:1@example.com", 403))
		l.Apply(invite("198.51.100.2:5060", "192.0.2.10", wire.Time(i), wire.Time(i+1), fmt.Sprintf("sip:%d@example.com", 1000+i%9000), 200))
	}
	if got := len(l.Clients(netip.MustParseAddrPort("198.51.100.1:5060"))); got != maxClients {
		t.Errorf("%d clients kept, want %d", got, maxClients)
	}
	if got := len(l.Dialled(netip.MustParseAddrPort("198.51.100.2:5060"), netip.MustParseAddr("192.0.2.10"))); got != maxPrefixes {
		t.Errorf("%d prefixes kept, want %d", got, maxPrefixes)
	}
	if got := l.Calls(netip.MustParseAddrPort("198.51.100.2:5060"), netip.MustParseAddr("192.0.2.10"), 0, n+1); got != maxCalls {
		t.Errorf("%d calls kept, want %d", got, maxCalls)
	}
	if got := l.pairs.size(); got > maxServers {
		t.Errorf("%d pairs kept, want at most %d", got, maxServers)
	}
	if l.Evicted == 0 {
		t.Error("nothing was counted as evicted")
	}
}
