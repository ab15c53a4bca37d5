package httpapi

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"sipcause/internal/kpi"
	"sipcause/internal/view"
)

const (
	maxMeasures    = 50
	maxSteps       = 5000 // of one series
	maxRouteFilter = 100
)

type seriesJSON struct {
	Measure string      `json:"measure"`
	Unit    string      `json:"unit"`
	Ref     *string     `json:"ref"`
	Route   *string     `json:"route"`
	Label   *string     `json:"label"`
	Points  []pointJSON `json:"points"`
}

type pointJSON struct {
	At         *string     `json:"at"`
	Value      *float64    `json:"value"`
	Population int64       `json:"population"`
	Refused    *string     `json:"refused,omitempty"`
	Quality    qualityJSON `json:"quality"`
	Expected   *bandJSON   `json:"expected,omitempty"`
	Notes      []string    `json:"notes,omitempty"`
}

type qualityJSON struct {
	Grade   string   `json:"grade"`
	Reasons []string `json:"reasons,omitempty"`
}

type bandJSON struct {
	Low  float64 `json:"low"`
	Mid  float64 `json:"mid"`
	High float64 `json:"high"`
}

func seriesOf(s *view.Series) seriesJSON {
	out := seriesJSON{s.Measure, s.Unit, text(s.Ref), text(s.Route), text(s.Label), make([]pointJSON, len(s.Points))}
	for i := range s.Points {
		p := &s.Points[i]
		j := pointJSON{
			At: moment(p.At), Population: p.Population, Refused: text(p.Refused),
			Quality: qualityJSON{p.Quality.Grade, p.Quality.Reasons}, Notes: p.Notes,
		}
		if p.Refused == "" && !math.IsNaN(p.Value) && !math.IsInf(p.Value, 0) {
			j.Value = &p.Value
		}
		if b := p.Expected; b != nil {
			j.Expected = &bandJSON{b.Low, b.Mid, b.High}
		}
		out.Points[i] = j
	}
	return out
}

// kpi evaluates measures.
func (a *api) series(w http.ResponseWriter, r *request) error {
	q := view.SeriesQuery{Measures: r.list("measure"), Routes: r.list("route")}
	if len(q.Measures) == 0 {
		return badParameter("measure", "measure is missing: name one or more of /api/v1/kpi/measures")
	}
	if len(q.Measures) > maxMeasures || len(q.Routes) > maxRouteFilter {
		return badParameter("measure", fmt.Sprintf("at most %d measures and %d routes at a time", maxMeasures, maxRouteFilter))
	}
	if err := knows(q.Measures); err != nil {
		return err
	}
	var err error
	if q.By, err = r.choice("by", "", "route", "label", "route,label"); err != nil {
		return err
	}
	if q.From, q.Until, err = r.intervalWithin(24 * time.Hour); err != nil {
		return err
	}
	if v := r.query.Get("step"); v != "" {
		if q.Step, err = duration(v); err != nil || q.Step < time.Minute || q.Step%time.Minute != 0 {
			return badParameter("step", "step must be whole minutes, such as 1m, 15m, 1h, 1d")
		}
		if q.Until.Sub(q.From)/q.Step >= maxSteps {
			return badParameter("step", fmt.Sprintf("the interval has more than %d steps: take longer ones", maxSteps))
		}
	}
	list, err := a.obs.Series(r.Context(), q)
	if err != nil {
		return err
	}
	out := make([]seriesJSON, len(list))
	for i := range list {
		out[i] = seriesOf(&list[i])
	}
	return writeJSON(w, http.StatusOK, page{Items: out})
}

// knows refuses the names that are no measures.
func knows(names []string) error {
	for _, n := range names {
		if _, ok := kpi.MeasureOf(n); ok {
			continue
		}
		var known []string
		for _, m := range kpi.Measures() {
			known = append(known, m.Name)
		}
		p := badParameter("measure", fmt.Sprintf("unknown measure %q", n))
		of := slices.DeleteFunc(slices.Clone(known), func(k string) bool { return !strings.HasPrefix(k, strings.ToLower(n)+"_") })
		switch p.Suggestion = nearest(n, known); {
		case len(of) > 0: // the name of a page of docs/kpi, which describes several
			p.Suggestion = of[0]
			p.Detail += ": did you mean " + strings.Join(of, ", ") + "?"
		case p.Suggestion != "":
			p.Detail += ": did you mean " + p.Suggestion + "?"
		}
		return p
	}
	return nil
}

