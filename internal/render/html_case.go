package render

import (
	"bytes"
	"fmt"
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/cells"
	"sipcause/internal/finding"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// pageCase is one case as the template shows it. All texts have passed visible.
type pageCase struct {
	N                                      uint64
	Severity, Outcome, CauseID, What, Code string
	Clock, Who, Facts                      string
	CallIDs                                []string
	Root                                   *pageFinding
	Others                                 []pageFinding
	Playbooks                              []pageAdvice
	Origin                                 *pageOrigin
	Suspect                                string
	Tried, Media, Gaps, Reported, Log      []string
	Routes                                 string
	Exhibits                               []exhibit
	Ladder                                 *svgLadder
	Messages                               []pageMessage
	LeftOut                                string
}

type pageFinding struct {
	ID, Severity, Sure, Acts, Summary, UserMessage, Refs string
	Actions, Evidence                                    []string
}

type pageOrigin struct {
	Line                   string
	Evidence, Alternatives []string
}

type pageMessage struct {
	ID, Head, Note, Text string
	First                *pageFirst
}

// pageFirst names the message that one repeats.
type pageFirst struct {
	Href  string
	Frame string
}

func visibles(list []string) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, cells.Visible(s))
	}
	return out
}

func (r *page) makeCase(c *view.Case, number uint64, full bool) *pageCase {
	cl := c.Call
	p := &pageCase{
		N: number, Outcome: cl.Outcome.String(), Severity: caseSeverity(c), What: caseTitle(cl), Code: ending(c),
		Clock: clock(cl.Began, r.opt.Zone), Who: cells.Visible(who(cl)), Facts: cells.Visible(strings.Join(caseFacts(c, r.opt.Zone), " · ")),
	}
	for i := range cl.Legs {
		p.CallIDs = append(p.CallIDs, cells.Visible(legText(cl, i)))
	}
	for i := range cl.Media {
		p.Media = append(p.Media, streamText(&cl.Media[i]))
	}
	s := toldOf(c)
	p.Routes, p.Reported, p.Log = cells.Visible(routesText(c)), s.reports(cl), s.logLines(maxLogKept, r.opt.Zone)
	p.Gaps = visibles(gapTexts(cl.Gaps, r.opt.Zone))
	if o := cl.Origin; o != nil {
		p.Origin = &pageOrigin{cells.Visible(originText(cl)), visibles(o.Evidence), visibles(o.Alternatives)}
	}
	tables := exhibits(c, r.opt)
	p.Exhibits = visibleExhibits(tables)
	if len(cl.Attempts) > 1 && !hasFork(tables) {
		p.Tried = attemptTexts(cl.Attempts)
	}
	if v := c.Verdict; v != nil {
		r.addVerdict(p, v)
		p.Playbooks = pageAdviceOf(c.Playbooks)
	}
	if !full {
		p.LeftOut = "Ladder and messages are left out here: the page holds those of the first cases only."
		return p
	}
	r.addMessages(p, cl)
	return p
}

func (r *page) addVerdict(p *pageCase, v *finding.Verdict) {
	if v.Root != nil {
		f := r.makeFinding(v.Root)
		p.Root, p.CauseID = &f, cells.Visible(string(v.Root.ID))
	}
	if s := v.Suspect; s != nil {
		p.Suspect = cells.Visible(suspectText(s))
	}
	for i := range v.Findings {
		if f := &v.Findings[i]; !isRoot(v, f) {
			p.Others = append(p.Others, r.makeFinding(f))
		}
	}
}

func (r *page) makeFinding(f *finding.Finding) pageFinding {
	p := pageFinding{
		ID: cells.Visible(string(f.ID)), Severity: f.Severity.String(), Sure: sure(f.Confidence), Acts: actsText[f.Acts], Summary: cells.Visible(f.Summary),
		UserMessage: cells.Visible(f.UserMessage), Refs: cells.Visible(strings.Join(f.Refs, ", ")), Actions: visibles(f.Actions),
	}
	for i := range f.Evidence[:min(len(f.Evidence), maxEvidenceShown)] {
		if s := evidenceText(&f.Evidence[i], r.opt.Files); s != "" {
			p.Evidence = append(p.Evidence, cells.Visible(s))
		}
	}
	if n := len(f.Evidence) - maxEvidenceShown; n > 0 {
		p.Evidence = append(p.Evidence, fmt.Sprintf("and %d more", n))
	}
	return p
}

