package render

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"sipcause/internal/call"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
)

func TestMermaidGolden(t *testing.T) {
	testkit.Golden(t, "calls.mermaid.md", report(t, "mermaid", Options{}, cases(), summary()))
	testkit.Golden(t, "calls-all.mermaid.md", report(t, "mermaid", Options{All: true}, append(ladderCases(), answeredCase(), hostileCase()), summary()))
}

// mermaidLine is every line that a diagram may have; text is letters, digits, a few marks and entity codes.
var mermaidLine = regexp.MustCompile("^(```(mermaid)?|sequenceDiagram|    (title " + mermaidSafe +
	"|participant P\\d+ as " + mermaidSafe + "|P\\d+(->>|-->>|--x)P\\d+: " + mermaidSafe + "|Note over P\\d+(,P\\d+)?: " + mermaidSafe + ")|)$")

const mermaidSafe = `([\p{L}\p{Nd} .,+\-/_@()!?'→…:]|#\d+;|<br/>)+`

// mermaidCommand is what mermaid takes for a command at the beginning of a text.
var mermaidCommand = regexp.MustCompile(`^[^:]*: *(no)?wrap:`)

// TestMermaidIsInert holds that nothing of traffic leaves the text that it stands in.
func TestMermaidIsInert(t *testing.T) {
	list := hostileTexts()
	for i, s := range []string{"a;b", "%% c", "%%{init: {}}%%", "x\nend", "wrap: x", ":::", "style x:#y;", "ß ﬂ°°60¶ß", "$$x$$", "P9->>P9: x", "#quot;"} {
		list[fmt.Sprint("own", i)] = s
	}
	for name, hostile := range list {
		c := hostileCase()
		c.Call.From, c.Call.Reason, c.Verdict.Root.Summary = hostile, hostile, hostile
		out := string(report(t, "mermaid", Options{All: true}, []*view.Case{c}, summary()))
		for l := range strings.Lines(out) {
			l = strings.TrimSuffix(l, "\n")
			if !mermaidLine.MatchString(l) || strings.Contains(l, ":::") || strings.ContainsAny(l, "ßﬂ") || mermaidCommand.MatchString(l) || strings.Contains(l, "style") {
				t.Errorf("%s: not inert: %q", name, l)
			}
		}
	}
}

func TestMermaidShowsHealthyCallsOnlyWithAll(t *testing.T) {
	for _, all := range []bool{false, true} {
		out := string(report(t, "mermaid", Options{All: all}, []*view.Case{answeredCase(), keepaliveCase(0, gateway1, 200)}, summary()))
		if n := strings.Count(out, "sequenceDiagram"); n != map[bool]int{false: 0, true: 1}[all] {
			t.Errorf("all %v: %d diagrams", all, n)
		}
	}
}

// TestMermaidBounded: a storm of long messages stays below what mermaid draws, with the message that decided.
func TestMermaidBounded(t *testing.T) {
	f := newFlow(call.KindCall, "storm@example.com", "sip:alice@example.com", "sip:bob@example.com")
	f.msg(0, alice, proxy, "INVITE sip:bob@example.com")
	for k := range 5 * maxDiagramRows {
		f.msg(1+float64(k), fmt.Sprintf("[2001:db8::%x]:5060", k+1), alice, "183 "+strings.Repeat(";", 2*maxDiagramLabel)+"/INVITE")
	}
	d := f.msg(9000, proxy, alice, "486 Busy Here/INVITE")
	c := f.call()
	failed(c, call.Busy, 486, "Busy Here", d)
	out := string(report(t, "mermaid", Options{}, []*view.Case{{Call: c, Verdict: verdict(c, nil)}}, summary()))
	if len(out) >= 50_000 {
		t.Errorf("%d bytes", len(out))
	}
	if !strings.Contains(out, "P1-->>P0: +9.000 486 Busy Here") || !strings.Contains(out, "decides: frame 1002") {
		t.Error("the deciding message is missing")
	}
	drawn := strings.Count(out, "183 ")
	if want := fmt.Sprintf("not drawn: %d further messages", 5*maxDiagramRows-drawn); !strings.Contains(out, want) {
		t.Errorf("%q is not said", want)
	}
}
