package passport

import (
	"encoding/asn1"
	"errors"
	"math/big"
	"strconv"
	"strings"

	"sipcause/internal/call"
)

// tnAuthList is the OID of the certificate extension that says for whom a certificate may sign (RFC 8226 §9).
var tnAuthList = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 26}

// maxEntries bounds the entries of one TNAuthList.
const maxEntries = 4096

// Authority is a TNAuthList: the service provider codes, and the numbers in ranges of one or more.
type Authority struct {
	SPC    []string
	Ranges []Range
}

// Range is Count numbers from Start on (RFC 8226 §9).
type Range struct {
	Start string
	Count int64
}

// String shows a range: "15550100", "15550100 (100 numbers)".
func (r Range) String() string {
	if r.Count == 1 {
		return r.Start
	}
	return r.Start + " (" + strconv.FormatInt(r.Count, 10) + " numbers)"
}

// Covers says whether a number in canonical form is in one of the ranges.
func (a *Authority) Covers(number string) bool {
	n, ok := new(big.Int).SetString(number, 10)
	for _, r := range a.Ranges {
		if r.Start == number {
			return true
		}
		start, valid := new(big.Int).SetString(r.Start, 10)
		if !ok || !valid || len(r.Start) != len(number) {
			continue
		}
		if d := new(big.Int).Sub(n, start); d.Sign() >= 0 && d.Cmp(big.NewInt(r.Count)) < 0 {
			return true
		}
	}
	return false
}

// String lists what is covered.
func (a *Authority) String() string {
	var parts []string
	for _, s := range a.SPC {
		parts = append(parts, "SPC "+s)
	}
	for _, r := range a.Ranges {
		parts = append(parts, r.String())
	}
	return strings.Join(parts, ", ")
}

var errList = errors.New("it is not a list of TNEntry")

// parseAuthority reads a TNAuthorizationList. Its tags are explicit (RFC 8226 §9); implicit ones are met, too.
func parseAuthority(der []byte) (*Authority, error) {
	var entries []asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &entries); err != nil || len(rest) > 0 {
		return nil, errList
	}
	a := new(Authority)
	for _, e := range entries[:min(len(entries), maxEntries)] {
		if e.Class != asn1.ClassContextSpecific {
			return nil, errList
		}
		switch e.Tag {
		case 0:
			if s := inner(e); s != "" {
				a.SPC = append(a.SPC, s)
			}
		case 1:
			r, ok := parseRange(e)
			if !ok {
				return nil, errList
			}
			a.Ranges = append(a.Ranges, r)
		case 2:
			a.Ranges = append(a.Ranges, Range{inner(e), 1})
		}
	}
	return a, nil
}

// inner returns the string in an entry.
func inner(e asn1.RawValue) string {
	if e.IsCompound {
		var v asn1.RawValue
		if _, err := asn1.Unmarshal(e.Bytes, &v); err == nil {
			return call.Clean(v.Bytes)
		}
	}
	return call.Clean(e.Bytes)
}

func parseRange(e asn1.RawValue) (Range, bool) {
	body := e.Bytes
	var v asn1.RawValue
	if _, err := asn1.Unmarshal(body, &v); err == nil && v.Class == asn1.ClassUniversal && v.Tag == asn1.TagSequence {
		body = v.Bytes
	}
	var start asn1.RawValue
	rest, err := asn1.Unmarshal(body, &start)
	if err != nil {
		return Range{}, false
	}
	var n int64
	if _, err := asn1.Unmarshal(rest, &n); err != nil || n < 1 {
		return Range{}, false
	}
	return Range{call.Clean(start.Bytes), n}, true
}
