package route_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sipcause/internal/call"
	"sipcause/internal/capture"
	"sipcause/internal/pipeline"
	"sipcause/internal/route"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
	"sipcause/internal/wire"
	"sipcause/sip"
)

func prefixes(list ...string) (out []netip.Prefix) {
	for _, p := range list {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

func TestRulesAreChecked(t *testing.T) {
	ok := route.Rule{Name: "a", Addresses: prefixes("203.0.113.0/24")}
	if _, err := route.NewTable([]route.Rule{ok, ok}, 0); err != nil {
		t.Errorf("two rules of one name: %v", err)
	}
	for want, r := range map[string]route.Rule{
		`route 2: name`:         {Addresses: ok.Addresses},
		`route "other": name`:   {Name: "other", Addresses: ok.Addresses},
		`route "in:x": name`:    {Name: "in:x", Addresses: ok.Addresses},
		`route "b\x01": name`:   {Name: "b\x01", Addresses: ok.Addresses},
		`route "b,c": name`:     {Name: "b,c", Addresses: ok.Addresses},
		`route "b": want`:       {Name: "b"},
		`route "b": direction`:  {Name: "b", Addresses: ok.Addresses, Direction: "both"},
		`route "b": addresses`:  {Name: "b", Addresses: []netip.Prefix{{}}},
		`route "c": addresses`:  {Name: "c", Addresses: prefixes("::ffff:0.0.0.0/90")},
		`route "b": ports`:      {Name: "b", Ports: []uint16{5060, 0}},
		`route "b": domains: "`: {Name: "b", Domains: []string{"a*.example.com"}},
		`route "d": domains: "`: {Name: "d", Domains: []string{"sip:x@example.com"}},
		`route "e": domains: "`: {Name: "e", Domains: []string{"*."}},
	} {
		if _, err := route.NewTable([]route.Rule{ok, r}, 0); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", r, err, want)
		}
	}
	if _, err := route.NewTable(nil, -1); err == nil {
		t.Error("a negative bound is accepted")
	}
}

// ways returns what a table says of each call of the packets, and by which attempts.
func ways(t *testing.T, table *route.Table, points ...[]wire.Packet) (list []string) {
	t.Helper()
	dir := t.TempDir()
	var files []string
	for i, p := range points {
		files = append(files, filepath.Join(dir, fmt.Sprintf("%d.pcap", i)))
		if err := os.WriteFile(files[i], testkit.Pcap(p), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	src, err := capture.Open(files, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pipeline.Run(context.Background(), src, pipeline.Options{Workers: 1}, func(c *view.Case) error {
		w := table.Ways(c.Call)
		if len(w.Out) != len(c.Call.Attempts) {
			t.Errorf("%d routes of %d attempts", len(w.Out), len(c.Call.Attempts))
		}
		list = append(list, fmt.Sprintf("%s %s > %s by %s", c.Call.Kind, w.In, strings.Join(w.Out, "+"), w.Maker))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

// way is a call over two elements of ours, the second of which tries two gateways.
const way = `
alice > edge INVITE
edge > core INVITE relay
core > gw INVITE relay
gw > core 503
core > gw ACK
core > gw2 INVITE relay
gw2 > core 486
core > gw2 ACK
core > edge 486
edge > core ACK
edge > alice 486
alice > edge ACK
`

func flow(t *testing.T, text string) []wire.Packet {
	t.Helper()
	fs, err := testkit.ParseFlows([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return fs[0].Packets
}

// TestOwnHopsAreNoRoutes: at one, two and three points the way is from who sent first to where the last element sent.
func TestOwnHopsAreNoRoutes(t *testing.T) {
	packets := flow(t, way)
	want := []string{"call 192.0.2.10 > 203.0.113.61+203.0.113.62 by 203.0.113.62"}
	for n := 1; n <= 3; n++ {
		table, err := route.NewTable(nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		points := [][]wire.Packet{packets, packets, packets}[:n]
		if got := ways(t, table, points...); !slices.Equal(got, want) {
			t.Errorf("%d points: %q, want %q", n, got, want)
		}
		if names := table.Names(); !slices.Equal(names, []string{"192.0.2.10", "203.0.113.61", "203.0.113.62"}) {
			t.Errorf("%d points: discovered %q", n, names)
		}
	}
}

func TestRulesName(t *testing.T) {
	table, err := route.NewTable([]route.Rule{
		{Name: "wrong way", Addresses: prefixes("192.0.2.0/24"), Direction: "out"},
		{Name: "wrong port", Addresses: prefixes("0.0.0.0/0"), Ports: []uint16{5080}},
		{Name: "wrong domain", Addresses: prefixes("192.0.2.0/24"), Domains: []string{"*.example.com", "example.net"}},
		{Name: "phones", Addresses: prefixes("192.0.2.10/24"), Domains: []string{"EXAMPLE.com."}, Direction: "in"},
		{Name: "carrier", Addresses: prefixes("::ffff:203.0.113.61/128"), Ports: []uint16{5060}},
		{Name: "carrier", Addresses: prefixes("203.0.113.62/32")},
	}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := ways(t, table, flow(t, way)); !slices.Equal(got, []string{"call phones > carrier+carrier by carrier"}) {
		t.Errorf("%q", got)
	}
	if n := len(table.Names()); n != 5 || !table.IsConfigured("carrier") || table.IsConfigured("192.0.2.10") {
		t.Errorf("names %q", table.Names())
	}
}

// TestBounded: a scan from many addresses takes half of the room; those with whom calls are answered get the other.
func TestBounded(t *testing.T) {
	const room = 10
	table, err := route.NewTable(nil, room)
	if err != nil {
		t.Fatal(err)
	}
	of := func(i int, outcome call.Outcome) route.Ways {
		l := &call.Leg{Txns: []call.Txn{{
			Method: sip.MethodInvite, Parent: call.None, Request: call.None, Final: call.None,
			Client: netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(100 + i/256), byte(i)}), 5060),
			Server: netip.MustParseAddrPort("203.0.113.1:5060"),
		}}}
		c := &call.Call{Legs: []*call.Leg{l}, Outcome: outcome, Attempts: []call.Attempt{{Code: 200}}}
		if outcome != call.Answered {
			c.Attempts[0].Code = 404
		}
		return table.Ways(c)
	}
	for i := range 500 {
		of(i, call.Failed)
	}
	if n := len(table.Names()); n != room/2 {
		t.Errorf("a scan took %d of %d", n, room)
	}
	if w := of(600, call.Failed); w.In != route.Other || w.Out[0] != "203.0.113.1" {
		t.Errorf("beyond the bound: %+v", w)
	}
	for i := 700; i < 800; i++ {
		of(i, call.Answered)
	}
	if n := len(table.Names()); n != room {
		t.Errorf("%d names of %d", n, room)
	}
	if w := of(700, call.Failed); w.In != "198.51.102.188" {
		t.Errorf("a known peer is %q", w.In)
	}
	if w := of(799, call.Answered); w.In != route.Other || table.Refused == 0 {
		t.Errorf("beyond the bound: %+v", w)
	}
}

func TestKeys(t *testing.T) {
	if k := route.Keys([]string{"a", "in:b"}); !slices.Equal(k, []string{"in:a", "out:a", "in:b"}) {
		t.Errorf("%q", k)
	}
	for key, want := range map[string][2]string{"in:2001:db8::1": {"2001:db8::1", "in"}, "out:a": {"a", "out"}, "": {"", ""}} {
		if n, d := route.SplitKey(key); n != want[0] || d != want[1] {
			t.Errorf("%q is %q %q", key, n, d)
		}
	}
}

// TestProxyThatRefuses: what a proxy refuses itself went out by no route, unless one is configured; a gateway that refuses is
// one although it has sent calls on, since it has answered others.
func TestProxyThatRefuses(t *testing.T) {
	const text = `
elements alice=192.0.2.10:5060 proxy=192.0.2.20:5060 gw=203.0.113.61:5060
alice > proxy INVITE callid=a
proxy > gw INVITE relay callid=a
gw > proxy 200 callid=a
proxy > alice 200 callid=a
alice > proxy ACK callid=a
proxy > gw ACK callid=a
+1s alice > proxy INVITE callid=b
proxy > alice 403 callid=b
alice > proxy ACK callid=b
+1s alice > proxy INVITE callid=c
proxy > gw INVITE relay callid=c
gw > carol INVITE relay callid=c
carol > gw 486 callid=c
gw > carol ACK callid=c
gw > proxy 486 callid=c
proxy > gw ACK callid=c
proxy > alice 486 callid=c
alice > proxy ACK callid=c
+1s alice > proxy INVITE callid=d
proxy > gw INVITE relay callid=d
gw > proxy 503 callid=d
proxy > gw ACK callid=d
proxy > alice 503 callid=d
alice > proxy ACK callid=d
+1s alice > proxy INVITE callid=e
`
	for name, want := range map[string][2]string{"": {"", ""}, "edge": {"edge", "edge"}} {
		var rules []route.Rule
		if name != "" {
			rules = []route.Rule{{Name: name, Addresses: prefixes("192.0.2.20/32"), Direction: "out"}}
		}
		table, err := route.NewTable(rules, 0)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, w := range ways(t, table, flow(t, text)) {
			w, _, _ = strings.Cut(w, " by ")
			got = append(got, strings.TrimPrefix(w, "call 192.0.2.10 > "))
		}
		slices.Sort(got)
		all := []string{"203.0.113.61", "203.0.113.61", "203.0.113.32", want[0], want[1]}
		slices.Sort(all)
		if !slices.Equal(got, all) {
			t.Errorf("rule %q: %q, want %q", name, got, all)
		}
	}
}

// TestElementsAreBounded: what is kept of elements does not grow with them.
func TestElementsAreBounded(t *testing.T) {
	table, err := route.NewTable(nil, 10)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 500 {
		at := func(n byte) netip.AddrPort {
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(100 + i/256), byte(i)}), 5060+uint16(n))
		}
		txn := func(parent int32, client, server byte) call.Txn {
			return call.Txn{Method: sip.MethodInvite, Parent: parent, Request: call.None, Final: call.None, Client: at(client), Server: at(server)}
		}
		l := &call.Leg{Txns: []call.Txn{txn(call.None, 0, 1), txn(0, 1, 2)}}
		table.Ways(&call.Call{Legs: []*call.Leg{l}, Attempts: []call.Attempt{{Code: 404}}})
	}
	if n := table.Acted(); n != 20 {
		t.Errorf("%d elements are known", n)
	}
}
