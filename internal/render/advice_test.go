package render

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"sipcause/code/playbooks"
	"sipcause/internal/render/schema"
	"sipcause/internal/view"
)

// advisedCase is a failed call with two playbooks, one about software with a hostile name.
func advisedCase() *view.Case {
	c := busyCase()
	c.Playbooks = []playbooks.Advice{
		{
			Entry: &playbooks.Entry{
				ID: "p.full", Cause: "Because of the <setting>.", Checks: []string{"First?", "Second?"},
				Fixes: []playbooks.Fix{{Set: "allow=alaw", Where: "pjsip.conf", Do: "names a codec"}, {Do: "Restart."}, {Set: "x", Where: "y"}, {Where: "the menu", Do: "choose"}},
				Call:  "The carrier.", Refs: []playbooks.Ref{{Title: "Manual", URL: "https://example.com/m"}, {URL: "https://example.com/u"}, {Title: "RFC 3398 §7"}},
				Source: playbooks.Embedded,
			},
			Vendor: "Some <Vendor>", Seen: "evil\x1b[31m</li><script>|*x*",
		},
		{Entry: &playbooks.Entry{ID: "p.bare", Cause: "Just so.", Checks: []string{"Look."}, Source: "mine/a.yaml"}},
	}
	return c
}

func TestAdviceInReports(t *testing.T) {
	list := []*view.Case{advisedCase()}
	text := string(report(t, "text", Options{}, list, summary()))
	for _, want := range []string{
		"\n  PLAYBOOK  for Some <Vendor> (“evil\\x1b[31m</li><script>|*x*”): Because of the\n",
		"\n            check: First?\n            check: Second?\n            set:   allow=alaw (pjsip.conf): names a codec\n            do:    Restart.\n",
		"\n            set:   x (y)\n            do:    In the menu: choose\n            call:  The carrier.\n            see:   Manual <https://example.com/m>, <https://example.com/u>, RFC\n                   3398 §7\n            Just so.\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("text has not %q:\n%s", want, text)
		}
	}
	html := string(report(t, "html", Options{}, list, summary()))
	if strings.Contains(html, "<script>|") || !strings.Contains(html, "<li>set: allow=alaw (pjsip.conf): names a codec</li>") || !strings.Contains(html, "<b>p.bare</b> Just so.") {
		t.Error("html: playbooks are missing, or not escaped")
	}
	md := string(report(t, "markdown", Options{}, list, summary()))
	if strings.Contains(md, "\x1b") || strings.Contains(md, "\n</li>") || !strings.Contains(md, "\n**Playbook**: for Some `<Vendor>`") || !strings.Contains(md, "\n- **call**: The carrier.\n") {
		t.Errorf("markdown:\n%s", md)
	}
}

// TestAdviceInJSON: playbooks are a member of the root cause alone, and the finding it repeats stays as it was.
func TestAdviceInJSON(t *testing.T) {
	doc := report(t, "json", Options{}, []*view.Case{advisedCase()}, summary())
	if err := schema.ValidateJSON(doc); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Calls []struct {
			Root     map[string]any   `json:"root_cause"`
			Findings []map[string]any `json:"findings"`
		} `json:"calls"`
	}
	if err := json.Unmarshal(doc, &got); err != nil || len(got.Calls) != 1 {
		t.Fatal(err)
	}
	call := got.Calls[0]
	list, _ := call.Root["playbooks"].([]any)
	if len(list) != 2 || strings.Count(string(doc), `"playbooks"`) != 1 {
		t.Fatalf("playbooks: %v", list)
	}
	first := list[0].(map[string]any)
	if first["vendor"] != "Some <Vendor>" || first["source"] != "embedded" || len(first["fixes"].([]any)) != 4 || list[1].(map[string]any)["vendor"] != nil {
		t.Errorf("%v", first)
	}
	i := slices.IndexFunc(call.Findings, func(f map[string]any) bool { return f["id"] == call.Root["id"] })
	if i < 0 || call.Findings[i]["playbooks"] != nil || len(call.Findings[i]) != len(call.Root)-1 {
		t.Errorf("finding %v", call.Findings)
	}
}
