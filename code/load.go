package code

import (
	"bytes"
	"embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
)

// files are part of the program: what is wrong in them is a bug, found by any test that asks for one code.
//
//go:embed data
var files embed.FS

// tables is the whole catalogue.
type tables struct {
	entries   []Entry
	byCode    [800]uint8 // index into entries + 1
	causes    []Q850Cause
	byCause   [128]uint8 // index into causes + 1
	mappings  []Mapping
	warnings  []WarningCode
	protocols []Protocol
	languages map[string]*texts
}

var catalogue = sync.OnceValue(func() *tables {
	t, err := load(files)
	if err != nil {
		panic("code: " + err.Error())
	}
	return t
})

func load(files fs.FS) (*tables, error) {
	t := &tables{languages: map[string]*texts{}}
	names, err := fs.Glob(files, "data/texts.*.yaml")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		words := &texts{}
		if err := yaml.UnmarshalWithOptions(b, words, yaml.Strict()); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		t.languages[strings.TrimSuffix(strings.TrimPrefix(name, "data/texts."), ".yaml")] = words
	}
	en := t.languages[english]
	if en == nil {
		return nil, fmt.Errorf("read texts: no data/texts.%s.yaml", english)
	}
	for _, f := range [...]struct {
		name    string
		columns string
		row     func(record) error
	}{
		{"data/response_codes.csv", "code,phrase,rfc,section,registered,retry,retry_after", func(r record) error { return t.addEntry(r, en) }},
		{"data/q850_causes.csv", "cause,name,class,sip,other,note", func(r record) error { return t.addCause(r, en) }},
		{"data/sip_to_q850.csv", "code,cause,note", func(r record) error {
			t.mappings = append(t.mappings, Mapping{r.number("code"), r.number("cause"), r.text("note")})
			return nil
		}},
		{"data/warning_codes.csv", "code,text,rfc,registered", func(r record) error {
			s := en.Warnings[r.number("code")]
			t.warnings = append(t.warnings, WarningCode{
				r.number("code"), r.text("text"), r.text("rfc"), r.text("registered") == "yes", s.Means, s.Check,
			})
			return nil
		}},
		{"data/reason_protocols.csv", "protocol,reference", func(r record) error {
			name := r.text("protocol")
			t.protocols = append(t.protocols, Protocol{name, r.text("reference"), en.Protocols[strings.ToLower(name)].Means})
			return nil
		}},
	} {
		if err := eachRow(files, f.name, f.columns, f.row); err != nil {
			return nil, err
		}
	}
	return t, nil
}

var retryWords = map[string]Retry{"never": RetryNever, "here": RetryHere, "elsewhere": RetryElsewhere, "change": RetryAfterChange}

func (t *tables) addEntry(r record, en *texts) error {
	n := r.number("code")
	e := Entry{
		Code: n, Phrase: r.text("phrase"), RFC: r.text("rfc"), Section: r.text("section"),
		Registered: r.text("registered") == "yes", Final: n >= 200 && n < 700, RetryAfter: r.text("retry_after") == "yes",
	}
	for _, w := range strings.Fields(r.text("retry")) {
		bit, ok := retryWords[w]
		if !ok {
			return fmt.Errorf("code %d: retry %q is unknown", n, w)
		}
		e.Retry |= bit
	}
	s := en.Codes[n]
	e.Meaning, e.Checks, e.Caller, e.Support, e.Misuse = s.Means, s.Check, s.Caller, s.Support, s.Misuse
	if n < 100 || n >= len(t.byCode) || t.byCode[n] != 0 || len(t.entries) >= 255 {
		return fmt.Errorf("code %d is out of range or stands twice", n)
	}
	t.entries = append(t.entries, e)
	t.byCode[n] = uint8(len(t.entries))
	return nil
}

func (t *tables) addCause(r record, en *texts) error {
	n := r.number("cause")
	s := en.Causes[n]
	if n < 1 || n >= len(t.byCause) || t.byCause[n] != 0 {
		return fmt.Errorf("cause %d is out of range or stands twice", n)
	}
	t.causes = append(t.causes, Q850Cause{
		n, r.text("name"), r.text("class"), r.number("sip"), r.number("other"), r.text("note"), s.Means, s.Ask,
	})
	t.byCause[n] = uint8(len(t.causes))
	return nil
}

// record is a row of a CSV file with its columns' names.
type record struct {
	columns map[string]int
	fields  []string
}

func (r record) text(column string) string { return r.fields[r.columns[column]] }

// number reads a field that eachRow found to be digits or empty; empty is 0.
func (r record) number(column string) int {
	n, _ := strconv.Atoi(r.text(column))
	return n
}

// numeric are the columns whose fields must be digits or empty, in whichever file.
var numeric = map[string]bool{"code": true, "cause": true, "sip": true, "other": true}

func eachRow(files fs.FS, name, columns string, row func(record) error) error {
	b, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	in := csv.NewReader(bytes.NewReader(b))
	head, err := in.Read()
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if got := strings.Join(head, ","); got != columns {
		return fmt.Errorf("read %s: columns are %s, want %s", name, got, columns)
	}
	r := record{columns: map[string]int{}}
	for i, c := range head {
		r.columns[c] = i
	}
	for {
		r.fields, err = in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		for i, c := range head {
			if _, err := strconv.ParseUint(r.fields[i], 10, 16); numeric[c] && r.fields[i] != "" && err != nil {
				return fmt.Errorf("read %s: %s %q is no number", name, c, r.fields[i])
			}
		}
		if err := row(r); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
	}
}
