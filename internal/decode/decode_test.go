package decode

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"sipcause/internal/wire"
)

// got is a Sink that keeps copies of all it is handed.
type got struct {
	payloads []wire.Payload
	events   []wire.Event
	gaps     []wire.Gap
	media    []wire.Media
}

func (g *got) Payload(p *wire.Payload) {
	c := *p
	c.Data = slices.Clone(p.Data)
	g.payloads = append(g.payloads, c)
}

func (g *got) Event(e *wire.Event) {
	c := *e
	c.Quote = slices.Clone(e.Quote)
	g.events = append(g.events, c)
}

func (g *got) Gap(x wire.Gap)      { g.gaps = append(g.gaps, x) }
func (g *got) Media(m *wire.Media) { g.media = append(g.media, *m) }

// run is a decoder with what it found and a clock.
type run struct {
	got
	*Decoder
	n   uint64
	now wire.Time
}

const start = wire.Time(1_700_000_000e9)

func newRun(opt Options) *run {
	r := &run{now: start}
	r.Decoder = New(&r.got, opt)
	return r
}

// feed gives the decoder one packet, a millisecond after the last.
func (r *run) feed(link wire.LinkType, b []byte) { r.feedCut(link, b, len(b)) }

// feedCut gives it a packet of which only the first snap bytes were captured.
func (r *run) feedCut(link wire.LinkType, b []byte, snap int) {
	r.n++
	r.now += 1e6
	b = b[:min(snap, len(b)):min(snap, len(b))]
	r.Packet(&wire.Packet{Ref: wire.PacketRef{Number: r.n}, Time: r.now, Link: link, WireLen: len(b), Data: slices.Clone(b)})
}

func (r *run) ip(b []byte) { r.feed(101, b) }

var (
	alice = netip.MustParseAddr("192.0.2.1")
	bob   = netip.MustParseAddr("198.51.100.2")
	carol = netip.MustParseAddr("2001:db8::1")
	dave  = netip.MustParseAddr("2001:db8::2")
)

// sipMessage returns a request with a body of n bytes.
func sipMessage(id string, n int) []byte {
	body := make([]byte, n)
	for i := range body {
		body[i] = byte('a' + i%26)
	}
	return fmt.Appendf(nil, "OPTIONS sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK%s\r\n"+
		"From: <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: %s@example.com\r\nCSeq: 1 OPTIONS\r\n"+
		"Content-Length: %d\r\n\r\n%s", id, id, n, body)
}

func u16(v int) []byte    { return binary.BigEndian.AppendUint16(nil, uint16(v)) }
func u32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

func cat(parts ...[]byte) []byte { return slices.Concat(parts...) }

func ip4(src, dst netip.Addr, proto byte, id, offset int, payload []byte) []byte {
	return cat([]byte{0x45, 0}, u16(20+len(payload)), u16(id), u16(offset), []byte{64, proto, 0, 0}, src.AsSlice(), dst.AsSlice(), payload)
}

func ip6(src, dst netip.Addr, next byte, payload []byte) []byte {
	return cat([]byte{0x60, 0, 0, 0}, u16(len(payload)), []byte{next, 64}, src.AsSlice(), dst.AsSlice(), payload)
}

func udp(sport, dport int, data []byte) []byte {
	return cat(u16(sport), u16(dport), u16(8+len(data)), []byte{0, 0}, data)
}

func tcp(sport, dport int, seq, ack uint32, flags byte, data []byte) []byte {
	return cat(u16(sport), u16(dport), u32(seq), u32(ack), []byte{0x50, flags, 0xff, 0xff, 0, 0, 0, 0}, data)
}

func ether(typ int, payload []byte) []byte {
	return cat([]byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}, u16(typ), payload)
}

// outer2152 is a datagram to the port of GTP-U.
func outer2152(b []byte) []byte { return ip4(alice, bob, 17, 1, 0, udp(40000, 2152, b)) }

// sipUDP is the plain packet that tests wrap.
func sipUDP(msg []byte) []byte { return ip4(alice, bob, 17, 7, 0, udp(5060, 5060, msg)) }

