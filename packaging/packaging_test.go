// Package packaging holds what the server is delivered with: unit, Debian package, container, example. Its one rule:
// installing starts nothing and opens nothing.
package packaging

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, errs.String())
	}
	return string(out)
}

// What the package installs, beside man pages.
const contents = `-rw-r----- root/root ./etc/sipcause/sipcause.yaml
-rwxr-xr-x root/root ./usr/bin/sipcause
-rw-r--r-- root/root ./usr/lib/systemd/system/sipcause.service
-rw-r--r-- root/root ./usr/share/bash-completion/completions/sipcause
-rw-r--r-- root/root ./usr/share/doc/sipcause/NEWS.gz
-rw-r--r-- root/root ./usr/share/doc/sipcause/changelog.gz
-rw-r--r-- root/root ./usr/share/doc/sipcause/configuration.md
-rw-r--r-- root/root ./usr/share/doc/sipcause/copyright
-rw-r--r-- root/root ./usr/share/fish/vendor_completions.d/sipcause.fish
-rw-r--r-- root/root ./usr/share/zsh/vendor-completions/_sipcause
`

var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

func TestDebianPackages(t *testing.T) {
	out := t.TempDir()
	run(t, "../scripts/package.sh", out, "amd64", "arm64")
	debs, err := filepath.Glob(out + "/*.deb")
	if err != nil || len(debs) != 2 {
		t.Fatalf("%v, %v", debs, err)
	}
	for i, arch := range []string{"amd64", "arm64"} {
		deb := debs[i]
		var listed, pages strings.Builder
		for line := range strings.Lines(run(t, "dpkg-deb", "-c", deb)) {
			f := strings.Fields(line)
			switch name := f[len(f)-1]; {
			case strings.HasPrefix(name, "./usr/share/man/man1/") && strings.HasSuffix(name, ".1.gz"):
				fmt.Fprintln(&pages, filepath.Base(name))
			case f[0][0] != 'd':
				fmt.Fprintln(&listed, f[0], f[1], name)
			}
		}
		if d := cmp.Diff(contents, listed.String()); d != "" {
			t.Errorf("%s: contents: %s", deb, d)
		}
		for _, page := range []string{"sipcause.1.gz", "sipcause-analyze.1.gz", "sipcause-config-check.1.gz"} {
			if !strings.Contains(pages.String(), page+"\n") {
				t.Errorf("%s: no %s among %q", deb, page, pages.String())
			}
		}
		if got := run(t, "dpkg-deb", "-f", deb, "Package", "Architecture", "Depends"); got != "Package: sipcause\nArchitecture: "+arch+"\nDepends: adduser\n" {
			t.Errorf("%s: control: %s", deb, got)
		}
		run(t, "dpkg", "--validate-version", strings.TrimSpace(run(t, "dpkg-deb", "-f", deb, "Version")))
		control := t.TempDir()
		run(t, "dpkg-deb", "-e", deb, control)
		if got := run(t, "cat", control+"/conffiles"); got != "/etc/sipcause/sipcause.yaml\n" {
			t.Errorf("%s: conffiles: %q", deb, got)
		}
		for _, script := range []string{"postinst", "prerm", "postrm"} {
			if run(t, "cat", control+"/"+script) != run(t, "cat", script) {
				t.Errorf("%s: another %s", deb, script)
			}
		}
		root := t.TempDir()
		run(t, "dpkg-deb", "-x", deb, root)
		static(t, root+"/usr/bin/sipcause", machines[arch])
		if arch == runtime.GOARCH && runtime.GOOS == "linux" {
			inRoot(t, root)
		}
	}
	again := t.TempDir()
	run(t, "../scripts/package.sh", again, "amd64")
	run(t, "cmp", debs[0], filepath.Join(again, filepath.Base(debs[0])))
}

// static says that a program needs nothing beside itself.
func static(t *testing.T, name string, machine elf.Machine) {
	t.Helper()
	f, err := elf.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Machine != machine {
		t.Errorf("%s is for %s, not %s", name, f.Machine, machine)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("%s is linked dynamically", name)
		}
	}
}

// inRoot runs what was installed with nothing else around, as it would be in a container from scratch.
func inRoot(t *testing.T, root string) {
	t.Helper()
	for _, c := range []struct{ args, want string }{
		{"config check /etc/sipcause/sipcause.yaml", "/etc/sipcause/sipcause.yaml: nothing is wrong"},
		{"demo", "auth."},
	} {
		cmd := exec.Command("/usr/bin/sipcause", strings.Fields(c.args)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		cmd.Dir = "/"
		if os.Getuid() != 0 { // only root may change the root
			cmd = exec.Command(root+"/usr/bin/sipcause", strings.Fields(strings.Replace(c.args, "/etc", root+"/etc", 1))...)
		}
		cmd.Env = []string{"HOME=/"}
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), c.want) {
			t.Errorf("sipcause %s: %v\n%s", c.args, err, out)
		}
	}
}

