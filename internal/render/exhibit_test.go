package render

import (
	"bytes"
	"strings"
	"testing"
)

// TestExhibitsAreVisible holds that no text of traffic in a table reaches a terminal, a page or a ticket as it is.
func TestExhibitsAreVisible(t *testing.T) {
	list := func() []exhibit {
		return []exhibit{{Label: "Fork", Title: payload, Heads: []string{"", "a"}, Rows: [][]string{{payload, payload}}, Notes: []string{payload}}}
	}
	txt := &text{opt: Options{Width: 80}, prose: 80}
	txt.exhibits(list())
	md := &markdown{}
	md.exhibits(list())
	var html bytes.Buffer
	if err := parts().ExecuteTemplate(&html, "case.tmpl", &pageCase{Exhibits: visibleExhibits(list())}); err != nil {
		t.Fatal(err)
	}
	for name, out := range map[string]string{"text": strings.Join(txt.lines, "\n"), "markdown": md.out.String(), "html": html.String()} {
		if strings.ContainsAny(out, "\x1b\x00\u202e\u2028") {
			t.Errorf("%s: what a terminal acts on is left in %q", name, out)
		}
	}
	if strings.Contains(html.String(), "<script>") || strings.Contains(html.String(), "<img") {
		t.Errorf("html: markup is left in %s", html.String())
	}
}

// TestColumns holds how a table gives way: the widest column is wrapped at its words, addresses last.
func TestColumns(t *testing.T) {
	r := &text{opt: Options{Width: 60}, prose: 60}
	r.columns(12, []string{"target", "then"}, [][]string{{"203.0.113.31:5060", "cancelled because another had answered"}, {"[2001:db8::31]:5060", ""}})
	want := []string{
		"            target               then",
		"            203.0.113.31:5060    cancelled because another",
		"                                 had answered",
		"            [2001:db8::31]:5060",
	}
	if got := strings.Join(r.lines, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	r = &text{opt: Options{Width: 60}, prose: 30}
	r.columns(12, []string{"", ""}, [][]string{{"203.0.113.31:5060", "203.0.113.32:5060"}})
	for _, l := range r.lines {
		if len(l) > 30 {
			t.Errorf("too long: %q", l)
		}
	}
	if list := exhibits(busyCase(), Options{}); len(list) != 0 {
		t.Errorf("a call without a fork has the tables %v", list)
	}
}
