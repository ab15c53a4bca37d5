//go:build linux

package lab

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// sceneEnv and dirEnv tell the test binary that it is to play a scene inside its namespaces.
const (
	sceneEnv = "SIPCAUSE_LAB_SCENE"
	dirEnv   = "SIPCAUSE_LAB_DIR"
)

// atOnce is how many scenes are played at a time: they mostly wait.
const atOnce = 10

func scenes() []scene {
	return slices.Concat(healthyScenes(), routingScenes(), authScenes(), transportScenes(), peopleScenes(), endScenes())
}

func TestMain(m *testing.M) {
	os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	name := os.Getenv(sceneEnv)
	if name == "" {
		flag.Parse()
		if err := flag.Set("test.parallel", strconv.Itoa(atOnce)); err != nil {
			panic(err)
		}
		os.Exit(m.Run())
	}
	all := scenes()
	i := slices.IndexFunc(all, func(s scene) bool { return s.name == name })
	if i < 0 {
		fmt.Fprintf(os.Stderr, "play scene %q: there is none\n", name)
		os.Exit(1)
	}
	if err := play(&all[i], os.Getenv(dirEnv)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// need skips the test, and in CI fails it, when a program is not installed.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			missing(t, p+" is not installed (scripts/deps.sh installs it)")
		}
	}
}

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

func TestRecordings(t *testing.T) {
	need(t, "kamailio", "sipp", "tcpdump", "tshark", "ip")
	if out, err := playProcess("ip", "link").CombinedOutput(); err != nil {
		missing(t, fmt.Sprintf("no network namespace to be had (be root, or allow user namespaces): %v: %s", err, out))
	}
	out, err := filepath.Abs("../build/lab")
	if err != nil {
		t.Fatal(err)
	}
	binary := build(t, out)
	for _, s := range scenes() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(out, s.name)
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := record(&s, dir); err != nil {
				t.Fatal(err)
			}
			capture := filepath.Join(dir, "scene.pcap")
			checkRecording(t, &s, capture)
			checkDiagnosis(t, &s, binary, capture)
		})
	}
}

// record plays a scene in a process of its own.
func record(s *scene, dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := playProcess(self)
	cmd.Env = append(os.Environ(), sceneEnv+"="+s.name, dirEnv+"="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("play %s: %w: %s", s.name, err, out)
	}
	return nil
}

// The table itself: names are unique, enough scenes fail, and the files are those that scenes use.
func TestScenes(t *testing.T) {
	names, used := map[string]bool{}, map[string]bool{"kamailio/common.cfg": true}
	failing := 0
	for _, s := range scenes() {
		if names[s.name] {
			t.Errorf("two scenes named %s", s.name)
		}
		names[s.name] = true
		if s.truth.cause != "" {
			failing++
		}
		for _, e := range slices.Concat(s.ends, s.callers) {
			used["sipp/"+e.script+".xml"] = true
		}
		for _, k := range s.proxies {
			used["kamailio/"+k.cfg] = true
		}
	}
	if failing < 12 {
		t.Errorf("%d failing scenes, want at least 12", failing)
	}
	files, err := filepath.Glob("[ks]*/*.[cx]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, err := os.ReadFile(f); err != nil { // read here, so that the test cache notices a change
			t.Error(err)
		}
		if !used[f] {
			t.Errorf("no scene uses %s", f)
		}
		delete(used, f)
	}
	for f := range used {
		t.Errorf("%s is not there", f)
	}
}
