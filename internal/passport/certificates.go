package passport

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"sipcause/internal/call"
)

// maxCertificates bounds the certificates of a store.
const maxCertificates = 4096

// Certificate is one that may have signed calls (RFC 8226).
type Certificate struct {
	File                string // base name
	Subject             string
	NotBefore, NotAfter time.Time
	Authority           *Authority // its TNAuthList; nil: none

	key  *ecdsa.PublicKey
	cert *x509.Certificate
}

// Store holds certificates given to check signatures with. It is not changed once it is in use.
type Store struct {
	signers       []*Certificate // those with a key for ES256, CA certificates last
	roots, others *x509.CertPool // CA certificates: self-signed ones, and the rest
	selfSigned    int
	authorities   int
	n             int
}

// What is wrong with a file that holds no certificate.
var (
	ErrNone  = errors.New("find certificate: neither PEM nor DER")
	ErrOther = errors.New("find certificate: the PEM holds something else") // a key, say
)

// Add adds the certificates of one file, PEM (all of its blocks) or DER. The error is ErrNone or ErrOther when there is
// none, and another one when there is one that cannot be read.
func (s *Store) Add(name string, data []byte) error {
	name = path.Base(name)
	found, other := false, false
	for rest := data; ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		other = other || b.Type != "CERTIFICATE"
		if b.Type == "CERTIFICATE" {
			found = true
			if err := s.add(name, b.Bytes); err != nil {
				return err
			}
		}
	}
	if !found && len(data) > 1 && data[0] == 0x30 { // a SEQUENCE
		if err := s.add(name, data); err != nil {
			return err
		}
		found = true
	}
	switch {
	case found:
		return nil
	case other:
		return ErrOther
	}
	return ErrNone
}

func (s *Store) add(name string, der []byte) error {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("parse certificate: %w", err)
	}
	if s.n++; s.n > maxCertificates {
		return fmt.Errorf("take certificate: there are more than %d", maxCertificates)
	}
	c.UnhandledCriticalExtensions = slices.DeleteFunc(c.UnhandledCriticalExtensions, tnAuthList.Equal)
	if s.roots == nil {
		s.roots, s.others = x509.NewCertPool(), x509.NewCertPool()
	}
	if c.IsCA {
		s.authorities++
		if bytes.Equal(c.RawIssuer, c.RawSubject) {
			s.selfSigned++
			s.roots.AddCert(c)
		} else {
			s.others.AddCert(c)
		}
	}
	key, ok := c.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil
	}
	k := &Certificate{File: name, Subject: call.CleanString(c.Subject.String()), NotBefore: c.NotBefore, NotAfter: c.NotAfter, key: key, cert: c}
	for _, x := range c.Extensions {
		if x.Id.Equal(tnAuthList) {
			if k.Authority, err = parseAuthority(x.Value); err != nil {
				return fmt.Errorf("parse TNAuthList: %w", err)
			}
		}
	}
	if c.IsCA {
		s.signers = append(s.signers, k)
	} else {
		s.signers = slices.Insert(s.signers, s.leaves(), k)
	}
	return nil
}

// leaves is how many signers are no CA.
func (s *Store) leaves() int {
	i := slices.IndexFunc(s.signers, func(k *Certificate) bool { return k.cert.IsCA })
	if i < 0 {
		return len(s.signers)
	}
	return i
}

// Len is how many certificates may have signed calls.
func (s *Store) Len() int { return len(s.signers) }

// named returns the certificates whose file has the name that ends an address, with or without extension.
func (s *Store) named(address string) (list []*Certificate) {
	at := address
	if u, err := url.Parse(address); err == nil {
		at = u.Path
	}
	want := path.Base(at)
	if address == "" || want == "." || want == "/" {
		return nil
	}
	for _, k := range s.signers {
		if k.File == want || strings.TrimSuffix(k.File, path.Ext(k.File)) == strings.TrimSuffix(want, path.Ext(want)) {
			list = append(list, k)
		}
	}
	return list
}

// chains says whether there are CA certificates to chain to.
func (s *Store) chains() bool { return s.authorities > 0 }

// chain says why a certificate does not chain to a self-signed CA certificate of the store, or to any CA certificate
// when none is self-signed; "" when it does. When it ran out is not asked here.
func (s *Store) chain(k *Certificate, at time.Time) string {
	opt := x509.VerifyOptions{Roots: s.roots, Intermediates: s.others, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	if s.selfSigned == 0 {
		opt.Roots = s.others
	}
	if at.IsZero() || at.After(k.NotAfter) || at.Before(k.NotBefore) {
		opt.CurrentTime = k.NotAfter
	}
	if _, err := k.cert.Verify(opt); err != nil {
		return call.CleanString(strings.TrimPrefix(err.Error(), "x509: "))
	}
	return ""
}
