package decode

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"sipcause/internal/wire"
)

// BenchmarkTCP decodes one message per segment of a connection that goes on for ever.
func BenchmarkTCP(b *testing.B) {
	msg := sipMessage("bench", 200)
	data := ether(0x0800, ip4(alice, bob, 6, 1, 0, tcp(40000, 5060, 1, 1, 0x18, msg)))
	ack := ether(0x0800, ip4(bob, alice, 6, 1, 0, tcp(5060, 40000, 1, 1, 0x10, nil)))
	d := New(discard{}, Options{})
	p := wire.Packet{Link: 1, Data: data, WireLen: len(data), Time: start}
	a := wire.Packet{Link: 1, Data: ack, WireLen: len(ack), Time: start}
	seq := uint32(1)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		binary.BigEndian.PutUint32(data[14+20+4:], seq)
		seq += uint32(len(msg))
		p.Ref.Number++
		d.Packet(&p)
		d.Packet(&a)
	}
	if n := d.Stats().Payloads["tcp"]; n != uint64(b.N) {
		b.Errorf("%d messages of %d", n, b.N)
	}
}

// side is one end of a TCP connection under test: what it sends next, and where.
type side struct {
	r            *run
	sport, dport int
	up           bool // from alice to bob
	seq          uint32
}

// dial returns both ends of a connection to bob's port, without any packet yet.
func dial(r *run, port int) (client, server *side) {
	return &side{r, 40000, port, true, 1000}, &side{r, port, 40000, false, 9000}
}

func (s *side) packet(seq uint32, flags byte, data []byte) []byte {
	src, dst := alice, bob
	if !s.up {
		src, dst = bob, alice
	}
	return ip4(src, dst, 6, 1, 0, tcp(s.sport, s.dport, seq, 0, flags, data))
}

// at gives the decoder a segment at an offset from what the side sends next.
func (s *side) at(off int, data []byte) { s.r.ip(s.packet(s.seq+uint32(off), 0x10, data)) }

// send gives the decoder the next segment.
func (s *side) send(data []byte) {
	s.at(0, data)
	s.seq += uint32(len(data))
}

func (s *side) flags(f byte) {
	s.r.ip(s.packet(s.seq, f, nil))
	if f&(tcpSYN|tcpFIN) != 0 {
		s.seq++
	}
}

// ack gives the decoder an acknowledgement of all that the other side has sent.
func (s *side) ack(other *side) {
	b := s.packet(s.seq, tcpACK, nil)
	copy(b[28:], u32(other.seq))
	s.r.ip(b)
}

func handshake(client, server *side) {
	client.flags(tcpSYN)
	b := server.packet(server.seq, tcpSYN|tcpACK, nil)
	copy(b[28:], u32(client.seq))
	client.r.ip(b)
	server.seq++
}

// messages returns the payloads' data.
func (r *run) messages() (m []string) {
	for _, p := range r.payloads {
		m = append(m, string(p.Data))
	}
	return m
}

func wantMessages(t *testing.T, r *run, want ...[]byte) {
	t.Helper()
	got := r.messages()
	if len(got) != len(want) {
		t.Fatalf("%d messages, want %d: %.200q; gaps %+v, undecoded %v", len(got), len(want), got, r.gaps, r.Stats().Undecoded)
	}
	for i := range want {
		if got[i] != string(want[i]) {
			t.Errorf("message %d = %q, want %q", i, got[i], want[i])
		}
	}
}