// caseSeverity is the class a case is coloured by.
func caseSeverity(c *view.Case) string {
	switch {
	case c.Verdict != nil && c.Verdict.Root != nil:
		return c.Verdict.Root.Severity.String()
	case notable(c):
		return finding.Warning.String()
	case c.Call.Outcome == call.Answered:
		return "ok"
	}
	return "open"
}

// pageMessages adds the ladder and the messages in full.
func (r *page) addMessages(p *pageCase, c *call.Call) {
	l := newLadder(c, maxLadderRows)
	p.Ladder = l.svg(r.opt, p.N)
	for i := range l.rows {
		if row := &l.rows[i]; row.msg.Valid() {
			p.Messages = append(p.Messages, r.makeMessage(p.N, c, row))
		}
	}
}

// messageID is the anchor of a message on the page.
func messageID(number uint64, m call.MsgRef) string {
	return fmt.Sprintf("c%d-%d-%d", number, m.Leg, m.Msg)
}

func (r *page) makeMessage(number uint64, c *call.Call, row *row) pageMessage {
	leg := c.Legs[row.msg.Leg]
	s := &leg.Sightings[row.msg.Msg]
	f := leg.FlowOf(s)
	m := pageMessage{
		ID:   messageID(number, row.msg),
		Head: fmt.Sprintf("frame %s · %s · %s → %s · %s", cells.Visible(frameText(s.Ref, r.opt.Files)), clock(s.Time, r.opt.Zone), f.Src, f.Dst, f.Transport),
	}
	if row.more > 0 {
		m.Note = fmt.Sprintf("And %s more times until %s.", thousands(uint64(row.more)), clock(row.until, r.opt.Zone))
	}
	if row.repeat != call.First && s.Of != call.None {
		of := call.MsgRef{Leg: row.msg.Leg, Msg: s.Of}
		m.First = &pageFirst{"#" + messageID(number, of), cells.Visible(frameText(leg.Sightings[s.Of].Ref, r.opt.Files))}
		return m
	}
	raw := leg.Raw(row.msg.Msg)
	if s.Truncated {
		m.Note = "Cut by the capture. " + m.Note
	}
	shown := raw
	if len(raw) > maxMessageText {
		shown = cut(raw, maxMessageText)
		m.Note += fmt.Sprintf(" The first %s of %s.", size(uint64(len(shown))), size(uint64(len(raw))))
	}
	m.Text = visibleLines(maskSecrets(shown))
	r.bytes += len(m.Text)
	return m
}

// visibleLines is visible for a text of lines.
func visibleLines(b []byte) string {
	var out strings.Builder
	for line := range bytes.Lines(b) {
		end := ""
		if n := len(line); n > 0 && line[n-1] == '\n' {
			line, end = bytes.TrimSuffix(line[:n-1], []byte("\r")), "\n"
		}
		out.WriteString(cells.Visible(string(line)))
		out.WriteString(end)
	}
	return out.String()
}

// timeline counts cases by when they began, in at most timelineBars bars that double their span when time
// runs out of them.
type timeline struct {
	start   wire.Time
	each    int64 // ns
	ok, bad [timelineBars]uint64
	has     bool
}

const timelineBars = 120

func (t *timeline) add(at wire.Time, bad bool) {
	if at == 0 {
		return
	}
	if !t.has {
		t.has, t.start, t.each = true, at, 1e9
	}
	i := max(0, int64(at-t.start)/t.each)
	for i >= timelineBars {
		for k := range timelineBars / 2 {
			t.ok[k], t.bad[k] = t.ok[2*k]+t.ok[2*k+1], t.bad[2*k]+t.bad[2*k+1]
		}
		clear(t.ok[timelineBars/2:])
		clear(t.bad[timelineBars/2:])
		t.each *= 2
		i = int64(at-t.start) / t.each
	}
	if bad {
		t.bad[i]++
	} else {
		t.ok[i]++
	}
}
