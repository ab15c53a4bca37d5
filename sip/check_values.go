package sip

import "bytes"

func (c *checker) via(v []byte) {
	var via Via
	if !via.parse(v) || len(via.Host) == 0 {
		c.add(RuleVia, v)
	} else {
		switch hostForm(via.Host) {
		case hostBad:
			c.add(RuleVia, via.Host)
		case hostColons:
			c.add(RuleIPv6Colons, via.Host)
		}
		if len(via.Received) > 0 && !parseAddr(via.Received).IsValid() {
			c.add(RuleVia, via.Received)
		}
	}
	if string(via.Host) == "255.255.255.255" {
		c.add(RuleViaBroadcast, via.Host)
	}
	if len(via.Transport) > 0 {
		protocol := v[:cap(v)-cap(via.Transport)]
		if name, version, ok := bytes.Cut(protocol, []byte("/")); ok && sameFold(trim(name), "SIP") &&
			string(trim(bytes.TrimSuffix(trimRight(version), []byte("/")))) != "2.0" {
			c.add(RuleVersion, v)
		}
	}
	if via.params != nil {
		c.params(via.params, RuleVia)
	}
}

func (c *checker) callID(v []byte) {
	word, host, two := bytes.Cut(v, []byte("@"))
	if !all(word, isWord) || two && !all(host, isWord) {
		c.add(RuleCallID, v)
	}
}

func (c *checker) maxForwards(v []byte) {
	if _, ok := number(v, 255); !ok {
		c.add(RuleMaxForwards, v)
	}
}

// number checks a number of up to 32 bits that a comment or parameters may follow.
func (c *checker) number(v []byte) {
	digits := leadingDigits(v)
	rest := v[len(digits):]
	_, ok := number(digits, 1<<32-1)
	if !ok || len(rest) > 0 && !space(rest[0]) && rest[0] != ';' && rest[0] != '(' {
		c.add(RuleNumber, v)
	}
}

func (c *checker) rack(v []byte) {
	if _, _, _, ok := c.m.RAck(); !ok {
		c.add(RuleRAck, v)
	}
}

func (c *checker) token(v []byte) {
	if i := bytes.IndexByte(v, ';'); i >= 0 && c.f.id == HeaderAllowEvents {
		v = trim(v[:i])
	}
	if !all(v, isToken) {
		c.add(RuleTokenList, v)
	}
}

func (c *checker) mediaType(v []byte) {
	t := v
	if i := bytes.IndexByte(v, ';'); i >= 0 {
		t = v[:i]
	}
	name, sub, two := bytes.Cut(t, []byte("/"))
	if !two || !all(trim(name), isToken) || !all(trim(sub), isToken) {
		c.add(RuleMediaType, v)
	}
}

func (c *checker) reason(v []byte) {
	r := parseReason(v)
	_, has := findParam(paramsOf(v), "cause")
	if !all(r.Protocol, isToken) || has && r.Cause < 0 {
		c.add(RuleReason, v)
	}
}

func (c *checker) warning(v []byte) {
	if _, ok := parseWarning(v); !ok {
		c.add(RuleWarning, v)
	}
}

func (c *checker) date(v []byte) {
	if _, ok := c.m.Date(); !ok {
		c.add(RuleDate, v)
	}
}
