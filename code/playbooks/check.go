package playbooks

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/agnivade/levenshtein"
	"github.com/goccy/go-yaml"
)

// checker refuses what YAML cannot: names that do not exist, numbers out of range, expressions that do not compile.
type checker struct {
	known   Known
	vendors []string          // IDs of all there are, to be named by entries
	ids     map[string]string // of entries and vendors: where they stand
	p       *parsed
	err     error // the first
}

// fail notes the first error. at is the path in the file ("$.entries[2].match.code").
func (c *checker) fail(at, format string, args ...any) {
	if c.err != nil {
		return
	}
	where := c.p.name
	for at != "" { // what is missing has no line: then that of what it is missing from
		if path, err := yaml.PathString(at); err == nil {
			if n, err := path.FilterFile(c.p.tree); err == nil && n.GetToken() != nil {
				where = fmt.Sprintf("%s:%d", c.p.name, n.GetToken().Position.Line)
				break
			}
		}
		at = at[:max(0, strings.LastIndexAny(at, ".["))]
	}
	c.err = fmt.Errorf("read %s: %s", where, fmt.Sprintf(format, args...))
}

func (c *checker) check(p *parsed) error {
	c.p = p
	if p.Version != Version {
		c.fail("$.version", "version is %d; this program reads version %d", p.Version, Version)
	}
	if len(p.Entries) == 0 && len(p.Vendors) == 0 {
		c.fail("", "neither entries nor vendors")
	}
	for i := range p.Vendors {
		c.vendor(&p.Vendors[i], fmt.Sprintf("$.vendors[%d]", i))
	}
	for i := range p.Entries {
		c.entry(&p.Entries[i], fmt.Sprintf("$.entries[%d]", i))
	}
	return c.err
}

var (
	entryID  = regexp.MustCompile(`^[a-z0-9]+(?:[.-][a-z0-9]+)*$`)
	fieldKey = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
)

func (c *checker) id(at, kind, id string) {
	switch {
	case id == "":
		c.fail(at, "%s without id", kind)
	case !entryID.MatchString(id) || len(id) > 64:
		c.fail(at+".id", "id %q: at most 64 of a-z, 0-9, with . and - between them", id)
	case c.ids[kind+id] != "":
		c.fail(at+".id", "id %q stands twice, the other is in %s", id, c.ids[kind+id])
	}
	c.ids[kind+id] = c.p.name
}

func (c *checker) vendor(v *Vendor, at string) {
	c.id(at, "vendor", v.ID)
	c.text(at+".name", v.Name, true)
	if !v.Agent.given() {
		c.fail(at, "vendor %s without agent", v.ID)
	}
	c.pattern(at+".agent", &v.Agent)
	c.pattern(at+".tag", &v.Tag)
	c.text(at+".ref.title", v.Ref.Title, false)
	c.text(at+".ref.url", v.Ref.URL, false)
}

func (c *checker) entry(e *Entry, at string) {
	c.id(at, "entry", e.ID)
	c.text(at+".cause", e.Cause, true)
	c.text(at+".call", e.Call, false)
	c.list(at+".checks", len(e.Checks), true)
	for i, s := range e.Checks {
		c.text(fmt.Sprintf("%s.checks[%d]", at, i), s, true)
	}
	c.list(at+".fixes", len(e.Fixes), false)
	for i, f := range e.Fixes {
		at := fmt.Sprintf("%s.fixes[%d]", at, i)
		if f.Set == "" && f.Do == "" {
			c.fail(at, "a fix needs set or do")
		}
		for _, s := range [...]string{f.Set, f.Where, f.Do} {
			c.text(at, s, false)
		}
	}
	c.list(at+".refs", len(e.Refs), false)
	for i, r := range e.Refs {
		at := fmt.Sprintf("%s.refs[%d]", at, i)
		if r.Title == "" && r.URL == "" {
			c.fail(at, "a reference needs title or url")
		}
		c.text(at, r.Title, false)
		c.text(at, r.URL, false)
		if r.URL != "" && !strings.HasPrefix(r.URL, "https://") && !strings.HasPrefix(r.URL, "http://") {
			c.fail(at+".url", "url %q begins with neither https:// nor http://", r.URL)
		}
	}
	c.match(&e.Match, at+".match")
}