func TestLayers(t *testing.T) {
	msg := sipMessage("layers", 10)
	p4 := sipUDP(msg)
	p6 := ip6(carol, dave, 17, udp(5060, 5060, msg))
	outer := func(proto byte, b []byte) []byte {
		return ip4(netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("203.0.113.2"), proto, 1, 0, b)
	}
	tunnel := func(port int, b []byte) []byte { return outer(17, udp(40000, port, b)) }
	vlan := func(id, typ int, b []byte) []byte { return cat(u16(id), u16(typ), b) }
	label := func(bottom int) []byte { return []byte{0, 1, byte(0x10 | bottom), 64} }
	sll := func(typ int, b []byte) []byte { return cat(make([]byte, 14), u16(typ), b) }
	for _, tc := range []struct {
		name string
		link wire.LinkType
		b    []byte
		v6   bool
	}{
		{"ethernet", 1, ether(0x0800, p4), false},
		{"ethernet trailer", 1, cat(ether(0x0800, p4), []byte("padding")), false},
		{"ethernet ipv6", 1, ether(0x86dd, p6), true},
		{"snap", 1, ether(len(p4)+8, cat([]byte{0xaa, 0xaa, 3, 0, 0, 0}, u16(0x0800), p4)), false},
		{"vlan", 1, ether(0x8100, vlan(5, 0x0800, p4)), false},
		{"qinq 88a8", 1, ether(0x88a8, vlan(5, 0x8100, vlan(6, 0x86dd, p6))), true},
		{"qinq 9100", 1, ether(0x9100, vlan(5, 0x8100, vlan(6, 0x0800, p4))), false},
		{"mpls", 1, ether(0x8847, cat(label(0), label(1), p4)), false},
		{"mpls ipv6", 1, ether(0x8847, cat(label(1), p6)), true},
		{"mpls pseudowire", 1, ether(0x8847, cat(label(1), ether(0x0800, p4))), false},
		{"mpls control word", 1, ether(0x8847, cat(label(1), make([]byte, 4), ether(0x0800, p4))), false},
		{"pppoe", 1, ether(0x8864, cat([]byte{0x11, 0, 0, 1}, u16(len(p4)+2), u16(0x0021), p4)), false},
		{"pppoe link", 51, cat([]byte{0x11, 0, 0, 1}, u16(len(p6)+2), u16(0x0057), p6), true},
		{"ppp", 9, cat([]byte{0xff, 3}, u16(0x0021), p4), false},
		{"ppp compressed protocol", 9, cat([]byte{0x21}, p4), false},
		{"ppp hdlc", 50, cat([]byte{0xff, 3}, u16(0x0057), p6), true},
		{"ppp mpls", 9, cat(u16(0x0281), label(1), p4), false},
		{"sll", 113, sll(0x0800, p4), false},
		{"sll vlan", 113, sll(0x8100, vlan(1, 0x86dd, p6)), true},
		{"sll2", 276, cat(u16(0x0800), make([]byte, 18), p4), false},
		{"null little", 0, cat([]byte{2, 0, 0, 0}, p4), false},
		{"null big", 0, cat([]byte{0, 0, 0, 2}, p4), false},
		{"null ipv6 freebsd", 0, cat([]byte{28, 0, 0, 0}, p6), true},
		{"loop", 108, cat([]byte{0, 0, 0, 30}, p6), true},
		{"raw", 101, p4, false},
		{"raw openbsd", 14, p6, true},
		{"raw ipv4", 228, p4, false},
		{"raw ipv6", 229, p6, true},
		{"ipip", 101, outer(4, p4), false},
		{"6in4", 101, outer(41, p6), true},
		{"4in6", 101, ip6(carol, dave, 4, p4), false},
		{"gre", 101, outer(47, cat(u16(0), u16(0x0800), p4)), false},
		{"gre checksum key sequence", 101, outer(47, cat(u16(0xb000), u16(0x86dd), make([]byte, 12), p6)), true},
		{"gre teb", 101, outer(47, cat(u16(0x2000), u16(0x6558), make([]byte, 4), ether(0x0800, p4))), false},
		{"gre mpls", 101, outer(47, cat(u16(0), u16(0x8847), label(1), p4)), false},
		{"pptp", 101, outer(47, cat(u16(0x3081), u16(0x880b), make([]byte, 12), []byte{0xff, 3}, u16(0x0021), p4)), false},
		{"erspan1", 101, outer(47, cat(u16(0), u16(0x88be), ether(0x0800, p4))), false},
		{"erspan2", 101, outer(47, cat(u16(0x1000), u16(0x88be), make([]byte, 4+8), ether(0x0800, p4))), false},
		{"erspan3", 101, outer(47, cat(u16(0x1000), u16(0x22eb), make([]byte, 4+12), ether(0x0800, p4))), false},
		{"vxlan", 101, tunnel(4789, cat([]byte{8, 0, 0, 0, 0, 0, 1, 0}, ether(0x0800, p4))), false},
		{"vxlan elsewhere", 101, tunnel(50000, cat([]byte{8, 0, 0, 0, 0, 0, 1, 0}, ether(0x86dd, p6))), true},
		{"geneve", 101, tunnel(6081, cat([]byte{1, 0, 0x65, 0x58, 0, 0, 1, 0}, make([]byte, 4), ether(0x0800, p4))), false},
		{"gtp-u", 101, tunnel(2152, cat([]byte{0x30, 255, 0, 9, 0, 0, 0, 1}, p4)), false},
		{"gtp-u extension", 101, tunnel(2152, cat([]byte{0x34, 255, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 0, 0}, p6)), true},
		{"gre checksum key sequence", 101, outer(47, cat(u16(0xb000), u16(0x0800), make([]byte, 12), p4)), false},
		{"gre routing", 101, outer(47, cat(u16(0x4000), u16(0x0800), make([]byte, 4), u16(0x0800), []byte{0, 8, 192, 0, 2, 9, 192, 0, 2, 0}, make([]byte, 4), p4)), false},
		{"gre key ipv6", 101, outer(47, cat(u16(0x2000), u16(0x86dd), u32(7), p6)), true},
		{"erspan1 key", 101, outer(47, cat(u16(0x2000), u16(0x88be), u32(7), ether(0x8100, vlan(5, 0x0800, p4)))), false},
		{"erspan2 vlan", 101, outer(47, cat(u16(0x1000), u16(0x88be), u32(1), []byte{0x10, 5, 0, 1, 0, 0, 0, 2}, ether(0x8100, vlan(5, 0x0800, p4)))), false},
		{"erspan3 subheader", 101, outer(47, cat(u16(0x1000), u16(0x22eb), u32(1), []byte{0x20, 5, 0, 1, 1, 2, 3, 4, 0, 0, 0, 1}, make([]byte, 8), ether(0x86dd, p6))), true},
		{"erspan3 ip", 101, outer(47, cat(u16(0x1000), u16(0x22eb), u32(1), []byte{0x20, 5, 0, 1, 1, 2, 3, 4, 0, 0, 2 << 2, 0}, p4)), false},
		{"geneve ip", 101, tunnel(6081, cat([]byte{0, 0, 0x08, 0x00, 0, 0, 1, 0}, p4)), false},
		{"geneve options", 101, tunnel(6081, cat([]byte{4, 0x40, 0x65, 0x58, 0, 0, 1, 0}, make([]byte, 16), ether(0x86dd, p6))), true},
		{"gtp-u sequence", 101, tunnel(2152, cat([]byte{0x32, 255, 0, 9, 0, 0, 0, 1, 0, 7, 0, 0x85}, p4)), false},
		{"gtp-u two extensions", 101, tunnel(2152, cat([]byte{0x34, 255, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0xc0}, []byte{1, 0, 7, 0x85}, []byte{2, 0, 0, 0, 0, 0, 0, 0}, p4)), false},
		{"gtp-u from its port", 101, outer(17, udp(2152, 40000, cat([]byte{0x30, 255, 0, 9, 0, 0, 0, 1}, p4))), false},
		{"ah", 101, outer(51, cat([]byte{4, 4, 0, 0}, make([]byte, 20), p4)), false},
		{"ipv6 extensions", 101, ip6(carol, dave, 0, cat([]byte{60, 0, 0, 0, 0, 0, 0, 0}, []byte{17, 1}, make([]byte, 14), udp(5060, 5060, msg))), true},
		{"ipv6 atomic fragment", 101, ip6(carol, dave, 44, cat([]byte{17, 0, 0, 0, 0, 0, 0, 9}, udp(5060, 5060, msg))), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRun(Options{})
			r.feed(tc.link, tc.b)
			if len(r.payloads) != 1 {
				t.Fatalf("payloads = %d, want 1; undecoded %v", len(r.payloads), r.Stats().Undecoded)
			}
			p := r.payloads[0]
			src, dst := alice, bob
			if tc.v6 {
				src, dst = carol, dave
			}
			want := wire.Flow{Transport: wire.UDP, Src: netip.AddrPortFrom(src, 5060), Dst: netip.AddrPortFrom(dst, 5060)}
			if p.Flow != want || string(p.Data) != string(msg) || p.Truncated || p.ViaHEP || p.Fragments != 0 || p.Ref.Number != 1 || p.Time != r.now {
				t.Errorf("payload = %+v", p)
			}
			if wantID := map[bool]uint16{false: 7, true: 0}[tc.v6]; p.IPID != wantID {
				t.Errorf("ip id = %d, want %d", p.IPID, wantID)
			}
			if n := len(r.Stats().Undecoded); n != 0 {
				t.Errorf("undecoded = %v", r.Stats().Undecoded)
			}
			for cut := range len(tc.b) { // cut anywhere: no panic, and never a payload that is not a prefix
				c := newRun(Options{})
				c.feedCut(tc.link, tc.b, cut)
				for _, p := range c.payloads {
					if p.Truncated == (len(p.Data) == len(msg)) || string(p.Data) != string(msg[:len(p.Data)]) {
						t.Fatalf("cut at %d: payload %q truncated=%v", cut, p.Data, p.Truncated)
					}
				}
			}
		})
	}
}

