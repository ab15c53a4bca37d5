package passport

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"time"
)

// es256Bytes is how long a signature of ES256 is.
const es256Bytes = 64

// VerifyES256 says whether signature is that of key over what was signed: SHA-256, r and s of 32 bytes each (RFC 7518
// §3.4).
func VerifyES256(key *ecdsa.PublicKey, signed, signature []byte) bool {
	if len(signature) != es256Bytes {
		return false
	}
	hash := sha256.Sum256(signed)
	return ecdsa.Verify(key, hash[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
}

// outcome is what is known of a signature.
type outcome uint8

const (
	unchecked outcome = iota
	right
	wrong
)

// signature looks for the key that signed, and notes what is wrong with it and its certificate: first with the
// certificates that are named like the one said to have signed, then with any other.
func (q *request) signature(c *Checked) outcome {
	if q.certs == nil {
		return unchecked
	}
	if c.Form == Full && c.Header.Alg != "ES256" {
		return unchecked
	}
	inputs := [][]byte{c.signed}
	if c.Form == Compact {
		inputs = q.compact(c)
	}
	named := q.certs.named(c.Certificate())
	if k := signer(named, inputs, c.signature); k != nil {
		q.credential(c, k)
		return right
	}
	k := signer(q.certs.signers, inputs, c.signature)
	switch {
	case k == nil && len(named) > 0:
		c.note(SignatureWrong, "", named[0].File)
		q.credential(c, named[0])
		c.Key = nil
		return wrong
	case k == nil:
		c.note(NoCertificate, c.Certificate(), "")
		return unchecked
	case len(named) > 0:
		c.note(OtherKey, c.Certificate(), k.File)
		q.credential(c, k)
		return wrong
	}
	q.credential(c, k)
	return right
}

// maxTried bounds the certificates that one signature is tried with.
const maxTried = 64

func signer(list []*Certificate, inputs [][]byte, signature []byte) *Certificate {
	for _, k := range list[:min(len(list), maxTried)] {
		for _, in := range inputs {
			if VerifyES256(k.key, in, signature) {
				return k
			}
		}
	}
	return nil
}

// credential notes what is wrong with the certificate itself, as of the time of the request.
func (q *request) credential(c *Checked, k *Certificate) {
	c.Key = k
	if !q.seen.IsZero() {
		switch {
		case q.seen.After(k.NotAfter):
			c.note(Expired, k.NotAfter.Format(time.RFC3339), k.File)
		case q.seen.Before(k.NotBefore):
			c.note(NotYetValid, k.NotBefore.Format(time.RFC3339), k.File)
		}
	}
	if q.certs.chains() {
		why := q.certs.chain(k, q.seen)
		if c.Trusted = why == ""; !c.Trusted {
			c.note(Untrusted, why, k.File)
		}
	}
	a := k.Authority
	if a == nil {
		c.note(NoAuthority, "", k.File)
		return
	}
	number, ok := c.Claims.Orig.canonical()
	text := c.Claims.Orig.String()
	if c.Form == Compact {
		number, ok, text = q.from.canonical, q.from.number, q.from.String()
	}
	if ok && len(a.SPC) == 0 && !a.Covers(number) {
		c.note(NotCovered, text, k.File)
	}
}

// compact makes what a PASSporT of the compact form signs from the request (RFC 8225 §7, in the form of §9): one for
// From and one for each P-Asserted-Identity.
func (q *request) compact(c *Checked) (inputs [][]byte) {
	if q.date.IsZero() || q.to.canonical == "" {
		return nil
	}
	header := serial(struct {
		Alg string `json:"alg"`
		PPT string `json:"ppt,omitempty"`
		Typ string `json:"typ"`
		X5U string `json:"x5u"`
	}{"ES256", c.PPT, "passport", c.Info})
	for _, id := range append([]identity{q.from}, q.asserted...) {
		claims := serial(struct {
			Dest map[string][]string `json:"dest"`
			IAT  int64               `json:"iat"`
			Orig map[string]string   `json:"orig"`
		}{map[string][]string{claimOf(q.to): {q.to.canonical}}, q.date.Unix(), map[string]string{claimOf(id): id.canonical}})
		inputs = append(inputs, []byte(header+"."+claims))
	}
	return inputs
}

func claimOf(id identity) string {
	if id.number {
		return "tn"
	}
	return "uri"
}

// serial is the deterministic JSON of RFC 8225 §9, whose members are given in order, as base64url.
func serial(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(bytes.TrimSpace(b.Bytes()))
}
