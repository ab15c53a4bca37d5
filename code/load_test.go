package code

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

// Data that is wrong is refused with the file and the place; the tables cannot be half read.
func TestLoadRefuses(t *testing.T) {
	change := func(name, old, now string) fstest.MapFS {
		m := fstest.MapFS{}
		entries, err := fs.ReadDir(files, "data")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			b, err := fs.ReadFile(files, "data/"+e.Name())
			if err != nil {
				t.Fatal(err)
			}
			if e.Name() == name {
				if !strings.Contains(string(b), old) {
					t.Fatalf("%s has no %q", name, old)
				}
				b = []byte(strings.Replace(string(b), old, now, 1))
			}
			m["data/"+e.Name()] = &fstest.MapFile{Data: b}
		}
		return m
	}
	if _, err := load(change("texts.en.yaml", "codes:", "codes:")); err != nil {
		t.Fatalf("unchanged: %v", err)
	}
	for _, c := range []struct{ name, old, now, want string }{
		{"response_codes.csv", "486,Busy Here", "180,Busy Here", "180 is out of range or stands twice"},
		{"response_codes.csv", "486,Busy Here", "x,Busy Here", `code "x" is no number`},
		{"response_codes.csv", "here elsewhere", "there", `retry "there" is unknown`},
		{"response_codes.csv", "phrase", "frase", "columns are"},
		{"q850_causes.csv", "\n17,", "\n200,", "200 is out of range"},
		{"texts.en.yaml", "    caller:", "    calller:", "calller"},
	} {
		if _, err := load(change(c.name, c.old, c.now)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with %q: error %v, want %q", c.name, c.now, err, c.want)
		}
	}
	none := change("texts.en.yaml", "codes:", "codes:")
	delete(none, "data/texts.en.yaml")
	if _, err := load(none); err == nil || !strings.Contains(err.Error(), "texts.en.yaml") {
		t.Errorf("without English: error %v", err)
	}
}

// Texts of a number that no table has would never be shown.
func TestNoTextWithoutANumber(t *testing.T) {
	for lang, words := range catalogue().languages {
		for n := range words.Codes {
			if _, ok := Lookup(n); !ok {
				t.Errorf("%s: text for code %d", lang, n)
			}
		}
		for n := range words.Causes {
			if _, ok := Q850(n); !ok {
				t.Errorf("%s: text for cause %d", lang, n)
			}
		}
		for n := range words.Warnings {
			if _, ok := Warning(n); !ok {
				t.Errorf("%s: text for warning %d", lang, n)
			}
		}
		for name := range words.Protocols {
			if _, ok := ReasonProtocol(name); !ok {
				t.Errorf("%s: text for protocol %s", lang, name)
			}
		}
	}
}
