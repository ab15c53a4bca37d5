// Package code says what the numbers of SIP signalling mean and what to do about them: every response code of
// IANA's registry and the unregistered ones met in the field, Q.850 causes, Warning codes and the protocols of the
// Reason header. Its one rule: facts and sentences are data (files under data/), and both are complete in each language.
//
// The tables are read once, at the first question, and never change: everything here is safe for concurrent use.
package code

import (
	"fmt"
	"slices"
	"strings"
)

// Retry says what may follow a failed request; a bit set. The zero value is Never.
type Retry uint8

// The ways to try again.
const (
	RetryHere        Retry = 1 << iota // the same request to the same server, later
	RetryElsewhere                     // the same request to another server or address
	RetryAfterChange                   // only with something changed: credentials, offer, target, a header
	RetryNever       Retry = 0
)

// String returns the set in words: "later, or elsewhere", "after a change", "never".
func (r Retry) String() string {
	var ways []string
	for _, w := range [...]struct {
		bit  Retry
		word string
	}{{RetryHere, "later"}, {RetryElsewhere, "elsewhere"}, {RetryAfterChange, "after a change"}} {
		if r&w.bit != 0 {
			ways = append(ways, w.word)
		}
	}
	if ways == nil {
		return "never"
	}
	return strings.Join(ways, ", or ")
}

// Entry is what is known of one response code. It shares its slices with the table: read only.
type Entry struct {
	Code       int
	Phrase     string // IANA's; of an unregistered code, what its senders write
	RFC        string // "RFC 3261"; where an unregistered code comes from ("RFC 2543 only", "Kamailio and its relatives")
	Section    string // "21.4.24" where it is known, else ""
	Registered bool   // in IANA's registry
	Final      bool   // RFC 3261 §7.2: 2xx to 6xx
	Retry      Retry  // what may follow; RetryNever too where nothing failed (1xx, 2xx)
	RetryAfter bool   // a Retry-After in it is to be honoured: the RFC of the code gives it a meaning

	// In English; Text has the same in other languages.
	Meaning string   // for the engineer
	Checks  []string // what to look at, in this order
	Caller  string   // one sentence for the person who calls
	Support string   // one sentence for support staff
	Misuse  string   // what the code is often wrongly taken for; "" mostly
}

// Ref returns the definition ("RFC 3261 §21.4.24").
func (e Entry) Ref() string {
	if e.Section == "" {
		return e.RFC
	}
	return e.RFC + " §" + e.Section
}

// Lookup returns the entry of a code; ok is false when the catalogue does not have it.
func Lookup(code int) (e Entry, ok bool) {
	t := catalogue()
	if code < 0 || code >= len(t.byCode) || t.byCode[code] == 0 {
		return Entry{}, false
	}
	return t.entries[t.byCode[code]-1], true
}

// All returns every entry in the order of the codes. The caller owns the slice.
func All() []Entry { return slices.Clone(catalogue().entries) }

// Phrase returns the phrase of a code, "" for one that the catalogue does not have.
func Phrase(code int) string {
	e, _ := Lookup(code)
	return e.Phrase
}

// Class is the first digit of a code (RFC 3261 §7.2). Zero is no class: below 100 and above 699.
type Class uint8

var classNames = [...]string{"no SIP response", "provisional", "success", "redirection", "client error", "server error", "global failure"}

// ClassOf returns the class of a code, known or not. A client that does not know a code treats it as the x00 of its
// class (RFC 3261 §8.1.3.2).
func ClassOf(code int) Class {
	if code < 100 || code > 699 {
		return 0
	}
	return Class(code / 100)
}

// String returns the class as a word ("client error").
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return classNames[0]
}

// ClassName returns the class of a code with its article, to stand in a sentence ("a client error").
func ClassName(code int) string {
	switch c := ClassOf(code); c {
	case 0, 2:
		return c.String()
	default:
		return "a " + c.String()
	}
}

// Audience is for whom a text is written.
type Audience uint8

// The audiences.
const (
	Engineer Audience = iota // what it means, in RFC words
	Caller                   // one sentence without jargon
	Support                  // one sentence for who answers the caller
)

var audienceNames = [...]string{"engineer", "caller", "support"}

// String returns the audience's name.
func (a Audience) String() string { return audienceNames[a] }

// ParseAudience reads a name. The error names the audiences there are.
func ParseAudience(name string) (Audience, error) {
	if i := slices.Index(audienceNames[:], name); i >= 0 {
		return Audience(i), nil
	}
	return 0, fmt.Errorf("read audience %q: not one of %s", name, strings.Join(audienceNames[:], ", "))
}

// Text returns what is to be said of the code, in a language ("en") to an audience. The error names the languages
// there are.
func (e Entry) Text(lang string, to Audience) (string, error) {
	t, err := language(lang)
	if err != nil {
		return "", err
	}
	s := t.Codes[e.Code]
	switch to {
	case Caller:
		return s.Caller, nil
	case Support:
		return s.Support, nil
	}
	return s.Means, nil
}

// ChecksIn returns Checks in a language.
func (e Entry) ChecksIn(lang string) ([]string, error) {
	t, err := language(lang)
	if err != nil {
		return nil, err
	}
	return t.Codes[e.Code].Check, nil
}

// MisuseIn returns Misuse in a language.
func (e Entry) MisuseIn(lang string) (string, error) {
	t, err := language(lang)
	if err != nil {
		return "", err
	}
	return t.Codes[e.Code].Misuse, nil
}
