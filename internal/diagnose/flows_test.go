package diagnose_test

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sipcause/internal/call"
	"sipcause/internal/diagnose"
	"sipcause/internal/finding"
	"sipcause/internal/pipeline"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
	"sipcause/sip"
)

// TestFlows plays every flow of testdata/flows through the real pipeline and holds the verdicts against its
// wants.
func TestFlows(t *testing.T) {
	fired, spared := map[finding.ID]bool{}, map[finding.ID]bool{}
	for file, flows := range testkit.ReadFlows(t, "testdata/flows/*.txtar") {
		for i := range flows {
			f := &flows[i]
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+f.Name, func(t *testing.T) { play(t, f) })
			for _, w := range f.Wants {
				fired[w.Root] = true
				for _, id := range w.Also {
					fired[id] = true
				}
				for _, id := range w.Not {
					spared[id] = true
				}
			}
		}
	}
	for _, id := range diagnose.RuleIDs() {
		if strings.HasPrefix(string(id), "tls.") {
			continue // flows have no TLS: see TestTLSCall
		}
		if !fired[id] {
			t.Errorf("%s: no flow in which it must be found", id)
		}
		if !spared[id] {
			t.Errorf("%s: no flow in which it must not be found", id)
		}
	}
}

// play runs one flow and checks what it wants, and what holds of every verdict.
func play(t *testing.T, f *testkit.Flow) {
	if len(f.Wants) == 0 {
		t.Fatal("the flow wants nothing")
	}
	met := make([]bool, len(f.Wants))
	first := firstCallID(f)
	e := pipeline.NewEngine(pipeline.Options{Workers: 1}, func(c *view.Case) error {
		sound(t, c)
		for i := range f.Wants {
			w := &f.Wants[i]
			if !c.Is(cmp.Or(w.CallID, first)) {
				continue
			}
			met[i] = true
			if miss := w.Check(c.Call, c.Verdict); len(miss) > 0 {
				t.Errorf("line %d: %s\n%s", w.Line, strings.Join(miss, "; "), describe(c))
			}
		}
		return nil
	})
	for i := range f.Items {
		switch it := &f.Items[i]; {
		case it.Payload != nil:
			e.Payload(it.Payload)
		case it.Event != nil:
			e.Event(it.Event)
		case it.Gap != nil:
			e.Gap(*it.Gap)
		case it.Media != nil:
			e.Media(it.Media)
		}
	}
	e.Reached(f.End)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for i, ok := range met {
		if !ok {
			t.Errorf("line %d: no call with Call-ID %s came out", f.Wants[i].Line, cmp.Or(f.Wants[i].CallID, first))
		}
	}
}

// firstCallID is that of the flow's first message: a want without a key is about it.
func firstCallID(f *testkit.Flow) string {
	for i := range f.Items {
		if p := f.Items[i].Payload; p != nil {
			return string(sip.CallIDOf(p.Data))
		}
	}
	return ""
}

// sound checks what every verdict owes: evidence, actions, references, one root cause where something failed.
func sound(t *testing.T, c *view.Case) {
	t.Helper()
	v := c.Verdict
	switch o := c.Call.Outcome; {
	case o == call.Unknown || o == call.Ongoing: // a fault may be proven all the same
		if v.Root != nil && v.Root.Severity < finding.Error {
			t.Errorf("outcome %s, root cause %v", o, v.Root)
		}
	case o.Bad() != (v.Root != nil):
		t.Errorf("outcome %s, root cause %v", o, v.Root)
	}
	for i := range v.Findings {
		f := &v.Findings[i]
		if len(f.Evidence) == 0 || len(f.Actions) == 0 || f.Summary == "" || f.Confidence < 0 || f.Confidence > 1 {
			t.Errorf("%s is incomplete: %+v", f.ID, f)
		}
		if strings.Contains(f.Summary, "%!") || slices.ContainsFunc(f.Actions, func(a string) bool { return strings.Contains(a, "%!") }) {
			t.Errorf("%s: a format without its argument: %q %q", f.ID, f.Summary, f.Actions)
		}
	}
	if v.Root != nil && v.Root.UserMessage == "" {
		t.Errorf("%s says nothing to the caller", v.Root.ID)
	}
}

// describe prints a case for a failing test.
func describe(c *view.Case) string {
	var b strings.Builder
	fmt.Fprintf(&b, "outcome %s code %d", c.Call.Outcome, c.Call.Code)
	if o := c.Call.Origin; o != nil {
		fmt.Fprintf(&b, " origin %s %s %.2f", o.Address, o.Role, o.Confidence)
	}
	for i := range c.Verdict.Findings {
		f := &c.Verdict.Findings[i]
		fmt.Fprintf(&b, "\n  %s %s %.2f: %s", f.ID, f.Severity, f.Confidence, f.Summary)
	}
	for _, l := range c.Call.Legs {
		for i := range l.Sightings {
			s := &l.Sightings[i]
			line, _, _ := strings.Cut(string(l.Raw(int32(i))), "\r\n")
			fmt.Fprintf(&b, "\n    %3d %s -> %s %s %s", s.Ref.Number, l.FlowOf(s).Src, l.FlowOf(s).Dst, line, s.Repeat)
		}
	}
	return b.String()
}
