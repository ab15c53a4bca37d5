//go:build linux

package lab

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
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
const atOnce = 28

// scenes are all that have a label of their own; a theme's are in scenes_<theme>_test.go.
func scenes() []scene {
	return slices.Concat(
		healthyScenes(), routingScenes(), authScenes(), identityScenes(), policyScenes(), transportScenes(), natScenes(),
		timeoutScenes(), peopleScenes(), endScenes(), mediaScenes(), capabilityScenes(), serverScenes(), dialogScenes(),
		protocolScenes(), retryScenes(), registerScenes(),
		joinedScenes(), talkingScenes(), hiddenScenes(), phoneScenes(), phonesBeyond(), tlsScenes(),
	)
}

// twinName names the twin of a scene where each has one to itself: among the recordings.
func twinName(name string) string { return name + "-healthy" }

// live are the scenes to play in every test: all, and their twins, those of the same name once.
func live() []scene {
	list := scenes()
	names := map[string]bool{}
	for _, s := range list {
		names[s.name] = true
	}
	for _, s := range list {
		if s.twin != nil && !names[s.twin.name] {
			names[s.twin.name] = true
			list = append(list, *s.twin)
		}
	}
	return list
}

// recorded are the scenes to keep recordings of: all, and after each its own twin.
func recorded() []scene {
	var list []scene
	for _, s := range scenes() {
		list = append(list, s)
		if s.twin != nil {
			twin := *s.twin
			twin.name, twin.why = twinName(s.name), "as "+s.name+", without its fault"
			list = append(list, twin)
		}
	}
	return list
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
	all := slices.Concat(live(), recorded())
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
	need(t, "kamailio", "sipp", "baresip", "tcpdump", "tshark", "ip", "nft")
	if out, err := playProcess("ip", "link").CombinedOutput(); err != nil {
		missing(t, fmt.Sprintf("no network namespace to be had (be root, or allow user namespaces): %v: %s", err, out))
	}
	if out, err := playProcess("nft", "list", "ruleset").CombinedOutput(); err != nil {
		missing(t, fmt.Sprintf("no rules of nftables to be had in a namespace: %v: %s", err, out))
	}
	out, err := filepath.Abs("../build/lab")
	if err != nil {
		t.Fatal(err)
	}
	binary := build(t, out)
	list := live()
	if *keep {
		list = recorded()
	}
	for _, s := range list {
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
			s.find(t, capture)
			switch {
			case !*keep:
				checkDiagnosis(t, &s, binary, capture)
			case !t.Failed():
				store(t, &s, capture)
			}
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

// checkTwin: the twin of a failing scene is healthy, and twins of one name are one scene.
func checkTwin(t *testing.T, s *scene, twins map[string]*scene) {
	t.Helper()
	if s.why == "" {
		t.Errorf("%s does not say how its fault was made", s.name)
	}
	if s.twin.truth.cause != "" || s.twin.twin != nil {
		t.Errorf("%s: its twin %s is not healthy", s.name, s.twin.name)
	}
	if first := twins[s.twin.name]; first != nil && !reflect.DeepEqual(first, s.twin) {
		t.Errorf("%s: its twin %s is another scene than the first of that name", s.name, s.twin.name)
	}
	twins[s.twin.name] = s.twin
	a, b := s.clone(), s.twin.clone()
	a.name, a.codes, a.truth, a.why, a.twin, a.open = b.name, b.codes, b.truth, b.why, b.twin, b.open
	if reflect.DeepEqual(a, b) {
		t.Errorf("%s is played like its twin %s", s.name, b.name)
	}
}

// minFailing is how many scenes must fail: fewer, and the labels prove less than they say.
const minFailing = 60

// The table itself: names are unique, enough scenes fail, and the files are those that scenes use.
func TestScenes(t *testing.T) {
	names, used := map[string]bool{}, map[string]bool{"kamailio/common.cfg": true}
	failing, twins := 0, map[string]*scene{}
	for _, s := range scenes() {
		if first, ok := twins[s.name]; ok && !reflect.DeepEqual(*first, s) {
			t.Errorf("%s is another scene than the twin of that name", s.name)
		}
		if names[s.name] {
			t.Errorf("two scenes named %s", s.name)
		}
		names[s.name] = true
		if s.twin != nil {
			failing++
			checkTwin(t, &s, twins)
		} else if s.truth.cause != "" {
			t.Errorf("%s fails and has no twin", s.name)
		}
		for _, e := range slices.Concat(s.ends, s.callers) {
			if e.script != "" {
				used["sipp/"+e.script+".xml"] = true
			}
		}
		for _, k := range s.proxies {
			used["kamailio/"+k.cfg] = true
		}
	}
	if failing < minFailing {
		t.Errorf("%d failing scenes, want at least %d", failing, minFailing)
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
