package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// keyFiles are what a scene with TLS finds beside its logs: an authority, and certificates of the second proxy.
var keyFiles = []struct {
	name  string
	until time.Duration // from now; before now: expired
	self  bool          // signed by itself
}{
	{name: "ca", until: 1000 * time.Hour, self: true},
	{name: "client", until: 1000 * time.Hour},
	{name: "good", until: 1000 * time.Hour},
	{name: "expired", until: -48 * time.Hour},
	{name: "stranger", until: 1000 * time.Hour, self: true},
}

// writeKeys makes keys and certificates in dir: <name>.pem and <name>.key.
func writeKeys(dir string) error {
	var authority *x509.Certificate
	var authorityKey *ecdsa.PrivateKey
	for i, f := range keyFiles {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		now := time.Now()
		c := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: f.name + ".example.com"},
			NotBefore: now.Add(-1000 * time.Hour), NotAfter: now.Add(f.until),
			DNSNames: []string{"sip.example.com"}, IPAddresses: []net.IP{net.ParseIP(host(proxy2))},
			IsCA: f.self, BasicConstraintsValid: true,
		}
		parent, signer := authority, authorityKey
		if f.self {
			parent, signer = c, key
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
		if err != nil {
			return fmt.Errorf("make the certificate %s: %w", f.name, err)
		}
		if i == 0 {
			authority, authorityKey = c, key
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return err
		}
		for _, out := range []struct {
			ext, kind string
			der       []byte
		}{{".pem", "CERTIFICATE", der}, {".key", "PRIVATE KEY", private}} {
			text := pem.EncodeToMemory(&pem.Block{Type: out.kind, Bytes: out.der})
			if err := os.WriteFile(filepath.Join(dir, f.name+out.ext), text, 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}
