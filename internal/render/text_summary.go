package render

import (
	"fmt"
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/cells"
	"sipcause/internal/finding"
	"sipcause/internal/view"
)

// summary writes what is said of the capture as a whole.
func (r *text) summary(s *view.Summary) {
	r.read(s)
	r.outcomes(s)
	r.causes()
	r.keepalives(s)
	r.captureFindings(s)
	r.estate(s)
	r.retries(s)
	r.certificates(s)
	r.responses(s)
	r.measures(s)
	r.notRead(s)
	if r.body.Missed > 0 {
		r.line("")
		r.line("  ", r.paint(yellow, count(r.body.Missed, "case")), " did not fit into the temporary file and are only counted.")
	}
	if r.shown > 0 {
		r.line("")
		for _, l := range cells.Wrap(strings.Fields(ladderLegend), r.prose-2) {
			r.line("  ", r.paint(dim, l))
		}
	}
}

func (r *text) heading(s string) {
	r.line("")
	r.line(r.paint(bold, s))
}

func (r *text) read(s *view.Summary) {
	r.item(0, "Capture        ", bold, filesText(s.Files))
	r.list(15, "", normal, ",", readParts(s))
	if s.First != 0 {
		r.item(15, "", normal, rangeText(s, r.opt.Zone))
	}
	for _, c := range clockTexts(s) {
		r.item(15, "", normal, c)
	}
	if rest := oddParts(s); rest != nil {
		r.list(15, "", normal, ",", rest)
	}
}

// outcomes writes how many calls, registrations and transactions ended how.
func (r *text) outcomes(s *view.Summary) {
	for kind, k := range []view.Count{{Name: "Calls", N: s.Calls}, {Name: "Registrations", N: s.Registrations}, {Name: "Transactions", N: s.Transactions}} {
		list := r.tally.byOutcome(call.Kind(kind))
		var parts []string
		for _, o := range list {
			parts = append(parts, thousands(o.N)+" "+o.Name)
		}
		total := thousands(k.N)
		if parts == nil {
			parts = []string{total}
		} else {
			parts[0] = total + ": " + parts[0]
		}
		r.list(0, cells.Pad(k.Name, 15), bold, ",", parts)
	}
}

// responses writes the codes by class, most frequent first, and the requests.
func (r *text) responses(s *view.Summary) {
	r.heading("RESPONSES")
	found := s.CodeOther > 0
	for class := 1; class <= 6; class++ {
		list, total := codesOf(s, class)
		if total == 0 {
			continue
		}
		found = true
		label := fmt.Sprintf("%dxx %8s   ", class, thousands(total))
		r.list(2, label, classStyle(class), ",", namedCounts(list))
	}
	if s.CodeOther > 0 {
		r.item(2, fmt.Sprintf("??? %8s   ", thousands(s.CodeOther)), yellow, "outside 100 to 699: no response code of SIP")
	}
	if !found {
		r.line("  none")
	}
	if len(s.Methods) > 0 {
		r.heading("REQUESTS")
		r.list(2, "", normal, ",", namedCounts(s.Methods))
	}
}

func classStyle(class int) style {
	switch class {
	case 1:
		return normal
	case 2:
		return green
	case 3:
		return yellow
	}
	return red
}

func namedCounts(list []view.Count) []string {
	parts := make([]string, len(list))
	for i, n := range list {
		name := n.Name
		if name == "" {
			name = "unknown"
		}
		parts[i] = name + " ×" + thousands(n.N)
	}
	return parts
}

// causes ranks the root causes by count, with the numbers of their cases in this report.
func (r *text) causes() {
	r.heading("ROOT CAUSES")
	if len(r.tally.causes) == 0 {
		r.line("  none")
		return
	}
	ids := r.tally.byCause()
	longest := 0
	for _, id := range ids {
		longest = max(longest, len(id))
	}
	for _, id := range ids {
		k := r.tally.causes[id]
		var numbers []string
		if d, ok := finding.Lookup(id); ok && d.Title != "" {
			numbers = append(numbers, strings.Fields(d.Title)...)
		}
		for _, n := range k.numbers {
			numbers = append(numbers, fmt.Sprintf("#%d", n))
		}
		if more := k.n - uint64(len(k.numbers)); more > 0 && len(k.numbers) > 0 {
			numbers = append(numbers, "and "+thousands(more)+" more")
		}
		label := fmt.Sprintf("%8s  %-8s  %-*s  ", thousands(k.n), k.severity, longest, id)
		r.words(0, label, severityStyle[k.severity], numbers)
	}
	if r.tally.untallied > 0 {
		r.line(fmt.Sprintf("%8s  of further causes", thousands(r.tally.untallied)))
	}
}

