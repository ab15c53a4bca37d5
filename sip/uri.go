package sip

import (
	"bytes"
	"net/netip"
	"unsafe"
)

// URI is a parsed URI (RFC 3261 §19.1, RFC 3966 for tel). Its slices alias what it was parsed from.
type URI struct {
	Scheme   []byte // as written
	User     []byte // escapes as written; for tel the number, for other schemes all that follows the colon
	Password []byte // nil if there is none (RFC 3261 §19.1.1: not recommended)
	Host     []byte // an IPv6 address with its brackets; nil for tel and other schemes
	Port     uint16 // 0 if there is none
	Params   []byte // without the first semicolon: "transport=tcp;lr"
	Headers  []byte // without the question mark
}

// ParseURI reads a SIP, SIPS or tel URI in its parts and keeps any other whole (RFC 3261 §19.1.1,
// RFC 3966 §3). It reports whether the URI has the right form; what it could read of a wrong one is there
// all the same.
func ParseURI(b []byte) (URI, bool) {
	var u URI
	colon := bytes.IndexByte(b, ':')
	if colon <= 0 || class[b[0]]&isAlpha == 0 || !all(b[:colon], isScheme) {
		return URI{Host: b}, false
	}
	u.Scheme = b[:colon]
	rest := b[colon+1:]
	switch {
	case u.IsSIP():
		return u.sip(rest)
	case sameFold(u.Scheme, "tel"):
		u.User = rest
		if i := bytes.IndexByte(rest, ';'); i >= 0 {
			u.User, u.Params = rest[:i], rest[i+1:]
		}
		return u, len(u.User) > 0
	}
	u.User = rest
	return u, len(rest) > 0
}

// IsSIP says whether the scheme is sip or sips (RFC 3261 §19.1).
func (u URI) IsSIP() bool { return sameFold(u.Scheme, "sip") || sameFold(u.Scheme, "sips") }

// sip reads [user[:password]@]host[:port][;params][?headers] (RFC 3261 §25.1 SIP-URI).
func (u URI) sip(rest []byte) (URI, bool) {
	ok := true
	if at := bytes.IndexByte(rest, '@'); at >= 0 {
		// A second @ before any parameter belongs to the user: phones given a whole address as user name.
		for i := at + 1; i < len(rest) && rest[i] != ';' && rest[i] != '?'; i++ {
			if rest[i] == '@' {
				at, ok = i, false
			}
		}
		u.User = rest[:at]
		if i := bytes.IndexByte(u.User, ':'); i >= 0 {
			u.User, u.Password = u.User[:i], u.User[i+1:]
		}
		ok = ok && len(u.User) > 0
		rest = rest[at+1:]
	}
	end := 0
	if len(rest) > 0 && rest[0] == '[' {
		end = bytes.IndexByte(rest, ']') + 1
		ok = ok && end > 0 && !bytes.ContainsAny(rest[:end], ";?") // no IPv6reference has them
	}
	for end < len(rest) && rest[end] != ':' && rest[end] != ';' && rest[end] != '?' {
		end++
	}
	u.Host, rest = rest[:end], rest[end:]
	ok = ok && len(u.Host) > 0
	if len(rest) > 0 && rest[0] == ':' {
		end := bytes.IndexAny(rest, ";?")
		if end < 0 {
			end = len(rest)
		}
		n, isPort := number(rest[1:end], 65535)
		ok = ok && isPort
		u.Port = uint16(n)
		rest = rest[end:]
	}
	if len(rest) > 0 && rest[0] == ';' {
		end := bytes.IndexByte(rest, '?')
		if end < 0 {
			end = len(rest)
		}
		u.Params, rest = rest[1:end], rest[end:]
	}
	if len(rest) > 0 {
		u.Headers = rest[1:]
	}
	return u, ok
}

// Param returns a URI parameter's value, empty for one without a value (RFC 3261 §19.1.1).
func (u URI) Param(name string) ([]byte, bool) { return findParam(u.Params, name) }

// Addr returns the host as an address, with RFC 5118 §4.10's extra colon forgiven; invalid for a name.
func (u URI) Addr() netip.Addr { return parseAddr(u.Host) }

// AOR returns the address-of-record that the URI stands for (RFC 3261 §10.3 step 5): "sip:user@host" with
// the scheme and host in lower case and the user unescaped, without password, port, parameters and headers.
func (u URI) AOR() string {
	b := make([]byte, 0, len(u.Scheme)+len(u.User)+len(u.Host)+2)
	b = appendLower(b, u.Scheme)
	b = append(b, ':')
	if !u.IsSIP() {
		return string(append(b, u.User...))
	}
	if len(u.User) > 0 {
		b = appendUnescaped(b, u.User)
		b = append(b, '@')
	}
	return string(appendLower(b, u.Host))
}

func appendLower(dst, b []byte) []byte {
	for _, c := range b {
		dst = append(dst, lower(c))
	}
	return dst
}

// appendUnescaped appends b with its %XX made octets (RFC 3261 §19.1.2); a % that is no escape stays.
func appendUnescaped(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		if b[i] == '%' && i+2 < len(b) && class[b[i+1]]&class[b[i+2]]&isHex != 0 {
			dst = append(dst, unhex(b[i+1])<<4|unhex(b[i+2]))
			i += 2
			continue
		}
		dst = append(dst, b[i])
	}
	return dst
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return lower(c) - 'a' + 10
}

// longestAddr is the length of an IPv6 address that ends in an IPv4 address, in brackets.
const longestAddr = len("[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]") + 1

// parseAddr reads an IP address with or without brackets; invalid if b is none.
func parseAddr(b []byte) netip.Addr {
	if len(b) < 2 || len(b) > longestAddr {
		return netip.Addr{}
	}
	if b[0] == '[' && b[len(b)-1] == ']' {
		b = b[1 : len(b)-1]
	}
	colon := false
	for _, c := range b {
		switch {
		case c == ':':
			colon = true
		case c != '.' && class[c]&isHex == 0:
			return netip.Addr{}
		}
	}
	if len(b) == 0 || !colon && class[b[len(b)-1]]&isDigit == 0 {
		return netip.Addr{}
	}
	if bytes.Contains(b, []byte(":::")) {
		b = bytes.Replace(b, []byte(":::"), []byte("::"), 1)
	}
	// ParseAddr keeps no part of its argument (there is no zone) and its error is dropped, so the string may
	// share the message's memory: no copy per address.
	addr, err := netip.ParseAddr(unsafe.String(&b[0], len(b)))
	if err != nil {
		return netip.Addr{}
	}
	return addr
}
