// Package explain says in plain text what a code, a cause, a finding or a pasted response means and what to do about
// it. Its one rule: every line that it writes is free of control characters and not wider than asked for, whatever was
// pasted.
package explain

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"sipcause/code"
	"sipcause/code/playbooks"
	"sipcause/internal/cells"
	"sipcause/internal/finding"
)

// maxPaste is how much is read from standard input, in bytes: the largest SIP message over UDP.
const maxPaste = 64 << 10

// DefaultWidth is the width in columns when Options has none.
const DefaultWidth = 80

// minWidth is the least width that tables are laid out for.
const minWidth = 40

// Options says how to explain. The zero value is English for an engineer in 80 columns.
type Options struct {
	Lang     string // "" is "en"
	Audience code.Audience
	Width    int // columns; 0 is DefaultWidth, less than 40 is 40

	Playbooks *playbooks.Book // what is said of software; nil: nothing
	Vendor    string          // ID of whose playbooks are wanted; "": those of the Server header of a response
}

func (o Options) lang() string {
	if o.Lang == "" {
		return "en"
	}
	return o.Lang
}

func (o Options) width() int {
	if o.Width == 0 {
		return DefaultWidth
	}
	return max(o.Width, minWidth)
}

// InputError is a topic, language or paste that cannot be explained: the user's to correct. Other errors are of
// reading and writing.
type InputError struct{ msg string }

// Error says what cannot be explained and what comes nearest.
func (e *InputError) Error() string { return e.msg }

func unknown(format string, args ...any) error {
	return &InputError{cells.Visible(fmt.Sprintf(format, args...))}
}

// Explain writes to w what the topic means: a response code ("486"), a Q.850 cause ("Q.850 34"), a Warning code
// ("warning 305"), a protocol of the Reason header ("reason STIR"), a finding ("auth.wrong-credentials"), a phrase
// ("busy here") or a status line ("SIP/2.0 488 Not Acceptable Here"). Without a topic, or with "-", it reads one of
// these, or a whole response as it was pasted, from stdin. An *InputError says that the topic is unknown.
func Explain(topic []string, stdin io.Reader, opt Options, w io.Writer) error {
	text := strings.TrimSpace(strings.Join(topic, " "))
	if text == "" || text == "-" {
		b, err := io.ReadAll(io.LimitReader(stdin, maxPaste+1))
		if err != nil {
			return fmt.Errorf("read standard input: %w", err)
		}
		if len(b) > maxPaste {
			return unknown("more than %d bytes on standard input; paste one response", maxPaste)
		}
		if text = string(b); strings.TrimSpace(text) == "" {
			return unknown("nothing to explain; give a code (486), a finding (auth.no-credentials) or a response on standard input")
		}
	}
	if langs := code.Languages(); !slices.Contains(langs, opt.lang()) {
		return unknown("no texts in language %q; there are %s", opt.lang(), strings.Join(langs, ", "))
	}
	if err := opt.checkVendor(); err != nil {
		return err
	}
	p, err := find(text, opt)
	if err != nil {
		return err
	}
	return p.write(w, opt.width())
}

// find makes the page of a topic.
func find(text string, opt Options) (*page, error) {
	if b, ok := unquote(text); ok {
		return responsePage(b, opt)
	}
	text = strings.TrimSpace(text)
	if slices.ContainsFunc(strings.Split(text, "\n"), isRequestLine) {
		return nil, unknown("what was pasted is a request; paste the response to it")
	}
	if strings.ContainsRune(text, '\n') {
		return nil, unknown("no response in what was pasted; its first line has the form: SIP/2.0 486 Busy Here")
	}
	words := strings.Fields(strings.NewReplacer(";cause=", " ", "=", " ").Replace(text))
	if len(words) == 0 {
		return nil, unknown("no topic in %s", quote(text))
	}
	if n, err := strconv.Atoi(words[0]); err == nil {
		return codePage(n, opt)
	}
	for _, f := range families {
		for _, name := range f.names {
			if strings.EqualFold(words[0], name) {
				return f.page(words[0], words[1:], opt)
			}
		}
	}
	if topic, _, ok := strings.Cut(text, "."); ok && len(words) == 1 && topic != "" {
		return findingPage(text, opt)
	}
	return phrasePage(text, opt)
}

