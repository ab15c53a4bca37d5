package hep_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"sipcause/internal/decode"
	"sipcause/internal/hep"
	"sipcause/internal/wire"
)

const start = wire.Time(1_700_000_000_123_456_000)

// heard is what a decoder made of HEP packets.
type heard struct {
	payloads []wire.Payload
	notes    []wire.Note
}

func (h *heard) Payload(p *wire.Payload) {
	own := *p
	own.Data = bytes.Clone(p.Data)
	h.payloads = append(h.payloads, own)
}

func (h *heard) Note(n *wire.Note) {
	own := *n
	own.CallID, own.Text = bytes.Clone(n.CallID), bytes.Clone(n.Text)
	h.notes = append(h.notes, own)
}
func (h *heard) Event(*wire.Event) {}
func (h *heard) Gap(wire.Gap)      {}
func (h *heard) Media(*wire.Media) {}

func request(n int) []byte {
	return fmt.Appendf(nil, "INVITE sip:bob@example.com SIP/2.0\r\nCall-ID: a@example.com\r\nContent-Length: %d\r\n\r\n%s", n, strings.Repeat("x", n))
}

func flow(t wire.Transport, src, dst string) wire.Flow {
	return wire.Flow{Transport: t, Src: netip.MustParseAddrPort(src), Dst: netip.MustParseAddrPort(dst)}
}

// TestRoundTrip: what is encoded is what decode reads.
func TestRoundTrip(t *testing.T) {
	v4, v6 := flow(wire.UDP, "192.0.2.1:5060", "198.51.100.2:5070"), flow(wire.TLS, "[2001:db8::1]:5061", "[2001:db8::2]:65535")
	flows := []wire.Flow{
		v4, v6,
		{Transport: wire.TCP, Src: v4.Src, Dst: v4.Dst},
		{Transport: wire.WS, Src: v4.Src, Dst: v4.Dst},
		{Transport: wire.WSS, Src: v6.Src, Dst: v4.Dst},
		{Transport: wire.SCTP, Src: v4.Src, Dst: v6.Dst},
		{Src: v4.Src, Dst: v4.Dst},
	}
	for _, e := range []hep.Encoder{{}, {Node: 2001, NodeName: "edge-1", Key: "secret"}, {Node: 1, Compress: true}} {
		for _, f := range flows {
			for _, size := range []int{0, 1000, 60000} {
				var names []string
				var h heard
				d := decode.New(&h, decode.Options{Points: func(name string) uint16 {
					names = append(names, name)
					return 9
				}})
				m := hep.Message{Time: start, Flow: f, Type: hep.TypeSIP, Payload: request(size)}
				b, ok := e.Append([]byte("before"), &m)
				if !ok || string(b[:6]) != "before" {
					t.Fatalf("not encoded: %v", ok)
				}
				b = b[6:]
				d.Packet(&wire.Packet{Time: start + 1e9, Point: 3, Link: wire.LinkHEP, WireLen: len(b), Data: b})
				if len(h.payloads) != 1 {
					t.Fatalf("%d payloads; %+v", len(h.payloads), d.Stats())
				}
				p := h.payloads[0]
				point := uint16(3)
				if e.Node != 0 {
					point = 9
				}
				if p.Flow != f || p.Time != start || !bytes.Equal(p.Data, m.Payload) || p.Truncated || !p.ViaHEP || p.Point != point {
					t.Errorf("flow %v time %d truncated %v point %d, want %v %d", p.Flow, p.Time, p.Truncated, p.Point, f, start)
				}
				want := ""
				if e.Node != 0 {
					want = "hep:" + fmt.Sprint(e.Node)
				}
				if e.NodeName != "" {
					want = e.NodeName
				}
				if got := strings.Join(names, " "); got != want {
					t.Errorf("names %q, want %q", got, want)
				}
				if string(hep.Key(b)) != e.Key {
					t.Errorf("key %q, want %q", hep.Key(b), e.Key)
				}
				if e.Compress && size >= 1000 && len(b) > 400 {
					t.Errorf("%d bytes for %d compressed", len(b), size)
				}
				if junk, n := hep.Frame(b); junk != 0 || n != len(b) {
					t.Errorf("framed as %d, %d of %d", junk, n, len(b))
				}
			}
		}
	}
}