type measureJSON struct {
	Name       string  `json:"name"`
	Title      string  `json:"title"`
	Unit       string  `json:"unit"`
	Ref        *string `json:"ref"`
	Of         string  `json:"of"`
	Population string  `json:"population"`
	Exclusions string  `json:"exclusions"`
	Page       *string `json:"page"`
	Labels     bool    `json:"labels"`
}

// measures lists the table of measures.
func (a *api) measures(w http.ResponseWriter, r *request) error {
	table := kpi.Measures()
	out := make([]measureJSON, len(table))
	for i := range table {
		m := &table[i]
		out[i] = measureJSON{m.Name, m.Title, m.Unit, text(m.Ref), m.Of, m.Population, m.Exclusions, text(m.Page), m.LabelOf != nil}
	}
	doc, err := encode(page{Items: out})
	if err != nil {
		return err
	}
	return writeFixed(w, r, doc)
}

type kpiJSON struct {
	Name       string   `json:"name"`
	Value      *float64 `json:"value"`
	Unit       string   `json:"unit"`
	Population uint64   `json:"population"`
	Excluded   uint64   `json:"excluded"`
	Ref        *string  `json:"ref"`
	Refused    *string  `json:"refused,omitempty"`
}

func kpisOf(list []view.KPI) []kpiJSON {
	out := make([]kpiJSON, len(list))
	for i := range list {
		k := &list[i]
		out[i] = kpiJSON{k.Name, nil, k.Unit, k.Population, k.Excluded, text(k.Ref), text(k.Refused)}
		if k.Refused == "" && !math.IsNaN(k.Value) && !math.IsInf(k.Value, 0) {
			out[i].Value = &k.Value
		}
	}
	return out
}

type routeJSON struct {
	Name       string    `json:"name"`
	Configured bool      `json:"configured"`
	Last       *string   `json:"last"`
	KPIs       []kpiJSON `json:"kpis"`
}

// routes lists the routes with what was counted of them.
func (a *api) routes(w http.ResponseWriter, r *request) error {
	from, until, err := r.intervalWithin(time.Hour)
	if err != nil {
		return err
	}
	list, err := a.obs.Routes(r.Context(), from, until)
	if err != nil {
		return err
	}
	out := make([]routeJSON, len(list))
	for i, s := range list {
		out[i] = routeJSON{s.Name, s.Configured, moment(s.Last), kpisOf(s.KPIs)}
	}
	return writeJSON(w, http.StatusOK, page{Items: out})
}

type accountJSON struct {
	AOR     string  `json:"aor"`
	State   string  `json:"state"`
	Cause   *string `json:"cause"`
	Code    *int    `json:"code"`
	Contact *string `json:"contact"`
	Since   *string `json:"since"`
	Until   *string `json:"until"`
	CallID  *string `json:"call_id"`
}

// registrations lists accounts, worst first.
func (a *api) registrations(w http.ResponseWriter, r *request) error {
	limit, err := r.limit()
	if err != nil {
		return err
	}
	list, err := a.obs.Registrations(r.Context(), limit)
	if err != nil {
		return err
	}
	out := make([]accountJSON, len(list))
	for i, s := range list {
		out[i] = accountJSON{s.AOR, s.State, text(s.Cause), number(s.Code), text(s.Contact), moment(s.Since), moment(s.Until), text(s.CallID)}
	}
	return writeJSON(w, http.StatusOK, page{Items: out})
}

type gapJSON struct {
	Kind  string  `json:"kind"`
	Point *string `json:"point"`
	From  *string `json:"from"`
	Until *string `json:"until"`
	Where *string `json:"where"`
	Lost  *uint64 `json:"lost"`
	Bytes *uint64 `json:"bytes"`
}

func positive(n uint64) *uint64 {
	if n == 0 {
		return nil
	}
	return &n
}

// gaps lists what is known to be missing.
func (a *api) gaps(w http.ResponseWriter, r *request) error {
	from, until, err := r.interval()
	if err != nil {
		return err
	}
	limit, err := r.limit()
	if err != nil {
		return err
	}
	list, err := a.obs.Gaps(r.Context(), from, until, limit)
	if err != nil {
		return err
	}
	out := make([]gapJSON, len(list))
	for i := range list {
		g := &list[i]
		out[i] = gapJSON{g.Kind.String(), text(g.PointName), moment(g.From), moment(g.Until), text(g.Where), positive(g.Lost), positive(g.Bytes)}
	}
	return writeJSON(w, http.StatusOK, page{Items: out})
}
