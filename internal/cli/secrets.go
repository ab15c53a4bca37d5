package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"sipcause/internal/digest"
	"sipcause/internal/keylog"
)

// given is what the user hands over for the program to see more: it is read, used, and never shown.
type given struct {
	keylogs, passwords, passwordFiles []string
}

// flags adds the flags that hand something over. Their values may have commas.
func (g *given) flags(cmd *cobra.Command) {
	g.keylogFlag(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&g.passwords, "secret", nil, "password of an account, as user[@realm]:password (may be repeated): digest responses are computed anew to say which field was wrong; others can see a command line, so rather use --secret-file")
	f.StringArrayVar(&g.passwordFiles, "secret-file", nil, "file of such passwords, one a line, # begins a comment (may be repeated); see docs/how-to/check-a-password.md")
}

// keylogFlag adds the flag of key logs alone.
func (g *given) keylogFlag(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&g.keylogs, "keylog", nil, "file of TLS secrets (SSLKEYLOGFILE) by which SIP over TLS and WSS is decrypted (may be repeated); those in a pcapng are used anyway; see docs/how-to/decrypt-tls.md")
}

// keys reads the key logs; nil when there are none.
func (g *given) keys() (*keylog.Log, error) {
	if len(g.keylogs) == 0 {
		return nil, nil
	}
	log := new(keylog.Log)
	for _, name := range g.keylogs {
		text, err := readGiven("--keylog", name)
		if err != nil {
			return nil, err
		}
		if err := log.Add(text); err != nil {
			return nil, usageError{fmt.Errorf("read --keylog %s: %w", name, err)}
		}
	}
	return log, nil
}

// secrets reads the passwords; nil when there are none.
func (g *given) secrets() (*digest.Secrets, error) {
	if len(g.passwords)+len(g.passwordFiles) == 0 {
		return nil, nil
	}
	s := new(digest.Secrets)
	for _, p := range g.passwords {
		if err := s.Add(p); err != nil {
			return nil, usageError{fmt.Errorf("read --secret: %w", err)}
		}
	}
	for _, name := range g.passwordFiles {
		text, err := readGiven("--secret-file", name)
		if err != nil {
			return nil, err
		}
		if err := s.AddFile(text); err != nil {
			return nil, usageError{fmt.Errorf("read --secret-file %s: %w", name, err)}
		}
	}
	return s, nil
}

// maxGiven bounds a file of secrets.
const maxGiven = 64 << 20

func readGiven(flag, name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", flag, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxGiven+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", flag, err)
	}
	if len(text) > maxGiven {
		return nil, usageError{fmt.Errorf("read %s %s: larger than %d MiB", flag, name, maxGiven>>20)}
	}
	return text, nil
}