func TestUndecodedReasons(t *testing.T) {
	outer := func(b []byte) []byte { return ip4(alice, bob, 17, 1, 0, udp(40000, 40001, b)) }
	for _, tc := range []struct {
		want string
		link wire.LinkType
		b    []byte
	}{
		{"arp", 1, ether(0x0806, make([]byte, 28))},
		{"non-ip", 1, ether(0x88cc, make([]byte, 28))},
		{"non-ip", 1, ether(0x0026, make([]byte, 38))},
		{"link-header-short", 1, []byte{1, 2, 3}},
		{"link-type-147-unknown", 147, []byte{1, 2, 3}},
		{"ip-header-bad", 101, []byte{0x45, 0}},
		{"ip-header-bad", 1, ether(0x0800, make([]byte, 30))},
		{"ip-protocol-89", 101, ip4(alice, bob, 89, 1, 0, make([]byte, 20))},
		{"esp", 101, ip4(alice, bob, 50, 1, 0, make([]byte, 20))},
		{"sctp", 101, ip4(alice, bob, 132, 1, 0, sctp(1, dataChunkBytes(1, 3, []byte("no SIP, but Diameter"))))},
		{"sctp", 101, ip4(alice, bob, 132, 1, 0, sctp(1, dataChunkBytes(1, 2, []byte("the beginning of no SIP"))))},
		{"sctp", 101, ip4(alice, bob, 132, 1, 0, sctp(1, dataChunkBytes(1, 0, []byte("the middle of who knows what"))))},
		{"sctp-header-bad", 101, ip4(alice, bob, 132, 1, 0, make([]byte, 20))},
		{"sctp-header-bad", 101, ip4(alice, bob, 132, 1, 0, make([]byte, 11))},
		{"sctp-header-bad", 101, ip4(alice, bob, 132, 1, 0, sctp(1, dataChunkBytes(1, 3, nil)))},
		{"sctp-header-bad", 101, ip4(alice, bob, 132, 1, 0, sctp(1, []byte{0, 3, 1, 0, 0, 0, 0, 1}))},
		{"icmp", 101, ip4(alice, bob, 1, 1, 0, cat([]byte{8, 0}, make([]byte, 20)))},
		{"udp-header-bad", 101, ip4(alice, bob, 17, 1, 0, []byte{1, 2, 3})},
		{"udp-empty", 101, outer(nil)},
		{"udp-not-sip", 101, outer([]byte("hello, world of datagrams"))},
		{"udp-not-sip", 101, ip4(alice, bob, 17, 1, 0, udp(40000, 69, []byte("\x00\x01OPTIONS\x00octet\x00")))},
		{"dns", 101, ip4(alice, bob, 17, 1, 0, udp(40000, 53, append([]byte{0x80, 1, 1, 0, 0, 1}, make([]byte, 20)...)))},
		{"stun", 101, outer(cat([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)))},
		{"dtls", 101, outer(cat([]byte{22, 0xfe, 0xfd}, make([]byte, 20)))},
		{"tcp-header-bad", 101, ip4(alice, bob, 6, 1, 0, make([]byte, 10))},
		{"tunnel-header-bad", 101, ip4(alice, bob, 47, 1, 0, []byte{0x40, 0, 8, 0})},
		{"tunnel-header-bad", 101, ip4(alice, bob, 47, 1, 0, []byte{0x40, 0, 8, 0, 0, 0, 0, 0, 8, 0, 0, 9, 1, 2, 3, 4, 0, 0, 0, 0})},
		{"tunnel-header-bad", 101, ip4(alice, bob, 47, 1, 0, cat(u16(0x1000), u16(0x22eb), make([]byte, 4+11), []byte{1}))},
		{"tunnel-header-bad", 101, outer2152(cat([]byte{0x34, 255, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0x85, 0, 0, 0, 0}))},
		{"hep-not-sip", 101, outer(cat([]byte("HEP3"), u16(6)))},
		{"too-many-layers", 1, ether(0x8100, slices.Repeat([]byte{0, 1, 0x81, 0}, 40))},
	} {
		r := newRun(Options{})
		r.feed(tc.link, tc.b)
		if u := r.Stats().Undecoded; u[tc.want] != 1 || len(u) != 1 || len(r.payloads) != 0 {
			t.Errorf("undecoded = %v, want one %q", u, tc.want)
		}
	}
}

