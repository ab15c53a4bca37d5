package code

import "slices"

// Q850Cause is a cause of ITU-T Q.850, as ISDN and ISUP release a call with and as Reason: Q.850 carries it
// (RFC 3326, RFC 6432).
type Q850Cause struct {
	Cause int
	Name  string
	Class string // Q.850's: normal, resource, service unavailable, not implemented, invalid message, protocol error, interworking
	SIP   int    // what a gateway answers with, RFC 3398 §7.2.4.1; 0: no response of its own
	Other int    // what it answers with, or the call ends with, under the condition of Note; 0: none
	Note  string // the condition, or where the mapping comes from when it is not RFC 3398; "" mostly
	// In English; CauseText has the same in other languages.
	Meaning string
	Ask     string // whom to ask
}

// Q850 returns a cause; ok is false for a number that Q.850 does not assign.
func Q850(cause int) (c Q850Cause, ok bool) {
	t := catalogue()
	if cause < 0 || cause >= len(t.byCause) || t.byCause[cause] == 0 {
		return Q850Cause{}, false
	}
	return t.causes[t.byCause[cause]-1], true
}

// Q850Causes returns every cause in order. The caller owns the slice.
func Q850Causes() []Q850Cause { return slices.Clone(catalogue().causes) }

// Text returns Meaning and Ask in a language. The error names the languages there are.
func (c Q850Cause) Text(lang string) (meaning, ask string, err error) {
	t, err := language(lang)
	if err != nil {
		return "", "", err
	}
	s := t.Causes[c.Cause]
	return s.Means, s.Ask, nil
}

// Agrees reports whether RFC 3398 maps the cause to the response code (§7.2.4.1) or the code to the cause
// (§8.2.6.1): then the code says no less than the cause.
func (c Q850Cause) Agrees(code int) bool {
	if code != 0 && (c.SIP == code || c.Other == code) {
		return true
	}
	m, ok := ToQ850(code)
	return ok && m.Cause == c.Cause
}

// Mapping is a row of RFC 3398 §8.2.6.1: the cause with which a gateway releases an ISUP call after a response.
type Mapping struct {
	Code  int
	Cause int    // 0: none of its own
	Note  string // the condition, or why there is none; "" mostly
}

// unlistedCause is for the codes that RFC 3398 §8.2.6.1 does not list: Normal, unspecified.
const unlistedCause = 31

// ToQ850 returns the cause for a final response other than success and redirection; ok is false for other codes.
func ToQ850(code int) (m Mapping, ok bool) {
	if code < 400 || code > 699 {
		return Mapping{}, false
	}
	t := catalogue()
	i, found := slices.BinarySearchFunc(t.mappings, code, func(m Mapping, code int) int { return m.Code - code })
	if !found {
		return Mapping{Code: code, Cause: unlistedCause, Note: "as for all codes that RFC 3398 does not list"}, true
	}
	return t.mappings[i], true
}
