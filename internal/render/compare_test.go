package render

import (
	"bytes"
	"strings"
	"testing"

	"sipcause/internal/call"
	"sipcause/internal/compare"
	"sipcause/internal/finding"
	"sipcause/internal/view"
)

// hostile gives a comparison whose names are what somebody sent.
func hostile() *compare.Result {
	side := func(agent string, bad int) *compare.Tally {
		t := &compare.Tally{Files: []string{"a\x1b[2J<b>.pcap"}}
		for i := range 40 {
			k := &call.Call{ID: "<i>\x1b[31m", UserAgent: agent, Outcome: call.Answered, Code: 200, Final: call.NoMsg, Began: 1e18, Ended: 1e18}
			if i < bad {
				k.Outcome, k.Code = call.Failed, 500
			}
			t.Add(&view.Case{Call: k, Verdict: &finding.Verdict{}})
		}
		return t
	}
	return compare.Compare(side("=cmd|<script>\x1b[0m/1.0", 0), side("=cmd|<script>\x1b[0m/1.0", 30))
}

func TestComparisonIsEscaped(t *testing.T) {
	r := hostile()
	for _, f := range ComparisonFormats() {
		var b bytes.Buffer
		if err := Compare(f.Name, &b, r, Options{}); err != nil {
			t.Fatal(err)
		}
		out := b.String()
		if strings.ContainsRune(out, 0x1b) {
			t.Errorf("%s: a control character", f.Name)
		}
		if !strings.Contains(out, "worse") {
			t.Errorf("%s: nothing got worse", f.Name)
		}
		switch f.Name {
		case "html":
			if strings.Contains(out, "<i>") || strings.Contains(out, "<script") || strings.Contains(out, "<b>.pcap") {
				t.Error("html: markup from traffic")
			}
		case "csv":
			if strings.Contains(out, ",=cmd") || !strings.Contains(out, ",'=cmd") {
				t.Error("csv: a formula")
			}
		}
	}
	if err := Compare("xml", nil, r, Options{}); err == nil || !strings.Contains(err.Error(), "text, json, html, csv") {
		t.Errorf("unknown format: %v", err)
	}
}