func TestKeepaliveAndMedia(t *testing.T) {
	r := newRun(Options{})
	for _, b := range []string{"\r\n\r\n", "\x00\x00\x00\x00", "\r\n"} {
		r.ip(ip4(alice, bob, 17, 1, 0, udp(5060, 5060, []byte(b))))
	}
	if n := r.Stats().Keepalives; n != 3 {
		t.Errorf("keepalives = %d, want 3", n)
	}
	rtp := cat([]byte{0x80, 0x88, 0, 9}, u32(160), u32(0xcafe), make([]byte, 160))
	rtcp := cat([]byte{0x81, 201, 0, 7}, u32(0xbeef), make([]byte, 24))
	r.ip(ip4(alice, bob, 17, 1, 0, udp(10000, 20000, rtp)))
	r.ip(ip4(bob, alice, 17, 1, 0, udp(20001, 10001, rtcp)))
	want := []wire.Media{
		{Ref: wire.PacketRef{Number: 4}, Time: r.now - 1e6, Marker: true, PT: 8, Seq: 9, TS: 160, SSRC: 0xcafe, Bytes: 172, Flow: wire.Flow{
			Transport: wire.UDP, Src: netip.AddrPortFrom(alice, 10000), Dst: netip.AddrPortFrom(bob, 20000),
		}},
		{Ref: wire.PacketRef{Number: 5}, Time: r.now, RTCP: true, PT: 201, SSRC: 0xbeef, Bytes: 32, Data: rtcp, Flow: wire.Flow{
			Transport: wire.UDP, Src: netip.AddrPortFrom(bob, 20001), Dst: netip.AddrPortFrom(alice, 10001),
		}},
	}
	if !reflect.DeepEqual(r.got.media, want) {
		t.Errorf("media = %+v, want %+v", r.got.media, want)
	}
}

