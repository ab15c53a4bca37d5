package sip

import "bytes"

// address checks a name-addr or addr-spec with its parameters (RFC 3261 §25.1) and returns the URI in it.
func (c *checker) address(v []byte) { c.nameAddr(v) }

func (c *checker) nameAddr(v []byte) (a NameAddr, u URI) {
	a.parse(v)
	if a.Star {
		if c.f.id != HeaderContact {
			c.add(RuleAddress, v)
		}
		return a, u
	}
	open := 0
	if len(v) > 0 && v[0] == '"' {
		n, closed := quotedEnd(v)
		if !closed {
			c.add(RuleQuote, v)
			return a, u
		}
		open = n
	}
	n := bytes.IndexByte(v[open:], '<')
	switch {
	case n >= 0:
		c.bracketed(v, open, open+n)
	case open > 0 || len(a.URI) == 0:
		c.add(RuleAddress, v)
		return a, u
	case bytes.ContainsAny(a.URI, "?,"):
		c.add(RuleAddressBrackets, a.URI)
	}
	if a.Params != nil {
		c.params(a.Params, RuleAddress)
	}
	if bytes.ContainsAny(a.URI, " \t") {
		c.add(RuleURI, a.URI)
		return a, u
	}
	return a, c.uri(a.URI, RuleURI)
}

// bracketed checks what stands around the URI that v[open] == '<' begins; a quoted display name ends at from.
func (c *checker) bracketed(v []byte, from, open int) {
	display := trim(v[from:open])
	switch {
	case from > 0 && len(display) > 0:
		c.add(RuleAddress, display)
	case len(display) > 0:
		for _, b := range display {
			if !blank(b) && class[b]&isToken == 0 {
				c.add(RuleDisplayName, display)
				break
			}
		}
	}
	end := bytes.IndexByte(v[open:], '>')
	if end < 0 {
		c.add(RuleAddress, v[open:])
		return
	}
	inner := v[open+1 : open+end]
	if len(trim(inner)) != len(inner) {
		c.add(RuleAddressSpacing, inner)
	}
	if behind := trimLeft(v[open+end+1:]); len(behind) > 0 && behind[0] != ';' {
		c.add(RuleAddress, behind)
	}
}

// params checks header parameters (RFC 3261 §25.1 generic-param); r is the rule for wrong ones.
func (c *checker) params(params []byte, r Rule) {
	for s := split(params); s.more && len(c.list) < MaxDefects; {
		before := s.rest
		name, value := s.param()
		has := value != nil
		switch {
		case len(name) == 0 && !has:
			c.add(RuleEmptyElement, before)
		case !all(name, isToken):
			c.add(r, name)
		case has && len(value) > 0 && value[0] == '"':
			if n, closed := quotedEnd(value); !closed {
				c.add(RuleQuote, value)
			} else if n < len(value) {
				c.add(r, value)
			}
		case has && (len(value) == 0 || bytes.ContainsAny(value, " \t\",")):
			c.add(r, name)
		}
	}
}

func (c *checker) from(v []byte) {
	if a, _ := c.nameAddr(v); a.Tag() == nil {
		c.add(RuleTagMissing, nil)
	}
}

func (c *checker) to(v []byte) {
	a, u := c.nameAddr(v)
	if c.m.Status > 100 && a.Tag() == nil {
		c.add(RuleTagMissing, nil)
	}
	if c.m.IsRequest() && c.m.Method == MethodRegister && len(u.Scheme) > 0 && !u.IsSIP() {
		c.add(RuleAddressOfRecord, a.URI)
	}
}

func (c *checker) contact(v []byte) {
	a, _ := c.nameAddr(v)
	if expires, ok := a.Param("expires"); ok {
		if _, ok := number(expires, 1<<32-1); !ok {
			c.add(RuleNumber, expires)
		}
	}
	if q, ok := a.Param("q"); ok && !qvalue(q) {
		c.add(RuleNumber, q)
	}
}

