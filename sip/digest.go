package sip

import (
	"bytes"
	"iter"
)

// Challenge asks for credentials (RFC 3261 §22, RFC 7616 §3.3). Values are without their quotes and alias
// the message.
type Challenge struct {
	Proxy  bool // of Proxy-Authenticate (407), not WWW-Authenticate (401)
	Scheme []byte
	Realm, Nonce, Algorithm, QOP,
	Opaque []byte
	Stale bool // stale=true: the nonce is too old, the password was right (RFC 7616 §3.3)
}

// Credentials answer a challenge (RFC 3261 §22, RFC 7616 §3.4). Values are without their quotes and alias
// the message.
type Credentials struct {
	Proxy  bool // of Proxy-Authorization, not Authorization
	Scheme []byte
	Username, Realm, Nonce, URI, Response, Algorithm, QOP, CNonce,
	NC []byte
}

// Challenges yields the challenges of WWW-Authenticate and Proxy-Authenticate (RFC 3261 §20.44, §20.27).
// Several in one field, which RFC 3261 §7.3.1 forbids, are told apart.
func (m *Message) Challenges() iter.Seq[Challenge] {
	return func(yield func(Challenge) bool) {
		for _, id := range [...]HeaderID{HeaderWWWAuthenticate, HeaderProxyAuthenticate} {
			for v := range m.Headers(id) {
				for len(v) > 0 {
					c := Challenge{Proxy: id == HeaderProxyAuthenticate}
					c.Scheme, v = authScheme(v)
					var name, value []byte
					for {
						name, value, v = authParam(v)
						if name == nil {
							break
						}
						c.set(name, value)
					}
					if len(c.Scheme) > 0 && !yield(c) {
						return
					}
				}
			}
		}
	}
}

func (c *Challenge) set(name, value []byte) {
	switch {
	case sameFold(name, "realm"):
		c.Realm = value
	case sameFold(name, "nonce"):
		c.Nonce = value
	case sameFold(name, "algorithm"):
		c.Algorithm = value
	case sameFold(name, "qop"):
		c.QOP = value
	case sameFold(name, "opaque"):
		c.Opaque = value
	case sameFold(name, "stale"):
		c.Stale = sameFold(value, "true")
	}
}

// Credentials yields the credentials of Authorization and Proxy-Authorization (RFC 3261 §20.7, §20.28).
func (m *Message) Credentials() iter.Seq[Credentials] {
	return func(yield func(Credentials) bool) {
		for _, id := range [...]HeaderID{HeaderAuthorization, HeaderProxyAuthorization} {
			for v := range m.Headers(id) {
				for len(v) > 0 {
					c := Credentials{Proxy: id == HeaderProxyAuthorization}
					c.Scheme, v = authScheme(v)
					var name, value []byte
					for {
						name, value, v = authParam(v)
						if name == nil {
							break
						}
						c.set(name, value)
					}
					if len(c.Scheme) > 0 && !yield(c) {
						return
					}
				}
			}
		}
	}
}

func (c *Credentials) set(name, value []byte) {
	switch {
	case sameFold(name, "username"):
		c.Username = value
	case sameFold(name, "realm"):
		c.Realm = value
	case sameFold(name, "nonce"):
		c.Nonce = value
	case sameFold(name, "uri"):
		c.URI = value
	case sameFold(name, "response"):
		c.Response = value
	case sameFold(name, "algorithm"):
		c.Algorithm = value
	case sameFold(name, "qop"):
		c.QOP = value
	case sameFold(name, "cnonce"):
		c.CNonce = value
	case sameFold(name, "nc"):
		c.NC = value
	}
}

// authScheme cuts the scheme off: "Digest". A value that has none has an empty one.
func authScheme(v []byte) (scheme, rest []byte) {
	v = trimSeparators(v)
	i := 0
	for i < len(v) && class[v[i]]&isToken != 0 {
		i++
	}
	if i == 0 && len(v) > 0 {
		i = 1 // no token: pass over it, so that the caller gets on
		return nil, v[i:]
	}
	if i < len(v) && v[i] == '=' { // a parameter without a scheme before it
		return nil, v[i+1:]
	}
	return v[:i], v[i:]
}

// authParam cuts name=value off. name is nil at the end and before the next scheme; a token68 (RFC 7235
// §2.1) is passed over.
func authParam(v []byte) (name, value, rest []byte) {
	for {
		v = trimSeparators(v)
		i := 0
		for i < len(v) && class[v[i]]&isToken != 0 {
			i++
		}
		j := i
		for j < len(v) && space(v[j]) {
			j++
		}
		if i == 0 && len(v) > 0 {
			v = afterComma(v)
			continue
		}
		if j >= len(v) || v[j] != '=' {
			if i < len(v) && j > i { // "Digest realm=…": the next scheme
				return nil, nil, v
			}
			if i == len(v) {
				return nil, nil, nil
			}
			v = afterComma(v)
			continue
		}
		rest = trimLeft(v[j+1:])
		if len(rest) > 0 && rest[0] == '"' {
			n, closed := quotedEnd(rest)
			if value = rest[1:n]; closed {
				value = rest[1 : n-1]
			}
			return v[:i], value, rest[n:]
		}
		n := bytes.IndexByte(rest, ',')
		if n < 0 {
			n = len(rest)
		}
		return v[:i], trim(rest[:n]), rest[n:]
	}
}

func trimSeparators(v []byte) []byte {
	for len(v) > 0 && (space(v[0]) || v[0] == ',') {
		v = v[1:]
	}
	return v
}

func afterComma(v []byte) []byte {
	if i := bytes.IndexByte(v, ','); i >= 0 {
		return v[i+1:]
	}
	return nil
}
