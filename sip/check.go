package sip

import (
	"cmp"
	"slices"
	"unicode/utf8"
)

// Check looks at the contents of the start line and of every header and returns all defects of the message,
// those that Parse saw among them, by offset. It is slower than Parse and made for messages that were refused
// or look wrong (RFC 3261 §8.2, §16.3, §21.4.1). The result is the caller's.
func (m *Message) Check() []Defect {
	c := checker{m: m, list: slices.Clone(m.Defects)}
	c.startLine()
	topVia := true
	for i := range m.n {
		f := m.at(i)
		c.field(f)
		if f.id == HeaderVia && topVia {
			topVia = false
			c.branch()
		}
	}
	c.whole()
	slices.SortStableFunc(c.list, func(a, b Defect) int { return cmp.Compare(a.Offset, b.Offset) })
	return slices.Compact(c.list)
}

// Malformed returns the first defect that Check finds for which a server may refuse the message (400,
// RFC 3261 §21.4.1), or nil.
func (m *Message) Malformed() *Defect {
	for _, d := range m.Check() {
		if d.Rule.Breaks() {
			return &d
		}
	}
	return nil
}

// checker gathers the defects of a message; f is the field looked at, nil in the start line.
type checker struct {
	m    *Message
	f    *field
	list []Defect
}

// add notes a defect at the place where at lies in the message, or at the field looked at if that is folded.
func (c *checker) add(r Rule, at []byte) {
	h, offset := HeaderUnknown, 0
	if c.f != nil {
		h, offset = c.f.id, int(c.f.name)
	}
	if at != nil && (c.f == nil || c.f.state != unfolded) {
		offset = min(cap(c.m.raw)-cap(at), len(c.m.raw)) // at is a part of raw
	}
	c.list = addDefect(c.list, r, h, offset)
}

func (c *checker) startLine() {
	m := c.m
	if !m.IsRequest() {
		if !utf8.Valid(m.phrase) {
			c.add(RuleUTF8, m.phrase)
		}
		return
	}
	for _, b := range m.uri {
		if space(b) { // Parse has noted it
			return
		}
	}
	u := c.uri(m.uri, RuleRequestURI)
	if u.IsSIP() && u.Headers != nil {
		c.add(RuleRequestURIHeaders, u.Headers)
	}
}

// fieldChecks has what is looked at in each header's field or, where commas part values, in each value.
var fieldChecks = [headerCount]func(c *checker, v []byte){
	HeaderVia:                (*checker).via,
	HeaderFrom:               (*checker).from,
	HeaderTo:                 (*checker).to,
	HeaderCallID:             (*checker).callID,
	HeaderContact:            (*checker).contact,
	HeaderRoute:              (*checker).address,
	HeaderRecordRoute:        (*checker).address,
	HeaderPath:               (*checker).address,
	HeaderServiceRoute:       (*checker).address,
	HeaderPAssertedIdentity:  (*checker).address,
	HeaderPPreferredIdentity: (*checker).address,
	HeaderDiversion:          (*checker).address,
	HeaderHistoryInfo:        (*checker).address,
	HeaderReferTo:            (*checker).address,
	HeaderReferredBy:         (*checker).address,
	HeaderReplyTo:            (*checker).address,
	HeaderPCalledPartyID:     (*checker).address,
	HeaderPAssociatedURI:     (*checker).address,
	HeaderCallInfo:           (*checker).address,
	HeaderErrorInfo:          (*checker).address,
	HeaderAlertInfo:          (*checker).address,
	HeaderMaxForwards:        (*checker).maxForwards,
	HeaderExpires:            (*checker).number,
	HeaderMinExpires:         (*checker).number,
	HeaderRetryAfter:         (*checker).number,
	HeaderSessionExpires:     (*checker).number,
	HeaderMinSE:              (*checker).number,
	HeaderRSeq:               (*checker).number,
	HeaderRAck:               (*checker).rack,
	HeaderAllow:              (*checker).token,
	HeaderAllowEvents:        (*checker).token,
	HeaderRequire:            (*checker).token,
	HeaderProxyRequire:       (*checker).token,
	HeaderSupported:          (*checker).token,
	HeaderUnsupported:        (*checker).token,
	HeaderContentType:        (*checker).mediaType,
	HeaderAccept:             (*checker).mediaType,
	HeaderReason:             (*checker).reason,
	HeaderWarning:            (*checker).warning,
	HeaderDate:               (*checker).date,
}

// mayBeEmpty tells the lists of which an empty field means something (RFC 3261 §20.1, §20.2, §20.5, §20.37).
func mayBeEmpty(id HeaderID) bool {
	switch id {
	case HeaderAccept, HeaderAllow, HeaderSupported:
		return true
	}
	return false
}

// field checks one header field.
func (c *checker) field(f *field) {
	c.f = f
	v := c.m.value(f)
	if name := c.m.name(f); !all(name, isToken) {
		c.add(RuleHeaderName, name)
	}
	if !utf8.Valid(v) {
		c.add(RuleUTF8, v)
	}
	check := fieldChecks[f.id]
	switch {
	case check == nil:
		return
	case headerFacts[f.id].kind != list:
		check(c, v)
		return
	case len(v) == 0 && mayBeEmpty(f.id):
		return
	}
	for s := split(v); s.more && len(c.list) < MaxDefects; {
		before := s.rest
		if value := s.value(); len(value) > 0 {
			check(c, value)
		} else {
			c.add(RuleEmptyElement, before)
		}
	}
}

// branch looks at what identifies the transaction (RFC 3261 §8.1.1.7, §17.2.3). A branch may be missing
// (RFC 4475 §3.1.1.7 has a valid request without); with other signs it tells an element of RFC 2543.
func (c *checker) branch() {
	m := c.m
	switch via := m.TopVia(); {
	case string(via.Branch) == "z9hG4bK":
		c.add(RuleBranchEmpty, via.Branch)
	case len(via.Branch) == 0 && m.IsRequest() && (m.first[HeaderMaxForwards] == 0 || m.first[HeaderFrom] != 0 && m.FromTag() == nil):
		c.add(RuleLegacy, nil)
	}
}

// whole looks at what the message lacks and at its credentials.
func (c *checker) whole() {
	m := c.m
	c.f = nil
	missing := func(r Rule, id HeaderID) { c.list = addDefect(c.list, r, id, m.headerEnd) }
	if m.Method == MethodInvite && m.first[HeaderContact] == 0 && (m.IsRequest() || m.Status/100 == 2) {
		missing(RuleMissingContact, HeaderContact)
	}
	if len(m.Body) > 0 && m.first[HeaderContentType] == 0 {
		missing(RuleMissingContentType, HeaderContentType)
	}
	for x := range m.Challenges() {
		if sameFold(x.Scheme, "Digest") && (x.Realm == nil || len(x.Nonce) == 0) {
			c.authentication(RuleChallenge, x.Proxy, HeaderWWWAuthenticate, HeaderProxyAuthenticate)
		}
	}
	for x := range m.Credentials() {
		if sameFold(x.Scheme, "Digest") && (x.Username == nil || x.Realm == nil || len(x.Nonce) == 0 || len(x.URI) == 0 || x.Response == nil) {
			c.authentication(RuleCredentials, x.Proxy, HeaderAuthorization, HeaderProxyAuthorization)
		}
	}
}

func (c *checker) authentication(r Rule, proxy bool, id, proxyID HeaderID) {
	if proxy {
		id = proxyID
	}
	c.list = addDefect(c.list, r, id, c.m.offset(id))
}
