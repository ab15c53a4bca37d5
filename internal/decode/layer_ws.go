package decode

import (
	"bytes"
	"encoding/binary"
)

const (
	maxHTTPHeader = 16 << 10 // of an upgrade
	wsProbeBytes  = 256      // unmasked to see whether a frame holds SIP
)

// upgrade reads the HTTP request or response that may open a WebSocket (RFC 6455 §4.1, §4.2.2; RFC 7118 §4).
func (d *Decoder) upgrade(h *half, b []byte) []byte {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 && len(b) < maxHTTPHeader {
		return b
	}
	if end < 0 || !d.opensWebSocket(h.conn, b[:end+2]) {
		d.skip(reasonTCPNotSIP)
		d.become(h.conn, kindOther)
		return nil
	}
	h.wsOn = true
	d.become(h.conn, kindWS)
	if begins(b, "HTTP/1.") {
		negotiated(h, b[:end+2])
	}
	return b[end+4:]
}

// opensWebSocket says whether an HTTP header asks for or grants a WebSocket that may carry SIP: one that
// names subprotocols must name "sip"; of one that names none, content decides.
func (d *Decoder) opensWebSocket(c *conn, header []byte) bool {
	line, rest, _ := bytes.Cut(header, []byte("\r\n"))
	if bytes.HasPrefix(line, []byte("HTTP/1.")) && (len(line) < 12 || string(line[9:12]) != "101") {
		return false
	}
	upgrade, named := false, false
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte("Upgrade")):
			upgrade = bytes.EqualFold(bytes.TrimSpace(value), []byte("websocket"))
		case bytes.EqualFold(name, []byte("Sec-WebSocket-Protocol")):
			named = true
			for p := range bytes.SplitSeq(value, []byte(",")) {
				c.wsSIP = c.wsSIP || bytes.EqualFold(bytes.TrimSpace(p), []byte("sip"))
			}
		}
	}
	return upgrade && (c.wsSIP || !named)
}

// wsFrame is the header of a WebSocket frame (RFC 6455 §5.2).
type wsFrame struct {
	fin, rsv1, masked bool
	opcode            byte
	key               [4]byte
	header, size      int // bytes of the header, of the payload
}

// Opcodes (RFC 6455 §11.8).
const (
	wsContinuation = 0
	wsText         = 1
	wsBinary       = 2
	wsClose        = 8
	wsPong         = 10
)

// readWS reads a frame header: ok when it is all there, bad when it cannot be one.
func readWS(b []byte) (f wsFrame, ok, bad bool) {
	if len(b) < 2 {
		return f, false, false
	}
	f.fin, f.rsv1, f.opcode, f.masked = b[0]&0x80 != 0, b[0]&0x40 != 0, b[0]&15, b[1]&0x80 != 0
	f.header, f.size = 2, int(b[1]&0x7f)
	control := f.opcode >= wsClose
	if b[0]&0x30 != 0 || f.opcode > wsPong || f.opcode > wsBinary && !control || control && (!f.fin || f.size > 125 || f.rsv1) {
		return f, false, true
	}
	switch f.size {
	case 126:
		f.header = 4
	case 127:
		f.header = 10
	}
	if f.masked {
		f.header += 4
	}
	if len(b) < f.header {
		return f, false, false
	}
	switch f.size {
	case 126:
		f.size = int(be16(b[2:]))
	case 127:
		n := binary.BigEndian.Uint64(b[2:])
		if n > 1<<62 {
			return f, false, true
		}
		f.size = int(n)
	}
	if f.masked {
		f.key = [4]byte(b[f.header-4 : f.header])
	}
	return f, true, false
}

// unmask appends b to dst with the key applied (RFC 6455 §5.3).
func unmask(dst, b []byte, key [4]byte) []byte {
	k32 := binary.LittleEndian.Uint32(key[:])
	k64 := uint64(k32)<<32 | uint64(k32)
	for len(b) >= 8 {
		dst = binary.LittleEndian.AppendUint64(dst, binary.LittleEndian.Uint64(b)^k64)
		b = b[8:]
	}
	for i, c := range b {
		dst = append(dst, c^key[i&3])
	}
	return dst
}

