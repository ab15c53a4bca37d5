package decode

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"sipcause/internal/wire"
)

// fragments4 cuts a datagram's payload into IPv4 fragments of at most n bytes, a multiple of 8.
func fragments4(id int, payload []byte, n int) (out [][]byte) {
	for off := 0; off < len(payload); off += n {
		end, more := min(len(payload), off+n), 0x2000
		if end == len(payload) {
			more = 0
		}
		out = append(out, ip4(alice, bob, 17, id, off/8|more, payload[off:end]))
	}
	return out
}

func fragments6(id uint32, payload []byte, n int) (out [][]byte) {
	for off := 0; off < len(payload); off += n {
		end, more := min(len(payload), off+n), 1
		if end == len(payload) {
			more = 0
		}
		out = append(out, ip6(carol, dave, 44, cat([]byte{17, 0}, u16(off|more), u32(id), payload[off:end])))
	}
	return out
}

func TestFragments(t *testing.T) {
	msg := sipMessage("frag", 3000)
	datagram := udp(5060, 5060, msg)
	rng := rand.New(rand.NewPCG(3, 3))
	for _, v6 := range []bool{false, true} {
		for _, n := range []int{1480, 400, 8} {
			parts := fragments4(77, datagram, n)
			if v6 {
				parts = fragments6(77, datagram, n)
			}
			if len(parts) > maxParts {
				parts = parts[:0]
				continue
			}
			for order := range 20 {
				r := newRun(Options{})
				if order > 0 {
					rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
				}
				for _, p := range parts {
					r.ip(p)
				}
				wantMessages(t, r, msg)
				if p := r.payloads[0]; p.Fragments != len(parts) || p.Truncated || p.Ref.Number != uint64(len(parts)) || !v6 && p.IPID != 77 {
					t.Errorf("payload %+v", p)
				}
				for _, p := range parts { // captured a second time: delivered again, as a datagram captured twice would be
					r.ip(p)
				}
				r.Flush(r.now)
				if len(r.payloads) != 2 || len(r.events)+len(r.gaps) != 0 {
					t.Errorf("captured twice: %d payloads, events %+v", len(r.payloads), r.events)
				}
				checkStats(t, r)
			}
		}
	}
}

func TestFragmentsInterleaved(t *testing.T) {
	r := newRun(Options{})
	var want [][]byte
	var all [][][]byte
	for i := range 30 {
		m := sipMessage(fmt.Sprintf("m%d", i), 2000)
		want = append(want, m)
		all = append(all, fragments4(i, udp(5060, 5060, m), 800))
	}
	for part := range 3 {
		for _, f := range all {
			r.ip(f[part])
		}
	}
	wantMessages(t, r, want...)
}

func TestFragmentsOverlap(t *testing.T) {
	msg := sipMessage("overlap", 1000)
	datagram := udp(5060, 5060, msg)
	evil := udp(5060, 5060, sipMessage("EVILLAP", 1000))
	r := newRun(Options{})
	r.ip(ip4(alice, bob, 17, 5, 0x2000, datagram[:400]))
	r.ip(ip4(alice, bob, 17, 5, 0x2000|200/8, evil[200:600])) // the first 200 bytes of it are there already
	r.ip(ip4(alice, bob, 17, 5, 0x2000|400/8, datagram[400:800]))
	r.ip(ip4(alice, bob, 17, 5, 800/8, datagram[800:]))
	if len(r.payloads) != 1 || string(r.payloads[0].Data[:392]) != string(msg[:392]) {
		t.Errorf("IPv4: what came first must win: %q", r.messages())
	}
	if n := r.Stats().Fragments.Overlapping; n != 2 {
		t.Errorf("overlapping = %d, want 2", n)
	}
	r = newRun(Options{})
	six := func(off, end, more int, b []byte) {
		r.ip(ip6(carol, dave, 44, cat([]byte{17, 0}, u16(off|more), u32(5), b[off:end])))
	}
	six(0, 400, 1, datagram)
	six(200, 600, 1, evil)
	six(400, 800, 1, datagram)
	six(800, len(datagram), 0, datagram)
	r.Flush(r.now)
	if len(r.payloads) != 0 || len(r.events) != 1 || r.events[0].Detail != "overlapping fragments discarded" {
		t.Errorf("IPv6: %d payloads, events %+v", len(r.payloads), r.events)
	}
	checkStats(t, r)
}

