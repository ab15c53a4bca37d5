// Package digest recomputes the responses of digest authentication (RFC 7616, RFC 2617, RFC 8760) with the passwords that
// the user gave, and finds which field was wrong. Its one rule: passwords stay in here: no error, no result and no
// text made of its values has any.
package digest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

const (
	// maxSecrets bounds the passwords that are taken.
	maxSecrets = 10_000
	// maxOthers bounds the passwords of other accounts that are tried.
	maxOthers = 64
)

// secret is the password of an account.
type secret struct {
	account  string // user or user@realm: both may have an '@' in them, so it is told by what is looked for
	password string
}

// realm returns what follows a user name in the account, "" when it does not begin with that name.
func (x *secret) realm(user string) string {
	if rest, ok := strings.CutPrefix(x.account, user+"@"); ok {
		return rest
	}
	return ""
}

// Secrets are the passwords of accounts. The zero value has none; nil is as good.
type Secrets struct {
	list []secret
}

// String says how many there are; so does every verb of fmt.
func (s *Secrets) String() string { return fmt.Sprintf("%d passwords", s.Len()) }

// GoString is String.
func (s *Secrets) GoString() string { return s.String() }

// Len returns how many there are.
func (s *Secrets) Len() int {
	if s == nil {
		return 0
	}
	return len(s.list)
}

// Add takes user[@realm]:password. The first colon ends the account; the rest is the password as it is.
func (s *Secrets) Add(text string) error {
	account, password, ok := strings.Cut(text, ":")
	switch {
	case !ok:
		return errors.New("no colon between account and password; the form is user[@realm]:password")
	case account == "" || account[0] == '@':
		return errors.New("no user before the colon; the form is user[@realm]:password")
	case len(s.list) == maxSecrets:
		return fmt.Errorf("more than %d passwords", maxSecrets)
	}
	s.list = append(s.list, secret{account, password})
	return nil
}

// AddFile takes a file of them, one a line; empty lines and those that begin with '#' are passed over.
func (s *Secrets) AddFile(text []byte) error {
	for n := 1; len(text) > 0; n++ {
		var line []byte
		line, text, _ = bytes.Cut(text, []byte("\n"))
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(bytes.TrimSpace(line)) == 0 || line[0] == '#' {
			continue
		}
		if err := s.Add(string(line)); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return nil
}

// of returns the passwords for a user name in a realm: those given for the two, else those for the user in other
// realms or without the domain of its name.
func (s *Secrets) of(user, realm string) (list []*secret) {
	for i := range s.list {
		x := &s.list[i]
		if x.account == user || realm != "" && strings.EqualFold(x.realm(user), realm) {
			list = append(list, x)
		}
	}
	if list != nil {
		return list
	}
	bare, _, _ := strings.Cut(user, "@")
	for i := range s.list {
		if x := &s.list[i]; x.account == bare || x.realm(user) != "" || x.realm(bare) != "" {
			list = append(list, x)
		}
	}
	return list
}
