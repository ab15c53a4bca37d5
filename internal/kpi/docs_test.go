package kpi_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sipcause/docs"
	"sipcause/internal/kpi"
	"sipcause/internal/testkit"
)

// sections are the headings that every page has, in this order.
var sections = []string{"Definition", "Counted once", "Observed at", "When it misleads"}

// pageHead is the part of a page that the table of measures gives.
func pageHead(ms []kpi.Measure) string {
	m := ms[0]
	var names []string
	for i := range ms {
		names = append(names, "`"+ms[i].Name+"`")
	}
	title, _, _ := strings.Cut(m.Title, ", ")
	dash := func(s string) string {
		if s == "" {
			return "-"
		}
		return s
	}
	apart := "route"
	if m.LabelOf != nil {
		apart = "route, label"
	}
	return fmt.Sprintf("# %s\n\n%s\n\n| measures | unit | counted | apart by | definition |\n|---|---|---|---|---|\n| %s | %s | %s | %s | %s |\n\nPopulation: %s.\n\nLeft out: %s.\n\n",
		m.Page, title, strings.Join(names, ", "), dash(m.Unit), m.Of, apart, dash(m.Ref), m.Population, m.Exclusions)
}

// TestPages: every measure has its page, with the head of the table and all sections, and there is no other. -update
// writes the heads anew and leaves the bodies.
func TestPages(t *testing.T) {
	pages := map[string][]kpi.Measure{}
	for _, m := range kpi.Measures() {
		pages[m.Page] = append(pages[m.Page], m)
	}
	for name, ms := range pages {
		text, ok := docs.KPI(name)
		if !ok {
			t.Errorf("%s: no page", name)
			continue
		}
		if testkit.Updating() {
			if err := os.WriteFile("../../docs/kpi/"+name+".md", []byte(pageHead(ms)+docs.Body(text)), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if !strings.HasPrefix(text, pageHead(ms)) {
			t.Errorf("%s: the head is not the table's: run go test ./internal/kpi -update", name)
		}
		body := docs.Body(text)
		var headings []string
		for part := range strings.SplitSeq(body, "\n## ") {
			heading, words, _ := strings.Cut(strings.TrimPrefix(part, "## "), "\n")
			headings = append(headings, heading)
			if n := len(strings.Fields(words)); n < 2 || n < 8 && heading != "When it misleads" {
				t.Errorf("%s: section %q has %d words", name, heading, n)
			}
		}
		if !slices.Equal(headings, sections) {
			t.Errorf("%s: sections %q, want %q", name, headings, sections)
		}
		if ref := ms[0].Ref; ref != "" && !strings.Contains(strings.Join(strings.Fields(body), " "), ref) {
			t.Errorf("%s: the text does not name %s", name, ref)
		}
	}
	files, err := filepath.Glob("../../docs/kpi/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name := strings.TrimSuffix(filepath.Base(f), ".md"); pages[name] == nil {
			t.Errorf("%s is the page of no measure", f)
		}
	}
}

// TestTables: every row is whole, its names are once, and every counter is of some use.
func TestTables(t *testing.T) {
	names := map[string]bool{}
	for _, m := range kpi.Measures() {
		if m.Title == "" || m.Of == "" || m.Population == "" || m.Exclusions == "" || m.Page == "" || names[m.Name] {
			t.Errorf("%s: the row is not whole, or there are two", m.Name)
		}
		names[m.Name] = true
		if k := m.Evaluate(&kpi.Sums{Seconds: 60}); k.Name != m.Name || k.Value != 0 || k.Population != 0 {
			t.Errorf("%s of nothing is %+v", m.Name, k)
		}
	}
	counters := map[string]bool{}
	for _, c := range kpi.Counters() {
		if c.Name == "" || c.Unit == "" || c.What == "" || counters[c.Name] {
			t.Errorf("counter %q: the row is not whole, or there are two", c.Name)
		}
		counters[c.Name] = true
	}
	for name := range kpi.Unused() {
		t.Errorf("counter %s is of no measure", name)
	}
	for _, w := range kpi.Watches() {
		if !names[w.Measure] {
			t.Errorf("%s is followed and no measure", w.Measure)
		}
	}
}
