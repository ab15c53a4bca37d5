package decode

import (
	"net/netip"
	"slices"
	"testing"

	"sipcause/internal/wire"
)

func TestConnectionEvents(t *testing.T) {
	msg := sipMessage("a", 0)
	for _, tc := range []struct {
		name string
		port int
		run  func(r *run, cl, sv *side)
		want []wire.EventKind
	}{
		{"refused", 5060, func(r *run, cl, sv *side) { cl.flags(tcpSYN); sv.flags(tcpRST | tcpACK) }, []wire.EventKind{wire.EventTCPRefused}},
		{"refused, not SIP", 80, func(r *run, cl, sv *side) { cl.flags(tcpSYN); sv.flags(tcpRST | tcpACK) }, nil},
		{"refused again and again", 5061, func(r *run, cl, sv *side) {
			for range 3 {
				cl.flags(tcpSYN)
				sv.flags(tcpRST | tcpACK)
			}
		}, []wire.EventKind{wire.EventTCPRefused, wire.EventTCPRefused, wire.EventTCPRefused}},
		{"SYN repeated", 5060, func(r *run, cl, sv *side) {
			for range 4 {
				cl.seq = 1000
				cl.flags(tcpSYN)
				r.now += 4e9
			}
			r.now += 20e9
			r.feed(101, sipUDP(msg))
		}, []wire.EventKind{wire.EventSYNTimeout}},
		{"SYN at the end of the capture", 5060, func(r *run, cl, sv *side) { cl.flags(tcpSYN) }, nil},
		{"SYN answered late", 5060, func(r *run, cl, sv *side) {
			cl.flags(tcpSYN)
			r.now += 3e9
			cl.seq = 1000
			handshake(cl, sv)
		}, nil},
		{"reset after SIP", 12345, func(r *run, cl, sv *side) {
			handshake(cl, sv)
			cl.send(msg)
			sv.flags(tcpRST)
			sv.flags(tcpRST)
		}, []wire.EventKind{wire.EventTCPReset}},
		{"closed", 5060, func(r *run, cl, sv *side) {
			handshake(cl, sv)
			cl.send(msg)
			sv.flags(tcpFIN | tcpACK)
			cl.flags(tcpFIN | tcpACK)
		}, []wire.EventKind{wire.EventTCPClosed}},
		{"reset after close", 5060, func(r *run, cl, sv *side) {
			handshake(cl, sv)
			cl.send(msg)
			cl.flags(tcpFIN | tcpACK)
			cl.flags(tcpRST)
		}, []wire.EventKind{wire.EventTCPClosed}},
		{"stray reset", 5060, func(r *run, cl, sv *side) { sv.flags(tcpRST) }, []wire.EventKind{wire.EventTCPReset}},
		{"ports reused", 5060, func(r *run, cl, sv *side) {
			handshake(cl, sv)
			cl.send(msg)
			cl.flags(tcpFIN | tcpACK)
			sv.flags(tcpFIN | tcpACK)
			cl.seq, sv.seq = 77_000_000, 5
			handshake(cl, sv)
			cl.send(msg)
		}, []wire.EventKind{wire.EventTCPClosed}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRun(Options{})
			cl, sv := dial(r, tc.port)
			tc.run(r, cl, sv)
			r.Flush(r.now)
			var kinds []wire.EventKind
			for _, e := range r.events {
				kinds = append(kinds, e.Kind)
				if e.Flow.Src.Addr() != alice || e.Flow.Dst != netip.AddrPortFrom(bob, uint16(tc.port)) || e.Detail == "" {
					t.Errorf("event %+v: flow is not the client's", e)
				}
			}
			if !slices.Equal(kinds, tc.want) {
				t.Errorf("events %v, want %v", kinds, tc.want)
			}
			if tc.name == "ports reused" && len(r.payloads) != 2 {
				t.Errorf("%d payloads, want 2", len(r.payloads))
			}
			checkStats(t, r)
		})
	}
}

