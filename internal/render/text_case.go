package render

import (
	"fmt"
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/cells"
	"sipcause/internal/finding"
	"sipcause/internal/view"
)

var severityStyle = [...]style{finding.Info: normal, finding.Warning: yellow, finding.Error: red, finding.Critical: red}

// section writes one case: who, how it ended, the ladder, the diagnosis.
func (r *text) section(c *view.Case, number uint64) {
	r.line("")
	r.title(c, number)
	r.facts(c)
	r.line("")
	r.lines = append(r.lines, newLadder(c.Call, maxLadderRows).paint(r.opt)...)
	r.line("")
	r.diagnosis(c)
	r.told(c)
}

// title writes "── #2 CALL FAILED ─ 486 Busy Here ─────── callee.busy ──".
func (r *text) title(c *view.Case, number uint64) {
	cl := c.Call
	head := fmt.Sprintf("#%d  %s", number, strings.ToUpper(caseTitle(cl)))
	code := codeText(cl)
	id, st := "", normal
	if c.Verdict != nil && c.Verdict.Root != nil {
		id, st = string(c.Verdict.Root.ID), severityStyle[c.Verdict.Root.Severity]
	}
	room := r.opt.Width - 3 - cells.Width(head) - 1
	tail := ""
	if id != "" {
		tail = " " + r.paint(st, id) + " ──"
		room -= len(id) + 4
	}
	text := r.paint(bold, head)
	mark := ""
	if soFar(c) {
		mark = soFarMark
		room -= len(mark)
	}
	if code = cells.Clip(code, room-4); code != "" {
		text += "  " + r.paint(bold, code)
		room -= 2 + cells.Width(code)
	}
	text += r.paint(yellow, mark)
	r.line("── ", text, " ", strings.Repeat("─", max(0, room)), tail)
}

// facts writes who and when in as few lines as it takes.
func (r *text) facts(cs *view.Case) {
	c := cs.Call
	r.item(2, "", normal, who(c))
	r.list(2, "", normal, " ·", caseFacts(cs, r.opt.Zone))
	for i := range c.Legs {
		label := "Call-ID "
		if i > 0 {
			label = "  joined "
		}
		r.item(2, label, dim, legText(c, i))
	}
	for i := range c.Media {
		r.item(2, "", dim, streamText(&c.Media[i]))
	}
	if s := routesText(cs); s != "" {
		r.item(2, "Routes: ", dim, s)
	}
}

// told writes what agents said of the case: what they reported of its media, and their logs.
func (r *text) told(c *view.Case) {
	s := toldOf(c)
	label := "REPORTED"
	for _, line := range s.reports(c.Call) {
		r.field(label, bold, line)
		label = ""
	}
	label = "LOG"
	for _, line := range s.logLines(maxLogShown, r.opt.Zone) {
		r.field(label, dim, line)
		label = ""
	}
}

// diagnosis writes the cause, what proves it and what to do.
func (r *text) diagnosis(c *view.Case) {
	v := c.Verdict
	if v == nil {
		return
	}
	if f := v.Root; f != nil {
		r.item(2, cells.Pad("CAUSE", labelWidth), bold, f.Summary)
		r.field("", normal, fmt.Sprintf("%s · %s · %s%s", f.ID, f.Severity, sure(f.Confidence), actsSuffix(f.Acts)))
	}
	r.origin(c.Call)
	if s := v.Suspect; s != nil && (c.Call.Origin == nil || s.Address != c.Call.Origin.Address) {
		r.field("SUSPECT", bold, suspectText(s)+": look here first")
	}
	tables := exhibits(c, r.opt)
	if !hasFork(tables) {
		r.attempts(c.Call)
	}
	if f := v.Root; f != nil {
		for i, a := range f.Actions {
			label := ""
			if i == 0 {
				label = "DO"
			}
			r.item(2, cells.Pad(label, labelWidth)+fmt.Sprintf("%d. ", i+1), bold, a)
		}
	}
	r.advice(c.Playbooks)
	r.others(v)
	r.exhibits(tables)
	if v.Root != nil {
		r.evidence(v.Root)
		if len(v.Root.Refs) > 0 {
			r.field("SEE", dim, strings.Join(v.Root.Refs, ", "))
		}
	}
	for _, g := range gapTexts(c.Call.Gaps, r.opt.Zone) {
		r.field("GAP", yellow, g)
	}
}

func actsSuffix(a finding.Acts) string {
	if t := actsText[a]; t != "" {
		return " · to act: " + t
	}
	return ""
}

func (r *text) origin(c *call.Call) {
	o := c.Origin
	if o == nil {
		return
	}
	r.field("ORIGIN", bold, originText(c))
	for _, e := range o.Evidence {
		r.item(2+labelWidth, "· ", dim, e)
	}
	for _, a := range o.Alternatives {
		r.item(2+labelWidth, "or: ", dim, a)
	}
}

// attempts lists the targets tried when there was more than one.
func (r *text) attempts(c *call.Call) {
	if len(c.Attempts) < 2 {
		return
	}
	label := "TRIED"
	for _, s := range attemptTexts(c.Attempts) {
		r.field(label, bold, s)
		label = ""
	}
}

// others lists the findings beside the root cause.
func (r *text) others(v *finding.Verdict) {
	label := "ALSO"
	for i := range v.Findings {
		f := &v.Findings[i]
		if isRoot(v, f) {
			continue
		}
		r.item(2, cells.Pad(label, labelWidth), bold, fmt.Sprintf("%s (%s, %s): %s", f.ID, f.Severity, sure(f.Confidence), f.Summary))
		if frames := framesText(f, r.opt.Files); frames != "" {
			r.field("", normal, frames)
		}
		label = ""
	}
}

// evidence lists the packets that prove the root cause.
func (r *text) evidence(f *finding.Finding) {
	label := "PROOF"
	for i := range f.Evidence {
		e := &f.Evidence[i]
		if i == maxEvidenceShown {
			r.field(label, dim, fmt.Sprintf("and %d more frames", len(f.Evidence)-i))
			return
		}
		if s := evidenceText(e, r.opt.Files); s != "" {
			r.field(label, dim, s)
			label = ""
		}
	}
}
