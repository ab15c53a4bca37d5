package render

import (
	"fmt"
	"io"
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/view"
)

// markdown writes the report for a ticket (CommonMark with the tables of GitHub). Its cases wait in a spool, since
// the summary stands first.
type markdown struct {
	w     io.Writer
	opt   Options
	out   strings.Builder
	body  spool
	tally tally
	shown uint64 // cases in the body; they are numbered
}

const markdownWidth = 100 // columns of a ladder: what the pages of trackers show without scrolling

func newMarkdown(w io.Writer, opt Options) Renderer {
	return &markdown{w: w, opt: opt, tally: newTally()}
}

func (r *markdown) Case(c *view.Case) error {
	number := uint64(0)
	if shows(c, r.opt.All) {
		number = r.shown + 1
		r.out.Reset()
		r.section(c, number)
		ok, err := r.body.add([]byte(r.out.String()))
		if err != nil {
			return err
		}
		if ok {
			r.shown++
		} else {
			number = 0
		}
	}
	r.tally.add(c, isKeepalive(c.Call), number)
	return nil
}

func (r *markdown) End(s *view.Summary) error {
	r.out.Reset()
	if !r.opt.Brief {
		r.summary(s)
	}
	if _, err := io.WriteString(r.w, r.out.String()); err != nil {
		return err
	}
	return r.body.copyTo(r.w)
}

// section writes one case: who, how it ended, the diagnosis, the ladder.
func (r *markdown) section(c *view.Case, number uint64) {
	cl := c.Call
	title := caseTitle(cl)
	if code := ending(c); code != "" {
		title += ": " + code
	}
	r.heading(fmt.Sprintf("Case %d: ", number), title)
	r.para("", who(cl))
	for _, f := range caseFacts(c, r.opt.Zone) {
		r.item("", f)
	}
	for i := range cl.Legs {
		label := "Call-ID"
		if i > 0 {
			label = "joined Call-ID"
		}
		r.item(label, legText(cl, i))
	}
	for i := range cl.Media {
		r.item("", streamText(&cl.Media[i]))
	}
	if s := routesText(c); s != "" {
		r.item("Routes", s)
	}
	r.out.WriteByte('\n')
	r.diagnosis(c)
	r.told(c)
	r.fence(newLadder(cl, maxLadderRows).paint(Options{Width: markdownWidth, Zone: r.opt.Zone}))
}

// told writes what agents said of the case; their logs are fenced.
func (r *markdown) told(c *view.Case) {
	s := toldOf(c)
	for i, line := range s.reports(c.Call) {
		if i == 0 {
			r.para("Reported of its media", "")
		}
		r.item("", line)
	}
	if len(s.heard)+s.unread > 0 {
		r.out.WriteByte('\n')
	}
	if len(s.log) > 0 {
		r.para("Log", "")
		r.fence(s.logLines(maxLogShown, r.opt.Zone))
	}
}

// diagnosis writes the cause, what proves it and what to do.
func (r *markdown) diagnosis(c *view.Case) {
	root := rootOf(c)
	if root != nil {
		r.para("Cause", root.Summary)
		r.para("", fmt.Sprintf("%s · %s · %s%s", root.ID, root.Severity, sure(root.Confidence), actsSuffix(root.Acts)))
		if len(root.Actions) > 0 {
			r.para("To do", "")
			r.steps(root.Actions)
		}
		r.advice(c.Playbooks)
	}
	tables := exhibits(c, r.opt)
	r.origin(c.Call, !hasFork(tables))
	if c.Verdict != nil {
		r.others(c.Verdict)
	}
	if root != nil {
		r.evidence(root)
	}
	for _, g := range gapTexts(c.Call.Gaps, r.opt.Zone) {
		r.item("Missing", g)
	}
	r.out.WriteByte('\n')
	r.exhibits(tables)
}

func (r *markdown) steps(actions []string) {
	for i, a := range actions {
		fmt.Fprintf(&r.out, "%d. %s\n", i+1, markdownText(a))
	}
	r.out.WriteByte('\n')
}

func (r *markdown) origin(c *call.Call, tried bool) {
	if o := c.Origin; o != nil {
		r.item("Origin", originText(c))
		for _, e := range o.Evidence {
			r.item("Origin, because", e)
		}
		for _, a := range o.Alternatives {
			r.item("Origin, or", a)
		}
	}
	if tried && len(c.Attempts) > 1 {
		for _, s := range attemptTexts(c.Attempts) {
			r.item("Tried", s)
		}
	}
}

// others names the suspect and the findings beside the root cause.
func (r *markdown) others(v *finding.Verdict) {
	if v.Suspect != nil {
		r.item("Look first at", suspectText(v.Suspect))
	}
	for i := range v.Findings {
		if f := &v.Findings[i]; !isRoot(v, f) {
			text := fmt.Sprintf("%s (%s, %s): %s", f.ID, f.Severity, sure(f.Confidence), f.Summary)
			if frames := framesText(f, r.opt.Files); frames != "" {
				text += " (" + frames + ")"
			}
			r.item("Also", text)
		}
	}
}

func (r *markdown) evidence(f *finding.Finding) {
	for i := range f.Evidence {
		if i == maxEvidenceShown {
			r.item("Proof", fmt.Sprintf("and %d more frames", len(f.Evidence)-i))
			break
		}
		if s := evidenceText(&f.Evidence[i], r.opt.Files); s != "" {
			r.item("Proof", s)
		}
	}
	if len(f.Refs) > 0 {
		r.item("See", strings.Join(f.Refs, ", "))
	}
}

// heading writes a heading of ours that ends in text.
func (r *markdown) heading(ours, text string) {
	r.out.WriteString("## " + ours + markdownText(text) + "\n\n")
}

// para writes a paragraph, item an element of a list; label is ours, text anyone's.
func (r *markdown) para(label, text string) { r.out.WriteString(labelled(label, text) + "\n\n") }

func (r *markdown) item(label, text string) { r.out.WriteString("- " + labelled(label, text) + "\n") }

func labelled(label, text string) string {
	if label != "" {
		label = "**" + label + "**: "
	}
	return strings.TrimRight(label+markdownText(text), " ")
}

// fence writes lines between fences longer than any in them.
func (r *markdown) fence(lines []string) {
	if len(lines) == 0 {
		return
	}
	text := strings.Join(lines, "\n")
	mark := strings.Repeat("`", max(3, longestRun(text)+1))
	r.out.WriteString(mark + "text\n" + text + "\n" + mark + "\n\n")
}

// longestRun returns how many backticks follow each other in s at most.
func longestRun(s string) (longest int) {
	run := 0
	for i := range len(s) {
		if s[i] != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// rows writes a table; cells are Markdown already. right says which columns hold numbers.
func (r *markdown) rows(heads []string, right string, rows [][]string) {
	rule := make([]string, len(heads))
	for i := range heads {
		if rule[i] = "---"; right[i] == 'r' {
			rule[i] = "---:"
		}
	}
	for _, row := range append([][]string{heads, rule}, rows...) {
		r.out.WriteString("| " + strings.Join(row, " | ") + " |\n")
	}
	r.out.WriteByte('\n')
}
