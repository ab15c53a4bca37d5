// Package docs holds the pages that the program shows: one per finding and measure. Its one rule: a page's head is made
// from their table, its body is written by hand, and a test holds both.
package docs

import (
	"embed"
	"strings"
)

//go:embed findings/*.md
var findings embed.FS

//go:embed kpi/*.md
var kpis embed.FS

// Finding returns the page of a finding as Markdown; ok is false when there is none.
func Finding(id string) (page string, ok bool) {
	b, err := findings.ReadFile("findings/" + id + ".md")
	return string(b), err == nil
}

// KPI returns the page of a measure as Markdown, by the name of its page: quantiles of one distribution share one; ok
// is false when there is none.
func KPI(page string) (text string, ok bool) {
	b, err := kpis.ReadFile("kpi/" + page + ".md")
	return string(b), err == nil
}

// Body returns a page without its head: from the first section on.
func Body(page string) string {
	if i := strings.Index(page, "\n## "); i >= 0 {
		return page[i+1:]
	}
	return ""
}
