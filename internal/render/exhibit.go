package render

import (
	"strings"

	"sipcause/internal/anatomy"
	"sipcause/internal/cells"
	"sipcause/internal/finding"
	"sipcause/internal/view"
)

// exhibit is a table that says what a call was made of, as people are shown it: the same in text, markdown and html.
// Its texts have not passed visible.
type exhibit struct {
	Label string // of the first of its kind, else ""
	Title string
	Heads []string // of the columns
	Rows  [][]string
	Notes []string
}

// What findings begin with whose case is better understood beside offers and answers, rounds of authentication, and
// signatures. Other cases are not read for these: most messages of a capture would be parsed once more.
var (
	offerTopics    = []string{"media.", "nat.", "dialog.reinvite-"}
	authTopics     = []string{"auth."}
	identityTopics = []string{"identity."}
)

// exhibits returns the tables of a case: every fork; offers and answers, rounds of authentication, and signatures, when
// the root cause or another finding above info is about them; what was lost or rewritten between capture points. All of them
// when all is asked for.
func exhibits(c *view.Case, opt Options) (list []exhibit) {
	forks := anatomy.Forks(c.Call)
	for i := range forks {
		list = append(list, forkExhibit(c.Call, &forks[i], opt))
	}
	if opt.All || about(c.Verdict, offerTopics...) {
		var o anatomy.Offers
		list = append(list, offerExhibits(c.Call, o.Of(c.Call), opt)...)
	}
	if opt.All || about(c.Verdict, authTopics...) {
		list = append(list, roundExhibits(c.Call, anatomy.Rounds(c.Call), digestsOf(c), opt)...)
	}
	if opt.All || about(c.Verdict, identityTopics...) {
		list = append(list, identityExhibits(c.Call, anatomy.Identities(c.Call, opt.Certs), opt)...)
	}
	list = append(list, pointExhibits(c.Call, opt)...)
	last := ""
	for i := range list {
		if list[i].Label == last {
			list[i].Label = ""
		} else {
			last = list[i].Label
		}
	}
	return list
}

// about says whether the root cause or another finding above info has an ID that begins so.
func about(v *finding.Verdict, prefixes ...string) bool {
	if v == nil {
		return false
	}
	for i := range v.Findings {
		f := &v.Findings[i]
		for _, p := range prefixes {
			if strings.HasPrefix(string(f.ID), p) && (f.Severity > finding.Info || isRoot(v, f)) {
				return true
			}
		}
	}
	return false
}

// exhibits writes tables.
func (r *text) exhibits(list []exhibit) {
	for _, x := range list {
		r.field(strings.ToUpper(x.Label), bold, x.Title)
		r.columns(2+labelWidth, x.Heads, x.Rows)
		for _, n := range x.Notes {
			r.item(2+labelWidth, "! ", yellow, n)
		}
	}
}

const columnGap = 2

// columns writes a table whose columns take as much as they need, the widest less where there is not room for all.
func (r *text) columns(indent int, heads []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	all := append([][]string{heads}, rows...)
	widths, words := make([]int, len(heads)), make([]int, len(heads))
	for _, row := range all {
		for i, s := range row {
			s = cells.Visible(s)
			widths[i] = max(widths[i], cells.Width(s))
			for _, w := range strings.Fields(s) {
				words[i] = max(words[i], cells.Width(w))
			}
		}
	}
	fitColumns(widths, words, r.prose-indent)
	for n, row := range all {
		st := normal
		if n == 0 {
			st = dim
		}
		r.columnRow(indent, st, widths, row)
	}
}

// columnRow writes one row of a table, each cell wrapped in its column.
func (r *text) columnRow(indent int, st style, widths []int, row []string) {
	parts := make([][]string, len(row))
	height := 0
	for i, s := range row {
		parts[i] = cells.Wrap(strings.Fields(cells.Visible(s)), widths[i])
		height = max(height, len(parts[i]))
	}
	for k := range height {
		line := ""
		for i := range row {
			cell := ""
			if k < len(parts[i]) {
				cell = parts[i][k]
			}
			line += cells.Pad(cell, widths[i]+columnGap)
		}
		if line = strings.TrimRight(line, " "); line != "" {
			r.line(strings.Repeat(" ", indent), r.paint(st, line))
		}
	}
}

// fitColumns takes from the widest columns until all fit into room cells; words are broken only when nothing else
// gives way.
func fitColumns(widths, words []int, room int) {
	room -= columnGap * (len(widths) - 1)
	sum := 0
	for _, w := range widths {
		sum += w
	}
	for ; sum > room; sum-- {
		at := -1
		for i, w := range widths {
			if w > words[i] && (at < 0 || w > widths[at]) {
				at = i
			}
		}
		for i, w := range widths {
			if at < 0 || widths[at] <= words[at] && w > widths[at] {
				at = i
			}
		}
		if widths[at] <= 1 {
			return
		}
		widths[at]--
	}
}

// exhibits writes tables.
func (r *markdown) exhibits(list []exhibit) {
	for _, x := range list {
		r.para(x.Label, x.Title)
		if len(x.Rows) > 0 {
			rows := make([][]string, len(x.Rows))
			for i, row := range x.Rows {
				for _, s := range row {
					rows[i] = append(rows[i], markdownText(s))
				}
			}
			heads := make([]string, len(x.Heads))
			for i, h := range x.Heads {
				heads[i] = markdownText(h)
			}
			r.rows(heads, strings.Repeat("l", len(heads)), rows)
		}
		for _, n := range x.Notes {
			r.item("", n)
		}
		if len(x.Notes) > 0 {
			r.out.WriteByte('\n')
		}
	}
}

// visibleExhibits makes all texts of tables visible.
func visibleExhibits(list []exhibit) []exhibit {
	for i := range list {
		x := &list[i]
		x.Title, x.Heads, x.Notes = cells.Visible(x.Title), visibles(x.Heads), visibles(x.Notes)
		for k := range x.Rows {
			x.Rows[k] = visibles(x.Rows[k])
		}
	}
	return list
}

// hasFork says whether the tables show a fork: it lists the targets tried.
func hasFork(list []exhibit) bool { return len(list) > 0 && list[0].Label == forkLabel }

const forkLabel = "Fork"
