package decode

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"sipcause/internal/wire"
)

func chunk(vendor, typ int, v []byte) []byte { return cat(u16(vendor), u16(typ), u16(6+len(v)), v) }

// hep3 wraps msg as a capture agent between alice:5070 and bob:5080 would.
func hep3(msg []byte, at wire.Time) []byte {
	b := cat(
		chunk(0, 1, []byte{2}), chunk(0, 2, []byte{17}), chunk(0, 3, alice.AsSlice()), chunk(0, 4, bob.AsSlice()),
		chunk(0, 7, u16(5070)), chunk(0, 8, u16(5080)), chunk(0, 9, u32(uint32(at/1e9))), chunk(0, 10, u32(uint32(at%1e9/1e3))),
		chunk(0, 11, []byte{1}), chunk(0, 12, u32(2001)), chunk(9, 1, []byte("vendor")), chunk(0, 15, msg))
	return cat([]byte("HEP3"), u16(6+len(b)), b)
}

func hep2(version byte, msg []byte, stamp []byte) []byte {
	return cat([]byte{version, 16, 2, 17}, u16(5070), u16(5080), alice.AsSlice(), bob.AsSlice(), stamp, msg)
}

func TestHEP(t *testing.T) {
	msg := sipMessage("hep", 30)
	at := start - 3e9 + 5e3
	le := binary.LittleEndian
	stamp := le.AppendUint32(le.AppendUint32(nil, uint32(at/1e9)), uint32(at%1e9/1e3))
	v6 := cat([]byte{2, 40, 10, 6}, u16(5070), u16(5080), carol.AsSlice(), dave.AsSlice(), stamp, []byte{1, 0, 0, 0}, msg)
	six := func() []byte {
		b := cat(chunk(0, 1, []byte{10}), chunk(0, 2, []byte{6}), chunk(0, 5, carol.AsSlice()), chunk(0, 6, dave.AsSlice()),
			chunk(0, 7, u16(5070)), chunk(0, 8, u16(5080)), chunk(0, 15, msg))
		return cat([]byte("HEP3"), u16(6+len(b)), b)
	}()
	for _, tc := range []struct {
		name      string
		b         []byte
		src, dst  netip.Addr
		transport wire.Transport
		time      wire.Time // 0: the packet's
	}{
		{"v3", hep3(msg, at), alice, bob, wire.UDP, at},
		{"v3 ipv6 tcp", six, carol, dave, wire.TCP, 0},
		{"v3 time that cannot be", hep3(msg, 5e9), alice, bob, wire.UDP, 0},
		{"v3 in v3", hep3(hep3(msg, at), at), alice, bob, wire.UDP, at},
		{"v2 padded", hep2(2, msg, cat(stamp, []byte{1, 0, 0, 0})), alice, bob, wire.UDP, at},
		{"v2 packed", hep2(2, msg, cat(stamp, []byte{1, 0})), alice, bob, wire.UDP, at},
		{"v2 without time", hep2(2, msg, nil), alice, bob, wire.UDP, 0},
		{"v2 ipv6 tcp", v6, carol, dave, wire.TCP, at},
		{"v1", hep2(1, msg, nil), alice, bob, wire.UDP, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRun(Options{})
			b := ip4(netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("203.0.113.2"), 17, 1, 0, udp(9060, 9060, tc.b))
			r.ip(b)
			if len(r.payloads) != 1 {
				t.Fatalf("payloads = %d; undecoded %v", len(r.payloads), r.Stats().Undecoded)
			}
			p := r.payloads[0]
			want := wire.Flow{Transport: tc.transport, Src: netip.AddrPortFrom(tc.src, 5070), Dst: netip.AddrPortFrom(tc.dst, 5080)}
			if tc.time == 0 {
				tc.time = r.now
			}
			if p.Flow != want || string(p.Data) != string(msg) || !p.ViaHEP || p.Time != tc.time || p.Truncated {
				t.Errorf("payload = %+v, want flow %+v at %d", p, want, tc.time)
			}
			for cut := range b {
				c := newRun(Options{})
				c.feedCut(101, b, cut)
				for _, p := range c.payloads {
					if !p.Truncated {
						t.Fatalf("cut at %d: not marked truncated", cut)
					}
				}
			}
		})
	}
}

func TestHEPOther(t *testing.T) {
	for _, tc := range []struct {
		want string
		b    []byte
	}{
		{"hep-not-sip", hep3([]byte("some log line"), start)},
		{"hep-compressed-bad", cat([]byte("HEP3"), u16(6+16), chunk(0, 16, make([]byte, 10)))},
		{"hep-bad", cat([]byte("HEP3"), u16(6+6), u16(0), u16(15), u16(3))},
		{"hep-bad", cat([]byte("HEP3"), u16(600), chunk(0, 15, sipMessage("x", 0)))},
	} {
		r := newRun(Options{})
		r.ip(ip4(alice, bob, 17, 1, 0, udp(9060, 9060, tc.b)))
		if u := r.Stats().Undecoded; u[tc.want] != 1 || len(u) != 1 || len(r.payloads) != 0 {
			t.Errorf("undecoded = %v, want one %q", u, tc.want)
		}
	}
}

// TestHEPStream reads HEP that an agent sends over TCP, from its beginning and from the middle, with a hole.
func TestHEPStream(t *testing.T) {
	a, b, c := sipMessage("a", 300), sipMessage("b", 30), sipMessage("c", 3000)
	all := cat(hep3(a, start), hep3(b, start+5e3), hep3(c, start+9e3))
	for _, from := range []int{0, 30} {
		for _, size := range []int{1460, 100} {
			if from > 0 && size < 1000 {
				continue // nothing in the first segment tells that it is HEP
			}
			r := newRun(Options{})
			cl, sv := dial(r, 9060)
			want := [][]byte{b, c}
			if from == 0 {
				handshake(cl, sv)
				want = [][]byte{a, b, c}
			}
			for p := range slices.Chunk(all[from:], size) {
				cl.send(p)
			}
			wantMessages(t, r, want...)
			for _, p := range r.payloads {
				if !p.ViaHEP || p.Flow.Src != netip.AddrPortFrom(alice, 5070) || p.Flow.Transport != wire.UDP || p.Truncated {
					t.Errorf("payload %+v", p)
				}
			}
			if at := r.payloads[len(want)-1].Time; at != start+9e3 {
				t.Errorf("time %d, want the agent's", at)
			}
			r.Flush(r.now)
			checkStats(t, r)
		}
	}
	r := newRun(Options{})
	cl, sv := dial(r, 9060)
	handshake(cl, sv)
	cl.send(all[:200])
	cl.seq += 50
	cl.send(all[250:])
	r.Flush(r.now)
	wantMessages(t, r, b, c)
}

func FuzzHEP(f *testing.F) {
	msg := sipMessage("fuzz", 5)
	f.Add(hep3(msg, start))
	f.Add(hep3(hep3(msg, start), start))
	f.Add(hep2(2, msg, make([]byte, 12)))
	f.Add(hep2(1, msg, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 60000 {
			return
		}
		r := newRun(Options{})
		r.ip(ip4(alice, bob, 17, 1, 0, udp(9060, 9060, b)))
		r.Flush(r.now)
		checkStats(t, r)
	})
}
