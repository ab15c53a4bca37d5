package playbooks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"sipcause/internal/finding"
)

// known is what the program knows.
func known() Known {
	var k Known
	for _, d := range finding.Table() {
		k.Causes = append(k.Causes, string(d.ID))
	}
	return k
}

// TestBuiltinNamesFindingsThatExist: what Builtin cannot check by itself.
func TestBuiltinNamesFindingsThatExist(t *testing.T) {
	sub, err := fs.Sub(own, "data")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Load(sub, "data", known()); err != nil {
		t.Error(err)
	}
}

// TestBuiltinIsComplete holds the entries of the program to more than a user's: each says where it was found, and
// whom or what it is about.
func TestBuiltinIsComplete(t *testing.T) {
	b := Builtin()
	if len(b.Entries()) < 60 {
		t.Errorf("%d entries", len(b.Entries()))
	}
	about := map[string]int{}
	for _, e := range b.Entries() {
		if len(e.Refs) == 0 || e.Source != Embedded {
			t.Errorf("%s: no references, or source %s", e.ID, e.Source)
		}
		topic, _, _ := strings.Cut(e.ID, ".")
		about[topic]++
		m := e.Match
		if len(m.Vendor) == 0 && !m.Phrase.given() && m.Reason == nil && m.Warning == nil && m.Header == nil {
			t.Errorf("%s: holds for any software, whatever it said", e.ID)
		}
	}
	for _, v := range b.Vendors() {
		topic, _, _ := strings.Cut(v.ID, "-")
		if about[topic] == 0 {
			t.Errorf("no entry about %s", v.ID)
		}
		if v.Ref.Title == "" {
			t.Errorf("%s: no reference", v.ID)
		}
	}
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("playbooks.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("playbooks.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func asJSON(t *testing.T, file []byte) any {
	t.Helper()
	b, err := yaml.YAMLToJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestSchema: editors are told the same as the loader says, of good files and of bad ones.
func TestSchema(t *testing.T) {
	s := compileSchema(t)
	names, err := fs.Glob(own, "data/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		b, err := fs.ReadFile(own, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(asJSON(t, b)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, c := range mistakes {
		if c.beyondSchema {
			continue
		}
		if s.Validate(asJSON(t, []byte(c.file))) == nil {
			t.Errorf("the schema takes what the loader refuses with %q:\n%s", c.want, c.file)
		}
	}
	var schema struct {
		Defs map[string]struct {
			Properties map[string]json.RawMessage `json:"properties"`
		} `json:"$defs"`
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(Schema, &schema); err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{"protocol": true, "value": true, "text": true} // of nested objects
	for k := range schema.Properties {
		described[k] = true
	}
	for _, d := range schema.Defs {
		for k := range d.Properties {
			described[k] = true
		}
	}
	for _, k := range keys() {
		if !described[k] {
			t.Errorf("the schema does not describe %q", k)
		}
	}
}

const good = `version: 1
entries:
  - id: mine.full
    match: {code: 503, vendor: kamailio}
    cause: We are full.
    checks: [Is it Monday?]
`

// mistakes are files with one mistake each, and what is said about it.
var mistakes = []struct {
	file, want   string
	beyondSchema bool // a schema cannot say it
}{
	{file: "version: 2\nentries: []\n", want: "my/a.yaml:1: version is 2; this program reads version 1"},
	{file: "version: 1\n", want: "my/a.yaml: neither entries nor vendors"},
	{file: strings.Replace(good, "    checks", "    chekcs", 1), want: `my/a.yaml:6: unknown key "chekcs"; nearest: checks`},
	{file: strings.Replace(good, "code: 503", "cod: 503", 1), want: `my/a.yaml:4: unknown key "cod"; nearest: code`},
	{file: strings.Replace(good, "503", "703", 1), want: "my/a.yaml:4: response code 703: not within 100 to 699"},
	{file: strings.Replace(good, "503", "many", 1), want: "my/a.yaml:4: "},
	{file: strings.Replace(good, "vendor: kamailio", "vendor: kamalio", 1), want: `my/a.yaml:4: no vendor "kamalio"; nearest: kamailio`, beyondSchema: true},
	{file: strings.Replace(good, "code: 503", "cause: server.capacty", 1), want: `my/a.yaml:4: no finding "server.capacty"; nearest: server.capacity`, beyondSchema: true},
	{file: strings.Replace(good, "code: 503", "cause: sever.*", 1), want: `my/a.yaml:4: no finding "sever.*"`, beyondSchema: true},
	{file: strings.Replace(good, "code: 503", "phrase: 'a(b'", 1), want: "my/a.yaml:4: expression \"a(b\": missing closing ): `(?i)a(b`", beyondSchema: true},
	{file: strings.Replace(good, "vendor: kamailio", "vendor: kamailio, of: callee", 1), want: `my/a.yaml:4: no element "callee"; nearest: caller`},
	{file: strings.Replace(good, "vendor: kamailio", "of: caller", 1), want: "my/a.yaml:4: of says whose software vendor is; there is no vendor"},
	{file: strings.Replace(good, "vendor: kamailio", "kind: cal", 1), want: `my/a.yaml:4: no kind "cal"; nearest: call`, beyondSchema: true},
	{file: strings.Replace(good, "{code: 503, vendor: kamailio}", "{}", 1), want: "my/a.yaml:4: an entry without a condition would match everything"},
	{file: strings.Replace(good, "checks: [Is it Monday?]", "checks: []", 1), want: "my/a.yaml:6: checks is missing or empty"},
	{file: strings.Replace(good, "    cause: We are full.\n", "", 1), want: "my/a.yaml:3: cause is missing or empty"},
	{file: strings.Replace(good, "mine.full", "Mine Full", 1), want: `my/a.yaml:3: id "Mine Full"`},
	{file: good + strings.TrimPrefix(good, "version: 1\nentries:\n"), want: `my/a.yaml:7: id "mine.full" stands twice, the other is in my/a.yaml`, beyondSchema: true},
	{file: good + "    fixes: [{where: here}]\n", want: "my/a.yaml:7: a fix needs set or do"},
	{file: good + "    refs: [{url: 'ftp://example.com'}]\n", want: `my/a.yaml:7: url "ftp://example.com" begins with neither https:// nor http://`},
	{file: good + "    call: &who me\n", want: "my/a.yaml:7: &: anchors, aliases and tags have no place here", beyondSchema: true},
	{file: good + "    call: " + strings.Repeat("x", maxText+1) + "\n", want: "my/a.yaml:7: a text longer than 2048 bytes"},
	{file: good + "    call: " + strings.Repeat("[", 20) + strings.Repeat("]", 20) + "\n", want: "my/a.yaml:7: more than 16 brackets within each other"},
	{file: good + "---\n" + good, want: "my/a.yaml: it holds 2 documents, not one", beyondSchema: true},
}

func TestMistakes(t *testing.T) {
	for _, c := range mistakes {
		_, err := Load(fstest.MapFS{"a.yaml": {Data: []byte(c.file)}}, "my", known())
		if err == nil || !strings.HasPrefix(err.Error(), "read "+c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

// TestBounds: a folder beyond a bound is refused, with what it is.
func TestBounds(t *testing.T) {
	many := fstest.MapFS{}
	for i := range maxFiles + 1 {
		many[fmt.Sprintf("%d.yaml", i)] = &fstest.MapFile{Data: []byte(strings.Replace(good, "mine.full", fmt.Sprintf("mine.%d", i), 1))}
	}
	var entries strings.Builder
	entries.WriteString("version: 1\nentries:\n")
	for i := range maxEntries + 1 {
		fmt.Fprintf(&entries, "- {id: m%d, match: {code: 503}, cause: c, checks: [c]}\n", i)
	}
	half := fstest.MapFS{}
	for i, part := range slices.Collect(slices.Chunk(strings.SplitAfter(entries.String(), "\n")[2:], 1400)) {
		half[fmt.Sprintf("%d.yaml", i)] = &fstest.MapFile{Data: []byte("version: 1\nentries:\n" + strings.Join(part, ""))}
	}
	for want, folder := range map[string]fs.FS{
		"read playbooks: my/a.yaml is larger than 262144 bytes":   fstest.MapFS{"a.yaml": {Data: []byte(good + strings.Repeat("#", maxFile))}},
		"read playbooks: more than 256 files in my":               many,
		"read playbooks: more than 4096 entries or vendors in my": half,
		"read my/a.yaml:7: more than 32 elements":                 fstest.MapFS{"a.yaml": {Data: []byte(good + "    refs: [" + strings.Repeat("{title: x},", maxList+1) + "]\n")}},
		"read playbooks: open .: file does not exist":             os.DirFS("testdata/none"),
	} {
		_, err := Load(folder, "my", Known{})
		if err == nil || !strings.HasPrefix(err.Error(), want) && !strings.Contains(err.Error(), "no such file") {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// TestUsersWin: an entry of the folder replaces the one of the same ID, stands before all others, and knows the
// folder's vendors and the program's.
func TestUsersWin(t *testing.T) {
	const mine = `version: 1
vendors:
  - {id: softswitch, name: Our Softswitch, agent: '^soft/'}
entries:
  - id: kamailio.send-failed
    match: {code: 477, vendor: [kamailio, softswitch]}
    cause: Ours.
    checks: [c]
`
	b, err := Load(fstest.MapFS{"b.yml": {Data: []byte(mine)}, "README.md": {Data: []byte("no yaml: {")}}, "my", known())
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Entries()) != len(Builtin().Entries()) || len(b.Vendors()) != len(Builtin().Vendors())+1 {
		t.Errorf("%d entries, %d vendors", len(b.Entries()), len(b.Vendors()))
	}
	e := b.Entries()[0]
	if e.Cause != "Ours." || e.Source != "my/b.yml" {
		t.Errorf("first is %s of %s", e.ID, e.Source)
	}
}

// FuzzParse: whatever the file, the loader says no or gives entries that match without a panic.
func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	for _, c := range mistakes {
		if len(c.file) < 1<<10 {
			f.Add([]byte(c.file))
		}
	}
	k := known()
	f.Fuzz(func(t *testing.T, b []byte) {
		book, err := Load(fstest.MapFS{"a.yaml": {Data: b}}, "my", k)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "read ") {
				t.Errorf("error %q does not say what was read", err)
			}
			return
		}
		m := NewMatcher(book)
		for _, e := range book.Entries()[:book.user] {
			m.Match(&Facts{Cause: "server.capacity", Code: 503, Phrase: e.Cause, Origin: Software{Agent: e.ID}}, nil)
		}
	})
}
