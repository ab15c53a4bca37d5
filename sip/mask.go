package sip

import "bytes"

// MaskPasswords overwrites with x what in a message would let its reader in as it stands: credentials of Authorization
// and Proxy-Authorization of other schemes than Digest (Basic, Bearer), whose scheme stays, and the passwords of SIP and
// SIPS URIs (RFC 3261 §19.1.1). Lengths, lines, quotes and commas stay, and so does a Digest response, which is no
// password and shows what went wrong. b may be any text that holds such lines; nothing is allocated.
func MaskPasswords(b []byte) {
	for _, z := range [...]byte{'z', 'Z'} { // the rarest letter of the name
		for at := 0; ; at++ {
			i := bytes.IndexByte(b[at:], z)
			if i < 0 {
				break
			}
			at += i
			if end := at + 6; at >= 7 && end <= len(b) && bytes.EqualFold(b[at-7:end], authorization) && startsName(b[:at-7]) {
				maskCredentials(b[end:])
			}
		}
	}
	before := -1 // where a masked password ended
	for at := 0; ; at++ {
		i := bytes.IndexByte(b[at:], '@')
		if i < 0 {
			return
		}
		at += i
		if before >= 0 && !bytes.ContainsAny(b[before:at], " \t\r\n<>\";?,") { // the @ before was of the password
			mask(b[before+1 : at])
			before = at
		} else if before = -1; maskUserinfo(b[:at]) {
			before = at
		}
	}
}

func mask(b []byte) {
	for i := range b {
		b[i] = 'x'
	}
}

var (
	authorization = []byte("authorization")
	proxyPrefix   = []byte("proxy-")
)

// startsName says whether a header's name may begin after b, but for "Proxy-".
func startsName(b []byte) bool {
	if n := len(b) - len(proxyPrefix); n >= 0 && bytes.EqualFold(b[n:], proxyPrefix) {
		b = b[:n]
	}
	if len(b) == 0 {
		return true
	}
	c := b[len(b)-1]
	return c != '-' && c != '_' && (c|0x20 < 'a' || c|0x20 > 'z')
}

// longestScheme is what the name of an authentication scheme may be long; "Digest" and "Basic" are.
const longestScheme = 32

// maskCredentials masks what follows the name of the header, up to the end of its line and of those that continue it
// (RFC 3261 §7.3.1).
func maskCredentials(b []byte) {
	b = bytes.TrimLeft(b, " \t\"'")
	if len(b) == 0 || b[0] != ':' && b[0] != '=' {
		return
	}
	b = bytes.TrimLeft(b[1:], " \t\"'")
	end := bytes.IndexAny(b[:min(len(b), longestScheme)], " \t\r\n")
	if end <= 0 || bytes.EqualFold(b[:end], []byte("digest")) {
		return
	}
	b = b[end:]
	b = b[:lineEnd(b)]
	for i, c := range b {
		switch c {
		case ' ', '\t', '\r', '\n', '"', '\\', ',', '=':
		default:
			b[i] = 'x'
		}
	}
}

// lineEnd returns where the line that b begins with ends, and those that continue it.
func lineEnd(b []byte) int {
	for i := 0; ; i++ {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return len(b)
		}
		if i += n; i+1 >= len(b) || b[i+1] != ' ' && b[i+1] != '\t' {
			return i
		}
	}
}

// maskUserinfo masks the password of the userinfo that b ends with, if that is one of a SIP URI and has one.
func maskUserinfo(b []byte) bool {
	from := len(b)
	for from > 0 && b[from-1] > ' ' && b[from-1] != '<' && b[from-1] != '>' && b[from-1] != '"' && b[from-1] != '@' {
		from--
	}
	b = b[from:]
	scheme, colon := -1, -1 // where the userinfo begins, and the password
	for i := 3; i < len(b); i++ {
		if b[i] != ':' {
			continue
		}
		if hasScheme(b[:i]) {
			scheme, colon = i, -1
		} else if scheme >= 0 && colon < 0 {
			colon = i
		}
	}
	if colon < 0 {
		return false
	}
	mask(b[colon+1:])
	return true
}

// hasScheme says whether b ends with "sip" or "sips" as a word.
func hasScheme(b []byte) bool {
	n := len(b)
	switch {
	case n >= 3 && bytes.EqualFold(b[n-3:], []byte("sip")):
		n -= 3
	case n >= 4 && bytes.EqualFold(b[n-4:], []byte("sips")):
		n -= 4
	default:
		return false
	}
	return n == 0 || bytes.IndexByte([]byte(":-._%+"), b[n-1]) < 0 && class[b[n-1]]&(isAlpha|isDigit) == 0
}
