package config

import (
	"fmt"
	"strings"
	"testing"
)

// Each text and what is said of it, whole.
func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"lisen: x":                `read sipcause.yaml:1: unknown key "lisen"; nearest: listen`,
		"hep:\n  lisen: x":        `read sipcause.yaml:2: unknown key "hep.lisen"; nearest: hep.listen`,
		"flush: 1s":               `read sipcause.yaml:1: unknown key "flush"; nearest: store.flush`,
		"iface: eth0":             `read sipcause.yaml:1: unknown key "iface"; nearest: capture.interfaces`,
		"hep:\n  tls:\n    zz: 1": `read sipcause.yaml:3: unknown key "hep.tls.zz"; accepted are cert, key`,
		"hep: udp://x":            `read sipcause.yaml:1: a single value stands where keys with values are expected: listen, key, key_file, allow, rate, tls`,
		"- a":                     `read sipcause.yaml:1: a list stands where keys with values are expected: listen, hosts, pprof, data, user, hep, capture, watch, store, retention, routes, discover_routes, join_headers, rating_header, playbooks, stir_certs, maintenance, otlp, log`,
		"listen: 0.0.0.0:8060": `read sipcause.yaml:1: "0.0.0.0:8060" is not an address of this machine alone, as 127.0.0.1:8060, [::1]:8060 or localhost:8060: ` +
			`without a log-in, this would show calls to whoever reaches it`,
		"listen: 8060":                      `read sipcause.yaml:1: "8060" is not an address of this machine alone, as 127.0.0.1:8060, [::1]:8060 or localhost:8060`,
		"listen: [a, b]":                    `read sipcause.yaml:1: a list stands where an address of this machine alone, as 127.0.0.1:8060, [::1]:8060 or localhost:8060 is expected`,
		"retention: {messages: 7 weeks}":    `read sipcause.yaml:1: "7 weeks" is not a duration such as 90s, 12h or 7d, from 1h to 36500d, or off`,
		"retention: {max_bytes: 20}":        `read sipcause.yaml:1: "20" is not a size with its unit, such as 64MiB or 20GB, from 16MiB to 1024TiB, or off`,
		"capture: {ring: 1TiB}":             `read sipcause.yaml:1: "1TiB" is not a size with its unit, such as 64MiB or 20GB, from 1MiB to 1GiB`,
		"capture: {rtp: yes}":               `read sipcause.yaml:1: "yes" is not true or false`,
		"capture: {fanout: 0}":              `read sipcause.yaml:1: "0" is not a whole number from 1 to 64`,
		"capture: {ports: [5060, 70000]}":   `read sipcause.yaml:1: "70000" is not a port from 1 to 65535, or a range such as 5060-5090`,
		"hep: {listen: hep://127.0.0.1:1}":  `read sipcause.yaml:1: "hep://127.0.0.1:1" is not udp://, tcp:// or tls:// with address and port, such as udp://127.0.0.1:9060`,
		"hep: {listen: udp://host.example}": `read sipcause.yaml:1: "udp://host.example" is not udp://, tcp:// or tls:// with address and port, such as udp://127.0.0.1:9060`,
		"hep: {listen: tls://127.0.0.1:1}":  `read sipcause.yaml:1: a tls:// listener needs hep.tls.cert and hep.tls.key`,
		"hep: {tls: {cert: a}}":             `read sipcause.yaml:1: hep.tls.cert and hep.tls.key go together`,
		"hep: {allow: 192.0.2.1/24}":        `read sipcause.yaml:1: "192.0.2.1/24" is not an address or a network such as 192.0.2.0/24 or 2001:db8::/32: bits beyond the mask are set; 192.0.2.0/24 is meant?`,
		"hep: {key: a, key_file: none}":     `read sipcause.yaml:1: hep.key and hep.key_file exclude each other`,
		"hep: {key_file: none}":             `read sipcause.yaml:1: open none: no such file or directory`,
		"hep: {key: '***'}":                 `read sipcause.yaml:1: hep.key: *** stands for a secret that was not shown`,
		"store: {durability: fast}":         `read sipcause.yaml:1: "fast" is not one of normal, full`,
		"log: {level: verbose}":             `read sipcause.yaml:1: "verbose" is not one of debug, info, warn and error`,
		"routes: [{nam: a, ports: 1}]":      `read sipcause.yaml:1: unknown key "nam"; nearest: name`,
		"routes: [a]":                       `read sipcause.yaml:1: a single value stands where keys with values are expected: name, addresses, ports, domains, direction`,
		"routes:\n- {ports: 1}\n":           `read sipcause.yaml:2: a route needs a name`,
		"routes: [{name: a}]":               `read sipcause.yaml:1: route "a": want addresses, ports or domains: it would hold for all traffic`,
		"routes: [{name: other, ports: 1}]": `read sipcause.yaml:1: route "other": name: stands for the routes beyond the bound: want another`,
		"maintenance: [{name: a}]":          `read sipcause.yaml:1: maintenance window "a" needs either from and until, or weekly`,
		"maintenance: [{name: a, from: 2026-03-01T02:00:00Z, until: 2026-03-01T02:00:00Z}]": `read sipcause.yaml:1: maintenance window "a": from has to be before until`,
		"maintenance: [{name: a, weekly: Sunday 02:00-03:00}]":                              `read sipcause.yaml:1: "Sunday 02:00-03:00" is not a time of the week, such as Sun 02:00-04:00 Europe/Berlin: the day is one of Sun, Mon, Tue, Wed, Thu, Fri, Sat`,
		"maintenance: [{name: a, weekly: Sun 02:00-25:00}]":                                 `read sipcause.yaml:1: "Sun 02:00-25:00" is not a time of the week, such as Sun 02:00-04:00 Europe/Berlin: the time is as 02:00-04:00`,
		"maintenance: [{name: a, weekly: Sun 02:00-03:00 Mars}]":                            `read sipcause.yaml:1: "Sun 02:00-03:00 Mars" is not a time of the week, such as Sun 02:00-04:00 Europe/Berlin: unknown time zone "Mars"`,
		"rating_header: 'a b'": `read sipcause.yaml:1: "a b" is not the name of a header field (RFC 3261 §25.1: a token), or off`,
		"hosts: [noc.example.com, 'noc:8060', 'a b']": `read sipcause.yaml:1: "noc:8060" is not the name of a host, without a port, such as sipcause.example.com` + "\n" +
			`read sipcause.yaml:1: "a b" is not the name of a host, without a port, such as sipcause.example.com`,
		"otlp: {endpoint: grpc://a}":               `read sipcause.yaml:1: "grpc://a" is not a URL such as http://127.0.0.1:4318/v1/metrics, or off`,
		"otlp: {headers: [Bearer secret]}":         `read sipcause.yaml:1: otlp.headers is not a list: a header as "Name: value"; what is there is not shown`,
		"listen: &a x":                             `read sipcause.yaml:1: &: anchors, aliases and tags have no place here`,
		"listen: 127.0.0.1:1\nlisten: 127.0.0.1:2": `read sipcause.yaml:2: mapping key "listen" already defined at [1:1]`,
		"lisen: 1\npprof: 0.0.0.0:1\nlog: {format: xml}\n": `read sipcause.yaml:1: unknown key "lisen"; nearest: listen` + "\n" +
			`read sipcause.yaml:2: "0.0.0.0:1" is not an address of this machine alone, as 127.0.0.1:8060, [::1]:8060 or localhost:8060, or off: without a log-in, this would show calls to whoever reaches it` + "\n" +
			`read sipcause.yaml:3: "xml" is not one of text, json`,
	} {
		c, err := Load(write(t, text), environ(), nil)
		if err == nil {
			t.Errorf("%s\nis accepted: %v", text, c)
		} else if err.Error() != want {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
}

// Of a list every wrong element is said, of a record what is wrong with it as a whole too, and nothing that is only so
// because a key of it could not be read.
func TestAllErrors(t *testing.T) {
	for text, want := range map[string]string{
		"hep:\n  listen:\n  - udp://127.0.0.1:1\n  - foo\n  - hep://x\n  allow: [foo, 192.0.2.1, bar]\ncapture:\n  ports: [6000-5000, 5060, 0]\n": `
read sipcause.yaml:4: "foo" is not udp://, tcp:// or tls:// with address and port, such as udp://127.0.0.1:9060
read sipcause.yaml:5: "hep://x" is not udp://, tcp:// or tls:// with address and port, such as udp://127.0.0.1:9060
read sipcause.yaml:6: "foo" is not an address or a network such as 192.0.2.0/24 or 2001:db8::/32
read sipcause.yaml:6: "bar" is not an address or a network such as 192.0.2.0/24 or 2001:db8::/32
read sipcause.yaml:8: "6000-5000" is not a port from 1 to 65535, or a range such as 5060-5090
read sipcause.yaml:8: "0" is not a port from 1 to 65535, or a range such as 5060-5090`,
		"routes:\n- {ports: [x, 1], domains: [a b, 'c*']}\n- {direction: up}\n- {name: a, ports: x}\n- {name: other}\n- {nam: b, ports: 1}": `
read sipcause.yaml:2: "x" is not a port from 1 to 65535
read sipcause.yaml:2: a route needs a name
read sipcause.yaml:2: route "this": domains: "a b": want a host such as example.com or *.example.com
read sipcause.yaml:2: route "this": domains: "c*": want a host such as example.com or *.example.com
read sipcause.yaml:3: "up" is not one of in, out
read sipcause.yaml:3: a route needs a name
read sipcause.yaml:3: route "this": want addresses, ports or domains: it would hold for all traffic
read sipcause.yaml:4: "x" is not a port from 1 to 65535
read sipcause.yaml:5: route "other": name: stands for the routes beyond the bound: want another
read sipcause.yaml:5: route "this": want addresses, ports or domains: it would hold for all traffic
read sipcause.yaml:6: unknown key "nam"; nearest: name`,
		"maintenance:\n- {from: 2026-03-02T00:00:00Z, until: 2026-03-01T00:00:00Z}\n- {name: a, weekly: never}\n- {weekly: Mon 01:00-02:00, from: x}\n- {name: b, from: 2026-03-02T00:00:00Z}\n- {name: c, from: 2026-03-02T00:00:00Z, until: x}": `
read sipcause.yaml:2: a maintenance window needs a name
read sipcause.yaml:2: maintenance window: from has to be before until
read sipcause.yaml:3: "never" is not a time of the week, such as Sun 02:00-04:00 Europe/Berlin
read sipcause.yaml:4: "x" is not a time of RFC 3339, such as 2026-03-01T02:00:00Z
read sipcause.yaml:4: a maintenance window needs a name
read sipcause.yaml:5: maintenance window "b" needs either from and until, or weekly
read sipcause.yaml:6: "x" is not a time of RFC 3339, such as 2026-03-01T02:00:00Z`,
	} {
		_, err := Load(write(t, text), environ(), nil)
		if got := fmt.Sprint("\n", err); got != want {
			t.Errorf("%s\ngot %s\nwant %s", text, got, want)
		}
	}
}

// No more can be left free than there is: else retention would drop the history.
func TestMinFreeBeyondDisk(t *testing.T) {
	_, err := Load(write(t, "data: no/such/folder\nretention: {min_free: 1024TiB}"), environ(), nil)
	want := "read sipcause.yaml:2: retention.min_free is 1024TiB, and the file system of no/such/folder has "
	if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.HasSuffix(err.Error(), " in all: all history but what is just written would be dropped") {
		t.Errorf("%v", err)
	}
	c := load(t, "")
	if c.Retention.MinFree = 1 << 50; len(c.Notes()) != 1 || !strings.HasPrefix(c.Notes()[0], "retention.min_free is") {
		t.Errorf("by default: %q", c.Notes())
	}
}

// What is in brackets means what YAML says, within braces too.
func TestFlowStyle(t *testing.T) {
	for text, want := range map[string]string{
		"hep: {listen: [udp://127.0.0.1:29062]}":                                   "[udp://127.0.0.1:29062] []",
		"hep: {listen: [udp://127.0.0.1:1, tcp://127.0.0.1:2], rate: 5}":           "[udp://127.0.0.1:1 tcp://127.0.0.1:2] []",
		"hep: {listen: [ udp://127.0.0.1:1 ,tcp://127.0.0.1:2 ]}":                  "[udp://127.0.0.1:1 tcp://127.0.0.1:2] []",
		"hep: {listen: ['tcp://[::1]:2'], allow: [2001:db8::1, ::1, ::/0]}":        "[tcp://[::1]:2] [2001:db8::1/128 ::1/128 ::/0]",
		"# é\n{hep: {listen: [udp://127.0.0.1:1], allow: [2001:db8::/32]}}":        "[udp://127.0.0.1:1] [2001:db8::/32]",
		"{\"hep\":{\"listen\":[\"udp://127.0.0.1:1\"],\"allow\":[\"192.0.2.1\"]}}": "[udp://127.0.0.1:1] [192.0.2.1/32]",
		"hep: {listen: udp://127.0.0.1:29062}":                                     "[udp://127.0.0.1:29062] []",
	} {
		c, err := Load(write(t, text), environ(), nil)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := fmt.Sprint(c.HEP.Listen, c.HEP.Allow); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	c := load(t, "{maintenance: [{name: a, weekly: Sun 02:00-04:00}, {name: b, from: 2026-03-01T02:00:00Z, until: 2026-03-01T03:00:00Z}]}")
	if got := fmt.Sprint(c.Maintenance[0].Weekly, c.Maintenance[1].Until.Sub(c.Maintenance[1].From)); got != "Sun 02:00-04:00 UTC 1h0m0s" {
		t.Error(got)
	}
	_, err := Load(write(t, "hep: {listen: [tcp://[::1]:2]}"), environ(), nil)
	if err == nil || !strings.Contains(err.Error(), `quote values that have brackets, as "tcp://[::1]:9060"`) {
		t.Errorf("an address in brackets without quotes: %v", err)
	}
}

func TestErrorsOfFlagsAndEnvironment(t *testing.T) {
	_, err := Load("", environ("SIPCAUSE_LOG_FORMAT=xml", "SIPCAUSE_ROUTE=[a"), map[string][]string{"hep": {"udp://127.0.0.1:9060", "x"}})
	want := `read --hep: "x" is not udp://, tcp:// or tls:// with address and port, such as udp://127.0.0.1:9060
read SIPCAUSE_ROUTE: sequence end token ']' not found: a list of keys with values: name, addresses, ports, domains, direction is expected
read SIPCAUSE_LOG_FORMAT: "xml" is not one of text, json`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestBounds(t *testing.T) {
	for what, text := range map[string]string{
		"larger than":         "#" + strings.Repeat("x", maxFile),
		"brackets":            "watch: " + strings.Repeat("[", maxNesting+1) + strings.Repeat("]", maxNesting+1),
		"more than 4096 elem": "watch:\n" + strings.Repeat("- a\n", maxElements+1),
		"and 70 more":         manyKeys(maxProblems + 70),
		"indented":            deep(100),
	} {
		_, err := Load(write(t, text), environ(), nil)
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %.200v", what, err)
		}
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "zzzzz%d: 1\n", i)
	}
	return b.String()
}

func deep(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%sa:\n", strings.Repeat(" ", i))
	}
	return b.String()
}