// TestNote: what is no SIP goes with the Call-ID that it is about.
func TestNote(t *testing.T) {
	var h heard
	d := decode.New(&h, decode.Options{})
	e := hep.Encoder{Node: 7}
	for typ, kind := range map[uint8]wire.NoteKind{hep.TypeLog: wire.NoteLog, hep.TypeRTCP: wire.NoteRTCP, 34: wire.NoteQuality} {
		h.notes = nil
		b, _ := e.Append(nil, &hep.Message{Time: start, Type: typ, Correlation: "a@example.com", Payload: []byte("text")})
		d.Packet(&wire.Packet{Time: start, Link: wire.LinkHEP, WireLen: len(b), Data: b})
		if len(h.notes) != 1 || h.notes[0].Kind != kind || string(h.notes[0].CallID) != "a@example.com" || string(h.notes[0].Text) != "text" {
			t.Errorf("type %d: %+v", typ, h.notes)
		}
	}
	b := e.AppendKeepAlive(nil, 30)
	d.Packet(&wire.Packet{Time: start, Link: wire.LinkHEP, WireLen: len(b), Data: b})
	if s := d.Stats(); s.Keepalives != 1 || len(s.Undecoded) != 0 {
		t.Errorf("%+v", s)
	}
}

// TestBounds: what does not fit is refused, and what is too long beside it is cut.
func TestBounds(t *testing.T) {
	e := hep.Encoder{NodeName: strings.Repeat("n", 70000)}
	if b, ok := e.Append([]byte("x"), &hep.Message{Payload: make([]byte, 65500)}); ok || string(b) != "x" {
		t.Errorf("%d bytes, %v", len(b), ok)
	}
	if b, ok := e.Append(nil, &hep.Message{Payload: make([]byte, 64000)}); !ok || len(b) > 65535 {
		t.Errorf("%d bytes, %v", len(b), ok)
	}
	e.Compress = true
	if b, ok := e.Append(nil, &hep.Message{Payload: make([]byte, 100000)}); !ok || len(b) > 3000 {
		t.Errorf("%d bytes, %v", len(b), ok)
	}
}

func TestFrame(t *testing.T) {
	for _, tc := range []struct {
		in      string
		junk, n int
	}{
		{"", 0, 0},
		{"HEP3\x00\x06", 0, 6},
		{"HEP3\x01\x00rest", 0, 256},
		{"HEP3\x00", 0, 0},
		{"HEP", 0, 0},
		{"xxHEP3\x00\x06", 2, 6},
		{"HEP3\x00\x05HEP3\x00\x07a", 6, 7},
		{"xxxx", 4, 0},
		{"xxHE", 2, 0},
		{"HEHEP", 2, 0},
		{"HEP3\x00\x05", 6, 0},
	} {
		if junk, n := hep.Frame([]byte(tc.in)); junk != tc.junk || n != tc.n {
			t.Errorf("%q: %d, %d; want %d, %d", tc.in, junk, n, tc.junk, tc.n)
		}
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	for _, compress := range []bool{false, true} {
		e := hep.Encoder{Node: 1, NodeName: "edge", Key: "secret", Compress: compress}
		m := hep.Message{Time: start, Flow: flow(wire.UDP, "192.0.2.1:5060", "192.0.2.2:5060"), Type: hep.TypeSIP, Correlation: "c", Payload: request(500)}
		buf, _ := e.Append(nil, &m)
		if n := testing.AllocsPerRun(200, func() { buf, _ = e.Append(buf[:0], &m) }); n != 0 {
			t.Errorf("compress %v: %v allocations", compress, n)
		}
	}
}

// FuzzChunks: reading goes forward and ends, and what is framed is within bounds.
func FuzzChunks(f *testing.F) {
	e := hep.Encoder{Node: 1, NodeName: "edge", Key: "secret"}
	b, _ := e.Append(nil, &hep.Message{Payload: request(10)})
	f.Add(b)
	f.Add(b[6:])
	f.Fuzz(func(t *testing.T, b []byte) {
		if key := hep.Key(b); len(key) > len(b) {
			t.Errorf("key of %d bytes", len(key))
		}
		if junk, n := hep.Frame(b); junk > len(b) || n != 0 && n < hep.HeaderLen || n > 65535 {
			t.Errorf("frame %d, %d of %d", junk, n, len(b))
		}
		for rest := b; ; {
			c, next, ok := hep.Next(rest)
			if !ok {
				break
			}
			if len(next) >= len(rest) || len(c.Value)+hep.ChunkLen+len(next) != len(rest) {
				t.Fatalf("%d and %d of %d", len(c.Value), len(next), len(rest))
			}
			rest = next
		}
	})
}