// families are the topics that begin with a word.
var families = []struct {
	names []string
	page  func(name string, rest []string, opt Options) (*page, error)
}{
	{[]string{"q.850", "q850", "cause", "isup"}, causeTopic},
	{[]string{"warning", "warn"}, warningTopic},
	{[]string{"reason", "protocol"}, protocolTopic},
	{[]string{"code", "sip", "response"}, codeTopic},
}

// one reads the single number that a topic has.
func one(what string, rest []string) (int, error) {
	if len(rest) == 1 {
		if n, err := strconv.Atoi(rest[0]); err == nil {
			return n, nil
		}
	}
	if len(rest) == 0 {
		return 0, unknown("%s needs a number", what)
	}
	return 0, unknown("%s needs one number, not %s", what, quote(strings.Join(rest, " ")))
}

func codeTopic(_ string, rest []string, opt Options) (*page, error) {
	n, err := one("a response code", rest)
	if err != nil {
		return nil, err
	}
	return codePage(n, opt)
}

func causeTopic(_ string, rest []string, opt Options) (*page, error) {
	if len(rest) > 1 && strings.EqualFold(rest[0], "cause") {
		rest = rest[1:]
	}
	n, err := one("a Q.850 cause", rest)
	if err != nil {
		return nil, err
	}
	c, ok := code.Q850(n)
	if !ok {
		var known []int
		for _, c := range code.Q850Causes() {
			known = append(known, c.Cause)
		}
		return nil, unknown("no Q.850 cause %d; nearest: %s", n, nearestNumbers(n, known))
	}
	return causePage(c, opt)
}

func warningTopic(_ string, rest []string, opt Options) (*page, error) {
	n, err := one("a Warning code", rest)
	if err != nil {
		return nil, err
	}
	v, ok := code.Warning(n)
	if !ok {
		var known []int
		for _, v := range code.Warnings() {
			known = append(known, v.Code)
		}
		return nil, unknown("no Warning code %d; nearest: %s", n, nearestNumbers(n, known))
	}
	return warningPage(v, opt)
}

func protocolTopic(_ string, rest []string, opt Options) (*page, error) {
	if len(rest) == 0 || len(rest) > 2 {
		return nil, unknown("a Reason needs its protocol, and may have a cause: reason RELEASE_CAUSE 4")
	}
	p, ok := code.ReasonProtocol(rest[0])
	if !ok {
		var known []string
		for _, p := range code.ReasonProtocols() {
			known = append(known, p.Name)
		}
		return nil, unknown("no Reason protocol %s; there are %s", quote(rest[0]), strings.Join(known, ", "))
	}
	if len(rest) == 1 {
		return protocolPage(p, -1, opt)
	}
	switch p.Name {
	case "SIP":
		return codeTopic("", rest[1:], opt)
	case "Q.850":
		return causeTopic("", rest[1:], opt)
	}
	n, err := one("a cause of "+p.Name, rest[1:])
	if err != nil {
		return nil, err
	}
	return protocolPage(p, n, opt)
}

// phrasePage finds a code by its phrase.
func phrasePage(text string, opt Options) (*page, error) {
	var names []string
	var same []int
	for _, e := range code.All() {
		if strings.EqualFold(e.Phrase, text) {
			same = append(same, e.Code)
		}
		names = append(names, e.Phrase)
	}
	switch len(same) {
	case 0: // below: what comes near
	case 1:
		return codePage(same[0], opt)
	default:
		return nil, unknown("the phrase %s is that of %s; give the number", quote(text), strings.Trim(strings.ReplaceAll(fmt.Sprint(same), " ", " and "), "[]"))
	}
	for _, d := range finding.Table() {
		names = append(names, string(d.ID))
	}
	near := nearest(text, names)
	if near == "" {
		return nil, unknown("no topic %s; topics are 486, busy here, Q.850 34, warning 305, reason STIR, auth.no-credentials and a response", quote(text))
	}
	return nil, unknown("no topic %s; nearest: %s", quote(text), near)
}
