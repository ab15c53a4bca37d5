package playbooks

import (
	"slices"
	"strings"
)

// Facts is what is known of a failure. What is not known is empty.
type Facts struct {
	Cause         string // finding ID of the root cause
	Code          int    // as it left the origin; 0 none
	Kind, Outcome string
	Phrase        string // of the deciding response
	Warnings      []Warning
	Reasons       []Reason
	Header        func(name string) []byte // first value in the deciding response, nil for none; nil: no message
	Origin        Software
	Suspect       Software
	Caller        Software
	Any           []Software
}

// Software is what an element says that it is.
type Software struct {
	Agent string // Server or User-Agent header; "" none
	Tag   string // its own: in To of its response, in From of its request; "" unknown
}

// Warning is one Warning header field.
type Warning struct {
	Code int
	Text string
}

// Reason is one Reason header field. Cause is -1 when there is none.
type Reason struct {
	Protocol string
	Cause    int
	Text     string
}

// Advice is an entry that matches, with whose software it is about.
type Advice struct {
	*Entry
	Vendor string // name of the product; "" when the entry is about none
	Seen   string // the header value that names it
}

// MaxAdvice is how many entries are given for one failure.
const MaxAdvice = 2

// Needs says which facts the entries for a failure ask for; a bit set. The zero value: no entry can match.
type Needs uint8

// What may be needed beside cause, code, kind and outcome.
const (
	NeedsNothing Needs = 1 << iota // but what is at hand: some entry may match
	NeedsMessage                   // Phrase, Warnings, Reasons, Header
	NeedsTag                       // Tag of Origin
	NeedsSuspect
	NeedsAny
)

// conditions counts the conditions of an entry: the more of them hold, the closer it is to the case.
func (m *Match) conditions() int {
	n := 0
	for _, given := range [...]bool{
		len(m.Cause) > 0, len(m.Code) > 0, m.Phrase.given(), m.Header != nil, len(m.Vendor) > 0, len(m.Kind) > 0, len(m.Outcome) > 0,
	} {
		if given {
			n++
		}
	}
	if w := m.Warning; w != nil {
		n += count(len(w.Code) > 0, w.Text.given())
	}
	if r := m.Reason; r != nil {
		n += count(r.Protocol != "", len(r.Cause) > 0, r.Text.given())
	}
	return n
}

func count(conditions ...bool) (n int) {
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
}

// mayHold says whether the entry is one for a cause and code, whatever else it asks.
func (m *Match) mayHold(cause string, code int) bool {
	return (len(m.Cause) == 0 || m.Cause.cover(cause)) && (len(m.Code) == 0 || slices.Contains(m.Code, code))
}

func (m *Match) needs() Needs {
	n := NeedsNothing
	if m.Phrase.given() || m.Warning != nil || m.Reason != nil || m.Header != nil {
		n |= NeedsMessage
	}
	switch {
	case len(m.Vendor) == 0:
	case m.Of == OfSuspect:
		n |= NeedsSuspect
	case m.Of == OfAny:
		n |= NeedsAny
	case m.Of == OfOrigin || m.Of == "":
		n |= NeedsTag
	}
	return n
}

// messageHolds judges the conditions of an entry on the deciding response.
func (m *Matcher) messageHolds(e *Match, f *Facts) bool {
	return (!e.Phrase.given() || m.matches(&e.Phrase, f.Phrase)) &&
		(e.Warning == nil || m.warned(e.Warning, f.Warnings)) &&
		(e.Reason == nil || m.reasoned(e.Reason, f.Reasons)) &&
		(e.Header == nil || m.headed(e.Header, f.Header))
}

func (m *Matcher) warned(w *WarningMatch, list []Warning) bool {
	for i := range list {
		v := &list[i]
		if (len(w.Code) == 0 || slices.Contains(w.Code, v.Code)) && (!w.Text.given() || m.matches(&w.Text, v.Text)) {
			return true
		}
	}
	return false
}

func (m *Matcher) reasoned(r *ReasonMatch, list []Reason) bool {
	for i := range list {
		v := &list[i]
		if (r.Protocol == "" || strings.EqualFold(r.Protocol, v.Protocol)) &&
			(len(r.Cause) == 0 || slices.Contains(r.Cause, v.Cause)) && (!r.Text.given() || m.matches(&r.Text, v.Text)) {
			return true
		}
	}
	return false
}

func (m *Matcher) headed(h *HeaderMatch, header func(string) []byte) bool {
	if header == nil {
		return false
	}
	v := header(h.Name)
	return v != nil && (!h.Value.given() || m.matches(&h.Value, string(v)))
}

// matches asks a pattern once per text; servers say little.
func (m *Matcher) matches(p *Pattern, text string) bool {
	if len(text) > maxText {
		text = text[:maxText]
	}
	k := asked{p, text}
	yes, ok := m.texts[k]
	if !ok {
		yes = p.re.MatchString(text)
		if len(m.texts) >= maxRemembered {
			clear(m.texts)
		}
		if len(text) <= maxAgent {
			m.texts[asked{p, strings.Clone(text)}] = yes
		}
	}
	return yes
}

// Bounds of what a Matcher remembers: so many of each, then they are forgotten, and no text longer than that.
const (
	maxRemembered = 4096
	maxAgent      = 256
)