func TestTruncatedUDP(t *testing.T) {
	msg := sipMessage("cut", 500)
	b := ether(0x0800, sipUDP(msg))
	r := newRun(Options{})
	r.feedCut(1, b, 200)
	whole := bytes.LastIndexByte(msg[:200-42], '\n') + 1 // the line that was cut is not handed on
	if len(r.payloads) != 1 || !r.payloads[0].Truncated || string(r.payloads[0].Data) != string(msg[:whole]) {
		t.Fatalf("payloads = %+v", r.payloads)
	}
	if s := r.Stats(); s.Truncated != 1 {
		t.Errorf("truncated = %d", s.Truncated)
	}
}

// TestNoAllocation holds the common paths to zero allocations per packet.
func TestNoAllocation(t *testing.T) {
	msg := sipMessage("alloc", 100)
	for _, tc := range []struct {
		name string
		link wire.LinkType
		b    []byte
	}{
		{"ethernet ipv4 udp", 1, ether(0x0800, sipUDP(msg))},
		{"sll2 ipv6 udp", 276, cat(u16(0x86dd), make([]byte, 18), ip6(carol, dave, 17, udp(5060, 5060, msg)))},
		{"rtp", 1, ether(0x0800, ip4(alice, bob, 17, 1, 0, udp(10000, 20000, append([]byte{0x80}, make([]byte, 171)...))))},
		{"hep", 101, ip4(alice, bob, 17, 1, 0, udp(9060, 9060, hep3(msg, start)))},
	} {
		d := New(discard{}, Options{})
		p := wire.Packet{Link: tc.link, Data: tc.b, WireLen: len(tc.b), Time: start}
		if n := testing.AllocsPerRun(1000, func() { p.Ref.Number++; d.Packet(&p) }); n != 0 {
			t.Errorf("%s: %v allocations per packet", tc.name, n)
		}
	}
}

