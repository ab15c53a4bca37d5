package arch

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func readDoc(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	requireLine = regexp.MustCompile(`(?m)^\s*(?:require )?([a-z0-9.-]+\.[a-z]+/\S+) (v\S+)`)
	toolLine    = regexp.MustCompile(`(?m)^\s*(?:tool )?([a-z0-9.-]+\.[a-z]+/\S+)$`)
	moduleRow   = regexp.MustCompile(`(?m)^\| (\S+\.\S+/\S+) \| (v\S+) \| [^|]+ \| [^|]+ \|$`)
)

// versions reads the modules that a go.mod requires.
func versions(gomod string) map[string]string {
	out := map[string]string{}
	for _, m := range requireLine.FindAllStringSubmatch(gomod, -1) {
		out[m[1]] = m[2]
	}
	return out
}

// moduleOf returns the longest required module that holds the package.
func moduleOf(required map[string]string, pkg string) string {
	for p := pkg; p != "."; p = path.Dir(p) {
		if _, ok := required[p]; ok {
			return p
		}
	}
	return ""
}

func TestDependenciesAreExplained(t *testing.T) {
	required := versions(readDoc(t, "go.mod"))
	want := map[string]string{}
	for _, f := range repoFiles(t) {
		for _, imp := range f.imports() {
			if first, _, _ := strings.Cut(imp, "/"); !strings.Contains(first, ".") {
				continue // the standard library, or ours
			}
			m := moduleOf(required, imp)
			if m == "" {
				t.Errorf("%s imports %s, of no module that go.mod requires", f.path, imp)
				continue
			}
			want[m] = required[m]
		}
	}
	tools := readDoc(t, "tools/go.mod")
	required = versions(tools)
	for _, m := range toolLine.FindAllStringSubmatch(tools, -1) {
		if m := moduleOf(required, m[1]); m != "" {
			want[m] = required[m]
		}
	}
	got := map[string]string{}
	for _, m := range moduleRow.FindAllStringSubmatch(readDoc(t, "docs/dependencies.md"), -1) {
		got[m[1]] = m[2]
	}
	for _, m := range slices.Sorted(maps.Keys(want)) {
		if got[m] != want[m] {
			t.Errorf("docs/dependencies.md: %s is used at %s, the page has %q", m, want[m], got[m])
		}
	}
	for _, m := range slices.Sorted(maps.Keys(got)) {
		if want[m] == "" {
			t.Errorf("docs/dependencies.md: nothing imports %s", m)
		}
	}
}

var (
	boundName = regexp.MustCompile(`^(?:[mM]ax|DefaultMax|spool)[A-Z]\w*$`)
	shownName = regexp.MustCompile(`Shown$`) // lines of a list: what is beyond is said in a number
	boundRow  = regexp.MustCompile("`([a-z/]+)\\.((?:Options\\.)?\\w+)` = ([^|]+?) \\|")
	optionRow = regexp.MustCompile(`\{&o\.(Max\w+), ([^}]+)\}`)
)

// notBounds are constants that look like bounds of what traffic can make grow, and why they are none.
var notBounds = map[string]string{
	"internal/render.maxBars":       "rows of a ranking whose rest is shown in a number",
	"internal/explain.maxCompared":  "a cut of what a person typed",
	"internal/correlate.maxBinding": "a time",
	"internal/query.maxDuration":    "a value range",
	"internal/render.maxGap":        "a layout width",
}

// boundsInCode collects the named bounds of nouns, stages, faces and assembly, with their values.
func boundsInCode(t *testing.T) map[string]int64 {
	t.Helper()
	layers := readLayers(t)
	out := map[string]int64{}
	for _, f := range repoFiles(t) {
		if f.test || layers[f.dir].section == "tests" {
			continue
		}
		for _, d := range f.ast.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				v := s.(*ast.ValueSpec)
				for i, n := range v.Names {
					if !boundName.MatchString(n.Name) || shownName.MatchString(n.Name) || i >= len(v.Values) {
						continue
					}
					if value, err := evaluate(types.ExprString(v.Values[i])); err == nil {
						out[f.dir+"."+n.Name] = value
					} else if notBounds[f.dir+"."+n.Name] == "" {
						t.Errorf("%s: bound %s is no plain number: %v", f.path, n.Name, err)
					}
				}
			}
		}
		for _, m := range optionRow.FindAllStringSubmatch(string(f.src), -1) {
			value, err := evaluate(m[2])
			if err != nil {
				t.Errorf("%s: default of %s: %v", f.path, m[1], err)
			}
			out[f.dir+".Options."+m[1]] = value
		}
	}
	return out
}

