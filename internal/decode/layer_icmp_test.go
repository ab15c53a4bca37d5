package decode

import (
	"net/netip"
	"testing"

	"sipcause/internal/wire"
)

func TestICMP(t *testing.T) {
	msg := sipMessage("icmp", 500)
	quoted := sipUDP(msg)
	router := netip.MustParseAddr("203.0.113.9")
	error4 := func(typ, code byte, quote []byte) []byte {
		return ip4(router, alice, 1, 9, 0, cat([]byte{typ, code, 0, 0, 0, 0, 5, 0xdc}, quote))
	}
	flow := wire.Flow{Transport: wire.UDP, Src: netip.AddrPortFrom(alice, 5060), Dst: netip.AddrPortFrom(bob, 5060)}
	six := ip6(carol, dave, 17, udp(5060, 5060, msg))
	flow6 := wire.Flow{Transport: wire.UDP, Src: netip.AddrPortFrom(carol, 5060), Dst: netip.AddrPortFrom(dave, 5060)}
	error6 := func(typ, code byte, quote []byte) []byte {
		return ip6(dave, carol, 58, cat([]byte{typ, code, 0, 0, 0, 0, 5, 0}, quote))
	}
	syn := ip4(alice, bob, 6, 1, 0, tcp(40000, 5060, 1, 0, 2, nil)[:8])
	for _, tc := range []struct {
		name   string
		b      []byte
		kind   wire.EventKind
		detail string
		flow   wire.Flow
		quote  int
	}{
		{"port unreachable", error4(3, 3, quoted), wire.EventICMP, "port unreachable", flow, len(msg)},
		{"8 bytes quoted", error4(3, 1, quoted[:28]), wire.EventICMP, "host unreachable", flow, 0},
		{"prohibited", error4(3, 13, quoted[:60]), wire.EventICMP, "communication administratively prohibited", flow, 32},
		{"time exceeded", error4(11, 0, quoted[:60]), wire.EventICMP, "time exceeded in transit", flow, 32},
		{"too big", error4(3, 4, quoted[:60]), wire.EventICMPTooBig, "fragmentation needed, MTU 1500", flow, 32},
		{"unknown code", error4(3, 77, quoted), wire.EventICMP, "type 3 code 77", flow, len(msg)},
		{"of a SYN", error4(3, 1, syn), wire.EventICMP, "host unreachable", wire.Flow{Transport: wire.TCP, Src: netip.AddrPortFrom(alice, 40000), Dst: netip.AddrPortFrom(bob, 5060)}, 0},
		{"v6 port unreachable", error6(1, 4, six), wire.EventICMP, "port unreachable", flow6, len(msg)},
		{"v6 too big", error6(2, 0, six[:100]), wire.EventICMPTooBig, "packet too big, MTU 1280", flow6, 52},
		{
			"v6 quoting extension headers", error6(1, 1, ip6(carol, dave, 60, cat([]byte{17, 0, 0, 0, 0, 0, 0, 0}, udp(5060, 5060, msg)))),
			wire.EventICMP, "communication with destination administratively prohibited", flow6, len(msg),
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRun(Options{})
			r.ip(tc.b)
			if len(r.events) != 1 {
				t.Fatalf("events %+v, undecoded %v", r.events, r.Stats().Undecoded)
			}
			e := r.events[0]
			if e.Kind != tc.kind || e.Detail != tc.detail || e.Flow != tc.flow || len(e.Quote) != tc.quote || e.Ref.Number != 1 || e.Time != r.now {
				t.Errorf("event %+v", e)
			}
			if from := map[bool]netip.Addr{false: router, true: dave}[e.V6]; e.From != from {
				t.Errorf("from %v, want %v", e.From, from)
			}
		})
	}
	r := newRun(Options{})
	r.ip(error4(3, 3, ip4(alice, bob, 17, 1, 0, udp(40000, 53, []byte("query")))))
	if len(r.events) != 0 || r.Stats().Undecoded["icmp-not-sip"] != 1 {
		t.Errorf("not SIP: events %+v, undecoded %v", r.events, r.Stats().Undecoded)
	}
	odd := sipUDP(msg)
	copy(odd[20:], cat(u16(7000), u16(7100)))
	r.ip(odd) // from now on these ports are known to speak SIP
	r.ip(error4(3, 3, odd[:28]))
	if len(r.events) != 1 {
		t.Errorf("learned port: events %+v", r.events)
	}
}
