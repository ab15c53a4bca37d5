package compare

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"sipcause/code"
	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/histogram"
)

// When two shares are said to differ: populations of at least MinPopulation on both sides, and a chance below Significance
// that they are the same (Fisher's exact test, two-sided).
const (
	MinPopulation = 20
	Significance  = 0.001
)

// Judgement says what a difference means.
type Judgement uint8

// Judgements.
const (
	Same    Judgement = iota // no difference that chance does not explain
	Worse                    // on side B
	Better                   // on side B
	Changed                  // neither good nor bad by itself
	TooFew                   // a population below MinPopulation: not judged
)

var judgementNames = [...]string{"same", "worse", "better", "changed", "too-few"}

// String returns the name used in output.
func (j Judgement) String() string { return judgementNames[j] }

// Row is one line of a table: how often something was met on either side.
type Row struct {
	Family    string // the table: "outcome", "code", …
	Kind      call.Kind
	Name      string
	Title     string // what the name means, "" when it needs none
	A, B      Count
	Chance    float64 // that the shares are the same; 1 where it is not judged
	Judgement Judgement
	Excess    float64 // cases of B beyond the share of A; below 0: fewer
}

// Share returns N of Of, 0 when there are none.
func (c *Count) Share() float64 {
	if c.Of == 0 {
		return 0
	}
	return float64(c.N) / float64(c.Of)
}

// Difference returns the share of B less that of A.
func (r *Row) Difference() float64 { return r.B.Share() - r.A.Share() }

// Delay is a distribution of times on one side, in milliseconds; the quantiles mean nothing when N is 0.
type Delay struct {
	N           uint64
	Median, P95 float64
}

// Times compares one delay. Its test is that of shares: how many are slower than the median, or the 95th percentile, of
// either side; Chance is the least of the four.
type Times struct {
	Name, Title string
	Kind        call.Kind
	A, B        Delay
	Chance      float64
	Judgement   Judgement
	Excess      float64
}

// Sighted is a header field or software and in how many messages it was.
type Sighted struct {
	Name     string
	Messages uint64
	Examples []string // Call-IDs
}

// News is what only one side has: New only B, Gone only A.
type News struct{ New, Gone []Sighted }

// Result is the comparison of two sides.
type Result struct {
	A, B  *Tally
	Worse []Worsening // what got worse, by how many cases of B it concerns beyond the share of A
	Few   []call.Kind // kinds of cases that one side has too few of to judge

	Outcomes, Codes, Causes []Row
	Callers, Versions       []Row // failures by product, and product and version, of who asked
	Answerers, Origins      []Row // failures by product and version, and by address, of who decided
	Times                   []Times
	Headers, Agents         News
	UnlistedA, UnlistedB    uint64 // counted under names that found no room
}

// Worsening is one row or delay that got worse; the other is nil.
type Worsening struct {
	Row   *Row
	Times *Times
}

// weight is how many cases of B it concerns, rounded: what says the same of the same cases is to weigh the same.
func (w *Worsening) weight() float64 {
	if w.Row != nil {
		return math.Round(math.Abs(w.Row.Excess) * 1000)
	}
	return math.Round(math.Abs(w.Times.Excess) * 1000)
}

// good and neutral outcomes; of all others more is worse.
var (
	good    = []string{call.Answered.String()}
	neutral = []string{call.Redirected.String()}
)

// challenges are codes that belong to how requests work.
var challenges = []string{"401", "407"}

// Compare says what differs between two sides. The tallies must not be added to afterwards.
func Compare(a, b *Tally) *Result {
	r := &Result{A: a, B: b}
	r.Outcomes = rows(a, b, "outcome", &a.outcomes, &b.outcomes, shared, func(row *Row) (more, less Judgement) {
		switch {
		case slices.Contains(good, row.Name):
			return Better, Worse
		case slices.Contains(neutral, row.Name):
			return Changed, Changed
		}
		return Worse, Better
	})
	r.Codes = rows(a, b, "code", &a.codes, &b.codes, shared, func(row *Row) (more, less Judgement) {
		n, _ := strconv.Atoi(row.Name)
		row.Title = strings.TrimSpace(code.Phrase(n))
		switch {
		case n == 0:
			row.Title = "no final response"
			return Worse, Better
		case n < 300:
			return Better, Worse
		case n < 400 || slices.Contains(challenges, row.Name):
			return Changed, Changed
		}
		return Worse, Better
	})
	r.Causes = rows(a, b, "cause", &a.causes, &b.causes, shared, func(row *Row) (more, less Judgement) {
		if d, ok := finding.Lookup(finding.ID(row.Name)); ok {
			row.Title = d.Title
		}
		if max(row.A.Severity, row.B.Severity) < finding.Warning {
			return Changed, Changed
		}
		return Worse, Better
	})
	failures := func(*Row) (more, less Judgement) { return Worse, Better }
	r.Callers = rows(a, b, "caller", &a.callers, &b.callers, own, failures)
	r.Versions = rows(a, b, "caller-version", &a.versions, &b.versions, own, failures)
	r.Answerers = rows(a, b, "answerer", &a.answerers, &b.answerers, own, failures)
	r.Origins = rows(a, b, "origin", &a.origins, &b.origins, shared, failures)
	r.times()
	r.Headers, r.Agents = news(&a.headers, &b.headers), news(&a.agents, &b.agents)
	r.UnlistedA, r.UnlistedB = a.unlisted(), b.unlisted()
	r.worse()
	return r
}

func (t *Tally) unlisted() (n uint64) {
	for _, s := range []*shelf{&t.outcomes, &t.codes, &t.causes, &t.callers, &t.versions, &t.answerers, &t.origins, &t.headers, &t.agents} {
		n += s.rest
	}
	return n
}