func TestFragmentsLost(t *testing.T) {
	msg := sipMessage("lost", 3000)
	parts := fragments4(9, udp(5060, 5060, msg), 1000)
	for missing := range parts {
		r := newRun(Options{})
		for i, p := range parts {
			if i != missing {
				r.ip(p)
			}
		}
		first := start + 1e6
		r.now += 31e9
		r.ip(sipUDP(sipMessage("later", 0)))
		if len(r.events) != 1 || len(r.gaps) != 1 || r.gaps[0].Kind != wire.GapFragments {
			t.Fatalf("missing %d: events %+v, gaps %+v", missing, r.events, r.gaps)
		}
		e := r.events[0]
		if e.Kind != wire.EventFragLost || e.Time != first || e.Until != first.Add(fragmentWait) || e.Flow.Src.Addr() != alice || e.FirstBytes == 0 {
			t.Errorf("missing %d: event %+v", missing, e)
		}
		if missing > 0 && (e.Flow.Dst.Port() != 5060 || len(e.Quote) == 0 || string(e.Quote) != string(msg[:len(e.Quote)])) {
			t.Errorf("missing %d: flow %v, quote %q", missing, e.Flow, e.Quote)
		}
	}
}

// TestFragmentsNoAllocation holds reassembly to zero allocations per datagram.
func TestFragmentsNoAllocation(t *testing.T) {
	d := New(discard{}, Options{})
	parts := fragments4(7, udp(5060, 5060, sipMessage("alloc", 3000)), 1480)
	p := wire.Packet{Link: 101}
	n := uint16(0)
	round := func() {
		n++
		for _, b := range parts {
			b[4], b[5] = byte(n>>8), byte(n)
			p.Data, p.WireLen, p.Time = b, len(b), start+wire.Time(n)*1e9
			d.Packet(&p)
		}
	}
	for range 2 * maxEchoes {
		round()
	}
	if a := testing.AllocsPerRun(1000, round); a != 0 {
		t.Errorf("%v allocations per datagram", a)
	}
}

// TestFragmentCaps floods with datagrams that never become whole.
func TestFragmentCaps(t *testing.T) {
	opt := Options{MaxDatagrams: 100, MaxFragmentBytes: 50_000}
	r := newRun(opt)
	datagram := udp(5060, 5060, sipMessage("flood", 3000))
	for i := range 5000 {
		switch i % 3 {
		case 0:
			r.ip(ip4(alice, bob, 17, i, 0x2000, datagram[:8]))
		case 1:
			r.ip(ip4(alice, bob, 17, i, 0x2000, datagram[:1480]))
		case 2: // one datagram, piece by piece, never the first
			r.ip(ip4(bob, alice, 17, 1, 0x2000|(2*i+1)%8000, datagram[:8]))
		}
		d := r.Decoder
		if d.frags.order.n > opt.MaxDatagrams || d.frags.held > opt.MaxFragmentBytes+1480 || len(d.frags.byKey) != d.frags.order.n {
			t.Fatalf("%d datagrams, %d bytes", d.frags.order.n, d.frags.held)
		}
	}
	s := r.Stats()
	if s.Fragments.Evicted == 0 || s.Gaps["evicted"] == 0 || s.Undecoded["ip-fragment-evicted"] == 0 {
		t.Errorf("nothing evicted: %+v", s)
	}
	r.Flush(r.now)
	checkStats(t, r)
}

// TestEndpointCap floods with SIP from ever new ports.
func TestEndpointCap(t *testing.T) {
	r := New(discard{}, Options{})
	msg := sipMessage("flood", 0)
	p := wire.Packet{Link: 101, Time: start}
	for i := range 60_000 {
		p.Data = ip4(alice, bob, 17, 1, 0, udp(6000+i%50_000, 6001+i/50_000, msg))
		p.WireLen = len(p.Data)
		r.Packet(&p)
		if len(r.peers.set) > maxEndpoints || len(r.peers.ring) > maxEndpoints {
			t.Fatalf("%d endpoints", len(r.peers.set))
		}
	}
	if len(r.peers.set) != maxEndpoints {
		t.Errorf("%d endpoints, want %d", len(r.peers.set), maxEndpoints)
	}
}