// looksWS says whether b begins with a data frame that holds the beginning of SIP.
func looksWS(b []byte) bool {
	f, ok, _ := readWS(b)
	if !ok || f.rsv1 || (f.opcode != wsText && f.opcode != wsBinary) || f.size < 16 {
		return false
	}
	b = b[f.header:min(len(b), f.header+min(f.size, wsProbeBytes))]
	var first [wsProbeBytes]byte
	return isSIP(unmask(first[:0], b, f.key))
}

// webSocket reads frames where they lie. Each SIP message is one WebSocket message (RFC 7118 §5).
func (d *Decoder) webSocket(h *half, b []byte, at stamp) []byte {
	if !h.wsOn {
		if begins(b, "HTTP/1.") || begins(b, "GET ") {
			return d.upgrade(h, b)
		}
		h.wsOn = true
	}
	if h.wsLost && !looksWS(b) && !d.looksDeflated(h, b) {
		d.skip(reasonWSBad)
		return nil
	}
	h.wsLost = false
	for len(b) > 0 {
		f, ok, bad := readWS(b)
		if bad {
			d.skip(reasonWSBad)
			d.dropText(h)
			h.wsLost = true
			return nil
		}
		if !ok {
			return b
		}
		if f.size > d.opt.MaxStreamBytes-f.header {
			d.skip(reasonWSBad)
			d.dropText(h)
			h.loseContext()
			b = b[f.header:]
			n := min(f.size, len(b))
			h.skip = f.size - n
			b = b[n:]
			continue
		}
		if len(b) < f.header+f.size {
			h.need = f.header + f.size
			return b
		}
		d.wsFrame(h, f, b[f.header:f.header+f.size], at)
		if h.conn.kind != kindWS {
			return nil
		}
		b = b[f.header+f.size:]
	}
	return nil
}

// wsFrame takes one whole frame: a message, a part of one, or control between the parts.
func (d *Decoder) wsFrame(h *half, f wsFrame, b []byte, at stamp) {
	if f.opcode >= wsClose {
		return
	}
	if f.opcode != wsContinuation {
		if h.wsZip { // never ended
			h.loseContext()
		}
		d.dropText(h)
		h.wsZip = f.rsv1
	}
	if h.wsZip && !h.deflate.readable() {
		if f.fin {
			d.skip(reasonWSDeflate)
			h.wsZip = false
		}
		return
	}
	whole := f.fin && f.opcode != wsContinuation
	if whole && !f.masked {
		d.wsMessage(h, b, at)
		return
	}
	if whole {
		d.tcp.scratch = unmask(d.tcp.scratch[:0], b, f.key)
		d.wsMessage(h, d.tcp.scratch, at)
		return
	}
	if len(h.wsText)+len(b) > d.opt.MaxStreamBytes {
		d.skip(reasonWSBad)
		d.dropText(h)
		h.loseContext()
		h.wsLost = true
		return
	}
	had := cap(h.wsText)
	if h.wsText == nil {
		h.wsText = d.getBuf()
	}
	if f.masked {
		h.wsText = unmask(h.wsText, b, f.key)
	} else {
		h.wsText = append(h.wsText, b...)
	}
	d.charge(h, cap(h.wsText)-had)
	if f.fin {
		d.wsMessage(h, h.wsText, at)
		d.dropText(h)
	}
}

// dropText forgets the fragments of the message under way.
func (d *Decoder) dropText(h *half) {
	d.tcp.buffered -= cap(h.wsText)
	d.putBuf(h.wsText)
	h.wsText = nil
	if len(h.buf)+h.segBytes == 0 {
		h.keep.leave()
	}
}

// wsMessage hands on one WebSocket message. A socket that did not say that it carries SIP and whose
// messages do not is of no interest.
func (d *Decoder) wsMessage(h *half, b []byte, at stamp) {
	if h.wsZip {
		h.wsZip = false
		var ok bool
		if b, ok = d.inflate(h, b); !ok {
			return
		}
	}
	switch {
	case isSIP(b):
		d.message(h, b, at, false)
	case keepalive(b):
		d.stats.keepalives++
	default:
		d.skip(reasonWSNotSIP)
		if !h.conn.wsSIP && !h.conn.sip {
			d.become(h.conn, kindOther)
		}
	}
}
