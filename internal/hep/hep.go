// Package hep reads and writes the frame of HEP version 3, in which capture agents send what they see (HEP3 network
// protocol specification rev. 36). Its one rule: it knows how a packet is laid out, not what of it to believe.
package hep

import (
	"bytes"
	"encoding/binary"
)

// Magic is what a packet of version 3 begins with; the length of all of it follows in two bytes.
const Magic = "HEP3"

// HeaderLen is the length of magic and length, and ChunkLen that of a chunk's header: vendor, type, length of the
// whole chunk.
const (
	HeaderLen = len(Magic) + 2
	ChunkLen  = 6
)

// Types of chunks of vendor 0 (HEP3 §4.1).
const (
	ChunkFamily      = 1  // 2 or 10
	ChunkProtocol    = 2  // an IP protocol number
	ChunkSrc4        = 3  // 4 bytes
	ChunkDst4        = 4  // 4 bytes
	ChunkSrc6        = 5  // 16 bytes
	ChunkDst6        = 6  // 16 bytes
	ChunkSrcPort     = 7  // 2 bytes
	ChunkDstPort     = 8  // 2 bytes
	ChunkSeconds     = 9  // since the Unix epoch, 4 bytes
	ChunkMicros      = 10 // of that second, 4 bytes
	ChunkType        = 11 // what the payload is
	ChunkNode        = 12 // number of the agent, 4 bytes
	ChunkKeepAlive   = 13 // seconds, 2 bytes
	ChunkKey         = 14 // shared secret, in the clear
	ChunkPayload     = 15
	ChunkDeflated    = 16 // the payload, compressed
	ChunkCorrelation = 17 // Call-ID that the payload is about
	ChunkNodeName    = 19
)

// Types of payloads (HEP3 §4.2, and as agents number them since).
const (
	TypeSIP  = 1
	TypeRTCP = 5   // as JSON
	TypeLog  = 100 // a line of text
)

// Chunk is one value of a packet, which it aliases.
type Chunk struct {
	Vendor, Type uint16
	Value        []byte
	Cut          bool // Value is only its beginning
}

// Next reads the chunk that b begins with; rest is what follows it. Not ok: there is none, or its length cannot be.
func Next(b []byte) (c Chunk, rest []byte, ok bool) {
	if len(b) < ChunkLen {
		return c, nil, false
	}
	n := int(binary.BigEndian.Uint16(b[4:]))
	if n < ChunkLen {
		return c, b, false
	}
	c.Vendor, c.Type = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	c.Cut = n > len(b)
	n = min(n, len(b))
	c.Value = b[ChunkLen:n]
	return c, b[n:], true
}

// Key returns the shared secret that a packet of version 3 shows; nil when it shows none, or is none.
func Key(b []byte) []byte {
	if len(b) < HeaderLen || string(b[:len(Magic)]) != Magic {
		return nil
	}
	b = b[HeaderLen:]
	for {
		c, rest, ok := Next(b)
		if !ok {
			return nil
		}
		if c.Vendor == 0 && c.Type == ChunkKey && !c.Cut {
			return c.Value
		}
		b = rest
	}
}

// Frame says how a stream of packets of version 3 goes on: with junk bytes that belong to none, then a packet of n bytes,
// which need not be there yet. For n 0 more bytes are needed to tell.
func Frame(b []byte) (junk, n int) {
	for junk < len(b) {
		i := bytes.Index(b[junk:], []byte(Magic))
		if i < 0 {
			return len(b) - begun(b[junk:]), 0
		}
		junk += i
		if len(b)-junk < HeaderLen {
			return junk, 0
		}
		if n = int(binary.BigEndian.Uint16(b[junk+len(Magic):])); n >= HeaderLen {
			return junk, n
		}
		junk += len(Magic)
	}
	return junk, 0
}

// begun returns how many bytes at the end of b may be the beginning of a packet.
func begun(b []byte) int {
	for n := min(len(Magic)-1, len(b)); n > 0; n-- {
		if string(b[len(b)-n:]) == Magic[:n] {
			return n
		}
	}
	return 0
}