func TestStream(t *testing.T) {
	a, b, c := sipMessage("a", 300), sipMessage("b", 0), sipMessage("c", 3000)
	all := cat(a, b, c)
	response := []byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKa\r\nCall-ID: a@example.com\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")
	for _, tc := range []struct {
		name string
		run  func(client, server *side)
		want [][]byte
	}{
		{"one per segment", func(cl, sv *side) { cl.send(a); cl.send(b); cl.send(c) }, [][]byte{a, b, c}},
		{"several in a segment", func(cl, sv *side) { cl.send(all) }, [][]byte{a, b, c}},
		{"one over many segments", func(cl, sv *side) {
			for i := 0; i < len(all); i += 100 {
				cl.send(all[i:min(len(all), i+100)])
			}
		}, [][]byte{a, b, c}},
		{"byte by byte", func(cl, sv *side) {
			for i := range all {
				cl.send(all[i : i+1])
			}
		}, [][]byte{a, b, c}},
		{"out of order", func(cl, sv *side) {
			cl.at(len(a)+len(b), c)
			cl.at(len(a), b)
			cl.at(0, a)
		}, [][]byte{a, b, c}},
		{"retransmitted", func(cl, sv *side) { cl.send(a); cl.at(-len(a), a); cl.send(b); cl.at(-len(b), b); cl.send(c) }, [][]byte{a, b, c}},
		{"retransmitted longer", func(cl, sv *side) { cl.send(a); cl.at(-len(a), all) }, [][]byte{a, b, c}},
		{"overlapping", func(cl, sv *side) {
			cl.at(50, all[50:400])
			cl.at(30, all[30:500])
			cl.at(450, all[450:])
			cl.at(0, all[:100])
		}, [][]byte{a, b, c}},
		{"overlap that differs: what came first counts", func(cl, sv *side) {
			cl.send(a[:200])
			cl.at(-100, append([]byte(strings.Repeat("X", 100)), a[200:]...))
		}, [][]byte{a}},
		{"keepalives between", func(cl, sv *side) {
			cl.send([]byte("\r\n\r\n"))
			sv.send([]byte("\r\n"))
			cl.send(cat(a, []byte("\r\n\r\n"), b))
			cl.send([]byte("\r\n"))
			cl.send(cat([]byte("\r\n"), c))
		}, [][]byte{a, b, c}},
		{"both directions", func(cl, sv *side) { cl.send(a); sv.send(response); cl.send(b) }, [][]byte{a, response, b}},
		{"reply captured before its request", func(cl, sv *side) { sv.send(response); cl.send(a) }, [][]byte{response, a}},
		{"junk between", func(cl, sv *side) { cl.send(cat(a, []byte("what is this\r\nno idea\r\n"), b)) }, [][]byte{a, b}},
		{"balancer's binary header first", func(cl, sv *side) {
			cl.send(cat([]byte("\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c"), []byte{192, 0, 2, 9, 192, 0, 2, 8, 0xc0, 1, 0x13, 0xc4}, a))
			cl.send(b)
		}, [][]byte{a, b}},
		{"balancer's line first", func(cl, sv *side) { cl.send(cat([]byte("PROXY TCP4 192.0.2.9 192.0.2.8 4 5\r\n"), a)) }, [][]byte{a}},
	} {
		for _, begun := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s begun=%v", tc.name, begun), func(t *testing.T) {
				r := newRun(Options{})
				cl, sv := dial(r, 5060)
				if !begun {
					handshake(cl, sv)
				}
				if begun && (tc.name == "out of order" || tc.name == "overlapping") {
					cl.send([]byte("\r\n")) // or where the stream begins is not known
				}
				tc.run(cl, sv)
				wantMessages(t, r, tc.want...)
				for _, p := range r.payloads {
					if p.Truncated || p.Flow.Transport != wire.TCP {
						t.Errorf("payload %+v", p)
					}
				}
				r.Flush(r.now)
				if len(r.payloads) != len(tc.want) || len(r.gaps) != 0 || len(r.events) != 0 {
					t.Errorf("after flush: %d payloads, gaps %+v, events %+v", len(r.payloads), r.gaps, r.events)
				}
				checkStats(t, r)
			})
		}
	}
}

// TestStreamChunks holds that how a stream is cut and shuffled into segments changes nothing.
func TestStreamChunks(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	var stream []byte
	var want [][]byte
	for i := range 12 {
		m := sipMessage(fmt.Sprintf("m%d", i), rng.IntN(9000))
		want = append(want, m)
		stream = append(stream, m...)
		stream = append(stream, "\r\n\r\n"[:2*rng.IntN(3)]...)
	}
	for round := range 200 {
		r := newRun(Options{})
		cl, sv := dial(r, 5060)
		cl.seq = rng.Uint32() // also across the wrap of sequence numbers
		handshake(cl, sv)
		type piece struct{ off, end int }
		var pieces []piece
		for at := 0; at < len(stream); {
			end := min(len(stream), at+1+rng.IntN(1500))
			pieces = append(pieces, piece{at, end})
			at = end - min(end-at-1, rng.IntN(2)*rng.IntN(50)) // may overlap
			if end == len(stream) {
				break
			}
		}
		for i := range pieces { // near neighbours swapped, some repeated
			if j := i + rng.IntN(4); j < len(pieces) && round%2 == 0 {
				pieces[i], pieces[j] = pieces[j], pieces[i]
			}
		}
		for _, p := range pieces {
			cl.at(p.off, stream[p.off:p.end])
			if rng.IntN(10) == 0 {
				cl.at(p.off, stream[p.off:p.end])
			}
		}
		wantMessages(t, r, want...)
		r.Flush(r.now)
		if len(r.gaps)+len(r.events) != 0 {
			t.Fatalf("gaps %+v, events %+v", r.gaps, r.events)
		}
		checkStats(t, r)
	}
}

