package record

import (
	"encoding/binary"
	"errors"
	"math"
	"net/netip"
	"slices"

	"sipcause/internal/wire"
)

// errData is the error of bytes that no Writer made.
var errData = errors.New("bytes are damaged")

// maxKnown bounds how many strings, and how many addresses, of one record can be named again by their place.
const maxKnown = 64

// Writer writes values one after the other: numbers as varints, a string or an address that was written before by its
// place. The zero Writer is ready; B is what was written.
type Writer struct {
	B      []byte
	texts  [maxKnown]string // the first nTexts
	addrs  [maxKnown]netip.AddrPort
	nTexts int
	nAddrs int
}

// Reset begins anew behind dst, without what was written before.
func (w *Writer) Reset(dst []byte) {
	w.B, w.nTexts, w.nAddrs = dst, 0, 0
}

// Know makes the addresses and texts of c known as if they had been written before: the Doc of c is written, and read,
// beside c.
func (w *Writer) Know(c *Case) {
	texts, addrs := c.known(w.texts[:0], w.addrs[:0])
	w.nTexts, w.nAddrs = len(texts), len(addrs)
}

// Byte writes one byte.
func (w *Writer) Byte(b byte) { w.B = append(w.B, b) }

// Uint writes a number.
func (w *Writer) Uint(n uint64) { w.B = binary.AppendUvarint(w.B, n) }

// Int writes a number that may be negative.
func (w *Writer) Int(n int64) { w.B = binary.AppendVarint(w.B, n) }

// Fixed writes a number in eight bytes: what has no small values.
func (w *Writer) Fixed(n uint64) { w.B = binary.LittleEndian.AppendUint64(w.B, n) }

// Float writes a floating-point number.
func (w *Writer) Float(f float64) { w.Fixed(math.Float64bits(f)) }

// Bytes writes b with its length.
func (w *Writer) Bytes(b []byte) {
	w.Uint(uint64(len(b)))
	w.B = append(w.B, b...)
}

// Text writes a string.
func (w *Writer) Text(s string) {
	if i, ok := common[s]; ok {
		w.Uint(uint64(i)<<1 | 1)
		return
	}
	for i := range w.texts[:w.nTexts] {
		if w.texts[i] == s {
			w.Uint(uint64(len(commonTexts)+i)<<1 | 1)
			return
		}
	}
	w.Uint(uint64(len(s)) << 1)
	w.B = append(w.B, s...)
	if len(s) > 1 && w.nTexts < maxKnown {
		w.texts[w.nTexts] = s
		w.nTexts++
	}
}

// Texts writes a list of strings; nil and empty are the same.
func (w *Writer) Texts(list []string) {
	w.Uint(uint64(len(list)))
	for _, s := range list {
		w.Text(s)
	}
}

// Addr writes an address with a port.
func (w *Writer) Addr(a netip.AddrPort) {
	for i := range w.addrs[:w.nAddrs] {
		if w.addrs[i] == a {
			w.Uint(uint64(i) + firstKnown)
			return
		}
	}
	ip := a.Addr()
	switch {
	case ip.Is4():
		b := ip.As4()
		w.Byte(addr4)
		w.B = append(w.B, b[:]...)
	case ip.IsValid():
		b := ip.As16()
		if ip.Zone() == "" {
			w.Byte(addr6)
		} else {
			w.Byte(addrZone)
		}
		w.B = append(w.B, b[:]...)
		if ip.Zone() != "" {
			w.Text(ip.Zone())
		}
	default:
		w.Byte(addrNone)
	}
	w.Uint(uint64(a.Port()))
	if w.nAddrs < maxKnown {
		w.addrs[w.nAddrs] = a
		w.nAddrs++
	}
}

// IP writes an address without a port.
func (w *Writer) IP(ip netip.Addr) { w.Addr(netip.AddrPortFrom(ip, 0)) }

