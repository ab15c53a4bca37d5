package httpapi

import (
	"net/http"
	"strconv"

	"sipcause/code"
	"sipcause/internal/finding"
	"sipcause/internal/query"
	"sipcause/internal/store"
)

// counted asks how many cases have each value of a field.
func (a *api) counted(r *request, f query.Field) ([]store.Count, error) {
	q, err := r.search()
	if err != nil {
		return nil, err
	}
	limit, err := r.limit()
	if err != nil {
		return nil, err
	}
	return a.obs.Count(r.Context(), q, f, limit)
}

type causeCount struct {
	ID       string   `json:"id"`
	Count    uint64   `json:"count"`
	Title    *string  `json:"title"`
	Severity *string  `json:"severity"`
	Acts     *string  `json:"acts"`
	Refs     []string `json:"refs"`
}

// causes ranks root causes.
func (a *api) causes(w http.ResponseWriter, r *request) error {
	counts, err := a.counted(r, query.Cause)
	if err != nil {
		return err
	}
	out := make([]causeCount, len(counts))
	for i, c := range counts {
		out[i] = causeCount{ID: c.Value, Count: c.N, Refs: []string{}}
		if d, ok := finding.Lookup(finding.ID(c.Value)); ok {
			out[i].Title, out[i].Severity, out[i].Acts = text(d.Title), text(d.Severity.String()), text(string(d.Acts))
			out[i].Refs = full(d.Refs)
		}
	}
	return writeJSON(w, http.StatusOK, page{Items: out})
}

type codeCount struct {
	Code   int     `json:"code"`
	Count  uint64  `json:"count"`
	Class  string  `json:"class"`
	Phrase *string `json:"phrase"`
	Ref    *string `json:"ref"`
}

// codes ranks the final responses that callers saw.
func (a *api) codes(w http.ResponseWriter, r *request) error {
	counts, err := a.counted(r, query.Code)
	if err != nil {
		return err
	}
	out := make([]codeCount, 0, len(counts))
	for _, c := range counts {
		n, err := strconv.Atoi(c.Value)
		if err != nil {
			continue // no code, no row
		}
		row := codeCount{Code: n, Count: c.N, Class: classLabel(n), Phrase: text(code.Phrase(n))}
		if e, ok := code.Lookup(n); ok {
			row.Ref = text(e.Ref())
		}
		out = append(out, row)
	}
	return writeJSON(w, http.StatusOK, page{Items: out})
}

// classLabel is "4xx" for 486.
func classLabel(n int) string {
	if n < 100 || n > 699 {
		return "other"
	}
	return strconv.Itoa(n/100) + "xx"
}
