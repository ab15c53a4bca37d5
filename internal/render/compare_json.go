package render

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/compare"
)

// comparisonSchema is the value of "schema" of a comparison: fields are added to it, never renamed.
const comparisonSchema = "sipcause.compare/v1"

// comparison encodes a comparison.
type comparison struct{ encoder }

func comparisonJSON(w io.Writer, r *compare.Result, _ Options) error {
	var e comparison
	e.raw(`{`)
	e.text("schema", comparisonSchema)
	e.side("a", r.A, r.UnlistedA)
	e.side("b", r.B, r.UnlistedB)
	e.key("judged")
	e.raw("{")
	e.text("test", "Fisher's exact test, two-sided")
	e.uint("min_population", compare.MinPopulation)
	e.float("max_chance", compare.Significance)
	e.raw("}")
	each(&e.encoder, "worse", r.Worse, func(x *compare.Worsening) {
		if x.Row != nil {
			e.row(x.Row)
		} else {
			e.times(x.Times)
		}
	})
	var few []string
	for _, k := range r.Few {
		few = append(few, k.String())
	}
	e.texts("not_judged", few)
	for _, f := range families {
		e.key(f.name)
		e.raw("[")
		rows := f.rows(r)
		for i := range rows {
			e.next()
			e.row(&rows[i])
		}
		e.raw("]")
	}
	each(&e.encoder, "times", r.Times, e.times)
	e.news("headers", &r.Headers)
	e.news("agents", &r.Agents)
	e.raw("}\n")
	return e.flush(w)
}

func (e *comparison) side(name string, t *compare.Tally, unlisted uint64) {
	e.key(name)
	e.raw("{")
	e.texts("files", t.Files)
	if t.Period == (compare.Period{}) {
		e.null("period")
	} else {
		e.key("period")
		e.raw("{")
		e.time("from", t.Period.From)
		e.time("until", t.Period.Until)
		e.raw("}")
	}
	e.time("first", t.First)
	e.time("last", t.Last)
	for k := range t.Cases {
		e.key(call.Kind(k).String() + "s")
		e.raw("{")
		e.uint("cases", t.Cases[k])
		e.uint("ended", t.Ended[k])
		e.raw("}")
	}
	e.uint("messages", t.Messages)
	e.uint("gaps", uint64(t.Gaps))
	e.uint("unlisted", unlisted)
	e.raw("}")
}

func (e *comparison) row(r *compare.Row) {
	e.raw("{")
	e.text("family", r.Family)
	e.text("kind", r.Kind.String())
	e.text("name", r.Name)
	e.textOrNull("title", r.Title)
	e.count("a", &r.A)
	e.count("b", &r.B)
	if r.A.Of == 0 || r.B.Of == 0 {
		e.null("difference")
	} else {
		e.float("difference", r.Difference())
	}
	e.judgement(r.Judgement, r.Chance, r.Excess)
	e.raw("}")
}

func (e *comparison) count(name string, c *compare.Count) {
	e.key(name)
	e.raw("{")
	e.uint("n", c.N)
	e.uint("of", c.Of)
	if c.Of == 0 {
		e.null("share")
	} else {
		e.float("share", c.Share())
	}
	e.texts("examples", c.Examples)
	e.raw("}")
}

// judgement writes the chance only where there was a test; it may be too small for a decimal fraction.
func (e *comparison) judgement(j compare.Judgement, chance, excess float64) {
	if j == compare.TooFew {
		e.null("chance")
	} else {
		e.key("chance")
		e.buf = strconv.AppendFloat(e.buf, chance, 'g', 6, 64)
	}
	e.text("judgement", j.String())
	e.float("excess", excess)
}

func (e *comparison) times(t *compare.Times) {
	e.raw("{")
	e.text("family", "time")
	e.text("kind", t.Kind.String())
	e.text("name", t.Name)
	e.textOrNull("title", t.Title)
	e.delay("a", &t.A)
	e.delay("b", &t.B)
	e.judgement(t.Judgement, t.Chance, t.Excess)
	e.raw("}")
}

func (e *comparison) delay(name string, d *compare.Delay) {
	e.key(name)
	e.raw("{")
	e.uint("n", d.N)
	if d.N == 0 {
		e.null("median_ms")
		e.null("p95_ms")
	} else {
		e.float("median_ms", d.Median)
		e.float("p95_ms", d.P95)
	}
	e.raw("}")
}

func (e *comparison) news(name string, n *compare.News) {
	e.key(name)
	e.raw("{")
	for _, s := range []struct {
		name string
		list []compare.Sighted
	}{{"new", n.New}, {"gone", n.Gone}} {
		each(&e.encoder, s.name, s.list, func(x *compare.Sighted) {
			e.raw("{")
			e.text("name", x.Name)
			e.uint("messages", x.Messages)
			e.texts("examples", x.Examples)
			e.raw("}")
		})
	}
	e.raw("}")
}

// comparisonCSV writes one row per thing compared; unknown is an empty field.
func comparisonCSV(w io.Writer, r *compare.Result, _ Options) error {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	write := func(fields ...string) {
		for i := range fields {
			fields[i] = neutral(fields[i])
		}
		_ = c.Write(fields) // the writer keeps its first error
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
	share := func(x *compare.Count) string {
		if x.Of == 0 {
			return ""
		}
		return number(x.Share())
	}
	write("family", "kind", "name", "title", "a", "a_of", "a_share", "b", "b_of", "b_share", "judgement", "chance", "a_examples", "b_examples", "a_p95_ms", "b_p95_ms")
	for _, f := range families {
		for _, row := range f.rows(r) {
			write(row.Family, row.Kind.String(), row.Name, row.Title, fmt.Sprint(row.A.N), fmt.Sprint(row.A.Of), share(&row.A), fmt.Sprint(row.B.N), fmt.Sprint(row.B.Of), share(&row.B),
				row.Judgement.String(), number(row.Chance), strings.Join(row.A.Examples, " "), strings.Join(row.B.Examples, " "), "", "")
		}
	}
	for i := range r.Times {
		t := &r.Times[i]
		median := func(d *compare.Delay, v float64) string {
			if d.N == 0 {
				return ""
			}
			return number(v)
		}
		write("time", t.Kind.String(), t.Name, t.Title, median(&t.A, t.A.Median), fmt.Sprint(t.A.N), "", median(&t.B, t.B.Median), fmt.Sprint(t.B.N), "",
			t.Judgement.String(), number(t.Chance), "", "", median(&t.A, t.A.P95), median(&t.B, t.B.P95))
	}
	for _, n := range []struct {
		family string
		list   []compare.Sighted
		b      bool
	}{{"header-new", r.Headers.New, true}, {"header-gone", r.Headers.Gone, false}, {"agent-new", r.Agents.New, true}, {"agent-gone", r.Agents.Gone, false}} {
		for _, s := range n.list {
			counts := [2]uint64{s.Messages, 0}
			examples := [2]string{strings.Join(s.Examples, " "), ""}
			if n.b {
				counts[0], counts[1], examples[0], examples[1] = 0, s.Messages, "", examples[0]
			}
			write(n.family, "", s.Name, "", fmt.Sprint(counts[0]), fmt.Sprint(r.A.Messages), "", fmt.Sprint(counts[1]), fmt.Sprint(r.B.Messages), "", "", "", examples[0], examples[1], "", "")
		}
	}
	c.Flush()
	return c.Error()
}
