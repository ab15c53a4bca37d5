package render

import (
	"fmt"
	"strings"

	"sipcause/code/playbooks"
	"sipcause/internal/cells"
)

// adviceHead says what a playbook is about: "for Kamailio, which calls itself “kamailio (5.8.2)”: why".
func adviceHead(a *playbooks.Advice) string {
	if a.Vendor == "" {
		return a.Cause
	}
	return fmt.Sprintf("for %s (“%s”): %s", a.Vendor, a.Seen, a.Cause)
}

// adviceSteps are the lines below the head, each with its label.
func adviceSteps(a *playbooks.Advice) (steps []labelledText) {
	for _, s := range a.Checks {
		steps = append(steps, labelledText{"check", s})
	}
	for _, f := range a.Fixes {
		steps = append(steps, labelledText{f.Label(), f.String()})
	}
	if a.Call != "" {
		steps = append(steps, labelledText{"call", a.Call})
	}
	if len(a.Refs) > 0 {
		refs := make([]string, len(a.Refs))
		for i, r := range a.Refs {
			refs[i] = r.String()
		}
		steps = append(steps, labelledText{"see", strings.Join(refs, ", ")})
	}
	return steps
}

type labelledText struct{ Label, Text string }

// advice writes what the playbooks say of the root cause.
func (r *text) advice(list []playbooks.Advice) {
	label := "PLAYBOOK"
	for i := range list {
		a := &list[i]
		r.field(label, bold, adviceHead(a))
		for _, s := range adviceSteps(a) {
			r.item(2+labelWidth, cells.Pad(s.Label+": ", 7), dim, s.Text)
		}
		label = ""
	}
}

// advice writes what the playbooks say of the root cause.
func (r *markdown) advice(list []playbooks.Advice) {
	for i := range list {
		a := &list[i]
		r.para("Playbook", adviceHead(a))
		for _, s := range adviceSteps(a) {
			r.item(s.Label, s.Text)
		}
		r.out.WriteByte('\n')
	}
}

// pageAdvice is a playbook as the template shows it.
type pageAdvice struct {
	ID, Head string
	Steps    []labelledText
}

func pageAdviceOf(list []playbooks.Advice) (out []pageAdvice) {
	for i := range list {
		a := &list[i]
		p := pageAdvice{ID: cells.Visible(a.ID), Head: cells.Visible(adviceHead(a))}
		for _, s := range adviceSteps(a) {
			p.Steps = append(p.Steps, labelledText{s.Label, cells.Visible(s.Text)})
		}
		out = append(out, p)
	}
	return out
}

// playbooks writes the member of a root cause.
func (e *encoder) playbooks(list []playbooks.Advice) {
	each(e, "playbooks", list, func(a *playbooks.Advice) {
		e.raw("{")
		e.text("id", a.ID)
		e.textOrNull("vendor", a.Vendor)
		e.textOrNull("seen", a.Seen)
		e.text("cause", a.Cause)
		e.texts("checks", a.Checks)
		each(e, "fixes", a.Fixes, func(f *playbooks.Fix) {
			e.raw("{")
			e.textOrNull("set", f.Set)
			e.textOrNull("where", f.Where)
			e.textOrNull("do", f.Do)
			e.raw("}")
		})
		e.textOrNull("call", a.Call)
		each(e, "refs", a.Refs, func(r *playbooks.Ref) {
			e.raw("{")
			e.textOrNull("title", r.Title)
			e.textOrNull("url", r.URL)
			e.raw("}")
		})
		e.text("source", a.Source)
		e.raw("}")
	})
}
