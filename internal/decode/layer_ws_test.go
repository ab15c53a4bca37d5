package decode

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"sipcause/internal/wire"
)

// wsFrameBytes returns a frame with the first byte given (FIN, RSV and opcode).
func wsFrameBytes(first byte, data []byte, masked bool) []byte {
	b := []byte{first}
	mask := byte(0)
	if masked {
		mask = 0x80
	}
	switch n := len(data); {
	case n < 126:
		b = append(b, mask|byte(n))
	case n < 1<<16:
		b = append(append(b, mask|126), u16(n)...)
	default:
		b = binary.BigEndian.AppendUint64(append(b, mask|127), uint64(n))
	}
	if !masked {
		return append(b, data...)
	}
	key := [4]byte{0x12, 0xf4, 0x56, 0x9a}
	b = append(b, key[:]...)
	for i, c := range data {
		b = append(b, c^key[i%4])
	}
	return b
}

const (
	wsRequest  = "GET /ws HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
	wsResponse = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
)

func TestWebSocket(t *testing.T) {
	a, b := sipMessage("a", 300), sipMessage("b", 70_000)
	frame := wsFrameBytes
	for _, tc := range []struct {
		name   string
		opened bool
		up     []byte // from the client
		down   []byte
		want   [][]byte
	}{
		{"masked and not", true, frame(0x81, a, true), frame(0x81, a, false), [][]byte{a, a}},
		{"binary", true, frame(0x82, a, true), nil, [][]byte{a}},
		{"large", true, frame(0x81, b, true), nil, [][]byte{b}},
		{"fragments with a ping between", true, cat(frame(0x01, a[:100], true), frame(0x89, []byte("hi"), true), frame(0x00, a[100:200], true), frame(0x80, a[200:], true)), nil, [][]byte{a}},
		{"several in one segment", true, cat(frame(0x81, a, true), frame(0x81, []byte("\r\n\r\n"), true), frame(0x81, a, true)), nil, [][]byte{a, a}},
		{"begun before the capture", false, cat(frame(0x81, a, true), frame(0x81, a, true)), frame(0x81, a, false), [][]byte{a, a, a}},
		{"close", true, cat(frame(0x81, a, true), frame(0x88, []byte{3, 0xe8}, true)), nil, [][]byte{a}},
	} {
		for _, size := range []int{1 << 15, 1460, 7} {
			r := newRun(Options{})
			cl, sv := dial(r, 8080)
			if tc.opened {
				handshake(cl, sv)
				cl.send([]byte(wsRequest))
				sv.send([]byte(wsResponse))
			}
			if !tc.opened && size < 1000 {
				continue // too little of the first frame to tell what it is
			}
			for c := range slices.Chunk(tc.up, size) {
				cl.send(c)
			}
			for c := range slices.Chunk(tc.down, size) {
				sv.send(c)
			}
			t.Run(tc.name, func(t *testing.T) { wantMessages(t, r, tc.want...) })
			for _, p := range r.payloads {
				if p.Flow.Transport != wire.WS {
					t.Errorf("%s: transport %v", tc.name, p.Flow.Transport)
				}
			}
			r.Flush(r.now)
			checkStats(t, r)
		}
	}
}

func TestWebSocketOther(t *testing.T) {
	hello := wsFrameBytes(0x81, []byte("hello, this is some chat and no SIP"), true)
	for _, tc := range []struct {
		name, want string
		up         []byte
	}{
		{"compressed", "ws-deflate", cat([]byte(wsRequest), wsFrameBytes(0xc1, []byte("deflated bytes here"), true))},
		{"other subprotocol", "tcp-not-sip", []byte(strings.Replace(wsRequest, ": sip", ": mqtt", 1))},
		{"not SIP inside", "ws-not-sip", cat([]byte(wsRequest), hello)},
		{"bad frame", "ws-frame-bad", cat([]byte(wsRequest), []byte{0x8f, 0xff, 1, 2, 3, 4})},
		{"plain web", "tcp-not-sip", []byte("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")},
	} {
		r := newRun(Options{})
		cl, sv := dial(r, 80)
		handshake(cl, sv)
		cl.send(tc.up)
		r.Flush(r.now)
		if u := r.Stats().Undecoded; u[tc.want] != 1 || len(u) != 1 || len(r.payloads) != 0 {
			t.Errorf("%s: undecoded %v, want one %q", tc.name, u, tc.want)
		}
		checkStats(t, r)
	}
}

// TestWebSocketHole loses a segment: the socket is found again at the next frame that holds SIP.
func TestWebSocketHole(t *testing.T) {
	a, b := sipMessage("a", 3000), sipMessage("b", 10)
	r := newRun(Options{})
	cl, sv := dial(r, 80)
	handshake(cl, sv)
	cl.send([]byte(wsRequest))
	f := wsFrameBytes(0x81, a, true)
	cl.send(f[:1000])
	cl.seq += 1000
	cl.send(f[2000:])
	r.now += 6e9
	cl.send(wsFrameBytes(0x81, b, true))
	cl.send(wsFrameBytes(0x81, b, true))
	if n := len(r.payloads); n != 2 || string(r.payloads[1].Data) != string(b) {
		t.Errorf("messages %q, gaps %+v, undecoded %v", r.messages(), r.gaps, r.Stats().Undecoded)
	}
	if len(r.gaps) != 1 || r.gaps[0].Kind != wire.GapTCP {
		t.Errorf("gaps %+v", r.gaps)
	}
}
