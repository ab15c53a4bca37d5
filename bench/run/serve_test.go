package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestReadUsage(t *testing.T) {
	stat := "4242 (a (b) c) S 1 4242 4242 0 -1 4194560 1 2 3 4 150 25 7 8 20 0 9 0 1000 2000 300"
	u, err := readUsage(stat, "Name:\tx\nVmPeak:\t  999 kB\nVmHWM:\t  250000 kB\nVmRSS:\t  1 kB\n")
	if err != nil || u.cpu != 1.75 || u.peak != 256 {
		t.Errorf("%+v, %v, want 1.75 s and 256 MB", u, err)
	}
	if _, err := readUsage(stat, "Name:\tx\n"); err == nil {
		t.Error("a status without VmHWM was read")
	}
	if _, err := readUsage("4242 (x) S 1", ""); err == nil {
		t.Error("a stat that is cut was read")
	}
}

func TestUsageOfARunningProgram(t *testing.T) {
	d, err := start("sleep", "10")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.cmd.Process.Kill() }()
	if u, err := d.usage(); err != nil || u.peak <= 0 || u.peak > 1000 {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestReadBuffer(t *testing.T) {
	for text, want := range map[string]string{
		"UNCONN 0 0 127.0.0.1:9060 0.0.0.0:*\n\t skmem:(r0,rb67108864,t0,tb212992,f0,w0,o0,bl0,d0)\n": "32.0 MiB",
		"": "not known: ss does not say",
	} {
		if got := readBuffer(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// balanced is a run in which all that was sent is accounted for.
func balanced() *load {
	l := &load{scheme: "udp", asked: 100, sending: sending{sent: 100, seconds: 1}}
	l.end.Sources = []struct {
		Packets uint64
		Dropped []named
	}{{90, []named{{"kernel", 7}, {"key", 2}, {"rate", 1}}}}
	l.end.Counters = []named{{"messages", 80}, {"cases_not_stored", 4}}
	l.end.Queue.Signalling, l.end.Store.Dropped, l.end.Store.Messages = 5, 3, 82
	l.read()
	return l
}

func TestBalance(t *testing.T) {
	l := balanced()
	if l.kernel != 7 || l.refused != 3 || l.unstoredCase != 4 || l.lost() != 7+3+5+3+4 {
		t.Errorf("%+v", l)
	}
	if bad := l.imbalance(); len(bad) > 0 {
		t.Error(bad)
	}
	for what, change := range map[string]func(*load){
		"a message that nobody received": func(l *load) { l.sending.sent++ },
		"a message that nobody sent":     func(l *load) { l.end.Sources[0].Packets++ },
		"a message that is not stored":   func(l *load) { l.end.Store.Messages-- },
		"a message stored twice":         func(l *load) { l.end.Store.Messages++ },
		"drops that did not happen":      func(l *load) { l.end.Queue.Signalling++ },
	} {
		l := balanced()
		change(l)
		if len(l.imbalance()) == 0 {
			t.Errorf("%s adds up", what)
		}
	}
	if addUp(nil) != nil || addUp([]string{"x"}) == nil {
		t.Error("the run fails when it should not, or the other way round")
	}
}

func TestVerdict(t *testing.T) {
	kept := load{asked: 100, sending: sending{sent: 99, seconds: 1}, settled: 2}
	for _, tc := range []struct {
		change func(*load)
		want   string
	}{
		{func(*load) {}, "sustained"},
		{func(l *load) { l.kernel = 1 }, "dropped"},
		{func(l *load) { l.end.Store.Dropped = 1 }, "dropped"},
		{func(l *load) { l.settled = 3.1 }, "fell behind"},
		{func(l *load) { l.sending.sent = 97 }, "the sender was late"},
	} {
		l := kept
		tc.change(&l)
		if word, ok := l.verdict(); word != tc.want || ok != (tc.want == "sustained") {
			t.Errorf("%s, %v, want %s", word, ok, tc.want)
		}
	}
}

func TestHighest(t *testing.T) {
	for _, tc := range []struct {
		first, most, runs, real, want int
		asked                         string
	}{
		{40, 1000, 6, 100, 100, "[40 80 160 120 100 110]"},
		{40, 1000, 4, 25, 25, "[40 20 30 25]"},
		{40, 60, 6, 1000, 60, "[40 60]"},
		{40, 20, 6, 1000, 20, "[20]"},
		{40, 1000, 2, 0, 0, "[40 20]"},
	} {
		var asked []int
		got, err := highest(tc.first, tc.most, tc.runs, func(rate int) (bool, error) {
			asked = append(asked, rate)
			return rate <= tc.real, nil
		})
		if err != nil || got != tc.want || fmt.Sprint(asked) != tc.asked {
			t.Errorf("up to %d: %d by %v, %v, want %d by %s", tc.real, got, asked, err, tc.want, tc.asked)
		}
	}
}

func TestQuantiles(t *testing.T) {
	var l latency
	for i := range 200 {
		l.took = append(l.took, float64(i+1))
	}
	if a, b, c := l.at(0.5), l.at(0.95), l.at(1); a != 100 || b != 190 || c != 200 {
		t.Errorf("p50 %v, p95 %v, longest %v", a, b, c)
	}
	if one := (&latency{took: []float64{7}}); one.at(0.5) != 7 {
		t.Error("the median of one is another")
	}
}

func TestSearches(t *testing.T) {
	c := stored{ID: "x", To: "sip:+12015550142@example.com", Cause: "callee.busy", Code: 486, RoutesOut: []string{"203.0.113.11"}}
	c.Flows = append(c.Flows, struct{ Src string }{"[2001:db8::1]:5060"})
	var got []string
	for _, s := range searches {
		got = append(got, s.filter(&c))
		if empty := s.filter(&stored{}); empty != "" && !strings.Contains(empty, "*") {
			t.Errorf("%s of nothing is %q", s.what, empty)
		}
	}
	want := []string{`cause = "callee.busy"`, `number = "+12015*"`, `number = "*0142"`, `ip = 2001:db8::1`, `route = "203.0.113.11"`, `code = 486`}
	if !slices.Equal(got, want) {
		t.Errorf("searched for %q, want %q", got, want)
	}
}

func TestDisk(t *testing.T) {
	dir := t.TempDir()
	for name, size := range map[string]int{"m/a": 700, "m/b": 300, "c/a": 500, "catalog": 10} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d, err := diskOf(dir)
	if err != nil || d.total != 1510 || d.by["messages"] != 1000 || d.by["cases"] != 500 || d.by["catalog"] != 10 {
		t.Errorf("%+v, %v", d, err)
	}
	if got := d.per(10); got != "151 (cases 50.0, catalog 1.0, messages 100.0)" {
		t.Errorf("printed %s", got)
	}
}

func TestFreePorts(t *testing.T) {
	ports, err := freePorts(2)
	if err != nil || len(ports) != 2 || ports[0] == ports[1] {
		t.Errorf("%v, %v", ports, err)
	}
}
