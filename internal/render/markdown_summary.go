package render

import (
	"fmt"
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/view"
)

// summary writes what is said of the capture as a whole, as tables.
func (r *markdown) summary(s *view.Summary) {
	r.out.WriteString("# SIP report\n\n")
	r.para("Capture", filesText(s.Files))
	r.para("", strings.Join(append(readParts(s), oddParts(s)...), ", "))
	if s.First != 0 {
		r.para("", rangeText(s, r.opt.Zone))
	}
	for _, c := range clockTexts(s) {
		r.para("", c)
	}
	r.outcomes(s)
	r.causes()
	r.responses(s)
	r.keepalives(s)
	r.findings(s)
	r.estate(s)
	r.retries(s)
	r.certificates(s)
	r.measures(s)
	r.notRead(s)
	if r.body.Missed > 0 {
		r.para("", count(r.body.Missed, "case")+" did not fit into the temporary file and are only counted.")
	}
	if r.shown > 0 {
		r.para("", ladderLegend)
	}
}

func (r *markdown) outcomes(s *view.Summary) {
	var rows [][]string
	for kind, k := range []view.Count{{Name: "Calls", N: s.Calls}, {Name: "Registrations", N: s.Registrations}, {Name: "Transactions", N: s.Transactions}} {
		var parts []string
		for _, o := range r.tally.byOutcome(call.Kind(kind)) {
			parts = append(parts, thousands(o.N)+" "+o.Name)
		}
		rows = append(rows, []string{k.Name, thousands(k.N), markdownText(strings.Join(parts, ", "))})
	}
	r.rows([]string{"what", "number", "how they ended"}, "lrl", rows)
}

// causes ranks the root causes by count, with the numbers of their cases in this report.
func (r *markdown) causes() {
	if len(r.tally.causes) == 0 {
		return
	}
	r.heading("Root causes", "")
	var rows [][]string
	for _, id := range r.tally.byCause() {
		k := r.tally.causes[id]
		title := ""
		if d, ok := finding.Lookup(id); ok {
			title = d.Title
		}
		var numbers []string
		for _, n := range k.numbers {
			numbers = append(numbers, fmt.Sprint(n))
		}
		cases := strings.Join(numbers, ", ")
		if more := k.n - uint64(len(k.numbers)); more > 0 && cases != "" {
			cases += " and " + thousands(more) + " more"
		}
		rows = append(rows, []string{thousands(k.n), k.severity.String(), codeSpan(string(id)), markdownText(title), cases})
	}
	r.rows([]string{"number", "severity", "cause", "what it is", "cases"}, "rllll", rows)
	if r.tally.untallied > 0 {
		r.para("", "Further causes: "+thousands(r.tally.untallied))
	}
}

func (r *markdown) responses(s *view.Summary) {
	r.heading("Messages", "")
	var rows [][]string
	if len(s.Methods) > 0 {
		total := uint64(0)
		for _, m := range s.Methods {
			total += m.N
		}
		rows = append(rows, []string{"requests", thousands(total), markdownText(strings.Join(namedCounts(s.Methods), ", "))})
	}
	for class := 1; class <= 6; class++ {
		if list, total := codesOf(s, class); total > 0 {
			rows = append(rows, []string{fmt.Sprintf("%dxx", class), thousands(total), markdownText(strings.Join(namedCounts(list), ", "))})
		}
	}
	if s.CodeOther > 0 {
		rows = append(rows, []string{"other", thousands(s.CodeOther), "outside 100 to 699: no response code of SIP"})
	}
	r.rows([]string{"class", "number", "of which"}, "lrl", rows)
}

// keepalives writes one row per peer that was asked with OPTIONS, silent ones first.
func (r *markdown) keepalives(s *view.Summary) {
	if len(r.tally.peers) == 0 {
		return
	}
	r.heading("Keepalives ", "(OPTIONS outside a dialog)")
	list := r.tally.byPeer()
	var rows [][]string
	for i, k := range list {
		if i == maxPeersShown {
			break
		}
		state := ""
		switch {
		case k.silentSince != 0:
			state = "silent since " + moment(k.silentSince, s.Last, r.opt.Zone)
		case k.code >= 300:
			state = fmt.Sprintf("last with %d", k.code)
		}
		rows = append(rows, []string{markdownText(k.name), thousands(k.sent), thousands(k.answered), thousands(k.unanswered), markdownText(state)})
	}
	r.rows([]string{"peer", "sent", "answered", "unanswered", "state"}, "lrrrl", rows)
	if more := uint64(max(0, len(list)-maxPeersShown)); more > 0 {
		r.para("", "and "+count(more, "more peer"))
	}
	if r.tally.unlisted > 0 {
		r.para("", thousands(r.tally.unlisted)+" OPTIONS went to further peers")
	}
}

// findings writes those of the capture as a whole.
func (r *markdown) findings(s *view.Summary) {
	if len(s.Findings) == 0 {
		return
	}
	r.heading("The capture as a whole", "")
	for i := range s.Findings {
		f := &s.Findings[i]
		r.para(f.Severity.String(), f.Summary)
		line := fmt.Sprintf("%s · %s%s", f.ID, sure(f.Confidence), actsSuffix(f.Acts))
		if frames := framesText(f, r.opt.Files); frames != "" {
			line += " · " + frames
		}
		r.para("", line)
		if len(f.Actions) > 0 {
			r.steps(f.Actions)
		}
	}
}

func (r *markdown) measures(s *view.Summary) {
	if len(s.KPIs) == 0 {
		return
	}
	r.heading("Measures", "")
	var rows [][]string
	for _, m := range measures(s.KPIs) {
		rows = append(rows, []string{markdownText(m.name), markdownText(m.value), markdownText(m.of)})
	}
	r.rows([]string{"measure", "value", "of"}, "lll", rows)
}

// notRead says what the capture had that could not be read, and what it did not have.
func (r *markdown) notRead(s *view.Summary) {
	var rows [][]string
	for _, e := range s.Events {
		rows = append(rows, []string{thousands(e.N), "event", markdownText(e.Name)})
	}
	for _, u := range s.Undecoded {
		rows = append(rows, []string{thousands(u.N), "not read", markdownText(u.Name)})
	}
	if rows != nil {
		r.heading("On the wire beside SIP", "")
		r.rows([]string{"number", "what", "kind"}, "rll", rows)
	}
	gaps := gapTexts(s.Gaps, r.opt.Zone)
	if s.Evicted > 0 {
		gaps = append(gaps, count(s.Evicted, "dialog")+" given up because a limit of memory was reached")
	}
	if s.MediaEvicted > 0 {
		gaps = append(gaps, count(s.MediaEvicted, "RTP or RTCP stream")+" given up because a limit of memory was reached")
	}
	if gaps == nil {
		return
	}
	r.heading("Missing ", "(what rests on absence is less sure for it)")
	for _, g := range gaps {
		r.item("", g)
	}
	r.out.WriteByte('\n')
}
