package arch

import (
	"bytes"
	"go/ast"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	maxFileLines     = 500
	maxFunctionLines = 70
)

// longReason is the comment that allows a longer file (before the package clause or anywhere at top level of
// the file's first 30 lines) or function (in its doc comment).
var longReason = regexp.MustCompile(`(?m)^// Long because: \S+`)

// functionLines counts the lines of a function. In a test the rows of its tables do not count: a table is
// read row by row.
func (f *goFile) functionLines(fn *ast.FuncDecl) int {
	n := f.line(fn.End()) - f.line(fn.Pos()) + 1
	if f.test {
		ast.Inspect(fn, func(node ast.Node) bool {
			lit, ok := node.(*ast.CompositeLit)
			if ok {
				n -= f.line(lit.End()) - f.line(lit.Pos())
			}
			return !ok
		})
	}
	return n
}

// tooLong describes what of f is longer than the house allows without a stated reason.
func tooLong(f *goFile) []string {
	if f.generated {
		return nil
	}
	var out []string
	head := bytes.Join(bytes.SplitN(f.src, []byte("\n"), 31)[:min(30, f.lines)], []byte("\n"))
	if f.lines > maxFileLines && !longReason.Match(head) {
		out = append(out, f.path+": file over 500 lines")
	}
	for _, d := range f.ast.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		if f.functionLines(fn) <= maxFunctionLines {
			continue
		}
		if fn.Doc == nil || !slices.ContainsFunc(fn.Doc.List, func(c *ast.Comment) bool { return longReason.MatchString(c.Text) }) {
			out = append(out, f.path+": function "+fn.Name.Name+" over 70 lines")
		}
	}
	return out
}

func TestFilesAndFunctionsAreShort(t *testing.T) {
	for _, f := range repoFiles(t) {
		for _, s := range tooLong(f) {
			t.Errorf("%s: split it, or state the reason in a comment '// Long because: …'", s)
		}
	}
}

func TestNothingRegistersItself(t *testing.T) {
	for _, f := range repoFiles(t) {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s:%d: func init: put it into the family's table", f.path, f.line(fn.Pos()))
			}
		}
	}
}

func TestEveryPackageSaysWhatItHolds(t *testing.T) {
	said := map[string]bool{}
	for _, f := range repoFiles(t) {
		if !f.test {
			said[f.dir] = said[f.dir] || f.ast.Doc != nil
		}
	}
	for dir, ok := range said {
		if !ok {
			t.Errorf("package %s has no package comment", dir)
		}
	}
}

// Event time drives nouns and stages: the wall clock is for capture, which meets the world, and for faces.
var wallClock = []string{"Now", "Since", "Until", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Sleep"}

// What a noun must not touch: I/O, logging. Locks and goroutines are looked for in its code.
var impureImports = []string{"os", "os/exec", "os/signal", "net", "net/http", "log", "log/slog", "syscall"}

var locks = []string{"Mutex", "RWMutex", "WaitGroup", "Cond", "Map"}

// impurities describes what a noun or stage does that its section forbids.
func impurities(f *goFile, noun bool) []string {
	var out []string
	if noun {
		for _, imp := range f.imports() {
			if slices.Contains(impureImports, imp) {
				out = append(out, "imports "+imp)
			}
		}
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			if noun {
				out = append(out, "starts a goroutine")
			}
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if !ok {
				break
			}
			if x.Name == "time" && slices.Contains(wallClock, n.Sel.Name) || noun && x.Name == "sync" && slices.Contains(locks, n.Sel.Name) {
				out = append(out, "uses "+x.Name+"."+n.Sel.Name)
			}
		}
		return true
	})
	return out
}

func TestNounsArePureAndStagesKnowEventTimeOnly(t *testing.T) {
	layers := readLayers(t)
	for _, f := range repoFiles(t) {
		section := layers[f.dir].section
		if f.test || f.dir == "internal/capture" || section != "nouns" && section != "stages" {
			continue
		}
		for _, s := range impurities(f, section == "nouns") {
			t.Errorf("%s %s", f.path, s)
		}
	}
}

// Written in pieces, so that this file holds none of them.
var foreignNames = []string{
	"/wo" + "rk/", "/tmp/pl" + "an", "HAND" + "BOOK.md", ".libr" + "ary/", "issues sh" + "ow",
	"proxy.gol" + "ang.org", "registry.npm" + "js.org", "deb.deb" + "ian.org",
}

// The repository stands on its own: no file names the place or the tools it was built with.
func TestNoForeignNames(t *testing.T) {
	names, err := trackedFiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(text, 0) >= 0 {
			continue // a capture or another binary
		}
		for i, line := range bytes.Split(text, []byte("\n")) {
			for _, w := range foreignNames {
				if bytes.Contains(line, []byte(w)) {
					t.Errorf("%s:%d names %s", name, i+1, w)
				}
			}
		}
	}
}

// TestAnalysisHasNoHTTP: README says that what analyses opens no connection; then no library brings the means along.
func TestAnalysisHasNoHTTP(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "./internal/pipeline", "./internal/render", "./internal/explain", "./internal/compare")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("list what the analysis is made of: %v", err)
	}
	packages := strings.Fields(string(out))
	if !slices.Contains(packages, "sipcause/sip") {
		t.Fatalf("%d packages, ours not among them", len(packages))
	}
	for _, p := range []string{"net/http", "net/rpc", "net/smtp"} {
		if slices.Contains(packages, p) {
			t.Errorf("the analysis holds %s", p)
		}
	}
}

func TestRulesBite(t *testing.T) {
	body := strings.Repeat("\tx++\n", maxFunctionLines)
	for _, c := range []struct {
		name, src string
		long      int
		impure    int
	}{
		{"short", "package a\n\nfunc f() {}\n", 0, 0},
		{"long function", "package a\n\nfunc f() {\n" + body + "}\n", 1, 0},
		{"long function with a reason", "package a\n\n// f does.\n// Long because: one table.\nfunc f() {\n" + body + "}\n", 0, 0},
		{"long file", "package a\n" + strings.Repeat("//\n", maxFileLines), 1, 0},
		{"long file with a reason", "// Long because: one table.\n\npackage a\n" + strings.Repeat("//\n", maxFileLines), 0, 0},
		{"generated", "// Code generated by x. DO NOT EDIT.\n\npackage a\n" + strings.Repeat("//\n", maxFileLines), 0, 0},
		{"clock", "package a\n\nimport \"time\"\n\nvar t = time.Now()\n", 0, 1},
		{"lock, goroutine, file", "package a\n\nimport (\n\t\"os\"\n\t\"sync\"\n)\n\nvar m sync.Mutex\n\nfunc f() { go os.Exit(1) }\n", 0, 3},
	} {
		f := parseSource(t, c.src)
		if got := tooLong(f); len(got) != c.long {
			t.Errorf("%s: too long: %q, want %d", c.name, got, c.long)
		}
		if got := impurities(f, true); len(got) != c.impure {
			t.Errorf("%s: impure: %q, want %d", c.name, got, c.impure)
		}
	}
}
