package diagnose

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"sipcause/internal/call"
	"sipcause/sip"
)

// freshness is how far the time of a signature may be from the verifier's (RFC 8224 §6.2 step 4 recommends
// 60 seconds).
const freshness = 60 * time.Second

// maxPassport bounds the length of an Identity header that is read.
const maxPassport = 8192

// identity is what an Identity header says (RFC 8224 §4, RFC 8225).
type identity struct {
	full   bool // header and claims are in it; the compact form leaves them to the receiver (RFC 8225 §7)
	broken string
	info   string // where the certificate is
	alg    string
	orig   string // the calling number signed for
	dest   []string
	attest string
	iat    time.Time
}

// readIdentity reads the first Identity header of a message; ok is false when it has none.
func readIdentity(m *sip.Message) (id identity, ok bool) {
	v := m.Header(sip.HeaderIdentity)
	if len(v) == 0 {
		return id, false
	}
	if len(v) > maxPassport {
		id.broken = "it is longer than any PASSporT"
		return id, true
	}
	token, params, _ := bytes.Cut(v, []byte(";"))
	for p := range bytes.SplitSeq(params, []byte(";")) {
		name, value, _ := bytes.Cut(bytes.TrimSpace(p), []byte("="))
		switch strings.ToLower(string(name)) {
		case "info":
			id.info = call.Clean(bytes.Trim(value, "<>\""))
		case "alg":
			id.alg = call.Clean(bytes.Trim(value, "\""))
		}
	}
	id.claims(bytes.Split(bytes.TrimSpace(token), []byte(".")))
	return id, true
}

// claims reads the three parts of a PASSporT.
func (id *identity) claims(parts [][]byte) {
	if len(parts) != 3 || len(parts[2]) == 0 {
		id.broken = "it is not made of three parts with a signature"
		return
	}
	if len(parts[0]) == 0 && len(parts[1]) == 0 {
		return
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(string(parts[1]), "="))
	if err != nil {
		id.broken = "its claims are not base64url"
		return
	}
	var c struct {
		Attest string `json:"attest"`
		Dest   struct {
			TN  []string `json:"tn"`
			URI []string `json:"uri"`
		} `json:"dest"`
		Iat  int64 `json:"iat"`
		Orig struct {
			TN  string `json:"tn"`
			URI string `json:"uri"`
		} `json:"orig"`
	}
	if json.Unmarshal(raw, &c) != nil {
		id.broken = "its claims are not the JSON of RFC 8225"
		return
	}
	id.full = true
	id.attest = call.Clean([]byte(c.Attest))
	id.orig = call.Clean([]byte(c.Orig.TN + c.Orig.URI))
	for _, d := range append(c.Dest.TN, c.Dest.URI...) {
		id.dest = append(id.dest, call.Clean([]byte(d)))
	}
	if c.Iat > 0 {
		id.iat = time.Unix(c.Iat, 0).UTC()
	}
}

// digits returns the digits of a number or of the user part of a URI.
func digits(s string) string {
	var b strings.Builder
	for _, c := range number(s) {
		if c >= '0' && c <= '9' {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// mismatch says how the claims differ from the request that carries them (RFC 8224 §6.2); "" when they do not,
// or when they name no numbers.
func (id *identity) mismatch(m *sip.Message) string {
	if !id.full {
		return ""
	}
	if id.orig != "" {
		found, named := false, ""
		for _, h := range [...]sip.HeaderID{sip.HeaderPAssertedIdentity, sip.HeaderFrom} {
			for v := range m.Values(h) {
				n := digits(addressOf(v))
				if n == "" {
					continue
				}
				if named == "" {
					named = n
				}
				found = found || n == digits(id.orig)
			}
		}
		if !found && named != "" && digits(id.orig) != "" {
			return "it is signed for the calling number " + id.orig + ", the request comes from " + named
		}
	}
	if to, ok := m.To(); ok && len(id.dest) > 0 {
		called := digits(call.Clean(to.URI))
		for _, d := range id.dest {
			if called == "" || digits(d) == "" || digits(d) == called {
				return ""
			}
		}
		return "it is signed for calls to " + strings.Join(id.dest, ", ") + ", the request goes to " + called
	}
	return ""
}

// addressOf returns the URI of a name-addr or addr-spec.
func addressOf(v []byte) string {
	if i := bytes.IndexByte(v, '<'); i >= 0 {
		v = v[i+1:]
		if j := bytes.IndexByte(v, '>'); j >= 0 {
			v = v[:j]
		}
	}
	return call.Clean(v)
}

// signedAt returns the time that a request's signature claims: its iat, else its Date.
func (id *identity) signedAt(m *sip.Message) (at time.Time, from string, ok bool) {
	if !id.iat.IsZero() {
		return id.iat, "iat", true
	}
	if d, ok := m.Date(); ok {
		return d, "Date", true
	}
	return at, "", false
}
