package decode

import (
	"bytes"
	"compress/flate"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// deflater compresses the messages of one direction, with or without context takeover.
type deflater struct {
	out   bytes.Buffer
	flate *flate.Writer
	alone bool
}

func newDeflater(t testing.TB, alone bool) *deflater {
	z := &deflater{alone: alone}
	var err error
	if z.flate, err = flate.NewWriter(&z.out, flate.BestCompression); err != nil {
		t.Fatal(err)
	}
	return z
}

// message returns data as RFC 7692 §7.2.1 has it.
func (z *deflater) message(data []byte) []byte {
	z.out.Reset()
	if z.alone {
		z.flate.Reset(&z.out)
	}
	_, _ = z.flate.Write(data)
	_ = z.flate.Flush()
	return slices.Clone(bytes.TrimSuffix(z.out.Bytes(), []byte("\x00\x00\xff\xff")))
}

// wsDeflated returns a handshake that agrees on compression with the parameters given.
func wsDeflated(params string) string {
	return strings.TrimSuffix(wsResponse, "\r\n") + "sec-websocket-extensions: foo, Permessage-Deflate" + params + "\r\n\r\n"
}

// open returns both ends of a WebSocket whose handshake had the response given.
func openWS(r *run, response string) (cl, sv *side) {
	cl, sv = dial(r, 80)
	handshake(cl, sv)
	cl.send([]byte(wsRequest))
	sv.send([]byte(response))
	return cl, sv
}

func TestWebSocketDeflate(t *testing.T) {
	const none = "; server_no_context_takeover; client_no_context_takeover"
	for _, tc := range []struct {
		name, params     string
		clAlone, svAlone bool
	}{
		{"context takeover", "", false, false},
		{"window bits", "; server_max_window_bits=10; client_max_window_bits=15", false, false},
		{"none", none, true, true},
		{"none of the client", "; client_no_context_takeover", true, false},
		{"none of the server", "; Server_No_Context_Takeover", false, true},
	} {
		for _, size := range []int{1 << 15, 33} {
			r := newRun(Options{})
			cl, sv := openWS(r, wsDeflated(tc.params))
			up, down := newDeflater(t, tc.clAlone), newDeflater(t, tc.svAlone)
			var want [][]byte
			for i := range 40 { // far more than a window holds
				a, b := sipMessage(fmt.Sprint("up", i), 2000), sipMessage(fmt.Sprint("down", i), 50)
				if i == 20 {
					a = sipMessage("large", 90_000)
				}
				z := up.message(a)
				frames := wsFrameBytes(0xc1, z, true)
				if i%3 == 1 { // in fragments, a ping between
					frames = cat(wsFrameBytes(0x41, z[:7], true), wsFrameBytes(0x89, []byte("hi"), true), wsFrameBytes(0x00, z[7:9], true), wsFrameBytes(0x80, z[9:], true))
				}
				if i%5 == 2 { // one that is not compressed, between
					frames = append(frames, wsFrameBytes(0x81, b, true)...)
				}
				for c := range slices.Chunk(frames, size) {
					cl.send(c)
				}
				want = append(want, a)
				if i%5 == 2 {
					want = append(want, b)
				}
				sv.send(wsFrameBytes(0xc1, down.message(b), false))
				want = append(want, b)
			}
			t.Run(tc.name, func(t *testing.T) { wantMessages(t, r, want...) })
			r.Flush(r.now)
			if u := r.Stats().Undecoded; len(u) != 0 {
				t.Errorf("%s: undecoded %v", tc.name, u)
			}
			checkStats(t, r)
		}
	}
}

// TestWebSocketDeflateExamples reads the examples of RFC 7692 §7.2.3: each is "Hello".
func TestWebSocketDeflateExamples(t *testing.T) {
	for _, tc := range []string{
		"f248cdc9c90700",              // §7.2.3.1, one block
		"000500faff48656c6c6f00",      // §7.2.3.3, a block without compression
		"f348cdc9c9070000",            // §7.2.3.4, with BFINAL
		"f248050000 00ffffcac9c90700", // §7.2.3.5, two blocks
	} {
		b, err := hex.DecodeString(strings.ReplaceAll(tc, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		d := New(discard{}, Options{})
		h := &half{deflate: deflateAlone}
		if got, ok := d.inflate(h, b); !ok || string(got) != "Hello" {
			t.Errorf("%s: %q, %v, undecoded %v", tc, got, ok, d.Stats().Undecoded)
		}
	}
	d := New(discard{}, Options{})
	h := &half{deflate: deflateContext}
	h.conn = &conn{}
	for _, tc := range []string{"\xf2\x48\xcd\xc9\xc9\x07\x00", "\xf2\x00\x11\x00\x00"} { // §7.2.3.2, the second refers to the first
		if got, ok := d.inflate(h, []byte(tc)); !ok || string(got) != "Hello" {
			t.Errorf("%x: %q, %v", tc, got, ok)
		}
	}
}

// TestWebSocketDeflateLost: what cannot be read is counted by its reason, and what can still is.
func TestWebSocketDeflateLost(t *testing.T) {
	a := sipMessage("a", 300)
	bomb := make([]byte, 10<<20)
	for _, tc := range []struct {
		name, params string
		feed         func(cl *side, z *deflater)
		messages     int
		undecoded    map[string]uint64
	}{
		{"bomb", "", func(cl *side, z *deflater) {
			cl.send(wsFrameBytes(0xc1, z.message(a), true))
			cl.send(wsFrameBytes(0xc1, z.message(bomb), true))
			cl.send(wsFrameBytes(0xc1, z.message(a), true))
			cl.send(wsFrameBytes(0x81, a, true))
		}, 2, map[string]uint64{"ws-inflated-too-long": 1, "ws-deflate": 1}},
		{"bomb alone", "; client_no_context_takeover", func(cl *side, z *deflater) {
			cl.send(wsFrameBytes(0xc1, z.message(bomb), true))
			cl.send(wsFrameBytes(0xc1, z.message(a), true))
		}, 1, map[string]uint64{"ws-inflated-too-long": 1}},
		{"damaged", "", func(cl *side, z *deflater) {
			cl.send(wsFrameBytes(0xc1, []byte{0x07, 0xff, 1, 2, 3}, true))
			cl.send(wsFrameBytes(0xc1, z.message(a), true))
		}, 0, map[string]uint64{"ws-deflate-bad": 1, "ws-deflate": 1}},
		{"damaged alone", "; client_no_context_takeover", func(cl *side, z *deflater) {
			cl.send(wsFrameBytes(0xc1, []byte{0x07, 0xff, 1, 2, 3}, true))
			cl.send(wsFrameBytes(0xc1, z.message(a), true))
		}, 1, map[string]uint64{"ws-deflate-bad": 1}},
		{"frame never ended", "", func(cl *side, z *deflater) {
			cl.send(wsFrameBytes(0x41, z.message(a)[:20], true))
			cl.send(wsFrameBytes(0xc1, z.message(a), true))
		}, 0, map[string]uint64{"ws-deflate": 1}},
		{"hole", "", func(cl *side, z *deflater) {
			cl.send(wsFrameBytes(0xc1, z.message(a), true))
			cl.seq += uint32(len(wsFrameBytes(0xc1, z.message(a), true)))
			cl.send(wsFrameBytes(0x81, a, true))
			cl.r.now += 6e9
			cl.send(wsFrameBytes(0xc1, z.message(a), true))
			cl.send(wsFrameBytes(0x81, a, true))
		}, 3, map[string]uint64{"ws-deflate": 1}},
		{"hole alone", "; client_no_context_takeover", func(cl *side, z *deflater) {
			z.message(a)
			cl.seq += 100
			cl.send(wsFrameBytes(0xc1, z.message(sipMessage("b", 3000)), true)[50:]) // its end
			cl.r.now += 6e9
			cl.send(wsFrameBytes(0xc1, z.message(a), true))
			cl.send(wsFrameBytes(0xc1, z.message(a), true))
		}, 2, map[string]uint64{"ws-frame-bad": 1}},
	} {
		r := newRun(Options{})
		cl, _ := openWS(r, wsDeflated(tc.params))
		tc.feed(cl, newDeflater(t, strings.Contains(tc.params, "client_no")))
		r.Flush(r.now)
		if u := r.Stats().Undecoded; !maps.Equal(u, tc.undecoded) || len(r.payloads) != tc.messages {
			t.Errorf("%s: %d messages, want %d; undecoded %v, want %v", tc.name, len(r.payloads), tc.messages, u, tc.undecoded)
		}
		if n := cap(r.tcp.inflater.out.Bytes()); n > 4*r.opt.MaxStreamBytes {
			t.Errorf("%s: %d bytes held", tc.name, n)
		}
		checkStats(t, r)
	}
}

// TestWebSocketDeflateBegunBefore: without the handshake nobody knows what the messages refer to.
func TestWebSocketDeflateBegunBefore(t *testing.T) {
	a := sipMessage("a", 300)
	r := newRun(Options{})
	cl, _ := dial(r, 8080)
	z := newDeflater(t, false)
	cl.send(wsFrameBytes(0x81, a, true))
	cl.send(wsFrameBytes(0xc1, z.message(a), true))
	cl.send(cat(wsFrameBytes(0x41, z.message(a), true), wsFrameBytes(0x80, nil, true)))
	cl.send(wsFrameBytes(0x81, a, true))
	wantMessages(t, r, a, a)
	if u := r.Stats().Undecoded; !maps.Equal(u, map[string]uint64{"ws-deflate": 2}) {
		t.Errorf("undecoded %v", u)
	}
	r.Flush(r.now)
	checkStats(t, r)
}

// TestWindowCap: of too many directions with a window, the one idle longest loses it and says so.
func TestWindowCap(t *testing.T) {
	r := newRun(Options{})
	a := sipMessage("a", 100)
	var clients []*side
	var zs []*deflater
	for i := range maxWindows + 10 {
		cl, sv := dial(r, 80)
		cl.sport, sv.dport = 1024+i, 1024+i
		handshake(cl, sv)
		cl.send([]byte(wsRequest))
		sv.send([]byte(wsDeflated("")))
		z := newDeflater(t, false)
		cl.send(wsFrameBytes(0xc1, z.message(a), true))
		if i < 12 || i > maxWindows {
			clients, zs = append(clients, cl), append(zs, z)
		}
	}
	if n := r.tcp.windows.n; n != maxWindows {
		t.Errorf("%d windows", n)
	}
	for i, cl := range clients {
		cl.send(wsFrameBytes(0xc1, zs[i].message(a), true))
	}
	if n := r.Stats().Undecoded["ws-deflate"]; n != 10 || len(r.payloads) != maxWindows+10+len(clients)-10 {
		t.Errorf("%d of %d messages lost", n, len(r.payloads))
	}
	for c := range maps.Values(r.tcp.conns) {
		r.dropConn(c)
	}
	if n := r.tcp.windows.n; n != 0 {
		t.Errorf("%d windows of connections that are gone", n)
	}
}

func TestWebSocketDeflateNoAllocation(t *testing.T) {
	d := New(discard{}, Options{})
	h := &half{deflate: deflateAlone, conn: &conn{}}
	b := newDeflater(t, true).message(sipMessage("a", 300))
	d.inflate(h, b)
	// What compress/flate allocates for its code tables is its own; a message of fixed codes takes none.
	b = []byte("\xf2\x48\xcd\xc9\xc9\x07\x00")
	d.inflate(h, b)
	if n := testing.AllocsPerRun(100, func() { d.inflate(h, b) }); n != 0 {
		t.Errorf("%v allocations per message", n)
	}
}

func FuzzInflate(f *testing.F) {
	z := newDeflater(f, false)
	f.Add(z.message(sipMessage("a", 100)), z.message(sipMessage("b", 100)), true)
	f.Add([]byte("\xf2\x48\xcd\xc9\xc9\x07\x00"), []byte("\xf2\x00\x11\x00\x00"), false)
	f.Fuzz(func(t *testing.T, a, b []byte, masked bool) {
		if len(a)+len(b) > 1<<16 {
			return
		}
		r := newRun(Options{MaxStreamBytes: 8192})
		cl, sv := openWS(r, wsDeflated(""))
		for _, m := range [][]byte{a, b, a} {
			cl.send(wsFrameBytes(0xc1, m, masked))
			sv.send(wsFrameBytes(0x41, m, masked))
		}
		for _, p := range r.payloads {
			if len(p.Data) > 8192 {
				t.Errorf("%d bytes", len(p.Data))
			}
		}
		r.Flush(r.now)
		checkStats(t, r)
	})
}
