// Package playbooks says what to do about a failure on the software at hand: which of its settings to look at, in
// which file, and whom to call. Its one rule: entries are data (YAML files under data/, and the user's own), each with
// the references that it was written from, and an entry that is not certain to be well-formed is refused.
package playbooks

import (
	"regexp"
	"strings"
)

// Version is the version of the format, which each file names at its head.
const Version = 1

// Entry is one piece of advice: on which failures it holds, and what it says.
type Entry struct {
	ID     string   `yaml:"id"` // kebab words joined by dots: kamailio.send-failed
	Match  Match    `yaml:"match"`
	Cause  string   `yaml:"cause"`  // why this software says so
	Checks []string `yaml:"checks"` // ordered: the first splits the possibilities
	Fixes  []Fix    `yaml:"fixes"`
	Call   string   `yaml:"call"` // whom to call when that does not help; "" nobody
	Refs   []Ref    `yaml:"refs"`

	Source string `yaml:"-"` // the file it stands in; Embedded for the program's own
}

// Embedded is the source of entries that are part of the program.
const Embedded = "embedded"

// Fix is one thing to change.
type Fix struct {
	Set   string `yaml:"set"`   // the setting's exact name, with its value where one is meant; "" none
	Where string `yaml:"where"` // file and section, command, or path through the menus; "" when Do says it
	Do    string `yaml:"do"`    // in words; "" when Set says it all
}

// String returns the fix as a line: "allow (pjsip.conf, the endpoint's section): name a codec of the offer".
func (f Fix) String() string {
	s := f.Set
	if f.Where != "" {
		if s == "" {
			s = "In " + f.Where
		} else {
			s += " (" + f.Where + ")"
		}
	}
	if s != "" && f.Do != "" {
		s += ": "
	}
	return s + f.Do
}

// Ref is where a claim was found.
type Ref struct {
	Title string `yaml:"title"`
	URL   string `yaml:"url"` // "" for what is cited by its title: "RFC 3398 §8.2.6.1"
}

// Label is what stands before a fix in a report: whether it is a setting or an act.
func (f Fix) Label() string {
	if f.Set == "" {
		return "do"
	}
	return "set"
}

// String returns the reference as a line.
func (r Ref) String() string {
	switch {
	case r.URL == "":
		return r.Title
	case r.Title == "":
		return "<" + r.URL + ">"
	}
	return r.Title + " <" + r.URL + ">"
}

// Match is the conditions of an entry. All that are given must hold; of a list, one element must.
type Match struct {
	Cause   Words         `yaml:"cause"`  // finding IDs; auth.* for a topic
	Code    Numbers       `yaml:"code"`   // response codes, as they left the origin
	Phrase  Pattern       `yaml:"phrase"` // of the reason phrase
	Warning *WarningMatch `yaml:"warning"`
	Reason  *ReasonMatch  `yaml:"reason"`
	Header  *HeaderMatch  `yaml:"header"`
	Vendor  Words         `yaml:"vendor"` // IDs of vendors; asterisk* for those that begin so
	Of      Element       `yaml:"of"`     // whose software Vendor is about; "" is the origin
	Kind    Words         `yaml:"kind"`   // call, registration, transaction
	Outcome Words         `yaml:"outcome"`
}

// WarningMatch is a condition on one Warning header field (RFC 3261 §20.43).
type WarningMatch struct {
	Code Numbers `yaml:"code"`
	Text Pattern `yaml:"text"`
}

// ReasonMatch is a condition on one Reason header field (RFC 3326).
type ReasonMatch struct {
	Protocol string  `yaml:"protocol"`
	Cause    Numbers `yaml:"cause"`
	Text     Pattern `yaml:"text"`
}

// HeaderMatch is a condition on any other header field.
type HeaderMatch struct {
	Name  string  `yaml:"name"`
	Value Pattern `yaml:"value"`
}

// Element says whose software an entry is about.
type Element string

// The elements.
const (
	OfOrigin  Element = "origin"  // who made the deciding response
	OfSuspect Element = "suspect" // where to look first
	OfCaller  Element = "caller"  // who sent the first request
	OfAny     Element = "any"     // whoever put its name into a message of the call
)

// Vendor is a product as it names itself in Server and User-Agent.
type Vendor struct {
	ID    string  `yaml:"id"`
	Name  string  `yaml:"name"`  // as it is written for people
	Agent Pattern `yaml:"agent"` // of the Server or User-Agent header
	Tag   Pattern `yaml:"tag"`   // of its own tag, where products share their agent; "" any
	Ref   Ref     `yaml:"ref"`   // where the agent was found
}

// Words is one word or a list of them.
type Words []string

// Numbers is one number or a list of them.
type Numbers []int

// Pattern is a regular expression (RE2) that ignores case and may match anywhere in the text.
type Pattern struct {
	Text string
	re   *regexp.Regexp
}

func (p *Pattern) given() bool { return p.Text != "" }

// Book is what is known: vendors and entries. It is not changed once loaded.
type Book struct {
	vendors []Vendor // the user's first
	entries []Entry  // the user's first
	user    int      // how many of entries are the user's
}

// Entries returns all entries, the user's first. The caller must not change them.
func (b *Book) Entries() []Entry { return b.entries }

// Vendors returns all vendors in the order in which they are asked. The caller must not change them.
func (b *Book) Vendors() []Vendor { return b.vendors }

// Covers reports whether a word of an entry means a name: the name itself, or with * at its end what begins so.
func Covers(word, name string) bool {
	if head, glob := strings.CutSuffix(word, "*"); glob {
		return strings.HasPrefix(name, head)
	}
	return word == name
}

func (w Words) cover(name string) bool {
	for _, word := range w {
		if Covers(word, name) {
			return true
		}
	}
	return false
}
