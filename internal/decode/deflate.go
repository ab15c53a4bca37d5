package decode

import (
	"bytes"
	"compress/flate"
	"io"
)

const (
	windowBytes = 32 << 10 // what DEFLATE may refer back to (RFC 1951 §2); smaller windows are within it
	maxWindows  = 1024     // directions whose window is kept
)

// deflateMode says what is known of how one direction compresses its messages (RFC 7692 §7).
type deflateMode uint8

const (
	deflateUnknown deflateMode = iota // not agreed on, or agreed on before the capture
	deflateAlone                      // each message by itself: no context takeover
	deflateContext                    // messages refer back to those before
	deflateLost                       // they do, and some are missing
)

func (m deflateMode) readable() bool { return m == deflateAlone || m == deflateContext }

// window is the end of what one direction has inflated to.
type window struct {
	use node[half] // in streams.windows
	buf []byte     // at most windowBytes
}

// loseContext says that bytes of h are missing: what refers back to them cannot be read.
func (h *half) loseContext() {
	if h.deflate == deflateContext {
		h.deflate = deflateLost
		h.dropWindow()
	}
}

func (h *half) dropWindow() {
	h.window.use.leave()
	h.window.buf = nil
}

// negotiated reads from the response to an upgrade, which came in h, how each direction compresses (RFC 7692 §7.1.1).
// The size of the windows does not matter to who only reads.
func negotiated(h *half, header []byte) {
	server, client := h, &h.conn.half[1-h.dir]
	for line := range bytes.SplitSeq(header, []byte("\r\n")) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if !bytes.EqualFold(name, []byte("Sec-WebSocket-Extensions")) {
			continue
		}
		for extension := range bytes.SplitSeq(value, []byte(",")) {
			name, params, _ := bytes.Cut(extension, []byte(";"))
			if !bytes.EqualFold(bytes.TrimSpace(name), []byte("permessage-deflate")) {
				continue
			}
			server.deflate, client.deflate = deflateContext, deflateContext
			for p := range bytes.SplitSeq(params, []byte(";")) {
				switch p = bytes.TrimSpace(p); {
				case bytes.EqualFold(p, []byte("server_no_context_takeover")):
					server.deflate = deflateAlone
				case bytes.EqualFold(p, []byte("client_no_context_takeover")):
					client.deflate = deflateAlone
				}
			}
			return
		}
	}
}

// inflater is what inflating takes; it is shared by all connections and made with the first.
type inflater struct {
	flate io.ReadCloser
	in    bytes.Reader
	data  []byte // of the message at hand, with its tail
	most  io.LimitedReader
	out   bytes.Buffer
}

// begin makes z.most give what data, which stays in use, inflates to; no more than limit bytes.
func (z *inflater) begin(data, window []byte, limit int) {
	z.in.Reset(data)
	if z.flate == nil {
		z.flate = flate.NewReaderDict(&z.in, window)
	} else {
		_ = z.flate.(flate.Resetter).Reset(&z.in, window) // never fails
	}
	z.most = io.LimitedReader{R: z.flate, N: int64(limit)}
	z.out.Reset()
}

// deflateTail ends a message: what its sender took off (RFC 7692 §7.2.2), then an empty last block.
const deflateTail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

// inflate returns what a compressed message of h is, valid until the next one; no more than a message may be long.
func (d *Decoder) inflate(h *half, b []byte) (message []byte, ok bool) {
	z := &d.tcp.inflater
	z.data = append(append(z.data[:0], b...), deflateTail...)
	z.begin(z.data, h.window.buf, d.opt.MaxStreamBytes+1)
	n, err := z.out.ReadFrom(&z.most)
	switch {
	case err != nil:
		d.skip(reasonWSDeflateBad)
		h.loseContext()
		return nil, false
	case n > int64(d.opt.MaxStreamBytes):
		d.skip(reasonWSInflated)
		h.loseContext()
		return nil, false
	}
	if h.deflate == deflateContext {
		d.keepWindow(h, z.out.Bytes())
	}
	return z.out.Bytes(), true
}

// looksDeflated says whether b begins with a compressed data frame that holds the beginning of SIP and needs
// nothing of those before it.
func (d *Decoder) looksDeflated(h *half, b []byte) bool {
	f, ok, _ := readWS(b)
	if h.deflate != deflateAlone || !ok || !f.rsv1 || f.opcode != wsText && f.opcode != wsBinary {
		return false
	}
	z := &d.tcp.inflater
	z.data = unmask(z.data[:0], b[f.header:min(len(b), f.header+min(f.size, wsProbeBytes))], f.key)
	z.begin(z.data, nil, wsProbeBytes)
	_, _ = z.out.ReadFrom(&z.most) // as far as it goes
	return isSIP(z.out.Bytes())
}

// keepWindow puts what was inflated at the end of h's window. Of too many windows the one idle longest goes.
func (d *Decoder) keepWindow(h *half, out []byte) {
	w := &h.window
	if w.buf == nil {
		w.buf = make([]byte, 0, windowBytes)
	}
	out = out[max(0, len(out)-windowBytes):]
	keep := min(len(w.buf), windowBytes-len(out))
	w.buf = append(w.buf[:copy(w.buf, w.buf[len(w.buf)-keep:])], out...)
	d.tcp.windows.push(&w.use, h)
	if d.tcp.windows.n > maxWindows {
		d.tcp.windows.head.owner.loseContext()
	}
}
