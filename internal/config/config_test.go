package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sipcause/internal/capture"
	"sipcause/internal/route"
	"sipcause/internal/store"
)

var update = flag.Bool("update", false, "write docs/configuration.md and packaging/sipcause.yaml anew")

func environ(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, p := range pairs {
			if n, v, _ := strings.Cut(p, "="); n == name {
				return v, true
			}
		}
		return "", false
	}
}

// write makes a file sipcause.yaml; errors then name it without its folder.
func write(t *testing.T, text string) string {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("sipcause.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "sipcause.yaml"
}

func load(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Load(write(t, text), environ("STATE_DIRECTORY=/state"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func equal(a, b *Config) string {
	return cmp.Diff(a, b, cmpopts.IgnoreUnexported(Config{}), cmp.Comparer(sameZone), comparePrefix)
}

func sameZone(a, b *time.Location) bool {
	return a == b || a != nil && b != nil && a.String() == b.String()
}

var comparePrefix = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

// What is in force with no configuration at all, each value written by hand.
func TestDefaults(t *testing.T) {
	c, err := Load("", environ("STATE_DIRECTORY=/state:/more"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Listen: "127.0.0.1:8060", Hosts: []string{}, Data: "/state",
		HEP:     HEP{Listen: []Listener{{"udp", "127.0.0.1:9060"}}, Allow: []netip.Prefix{}},
		Capture: Capture{Interfaces: []string{}, Ports: capture.DefaultPorts(), Promiscuous: true, Snaplen: 65535, Ring: 32 << 20, Fanout: 1, RTP: true},
		Watch:   []string{}, Store: Store{Flush: time.Second, Durability: "normal", Queue: 64 << 20},
		Retention: store.Policy{Messages: 7 * day, Cases: 90 * day, Rollups: 730 * day, MaxBytes: 20e9, MinFree: 1e9},
		Routes:    []route.Rule{}, DiscoverRoutes: 256, JoinHeaders: []string{}, Maintenance: []Window{},
		OTLP: OTLP{Interval: time.Minute, Headers: []string{}}, Log: Log{Format: "text"},
	}
	if d := equal(c, want); d != "" {
		t.Error(d)
	}
	for _, o := range Options() {
		if got := c.Origin(o.Key); got != (Origin{Source: "default"}) {
			t.Errorf("%s comes from %v", o.Key, got)
		}
	}
	if n := c.Notes(); n != nil {
		t.Errorf("the defaults are noted: %q", n)
	}
}

const full = `
listen: "[::1]:8070"
hosts: [Noc.example.com., sip-1.example.net]
pprof: localhost:6060
data: /data
user: sip
hep:
  listen:
    - udp://0.0.0.0:9060
    - tls://[::]:9061
  key: topsecret
  allow: [192.0.2.0/24, "2001:db8::1"]
  rate: 5000
  tls: {cert: /c.pem, key: /k.pem}
capture: {interfaces: eth0, ports: [5060, 5062-5070], promiscuous: false, snaplen: 2048, ring: 8MiB, fanout: 2, rtp: false}
watch: [/spool/a, "/spool/b"]
store: {flush: 250ms, durability: full, queue: 128MiB}
retention: {messages: 48h, cases: 30d, rollups: off, max_bytes: 500GB, min_free: off}
routes:
  - name: carrier-a
    addresses: [192.0.2.0/24]
    ports: 5060
    direction: in
  - {name: carrier-a, domains: "*.Example.com", direction: out}
discover_routes: 9
join_headers: [X-Leg, "x-other"]
rating_header: X-Rating
playbooks: /books
stir_certs: /certs
maintenance:
  - {name: once, route: carrier-a, from: 2026-03-01T02:00:00Z, until: "2026-03-01T03:30:00+01:00"}
  - name: weekly
    weekly: Sun 23:00-01:00 Europe/Berlin
otlp:
  endpoint: https://otlp.example.com/v1/metrics
  interval: 30s
  headers: ["Authorization: Bearer a,b"]
log: {level: debug, format: json}
`

func fullConfig(t *testing.T) *Config {
	t.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return &Config{
		Listen: "[::1]:8070", Hosts: []string{"noc.example.com", "sip-1.example.net"}, Pprof: "localhost:6060", Data: "/data", User: "sip",
		HEP: HEP{
			Listen: []Listener{{"udp", "0.0.0.0:9060"}, {"tls", "[::]:9061"}}, Key: "topsecret", Rate: 5000, Cert: "/c.pem", CertKey: "/k.pem",
			Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::1/128")},
		},
		Capture: Capture{Interfaces: []string{"eth0"}, Ports: []capture.PortRange{{First: 5060, Last: 5060}, {First: 5062, Last: 5070}}, Snaplen: 2048, Ring: 8 << 20, Fanout: 2},
		Watch:   []string{"/spool/a", "/spool/b"}, Store: Store{Flush: 250 * time.Millisecond, Durability: "full", Queue: 128 << 20},
		Retention: store.Policy{Messages: 2 * day, Cases: 30 * day, MaxBytes: 500e9},
		Routes: []route.Rule{
			{Name: "carrier-a", Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Ports: []uint16{5060}, Direction: "in"},
			{Name: "carrier-a", Domains: []string{"*.example.com"}, Direction: "out"},
		},
		DiscoverRoutes: 9, JoinHeaders: []string{"X-Leg", "x-other"}, RatingHeader: "X-Rating", Playbooks: "/books", StirCerts: "/certs",
		Maintenance: []Window{
			{Name: "once", Route: "carrier-a", From: time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC), Until: time.Date(2026, 3, 1, 2, 30, 0, 0, time.UTC)},
			{Name: "weekly", Weekly: Weekly{Day: time.Sunday, From: 23 * time.Hour, Until: time.Hour, Zone: berlin}},
		},
		OTLP: OTLP{Endpoint: "https://otlp.example.com/v1/metrics", Interval: 30 * time.Second, Headers: []string{"Authorization: Bearer a,b"}},
		Log:  Log{Level: -4, Format: "json"},
	}
}

func TestFile(t *testing.T) {
	c := load(t, full)
	if d := equal(c, fullConfig(t)); d != "" {
		t.Error(d)
	}
	for key, line := range map[string]int{"listen": 2, "hep.listen": 8, "hep.key": 11, "routes": 19, "log.format": 38} {
		o := c.Origin(key)
		if o.Source != "file" || o.At != fmt.Sprintf("sipcause.yaml:%d", line) {
			t.Errorf("%s comes from %v, want line %d", key, o, line)
		}
	}
	for _, o := range Options() {
		if got := c.Origin(o.Key).Source; got != "file" && o.Key != "hep.key_file" {
			t.Errorf("%s comes from %s: the test has no value for it", o.Key, got)
		}
	}
}

// A flag wins over the environment, that over the file, that over the default; for every option.
func TestPrecedence(t *testing.T) {
	file := write(t, full)
	c, err := Load(file, environ("STATE_DIRECTORY=/state"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defaults, err := Load("", environ("STATE_DIRECTORY=/state"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range Options() {
		if o.Key == "hep.key_file" || o.Secret {
			continue
		}
		text, err := flow(o.bind.show(defaults))
		if err != nil {
			t.Fatal(err)
		}
		text = strings.TrimSpace(text)
		if strings.HasPrefix(text, "[") && !o.bind.nested {
			if text = strings.Trim(text, "[]"); text == "" {
				text = off
			}
		}
		text = strings.Trim(text, `"'`)
		if o.Key == "hep.tls.cert" || o.Key == "hep.tls.key" {
			text = "/other.pem"
		}
		env, err := Load(file, environ("STATE_DIRECTORY=/state", o.Env()+"="+text), nil)
		if err != nil {
			t.Fatalf("%s=%s: %v", o.Env(), text, err)
		}
		if _, err := Load(file, environ(o.Env()+"=broken,\x00[", "STATE_DIRECTORY=/state"), map[string][]string{o.Flag: {text}}); err == nil {
			t.Errorf("%s: a broken value that a flag covers is passed over", o.Env())
		}
		byFlag, err := Load(file, environ("STATE_DIRECTORY=/state", o.Env()+"="), map[string][]string{o.Flag: {text}})
		if err != nil {
			t.Fatalf("--%s=%s: %v", o.Flag, text, err)
		}
		if got := env.Origin(o.Key); got != (Origin{"env", o.Env()}) {
			t.Errorf("%s: with its variable it comes from %v", o.Key, got)
		}
		if got := byFlag.Origin(o.Key); got != (Origin{"flag", "--" + o.Flag}) {
			t.Errorf("%s: with its flag it comes from %v", o.Key, got)
		}
		if d := cmp.Diff(o.bind.show(env), o.bind.show(byFlag)); d != "" {
			t.Errorf("%s: variable and flag differ: %s", o.Key, d)
		}
		if cmp.Equal(o.bind.show(env), o.bind.show(c)) {
			t.Errorf("%s: its variable does not change what the file says: %v", o.Key, o.bind.show(c))
		}
	}
}

func TestFlags(t *testing.T) {
	c, err := Load("", environ("SIPCAUSE_HEP_ALLOW=192.0.2.1, 192.0.2.2"), map[string][]string{
		"hep": {"tcp://127.0.0.1:9060", "udp://127.0.0.1:9060"}, "iface": {"eth0,eth1", "eth2"}, "rtp": {"false"}, "log-level": {"debug", "warn"},
		"route":       {"{name: a, addresses: 192.0.2.0/24}", "[{name: b, ports: 5080}]"},
		"maintenance": {"{name: m, weekly: Mon 01:00-02:00}"},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(c.HEP.Listen, c.HEP.Allow, c.Capture.Interfaces, c.Capture.RTP, c.Log.Level, c.Routes, c.Maintenance[0].Weekly)
	want := "[tcp://127.0.0.1:9060 udp://127.0.0.1:9060] [192.0.2.1/32 192.0.2.2/32] [eth0 eth1 eth2] false WARN [{a [192.0.2.0/24] [] [] } {b [] [5080] [] }] Mon 01:00-02:00 UTC"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestPathFromEnvironment(t *testing.T) {
	file := write(t, "listen: 127.0.0.1:1\n")
	c, err := Load("", environ(PathEnv+"="+file), nil)
	if err != nil || c.Listen != "127.0.0.1:1" {
		t.Errorf("%v, %v", c, err)
	}
	if _, err := Load("none.yaml", environ(), nil); err == nil || err.Error() != "read configuration none.yaml: no such file or directory" {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestKeyFile(t *testing.T) {
	file := write(t, "hep: {key_file: key}")
	if err := os.WriteFile("key", []byte("sesame\r\nmore"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(file, environ(), nil)
	if err != nil || c.HEP.Key != "sesame" {
		t.Fatalf("%v, %v", c, err)
	}
	if err := os.WriteFile("key", []byte("changed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := c.Again()
	if err != nil {
		t.Fatal(err)
	}
	if now, later := Diff(c, again); now != nil || !slices.Equal(later, []string{"hep.key"}) {
		t.Errorf("a new key: %v, %v", now, later)
	}
	for _, bad := range []string{"", "\nx", strings.Repeat("x", maxKey+1)} {
		if err := os.WriteFile("key", []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Again(); err == nil {
			t.Errorf("the key file %.10q is accepted", bad)
		}
	}
}

func TestDataFolder(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	if got := dataFolder(environ("STATE_DIRECTORY=/a")); got != "/a" {
		t.Error(got)
	}
	want := filepath.Join(home, ".local/share/sipcause")
	if canWrite(systemData) {
		want = systemData
	}
	if got := dataFolder(environ()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !canWrite(home) || !canWrite(filepath.Join(home, "new")) || canWrite(filepath.Join(home, "no", "no")) {
		t.Error("canWrite")
	}
}

func TestDiff(t *testing.T) {
	a, b := load(t, full), load(t, full)
	if now, later := Diff(a, b); now != nil || later != nil {
		t.Errorf("the same: %v, %v", now, later)
	}
	b = load(t, strings.NewReplacer("48h", "24h", "192.0.2.0/24]", "192.0.2.0/25]", "250ms", "2s", "Sun 23", "Mon 23", "topsecret", "other").Replace(full))
	now, later := Diff(a, b)
	if d := cmp.Diff(now, []string{"retention.messages", "maintenance"}); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(later, []string{"hep.key", "store.flush", "routes"}); d != "" {
		t.Error(d)
	}
}

// What is printed is a configuration of the same values; secrets are not in it.
func TestPrint(t *testing.T) {
	c := load(t, full)
	var text, js bytes.Buffer
	if err := c.WriteYAML(&text); err != nil {
		t.Fatal(err)
	}
	if err := c.WriteJSON(&js); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{text.String(), js.String()} {
		if strings.Contains(s, "topsecret") || strings.Contains(s, "Bearer") {
			t.Errorf("a secret is shown:\n%s", s)
		}
	}
	if !strings.Contains(text.String(), "rate: 5000  # file sipcause.yaml:13\n") {
		t.Errorf("no origin:\n%s", text.String())
	}
	again := strings.NewReplacer(`key: "***"`, "key: topsecret", `key: '***'`, "key: topsecret", `headers: "***"`, `headers: ["Authorization: Bearer a,b"]`, `headers: '***'`, `headers: ["Authorization: Bearer a,b"]`).Replace(text.String())
	if d := equal(load(t, again), c); d != "" {
		t.Errorf("%s\n%s", again, d)
	}
	var doc map[string]struct {
		Value      any
		Source, At string
	}
	if err := json.Unmarshal(js.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc) != len(table) || doc["hep.rate"].Value != 5000. || doc["hep.rate"].At != "sipcause.yaml:13" || doc["hep.key"].Value != hidden {
		t.Errorf("JSON: %s", js.String())
	}
	if _, err := Load(write(t, text.String()), environ(), nil); err == nil {
		t.Error("hidden secrets are accepted as secrets")
	}
}

func TestNotes(t *testing.T) {
	for text, want := range map[string]string{
		"hep: {listen: udp://0.0.0.0:9060}":                        "takes packets from anybody",
		"hep: {listen: 'tcp://:9060'}":                             "takes packets from anybody",
		"hep: {listen: udp://0.0.0.0:9060, allow: [192.0.2.0/24]}": "",
		"hep: {listen: off}":                                       "nothing is received",
		"hep: {listen: []}":                                        "nothing is received",
		"otlp: {headers: ['A: b']}":                                "without otlp.endpoint",
		"routes:\n- {name: a, ports: 1}\n- {name: b, ports: 2}\n- {name: a, ports: 3}":               `sipcause.yaml:1: several routes are named "a" and count as one`,
		"routes: [{name: a, ports: 1}]\nmaintenance: [{name: m, route: b, weekly: Mon 01:00-02:00}]": `sipcause.yaml:2: maintenance window "m" is for the route "b", which is not among routes`,
		"routes: [{name: a, ports: 1}]\nmaintenance: [{name: m, route: a, weekly: Mon 01:00-02:00}]": "",
		"retention: {messages: 7d, cases: 2d}":                                                       "sipcause.yaml:1: calls are dropped after 2d, before their messages",
		"retention: {messages: off, cases: 2d}":                                                      "sipcause.yaml:1: calls are dropped after 2d, before their messages",
		"retention: {messages: 7d, cases: 7d}":                                                       "",
		"retention: {messages: off, cases: off}":                                                     "",
	} {
		got := strings.Join(load(t, text).Notes(), "\n")
		if !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%s: %q", text, got)
		}
	}
	got := UnknownEnv([]string{"SIPCAUSE_LISTEN=x", "SIPCAUSE_LISEN=x", "OTHER=1", PathEnv + "=a", "SIPCAUSE_SEND_KEY=k"}, "SIPCAUSE_SEND_KEY")
	if len(got) != 1 || got[0] != "SIPCAUSE_LISEN: the environment has no such option; nearest: SIPCAUSE_LISTEN" {
		t.Errorf("%q", got)
	}
}

// The table itself: names are unique, and each default is one.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range Options() {
		for _, n := range []string{"key " + o.Key, "flag " + o.Flag} {
			if seen[n] {
				t.Errorf("%s stands twice", n)
			}
			seen[n] = true
		}
		if o.Help == "" || strings.HasSuffix(o.Help, ".") {
			t.Errorf("%s: help %q", o.Key, o.Help)
		}
	}
	for _, c := range []struct {
		kind  func(string) (any, error)
		texts []string
	}{
		{func(s string) (any, error) { d, err := parseDuration(s); return showDuration(d), err }, []string{"0s", "500ms", "1m", "90s=1m30s", "1h", "25h", "7d", "48h=2d", "1h1m"}},
		{func(s string) (any, error) { n, err := parseSize(s); return showSize(n), err }, []string{"20GB", "64MiB", "64mib=64MiB", "1024KiB=1MiB", "1000MB=1GB", "3B", "0B", "1 TiB=1TiB"}},
	} {
		for _, text := range c.texts {
			in, want, ok := strings.Cut(text, "=")
			if !ok {
				want = in
			}
			if got, err := c.kind(in); err != nil || got != want {
				t.Errorf("%s: %v, %v", text, got, err)
			}
		}
	}
	for _, s := range []string{"", "GB", "1XB", "-1GB", "9223372036854775807TB", "1.5GB"} {
		if n, err := parseSize(s); err == nil {
			t.Errorf("size %q is %d", s, n)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(full)
	f.Add("routes: [{name: a, ports: 1}]")
	file := filepath.Join(f.TempDir(), "a.yaml")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(file, environ("STATE_DIRECTORY=/state"), nil)
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := c.WriteYAML(&b); err != nil {
			t.Fatal(err)
		}
		if c.HEP.Key != "" || len(c.OTLP.Headers) > 0 {
			return
		}
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := Load(file, environ("STATE_DIRECTORY=/state"), nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
		if now, later := Diff(c, again); now != nil || later != nil {
			t.Errorf("%v %v\n%s", now, later, b.String())
		}
	})
}
