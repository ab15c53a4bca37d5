package render

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"sipcause/internal/call"
	"sipcause/internal/cells"
	"sipcause/internal/finding"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

func TestTextGolden(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	files := []string{"trace.pcap"}
	testkit.Golden(t, "report.txt", report(t, "text", Options{Files: files}, cases(), summary()))
	testkit.Golden(t, "report-wide-all.txt", report(t, "text", Options{Width: 132, All: true, Zone: zone, Files: files}, cases(), summary()))
	testkit.Golden(t, "report-color.txt", report(t, "text", Options{Color: true, Files: files}, cases(), summary()))
	testkit.Golden(t, "ladders.txt", report(t, "text", Options{All: true, Files: files}, ladderCases(), &view.Summary{}))
}

// ladderCases are calls over 2 to 12 elements, on one address, with events, and longer than a ladder.
func ladderCases() []*view.Case {
	var list []*view.Case
	for _, n := range []int{2, 3, 4, 5, 6, 7, 12} {
		list = append(list, chain(n, func(i int) string { return fmt.Sprintf("198.51.100.%d:5060", 10+i) }))
	}
	list = append(list,
		chain(3, func(i int) string { return fmt.Sprintf("[2001:db8:77:aa::%x]:5060", 0xa0+i) }),
		chain(3, func(i int) string { return fmt.Sprintf("127.0.0.1:%d", 5060+i) }))
	e := chain(2, func(i int) string { return fmt.Sprintf("192.0.2.%d:%d", 1+i, 5060) })
	l := e.Call.Legs[0]
	l.Events = []call.Event{
		{Kind: wire.EventICMP, Time: at(3), Ref: ref(9), Flow: l.Flows[0], From: addr("192.0.2.2:1").Addr(), Detail: "port unreachable"},
		{Kind: wire.EventICMP, Time: at(4), Ref: ref(10), Flow: l.Flows[0], From: addr("198.51.100.254:1").Addr(), Detail: "host unreachable"},
		{Kind: wire.EventSYNTimeout, Time: at(5), Ref: ref(11), Flow: l.Flows[0]},
	}
	return append(list, e)
}

// chain is a call through n elements that the last one refuses.
func chain(n int, name func(int) string) *view.Case {
	f := newFlow(call.KindCall, fmt.Sprintf("chain-%d@example.com", n), "sip:alice@example.com", "sip:bob@example.com")
	for i := range n - 1 {
		f.msg(float64(i), name(i), name(i+1), "INVITE sip:bob@example.com")
	}
	var d int32
	for i := n - 1; i > 0; i-- {
		k := f.msg(float64(100-i), name(i), name(i-1), "488 Not Acceptable Here/INVITE")
		if i == n-1 {
			d = k
		}
		f.msg(float64(100-i)+0.5, name(i-1), name(i), "ACK sip:bob@example.com")
	}
	c := f.call()
	failed(c, call.Failed, 488, "Not Acceptable Here", d)
	return &view.Case{Call: c, Verdict: verdict(c, nil)}
}

// TestTextFits holds that no line of any report is wider than asked for.
func TestTextFits(t *testing.T) {
	list := append(append(cases(), ladderCases()...), hostileCase())
	for _, w := range []int{60, 72, 80, 81, 100, 132, 200} {
		out := string(report(t, "text", Options{Width: w, All: true, Files: []string{"trace.pcap"}}, list, summary()))
		for i, line := range strings.Split(out, "\n") {
			if got := cells.Width(line); got > w {
				t.Errorf("width %d: line %d takes %d cells: %q", w, i+1, got, line)
			}
		}
	}
}

func TestTextIsSafeOnATerminal(t *testing.T) {
	c := hostileCase()
	s := summary()
	s.Files[0] = payload
	s.Undecoded[0].Name = payload
	s.Methods[0].Name = payload
	s.Gaps[0].Where = payload
	s.Findings[0].Summary = payload
	out := string(report(t, "text", Options{All: true}, []*view.Case{c}, s))
	if !utf8.ValidString(out) {
		t.Error("not UTF-8")
	}
	for i, r := range out {
		if r < 0x20 && r != '\n' || r >= 0x7f && r < 0xa0 || r >= 0x2028 && r <= 0x202e {
			t.Fatalf("raw U+%04X at %d: %q", r, i, out[max(0, i-40):i+1])
		}
	}
	if !strings.Contains(out, `\x1b[31m`) || !strings.Contains(out, `\u202e`) {
		t.Error("the escaped forms are not shown")
	}
}

func TestTextColorOnlyWhenAsked(t *testing.T) {
	plain := string(report(t, "text", Options{All: true}, cases(), summary()))
	if strings.Contains(plain, "\x1b") {
		t.Error("escape sequences without Color")
	}
	colored := string(report(t, "text", Options{All: true, Color: true}, cases(), summary()))
	bare := colored
	for _, s := range sgr[1:] {
		bare = strings.ReplaceAll(bare, s, "")
	}
	if bare = strings.ReplaceAll(bare, sgrEnd, ""); bare != plain {
		t.Error("colour changes more than colour")
	}
}

