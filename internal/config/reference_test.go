package config

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
)

// reference is docs/configuration.md.
func reference() string {
	var b strings.Builder
	b.WriteString(`# Configuration of the server

Written by ` + "`go test ./internal/config -update`" + ` from the table in ` + "`internal/config/option.go`" + `.

` + "`sipcause serve`" + ` needs no configuration. Each option can be given as a flag, as an environment variable, or in a YAML file
that ` + "`--config FILE`" + ` or ` + "`SIPCAUSE_CONFIG`" + ` names. A flag wins over the environment, that over the file, that over the
default. An empty variable counts as not set. What is not understood is an error that says where it stands and what is
accepted; ` + "`sipcause config check FILE`" + ` says all of it at once, and ` + "`sipcause config print`" + ` shows what is in force, and
where each value comes from.

Lists are YAML lists in the file; a flag may be repeated, and flags and variables take commas. Routes and maintenance
windows are YAML there too: ` + "`--route '{name: carrier-a, addresses: 192.0.2.0/24}'`" + `. ` + "`off`" + ` is the word for none. Durations have
a unit (ms, s, m, h, d), sizes too (KB is 1000, KiB 1024 bytes).

SIGHUP reads the file again and takes over the options marked *reload*. A change of another one is logged and waits for a
restart; a file with an error changes nothing.

`)
	var sections []string
	rows := map[string]string{}
	for _, o := range Options() {
		s := sectionOf(o.Key)
		if rows[s] == "" {
			sections = append(sections, s)
		}
		def := "`" + o.Default + "`"
		if o.Default == "[]" {
			def = "none"
		}
		marks := ""
		if o.Reload {
			marks += " *reload*"
		}
		if o.Secret {
			marks += " *secret*"
		}
		rows[s] += fmt.Sprintf("| `%s` | `--%s` `%s` | %s | %s%s | %s |\n", o.Key, o.Flag, o.Env(), def, cellText(o.Help), marks, cellText(o.Accepts()))
	}
	for _, s := range sections {
		title := "`" + s + "`"
		if s == "" {
			title = "At the top"
		}
		fmt.Fprintf(&b, "## %s\n\n| key | flag, variable | default | what it is | accepted |\n|---|---|---|---|---|\n%s\n", title, rows[s])
	}
	b.WriteString("## A route\n\n| key | what it is | accepted |\n|---|---|---|\n")
	for _, f := range routeFields {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.key, cellText(f.help), cellText(f.accepts))
	}
	b.WriteString("\n## A maintenance window\n\n| key | what it is | accepted |\n|---|---|---|\n")
	for _, f := range windowFields {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.key, cellText(f.help), cellText(f.accepts))
	}
	return b.String()
}

func cellText(s string) string {
	return strings.NewReplacer("|", "\\|", "*.", "\\*.", "<", "&lt;").Replace(s)
}

func current(t *testing.T, name, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the table says; write it with go test ./internal/config -update", name)
	}
}

func TestReferenceIsCurrent(t *testing.T) { current(t, "../../docs/configuration.md", reference()) }

// The example loads as it is, to the defaults, and with its comments taken away, where its examples count.
func TestExample(t *testing.T) {
	var b bytes.Buffer
	if err := WriteExample(&b); err != nil {
		t.Fatal(err)
	}
	current(t, "../../packaging/sipcause.yaml", b.String())
	defaults := load(t, "")
	if now, later := Diff(load(t, b.String()), defaults); now != nil || later != nil {
		t.Errorf("the example changes %v %v", now, later)
	}
	var bare strings.Builder
	for line := range strings.Lines(b.String()) {
		if !strings.HasPrefix(line, "# ") || strings.HasPrefix(line, "#  ") { // else prose
			line = strings.TrimPrefix(line, "#")
		}
		bare.WriteString(line)
	}
	now, later := Diff(load(t, bare.String()), defaults)
	var want []string
	for _, o := range Options() {
		if o.Example != "" {
			want = append(want, o.Key)
		}
	}
	changed := append(now, later...)
	if len(changed) != len(want) {
		t.Errorf("without its comments the example changes %v, it should be %v\n%s", changed, want, bare.String())
	}
}
