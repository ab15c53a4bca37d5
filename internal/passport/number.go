package passport

import (
	"strings"

	"sipcause/sip"
)

// Number returns the canonical form of a telephone number (RFC 8224 §8.3): its digits, * and #. false when text has
// anything else than these and what is written between digits.
func Number(text string) (string, bool) {
	var b strings.Builder
	for i, c := range text {
		switch {
		case c >= '0' && c <= '9' || c == '*' || c == '#':
			b.WriteRune(c)
		case c == '+' && i == 0, strings.ContainsRune(" -.()/", c):
		default:
			return "", false
		}
	}
	return b.String(), b.Len() > 0
}

// canonical returns what a URI of a request is compared by: the number it stands for (RFC 8224 §8.1), else its
// address-of-record (§8.5).
func canonical(uri []byte) (text string, number bool) {
	u, _ := sip.ParseURI(uri)
	user := string(u.User)
	if !u.IsSIP() && !strings.EqualFold(string(u.Scheme), "tel") {
		return string(uri), false
	}
	user, _, _ = strings.Cut(user, ";") // parameters of the number (RFC 3966 §3)
	user = strings.NewReplacer("%23", "#", "%2B", "+", "%2b", "+").Replace(user)
	if n, ok := Number(user); ok {
		return n, true
	}
	if u.IsSIP() {
		return u.AOR(), false
	}
	return string(uri), false
}

// canonical returns what the party is compared by.
func (p Party) canonical() (text string, number bool) {
	if p.URI {
		return canonical([]byte(p.Text))
	}
	if n, ok := Number(p.Text); ok {
		return n, true
	}
	return p.Text, false
}

// shortest is how many digits a national number has at least, so that the end of another says that both may be the same.
const shortest = 7

// likeness says how two identities in canonical form compare.
type likeness uint8

const (
	different likeness = iota
	alike              // one number in the national and one in the international form, it may be: the rest is a prefix
	same
)

func compare(a, b string, numbers bool) likeness {
	if a == b {
		return same
	}
	if !numbers {
		return different
	}
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(a) >= shortest && strings.HasSuffix(b, a) {
		return alike
	}
	return different
}
