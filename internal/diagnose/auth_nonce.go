package diagnose

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"sipcause/internal/wire"
)

// validity is what a nonce says itself of its time, by the clock of the server that made it.
type validity struct {
	issued  int64 // Unix seconds, 0 = not said
	expires int64 // Unix seconds
}

// Bounds within which a time read from a nonce is one, and not chance.
const (
	maxSkew     = 24 * 3600 // seconds between the server's clock and the capture's
	maxLifetime = 24 * 3600 // seconds
	minBinary   = 24        // bytes of Kamailio's shortest nonce: two times and an MD5
	minHex      = 40        // characters of SER's: a time and an MD5
)

// readNonce reads a nonce of the SER family, seen at a time: Kamailio's is base64 of its expiry and its issue, four
// bytes each, and hashes; that of SER and of OpenSER before it is hexadecimal and begins with the expiry. Other
// servers' nonces tell nothing.
func readNonce(nonce []byte, at wire.Time) (validity, bool) {
	now := int64(at) / int64(time.Second)
	s := strings.TrimRight(string(nonce), "=")
	if len(s) >= minHex && strings.Trim(s, "0123456789abcdef") == "" {
		t, err := strconv.ParseInt(s[:8], 16, 64)
		return validity{0, t}, err == nil && t > now && t-now <= maxLifetime/24
	}
	b, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil || len(b) < minBinary {
		return validity{}, false
	}
	v := validity{issued: be32(b[4:]), expires: be32(b)}
	life, skew := v.expires-v.issued, v.issued-now
	return v, life > 0 && life <= maxLifetime && skew <= maxSkew && skew >= -maxSkew
}

func be32(b []byte) int64 { return int64(b[0])<<24 | int64(b[1])<<16 | int64(b[2])<<8 | int64(b[3]) }

// lifetime notes in r how long the nonce was good for and how much later it was used, when it tells. Where the
// capture shows when it was issued, clocks do not matter; else the nonce of the new challenge gives the server's
// time.
func (x *Case) lifetime(e *exchange, r *refusal) {
	if r.known || r.offer >= 0 {
		issued := x.Start(e.ref).Add(-r.age)
		v, ok := readNonce(r.cred.Nonce, issued)
		if !ok {
			return
		}
		if v.issued == 0 {
			v.issued = int64(issued) / int64(time.Second)
		}
		r.lifetime = time.Duration(v.expires-v.issued) * time.Second
		r.late = r.age - r.lifetime
		return
	}
	at := x.FinalTime(e.ref)
	v, ok := readNonce(r.cred.Nonce, at)
	if !ok || v.issued == 0 {
		return
	}
	for _, n := range e.asked {
		if now, ok := readNonce(n.Nonce, at); ok && now.issued != 0 && string(n.Realm) == string(r.cred.Realm) {
			r.lifetime = time.Duration(v.expires-v.issued) * time.Second
			r.late = time.Duration(now.issued-v.expires) * time.Second
			r.age = time.Duration(now.issued-v.issued) * time.Second
			return
		}
	}
}

// ranOut says whether the nonce itself proves that it had run out when it was used. It counts whole seconds.
func (r *refusal) ranOut() bool { return r.lifetime > 0 && r.late > time.Second }
