package arch

import (
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "sipcause"

// layer is one line of layers.txt.
type layer struct {
	section         string
	allowed, inTest []string
}

func parseLayers(text string) (map[string]layer, error) {
	layers := map[string]layer{}
	section := ""
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if name, ok := strings.CutPrefix(line, "["); ok {
			section = strings.TrimSuffix(name, "]")
			continue
		}
		name, rest, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("line %d: no colon in %q", i+1, line)
		}
		if _, twice := layers[name]; twice || section == "" {
			return nil, fmt.Errorf("line %d: %s stands twice or in no section", i+1, name)
		}
		allowed, inTest, _ := strings.Cut(rest, "|")
		layers[name] = layer{section, strings.Fields(allowed), strings.Fields(inTest)}
	}
	for name, l := range layers {
		for _, p := range slices.Concat(l.allowed, l.inTest) {
			if _, ok := layers[p]; !ok {
				return nil, fmt.Errorf("%s may import %s, which is not listed", name, p)
			}
		}
	}
	return layers, nil
}

func readLayers(t *testing.T) map[string]layer {
	t.Helper()
	text, err := os.ReadFile("layers.txt")
	if err != nil {
		t.Fatal(err)
	}
	layers, err := parseLayers(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return layers
}

// forbidden returns the imports of one file that its layer does not allow.
func forbidden(layers map[string]layer, dir string, test bool, imports []string) []string {
	l := layers[dir]
	var bad []string
	for _, imp := range imports {
		p, ok := strings.CutPrefix(imp, module+"/")
		if !ok || slices.Contains(l.allowed, p) {
			continue
		}
		if test && (p == dir || slices.Contains(l.inTest, p)) {
			continue
		}
		bad = append(bad, p)
	}
	return bad
}

func TestImportsFollowTheLayers(t *testing.T) {
	layers := readLayers(t)
	for _, f := range repoFiles(t) {
		for _, p := range forbidden(layers, f.dir, f.test, f.imports()) {
			t.Errorf("%s imports %s: layers.txt does not allow that", f.path, p)
		}
	}
}

func TestEveryPackageIsListed(t *testing.T) {
	layers := readLayers(t)
	dirs := map[string]bool{}
	for _, f := range repoFiles(t) {
		dirs[f.dir] = true
	}
	for _, d := range slices.Sorted(maps.Keys(dirs)) {
		if _, ok := layers[d]; !ok {
			t.Errorf("package %s is not in layers.txt", d)
		}
	}
	for _, d := range slices.Sorted(maps.Keys(layers)) {
		if !dirs[d] {
			t.Errorf("layers.txt lists %s, which does not exist", d)
		}
	}
}

// mayImport says which sections a package of each section may import from. Test packages may import all.
var mayImport = map[string][]string{
	"nouns":    {"nouns"},
	"stages":   {"nouns"},
	"faces":    {"nouns"},
	"assembly": {"nouns", "stages", "faces", "assembly"},
	"tests":    {"nouns", "stages", "faces", "assembly", "tests"},
}

// The list itself must not give the rules of the sections away.
func TestLayersKeepTheirSections(t *testing.T) {
	layers := readLayers(t)
	for _, name := range slices.Sorted(maps.Keys(layers)) {
		l := layers[name]
		from, ok := mayImport[l.section]
		if !ok {
			t.Errorf("%s stands in the unknown section %s", name, l.section)
		}
		for _, p := range l.allowed {
			if !slices.Contains(from, layers[p].section) {
				t.Errorf("%s (%s) may import %s (%s)", name, l.section, p, layers[p].section)
			}
		}
	}
}

var vagueNames = []string{"util", "utils", "common", "helper", "helpers", "types", "models", "core", "base", "misc"}

func TestPackagesHaveTellingNames(t *testing.T) {
	for _, f := range repoFiles(t) {
		for _, name := range []string{path.Base(f.dir), strings.TrimSuffix(f.ast.Name.Name, "_test")} {
			if slices.Contains(vagueNames, name) {
				t.Errorf("%s: a package named %s says nothing of what it holds", f.path, name)
			}
		}
	}
}

func TestForbiddenImportsAreSeen(t *testing.T) {
	layers, err := parseLayers("[nouns]\na:\n[stages]\nb: a # why\nc: a | b\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		dir  string
		test bool
		imp  string
		bad  bool
	}{
		{"b", false, "sipcause/a", false},
		{"b", false, "fmt", false},
		{"b", false, "sipcause/c", true},
		{"a", false, "sipcause/b", true},
		{"c", false, "sipcause/b", true},
		{"c", true, "sipcause/b", false},
		{"c", true, "sipcause/c", false},
		{"a", true, "sipcause/b", true},
	} {
		if got := len(forbidden(layers, c.dir, c.test, []string{c.imp})) > 0; got != c.bad {
			t.Errorf("%s (test %v) importing %s: forbidden %v, want %v", c.dir, c.test, c.imp, got, c.bad)
		}
	}
	for _, text := range []string{"a:\n", "[nouns]\na:\na:\n", "[nouns]\na: b\n", "[nouns]\na\n"} {
		if _, err := parseLayers(text); err == nil {
			t.Errorf("layers %q: no error", text)
		}
	}
}
