package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sipcause/internal/passport"
)

const stirCertsHelp = "folder of certificates (PEM or DER) by which the signatures of calls (STIR/SHAKEN) are checked, with those of their CAs where there are some; see docs/how-to/check-stir-signatures.md"

// The bounds of a folder of certificates.
const (
	maxCertificateFile  = 1 << 20
	maxCertificateFiles = 4096
)

// certificateEndings are those of files that have to hold a certificate or a key.
var certificateEndings = []string{".pem", ".crt", ".cer", ".der"}

// openCertificates reads the certificates of a folder; nil when none is named. Files that are something else are passed
// over.
func openCertificates(folder string) (*passport.Store, error) {
	if folder == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, usageError{fmt.Errorf("read --stir-certs: %w", err)}
	}
	if len(entries) > maxCertificateFiles {
		return nil, usageError{fmt.Errorf("read --stir-certs %s: more than %d files", folder, maxCertificateFiles)}
	}
	s := new(passport.Store)
	for _, e := range entries {
		name := filepath.Join(folder, e.Name())
		info, err := os.Stat(name)
		if err != nil {
			return nil, usageError{fmt.Errorf("read --stir-certs: %w", err)}
		}
		if !info.Mode().IsRegular() {
			continue
		}
		must := slices.Contains(certificateEndings, strings.ToLower(filepath.Ext(name)))
		switch {
		case info.Size() <= maxCertificateFile:
		case must:
			return nil, usageError{fmt.Errorf("read --stir-certs: %s is larger than %d KiB", name, maxCertificateFile>>10)}
		default:
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, usageError{fmt.Errorf("read --stir-certs: %w", err)}
		}
		if err := s.Add(e.Name(), b); err != nil && must && !errors.Is(err, passport.ErrOther) {
			return nil, usageError{fmt.Errorf("read --stir-certs: %s: %w", name, err)}
		}
	}
	if s.Len() == 0 {
		return nil, usageError{fmt.Errorf("read --stir-certs: find a certificate with a key for ES256 (ECDSA P-256) in %s: there is none", folder)}
	}
	return s, nil
}
