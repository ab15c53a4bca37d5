// Package keylog holds the secrets of TLS connections as programs write them for who is to read their traffic:
// the key log format (SSLKEYLOGFILE; RFC 9850), which the Decryption Secrets Blocks of pcapng hold as well.
// Its one rule: secrets go to who reads records, and nowhere else: no error and no output has any.
package keylog

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
)

// Label says what a secret is for (RFC 9850 §2).
type Label uint8

// The labels that are read; others are ignored.
const (
	Master          Label = iota // TLS 1.2: the master secret
	ClientHandshake              // TLS 1.3
	ServerHandshake
	ClientTraffic
	ServerTraffic
	ClientEarly
	labelCount
)

var labelNames = [labelCount]string{
	Master:          "CLIENT_RANDOM",
	ClientHandshake: "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
	ServerHandshake: "SERVER_HANDSHAKE_TRAFFIC_SECRET",
	ClientTraffic:   "CLIENT_TRAFFIC_SECRET_0",
	ServerTraffic:   "SERVER_TRAFFIC_SECRET_0",
	ClientEarly:     "CLIENT_EARLY_TRAFFIC_SECRET",
}

// Random is the random of a ClientHello (RFC 8446 §4.1.2): it names the connection.
type Random [32]byte

// Secrets are those of one connection; those not known are nil.
type Secrets [labelCount][]byte

const (
	// maxSessions bounds the connections whose secrets are kept.
	maxSessions = 1 << 17
	// maxSecret is the longest secret there is: of SHA-384, as is the master secret of TLS 1.2 (RFC 5246 §8.1).
	maxSecret = 48
)

// ErrFull says that there are more connections than secrets are kept of.
var ErrFull = fmt.Errorf("more than %d connections", maxSessions)

// Log holds the secrets of many connections. The zero value is empty; it is for one goroutine.
type Log struct {
	sessions map[Random]*Secrets
}

// Len returns of how many connections there are secrets.
func (l *Log) Len() int {
	if l == nil {
		return 0
	}
	return len(l.sessions)
}

// Find returns the secrets of a connection, nil when there are none. Those that are added later appear in what was
// returned.
func (l *Log) Find(r *Random) *Secrets {
	if l == nil {
		return nil
	}
	return l.sessions[*r]
}

// Error is a line that is not in the format. It has none of the line's words: they may be a secret.
type Error struct {
	Line int // from 1
	Why  string
}

func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Why) }

// Add takes what a key log says: lines of a label, a client random and a secret, both in hexadecimal; comments
// begin with '#'. All lines that can be read are taken; the error is of the first that cannot (*Error), or ErrFull.
func (l *Log) Add(text []byte) error {
	var first error
	n := 0
	for len(text) > 0 {
		var line []byte
		line, text, _ = bytes.Cut(text, []byte("\n"))
		n++
		if err := l.line(bytes.TrimSpace(line)); err != nil && first == nil {
			if first = err; !errors.Is(err, ErrFull) {
				first = &Error{n, err.Error()}
			}
		}
	}
	return first
}

func (l *Log) line(b []byte) error {
	if len(b) == 0 || b[0] == '#' {
		return nil
	}
	name, rest, _ := bytes.Cut(b, []byte(" "))
	if !isLabel(name) {
		return errors.New("no label at its beginning")
	}
	label, known := labelOf(name)
	if !known {
		return nil
	}
	id, secret, ok := bytes.Cut(rest, []byte(" "))
	var r Random
	if !ok || len(id) != 2*len(r) {
		return fmt.Errorf("%s is not followed by a client random of %d hexadecimal digits and a secret", labelNames[label], 2*len(r))
	}
	if _, err := hex.Decode(r[:], id); err != nil {
		return fmt.Errorf("the client random after %s is not hexadecimal", labelNames[label])
	}
	key := make([]byte, hex.DecodedLen(len(secret)))
	if _, err := hex.Decode(key, secret); err != nil {
		return fmt.Errorf("the secret of %s is not hexadecimal", labelNames[label])
	}
	if len(key) > maxSecret || len(key) != maxSecret && (label == Master || len(key) != 32) {
		return fmt.Errorf("the secret of %s has %d bytes", labelNames[label], len(key))
	}
	s := l.sessions[r]
	if s == nil {
		if len(l.sessions) >= maxSessions {
			return ErrFull
		}
		if l.sessions == nil {
			l.sessions = map[Random]*Secrets{}
		}
		s = new(Secrets)
		l.sessions[r] = s
	}
	s[label] = key
	return nil
}

func labelOf(name []byte) (Label, bool) {
	for i, n := range labelNames {
		if string(name) == n {
			return Label(i), true
		}
	}
	return 0, false
}

// isLabel says whether b may be a label: those of RFC 9850 §4.2 are capitals, digits and underscores, and "RSA" lines
// have the same form.
func isLabel(b []byte) bool {
	for _, c := range b {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return len(b) > 0
}
