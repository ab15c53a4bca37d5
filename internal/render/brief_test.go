package render

import (
	"strings"
	"testing"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/record"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// TestBrief: two lines, whatever traffic says; what cannot be read of the verdict is the name of the cause.
func TestBrief(t *testing.T) {
	c := &view.Case{
		Call: &call.Call{
			ID: "1", From: "sip:eve\x1b[2J@example.com", To: "sip:+15550144@example.com", Code: 503, Outcome: call.Failed,
			Legs: []*call.Leg{{CallID: "1"}},
		},
		Verdict: &finding.Verdict{Findings: []finding.Finding{{ID: "server.capacity", Severity: finding.Error, Summary: "All channels\nwere taken."}}},
	}
	c.Call.Began = wire.Time(time.Date(2026, 1, 15, 12, 9, 0, 0, time.UTC).UnixNano())
	c.Call.Final = call.NoMsg
	c.Verdict.Root = &c.Verdict.Findings[0]
	c.Ways.In, c.Ways.Out = "pbx", []string{"carrier-a"}
	var s view.Subject
	rec := view.Record(c, &s)
	opt := Options{Zone: time.UTC}
	if got, want := Brief(&rec, opt), "12:09:00  503 server.capacity  eve\\x1b[2J → +15550144 · pbx > carrier-a\n          All channels\\x0awere taken.\n"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	opt.Width = 20
	if got := Brief(&rec, opt); !strings.HasSuffix(got, "\n          All chann…\n") {
		t.Errorf("in 20 columns: %q", got)
	}
	opt = Options{Zone: time.UTC, Color: true}
	rec.Doc = nil
	if got := Brief(&rec, opt); !strings.Contains(got, "\x1b[1;31mserver.capacity\x1b[0m") && !strings.Contains(got, "Trunk full") {
		t.Errorf("without a document: %q", got)
	}
	if got := Brief(&record.Case{Code: 0, Reason: "none"}, Options{Zone: time.UTC}); !strings.Contains(got, "- -  - → -\n          none\n") {
		t.Errorf("of a case that says nothing: %q", got)
	}
}
