package anatomy_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sipcause/internal/anatomy"
	"sipcause/internal/call"
	"sipcause/internal/pipeline"
	"sipcause/internal/render"
	"sipcause/internal/render/schema"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
	"sipcause/sdp"
	"sipcause/sip"
)

// TestFlows plays the flows of testdata/flows through the real pipeline and compares what is said of each call with
// the golden file. What json and html make of them must be sound.
func TestFlows(t *testing.T) {
	for file, flows := range testkit.ReadFlows(t, "testdata/flows/*.txtar") {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) {
			var out, tables bytes.Buffer
			for i := range flows {
				fmt.Fprintf(&out, "== %s\n", flows[i].Name)
				fmt.Fprintf(&tables, "== %s\n", flows[i].Name)
				play(t, &flows[i], &out, &tables)
			}
			testkit.Golden(t, name+".txt", out.Bytes())
			testkit.Golden(t, name+".tables.txt", tables.Bytes())
		})
	}
}

func play(t *testing.T, f *testkit.Flow, out, tables *bytes.Buffer) {
	var json, text bytes.Buffer
	r, err := render.New("ndjson", &json, render.Options{All: true})
	if err != nil {
		t.Fatal(err)
	}
	report, err := render.New("text", &text, render.Options{All: true, Brief: true})
	if err != nil {
		t.Fatal(err)
	}
	first := string(sip.CallIDOf(f.Items[0].Payload.Data))
	met := make([]bool, len(f.Wants))
	e := pipeline.NewEngine(pipeline.Options{Workers: 1}, func(c *view.Case) error {
		for i := range f.Wants {
			w := &f.Wants[i]
			if c.Is(cmp.Or(w.CallID, first)) {
				met[i] = true
				for _, miss := range w.Check(c.Call, c.Verdict) {
					t.Errorf("%s: %s", f.Name, miss)
				}
			}
		}
		var o anatomy.Offers
		for _, fork := range anatomy.Forks(c.Call) {
			printFork(out, c.Call, &fork)
		}
		for _, d := range o.Of(c.Call) {
			printDialog(out, c.Call, &d)
		}
		for _, g := range anatomy.Rounds(c.Call) {
			printRound(out, c.Call, &g)
		}
		return errors.Join(r.Case(c), report.Case(c))
	})
	feed(t, e, f)
	if err := errors.Join(r.End(&view.Summary{}), report.End(&view.Summary{})); err != nil {
		t.Fatal(err)
	}
	keepTables(tables, text.String())
	keepsSecrets(t, f, json.String()+text.String())
	if err := schema.ValidateNDJSON(json.Bytes()); err != nil {
		t.Errorf("%s: %v", f.Name, err)
	}
	if slices.Contains(met, false) {
		t.Errorf("%s: a want found no call", f.Name)
	}
}

