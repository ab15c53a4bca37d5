package render

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sipcause/internal/render/schema"
	"sipcause/internal/retry"
	"sipcause/internal/view"
)

// retriesOf renders a summary with n sources and a tree of 503s; what comes from traffic is hostile.
func retriesOf(t *testing.T, format string, n int, all bool) string {
	t.Helper()
	a, b := netip.MustParseAddrPort("192.0.2.10:5060"), netip.MustParseAddrPort("198.51.100.1:5060")
	s := &view.Summary{Files: []string{"a.pcap"}}
	for i := range n {
		s.Retries.Sources = append(s.Retries.Sources, retry.Source{
			Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 0), Failures: 2, Retries: 8, Recovered: 1, Most: 8,
			Shape: retry.ShapeExponential, CallID: "<b>\x1b[31m", Codes: []int{503, 0, 503, 503, 503, 503, 503, 503},
			Intervals: []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute},
			Told:      3, Honoured: 2, Ignored: 1, Useless: 4, Storms: 5,
			Requests: 1, Branches: 2, Failovers: 1, Unwise: 1, Unneeded: retry.Failover{Code: 486, From: a, To: b, CallID: "x"}, Missed: 6,
		})
	}
	caller := &retry.Node{Address: netip.AddrPortFrom(a.Addr(), 0), N: 7}
	proxy := &retry.Node{Address: b, N: 9, Became: []retry.Became{{Code: 200, N: 2}}, CallID: "x", Next: []*retry.Node{caller}}
	s.Retries.Cascades = []*retry.Node{
		{Address: netip.MustParseAddrPort("203.0.113.61:5060"), N: 9, Next: []*retry.Node{proxy, {Address: a, N: 1}}},
		{Address: netip.MustParseAddrPort("203.0.113.62:5060"), N: 3, Next: []*retry.Node{{Address: a, N: 3}}}, // handed on by nobody
	}
	var out bytes.Buffer
	r, err := New(format, &out, Options{All: all})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.End(s); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestRetries(t *testing.T) {
	text := retriesOf(t, "text", 14, false)
	for _, want := range []string{
		"\n  192.0.2.0\n", "2 failures, 8 retries (5.0 tries for each failure), 1 cured by it", "longest run: 8 tries (503 ×7, no response ×1)",
		"exponential", "Retry-After: told 3, waited 2; tried too soon after Retry-After ×1", "(486 from", "and 2 more\n",
		"\n  203.0.113.61:5060 made 9\n  ├─ 198.51.100.1:5060 ×9, became 200 ×2\n  │  └─ 192.0.2.10 ×7\n  └─ 192.0.2.10:5060 ×1\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "203.0.113.62") || strings.ContainsRune(text, 0x1b) {
		t.Error("a 503 that nobody handed on is drawn, or a control character is written")
	}
	if all := retriesOf(t, "text", 14, true); !strings.Contains(all, "192.0.2.13") {
		t.Error("--all does not show all")
	}
	for _, line := range strings.Split(text, "\n") {
		if n := len([]rune(line)); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if page := retriesOf(t, "html", 1, false); !strings.Contains(page, `&lt;b&gt;\x1b[31m`) || !strings.Contains(page, "203.0.113.61:5060 made 9") {
		t.Error("the page lacks the retries, or does not escape them")
	}
	if md := retriesOf(t, "markdown", 1, false); !strings.Contains(md, "| 192.0.2.0 |") || !strings.Contains(md, "\n```text\n203.0.113.61:5060 made 9\n") {
		t.Error("markdown lacks the retries or the cascades")
	}
	if err := schema.ValidateJSON([]byte(retriesOf(t, "json", 14, false))); err != nil {
		t.Error(err)
	}
	if err := schema.ValidateNDJSON([]byte(retriesOf(t, "ndjson", 14, false))); err != nil {
		t.Error(err)
	}
}

// TestCascadesAreCut: a long tree is cut, and the rest is counted.
func TestCascadesAreCut(t *testing.T) {
	proxy := &retry.Node{Address: netip.MustParseAddrPort("198.51.100.1:5060"), N: 100}
	for i := range 100 {
		proxy.Next = append(proxy.Next, &retry.Node{Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 5060), N: 1})
	}
	s := &view.Summary{}
	s.Retries.Cascades = []*retry.Node{{Address: netip.MustParseAddrPort("203.0.113.61:5060"), N: 100, Next: []*retry.Node{proxy}}}
	lines := cascadeLines(s, false)
	if len(lines) != cascadesShown+1 || lines[cascadesShown] != fmt.Sprintf("and %d more lines", 102-cascadesShown) || len(cascadeLines(s, true)) != 102 {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}
