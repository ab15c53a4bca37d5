package render

import (
	"fmt"
	"io"
	"strings"

	"sipcause/internal/cells"
	"sipcause/internal/compare"
)

// comparisonPage is what the page of a comparison shows. All texts have passed visible.
type comparisonPage struct {
	Title, Judged, Bounds string
	Sides, Worse, Few     []string
	Tables                []pageTable
	Times                 []pageRow
	News                  []pageNews
}

type pageTable struct {
	Heading string
	Rows    []pageRow
}

type pageRow struct{ Kind, Name, Title, A, B, Change, Judgement, Class, Examples string }

type pageNews struct {
	Heading   string
	New, Gone []pageSighted
}

type pageSighted struct{ Name, N string }

var judgementClass = map[compare.Judgement]string{compare.Worse: "error", compare.Better: "ok", compare.Changed: "warning", compare.TooFew: "open", compare.Same: "open"}

// comparisonHTML writes one self-contained page without a script: every row of every table.
func comparisonHTML(w io.Writer, r *compare.Result, opt Options) error {
	p := comparisonPage{
		Title: cells.Visible(filesText(r.A.Files)), Judged: "Judged: " + judgedText(),
		Few: fewTexts(r), Bounds: unlistedText(r),
	}
	if filesText(r.A.Files) != filesText(r.B.Files) {
		p.Title += " against " + cells.Visible(filesText(r.B.Files))
	}
	for i, s := range []*compare.Tally{r.A, r.B} {
		p.Sides = append(p.Sides, "Side "+string(rune('A'+i))+": "+strings.Join(sideLines(s, opt), "; "))
	}
	for i := range r.Worse {
		p.Worse = append(p.Worse, cells.Visible(worseText(&r.Worse[i])))
	}
	for _, f := range families {
		if rows := f.rows(r); len(rows) > 0 {
			p.Tables = append(p.Tables, pageTable{f.heading, pageRows(rows)})
		}
	}
	for i := range r.Times {
		t := &r.Times[i]
		p.Times = append(p.Times, pageRow{Name: t.Title, A: quantilesText(t.A), B: quantilesText(t.B), Judgement: judgementText[t.Judgement], Class: judgementClass[t.Judgement]})
	}
	for _, n := range []struct {
		heading string
		*compare.News
	}{{"Header fields that only one side has (messages)", &r.Headers}, {"User agents and servers that only one side has (messages)", &r.Agents}} {
		if len(n.New)+len(n.Gone) > 0 {
			p.News = append(p.News, pageNews{n.heading, pageSightings(n.New), pageSightings(n.Gone)})
		}
	}
	if _, err := io.WriteString(w, parts().head); err != nil {
		return err
	}
	if err := parts().ExecuteTemplate(w, "compare.tmpl", p); err != nil {
		return fmt.Errorf("render comparison as html: %w", err)
	}
	return nil
}

func pageRows(rows []compare.Row) (list []pageRow) {
	for i := range rows {
		r := &rows[i]
		row := pageRow{
			Kind: r.Kind.String(), Name: cells.Visible(r.Name), Title: cells.Visible(r.Title), A: pageCount(&r.A), B: pageCount(&r.B),
			Judgement: judgementText[r.Judgement], Class: judgementClass[r.Judgement],
		}
		if r.A.Of > 0 && r.B.Of > 0 {
			row.Change = points(r.Difference())
		}
		var examples []string
		for side, c := range []*compare.Count{&r.A, &r.B} {
			if n := min(len(c.Examples), examplesShown); n > 0 && r.Judgement != compare.Same {
				examples = append(examples, string(rune('A'+side))+": "+strings.Join(c.Examples[:n], ", "))
			}
		}
		row.Examples = cells.Visible(strings.Join(examples, " "))
		list = append(list, row)
	}
	return list
}

func pageCount(c *compare.Count) string {
	if c.Of == 0 {
		return "-"
	}
	return fmt.Sprintf("%s of %s, %s", thousands(c.N), thousands(c.Of), percent(c.Share()))
}

func pageSightings(list []compare.Sighted) (out []pageSighted) {
	for _, s := range list {
		out = append(out, pageSighted{cells.Visible(s.Name), thousands(s.Messages)})
	}
	return out
}
