package arch

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const root = "../.."

// goFile is one parsed Go file; path and dir are relative to the repository, with slashes.
type goFile struct {
	path, dir string
	test      bool
	generated bool
	lines     int
	src       []byte
	fset      *token.FileSet
	ast       *ast.File
}

// imports returns the import paths of the file.
func (f *goFile) imports() []string {
	var out []string
	for _, s := range f.ast.Imports {
		out = append(out, strings.Trim(s.Path.Value, `"`+"`"))
	}
	return out
}

// line returns the line of a position in the file.
func (f *goFile) line(p token.Pos) int { return f.fset.Position(p).Line }

// trackedFiles lists the files that belong to the repository: all but those that .gitignore names.
var trackedFiles = sync.OnceValues(func() ([]string, error) {
	text, err := os.ReadFile(filepath.Join(root, ".gitignore"))
	if err != nil {
		return nil, err
	}
	ignored := strings.Fields(string(text))
	var files []string
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		switch {
		case rel == ".git", d.IsDir() && isIgnored(ignored, rel):
			if d.IsDir() {
				return fs.SkipDir
			}
		case d.Type().IsRegular() && !isIgnored(ignored, rel):
			files = append(files, rel)
		}
		return nil
	})
	return files, err
})

// isIgnored knows the forms of patterns that this repository's .gitignore uses: "/name", "/name/" and "*.ext".
func isIgnored(patterns []string, rel string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if anchored, ok := strings.CutPrefix(p, "/"); ok {
			return rel == strings.TrimSuffix(anchored, "/")
		}
		ok, _ := path.Match(p, path.Base(rel))
		return ok
	})
}

func parseFile(name string, src []byte) (*goFile, error) {
	f := &goFile{path: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), src: src, fset: token.NewFileSet()}
	f.lines = bytes.Count(src, []byte("\n"))
	var err error
	f.ast, err = parser.ParseFile(f.fset, name, src, parser.ParseComments)
	f.generated = err == nil && ast.IsGenerated(f.ast)
	return f, err
}

var goFiles = sync.OnceValues(func() ([]*goFile, error) {
	names, err := trackedFiles()
	if err != nil {
		return nil, err
	}
	var files []*goFile
	for _, name := range names {
		if path.Ext(name) != ".go" || strings.Contains("/"+name, "/testdata/") {
			continue
		}
		src, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return nil, err
		}
		f, err := parseFile(name, src)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
})

// repoFiles returns the parsed Go files of the repository, at least as many as would show that it was found.
func repoFiles(t *testing.T) []*goFile {
	t.Helper()
	files, err := goFiles()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 50 {
		t.Fatalf("only %d Go files found below %s: wrong directory?", len(files), root)
	}
	return files
}

func parseSource(t *testing.T, src string) *goFile {
	t.Helper()
	f, err := parseFile("a/a.go", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return f
}
