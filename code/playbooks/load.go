package playbooks

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// own are part of the program: what is wrong in them is a bug, found by any test that asks for one entry.
//
//go:embed data
var own embed.FS

// Schema is the JSON Schema of a file, for editors.
//
//go:embed schema.json
var Schema []byte

// Bounds of what a user's folder may hold. A file beyond one is refused, with its name.
const (
	maxFile    = 256 << 10 // bytes of a file
	maxFiles   = 256       // files of a folder
	maxEntries = 4096      // entries, or vendors, of a folder
	maxNesting = 16        // brackets within each other
	maxText    = 2048      // bytes of one text
	maxList    = 32        // elements of one list
)

// file is one file.
type file struct {
	Version int      `yaml:"version"`
	Vendors []Vendor `yaml:"vendors"`
	Entries []Entry  `yaml:"entries"`
}

var builtin = sync.OnceValue(func() *Book {
	b := &Book{}
	sub, err := fs.Sub(own, "data")
	if err == nil {
		err = b.read(sub, func(string) string { return Embedded }, nil, Known{})
	}
	if err != nil {
		panic("playbooks: " + err.Error())
	}
	return b
})

// Builtin returns the entries that are part of the program.
func Builtin() *Book { return builtin() }

// Known is what the rest of the program knows; conditions on anything else are refused. The zero value refuses none.
type Known struct {
	Causes []string // finding IDs
}

// Load returns the entries of the program together with those of the folder's files *.yaml and *.yml, which win: they
// come first, and replace what has their ID. name is how errors call the folder. The error names file and line.
func Load(folder fs.FS, name string, known Known) (*Book, error) {
	b := &Book{}
	base := Builtin()
	if err := b.read(folder, func(f string) string { return path.Join(name, f) }, base.vendors, known); err != nil {
		return nil, err
	}
	b.user = len(b.entries)
	for _, v := range base.vendors {
		if !slices.ContainsFunc(b.vendors, func(u Vendor) bool { return u.ID == v.ID }) {
			b.vendors = append(b.vendors, v)
		}
	}
	for i := range base.entries {
		if e := &base.entries[i]; !slices.ContainsFunc(b.entries[:b.user], func(u Entry) bool { return u.ID == e.ID }) {
			b.entries = append(b.entries, *e)
		}
	}
	return b, nil
}

// read adds all files of a folder in the order of their names and checks them. Entries may name the vendors of the
// folder and those of base.
func (b *Book) read(folder fs.FS, source func(string) string, base []Vendor, known Known) error {
	list, err := fs.ReadDir(folder, ".")
	if err != nil {
		return unread(err, source(""))
	}
	n := 0
	c := checker{known: known, ids: map[string]string{}}
	var files []*parsed
	for _, d := range list {
		if ext := path.Ext(d.Name()); d.IsDir() || ext != ".yaml" && ext != ".yml" {
			continue
		}
		if n++; n > maxFiles {
			return fmt.Errorf("read playbooks: more than %d files in %s", maxFiles, source(""))
		}
		p, err := readFile(folder, d.Name(), source(d.Name()))
		if err != nil {
			return err
		}
		for _, v := range p.Vendors {
			c.vendors = append(c.vendors, v.ID)
		}
		files = append(files, p)
	}
	for _, v := range base {
		c.vendors = append(c.vendors, v.ID)
	}
	for _, p := range files {
		if err := c.check(p); err != nil {
			return err
		}
		b.vendors = append(b.vendors, p.Vendors...)
		b.entries = append(b.entries, p.Entries...)
	}
	if len(b.entries) > maxEntries || len(b.vendors) > maxEntries {
		return fmt.Errorf("read playbooks: more than %d entries or vendors in %s", maxEntries, source(""))
	}
	return nil
}

// parsed is a file with its syntax tree, for the lines of what is wrong in it.
type parsed struct {
	file
	name string
	tree *ast.File
}

// readFile reads one file. name is what errors call it.
func readFile(folder fs.FS, base, name string) (*parsed, error) {
	f, err := folder.Open(base)
	if err != nil {
		return nil, unread(err, name)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, unread(err, name)
	}
	if len(b) > maxFile {
		return nil, fmt.Errorf("read playbooks: %s is larger than %d bytes", name, maxFile)
	}
	return parse(b, name)
}

// unread says what could not be read by the name that the user knows: a file system has names of its own.
func unread(err error, name string) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return fmt.Errorf("read playbooks: %s: %w", name, err)
}

func parse(b []byte, name string) (*parsed, error) {
	tokens := lexer.Tokenize(string(b))
	if err := plain(tokens, name); err != nil {
		return nil, err
	}
	p := &parsed{name: name}
	tree, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, located(err, name)
	}
	if len(tree.Docs) != 1 || tree.Docs[0].Body == nil {
		return nil, fmt.Errorf("read %s: it holds %d documents, not one", name, len(tree.Docs))
	}
	p.tree = tree
	if err := yaml.NodeToValue(tree.Docs[0].Body, &p.file, yaml.Strict()); err != nil {
		return nil, located(err, name)
	}
	for i := range p.Entries {
		p.Entries[i].Source = name
	}
	return p, nil
}

// plain refuses what YAML has beyond plain values: aliases can make a small file a huge one, and deep nesting costs
// stack.
func plain(tokens token.Tokens, name string) error {
	depth := 0
	for _, t := range tokens {
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType, token.TagType:
			return fmt.Errorf("read %s:%d: %s: anchors, aliases and tags have no place here", name, t.Position.Line, strings.TrimSpace(t.Value))
		case token.SequenceStartType, token.MappingStartType:
			if depth++; depth > maxNesting {
				return fmt.Errorf("read %s:%d: more than %d brackets within each other", name, t.Position.Line, maxNesting)
			}
		case token.SequenceEndType, token.MappingEndType:
			depth--
		}
		if t.Position.Column > 2*maxNesting && (t.Type == token.SequenceEntryType || t.Type == token.MappingValueType) && t.Position.IndentNum > 2*maxNesting {
			return fmt.Errorf("read %s:%d: indented by more than %d columns", name, t.Position.Line, 2*maxNesting)
		}
	}
	return nil
}

// located puts file and line before what the YAML library found.
func located(err error, name string) error {
	var y yaml.Error
	if !errors.As(err, &y) || y.GetToken() == nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	t := y.GetToken()
	message := y.GetMessage()
	var unknown *yaml.UnknownFieldError
	if errors.As(err, &unknown) {
		message = fmt.Sprintf("unknown key %q%s", t.Value, suggest(t.Value, keys()))
	}
	return fmt.Errorf("read %s:%d: %s", name, t.Position.Line, message)
}

// UnmarshalYAML reads one word or a list of them.
func (w *Words) UnmarshalYAML(unmarshal func(any) error) error {
	return oneOrMore((*[]string)(w), unmarshal)
}

// UnmarshalYAML reads one number or a list of them.
func (n *Numbers) UnmarshalYAML(unmarshal func(any) error) error {
	return oneOrMore((*[]int)(n), unmarshal)
}

func oneOrMore[T any](list *[]T, unmarshal func(any) error) error {
	var one T
	if unmarshal(&one) == nil {
		*list = []T{one}
		return nil
	}
	return unmarshal(list)
}

// UnmarshalYAML reads the expression; check compiles it.
func (p *Pattern) UnmarshalYAML(unmarshal func(any) error) error { return unmarshal(&p.Text) }