// feed plays a flow through an engine.
func feed(t *testing.T, e *pipeline.Engine, f *testkit.Flow) {
	t.Helper()
	for i := range f.Items {
		switch it := &f.Items[i]; {
		case it.Event != nil:
			e.Event(it.Event)
		case it.Media != nil:
			e.Media(it.Media)
		default:
			e.Payload(it.Payload)
		}
	}
	e.Reached(f.End)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

// keepsSecrets holds that a report tells no response digest.
func keepsSecrets(t *testing.T, f *testkit.Flow, report string) {
	t.Helper()
	for i := range f.Items {
		if f.Items[i].Payload == nil {
			continue
		}
		var m sip.Message
		if err := m.Parse(f.Items[i].Payload.Data); err != nil {
			t.Fatal(err)
		}
		for n := range m.Credentials() {
			if len(n.Response) >= 32 && strings.Contains(report, string(n.Response)) {
				t.Errorf("%s: a report tells the response digest", f.Name)
			}
		}
	}
}

// keepTables copies the lines under the labels of tables.
func keepTables(w *bytes.Buffer, report string) {
	keep := false
	for line := range strings.Lines(report) {
		if len(line) > 3 && line[:2] == "  " && line[2] >= 'A' && line[2] <= 'Z' {
			label, _, _ := strings.Cut(line[2:], " ")
			keep = label == "FORK" || label == "OFFER" || label == "LOGIN"
		}
		if keep && strings.TrimSpace(line) != "" {
			w.WriteString(line)
		}
	}
}

func frame(c *call.Call, r call.MsgRef) string {
	if !r.Valid() {
		return "-"
	}
	return fmt.Sprintf("#%d", c.Sighting(r).Ref.Number)
}

func printFork(w *bytes.Buffer, c *call.Call, f *anatomy.Fork) {
	fmt.Fprintf(w, "fork by %s (%s) serial=%v sent %d %s from %d, preferred %d of %d, 199 %d\n", f.By, f.Role, f.Serial, f.Code, frame(c, f.Sent), f.From, f.Preferred, f.PreferredBranch, len(f.Gone))
	for i := range f.Branches {
		b := &f.Branches[i]
		fmt.Fprintf(w, "  %d %s %s: %d, %d %s", i, b.Target, b.URI, b.Provisional, b.Code, frame(c, b.Final))
		if b.Code != 0 {
			fmt.Fprintf(w, " after %s", b.FinalAt.Sub(b.Began))
		}
		if b.Why != anatomy.NotCancelled {
			fmt.Fprintf(w, ", cancelled %s by %s", frame(c, b.Cancel), b.Why)
		}
		if b.Answer != anatomy.NoAnswer {
			fmt.Fprintf(w, ", answer %s", b.Answer)
		}
		fmt.Fprintln(w)
	}
	for _, n := range f.Notes {
		fmt.Fprintf(w, "  ! %s branch %d code %d\n", n.Kind, n.Branch, n.Code)
	}
}

func printDialog(w *bytes.Buffer, c *call.Call, d *anatomy.Dialog) {
	fmt.Fprintf(w, "dialog %d of leg %d, digits %d, events %d\n", d.Dialog, d.Leg, d.Digits, d.Events)
	for _, e := range d.Early {
		fmt.Fprintf(w, "  early %s %d sdp=%v reliable=%v %q\n", frame(c, e.Msg), e.Status, e.SDP, e.Reliable, e.EarlyMedia)
	}
	for i := range d.Exchanges {
		e := &d.Exchanges[i]
		fmt.Fprintf(w, "  %s: %s; answer %s; preview %s; %s %d; delayed=%v", e.Change, description(c, &e.Offer), description(c, &e.Answer), description(c, &e.Preview), e.Result, e.Code, e.Delayed)
		for side := range e.Held {
			if e.Held[side] {
				fmt.Fprintf(w, "; %s holds", anatomy.SideName(side))
			}
		}
		fmt.Fprintln(w)
		for k := range e.Streams {
			s := &e.Streams[k]
			fmt.Fprintf(w, "    %s %s: %s", s.Offer.Type, s.Result, side(s.Offer))
			if s.Answer != nil {
				fmt.Fprintf(w, " | %s", side(s.Answer))
			}
			if f := s.Agreed(); f != nil {
				fmt.Fprintf(w, " = %s", f)
			}
			fmt.Fprintf(w, "; events %s\n", s.Events)
		}
	}
}

func description(c *call.Call, d *anatomy.Description) string {
	if !d.Msg.Valid() {
		return "-"
	}
	s := frame(c, d.Msg) + " " + anatomy.SideName(d.By) + " " + d.Method.String()
	if d.Status != 0 {
		s += fmt.Sprintf("/%d", d.Status)
	}
	if d.Session == nil {
		s += " without"
	}
	return s
}

func side(m *sdp.Media) string {
	return fmt.Sprintf("%s:%d %s [%s] %s", m.Connection.Host, m.Port, m.Proto, strings.Join(sdp.CodecList(m), " "), m.Direction)
}

func printRound(w *bytes.Buffer, c *call.Call, g *anatomy.Round) {
	fmt.Fprintf(w, "round of %s %s: asked %s %d by %s, sent %s: %s %d %s\n", g.Client, g.Method, frame(c, g.Asked), g.Code, g.Challenger, frame(c, g.Sent), g.Result, g.Final, frame(c, g.FinalAt))
	for _, n := range g.Challenges {
		fmt.Fprintf(w, "  asks %+v\n", n)
	}
	for _, n := range g.Credentials {
		fmt.Fprintf(w, "  sends %+v\n", n)
	}
	for _, d := range g.Differences {
		fmt.Fprintf(w, "  ! %s %q want %q\n", d.Kind, d.Sent, d.Want)
	}
}