// TestTextShowsHealthyCallsOnlyWithAll: an answered call has a section only with All, or with a warning on it.
func TestTextShowsHealthyCallsOnlyWithAll(t *testing.T) {
	healthy := answeredCase()
	warned := answeredCase()
	warned.Verdict.Findings = []finding.Finding{{ID: "retry.recovered", Severity: finding.Warning, Confidence: 1, Summary: "s"}}
	for _, c := range []struct {
		name string
		all  bool
		c    *view.Case
		want bool
	}{{"healthy", false, healthy, false}, {"healthy, all", true, healthy, true}, {"warned", false, warned, true}} {
		out := string(report(t, "text", Options{All: c.all}, []*view.Case{c.c}, summary()))
		if got := strings.Contains(out, "ANSWERED"); got != c.want {
			t.Errorf("%s: section %v, want %v", c.name, got, c.want)
		}
	}
}

func TestTextFoldsKeepalives(t *testing.T) {
	for _, all := range []bool{false, true} {
		out := string(report(t, "text", Options{All: all}, cases(), summary()))
		if n := strings.Count(out, "203.0.113.32:5060  "); n < 1 {
			t.Error("no line for the silent peer")
		}
		if strings.Contains(out, "OPTIONS FAILED") || strings.Contains(out, "OPTIONS ANSWERED") {
			t.Error("a keepalive has a section of its own")
		}
		if !strings.Contains(out, "5 sent, 2 answered, 3 unanswered, silent since 03:04:31.123") {
			t.Error("counts of the silent peer are missing")
		}
	}
}

// TestTextSpoolBounded: what does not fit is counted and said, and the numbering has no holes.
func TestTextSpoolBounded(t *testing.T) {
	var out strings.Builder
	r := newText(&out, Options{Width: 80, Zone: time.UTC}).(*text)
	r.body.limit = 5000
	for range 20 {
		if err := r.Case(busyCase()); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.End(summary()); err != nil {
		t.Fatal(err)
	}
	shown := strings.Count(out.String(), "CALL BUSY")
	if shown == 0 || shown >= 20 {
		t.Fatalf("%d sections", shown)
	}
	if want := fmt.Sprintf("%d cases did not fit", 20-shown); !strings.Contains(out.String(), want) {
		t.Errorf("%q is not said", want)
	}
	if want := fmt.Sprintf("#%d and %d more", shown, 20-shown); !strings.Contains(out.String(), want) {
		t.Errorf("%q is not said", want)
	}
}

func TestSpoolUsesAFileAndKeepsOrder(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var s spool
	var want strings.Builder
	for i := range 300000 {
		rec := fmt.Sprintf("record %d\n", i)
		want.WriteString(rec)
		if ok, err := s.add([]byte(rec)); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	if s.file == nil || len(s.mem) > spoolMemory {
		t.Fatalf("no file, or %d bytes in memory", len(s.mem))
	}
	var got strings.Builder
	if err := s.copyTo(&got); err != nil {
		t.Fatal(err)
	}
	if got.String() != want.String() {
		t.Error("records changed")
	}
}

// TestTallyBounded: neither causes nor peers of a flood grow the summary.
func TestTallyBounded(t *testing.T) {
	tl := newTally()
	for i := range 10000 {
		c := busyCase()
		c.Verdict.Root.ID = finding.ID(fmt.Sprintf("code.%d", i))
		tl.add(c, false, uint64(i+1))
		k := keepaliveCase(0, fmt.Sprintf("198.51.100.7:%d", 1024+i), 200)
		tl.add(k, true, 0)
	}
	if len(tl.causes) != maxCauses || tl.untallied != 10000-maxCauses {
		t.Errorf("%d causes, %d beyond", len(tl.causes), tl.untallied)
	}
	if len(tl.peers) != maxPeers || tl.unlisted != 10000-maxPeers {
		t.Errorf("%d peers, %d beyond", len(tl.peers), tl.unlisted)
	}
}

func TestLadderFoldsAndCuts(t *testing.T) {
	f := newFlow(call.KindCall, "storm@example.com", "sip:alice@example.com", "sip:bob@example.com")
	i := f.msg(0, alice, proxy, "INVITE sip:bob@example.com")
	for k := range 9 {
		f.again(float64(500*(k+1)), i, call.Retransmission)
	}
	for k := range 2 * maxLadderRows {
		f.msg(5000+float64(k), proxy, alice, "183 Session Progress/INVITE")
	}
	d := f.msg(9000, proxy, alice, "486 Busy Here/INVITE")
	c := f.call()
	failed(c, call.Busy, 486, "Busy Here", d)
	l := newLadder(c, maxLadderRows)
	if l.rows[1].more != 8 || l.rows[1].until != at(4500) {
		t.Errorf("folded %d until %v", l.rows[1].more, l.rows[1].until)
	}
	if last := l.rows[len(l.rows)-1]; !last.deciding || len(l.rows) != maxLadderRows+1 {
		t.Errorf("%d rows, the last deciding: %v", len(l.rows), last.deciding)
	}
	if l.cut == 0 {
		t.Error("nothing counted as cut")
	}
}

func TestDuration(t *testing.T) {
	for _, c := range []struct {
		in   time.Duration
		want string
	}{
		{0, "0 ms"},
		{3 * time.Microsecond, "<0.1 ms"},
		{340 * time.Microsecond, "0.3 ms"},
		{9940 * time.Microsecond, "9.9 ms"},
		{9990 * time.Microsecond, "10 ms"},
		{999 * time.Millisecond, "999 ms"},
		{2650 * time.Millisecond, "2.6 s"},
		{90 * time.Second, "1 min 30 s"},
		{25 * time.Hour, "25 h 0 min"},
		{72 * time.Hour, "3 d 0 h"},
		{-time.Second, "-1.0 s"},
	} {
		if got := duration(c.in); got != c.want {
			t.Errorf("%d: got %q, want %q", c.in, got, c.want)
		}
	}
}
