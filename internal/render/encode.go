package render

import (
	"math"
	"net/netip"
	"strconv"
	"time"
	"unicode/utf8"

	"sipcause/internal/anatomy"
	"sipcause/internal/finding"
	"sipcause/internal/passport"
	"sipcause/internal/wire"
)

// encoder appends JSON to buf (RFC 8259). It allocates nothing per message: calls are the hot path of a
// report, and encoding/json would cost more than the analysis.
type encoder struct {
	buf  []byte
	refs []msgRef // scratch of messages

	all     bool             // see anatomy
	digests []finding.Digest // of the case at hand
	certs   *passport.Store  // see identities
	offers  anatomy.Offers   // scratch of anatomy
	codec   []byte           // scratch of formats
	fetched byte             // of no meaning: see messages

	minute     int64 // whose text is in minuteText
	minuteText [len("2006-01-02T15:04:")]byte

	flowText []byte   // texts of the flows of the case at hand, one after the other
	flows    []span   // by flowBase[leg] + Sighting.Flow; empty span: not made yet
	flowBase []uint32 // by leg
}

type span struct{ from, to uint32 }

const hexDigits = "0123456789abcdef"

// plain are the bytes that stand for themselves in a JSON string.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 0x7f; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// allPlain says whether all eight bytes of w stand for themselves.
func allPlain(w uint64) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	quote, backslash, del := w^'"'*ones, w^'\\'*ones, w^0x7f*ones
	return (w|(w-' '*ones)|(quote-ones)&^quote|(backslash-ones)&^backslash|(del-ones)&^del)&tops == 0
}

// appendString appends s as a JSON string. Invalid UTF-8 becomes U+FFFD; controls, line separators and
// bidirectional formatting are escaped, so that the output is also safe on a terminal.
func appendString[T string | []byte](b []byte, s T) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		for i+8 <= len(s) && allPlain(uint64(s[i])|uint64(s[i+1])<<8|uint64(s[i+2])<<16|uint64(s[i+3])<<24|
			uint64(s[i+4])<<32|uint64(s[i+5])<<40|uint64(s[i+6])<<48|uint64(s[i+7])<<56) {
			i += 8
		}
		if i == len(s) {
			break
		}
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			b = append(b, s[from:i]...)
			b = appendEscape(b, c)
			i++
			from = i
			continue
		}
		r, n := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
		switch {
		case r == utf8.RuneError && n == 1:
			b = append(b, s[from:i]...)
			b = append(b, "\uFFFD"...)
			from = i + n
		case r < 0xa0, r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			b = append(b, s[from:i]...)
			b = append(b, '\\', 'u', hexDigits[r>>12], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
			from = i + n
		}
		i += n
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// raw appends text that is JSON already.
func (e *encoder) raw(s string) { e.buf = append(e.buf, s...) }

// key appends a member's name; a comma goes before it unless it is the first of its object.
func (e *encoder) key(name string) {
	if c := e.buf[len(e.buf)-1]; c != '{' && c != '[' {
		e.buf = append(e.buf, ',')
	}
	e.buf = append(e.buf, '"')
	e.buf = append(e.buf, name...)
	e.buf = append(e.buf, '"', ':')
}

// next appends the comma before an array's element unless it is the first.
func (e *encoder) next() {
	if e.buf[len(e.buf)-1] != '[' {
		e.buf = append(e.buf, ',')
	}
}

func (e *encoder) text(name, s string) {
	e.key(name)
	e.buf = appendString(e.buf, s)
}

// textOrNull writes null for "": what is unknown is never an empty string.
func (e *encoder) textOrNull(name, s string) {
	if s == "" {
		e.null(name)
		return
	}
	e.text(name, s)
}

func (e *encoder) null(name string) {
	e.key(name)
	e.raw("null")
}

func (e *encoder) uint(name string, n uint64) {
	e.key(name)
	e.buf = strconv.AppendUint(e.buf, n, 10)
}

// code writes a status code; 0 is none.
func (e *encoder) code(name string, code int) {
	if code == 0 {
		e.null(name)
		return
	}
	e.uint(name, uint64(code))
}

func (e *encoder) float(name string, v float64) {
	e.key(name)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		e.raw("null")
		return
	}
	e.buf = appendFloat(e.buf, v)
}

// appendFloat appends v in the fewest digits that give v again. Nearly all are nanoseconds as milliseconds: those are
// written as the integers they come from, which is far quicker. Up to 15 digits no two decimals are one float64.
func appendFloat(b []byte, v float64) []byte {
	n := uint64(0)
	if v >= 0 && v < 1e9 {
		n = uint64(v*1e6 + 0.5)
	}
	if n == 0 || float64(n)/1e6 != v {
		return strconv.AppendFloat(b, v, 'f', -1, 64)
	}
	b = strconv.AppendUint(b, n/1e6, 10)
	rest := uint32(n % 1e6)
	if rest == 0 {
		return b
	}
	d := [7]byte{'.'}
	for i := 6; i > 0; i-- {
		d[i] = byte('0' + rest%10)
		rest /= 10
	}
	end := 7
	for d[end-1] == '0' {
		end--
	}
	return append(b, d[:end]...)
}

func (e *encoder) floatOrNull(name string, v *float64) {
	if v == nil {
		e.null(name)
		return
	}
	e.float(name, *v)
}

func (e *encoder) time(name string, t wire.Time) {
	e.key(name)
	e.timeValue(t)
}

// timeValue appends a time, null where it is not known.
func (e *encoder) timeValue(t wire.Time) {
	if t.Ordinal() {
		e.raw("null")
		return
	}
	e.buf = append(e.buf, '"')
	e.appendTime(t)
	e.buf = append(e.buf, '"')
}

// appendTime appends t as RFC 3339 with nine digits, UTC. The text up to the minute is kept, since most messages share
// it with the one before.
func (e *encoder) appendTime(t wire.Time) {
	const minute = 60e9
	m, ns := int64(t)/minute, int64(t)%minute
	if ns < 0 {
		m, ns = m-1, ns+minute
	}
	if m != e.minute || e.minuteText[0] == 0 {
		time.Unix(m*60, 0).UTC().AppendFormat(e.minuteText[:0], "2006-01-02T15:04:")
		e.minute = m
	}
	sec := byte(ns / 1e9)
	d := [...]byte{'0' + sec/10, '0' + sec%10, '.', 12: 'Z'}
	n := uint32(ns % 1e9)
	for i := 10; i >= 4; i -= 2 { // two at a time
		two := n % 100
		n /= 100
		d[i], d[i+1] = byte('0'+two/10), byte('0'+two%10)
	}
	d[3] = byte('0' + n)
	e.buf = append(append(e.buf, e.minuteText[:]...), d[:]...)
}

func (e *encoder) addr(name string, a netip.AddrPort) {
	e.key(name)
	e.buf = appendAddr(e.buf, a)
}

func appendAddr(b []byte, a netip.AddrPort) []byte {
	if !a.IsValid() {
		return append(b, "null"...)
	}
	b = append(b, '"')
	b = a.AppendTo(b)
	return append(b, '"')
}

// texts writes a list of texts; empty ones say nothing and are left out.
func (e *encoder) texts(name string, list []string) {
	e.key(name)
	e.raw("[")
	for _, s := range list {
		if s != "" {
			e.next()
			e.buf = appendString(e.buf, s)
		}
	}
	e.raw("]")
}

// each writes a list, an element at a time.
func each[T any](e *encoder, name string, list []T, element func(*T)) {
	e.key(name)
	e.raw("[")
	for i := range list {
		e.next()
		element(&list[i])
	}
	e.raw("]")
}
