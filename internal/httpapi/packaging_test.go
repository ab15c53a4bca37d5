package httpapi

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const (
	dashboard = "../../packaging/grafana/sipcause.json"
	rules     = "../../packaging/prometheus/sipcause.rules.yml"
	rulesTest = "../../packaging/prometheus/sipcause.rules.test.yml"
)

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRulesFireOnTroubleAlone(t *testing.T) {
	promtool(t, nil, "check", "rules", rules)
	promtool(t, nil, "test", "rules", rulesTest)
	test := string(readFile(t, rulesTest))
	for _, m := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(string(readFile(t, rules)), -1) {
		if !strings.Contains(test, `alertname="`+m[1]+`"`) {
			t.Errorf("%s is not tested", m[1])
		}
	}
}

// queries returns the PromQL of the dashboard, by panel.
func queries(t *testing.T) map[string][]string {
	t.Helper()
	var d struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(readFile(t, dashboard), &d); err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	n := 0
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			out[p.Title] = append(out[p.Title], q.Expr)
			n++
		}
	}
	if n < 20 {
		t.Fatalf("%d queries in the dashboard", n)
	}
	return out
}

// variables stand for what Grafana fills in.
var variables = strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*", "$route", ".*")

// promtool reads PromQL where rules have it.
func TestDashboardQueriesParse(t *testing.T) {
	type rule struct {
		Record string `json:"record"`
		Expr   string `json:"expr"`
	}
	var list []rule
	for _, exprs := range queries(t) {
		for _, e := range exprs {
			list = append(list, rule{fmt.Sprintf("panel:%d", len(list)), variables.Replace(e)})
		}
	}
	doc, err := json.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": list}}})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "rules.yml") // JSON is YAML
	if err := os.WriteFile(name, doc, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, nil, "check", "rules", name)
}

var (
	metricName  = regexp.MustCompile(`\b(?:sipcause|process|go)_[a-z0-9_]+`)
	metricLabel = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)\s*"`)
)

// Every metric that dashboard and rules name is there, and every label that they choose by is one of some metric.
func TestNamedMetricsExist(t *testing.T) {
	b := serveLab(t, someCalls(t), Options{})
	counted(t, b)
	b.get("/healthz")
	families, err := b.metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	names, labels := map[string]bool{}, []string{"instance"}
	for _, f := range families {
		names[f.GetName()] = true
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			names[f.GetName()+suffix] = f.GetType().String() == "HISTOGRAM"
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName())
			}
		}
	}
	var exprs []string
	for _, list := range queries(t) {
		exprs = append(exprs, list...)
	}
	var file struct {
		Groups []struct {
			Rules []struct{ Expr string }
		}
	}
	if err := yaml.Unmarshal(readFile(t, rules), &file); err != nil {
		t.Fatal(err)
	}
	for _, r := range file.Groups[0].Rules {
		exprs = append(exprs, r.Expr)
	}
	for _, e := range exprs {
		for _, n := range metricName.FindAllString(e, -1) {
			if !names[n] {
				t.Errorf("there is no %s, which %s names", n, e)
			}
		}
		for _, m := range metricLabel.FindAllStringSubmatch(e, -1) {
			if !slices.Contains(labels, m[1]) {
				t.Errorf("there is no label %s, by which %s chooses", m[1], e)
			}
		}
	}
}

// The examples of docs/api work as they stand there.
func TestExamplesWork(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatal("curl is missing: scripts/deps.sh installs it")
	}
	l := someCalls(t)
	b := serveLab(t, l, Options{})
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "trace.pcap"), flowsOf(t, "busy.txtar")[0].Pcap(), 0o600); err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(readFile(t, "../../docs/api/README.md")), -1)
	if len(blocks) < 6 {
		t.Fatalf("%d examples", len(blocks))
	}
	for _, m := range blocks {
		script := strings.ReplaceAll(m[1], "http://127.0.0.1:8060", b.url)
		cmd := exec.Command("bash", "-euo", "pipefail", "-c", script)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "CALL="+url.PathEscape(busyCall(b)))
		out, err := cmd.CombinedOutput()
		if err != nil || strings.Contains(m[1], "format=text") && !strings.Contains(string(out), "486") {
			t.Errorf("%v in\n%s\n%s", err, script, out)
		}
	}
	if len(l.ratings) != 1 {
		t.Errorf("ratings are %v", l.ratings)
	}
	if file := readFile(t, filepath.Join(dir, "call.pcap")); len(file) < 1000 {
		t.Errorf("the capture has %d bytes", len(file))
	}
	// The problem that the page shows is the one that comes.
	shown := regexp.MustCompile("(?s)```json\n(.*?)```").FindStringSubmatch(string(readFile(t, "../../docs/api/README.md")))[1]
	if r := b.ask("GET", "/api/v1/calls?filter="+url.QueryEscape("severity >= erorr"), ""); string(r.body) != shown {
		t.Errorf("the page shows\n%s\ncomes\n%s", shown, r.body)
	}
}
