package render

import (
	"fmt"
	"io"
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/cells"
	"sipcause/internal/compare"
	"sipcause/internal/wire"
)

// Rows shown of one table, entries of a list and Call-IDs of a row; how many more there are is said.
const (
	rowsShown     = 15
	newsShown     = 12
	worseShown    = 12
	examplesShown = 2
)

// comparisonReport writes a comparison for people.
type comparisonReport struct {
	text
	r     *compare.Result
	name  int // columns of a row's name
	count int // and of each count
}

// Columns of counts, alone and with a population of their own; of a share, the difference and the judgement.
const (
	countWidth = 9
	ownWidth   = 13
	shareWidth = 9
	restWidth  = 8 + 9
)

func comparisonText(w io.Writer, r *compare.Result, opt Options) error {
	opt.Width = max(opt.Width, 60)
	t := &comparisonReport{r: r, text: text{opt: opt, prose: min(opt.Width, 110)}}
	t.sides()
	t.worse()
	for _, f := range families {
		t.table(f)
		if f.name == "causes" {
			t.times()
		}
	}
	t.news("HEADER FIELDS", &r.Headers)
	t.news("USER AGENTS AND SERVERS", &r.Agents)
	t.bounds()
	_, err := io.WriteString(w, strings.Join(t.lines, "\n")+"\n")
	return err
}

func (t *comparisonReport) sides() {
	for i, s := range []*compare.Tally{t.r.A, t.r.B} {
		t.item(0, cells.Pad("Side "+string(rune('A'+i)), 15), bold, filesText(s.Files))
		for _, l := range sideLines(s, t.opt) {
			t.item(15, "", normal, l)
		}
	}
	t.item(0, cells.Pad("Judged", 15), bold, judgedText())
}

// sideLines says how much one side is, from when, and whether something is missing.
func sideLines(s *compare.Tally, opt Options) (lines []string) {
	var parts []string
	for k, n := range s.Cases {
		if n > 0 {
			parts = append(parts, count(n, call.Kind(k).String()))
		}
	}
	if parts == nil {
		parts = []string{"no call, registration or transaction"}
	}
	lines = append(lines, strings.Join(parts, ", "))
	if s.First != 0 {
		lines = append(lines, spanText(s, opt))
	}
	if s.Gaps > 0 {
		lines = append(lines, fmt.Sprintf("something is missing of the capture in %s: see sipcause analyze", count(uint64(s.Gaps), "place")))
	}
	return lines
}

func judgedText() string {
	return fmt.Sprintf(
		"a share is said to differ where both populations have %d cases or more and chance makes such a difference in fewer than 1 of %.0f comparisons (Fisher's exact test, two-sided)",
		compare.MinPopulation, 1/compare.Significance)
}

// fewTexts names the kinds of cases that are not judged.
func fewTexts(r *compare.Result) (texts []string) {
	for _, k := range r.Few {
		texts = append(texts, fmt.Sprintf("Not judged: %ss, %s in A and %s in B have an end.", k, thousands(r.A.Ended[k]), thousands(r.B.Ended[k])))
	}
	return texts
}

func spanText(s *compare.Tally, opt Options) string {
	if s.First.Ordinal() {
		return "times not known"
	}
	span := fmt.Sprintf("%s to %s", date(s.First, opt.Zone), moment(s.Last, s.First, opt.Zone))
	if p := s.Period; p != (compare.Period{}) {
		span += fmt.Sprintf("; what began %s", periodText(p, opt))
	}
	return span
}

func periodText(p compare.Period, opt Options) string {
	at := func(t wire.Time) string { return t.Std().In(opt.Zone).Format("2006-01-02 15:04:05") }
	switch {
	case p.From == 0:
		return "before " + at(p.Until)
	case p.Until == 0:
		return "from " + at(p.From) + " on"
	}
	return "from " + at(p.From) + " until before " + at(p.Until)
}