// Whether the shares of a family are of all ended cases of the kind, or each of a population of its own.
const (
	shared = false
	own    = true
)

// rows pairs the counts of a family and judges them; meaning says what more and less of one mean, and may set its title.
// The rows that differ most come first.
func rows(a, b *Tally, family string, sa, sb *shelf, own bool, meaning func(*Row) (more, less Judgement)) []Row {
	var list []Row
	add := func(k key) {
		row := Row{Family: family, Kind: k.kind, Name: k.name}
		if c := sa.counts[k]; c != nil {
			row.A = *c
		}
		if c := sb.counts[k]; c != nil {
			row.B = *c
		}
		if !own {
			row.A.Of, row.B.Of = a.Ended[k.kind], b.Ended[k.kind]
		}
		row.judge(meaning(&row))
		list = append(list, row)
	}
	for k := range sa.counts {
		add(k)
	}
	for k := range sb.counts {
		if sa.counts[k] == nil {
			add(k)
		}
	}
	slices.SortFunc(list, func(x, y Row) int {
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(math.Abs(y.Excess), math.Abs(x.Excess)),
			cmp.Compare(y.A.N+y.B.N, x.A.N+x.B.N), cmp.Compare(x.Name, y.Name))
	})
	return list
}

func (r *Row) judge(more, less Judgement) {
	r.Excess, r.Chance = r.Difference()*float64(r.B.Of), 1
	if min(r.A.Of, r.B.Of) < MinPopulation {
		r.Judgement = TooFew
		return
	}
	r.Chance = exact(r.A.N, r.A.Of, r.B.N, r.B.Of)
	r.Judgement = judged(r.Chance, r.Excess, more, less)
}

// judged words a difference of so many cases that chance makes with this probability.
func judged(chance, excess float64, more, less Judgement) Judgement {
	switch {
	case chance >= Significance:
		return Same
	case excess > 0:
		return more
	}
	return less
}

// times compares the delays.
func (r *Result) times() {
	for _, d := range []struct {
		name, title string
		kind        call.Kind
		a, b        *histogram.Histogram
	}{
		{"pdd", "time to ringing", call.KindCall, &r.A.pdd, &r.B.pdd},
		{"setup", "time to the answer", call.KindCall, &r.A.setup, &r.B.setup},
		{"rrd", "time of a registration", call.KindRegistration, &r.A.rrd, &r.B.rrd},
	} {
		if d.a.N()+d.b.N() == 0 {
			continue
		}
		t := Times{Name: d.name, Title: d.title, Kind: d.kind, A: delay(d.a), B: delay(d.b), Chance: 1}
		t.judge(d.a, d.b)
		r.Times = append(r.Times, t)
	}
}

func delay(h *histogram.Histogram) Delay {
	if h.N() == 0 {
		return Delay{}
	}
	return Delay{h.N(), h.Quantile(0.5), h.Quantile(0.95)}
}

func (t *Times) judge(a, b *histogram.Histogram) {
	if min(t.A.N, t.B.N) < MinPopulation {
		t.Judgement = TooFew
		return
	}
	for _, ms := range []float64{t.A.Median, t.A.P95, t.B.Median, t.B.P95} {
		slowA, slowB := a.Above(ms), b.Above(ms)
		p := exact(slowA, t.A.N, slowB, t.B.N)
		if p >= t.Chance {
			continue
		}
		t.Chance = p
		t.Excess = float64(slowB) - float64(slowA)/float64(t.A.N)*float64(t.B.N)
	}
	t.Judgement = judged(t.Chance, t.Excess, Worse, Better)
}

// news lists what only one side has, most messages first.
func news(a, b *shelf) (n News) {
	only := func(s, other *shelf) (list []Sighted) {
		for k, c := range s.counts {
			if other.counts[k] == nil {
				list = append(list, Sighted{k.name, c.N, c.Examples})
			}
		}
		slices.SortFunc(list, func(x, y Sighted) int {
			return cmp.Or(cmp.Compare(y.Messages, x.Messages), cmp.Compare(x.Name, y.Name))
		})
		return list
	}
	if a.rest == 0 { // else it may have been there
		n.New = only(b, a)
	}
	if b.rest == 0 {
		n.Gone = only(a, b)
	}
	return n
}

// worse collects what got worse. A product stays out where a version of it says the same and more, and a code of which
// there are fewer: the outcomes say so.
func (r *Result) worse() {
	for _, list := range [][]Row{r.Outcomes, r.Causes, r.Codes, r.Versions, r.Callers, r.Answerers, r.Origins} {
		for i := range list {
			if row := &list[i]; row.Judgement == Worse && !r.said(row) && !(row.Family == "code" && row.Excess < 0) {
				r.Worse = append(r.Worse, Worsening{Row: row})
			}
		}
	}
	for i := range r.Times {
		if r.Times[i].Judgement == Worse {
			r.Worse = append(r.Worse, Worsening{Times: &r.Times[i]})
		}
	}
	slices.SortStableFunc(r.Worse, func(x, y Worsening) int { return cmp.Compare(y.weight(), x.weight()) })
	for k := range kinds {
		if few := min(r.A.Ended[k], r.B.Ended[k]); few < MinPopulation && max(r.A.Ended[k], r.B.Ended[k]) > 0 {
			r.Few = append(r.Few, call.Kind(k))
		}
	}
}

// said says whether row is a product of which a version is in the list of what got worse.
func (r *Result) said(row *Row) bool {
	return row.Family == "caller" && slices.ContainsFunc(r.Worse, func(w Worsening) bool {
		return w.Row.Family == "caller-version" && w.Row.Kind == row.Kind && (w.Row.Name == row.Name || strings.HasPrefix(w.Row.Name, row.Name+" "))
	})
}