// What the first number of an address says.
const (
	addrNone   = iota
	addr4      // four bytes follow
	addr6      // sixteen
	addrZone   // sixteen and the name of a zone
	firstKnown // from here on: it was written before
)

// Time writes a time as its distance from another.
func (w *Writer) Time(t, from wire.Time) { w.Int(int64(t - from)) }

// Ref writes a reference to a packet.
func (w *Writer) Ref(r wire.PacketRef) {
	w.Uint(uint64(r.Source))
	w.Uint(r.Number)
}

// Flow writes a flow.
func (w *Writer) Flow(f wire.Flow) {
	w.Byte(byte(f.Transport))
	w.Addr(f.Src)
	w.Addr(f.Dst)
}

// Reader reads what a Writer wrote. What it returns owns its memory. After the first error it returns zeros.
type Reader struct {
	b       string
	strings []string
	addrs   []netip.AddrPort
	err     error
}

// NewReader returns a reader of b, which it copies.
func NewReader(b []byte) *Reader { return &Reader{b: string(b)} }

// Know is Writer.Know.
func (r *Reader) Know(c *Case) { r.strings, r.addrs = c.known(r.strings[:0], r.addrs[:0]) }

// known appends what is known of c, at most half of what can be.
func (c *Case) known(texts []string, addrs []netip.AddrPort) ([]string, []netip.AddrPort) {
	const most = maxKnown / 2
	for _, list := range [...][]netip.AddrPort{c.Src, c.Dst} {
		for _, a := range list {
			if len(addrs) < most && !slices.Contains(addrs, a) {
				addrs = append(addrs, a)
			}
		}
	}
	for _, list := range [...][]string{c.CallIDs, {c.From, c.To, c.Target, c.Reason, c.RouteIn}, c.RoutesOut, c.UAs, c.Servers, c.Realms, c.Findings} {
		for _, t := range list {
			if len(texts) < most && len(t) > 1 {
				texts = append(texts, t)
			}
		}
	}
	return texts, addrs
}

// Err returns the first error.
func (r *Reader) Err() error { return r.err }

// Left returns how many bytes have not been read.
func (r *Reader) Left() int { return len(r.b) }

// Fail makes what is read from here on damaged: for values that cannot be.
func (r *Reader) Fail() {
	r.err, r.b = errData, ""
}

func (r *Reader) take(n uint64) string {
	if n > uint64(len(r.b)) {
		r.Fail()
		return ""
	}
	s := r.b[:n]
	r.b = r.b[n:]
	return s
}

// Byte reads what Writer.Byte wrote, as the others do of theirs.
func (r *Reader) Byte() byte {
	if s := r.take(1); s != "" {
		return s[0]
	}
	return 0
}

// Uint reads a number.
func (r *Reader) Uint() (n uint64) {
	for i := 0; i < len(r.b) && i < binary.MaxVarintLen64; i++ {
		c := r.b[i]
		if i == binary.MaxVarintLen64-1 && c > 1 {
			break
		}
		n |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			r.b = r.b[i+1:]
			return n
		}
	}
	r.Fail()
	return 0
}

// Int reads a number that may be negative.
func (r *Reader) Int() int64 {
	n := r.Uint()
	return int64(n>>1) ^ -int64(n&1)
}

// Size reads a number that is a size or a count of something in a case.
func (r *Reader) Size() int {
	n := r.Int()
	if n < math.MinInt32 || n > math.MaxInt32 {
		r.Fail()
		return 0
	}
	return int(n)
}

// Fixed reads a number of eight bytes.
func (r *Reader) Fixed() (n uint64) {
	for i, c := range []byte(r.take(8)) {
		n |= uint64(c) << (8 * i)
	}
	return n
}

// Float reads a floating-point number.
func (r *Reader) Float() float64 { return math.Float64frombits(r.Fixed()) }

// Bytes reads bytes; none are nil.
func (r *Reader) Bytes() []byte {
	if s := r.take(r.Uint()); s != "" {
		return []byte(s)
	}
	return nil
}