// worse writes the first lines: what got worse, most cases first.
func (t *comparisonReport) worse() {
	t.heading("WHAT GOT WORSE, from A to B")
	if len(t.r.Worse) == 0 {
		t.item(2, "", normal, "Nothing that these populations prove.")
	}
	for i := range t.r.Worse {
		if i == worseShown && !t.opt.All {
			t.line(fmt.Sprintf("  and %d more, marked worse below", len(t.r.Worse)-i))
			break
		}
		t.item(2, fmt.Sprintf("%d. ", i+1), red, worseText(&t.r.Worse[i]))
	}
	for _, l := range fewTexts(t.r) {
		t.item(2, "", yellow, l)
	}
}

func worseText(w *compare.Worsening) string {
	if w.Row != nil {
		return worseRow(w.Row)
	}
	return worseTimes(w.Times)
}

// worseWords say what a row of each family is about; the verb phrases have the share of the row.
var worseWords = map[string]string{
	"outcome": "%ss %s", "code": "%ss that end with %s", "cause": "%ss with root cause %s", "caller": "failed %ss of %s",
	"caller-version": "failed %ss of %s", "answerer": "failed %ss decided by %s", "origin": "%ss that fail at %s",
}

func worseRow(r *compare.Row) string {
	name := r.Name
	if r.Title != "" {
		name += " (" + r.Title + ")"
		if r.Family == "code" {
			name = strings.TrimPrefix(r.Name+" "+r.Title, "none ")
		}
	}
	s := fmt.Sprintf(worseWords[r.Family], r.Kind, name) + fmt.Sprintf(": %s of %s, then %s of %s (%s)",
		percent(r.A.Share()), thousands(r.A.Of), percent(r.B.Share()), thousands(r.B.Of), points(r.Difference()))
	if len(r.B.Examples) > 0 && r.Judgement == compare.Worse && r.Excess > 0 {
		s += ", as " + r.B.Examples[0]
	}
	return s
}

