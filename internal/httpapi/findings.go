package httpapi

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"sipcause/internal/finding"
	"sipcause/internal/view"
)

// maxStatusFindings is how many findings the status shows: the worst. /api/v1/findings has more.
const maxStatusFindings = 100

// findingJSON is a finding of all traffic: a route that is not as it normally is, a peer, an account.
type findingJSON struct {
	ID         string   `json:"id"`
	Severity   string   `json:"severity"`
	Confidence float64  `json:"confidence"`
	Acts       *string  `json:"acts"`
	Subject    *string  `json:"subject"`
	Summary    string   `json:"summary"`
	Actions    []string `json:"actions"`
	Examples   []string `json:"examples"`
	Refs       []string `json:"refs"`
}

// exampleNote begins the evidence in which kpi.Watch.Report names a case.
const exampleNote = "for example "

// findingsOf returns the worst, at most limit.
func findingsOf(all []finding.Finding, limit int) []findingJSON {
	list := slices.Clone(all)
	slices.SortStableFunc(list, func(a, b finding.Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Summary, b.Summary))
	})
	list = list[:min(len(list), limit)]
	out := make([]findingJSON, len(list))
	for i := range list {
		f := &list[i]
		out[i] = findingJSON{
			string(f.ID), f.Severity.String(), f.Confidence, text(string(f.Acts)), text(f.Subject), f.Summary, full(f.Actions), []string{}, full(f.Refs),
		}
		for _, e := range f.Evidence {
			if id, ok := strings.CutPrefix(e.Note, exampleNote); ok {
				out[i].Examples = append(out[i].Examples, id)
			}
		}
	}
	return out
}

// findings lists what is wrong with the traffic as a whole, worst first.
func (a *api) findings(w http.ResponseWriter, r *request) error {
	limit, err := r.limit()
	if err != nil {
		return err
	}
	var s view.Status
	if s, err = a.obs.Status(r.Context()); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, page{Items: findingsOf(s.Findings, limit)})
}