// Count reads the length of a list whose elements take so many bytes each at least, so that a list is no longer than what
// there is to read.
func (r *Reader) Count(least int) int {
	n := r.Uint()
	if n > uint64(len(r.b)/least) {
		r.Fail()
		return 0
	}
	return int(n)
}

// Text reads a string.
func (r *Reader) Text() string {
	n := r.Uint()
	if n&1 == 0 {
		s := r.take(n >> 1)
		if len(s) > 1 && len(r.strings) < maxKnown {
			r.strings = append(r.strings, s)
		}
		return s
	}
	n >>= 1
	if n < uint64(len(commonTexts)) {
		return commonTexts[n]
	}
	if n -= uint64(len(commonTexts)); n < uint64(len(r.strings)) {
		return r.strings[n]
	}
	r.Fail()
	return ""
}

// Texts reads a list of strings; an empty one is nil.
func (r *Reader) Texts() []string {
	n := r.Count(1)
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = r.Text()
	}
	return list
}

// Addr reads an address with a port.
func (r *Reader) Addr() netip.AddrPort {
	var ip netip.Addr
	switch n := r.Uint(); n {
	case addrNone:
	case addr4:
		var b [4]byte
		copy(b[:], r.take(4))
		ip = netip.AddrFrom4(b)
	case addr6, addrZone:
		var b [16]byte
		copy(b[:], r.take(16))
		ip = netip.AddrFrom16(b)
		if n == addrZone {
			ip = ip.WithZone(r.Text())
		}
	default:
		if n -= firstKnown; n < uint64(len(r.addrs)) {
			return r.addrs[n]
		}
		r.Fail()
		return netip.AddrPort{}
	}
	port := r.Uint()
	if port > math.MaxUint16 {
		r.Fail()
	}
	if r.err != nil {
		return netip.AddrPort{}
	}
	a := netip.AddrPortFrom(ip, uint16(port))
	if len(r.addrs) < maxKnown {
		r.addrs = append(r.addrs, a)
	}
	return a
}

// IP reads an address without a port.
func (r *Reader) IP() netip.Addr { return r.Addr().Addr() }

// Time reads a time.
func (r *Reader) Time(from wire.Time) wire.Time { return from + wire.Time(r.Int()) }

// Ref reads a reference to a packet.
func (r *Reader) Ref() wire.PacketRef {
	source := r.Uint()
	return wire.PacketRef{Source: uint32(source), Number: r.Uint()}
}

// Flow reads a flow.
func (r *Reader) Flow() wire.Flow {
	transport := wire.Transport(r.Byte())
	src := r.Addr()
	return wire.Flow{Transport: transport, Src: src, Dst: r.Addr()}
}

// commonTexts are strings that take one byte or two. Their order is part of the format: a new one goes to the end and
// makes a new version.
var commonTexts = [...]string{
	"", "INVITE", "ACK", "BYE", "CANCEL", "REGISTER", "OPTIONS", "PRACK", "SUBSCRIBE", "NOTIFY", "PUBLISH", "INFO", "REFER",
	"MESSAGE", "UPDATE", "udp", "tcp", "tls", "ws", "wss", "sctp", "unknown", "caller", "callee", "info", "warning", "error",
	"critical", "uac", "uas", "proxy", "registrar", "b2bua", "timer", "OK", "Unauthorized", "Proxy Authentication Required",
	"Forbidden", "Not Found", "Request Timeout", "Temporarily Unavailable", "Busy Here", "Request Terminated",
	"Not Acceptable Here", "Server Internal Error", "Service Unavailable", "Decline", "other",
	"user", "network", "carrier", "nobody", "x-call-id", "session-id", "icid", "via", "heuristic", "PCMA", "PCMU",
}

var common = func() map[string]int {
	m := make(map[string]int, len(commonTexts))
	for i, s := range commonTexts {
		m[s] = i
	}
	return m
}()