// TestStreamCaps floods every cap of streams and holds the counts to it.
func TestStreamCaps(t *testing.T) {
	opt := Options{MaxSIPConns: 100, MaxHalfOpen: 50, MaxOtherConns: 30, MaxStreamBytes: 10_000, MaxBufferedBytes: 100_000}
	r := newRun(opt)
	check := func() {
		t.Helper()
		d := r.Decoder
		if d.tcp.halfOpen.n > opt.MaxHalfOpen || d.tcp.other.n > opt.MaxOtherConns || d.tcp.live.n > opt.MaxSIPConns {
			t.Fatalf("%d half open, %d other, %d live", d.tcp.halfOpen.n, d.tcp.other.n, d.tcp.live.n)
		}
		if d.tcp.buffered > opt.MaxBufferedBytes || d.tcp.unanswered.n > opt.MaxHalfOpen {
			t.Fatalf("%d bytes, %d unanswered", d.tcp.buffered, d.tcp.unanswered.n)
		}
		if n := len(d.tcp.conns); n != d.tcp.halfOpen.n+d.tcp.other.n+d.tcp.live.n {
			t.Fatalf("%d connections, %d in lists", n, d.tcp.halfOpen.n+d.tcp.other.n+d.tcp.live.n)
		}
	}
	part := sipMessage("part", 3000)
	for i := range 1000 {
		cl, sv := dial(r, 5060)
		cl.sport, sv.dport = 10000+i, 10000+i
		cl.flags(tcpSYN)
		check()
		cl.sport, sv.dport = 20000+i, 20000+i
		handshake(cl, sv)
		cl.send(part[:2500])
		check()
		cl.sport = 30000 + i
		cl.send(part[:1000])
		cl.at(500, part[:2000]) // beyond a hole
		check()
		cl.sport = 40000 + i
		cl.dport = 443
		cl.flags(tcpSYN)
		cl.send([]byte("\x00\x01\x02 something else altogether\n"))
		check()
	}
	for i := range 3000 { // one direction alone: a hole and then much
		cl, _ := dial(r, 5060)
		cl.at(0, part[:100])
		cl.at(200+i*1000, part[:1000])
		if h := r.Decoder.tcp.held.tail; h != nil && h.owner.segBytes+len(h.owner.buf) > 2*opt.MaxStreamBytes {
			t.Fatalf("one direction holds %d bytes", h.owner.segBytes+len(h.owner.buf))
		}
		check()
	}
	s := r.Stats().TCP
	if s.EvictedHalfOpen == 0 || s.EvictedOther == 0 || s.EvictedSIP == 0 || s.EvictedBuffers == 0 {
		t.Errorf("a cap that was never reached: %+v", s)
	}
	r.Flush(r.now)
	check()
	checkStats(t, r)
}

// TestSmallSegmentFlood holds memory, not only bytes, to the cap: many segments of one byte beyond a hole.
func TestSmallSegmentFlood(t *testing.T) {
	opt := Options{MaxBufferedBytes: 1 << 20}
	r := newRun(opt)
	for i := range 20_000 {
		cl, _ := dial(r, 5060)
		cl.sport = 10_000 + i%100
		if i < 100 {
			cl.at(0, []byte("\r\n"))
		}
		cl.at(10+2*(i/100), []byte("x"))
		held := 0
		for n := r.Decoder.tcp.held.head; n != nil; n = n.next {
			held += cap(n.owner.buf)
			for _, s := range n.owner.segs {
				held += cap(s.data)
			}
			if i%500 != 0 {
				break
			}
		}
		if i%500 == 0 && held != r.Decoder.tcp.buffered || r.Decoder.tcp.buffered > opt.MaxBufferedBytes {
			t.Fatalf("%d bytes of memory held, %d counted", held, r.Decoder.tcp.buffered)
		}
	}
	r.Flush(r.now)
	checkStats(t, r)
}

// TestPoints holds that a hole given up at one capture point does not name another's packet.
func TestPoints(t *testing.T) {
	r := newRun(Options{})
	msg := sipMessage("a", 0)
	cl, sv := dial(r, 5060)
	handshake(cl, sv)
	cl.send(msg)
	cl.at(100, msg)
	r.now += 6e9
	b := sipUDP(msg)
	r.Packet(&wire.Packet{Ref: wire.PacketRef{Number: 99}, Time: r.now, Point: 3, Link: 101, WireLen: len(b), Data: b})
	if len(r.payloads) != 3 {
		t.Fatalf("messages %q", r.messages())
	}
	if p := r.payloads[1]; p.Point != 0 || p.Flow.Transport != wire.TCP {
		t.Errorf("from beyond the hole: %+v", p)
	}
	if p := r.payloads[2]; p.Point != 3 || p.Ref.Number != 99 {
		t.Errorf("the packet at hand: %+v", p)
	}
}
