package digest

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"strings"
)

// Input is what a response is computed from, beside the password (RFC 7616 §3.4). Values are without quotes and
// backslashes.
type Input struct {
	Algorithm string // "" is MD5
	Username, Realm, Nonce,
	Method, URI string
	QOP        string // "": as RFC 2069
	NC, CNonce string // as sent
	Body       []byte // for auth-int
}

// algorithm is how to hash: RFC 7616 §6.1.
type algorithm struct {
	name string
	hash func() hash.Hash
	sess bool
}

var algorithms = [...]algorithm{
	{"MD5", md5.New, false},
	{"MD5-sess", md5.New, true},
	{"SHA-256", sha256.New, false},
	{"SHA-256-sess", sha256.New, true},
	{"SHA-512-256", sha512.New512_256, false},
	{"SHA-512-256-sess", sha512.New512_256, true},
}

func algorithmOf(name string) *algorithm {
	if name == "" {
		return &algorithms[0]
	}
	for i := range algorithms {
		if strings.EqualFold(algorithms[i].name, name) {
			return &algorithms[i]
		}
	}
	return nil
}

// sum hashes parts with colons between them.
func (a *algorithm) sum(parts ...string) string {
	h := a.hash()
	h.Write([]byte(strings.Join(parts, ":")))
	return hex.EncodeToString(h.Sum(nil))
}

// Response computes a response (RFC 7616 §3.4.1 to §3.4.3); ok is false when the algorithm or qop is not known.
func Response(in *Input, password string) (response string, ok bool) {
	a := algorithmOf(in.Algorithm)
	if a == nil {
		return "", false
	}
	a1 := a.sum(in.Username, in.Realm, password)
	if a.sess {
		a1 = a.sum(a1, in.Nonce, in.CNonce)
	}
	switch {
	case in.QOP == "":
		return a.sum(a1, in.Nonce, a.sum(in.Method, in.URI)), true
	case strings.EqualFold(in.QOP, "auth"):
		return a.sum(a1, in.Nonce, in.NC, in.CNonce, in.QOP, a.sum(in.Method, in.URI)), true
	case strings.EqualFold(in.QOP, "auth-int"):
		return a.sum(a1, in.Nonce, in.NC, in.CNonce, in.QOP, a.sum(in.Method, in.URI, a.sum(string(in.Body)))), true
	}
	return "", false
}
