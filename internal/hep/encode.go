package hep

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"github.com/klauspost/compress/zlib"

	"sipcause/internal/wire"
)

// Message is what an agent tells of one message that it saw.
type Message struct {
	Time        wire.Time // when it was seen; whole microseconds are sent; 0: none is
	Flow        wire.Flow // where
	Type        uint8     // of Payload: TypeSIP, …
	Correlation string    // Call-ID that Payload is about, where it does not say so itself; "": none is sent
	Payload     []byte
}

// Encoder writes packets of version 3. The zero value is ready; it is for one goroutine.
type Encoder struct {
	Node     uint32 // number of the agent
	NodeName string // "": none is sent
	Key      string // shared secret; "": none is sent
	Compress bool   // payloads that become shorter by it (zlib)

	deflater *zlib.Writer
	deflated bytes.Buffer
}

// minDeflated is the length of payloads that are not worth compressing.
const minDeflated = 128

// Append appends the packet for m to b. Not ok: m is longer than a packet can be, and b is as it was. It allocates
// nothing where b has room.
func (e *Encoder) Append(b []byte, m *Message) (packet []byte, ok bool) {
	from := len(b)
	b = append(b, Magic...)
	b = append(b, 0, 0)
	b = appendFlow(b, &m.Flow)
	if m.Time != 0 {
		b = appendUint32(b, ChunkSeconds, uint32(m.Time/1e9))
		b = appendUint32(b, ChunkMicros, uint32(m.Time%1e9/1e3))
	}
	b = append(appendHeader(b, ChunkType, 1), m.Type)
	b = appendUint32(b, ChunkNode, e.Node)
	b = appendText(b, ChunkKey, e.Key)
	b = appendText(b, ChunkCorrelation, m.Correlation)
	b = appendText(b, ChunkNodeName, e.NodeName)
	kind, payload := uint16(ChunkPayload), m.Payload
	if e.Compress && len(payload) >= minDeflated {
		if short := e.deflate(payload); len(short) < len(payload) {
			kind, payload = ChunkDeflated, short
		}
	}
	n := len(b) - from + ChunkLen + len(payload)
	if n > 0xffff {
		return b[:from], false
	}
	b = append(appendHeader(b, kind, len(payload)), payload...)
	binary.BigEndian.PutUint16(b[from+len(Magic):], uint16(n))
	return b, true
}

// AppendKeepAlive appends a packet that says only that the agent is there, and sends another within so many seconds.
func (e *Encoder) AppendKeepAlive(b []byte, seconds uint16) []byte {
	from := len(b)
	b = append(b, Magic...)
	b = append(b, 0, 0)
	b = appendUint32(b, ChunkNode, e.Node)
	b = appendText(b, ChunkKey, e.Key)
	b = appendText(b, ChunkNodeName, e.NodeName)
	b = binary.BigEndian.AppendUint16(appendHeader(b, ChunkKeepAlive, 2), seconds)
	binary.BigEndian.PutUint16(b[from+len(Magic):], uint16(len(b)-from))
	return b
}

func (e *Encoder) deflate(payload []byte) []byte {
	e.deflated.Reset()
	if e.deflater == nil {
		e.deflater = zlib.NewWriter(&e.deflated)
	} else {
		e.deflater.Reset(&e.deflated)
	}
	_, _ = e.deflater.Write(payload) // a buffer takes everything
	_ = e.deflater.Close()
	return e.deflated.Bytes()
}

// appendFlow appends the addresses. A flow with an address of IPv6 has both of that family.
func appendFlow(b []byte, f *wire.Flow) []byte {
	src, dst := f.Src.Addr(), f.Dst.Addr()
	family, srcType, dstType := byte(10), uint16(ChunkSrc6), uint16(ChunkDst6)
	if !src.Is6() && !dst.Is6() {
		family, srcType, dstType = 2, ChunkSrc4, ChunkDst4
	}
	b = append(appendHeader(b, ChunkFamily, 1), family)
	b = append(appendHeader(b, ChunkProtocol, 1), protocolOf(f.Transport))
	b = appendAddr(b, srcType, src)
	b = appendAddr(b, dstType, dst)
	b = binary.BigEndian.AppendUint16(appendHeader(b, ChunkSrcPort, 2), f.Src.Port())
	return binary.BigEndian.AppendUint16(appendHeader(b, ChunkDstPort, 2), f.Dst.Port())
}

func appendAddr(b []byte, kind uint16, a netip.Addr) []byte {
	if kind == ChunkSrc4 || kind == ChunkDst4 {
		var v4 [4]byte
		if a.Is4() {
			v4 = a.As4()
		}
		return append(appendHeader(b, kind, 4), v4[:]...)
	}
	var v6 [16]byte
	if a.IsValid() {
		v6 = a.As16()
	}
	return append(appendHeader(b, kind, 16), v6[:]...)
}

// IP protocol numbers, and those that capture agents put for what has none; for wss no agent has one, and this is ours.
const (
	protocolTCP  = 6
	protocolUDP  = 17
	protocolTLS  = 22
	protocolWS   = 50
	protocolWSS  = 56
	protocolSCTP = 132
)

// Transport returns what a protocol number of a packet stands for: IP protocol numbers, and those that agents borrow
// for TLS and WebSocket.
func Transport(protocol byte) wire.Transport {
	switch protocol {
	case protocolUDP:
		return wire.UDP
	case protocolTCP:
		return wire.TCP
	case protocolSCTP:
		return wire.SCTP
	case protocolTLS:
		return wire.TLS
	case protocolWS:
		return wire.WS
	case protocolWSS:
		return wire.WSS
	}
	return wire.UnknownTransport
}

// protocolOf is the inverse of Transport; 0 for what is not known.
func protocolOf(t wire.Transport) byte {
	return [...]byte{wire.UDP: protocolUDP, wire.TCP: protocolTCP, wire.TLS: protocolTLS, wire.WS: protocolWS, wire.WSS: protocolWSS, wire.SCTP: protocolSCTP}[t]
}

func appendHeader(b []byte, kind uint16, n int) []byte {
	n += ChunkLen
	return append(b, 0, 0, byte(kind>>8), byte(kind), byte(n>>8), byte(n))
}

func appendUint32(b []byte, kind uint16, v uint32) []byte {
	return binary.BigEndian.AppendUint32(appendHeader(b, kind, 4), v)
}

// appendText appends a chunk of text, unless it is empty. Longer ones are cut: their length has 16 bits.
func appendText(b []byte, kind uint16, s string) []byte {
	if s == "" {
		return b
	}
	s = s[:min(len(s), longestText)]
	return append(appendHeader(b, kind, len(s)), s...)
}

// longestText is what is sent of a text beside a payload.
const longestText = 1024