// Matcher finds the entries for failures one after another. It remembers what it found, and is for one goroutine.
type Matcher struct {
	book    *Book
	cases   map[caseKey]*candidates
	vendors map[string][]int // by agent: those whose agent pattern holds, as indices into book.vendors
	texts   map[asked]bool
}

type asked struct {
	pattern *Pattern
	text    string
}

type caseKey struct {
	cause string
	code  int
}

// candidates are the entries that a cause and a code leave.
type candidates struct {
	entries []int       // index into book.entries, the best first
	needs   [2][2]Needs // by whether the origin's and the caller's software is in the vendor table
}

// NewMatcher returns a matcher of the book's entries.
func NewMatcher(b *Book) *Matcher {
	return &Matcher{book: b, cases: map[caseKey]*candidates{}, vendors: map[string][]int{}, texts: map[asked]bool{}}
}

// Needs says which facts Match will look at for a cause and a code, when the origin and the caller say that they are
// such software.
func (m *Matcher) Needs(cause string, code int, origin, caller string) Needs {
	return m.candidates(cause, code).needs[one(len(m.listed(origin)) > 0)][one(len(m.listed(caller)) > 0)]
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (m *Matcher) candidates(cause string, code int) *candidates {
	if c := m.cases[caseKey{cause, code}]; c != nil {
		return c
	}
	if len(m.cases) >= maxRemembered {
		clear(m.cases)
	}
	c := &candidates{}
	for i := range m.book.entries {
		if e := &m.book.entries[i]; e.Match.mayHold(cause, code) {
			c.entries = append(c.entries, i)
			m.book.addNeeds(&e.Match, &c.needs)
		}
	}
	slices.SortStableFunc(c.entries, m.book.compare)
	m.cases[caseKey{strings.Clone(cause), code}] = c
	return c
}

// addNeeds adds what an entry needs wherever it may match: not where it is about software outside the vendor table.
func (b *Book) addNeeds(e *Match, to *[2][2]Needs) {
	n := e.needs()
	if !b.tagged() {
		n &^= NeedsTag
	}
	vendor := len(e.Vendor) > 0
	for origin := range to {
		for caller := range to[origin] {
			unknown := e.Of == OfCaller && caller == 0 || (e.Of == OfOrigin || e.Of == "") && origin == 0
			if !vendor || !unknown {
				to[origin][caller] |= n
			}
		}
	}
}

// compare orders entries: the user's before the program's, then by the number of conditions, most first.
func (b *Book) compare(i, j int) int {
	if ui, uj := i < b.user, j < b.user; ui != uj {
		if ui {
			return -1
		}
		return 1
	}
	return b.entries[j].Match.conditions() - b.entries[i].Match.conditions()
}

// tagged says whether any vendor is told by its tags.
func (b *Book) tagged() bool {
	return slices.ContainsFunc(b.vendors, func(v Vendor) bool { return v.Tag.given() })
}

// Match appends the best entries for the facts to to, at most MaxAdvice of them.
func (m *Matcher) Match(f *Facts, to []Advice) []Advice {
	found := 0
	for _, i := range m.candidates(f.Cause, f.Code).entries {
		e := &m.book.entries[i]
		if len(e.Match.Kind) > 0 && !e.Match.Kind.cover(f.Kind) || len(e.Match.Outcome) > 0 && !e.Match.Outcome.cover(f.Outcome) {
			continue
		}
		a := Advice{Entry: e}
		if len(e.Match.Vendor) > 0 {
			v, s := m.software(&e.Match, f)
			if v == nil {
				continue
			}
			a.Vendor, a.Seen = v.Name, s.Agent
		}
		if !m.messageHolds(&e.Match, f) {
			continue
		}
		to = append(to, a)
		if found++; found == MaxAdvice {
			break
		}
	}
	return to
}

// software returns the vendor of the element that the entry is about, when it is one that the entry names.
func (m *Matcher) software(e *Match, f *Facts) (*Vendor, Software) {
	switch e.Of {
	case OfSuspect:
		return m.vendorOf(e, f.Suspect)
	case OfCaller:
		return m.vendorOf(e, f.Caller)
	case OfAny:
		for _, s := range f.Any {
			if v, s := m.vendorOf(e, s); v != nil {
				return v, s
			}
		}
		return nil, Software{}
	}
	return m.vendorOf(e, f.Origin)
}

func (m *Matcher) vendorOf(e *Match, s Software) (*Vendor, Software) {
	v := m.vendor(s)
	if v == nil || !e.Vendor.cover(v.ID) {
		return nil, Software{}
	}
	return v, s
}

// vendor returns the first vendor of the table whose patterns hold; nil when there is none.
func (m *Matcher) vendor(s Software) *Vendor {
	for _, i := range m.listed(s.Agent) {
		if v := &m.book.vendors[i]; !v.Tag.given() || v.Tag.re.MatchString(s.Tag) {
			return v
		}
	}
	return nil
}

// listed returns the vendors whose agent pattern holds, as indices into book.vendors.
func (m *Matcher) listed(agent string) []int {
	if agent == "" {
		return nil
	}
	list, ok := m.vendors[agent]
	if ok {
		return list
	}
	for i := range m.book.vendors {
		if m.book.vendors[i].Agent.re.MatchString(agent) {
			list = append(list, i)
		}
	}
	if len(m.vendors) >= maxRemembered {
		clear(m.vendors)
	}
	if len(agent) <= maxAgent {
		m.vendors[strings.Clone(agent)] = list
	}
	return list
}
