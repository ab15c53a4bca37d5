package testkit

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/tools/txtar"
)

// stmt is one line of a flow that sends, with what its indented lines add.
type stmt struct {
	line     int
	wait     time.Duration // since the last statement
	at       time.Duration // since the beginning of the flow, when absolute
	absolute bool
	src, dst *element
	kind     stmtKind
	method   string // of a request, or the one a response is for
	code     int    // 0 = request
	phrase   string
	opts     map[string]string
	edits    []edit
	raw      []byte   // literal message
	args     []string // of events
}

type stmtKind uint8

const (
	stmtMessage stmtKind = iota
	stmtRaw
	stmtICMP
	stmtTCP
	stmtGap
	stmtRTP
)

// edit changes the header: op '=' replaces, '+' adds, '-' removes.
type edit struct {
	op          byte
	name, value string
}

// options are the words a message line takes, with whether they take a value: 'v' always, 'f' never, 'o' may.
var options = map[string]byte{
	"resend": 'o', "dup": 'f', "unseen": 'f', "new": 'f', "relay": 'f', "own": 'f', "outside": 'f', "rr": 'f', "norr": 'f',
	"tcp": 'f', "udp": 'f', "rel": 'f', "auth": 'o', "stale": 'f', "nochallenge": 'f', "notag": 'f',
	"sdp": 'o', "nosdp": 'f', "body": 'v', "to": 'v', "from": 'v', "uri": 'v', "callid": 'v', "cseq": 'v', "branch": 'v', "tag": 'v',
	"expires": 'v', "contact": 'v', "src": 'v', "dst": 'v', "dialog": 'v', "snap": 'v', "losefrag": 'v',
	"realm": 'v', "nonce": 'v', "algorithm": 'v', "qop": 'v', "opaque": 'v', "user": 'v', "password": 'v', "response": 'v', "cnonce": 'v', "nc": 'v',
}

// parser reads one flow.
type parser struct {
	name     string
	elements map[string]*element
	order    []*element
	files    map[string][]byte
	stmts    []*stmt
	wants    []Want
}

// ParseFlows reads a file of flows: its leading part is one, unless it holds comments only, and each section named
// <name>.flow is another; other sections are bodies. Errors name the line of the file.
func ParseFlows(file []byte) ([]Flow, error) {
	archive := txtar.Parse(file)
	files := map[string][]byte{}
	for _, f := range archive.Files {
		if !strings.HasSuffix(f.Name, ".flow") {
			if _, ok := files[f.Name]; ok {
				return nil, fmt.Errorf("section %s: there are two", f.Name)
			}
			files[f.Name] = f.Data
		}
	}
	var flows []Flow
	add := func(name string, text []byte, line int) error {
		p := &parser{name: name, elements: map[string]*element{}, files: files}
		f, err := p.flow(text, line)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(flows, func(o Flow) bool { return o.Name == name }) {
			return fmt.Errorf("flow %s: there are two", name)
		}
		flows = append(flows, *f)
		return nil
	}
	line := 1
	if !onlyComments(archive.Comment) {
		if err := add("main", archive.Comment, line); err != nil {
			return nil, err
		}
	}
	line += bytes.Count(archive.Comment, []byte("\n"))
	for _, f := range archive.Files {
		line++ // the marker
		if name, ok := strings.CutSuffix(f.Name, ".flow"); ok {
			if err := add(name, f.Data, line); err != nil {
				return nil, err
			}
		}
		line += bytes.Count(f.Data, []byte("\n"))
	}
	if len(flows) == 0 {
		return nil, fmt.Errorf("no flow: neither lines before the first section nor a section named <name>.flow")
	}
	return flows, nil
}

func onlyComments(b []byte) bool {
	for l := range strings.Lines(string(b)) {
		if l = strings.TrimSpace(l); l != "" && l[0] != '#' {
			return false
		}
	}
	return true
}

// flow reads the lines of one flow and plays them.
func (p *parser) flow(text []byte, first int) (*Flow, error) {
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(lines); i++ {
		n := first + i
		l := strings.TrimRight(stripComment(lines[i]), " \t\r")
		if l == "" {
			continue
		}
		if l[0] == ' ' || l[0] == '\t' {
			return nil, fmt.Errorf("line %d: an indented line belongs under a message", n)
		}
		st, err := p.statement(l, n)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if st == nil {
			continue
		}
		used, err := p.indented(st, lines[i+1:])
		if err != nil {
			return nil, err
		}
		i += used
		p.stmts = append(p.stmts, st)
	}
	return play(p)
}