func (c *checker) match(m *Match, at string) {
	if m.conditions() == 0 {
		c.fail(at, "an entry without a condition would match everything")
	}
	c.list(at+".cause", len(m.Cause), false)
	for _, id := range m.Cause {
		c.name(at+".cause", "finding", id, c.known.Causes, true)
	}
	c.numbers(at+".code", "response code", m.Code, 100, 699)
	c.pattern(at+".phrase", &m.Phrase)
	if w := m.Warning; w != nil {
		if len(w.Code) == 0 && !w.Text.given() {
			c.fail(at+".warning", "warning needs code or text")
		}
		c.numbers(at+".warning.code", "Warning code", w.Code, 100, 999)
		c.pattern(at+".warning.text", &w.Text)
	}
	if r := m.Reason; r != nil {
		if r.Protocol == "" && len(r.Cause) == 0 && !r.Text.given() {
			c.fail(at+".reason", "reason needs protocol, cause or text")
		}
		c.numbers(at+".reason.cause", "cause", r.Cause, 0, 65535)
		c.pattern(at+".reason.text", &r.Text)
	}
	if h := m.Header; h != nil {
		if !fieldKey.MatchString(h.Name) {
			c.fail(at+".header", "header needs the name of a header field")
		}
		c.pattern(at+".header.value", &h.Value)
	}
	for _, id := range m.Vendor {
		c.name(at+".vendor", "vendor", id, c.vendors, true)
	}
	if m.Of != "" {
		c.name(at+".of", "element", string(m.Of), elements, false)
		if len(m.Vendor) == 0 {
			c.fail(at+".of", "of says whose software vendor is; there is no vendor")
		}
	}
	for _, k := range m.Kind {
		c.name(at+".kind", "kind", k, kinds, false)
	}
	for _, o := range m.Outcome {
		c.name(at+".outcome", "outcome", o, outcomes, false)
	}
}

var (
	elements = []string{string(OfOrigin), string(OfSuspect), string(OfCaller), string(OfAny)}
	kinds    = []string{"call", "registration", "transaction"}
	outcomes = []string{"answered", "failed", "busy", "declined", "no-answer", "cancelled", "redirected", "challenged", "ongoing", "unknown"}
)

// name checks that a word is, or covers, a name of the list; nil knows all names.
func (c *checker) name(at, what, word string, names []string, glob bool) {
	if word == "" {
		c.fail(at, "%s without a name", what)
	}
	if names == nil || slices.Contains(names, word) || what == "finding" && generalCause.MatchString(word) {
		return
	}
	if glob && strings.HasSuffix(word, "*") && slices.ContainsFunc(names, func(n string) bool { return Covers(word, n) }) {
		return
	}
	c.fail(at, "no %s %q%s", what, word, suggest(word, names))
}

// generalCause is the finding of last resort of a code, or of any.
var generalCause = regexp.MustCompile(`^code\.(?:\*|[1-6][0-9]{2})$`)

func (c *checker) list(at string, n int, must bool) {
	if n > maxList {
		c.fail(at, "more than %d elements", maxList)
	}
	if must && n == 0 {
		c.fail(at, "%s is missing or empty", at[strings.LastIndexByte(at, '.')+1:])
	}
}

func (c *checker) numbers(at, what string, list Numbers, from, to int) {
	c.list(at, len(list), false)
	for _, n := range list {
		if n < from || n > to {
			c.fail(at, "%s %d: not within %d to %d", what, n, from, to)
		}
	}
}

func (c *checker) text(at, s string, must bool) {
	switch {
	case must && strings.TrimSpace(s) == "":
		c.fail(at, "%s is missing or empty", at[strings.LastIndexByte(at, '.')+1:])
	case len(s) > maxText:
		c.fail(at, "a text longer than %d bytes", maxText)
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f }):
		c.fail(at, "a text with a control character")
	}
}

// pattern compiles an expression.
func (c *checker) pattern(at string, p *Pattern) {
	if !p.given() {
		return
	}
	if len(p.Text) > maxText {
		c.fail(at, "an expression longer than %d bytes", maxText)
		return
	}
	re, err := regexp.Compile("(?i)" + p.Text)
	if err != nil {
		c.fail(at, "expression %q: %s", p.Text, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		return
	}
	p.re = re
}

// keys are all keys of the format.
var keys = sync.OnceValue(func() []string {
	seen := map[string]bool{}
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || t == reflect.TypeFor[Pattern]() {
			return
		}
		for i := range t.NumField() {
			f := t.Field(i)
			if key := f.Tag.Get("yaml"); key != "" && key != "-" {
				seen[key] = true
				walk(f.Type)
			}
		}
	}
	walk(reflect.TypeFor[file]())
	var list []string
	for k := range seen {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
})

// suggest returns the end of an error message that names what comes nearest; "" when nothing does.
func suggest(text string, names []string) string {
	const longest = 64 // no name is longer, in bytes
	text = strings.ToLower(text[:min(len(text), longest)])
	best, distance := "", 1+len(text)/3
	for _, n := range names {
		if d := levenshtein.ComputeDistance(text, n); d <= distance && (best == "" || d < distance) {
			best, distance = n, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; nearest: %s", best)
}