const maxPeersShown = 40

// keepalives writes one line per peer that was asked with OPTIONS, silent ones first.
func (r *text) keepalives(s *view.Summary) {
	if len(r.tally.peers) == 0 {
		return
	}
	r.heading("KEEPALIVES (OPTIONS outside a dialog, by peer)")
	list := r.tally.byPeer()
	longest := 0
	for _, k := range list {
		longest = max(longest, len(k.name))
	}
	for i, k := range list {
		if i == maxPeersShown {
			r.line(fmt.Sprintf("  and %d more peers", len(list)-i))
			break
		}
		parts := []string{thousands(k.sent) + " sent", thousands(k.answered) + " answered"}
		st := normal
		if k.unanswered > 0 {
			parts = append(parts, thousands(k.unanswered)+" unanswered")
			st = yellow
		}
		if k.code >= 300 {
			parts = append(parts, fmt.Sprintf("last with %d", k.code))
		}
		if k.silentSince != 0 {
			st = red
			parts = append(parts, "silent since "+moment(k.silentSince, s.Last, r.opt.Zone))
		}
		r.list(2, cells.Pad(k.name, longest+2), st, ",", parts)
	}
	if r.tally.unlisted > 0 {
		r.line("  ", thousands(r.tally.unlisted), " OPTIONS went to further peers")
	}
}

func (r *text) captureFindings(s *view.Summary) {
	if len(s.Findings) == 0 {
		return
	}
	r.heading("THE CAPTURE AS A WHOLE")
	for i := range s.Findings {
		f := &s.Findings[i]
		r.item(2, cells.Pad(f.Severity.String(), labelWidth), severityStyle[f.Severity], f.Summary)
		line := fmt.Sprintf("%s · %s%s", f.ID, sure(f.Confidence), actsSuffix(f.Acts))
		if frames := framesText(f, r.opt.Files); frames != "" {
			line += " · " + frames
		}
		r.field("", normal, line)
		for k, a := range f.Actions {
			r.item(2+labelWidth, fmt.Sprintf("%d. ", k+1), bold, a)
		}
	}
}

func (r *text) measures(s *view.Summary) {
	if len(s.KPIs) == 0 {
		return
	}
	r.heading("MEASURES")
	list := measures(s.KPIs)
	longest := 0
	for i := range list {
		longest = max(longest, len(list[i].name))
	}
	for _, m := range list {
		sep := " "
		if m.name == "no value" {
			sep = ": "
		}
		r.item(2, cells.Pad(m.name, longest+2), normal, m.value+sep+m.of)
	}
}

// notRead says what the capture had that could not be read, and what it did not have.
func (r *text) notRead(s *view.Summary) {
	if len(s.Events) > 0 {
		r.heading("ON THE WIRE (events)")
		for _, e := range s.Events {
			r.line(fmt.Sprintf("%10s  %s", thousands(e.N), cells.Visible(e.Name)))
		}
	}
	if len(s.Undecoded) > 0 {
		r.heading("NOT READ (packets)")
		for _, u := range s.Undecoded {
			r.line(fmt.Sprintf("%10s  %s", thousands(u.N), cells.Visible(u.Name)))
		}
	}
	if len(s.Gaps) == 0 && s.Evicted == 0 && s.MediaEvicted == 0 {
		return
	}
	r.heading("MISSING: what rests on absence is less sure for it")
	for _, g := range gapTexts(s.Gaps, r.opt.Zone) {
		r.item(2, "", normal, g)
	}
	if s.Evicted > 0 {
		r.item(2, "", normal, count(s.Evicted, "dialog")+" given up because a limit of memory was reached")
	}
	if s.MediaEvicted > 0 {
		r.item(2, "", normal, count(s.MediaEvicted, "RTP or RTCP stream")+" given up because a limit of memory was reached")
	}
}