func worseTimes(x *compare.Times) string {
	return fmt.Sprintf("%s (%s): median %s, then %s; 95 of 100 within %s, then %s (of %s and %s)", x.Title, x.Name,
		milliseconds(x.A.Median), milliseconds(x.B.Median), milliseconds(x.A.P95), milliseconds(x.B.P95), thousands(x.A.N), thousands(x.B.N))
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

func points(diff float64) string { return fmt.Sprintf("%+.1f", 100*diff) }

// table writes the rows of one family, a part for each kind of case.
func (t *comparisonReport) table(f family) {
	rows := f.rows(t.r)
	if len(rows) == 0 {
		return
	}
	t.heading(f.heading)
	if t.count = countWidth; ownPopulation(&rows[0]) {
		t.count = ownWidth
	}
	side := t.count + shareWidth
	t.name = max(min(t.opt.Width, 132)-2-2*side-restWidth, 0)
	t.line("  ", t.paint(dim, cells.Pad("", t.name)+fmt.Sprintf("%*s%*s%8s", side, "A", side, "B", "change")))
	kind, shown, left := call.Kind(255), 0, 0
	more := func() {
		if left > 0 {
			t.line(fmt.Sprintf("  and %d more", left))
		}
	}
	for i := range rows {
		row := &rows[i]
		if row.Kind != kind {
			more()
			kind, shown, left = row.Kind, 0, 0
			t.line(strings.TrimRight("  "+t.paint(bold, cells.Pad(row.Kind.String()+"s", t.name))+t.populations(row), " "))
		}
		if shown >= rowsShown && !t.opt.All {
			left++
			continue
		}
		shown++
		t.row(row, f.name == "causes")
	}
	more()
}

// populations writes those of a kind whose rows share them.
func (t *comparisonReport) populations(r *compare.Row) string {
	if ownPopulation(r) {
		return ""
	}
	side := t.count + shareWidth
	return fmt.Sprintf("%*s%*s", side, "of "+thousands(r.A.Of), side, "of "+thousands(r.B.Of))
}

// ownPopulation says whether each row of the family has a population of its own.
func ownPopulation(r *compare.Row) bool {
	return r.Family == "caller" || r.Family == "caller-version" || r.Family == "answerer"
}

var judgementText = map[compare.Judgement]string{compare.Worse: "worse", compare.Better: "better", compare.Changed: "changed", compare.TooFew: "few"}

var judgementStyle = map[compare.Judgement]style{compare.Worse: red, compare.Better: green, compare.Changed: yellow, compare.TooFew: dim}

func (t *comparisonReport) row(r *compare.Row, examples bool) {
	name := cells.Visible(r.Name)
	if r.Title != "" && r.Family == "code" {
		name = strings.TrimPrefix(cells.Visible(r.Name+" "+r.Title), "none ")
	}
	side := func(c *compare.Count) string {
		n := thousands(c.N)
		if ownPopulation(r) {
			n += "/" + thousands(c.Of)
		}
		if c.Of == 0 {
			return fmt.Sprintf("%*s%*s", t.count, "-", shareWidth, "")
		}
		return fmt.Sprintf("%*s%*s", t.count, n, shareWidth, percent(c.Share()))
	}
	change := ""
	if r.A.Of > 0 && r.B.Of > 0 {
		change = points(r.Difference())
	}
	if cells.Width(name) > t.name { // on a line of its own
		t.line("  ", cells.Clip(name, t.opt.Width-2))
		name = ""
	}
	t.line(strings.TrimRight("  "+cells.Pad(name, t.name)+side(&r.A)+side(&r.B)+fmt.Sprintf("%8s", change)+"  "+t.paint(judgementStyle[r.Judgement], judgementText[r.Judgement]), " "))
	if !examples {
		return
	}
	for _, s := range []struct {
		label string
		c     *compare.Count
	}{{"A: ", &r.A}, {"B: ", &r.B}} {
		if n := min(len(s.c.Examples), examplesShown); n > 0 {
			t.list(4, s.label, dim, ",", s.c.Examples[:n])
		}
	}
}

func (t *comparisonReport) times() {
	if len(t.r.Times) == 0 {
		return
	}
	t.heading("TIMES: median, 95th percentile (of so many)")
	for i := range t.r.Times {
		x := &t.r.Times[i]
		t.line(strings.TrimRight(fmt.Sprintf("  %-22s A %-20s B %-20s ", x.Title, quantilesText(x.A), quantilesText(x.B))+t.paint(judgementStyle[x.Judgement], judgementText[x.Judgement]), " "))
	}
}

func quantilesText(d compare.Delay) string {
	if d.N == 0 {
		return "none"
	}
	return fmt.Sprintf("%s, %s (%s)", milliseconds(d.Median), milliseconds(d.P95), thousands(d.N))
}

// news lists what only one side has.
func (t *comparisonReport) news(what string, n *compare.News) {
	if len(n.New)+len(n.Gone) == 0 {
		return
	}
	t.heading(what + " that only one side has")
	t.line(t.paint(dim, fmt.Sprintf("  in so many messages, of %s in A and %s in B", thousands(t.r.A.Messages), thousands(t.r.B.Messages))))
	for _, s := range []struct {
		label string
		list  []compare.Sighted
	}{{"new   ", n.New}, {"gone  ", n.Gone}} {
		for i, h := range s.list {
			if i == newsShown && !t.opt.All {
				t.line(fmt.Sprintf("  %sand %d more", s.label, len(s.list)-i))
				break
			}
			t.item(2, s.label, normal, h.Name+" ×"+thousands(h.Messages))
		}
	}
}

// bounds says what was counted in no row.
func (t *comparisonReport) bounds() {
	if l := unlistedText(t.r); l != "" {
		t.line("")
		t.item(2, "", yellow, l)
	}
}

func unlistedText(r *compare.Result) string {
	if r.UnlistedA+r.UnlistedB == 0 {
		return ""
	}
	return fmt.Sprintf("A limit of memory was reached: %s on side A and %s on side B are counted under no name; what is new or gone is then not said of that family.", thousands(r.UnlistedA), thousands(r.UnlistedB))
}
