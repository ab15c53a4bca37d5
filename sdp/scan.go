package sdp

import (
	"bytes"
	"net/netip"
	"unsafe"
)

// fields cuts a line at runs of spaces and tabs; odd tells that there was more than one space somewhere.
type fields struct {
	rest Text
	odd  bool
}

// next returns the next field, empty at the end.
func (f *fields) next() Text {
	i := 0
	for i < len(f.rest) && !blank(f.rest[i]) {
		i++
	}
	if i == 0 && len(f.rest) > 0 { // leading blanks
		f.odd = true
		f.rest = trimSpace(f.rest)
		if len(f.rest) == 0 {
			return nil
		}
		return f.next()
	}
	field := f.rest[:i]
	if i == len(f.rest) {
		f.rest = nil
		return field
	}
	f.odd = f.odd || f.rest[i] != ' ' || i+1 == len(f.rest)
	f.rest = f.rest[i+1:]
	return field
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

func trimSpace(t Text) Text {
	for len(t) > 0 && blank(t[0]) {
		t = t[1:]
	}
	for len(t) > 0 && blank(t[len(t)-1]) {
		t = t[:len(t)-1]
	}
	return t
}

// cut splits t at the first sep.
func cut(t Text, sep byte) (before, after Text, found bool) {
	if i := bytes.IndexByte(t, sep); i >= 0 {
		return t[:i], t[i+1:], true
	}
	return t, nil, false
}

// number reads decimal digits, nothing else, up to limit.
func number(t Text, limit uint64) (uint64, bool) {
	if len(t) == 0 {
		return 0, false
	}
	var n uint64
	for _, c := range t {
		if c < '0' || c > '9' {
			return 0, false
		}
		d := uint64(c - '0')
		if n > (limit-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

func digits(t Text) bool {
	for _, c := range t {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(t) > 0
}

// longestAddr is the length of an IPv6 address that ends in an IPv4 address.
const longestAddr = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")

// parseAddr reads an IP address, invalid when t is none. Zones have no place in SDP.
func parseAddr(t Text) netip.Addr {
	if len(t) < 2 || len(t) > longestAddr {
		return netip.Addr{}
	}
	colon := false
	for _, c := range t {
		c = lower(c)
		switch {
		case c == ':':
			colon = true
		case c == '.', c >= '0' && c <= '9', c >= 'a' && c <= 'f':
		default:
			return netip.Addr{}
		}
	}
	if last := t[len(t)-1]; !colon && (last < '0' || last > '9') {
		return netip.Addr{}
	}
	// ParseAddr keeps no part of its argument (there is no zone) and its error is dropped, so that the
	// string may share the body's memory: no copy per address.
	addr, err := netip.ParseAddr(unsafe.String(&t[0], len(t)))
	if err != nil {
		return netip.Addr{}
	}
	return addr
}

// hostName says whether t could be a domain name (RFC 1123 §2.1): a last label of digits only is an
// address gone wrong, not a name.
func hostName(t Text) bool {
	if len(t) == 0 || len(t) > 253 {
		return false
	}
	label, letters := 0, false
	for i, c := range t {
		c = lower(c)
		switch {
		case c == '.':
			if label == 0 {
				return false
			}
			if i < len(t)-1 {
				label, letters = 0, false
			}
			continue
		case c >= 'a' && c <= 'z', c == '_', c == '-':
			letters = true
		case c >= '0' && c <= '9':
		default:
			return false
		}
		if label++; label > 63 {
			return false
		}
	}
	return letters
}
