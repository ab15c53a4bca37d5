package testkit

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"testing"
	"time"
)

// Signer signs calls (RFC 8224). The same name gives the same key, and with it the same certificates and signatures
// each time: none of it is a secret.
type Signer struct {
	name string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

// NewSigner returns a signer with a key and no certificate.
func NewSigner(t testing.TB, name string) *Signer {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
	if err != nil {
		t.Fatal(err)
	}
	return &Signer{name: name, key: key}
}

// TNEntries makes a TNAuthList (RFC 8226 §9): a service provider code unless it is "", and so many numbers from a first
// one on, unless that is 0.
func TNEntries(t testing.TB, spc, first string, n int) []byte {
	t.Helper()
	text := func(s string) asn1.RawValue {
		return asn1.RawValue{Tag: asn1.TagIA5String, Bytes: []byte(s)}
	}
	put := func(v any) []byte {
		b, err := asn1.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	explicit := func(tag int, v any) asn1.RawValue {
		return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, IsCompound: true, Bytes: put(v)}
	}
	var entries []asn1.RawValue
	if spc != "" {
		entries = append(entries, explicit(0, text(spc)))
	}
	switch {
	case n == 1:
		entries = append(entries, explicit(2, text(first)))
	case n > 1:
		entries = append(entries, explicit(1, struct {
			Start asn1.RawValue
			Count int
		}{text(first), n}))
	}
	return put(entries)
}

// Certify has issuer, nil for the signer itself, make a certificate that is valid from 2020 until a time; list is its
// TNAuthList, nil: it is a CA's. It returns the certificate as PEM.
func (s *Signer) Certify(t testing.TB, issuer *Signer, until time.Time, list []byte) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(s.name))), Subject: pkix.Name{CommonName: s.name}, BasicConstraintsValid: true,
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: until, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if list != nil {
		template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 26}, Value: list}}
	} else {
		template.IsCA, template.KeyUsage = true, x509.KeyUsageCertSign
	}
	parent, key := template, s.key
	if issuer != nil {
		parent, key = issuer.cert, issuer.key
	}
	der, err := x509.CreateCertificate(nil, template, parent, &s.key.PublicKey, deterministic{key})
	if err != nil {
		t.Fatal(err)
	}
	if s.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// deterministic signs by RFC 6979 whatever source of randomness it is given.
type deterministic struct{ *ecdsa.PrivateKey }

func (k deterministic) Sign(_ io.Reader, digest []byte, opt crypto.SignerOpts) ([]byte, error) {
	return k.PrivateKey.Sign(nil, digest, opt)
}

// Sign makes a PASSporT of a header and claims in JSON.
func (s *Signer) Sign(t testing.TB, header, claims string) string {
	t.Helper()
	enc := base64.RawURLEncoding
	signed := enc.EncodeToString([]byte(header)) + "." + enc.EncodeToString([]byte(claims))
	return signed + "." + s.signature(t, signed)
}

// Compact makes the compact form of the same.
func (s *Signer) Compact(t testing.TB, header, claims string) string {
	t.Helper()
	token := s.Sign(t, header, claims)
	return ".." + token[bytes.LastIndexByte([]byte(token), '.')+1:]
}

func (s *Signer) signature(t testing.TB, signed string) string {
	t.Helper()
	digest := sha256.Sum256([]byte(signed))
	der, err := s.key.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	var v struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &v); err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(append(v.R.FillBytes(make([]byte, 32)), v.S.FillBytes(make([]byte, 32))...))
}