// stripComment cuts a comment: # at the beginning, or between blanks and outside quotes.
func stripComment(l string) string {
	quoted := false
	for i := range len(l) {
		switch {
		case l[i] == '"':
			quoted = !quoted
		case l[i] == '#' && !quoted && (i == 0 || l[i-1] == ' ' || l[i-1] == '\t') && (i+1 == len(l) || l[i+1] == ' '):
			return l[:i]
		}
	}
	return l
}

// indented reads the lines under a message: header edits, or the text of a raw one. It returns how many it took.
func (p *parser) indented(st *stmt, lines []string) (int, error) {
	n := 0
	for n < len(lines) && (strings.TrimSpace(lines[n]) == "" || lines[n][0] == ' ' || lines[n][0] == '\t') {
		n++
	}
	for n > 0 && strings.TrimSpace(lines[n-1]) == "" {
		n--
	}
	if st.kind == stmtRaw && st.raw == nil {
		st.raw = literal(lines[:n])
		if len(st.raw) == 0 {
			return 0, fmt.Errorf("line %d: raw: no text: indent it under this line", st.line)
		}
		return n, nil
	}
	for i, l := range lines[:n] {
		if l = strings.TrimSpace(stripComment(l)); l == "" {
			continue
		}
		e, err := parseEdit(l)
		if err != nil {
			return 0, fmt.Errorf("line %d: %w", st.line+1+i, err)
		}
		st.edits = append(st.edits, e)
	}
	return n, nil
}

// literal returns a message written line by line: the first line's indentation goes, lines end with CRLF, and one without
// a body gets its empty line.
func literal(lines []string) []byte {
	if len(lines) == 0 {
		return nil
	}
	indent := lines[0][:len(lines[0])-len(strings.TrimLeft(lines[0], " \t"))]
	var b bytes.Buffer
	body := false
	for _, l := range lines {
		l = strings.TrimSuffix(strings.TrimPrefix(l, indent), "\r")
		body = body || strings.TrimSpace(l) == ""
		if strings.TrimSpace(l) == "" {
			l = ""
		}
		b.WriteString(l + "\r\n")
	}
	if !body {
		b.WriteString("\r\n")
	}
	return b.Bytes()
}

var fieldName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)

func parseEdit(l string) (edit, error) {
	if rest, ok := strings.CutPrefix(l, "-"); ok && fieldName.MatchString(rest) {
		return edit{op: '-', name: rest}, nil
	}
	op := byte('=')
	if rest, ok := strings.CutPrefix(l, "+"); ok {
		op, l = '+', rest
	}
	name, value, ok := strings.Cut(l, ":")
	if !ok || !fieldName.MatchString(strings.TrimSpace(name)) {
		return edit{}, fmt.Errorf("header %q: want Name: value, +Name: value or -Name", l)
	}
	return edit{op, name, strings.TrimSpace(value)}, nil
}

// word is a token and where it begins.
type word struct {
	text string
	at   int
}

// words splits at blanks outside quotes.
func words(l string) []word {
	var out []word
	quoted, from := false, -1
	for i := range len(l) {
		switch {
		case l[i] == '"':
			quoted = !quoted
			fallthrough
		case l[i] != ' ' && l[i] != '\t' || quoted:
			if from < 0 {
				from = i
			}
		case from >= 0:
			out = append(out, word{l[from:i], from})
			from = -1
		}
	}
	if from >= 0 {
		out = append(out, word{l[from:], from})
	}
	return out
}

// statement reads one line; nil when it declares something.
func (p *parser) statement(l string, n int) (*stmt, error) {
	w := words(l)
	switch w[0].text {
	case "elements":
		for _, e := range w[1:] {
			el, err := parseElement(e.text)
			if err != nil {
				return nil, err
			}
			if err := p.declare(el); err != nil {
				return nil, err
			}
		}
		return nil, nil
	case "want":
		return nil, p.want(w[1:], n)
	}
	st := &stmt{line: n, wait: -1, opts: map[string]string{}}
	if t := w[0].text; t[0] == '+' || t[0] == '@' {
		d, err := time.ParseDuration(t[1:])
		if err != nil {
			return nil, fmt.Errorf("time %q: want +1.2s or @3s", t)
		}
		if t[0] == '+' {
			st.wait = d
		} else {
			st.at, st.absolute = d, true
		}
		if w = w[1:]; len(w) == 0 {
			return nil, fmt.Errorf("nothing happens at %s", t)
		}
	}
	switch w[0].text {
	case "gap", "icmp", "rst", "fin", "syn", "refuse", "rtp", "rtcp":
		return st, p.eventLine(st, w)
	}
	w, err := p.ends(st, w)
	if err != nil {
		return nil, err
	}
	if len(w) == 0 {
		return nil, fmt.Errorf("%s > %s: no message", st.src.name, st.dst.name)
	}
	return st, p.message(st, l, w)
}