// evaluate returns the value of a constant expression without names.
func evaluate(expr string) (int64, error) {
	v, err := types.Eval(token.NewFileSet(), nil, token.NoPos, expr)
	if err != nil {
		return 0, err
	}
	n, exact := constant.Int64Val(constant.ToInt(v.Value))
	if !exact {
		return 0, fmt.Errorf("%s is no whole number", expr)
	}
	return n, nil
}

// amount reads a value as the page writes it: 4096, 16 KiB.
func amount(s string) (int64, error) {
	number, unit, _ := strings.Cut(s, " ")
	factor, ok := map[string]int64{"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}[unit]
	if !ok {
		return 0, fmt.Errorf("unknown unit %q", unit)
	}
	n, err := strconv.ParseInt(number, 10, 64)
	return n * factor, err
}

func TestFaultModelListsEveryBound(t *testing.T) {
	code := boundsInCode(t)
	if len(code) < 40 {
		t.Fatalf("only %d bounds found in the code", len(code))
	}
	page := map[string]bool{}
	for _, m := range boundRow.FindAllStringSubmatch(readDoc(t, "docs/FAULT-MODEL.md"), -1) {
		name := m[1] + "." + m[2]
		page[name] = true
		said, err := amount(m[3])
		if err != nil {
			t.Errorf("docs/FAULT-MODEL.md: %s: %v", name, err)
		}
		is, ok := code[name]
		switch {
		case !ok:
			t.Errorf("docs/FAULT-MODEL.md lists %s, which is not in the code", name)
		case is != said:
			t.Errorf("docs/FAULT-MODEL.md says %s = %s, the code has %d", name, m[3], is)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(code)) {
		if strings.HasPrefix(name, "internal/diagnose.") {
			continue // rules keep nothing; what they bound is work on one call, which is bounded already
		}
		if !page[name] && notBounds[name] == "" {
			t.Errorf("docs/FAULT-MODEL.md does not list the bound %s = %d", name, code[name])
		}
	}
}

var testName = regexp.MustCompile("`([a-z/]+)\\.((?:Test|Fuzz)\\w+)`")

// The tests that the page names as proof are there.
func TestFaultModelNamesTests(t *testing.T) {
	named := testName.FindAllStringSubmatch(readDoc(t, "docs/FAULT-MODEL.md"), -1)
	if len(named) < 10 {
		t.Errorf("docs/FAULT-MODEL.md names only %d tests", len(named))
	}
	tests := map[string]bool{}
	for _, f := range repoFiles(t) {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && f.test {
				tests[f.dir+"."+fn.Name.Name] = true
			}
		}
	}
	for _, m := range named {
		if name := m[1] + "." + m[2]; !tests[name] {
			t.Errorf("docs/FAULT-MODEL.md names %s, which is not there", name)
		}
	}
}

var packageCell = regexp.MustCompile("`((?:docs|(?:code|sip|sdp|cmd/|internal/)[a-z/]*))`")

// The page of the architecture names every package of the program.
func TestArchitectureNamesEveryPackage(t *testing.T) {
	text := readDoc(t, "docs/ARCHITECTURE.md")
	named := map[string]bool{}
	for _, m := range packageCell.FindAllStringSubmatch(text, -1) {
		named[m[1]] = true
	}
	layers := readLayers(t)
	for _, p := range slices.Sorted(maps.Keys(layers)) {
		if l := layers[p]; l.section != "tests" && !named[p] {
			t.Errorf("docs/ARCHITECTURE.md does not name %s", p)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(named)) {
		if _, ok := layers[p]; !ok {
			t.Errorf("docs/ARCHITECTURE.md names %s, which layers.txt does not have", p)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)

// Links from one file of the repository to another lead somewhere.
func TestDocumentsLinkToWhatIsThere(t *testing.T) {
	names, err := trackedFiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if path.Ext(name) != ".md" {
			continue
		}
		for _, m := range link.FindAllStringSubmatch(readDoc(t, name), -1) {
			if _, err := os.Stat(filepath.Join(root, path.Dir(name), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", name, m[1])
			}
		}
	}
}
