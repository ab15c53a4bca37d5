package diagnose_test

import (
	"os"
	"testing"

	"sipcause/internal/finding"
	"sipcause/internal/pipeline"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
)

// TestMediaSeverity: the wants of media_rtp.txtar say which finding there is; here it is said how loud. What may be
// the capture's doing is a guess, and a guess alarms nobody.
func TestMediaSeverity(t *testing.T) {
	b, err := os.ReadFile("testdata/flows/media_rtp.txtar")
	if err != nil {
		t.Fatal(err)
	}
	flows, err := testkit.ParseFlows(b)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]struct {
		id       finding.ID
		severity finding.Severity
	}{
		"one-way":               {"media.one-way", finding.Error},
		"one-way-through-proxy": {"media.one-way", finding.Error},
		"one-way-gap":           {"media.one-way", finding.Info},
		"relay-one-way":         {"media.one-way", finding.Error},
		"nat-one-way":           {"media.one-way", finding.Error},
		"none":                  {"media.none", finding.Error},
		"none-rtcp":             {"media.none", finding.Error},
		"none-gap":              {"media.none", finding.Info},
		"late":                  {"media.late", finding.Warning},
		"late-one-side":         {"media.late", finding.Warning},
		"late-announcement":     {"media.late", finding.Info},
		"late-gap":              {"media.late", finding.Info},
		"stopped":               {"media.stopped", finding.Warning},
		"stopped-one-side":      {"media.stopped", finding.Warning},
		"stopped-one-side-soon": {"media.stopped", finding.Warning},
		"stopped-gap":           {"media.stopped", finding.Info},
		"unannounced-source":    {"media.unannounced-source", finding.Warning},
		"payload-mismatch":      {"media.payload-mismatch", finding.Warning},
		"payload-not-own":       {"media.payload-mismatch", finding.Warning},
		"dtmf-mismatch":         {"media.dtmf-mismatch", finding.Warning},
		"dtmf-info":             {"media.dtmf-mismatch", finding.Warning},
		"dtmf-listed-once":      {"media.dtmf-mismatch", finding.Info},
		"no-ringback":           {"media.no-ringback", finding.Warning},
		"no-ringback-180":       {"media.no-ringback", finding.Warning},
		"no-ringback-guess":     {"media.no-ringback", finding.Info},
		"no-ringback-gap":       {"media.no-ringback", finding.Info},
		"quality-loss":          {"media.quality", finding.Warning},
		"quality-jitter":        {"media.quality", finding.Warning},
		"quality-rtcp":          {"media.quality", finding.Warning},
		"quality-confirmed":     {"media.quality", finding.Warning},
		"quality-both":          {"media.quality", finding.Info},
		"quality-contradicted":  {"media.quality", finding.Info},
		"quality-gap":           {"media.quality", finding.Info},
	}
	for i := range flows {
		f := &flows[i]
		w, ok := want[f.Name]
		if !ok {
			continue
		}
		delete(want, f.Name)
		found := false
		e := pipeline.NewEngine(pipeline.Options{Workers: 1}, func(c *view.Case) error {
			for k := range c.Verdict.Findings {
				g := &c.Verdict.Findings[k]
				if g.ID != w.id {
					continue
				}
				found = true
				if g.Severity != w.severity {
					t.Errorf("%s: %s is %s (%.2f), want %s: %s", f.Name, g.ID, g.Severity, g.Confidence, w.severity, g.Summary)
				}
				t.Logf("%s: %.2f %s %q", f.Name, g.Confidence, g.Summary, g.Actions)
			}
			return nil
		})
		for _, it := range f.Items {
			switch {
			case it.Payload != nil:
				e.Payload(it.Payload)
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
		if !found {
			t.Errorf("%s: no %s", f.Name, w.id)
		}
	}
	for name := range want {
		t.Errorf("there is no flow %s", name)
	}
}
