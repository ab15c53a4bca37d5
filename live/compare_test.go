//go:build linux

package live

import (
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// analysis is what is compared of an analysis.
type analysis struct {
	Calls         []analyzed         `json:"calls"`
	Registrations []analyzed         `json:"registrations"`
	Transactions  []analyzed         `json:"transactions"`
	KPI           map[string]measure `json:"kpi"`
}

// analyzed is a case as analyze has it.
type analyzed struct {
	row
	AOR  *string `json:"aor"`
	Root *struct {
		ID string `json:"id"`
	} `json:"root_cause"`
	Findings []struct {
		ID string `json:"id"`
	} `json:"findings"`
	Messages []json.RawMessage `json:"messages"`
}

// analyze returns what analyze says of a capture: its cases as the API has them, and its KPIs.
func analyze(t *testing.T, capture string) ([]row, map[string]measure) {
	t.Helper()
	out, err := exec.Command(build(t), "analyze", "--format", "json", capture).Output()
	if err != nil {
		t.Fatalf("analyze %s: %v", capture, err)
	}
	var a analysis
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatal(err)
	}
	var rows []row
	for kind, list := range map[string][]analyzed{"call": a.Calls, "registration": a.Registrations, "transaction": a.Transactions} {
		for _, c := range list {
			rows = append(rows, c.asRow(kind))
		}
	}
	return rows, a.KPI
}

// asRow is the case as the API would have it.
func (c *analyzed) asRow(kind string) row {
	r := c.row
	r.Kind, r.Final, r.Messages = kind, true, len(c.Messages)
	if c.Root != nil {
		r.Cause = &c.Root.ID
	}
	for _, f := range c.Findings {
		if !slices.Contains(r.Findings, f.ID) {
			r.Findings = append(r.Findings, f.ID)
		}
	}
	if c.AOR != nil {
		r.From, r.To = c.AOR, c.AOR
	}
	return r
}

// facts writes a case as lines that can be compared.
func (r *row) facts() map[string]string {
	f := map[string]string{
		"kind": r.Kind, "outcome": r.Outcome, "code": show(r.Code), "reason": show(r.Reason), "cause": show(r.Cause),
		"findings": strings.Join(slices.Sorted(slices.Values(r.Findings)), " "), "messages": fmt.Sprint(r.Messages),
		"from": show(r.From), "to": show(r.To), "started": show(r.Started), "ended": show(r.Ended), "hung up by": show(r.HungUpBy),
		"pdd": show(r.Timings.PDD), "ring": show(r.Timings.Ring), "setup": show(r.Timings.Setup), "duration": show(r.Timings.Duration),
		"call ids": strings.Join(r.CallIDs, " "),
	}
	if r.Origin != nil {
		f["origin"] = show(r.Origin.Address)
	}
	if r.Suspect != nil {
		f["suspect"] = show(r.Suspect.Address)
	}
	return f
}

func show[T any](v *T) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprint(*v)
}

// difference is one fact of one case, or one measure, of which the server says something else than analyze.
type difference struct{ of, fact, analyze, live string }

// differences compares what the server has with what analyze says.
func differences(want, got []row, wantKPI, gotKPI map[string]measure) (all []difference) {
	byID := map[string]row{}
	for _, r := range got {
		byID[r.Kind+" "+r.ID] = r
	}
	for _, w := range want {
		g, ok := byID[w.Kind+" "+w.ID]
		if !ok {
			all = append(all, difference{w.ID, "case", w.Kind + " " + w.Outcome, "none"})
			continue
		}
		delete(byID, w.Kind+" "+w.ID)
		wf, gf := w.facts(), g.facts()
		for _, k := range slices.Sorted(maps.Keys(wf)) {
			if wf[k] != gf[k] {
				all = append(all, difference{w.ID, k, wf[k], gf[k]})
			}
		}
		if !g.Final && g.Kind != "registration" {
			all = append(all, difference{w.ID, "final", "true", "false"})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		g := byID[id]
		all = append(all, difference{g.ID, "case", "none", g.Kind + " " + g.Outcome})
	}
	for _, k := range slices.Sorted(maps.Keys(wantKPI)) {
		w, g := wantKPI[k], gotKPI[k]
		if show(w.Value) != show(g.Value) {
			all = append(all, difference{"kpi " + k, "value", show(w.Value), show(g.Value)})
		}
		if w.Population != g.Population {
			all = append(all, difference{"kpi " + k, "population", fmt.Sprint(w.Population), fmt.Sprint(g.Population)})
		}
	}
	return all
}
