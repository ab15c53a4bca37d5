package accuracy

import (
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"sipcause/internal/finding"
	"sipcause/internal/testkit"
)

func TestParseLabelsIsStrict(t *testing.T) {
	hash := strings.Repeat("0", 64)
	good := []string{"a-name", "testdata/x.pcap", hash, "only", "call", "failed", "404", "callee.busy", "192.0.2.1:5060", none, "frame 1"}
	with := func(column int, value string) string {
		f := append([]string(nil), good...)
		f[column] = value
		return strings.Join(f, "\t")
	}
	if _, err := parseLabels("x.tsv", "# words\n\n"+columns+"\n"+with(0, "a-name")+"\n"); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []struct{ line, want string }{
		{with(0, "A name"), "name"},
		{with(2, ""), "sha256"},
		{with(3, ""), "pick"},
		{with(3, all), "pick all"},
		{with(4, "dialog"), "kind"},
		{with(5, "fine"), "outcome"},
		{with(6, "busy"), "code"},
		{with(7, "no.such"), "no such finding"},
		{with(7, ""), "cause is empty"},
		{with(7, "none|callee.busy"), "beside others"},
		{with(8, "192.0.2.1"), "ip:port"},
		{with(9, "bob"), "ip:port"},
		{with(10, ""), "why"},
		{with(0, "a-name") + "\t", "12 columns"},
	} {
		_, err := parseLabels("x.tsv", columns+"\n"+bad.line+"\n")
		if err == nil || !strings.Contains(err.Error(), bad.want) || !strings.HasPrefix(err.Error(), "x.tsv:2: ") {
			t.Errorf("%q: error %v, want one of line 2 with %q", bad.line, err, bad.want)
		}
	}
	if _, err := parseLabels("x.tsv", with(0, "a-name")+"\n"); err == nil {
		t.Error("a table without the names of its columns was read")
	}
}

func found(id finding.ID, s finding.Severity, confidence float64) finding.Finding {
	return finding.Finding{ID: id, Severity: s, Confidence: confidence}
}

func TestCauseMark(t *testing.T) {
	busy := found("callee.busy", finding.Info, 1)
	loop := found("routing.loop", finding.Error, 0.8)
	guess := found("routing.loop", finding.Error, 0.4)
	code := found("code.480", finding.Error, 1)
	general := found("server.internal-error", finding.Error, 0.9)
	oneWay := found("media.one-way", finding.Warning, 0.8)
	for _, c := range []struct {
		name string
		want string
		root *finding.Finding
		list []finding.Finding
		mark mark
		sure float64
	}{
		{"the cause", "callee.busy", &busy, nil, right, 0},
		{"one of two", "routing.max-forwards|routing.loop", &loop, nil, right, 0},
		{"another", "callee.busy", &loop, nil, wrong, 0.8},
		{"another, general", "callee.busy", &general, nil, wrong, 0.9},
		{"another, a guess", "callee.busy", &guess, nil, honest, 0},
		{"the code only", "callee.busy", &code, nil, honest, 0},
		{"nothing", "callee.busy", nil, nil, honest, 0},
		{"the cause, a guess", "routing.loop", &guess, nil, honest, 0},
		{"of an answered call", "media.one-way", nil, []finding.Finding{oneWay}, right, 0},
		{"of an answered call, another", "media.none", nil, []finding.Finding{oneWay}, wrong, 0.8},
		{"beside the root cause", "media.one-way", &loop, []finding.Finding{loop, oneWay}, wrong, 0.8},
		{"not shown, not said", "unknown", nil, nil, right, 0},
		{"not shown, the code said", "unknown", &code, nil, right, 0},
		{"not shown, what the code says", "unknown", &general, nil, right, 0},
		{"not shown, a guess", "unknown", &guess, nil, right, 0},
		{"not shown, but said", "unknown", &loop, nil, wrong, 0.8},
		{"none", "none", nil, nil, right, 0},
		{"none, but said", "none", &busy, nil, wrong, 1},
	} {
		sure := 0.0
		l := &label{causes: strings.Split(c.want, "|")}
		if got := causeMark(l, c.root, c.list, &sure); got != c.mark || sure != c.sure {
			t.Errorf("%s: %s, sure %v; want %s, %v", c.name, markNames[got], sure, markNames[c.mark], c.sure)
		}
	}
}

func TestAddressMark(t *testing.T) {
	at := netip.MustParseAddrPort("192.0.2.1:5060")
	for _, c := range []struct {
		want string
		got  netip.AddrPort
		sure float64
		mark mark
	}{
		{"", at, 1, unsaid},
		{"192.0.2.1:5060", at, 0.4, right},
		{"192.0.2.1:5061", at, 1, wrong},
		{"192.0.2.1:5061", at, 0.4, honest},
		{"192.0.2.1:5060", netip.AddrPort{}, 0, honest},
		{none, netip.AddrPort{}, 0, right},
		{none, at, 1, wrong},
	} {
		if got := addressMark(c.want, c.got, c.sure); got != c.mark {
			t.Errorf("%q against %v: %s, want %s", c.want, c.got, markNames[got], markNames[c.mark])
		}
	}
}

