package accuracy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// tally counts scores.
type tally struct {
	cases, clean, excess       int // clean: cases of which nothing above info may be said; excess: of which it was
	right, wrong, honest       int // of the others, by cause
	origins, originRight       int
	originWrong                int
	outcomeWrong, suspectWrong int
	outcomesSaid, suspectsSaid int
	confident                  int // wrong with more confidence than a text trace may have
}

func (t *tally) add(sc *score) {
	t.cases++
	switch {
	case sc.label.clean():
		t.clean++
		if sc.cause != right {
			t.excess++
		}
	case sc.cause == right:
		t.right++
	case sc.cause == wrong:
		t.wrong++
		if sc.sure > textSure {
			t.confident++
		}
	default:
		t.honest++
	}
	count := func(m mark, n, w *int) {
		if m != unsaid {
			*n++
		}
		if m == wrong {
			*w++
		}
	}
	count(sc.origin, &t.origins, &t.originWrong)
	if sc.origin == right {
		t.originRight++
	}
	count(sc.outcome, &t.outcomesSaid, &t.outcomeWrong)
	count(sc.suspect, &t.suspectsSaid, &t.suspectWrong)
}

// failing is how many cases have a cause to be found.
func (t *tally) failing() int { return t.right + t.wrong + t.honest }

func percent(n, of int) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(of))
}

// table writes one row per group, and their sum.
func table(b *strings.Builder, title string, scores []score, group func(*label) string) {
	rows, sum := map[string]*tally{}, &tally{}
	for i := range scores {
		g := group(scores[i].label)
		if rows[g] == nil {
			rows[g] = &tally{}
		}
		rows[g].add(&scores[i])
		sum.add(&scores[i])
	}
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, title+"\tcauses\tright\twrong\tunknown\tright\torigins\tright\twrong\tright\toutcomes wrong\tsuspects wrong\thealthy\tnot clean\t")
	row := func(name string, t *tally) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%s\t%d\t%d\t%d\t%s\t%d of %d\t%d of %d\t%d\t%d\t\n", name,
			t.failing(), t.right, t.wrong, t.honest, percent(t.right, t.failing()),
			t.origins, t.originRight, t.originWrong, percent(t.originRight, t.origins),
			t.outcomeWrong, t.outcomesSaid, t.suspectWrong, t.suspectsSaid, t.clean, t.excess)
	}
	for _, g := range slices.Sorted(maps.Keys(rows)) {
		row(g, rows[g])
	}
	row("all", sum)
	w.Flush()
	b.WriteByte('\n')
}

// misses writes every miss with what was wanted and said.
func misses(b *strings.Builder, scores []score) {
	for i := range scores {
		sc := &scores[i]
		l := sc.label
		if !sc.missed() {
			continue
		}
		fmt.Fprintf(b, "%s (%s)\n", l.name, l.where)
		for _, m := range []struct {
			what string
			mark mark
		}{{"cause", sc.cause}, {"origin", sc.origin}, {"outcome", sc.outcome}, {"suspect", sc.suspect}} {
			if m.mark == wrong || m.mark == honest {
				fmt.Fprintf(b, "  %s %s", m.what, markNames[m.mark])
			}
		}
		want := strings.Join(l.causes, "|")
		for _, x := range [][2]string{{"", l.outcome}, {"origin ", l.origin}, {"suspect ", l.suspect}} {
			if x[1] != "" {
				want += ", " + x[0] + x[1]
			}
		}
		if l.code >= 0 {
			want += fmt.Sprintf(", code %d", l.code)
		}
		fmt.Fprintf(b, "\n  wanted %s\n  got    %s\n  truth  %s\n  file   %s, pick %s\n", want, sc.got, cmp.Or(l.why, "in "+l.where), strings.TrimSuffix(l.file+" "+l.flow, " "), l.pick)
	}
}

// part is one of the two parts of the labels.
type part struct {
	name   string
	scores []score
}

func (p *part) report(showMisses bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s: %d cases\n\n", strings.ToUpper(p.name), len(p.scores))
	table(&b, "set", p.scores, func(l *label) string { return l.set })
	table(&b, "topic", p.scores, (*label).topic)
	missed := 0
	for i := range p.scores {
		if p.scores[i].missed() {
			missed++
		}
	}
	if !showMisses {
		fmt.Fprintf(&b, "%d cases missed something; which is not read before the rules are frozen (-unread)\n", missed)
		return b.String()
	}
	fmt.Fprintf(&b, "%d cases missed something\n", missed)
	misses(&b, p.scores)
	return b.String()
}