// ends reads "src > dst" or "src>dst" and returns the words after it.
func (p *parser) ends(st *stmt, w []word) ([]word, error) {
	var src, dst string
	switch {
	case len(w) >= 3 && w[1].text == ">":
		src, dst, w = w[0].text, w[2].text, w[3:]
	case strings.Contains(w[0].text, ">"):
		src, dst, _ = strings.Cut(w[0].text, ">")
		w = w[1:]
	default:
		return nil, fmt.Errorf("%q: want a line such as: alice > proxy INVITE", w[0].text)
	}
	var err error
	if st.src, err = p.element(src); err != nil {
		return nil, err
	}
	if st.dst, err = p.element(dst); err != nil {
		return nil, err
	}
	return w, oneFamily(st.src.addr.Addr(), st.dst.addr.Addr())
}

func (p *parser) declare(e *element) error {
	if _, ok := p.elements[e.name]; ok {
		return fmt.Errorf("element %s: declared twice, or used before", e.name)
	}
	e.index = len(p.order)
	p.elements[e.name] = e
	p.order = append(p.order, e)
	return nil
}

func (p *parser) element(name string) (*element, error) {
	if e, ok := p.elements[name]; ok {
		return e, nil
	}
	e, ok := defaultElement(name)
	if !ok {
		return nil, fmt.Errorf("element %q: not known: declare it: elements %s=192.0.2.1", name, name)
	}
	return e, p.declare(e)
}

var (
	methodWord = regexp.MustCompile(`^[A-Z][A-Z-]*$`)
	inlineName = regexp.MustCompile(`^[A-Z][A-Za-z0-9-]*:$`)
)

// message reads what is sent: method or code, phrase, options, header fields.
func (p *parser) message(st *stmt, l string, w []word) error {
	first := w[0].text
	w = w[1:]
	switch code, err := strconv.Atoi(first); {
	case first == "raw:":
		st.kind = stmtRaw
	case strings.HasPrefix(first, "raw=@"):
		st.kind = stmtRaw
		data, ok := p.files[first[5:]]
		if !ok {
			return fmt.Errorf("raw: no section -- %s --", first[5:])
		}
		st.raw = literal(strings.Split(strings.TrimSuffix(string(data), "\n"), "\n"))
	case err == nil && len(first) == 3:
		st.code = code
	case methodWord.MatchString(first):
		st.method = first
	default:
		return fmt.Errorf("%q: want a method, a response code, or raw: and a text", first)
	}
	for i := 0; i < len(w); i++ {
		t := w[i].text
		if inlineName.MatchString(t) {
			end := i + 1
			for end < len(w) && !inlineName.MatchString(w[end].text) {
				end++
			}
			stop := len(l)
			if end < len(w) {
				stop = w[end].at
			}
			value := strings.TrimSpace(l[w[i].at+len(t) : stop])
			st.edits = append(st.edits, edit{'=', strings.TrimSuffix(t, ":"), value})
			i = end - 1
			continue
		}
		if err := st.option(t); err != nil {
			return err
		}
	}
	return nil
}

// option reads one word after the method or code.
func (st *stmt) option(t string) error {
	if t[0] == '"' && st.code != 0 {
		st.phrase = strings.Trim(t, `"`)
		if st.phrase == "" {
			st.phrase = " "
		}
		return nil
	}
	if t[0] == '-' && fieldName.MatchString(t[1:]) {
		st.edits = append(st.edits, edit{op: '-', name: t[1:]})
		return nil
	}
	if st.code != 0 && st.method == "" && methodWord.MatchString(t) {
		st.method = t
		return nil
	}
	k, v, valued := strings.Cut(t, "=")
	kind, ok := options[k]
	switch {
	case !ok:
		return fmt.Errorf("option %q: not known: want one of %s", k, strings.Join(optionNames(), " "))
	case kind == 'f' && valued:
		return fmt.Errorf("option %s: takes no value", k)
	case kind == 'v' && !valued:
		return fmt.Errorf("option %s: want %s=value", k, k)
	}
	st.opts[k] = strings.Trim(v, `"`)
	return nil
}

func optionNames() []string {
	var names []string
	for k := range options {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}

func (st *stmt) has(k string) bool { _, ok := st.opts[k]; return ok }

func itoa(n int) string { return strconv.Itoa(n) }