type discard struct{}

func (discard) Payload(*wire.Payload) {}
func (discard) Event(*wire.Event)     {}
func (discard) Gap(wire.Gap)          {}
func (discard) Media(*wire.Media)     {}

func BenchmarkUDP(b *testing.B) {
	data := ether(0x0800, sipUDP(sipMessage("bench", 200)))
	d := New(discard{}, Options{})
	p := wire.Packet{Link: 1, Data: data, WireLen: len(data), Time: start}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		p.Ref.Number++
		d.Packet(&p)
	}
}

func FuzzPacket(f *testing.F) {
	msg := sipMessage("fuzz", 5)
	p4 := sipUDP(msg)
	f.Add(uint16(1), ether(0x0800, p4), uint16(0))
	f.Add(uint16(1), ether(0x8100, cat(u16(1), u16(0x8847), []byte{0, 0, 1, 0}, p4)), uint16(10))
	f.Add(uint16(101), ip4(alice, bob, 47, 1, 0, cat(u16(0x1000), u16(0x88be), make([]byte, 12), ether(0x0800, p4))), uint16(0))
	f.Add(uint16(101), ip6(carol, dave, 44, cat([]byte{17, 0, 0, 1, 0, 0, 0, 9}, udp(5060, 5060, msg)[:64])), uint16(0))
	f.Add(uint16(113), cat(make([]byte, 14), u16(0x0800), p4), uint16(0))
	f.Add(uint16(101), ip4(alice, bob, 1, 1, 0, cat([]byte{3, 3, 0, 0, 0, 0, 0, 0}, p4)), uint16(0))
	f.Add(uint16(101), ip4(alice, bob, 6, 1, 0, tcp(5060, 5060, 1, 1, 0x18, msg)), uint16(0))
	f.Add(uint16(101), ip4(alice, bob, 132, 1, 0, sctp(7, dataChunkBytes(1, 3, msg))), uint16(0))
	f.Add(uint16(101), ip4(alice, bob, 132, 1, 0, sctp(7, dataChunkBytes(1, 2, msg[:64]), dataChunkBytes(2, 1, msg[64:]))), uint16(3))
	f.Add(uint16(101), ip4(alice, bob, 47, 1, 0, cat(u16(0x4000), u16(0x0800), make([]byte, 4), u16(0x0800), []byte{0, 4, 192, 0, 2, 9}, make([]byte, 4), p4)), uint16(0))
	f.Add(uint16(101), ip4(alice, bob, 47, 1, 0, cat(u16(0x1000), u16(0x22eb), make([]byte, 14), []byte{2 << 2, 1}, make([]byte, 8), p4)), uint16(0))
	f.Add(uint16(101), outer2152(cat([]byte{0x34, 255, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 0, 0}, p4)), uint16(0))
	f.Fuzz(func(t *testing.T, link uint16, b []byte, cut uint16) {
		r := newRun(Options{})
		r.feed(wire.LinkType(link), b)
		r.feedCut(wire.LinkType(link), b, max(0, len(b)-int(cut)))
		r.feed(wire.LinkType(link), b)
		r.Flush(r.now)
		checkStats(t, r)
	})
}

// checkStats checks what holds of any traffic.
func checkStats(t *testing.T, r *run) {
	t.Helper()
	s := r.Stats()
	var handed uint64
	for _, n := range s.Payloads {
		handed += n
	}
	if handed != uint64(len(r.payloads)) {
		t.Errorf("counted %d payloads, handed on %d", handed, len(r.payloads))
	}
	for _, p := range r.payloads {
		if len(p.Data) == 0 {
			t.Error("empty payload")
		}
	}
	if d := r.Decoder; d.tcp.buffered != 0 || d.tcp.held.n != 0 || d.tcp.holes.n+d.tcp.ackedHoles.n != 0 {
		t.Errorf("after flush: buffered %d, held %d, holes %d", d.tcp.buffered, d.tcp.held.n, d.tcp.holes.n+d.tcp.ackedHoles.n)
	}
	if r.sctps.held != 0 {
		t.Errorf("after flush: %d bytes of SCTP chunks", r.sctps.held)
	}
	if r.frags.held != 0 || len(r.frags.byKey) != 0 {
		t.Errorf("after flush: %d bytes of fragments", r.frags.held)
	}
}
