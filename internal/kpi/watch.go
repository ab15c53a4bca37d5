package kpi

import (
	"fmt"
	"math"
	"strings"
	"time"

	"sipcause/internal/finding"
	"sipcause/internal/route"
)

// Watch is a measure that is followed for trouble.
type Watch struct {
	Measure string
	Worse   int // -1: below normal is trouble, 1: above it, 0: both
	ID      finding.ID
	Delay   int64 // minutes after which most of what began in a minute has come to the end that the measure counts
	Routes  bool  // of each busy route, too
}

// watches is the table of what is followed.
var watches = [...]Watch{
	{"asr", -1, "kpi.asr-drop", 5, true},
	{"pdd_p95", 1, "kpi.slow-setup", 2, true},
	{"short_calls", 1, "kpi.short-calls", 15, true},
	{"acd", -1, "kpi.short-calls", 60, false},
	{"calls", 0, "kpi.spike", 1, true},
	{"code_share", 1, "kpi.spike", 1, false},
	{"isa", 1, "kpi.spike", 2, true},
	{"registrations", 1, "kpi.spike", 1, false},
	{"ira", 1, "kpi.spike", 2, false},
	{"challenges", 1, "kpi.spike", 1, false},
	{"retransmission_rate", 1, "kpi.spike", 2, false},
	{"loss", 1, "kpi.spike", 15, true},
}

// Watches returns the measures that are followed, in the order of the table.
func Watches() []Watch { return watches[:] }

// Trouble says whether a judgement of the watch's measure is trouble.
func (w *Watch) Trouble(j *Judgement) bool {
	return j.Off != 0 && (w.Worse == 0 || j.Off == w.Worse)
}

// maxExamples bounds the calls that a finding names.
const maxExamples = 5

// Report makes the finding of a series that is off: which, since when, what carries it. examples are Call-IDs of calls in
// it. zone is that of the times of day; nil: UTC.
func (w *Watch) Report(k Key, j *Judgement, carriers []Carrier, examples []string, zone *time.Location) finding.Finding {
	if zone == nil {
		zone = time.UTC
	}
	m, _ := MeasureOf(w.Measure)
	title, unit := w.Measure, ""
	if m != nil {
		title, unit = m.Title, m.Unit
	}
	var b strings.Builder
	b.WriteString(title)
	if k.Label != "" {
		fmt.Fprintf(&b, " (%s)", k.Label)
	}
	if who := routeWords(k.Route); who != "" {
		b.WriteString(" " + who)
	}
	verb := "rose above"
	if j.Off < 0 {
		verb = "fell below"
	}
	fmt.Fprintf(&b, " %s its normal %s to %s: %s since %s.", verb,
		quantity(j.Band.Low, ""), quantity(j.Band.High, unit), quantity(j.Value, unit), time.Unix(j.Since*60, 0).In(zone).Format("15:04 MST"))
	for i := range carriers[:min(len(carriers), 3)] {
		b.WriteString(" " + carriers[i].words())
	}
	if len(carriers) == 0 {
		b.WriteString(" All traffic changed alike: no route, code or number stands out.")
	}
	f := finding.Finding{ID: w.ID, Confidence: confidence(j.Z), Summary: b.String(), Subject: k.Route, Evidence: named(examples)}
	if d, ok := finding.Lookup(w.ID); ok {
		f.Severity, f.Acts, f.Refs = d.Severity, d.Acts, d.Refs
	}
	return f
}

// named is the evidence that calls given as examples are.
func named(examples []string) (list []finding.Evidence) {
	for _, id := range examples[:min(len(examples), maxExamples)] {
		list = append(list, finding.Evidence{Note: "for example " + id})
	}
	return list
}

// confidence grows from 0.8 at the threshold to 0.99.
func confidence(z float64) float64 {
	return min(0.99, 0.8+0.02*(math.Abs(z)-offZ))
}

// routeWords says which traffic a key stands for.
func routeWords(key string) string {
	switch name, dir := route.SplitKey(key); dir {
	case "in":
		return "from " + name
	case "out":
		return "to " + name
	}
	return ""
}

func quantity(v float64, unit string) string {
	digits := 0
	if math.Abs(v) < 10 {
		digits = 1
	}
	return strings.TrimSpace(fmt.Sprintf("%.*f %s", digits, v, unit))
}

// words says what a carrier is.
func (c *Carrier) words() string {
	share := quantity(100*min(c.Share, 1), "%")
	what := c.Dimension + " " + c.Value
	if who := routeWords(c.Value); c.Dimension == "route" && who != "" {
		what = "what goes " + who
		if strings.HasPrefix(who, "from") {
			what = "what comes " + who
		}
	}
	switch c.How {
	case ByMix:
		return fmt.Sprintf("%s carries %s of it by its part of the traffic, not by what it does.", upper(what), share)
	case ByRate:
		return fmt.Sprintf("%s carries %s of it: %d of %d before, %d of %d since.", upper(what), share, c.Before.Hits, c.Before.Of, c.After.Hits, c.After.Of)
	}
	return fmt.Sprintf("%s carries %s of it: %d before, %d since.", upper(what), share, c.Before.Of, c.After.Of)
}

func upper(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}