func TestStreamHole(t *testing.T) {
	a, b, c := sipMessage("a", 300), sipMessage("b", 300), sipMessage("c", 300)
	where := "192.0.2.1:40000 -> 198.51.100.2:5060"
	for _, tc := range []struct {
		name string
		end  func(r *run, cl, sv *side)
	}{
		{"time passes", func(r *run, cl, sv *side) { r.now += 6e9; sv.flags(tcpACK) }},
		{"acknowledged", func(r *run, cl, sv *side) {
			cl.seq += uint32(len(a) + len(b) + len(c))
			sv.ack(cl)
			r.now += 6e8
			sv.flags(tcpACK)
		}},
		{"end of capture", func(r *run, cl, sv *side) { r.Flush(r.now) }},
		{"reset", func(r *run, cl, sv *side) { sv.flags(tcpRST) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRun(Options{})
			cl, sv := dial(r, 5060)
			handshake(cl, sv)
			cl.at(0, a)
			cl.at(len(a), b[:100])
			cl.at(len(a)+200, cat(b[200:], c))
			if len(r.payloads) != 1 {
				t.Fatalf("%d payloads before the hole is given up", len(r.payloads))
			}
			tc.end(r, cl, sv)
			if len(r.payloads) != 3 {
				t.Fatalf("payloads %q", r.messages())
			}
			if p := r.payloads[1]; !p.Truncated || string(p.Data) != string(wholeFields(b[:100])) || p.Ref.Number != 4 {
				t.Errorf("what came before the hole: %+v %q", p.Ref, p.Data)
			}
			if p := r.payloads[2]; p.Truncated || string(p.Data) != string(c) || p.Ref.Number != 5 {
				t.Errorf("what came after it: %+v %q", p.Ref, p.Data)
			}
			if len(r.gaps) != 1 || r.gaps[0].Kind != wire.GapTCP || r.gaps[0].Bytes != 100 || r.gaps[0].Where != where || r.gaps[0].Flow != r.payloads[0].Flow {
				t.Errorf("gaps %+v", r.gaps)
			}
		})
	}
}

// TestStreamFileOutOfOrder: a message that waited for an earlier one keeps its own time where the file has them the
// other way round.
func TestStreamFileOutOfOrder(t *testing.T) {
	a, b := sipMessage("a", 300), sipMessage("b", 300)
	r := newRun(Options{})
	cl, sv := dial(r, 5060)
	handshake(cl, sv)
	early := r.now
	r.now += 2e9
	later := r.now
	cl.at(len(a), b)
	r.now = early
	cl.at(0, a)
	wantMessages(t, r, a, b)
	if first, second := r.payloads[0].Time, r.payloads[1].Time; first >= later || second < later {
		t.Errorf("times %v and %v, the second was sent at %v", first, second, later)
	}
}

// TestStreamBegun starts in the middle of a message.
func TestStreamBegun(t *testing.T) {
	a, b := sipMessage("a", 2000), sipMessage("b", 10)
	for _, from := range []int{20, 150, 400, 1500} {
		r := newRun(Options{})
		cl, _ := dial(r, 5060)
		for i := from; i < len(a); i += 700 {
			cl.send(a[i:min(len(a), i+700)])
		}
		cl.send(b)
		wantMessages(t, r, b)
		r.Flush(r.now)
		if len(r.payloads) != 1 || len(r.gaps) != 0 {
			t.Errorf("from %d: %d payloads, gaps %+v", from, len(r.payloads), r.gaps)
		}
	}
}

// TestStreamSnapped cuts every packet: each message's beginning is handed on.
func TestStreamSnapped(t *testing.T) {
	r := newRun(Options{})
	cl, sv := dial(r, 5060)
	handshake(cl, sv)
	var sent [][]byte
	for i := range 3 {
		m := sipMessage(fmt.Sprintf("m%d", i), 500)
		sent = append(sent, m)
		r.feedCut(101, cl.packet(cl.seq, 0x18, m), 140)
		cl.seq += uint32(len(m))
	}
	if len(r.payloads) != 3 || len(r.gaps) != 0 {
		t.Fatalf("%d payloads, gaps %+v", len(r.payloads), r.gaps)
	}
	for i, p := range r.payloads {
		if !p.Truncated || string(p.Data) != string(wholeFields(sent[i][:100])) {
			t.Errorf("payload %+v", p)
		}
	}
}