// qvalue says whether v is a number from 0 to 1 with up to three decimals (RFC 3261 §25.1).
func qvalue(v []byte) bool {
	if len(v) == 0 || len(v) > 5 || v[0] != '0' && v[0] != '1' || len(v) > 1 && v[1] != '.' {
		return false
	}
	for i, b := range v {
		if i > 1 && (class[b]&isDigit == 0 || v[0] == '1' && b != '0') {
			return false
		}
	}
	return true
}

// uri checks a URI (RFC 3261 §19.1.1, §25.1; RFC 3966 §3); r is the rule for what is malformed.
func (c *checker) uri(v []byte, r Rule) URI {
	u, ok := ParseURI(v)
	if !ok {
		c.add(r, v)
		return u
	}
	switch {
	case u.IsSIP():
		c.sipURI(&u, r)
	case sameFold(u.Scheme, "tel"):
		number := u.User
		if number[0] == '+' {
			number = number[1:]
		}
		for _, b := range number {
			if class[b]&isHex == 0 && !bytes.ContainsRune([]byte("*#-.()"), rune(b)) {
				c.add(r, u.User)
				break
			}
		}
		c.uriParams(u.Params, r)
	}
	return u
}

func (c *checker) sipURI(u *URI, r Rule) {
	if u.User != nil && !escaped(u.User, isUser) {
		c.add(r, u.User)
	}
	if len(u.Password) > 0 && (!escaped(u.Password, isUser) || bytes.ContainsAny(u.Password, ";?/")) {
		c.add(r, u.Password)
	}
	switch hostForm(u.Host) {
	case hostBad:
		c.add(r, u.Host)
	case hostColons:
		c.add(RuleIPv6Colons, u.Host)
	}
	c.uriParams(u.Params, r)
	if u.Headers == nil {
		return
	}
	for part := range bytes.SplitSeq(u.Headers, []byte("&")) {
		name, value, has := bytes.Cut(part, []byte("="))
		if !has || !escaped(name, isParam) || len(value) > 0 && !escaped(bytes.ReplaceAll(value, []byte("?"), nil), isParam) {
			c.add(r, part)
		}
	}
}

// uriParams checks the parameters of a URI (RFC 3261 §25.1 uri-parameters).
func (c *checker) uriParams(params []byte, r Rule) {
	if params == nil {
		return
	}
	for part := range bytes.SplitSeq(params, []byte(";")) {
		name, value, has := bytes.Cut(part, []byte("="))
		switch {
		case len(part) == 0:
			c.add(RuleEmptyElement, part)
		case !escaped(name, isParam) || has && !escaped(value, isParam):
			c.add(r, part)
		}
		if len(c.list) >= MaxDefects {
			return
		}
	}
}

// escaped says whether b is not empty and has only characters of the class and %XX.
func escaped(b []byte, bits uint8) bool {
	for i := 0; i < len(b); i++ {
		switch {
		case class[b[i]]&bits != 0:
		case b[i] == '%' && i+2 < len(b) && class[b[i+1]]&class[b[i+2]]&isHex != 0:
			i += 2
		default:
			return false
		}
	}
	return len(b) > 0
}

type hostKind uint8

const (
	hostGood hostKind = iota
	hostBad
	hostColons // an IPv6 address with three colons in a row: RFC 5118 §4.10
)

// hostForm tells whether b is a host name, an IPv4 address or an IPv6 reference (RFC 3261 §25.1 host).
func hostForm(b []byte) hostKind {
	if len(b) > 0 && b[0] == '[' {
		switch {
		case b[len(b)-1] != ']' || !parseAddr(b).IsValid():
			return hostBad
		case bytes.Contains(b, []byte(":::")):
			return hostColons
		}
		return hostGood
	}
	for _, c := range b {
		if class[c]&(isAlpha|isDigit) == 0 && c != '.' && c != '-' && c != '_' { // _ is no host's, but met
			return hostBad
		}
	}
	if len(b) == 0 || b[0] == '.' || b[0] == '-' || bytes.Contains(b, []byte("..")) {
		return hostBad
	}
	return hostGood
}