func TestFind(t *testing.T) {
	a := &analysis{cases: []said{
		{ids: []string{"1"}, kind: "registration", aor: "sip:a@example.com", bad: true, code: 1},
		{ids: []string{"1"}, kind: "registration", aor: "sip:a@example.com", code: 2},
		{ids: []string{"2", "3"}, kind: "call", code: 3},
		{ids: []string{"4"}, kind: "transaction", code: 4},
	}}
	for _, c := range []struct {
		kind, pick string
		code       int
	}{
		{"registration", "aor:a@example.com", 1}, // the one that failed
		{"registration", "aor:sip:b@example.com", 0},
		{"call", "3", 3},
		{"call", only, 3},
		{"call", "5", 0},
	} {
		s, err := a.find(&label{kind: c.kind, pick: c.pick})
		if err != nil || (s == nil) != (c.code == 0) || s != nil && s.code != c.code {
			t.Errorf("%s %s: %+v, %v, want that of code %d", c.kind, c.pick, s, err, c.code)
		}
	}
	if _, err := a.find(&label{kind: "registration", pick: only}); err == nil {
		t.Error("only is one of two")
	}
	if _, err := a.find(&label{kind: "call", pick: "4"}); err != errKind {
		t.Errorf("a call that is a transaction: %v", err)
	}
}

// A bound that no score can break bounds nothing.
func TestFailures(t *testing.T) {
	cause, health := &label{causes: []string{"callee.busy"}}, &label{pick: all, causes: []string{none}}
	text := &label{set: textSet, causes: []string{"callee.busy"}}
	for _, c := range []struct {
		name   string
		scores []score
		want   []string
	}{
		{"all right", []score{{label: cause, cause: right, origin: right}, {label: health, cause: right}, {label: text, cause: right}}, nil},
		{"unknown", []score{{label: cause, cause: honest}}, []string{"right in 0 of 1"}},
		{"wrong", []score{{label: cause, cause: wrong, sure: 1}}, []string{"right in 0 of 1", "wrong in 1 of 1"}},
		{"origin", []score{{label: cause, cause: right, origin: honest}}, []string{"origin right in 0 of 1"}},
		{"healthy", []score{{label: health, cause: wrong}}, []string{"1 of 1 healthy"}},
		{"text unknown", []score{{label: text, cause: honest}}, []string{"root cause right in 0 of 1"}},
		{"text wrong, unsure", []score{{label: text, cause: right}, {label: text, cause: right}, {label: text, cause: right}, {label: text, cause: right}, {label: text, cause: wrong, sure: 0.6}}, nil},
		{"text wrong, sure", []score{{label: text, cause: right}, {label: text, cause: right}, {label: text, cause: right}, {label: text, cause: right}, {label: text, cause: wrong, sure: 0.8}}, []string{"1 wrong with more"}},
	} {
		p := &part{scores: c.scores}
		got := append(p.failures(), textFailures(p)...)
		if len(got) != len(c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
			continue
		}
		for i := range got {
			if !strings.Contains(got[i], c.want[i]) {
				t.Errorf("%s: %q, want %q", c.name, got[i], c.want[i])
			}
		}
	}
}

// What the collector of a trace wrote is not read, and a capture is read whole.
func TestTraceOf(t *testing.T) {
	for in, want := range map[string]string{
		"# root cause: busy\n-----TRACE-----\nSIP/2.0 486\n": "SIP/2.0 486\n",
		"SIP/2.0 486\n":                   "SIP/2.0 486\n",
		"\x00\n-----TRACE-----\nSIP/2.0 ": "\x00\n-----TRACE-----\nSIP/2.0 ",
	} {
		if got := string(traceOf([]byte(in))); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// A flow without a label measures nothing.
func TestEveryFlowIsLabelled(t *testing.T) {
	labels, err := readLabels()
	if err != nil {
		t.Fatal(err)
	}
	labelled := map[string]bool{}
	for i := range labels {
		labelled[labels[i].file+" "+labels[i].flow] = true
	}
	n := 0
	for file, flows := range testkit.ReadFlows(t, "flows/*.txtar") {
		for i := range flows {
			n++
			if name := flowDir + filepath.Base(file) + " " + flows[i].Name; !labelled[name] {
				t.Errorf("%s has no label", name)
			}
		}
	}
	if n < 50 {
		t.Errorf("%d flows, want at least 50", n)
	}
	t.Logf("%d flows", n)
}