// TestLongMessage sends the largest message that is held in one-byte segments: the work must not grow with
// the square of its length, and every byte must arrive.
func TestLongMessage(t *testing.T) {
	r := newRun(Options{})
	cl, sv := dial(r, 5060)
	handshake(cl, sv)
	m := sipMessage("long", 100_000)
	header := []byte("INVITE sip:bob@example.com SIP/2.0\r\nX: " + strings.Repeat("\r\n y", 20_000) + "\r\nContent-Length: 0\r\n\r\n")
	for _, msg := range [][]byte{m, header} {
		for i := range msg {
			cl.send(msg[i : i+1])
		}
	}
	wantMessages(t, r, m, header)
}

// TestStreamNoAllocation holds TCP to zero allocations per message once its connections are there: messages
// in one segment, in two, and in the wrong order.
func TestStreamNoAllocation(t *testing.T) {
	msg := sipMessage("alloc", 400)
	d := New(discard{}, Options{})
	seg := func(data []byte) *wire.Packet {
		b := ether(0x0800, ip4(alice, bob, 6, 1, 0, tcp(40000, 5060, 1, 1, 0x18, data)))
		return &wire.Packet{Link: 1, Data: b, WireLen: len(b), Time: start}
	}
	whole, head, tail := seg(msg), seg(msg[:300]), seg(msg[300:])
	seq, n := uint32(1), uint64(0)
	send := func(p *wire.Packet, off uint32) {
		binary.BigEndian.PutUint32(p.Data[14+20+4:], seq+off)
		n++
		p.Ref.Number = n
		d.Packet(p)
	}
	round := func() {
		send(whole, 0)
		seq += uint32(len(msg))
		send(head, 0)
		send(tail, 300)
		seq += uint32(len(msg))
		send(tail, 300)
		send(head, 0)
		seq += uint32(len(msg))
	}
	round()
	if a := testing.AllocsPerRun(1000, round); a != 0 {
		t.Errorf("%v allocations for three messages", a)
	}
	if s := d.Stats(); s.Payloads["tcp"] != 3*1002 {
		t.Errorf("%d messages, want %d", s.Payloads["tcp"], 3*1002)
	}
}

// FuzzStream cuts any bytes into segments by a recipe of any bytes, on any port.
func FuzzStream(f *testing.F) {
	msg := sipMessage("fuzz", 5)
	f.Add(cat(msg, msg), []byte{0, 50, 0, 2, 200, 1}, uint16(5060))
	f.Add(cat([]byte("GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: sip\r\n\r\n"), wsFrameBytes(0x81, msg, true)), []byte{255}, uint16(80))
	f.Add(clientHelloBytes("sip.example.com"), []byte{20, 1, 3}, uint16(5061))
	f.Fuzz(func(t *testing.T, b, recipe []byte, port uint16) {
		if len(b) > 1<<16 || len(recipe) == 0 {
			return
		}
		opt := Options{MaxStreamBytes: 4096, MaxBufferedBytes: 8192}
		r := newRun(opt)
		cl, sv := dial(r, int(port))
		if recipe[0]&1 == 0 {
			handshake(cl, sv)
		}
		at, i := 0, 0
		for steps := 0; at < len(b) && steps < 2000; steps++ {
			step := int(recipe[i%len(recipe)])
			i++
			n := min(len(b)-at, step+1)
			switch step % 7 {
			case 1: // again
				cl.at(at-min(at, n), b[max(0, at-n):at])
			case 2: // out of order
				cl.at(at+n, b[at+n:min(len(b), at+2*n)])
			case 3:
				sv.send(b[at : at+n])
			case 4:
				at += n / 2 // a hole
				continue
			case 5:
				r.now += wire.Time(step) * 1e8
			}
			cl.at(at, b[at:at+n])
			at += n
			if r.Decoder.tcp.buffered > opt.MaxBufferedBytes+opt.MaxStreamBytes {
				t.Fatalf("%d bytes held", r.Decoder.tcp.buffered)
			}
		}
		r.Flush(r.now)
		checkStats(t, r)
	})
}