// What the scripts of the package call, with everything they call replaced.
func TestMaintainerScripts(t *testing.T) {
	bin := t.TempDir()
	for _, name := range []string{"getent", "adduser", "chgrp", "chmod", "systemctl"} {
		text := "#!/bin/sh\necho " + name + " \"$@\"\n"
		if name == "getent" {
			text = "#!/bin/sh\n[ -n \"$USER_IS_THERE\" ]\n"
		}
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	const adduser = "adduser --system --group --quiet --home /var/lib/sipcause --no-create-home sipcause\n"
	const own = "chgrp sipcause /etc/sipcause /etc/sipcause/sipcause.yaml\nchmod 0750 /etc/sipcause\n"
	for _, c := range []struct{ call, user, want string }{
		{"postinst configure", "", adduser + own},
		{"postinst configure", "yes", own},
		{"postinst configure 1.0", "yes", ""},
		{"postinst configure 1.0", "", adduser},
		{"postinst abort-upgrade 1.0", "", ""},
		{"prerm remove", "yes", ""},
		{"prerm upgrade 1.1", "yes", ""},
		{"postrm remove", "yes", ""},
		{"postrm upgrade 1.1", "yes", ""},
	} {
		args := strings.Fields(c.call)
		cmd := exec.Command("sh", args...)
		cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin", "USER_IS_THERE=" + c.user}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", c.call, err, out)
		}
		var got strings.Builder
		for line := range strings.Lines(string(out)) {
			if !strings.HasPrefix(line, "systemctl ") { // only where systemd runs
				got.WriteString(line)
			}
		}
		if d := cmp.Diff(c.want, got.String()); d != "" {
			t.Errorf("%s: %s", c.call, d)
		}
		if starts := regexp.MustCompile(`systemctl .*\b(start|restart|enable|reenable)\b`); starts.Match(bytes.ReplaceAll(out, []byte("try-restart"), nil)) {
			t.Errorf("%s starts something: %s", c.call, out)
		}
	}
}

// The unit leaves little to whoever takes the program over, and systemd understands all of it.
func TestUnit(t *testing.T) {
	out := run(t, "systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", "./sipcause.service") // 2.0 of 10
	if !strings.Contains(out, "Overall exposure level") {
		t.Error(out)
	}
	unit := run(t, "cat", "sipcause.service")
	for _, line := range []string{
		"AmbientCapabilities=CAP_NET_RAW", "CapabilityBoundingSet=CAP_NET_RAW", "NoNewPrivileges=yes", "ProtectSystem=strict", "StateDirectory=sipcause",
		"ExecStart=/usr/bin/sipcause serve --config /etc/sipcause/sipcause.yaml", "ExecReload=/bin/kill -HUP $MAINPID", "User=sipcause",
	} {
		if !strings.Contains(unit, "\n"+line+"\n") {
			t.Errorf("no %s", line)
		}
	}
	root := t.TempDir()
	for _, program := range []string{"/usr/bin/sipcause", "/bin/kill"} {
		if err := os.MkdirAll(root+filepath.Dir(program), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(root+program, nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(root+"/etc/systemd/system", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/etc/systemd/system/sipcause.service", []byte(unit), 0o644); err != nil {
		t.Fatal(err)
	}
	verify := exec.Command("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", "--root="+root, "sipcause.service")
	if out, err := verify.CombinedOutput(); err != nil || strings.Contains(string(out), "sipcause.service:") {
		t.Errorf("verify: %v\n%s", err, out)
	}
}

// The container is built where docker runs; here it is held to what the repository has.
func TestDockerfile(t *testing.T) {
	text := run(t, "cat", "Dockerfile")
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(run(t, "cat", "../go.mod"))
	for _, line := range []string{"FROM golang:" + version[1] + " AS build", "FROM scratch", "USER 65532:65532", `ENTRYPOINT ["/usr/bin/sipcause"]`, `CMD ["serve"]`} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("no line %q", line)
		}
	}
	if !strings.Contains(text, "-o /out/usr/bin/sipcause ") || strings.Index(text, "FROM scratch") > strings.Index(text, "USER ") {
		t.Error("the program is not where it is started, or the user is not that of the last stage")
	}
	sent := map[string]bool{} // what .dockerignore lets through
	for line := range strings.Lines(run(t, "cat", "Dockerfile.dockerignore")) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "!"); ok {
			sent[name] = true
			if _, err := os.Stat("../" + name); err != nil {
				t.Error(err)
			}
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^COPY ([^-].*) \S+$`).FindAllStringSubmatch(text, -1) {
		for name := range strings.FieldsSeq(m[1]) {
			if name != "." && !sent[name] {
				t.Errorf("COPY %s, which is not sent to the builder", name)
			}
		}
	}
	module := strings.TrimSpace(run(t, "go", "list", "-m"))
	needs := strings.Fields(run(t, "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "../cmd/sipcause"))
	for _, pkg := range needs {
		dir, ours := strings.CutPrefix(pkg, module+"/")
		if first, _, _ := strings.Cut(dir, "/"); ours && !sent[first] {
			t.Errorf("package %s is not sent to the builder", pkg)
		}
		if ours && slices.Contains(strings.Split(dir, "/"), "testdata") {
			t.Errorf("package %s is left out as test data", pkg)
		}
	}
	for name := range strings.FieldsSeq(run(t, "go", "list", "-deps", "-f", "{{if not .Standard}}{{$d := .Dir}}{{range .EmbedFiles}}{{$d}}/{{.}} {{end}}{{end}}", "../cmd/sipcause")) {
		if strings.Contains(name, "/testdata/") {
			t.Errorf("embedded %s is left out as test data", name)
		}
	}
}
