package sqlite

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"sipcause/internal/query"
	"sipcause/internal/record"
)

// A term says that a field has a value: the field's tag, then the value in lower case. What searches compare with more
// than equality is a range of terms.

// maxTerm is how many bytes of a value a term has. A longer value, and one that has bytes below 3, is cut there and
// marked.
const maxTerm = 48

const (
	markCase = '\x00' // the value as it was written follows
	markCut  = '\x02'
	afterAll = "\x01" // behind a value that stands whole, and the same in other case
)

// Tags of what is no field of its own.
const (
	tagCode     = 'o'
	tagIP       = 'p'
	tagCallID   = 'c' // hash of the Call-ID
	tagID       = 'i'
	tagNumber   = 'n'
	tagReversed = 'N' // the number's last character first
	tagOrigin   = 'O'
	tagSuspect  = 'S'
	tagGap      = 'G'
)

// textFields are those with terms of their text.
var textFields = map[query.Field]struct {
	tag  byte
	read func(c *record.Case) []string
}{
	query.ID:         {tagID, func(c *record.Case) []string { return []string{c.ID} }},
	query.Numbers:    {tagNumber, func(c *record.Case) []string { return c.Numbers }},
	query.Outcome:    {'u', func(c *record.Case) []string { return []string{c.Outcome.String()} }},
	query.Kind:       {'k', func(c *record.Case) []string { return []string{c.Kind.String()} }},
	query.Cause:      {'a', func(c *record.Case) []string { return []string{c.Cause} }},
	query.Finding:    {'f', func(c *record.Case) []string { return c.Findings }},
	query.Severity:   {'s', func(c *record.Case) []string { return []string{c.Severity} }},
	query.Reason:     {'e', func(c *record.Case) []string { return []string{c.Reason} }},
	query.OriginRole: {'R', func(c *record.Case) []string { return []string{c.OriginRole} }},
	query.Server:     {'v', func(c *record.Case) []string { return c.Servers }},
	query.UA:         {'g', func(c *record.Case) []string { return c.UAs }},
	query.Method:     {'m', func(c *record.Case) []string { return c.Methods }},
	query.Transport:  {'t', func(c *record.Case) []string { return c.Transports }},
	query.Realm:      {'l', func(c *record.Case) []string { return c.Realms }},
	query.HungUpBy:   {'h', func(c *record.Case) []string { return []string{c.HungUpBy} }},
	query.Route: {'r', func(c *record.Case) []string {
		if c.RouteIn == "" {
			return c.RoutesOut
		}
		return append([]string{c.RouteIn}, c.RoutesOut...)
	}},
}

// textOrder is textFields in a fixed order.
var textOrder = func() (list []query.Field) {
	for f := range textFields {
		list = append(list, f)
	}
	slices.Sort(list)
	return list
}()

// addrFields are those with terms of their addresses.
var addrFields = map[query.Field]byte{
	query.Origin: tagOrigin, query.Suspect: tagSuspect, query.Src: tagIP, query.Dst: tagIP, query.IP: tagIP,
}

// terms calls add for each term of c; one may come twice.
func terms(c *record.Case, buf []byte, add func(term []byte)) []byte {
	for _, f := range textOrder {
		info := textFields[f]
		for _, v := range info.read(c) {
			if v != "" || f == query.ID { // every case is found by its ID: see rowsOfCase
				buf = appendText(append(buf[:0], info.tag), v)
				add(buf)
			}
		}
	}
	for _, n := range c.Numbers {
		if n != "" {
			buf = appendReversed(append(buf[:0], tagReversed), n)
			add(buf)
		}
	}
	for _, id := range c.CallIDs {
		if id != "" {
			buf = appendCallID(buf[:0], id)
			add(buf)
		}
	}
	if c.Code != 0 {
		buf = appendCode(buf[:0], int64(c.Code))
		add(buf)
	}
	for _, list := range [...][]netip.AddrPort{c.Src, c.Dst} {
		for _, a := range list {
			if a.Addr().IsValid() {
				buf = appendAddr(append(buf[:0], tagIP), a.Addr().Unmap())
				add(buf)
			}
		}
	}
	if c.Origin.Addr().IsValid() {
		buf = appendAddr(append(buf[:0], tagOrigin), c.Origin.Addr().Unmap())
		add(buf)
	}
	if c.Suspect.Addr().IsValid() {
		buf = appendAddr(append(buf[:0], tagSuspect), c.Suspect.Addr().Unmap())
		add(buf)
	}
	if c.Gap {
		add(append(buf[:0], tagGap))
	}
	return buf
}

// whole returns how many bytes of a value its term has.
func whole(v string) int {
	n := min(len(v), maxTerm)
	for i := range n {
		if v[i] < 3 {
			return i
		}
	}
	return n
}

// appendText appends a value as its term has it.
func appendText(b []byte, v string) []byte {
	n, cased := whole(v), false
	for i := range n {
		b = append(b, lower(v[i]))
		cased = cased || lower(v[i]) != v[i]
	}
	switch {
	case n < len(v):
		b = append(b, markCut)
	case cased:
		b = append(append(b, markCase), v...)
	}
	return b
}

func appendReversed(b []byte, v string) []byte {
	for i := range min(len(v), maxTerm) {
		b = append(b, lower(v[len(v)-1-i]))
	}
	return b
}

func appendCallID(b []byte, id string) []byte {
	h := xxhash.Sum64String(lowered(id))
	var raw [8]byte
	binary.BigEndian.PutUint64(raw[:], h)
	return append(append(b, tagCallID), raw[:6]...)
}

func appendCode(b []byte, code int64) []byte {
	return binary.BigEndian.AppendUint32(append(b, tagCode), uint32(max(0, min(code, 1<<32-1))))
}

// appendAddr appends an address: its family, then its bytes in order of their weight.
func appendAddr(b []byte, a netip.Addr) []byte {
	if a.Is4() {
		raw := a.As4()
		return append(append(b, 4), raw[:]...)
	}
	raw := a.As16()
	return append(append(b, 6), raw[:]...)
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// lowered is in lower case as the filter language has it: ASCII only.
func lowered(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= 'A' && r <= 'Z' }) {
		return s
	}
	b := []byte(s)
	for i := range b {
		b[i] = lower(b[i])
	}
	return string(b)
}

// valueOf returns the value that a term of a text field has; whole is false when it was cut.
func valueOf(term string) (v string, isWhole bool) {
	if i := strings.IndexByte(term, markCase); i >= 0 {
		return term[i+1:], true
	}
	if strings.HasSuffix(term, string(rune(markCut))) {
		return "", false
	}
	return term[1:], true
}
