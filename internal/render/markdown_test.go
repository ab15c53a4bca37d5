package render

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"sipcause/internal/testkit"
	"sipcause/internal/view"
)

func TestMarkdownGolden(t *testing.T) {
	files := []string{"trace.pcap"}
	testkit.Golden(t, "report.md", report(t, "markdown", Options{Files: files}, cases(), summary()))
	testkit.Golden(t, "report-all.md", report(t, "markdown", Options{All: true, Zone: time.FixedZone("CET", 3600), Files: files}, append(cases(), hostileCase()), hostileSummary()))
}

func hostileSummary() *view.Summary {
	s := summary()
	s.Files[0] = payload
	s.Undecoded[0].Name = payload
	s.Methods[0].Name = "a|b " + payload
	s.Gaps[0].Where = payload
	s.Findings[0].Summary = payload
	return s
}

// outsideCode returns the lines of a document without fenced blocks and code spans, each span being a §.
func outsideCode(t *testing.T, doc string) []string {
	t.Helper()
	var lines []string
	fence := ""
	for l := range strings.Lines(doc) {
		l = strings.TrimSuffix(l, "\n")
		switch run := l[:len(l)-len(strings.TrimLeft(l, "`"))]; {
		case fence != "" && l == fence:
			fence = ""
			continue
		case fence != "":
			continue
		case len(run) >= 3 && l == run+"text":
			fence = run
			continue
		}
		lines = append(lines, withoutSpans(t, l))
	}
	if fence != "" {
		t.Error("a fence is not closed")
	}
	return lines
}

// withoutSpans follows CommonMark 0.31 §6.1: a span ends at the next run of as many backticks.
func withoutSpans(t *testing.T, l string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(l, '`')
		if i < 0 {
			return b.String() + l
		}
		b.WriteString(l[:i] + "§")
		rest := strings.TrimLeft(l[i:], "`")
		mark := l[i : len(l)-len(rest)]
		for {
			j := strings.IndexByte(rest, '`')
			if j < 0 {
				t.Fatalf("span without end: %q", l)
			}
			end := strings.TrimLeft(rest[j:], "`")
			n := len(rest) - j - len(end)
			rest = end
			if n == len(mark) {
				break
			}
		}
		l = rest
	}
}

// ourMarkup is what the report itself writes at the beginning of a line.
var ourMarkup = regexp.MustCompile(`^(## |# |- |\d+\. )?(\*\*[A-Za-z, -]+\*\*:)?`)

// TestMarkdownIsInert holds that nothing of traffic is markup: outside code there is no character that could
// begin any, and no table has another number of cells in one of its rows.
func TestMarkdownIsInert(t *testing.T) {
	for name, hostile := range hostileTexts() {
		s := hostileSummary()
		s.Methods[0].Name, s.Findings[0].Summary, s.Files[0] = hostile, hostile, hostile
		c := hostileCase()
		c.Call.From, c.Call.Reason, c.Verdict.Root.Summary, c.Verdict.Root.Actions[0] = hostile, hostile, hostile, hostile
		columns := 0
		for _, l := range outsideCode(t, string(report(t, "markdown", Options{All: true}, []*view.Case{c}, s))) {
			if strings.HasPrefix(l, "| ") {
				if n := strings.Count(l, "|"); columns != 0 && n != columns {
					t.Errorf("%s: a row of %d cells, not %d: %q", name, n-1, columns-1, l)
				} else {
					columns = n
				}
				l = strings.NewReplacer("|", "", "---:", "", "---", "").Replace(l)
			} else {
				columns = 0
			}
			l = ourMarkup.ReplaceAllString(l, "")
			if strings.ContainsAny(l, "<>&[]*_\\@#|~$^\"`") || strings.Contains(l, "://") || strings.Contains(strings.ToLower(l), "www.") || strings.Contains(l, "example.") {
				t.Errorf("%s: not inert: %q", name, l)
			}
			if regexp.MustCompile(`^\s*([-+=]|\d+[.)]( |$)|/)`).MatchString(l) {
				t.Errorf("%s: begins a block: %q", name, l)
			}
		}
	}
}

// hostileTexts are tries to get out of a paragraph, a cell, a span or a fence, and to make a link.
func hostileTexts() map[string]string {
	list := map[string]string{"payload": payload}
	for i, s := range []string{
		"`", "``", "a`b``c", "``` \n# x", "~~~", "| a | b |", `\| \\| \`, "x|y`|z", "1. one", "1) one", "- x", "+ x", "* x", "# x", "> x", "=== ---",
		"[a](http://example.com)", "![a](//example.com/x.png)", "<http://example.com>", "http://example.com www.example.com bob@example.com",
		"@everyone #12 !12 GH-12 $x$ ~1 %2 :100: /close", "&lt;b&gt; &#60;", "**b** _i_ ~~s~~", "deadbeef0 0123abc", "(www.example.com)", "(", "((((", "):", "12. 13) x",
		"\u202e\u2028\u00a0", "---", "www.example.com,", "WwW.example.com", "ftp://example.com/", "xmpp:a@example.com", "mailto:a@example.com",
	} {
		list[fmt.Sprint(i)] = s
	}
	return list
}

func TestMarkdownText(t *testing.T) {
	for in, want := range map[string]string{
		"198.51.100.5:5060 said 503, in frame 7 (of 9).": "198.51.100.5:5060 said 503, in frame 7 (of 9).",
		"sip:bob@example.com, twice":                     "`sip:bob@example.com`, twice",
		"1. one":                                         "`1.` one",
		"a 1. one":                                       "a 1. one",
		"(see www.example.com)":                          "(see `www.example.com`)",
		"a`b":                                            "``a`b``",
		"`":                                              "`` ` ``",
		"x|y":                                            "`x\\x7cy`",
		"12 % of p95":                                    "12 % of p95",
		"no-answer's SIP/2.0 RFC 3261 §21.4.24":          "no-answer's SIP/2.0 RFC 3261 §21.4.24",
		"1,024 at 2026-03-14 03:02:11.123 UTC":           "1,024 at 2026-03-14 03:02:11.123 UTC",
		"1:100:2":                                        "`1:100:2`",
		"deadbeef1":                                      "`deadbeef1`",
		"2001:db8::1":                                    "`2001:db8::1`",
		"\x1b[31m":                                       "`\\x1b[31m`",
		"Žofia → 電話 · 3":                                 "Žofia → 電話 · 3",
	} {
		if got := markdownText(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

// TestMarkdownSpoolBounded: what does not fit is counted and said.
func TestMarkdownSpoolBounded(t *testing.T) {
	var out strings.Builder
	r := newMarkdown(&out, Options{Zone: time.UTC}).(*markdown)
	r.body.limit = 5000
	for range 20 {
		if err := r.Case(busyCase()); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.End(summary()); err != nil {
		t.Fatal(err)
	}
	shown := strings.Count(out.String(), "## Case ")
	if shown == 0 || shown >= 20 {
		t.Fatalf("%d sections", shown)
	}
	for _, want := range []string{fmt.Sprintf("%d cases did not fit", 20-shown), fmt.Sprintf("%d and %d more", shown, 20-shown)} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not said", want)
		}
	}
}

func TestMarkdownFenceIsLonger(t *testing.T) {
	r := &markdown{}
	r.fence([]string{"a ```` b", "```"})
	if got := r.out.String(); got != "`````text\na ```` b\n```\n`````\n\n" {
		t.Errorf("got %q", got)
	}
}
