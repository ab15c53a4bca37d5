package capture

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The test binary runs itself for what cannot be undone.
const childEnv = "SIPCAUSE_TEST_CHILD"

func runChild(t *testing.T, task string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give it up")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestChild$", "-test.v")
	cmd.Env = append(os.Environ(), childEnv+"="+task)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

func TestChild(t *testing.T) {
	switch os.Getenv(childEnv) {
	case "":
		t.Skip("not a child of another test")
	case "open":
		list, err := OpenAFPacket("lo", AFPacketOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var threads sync.WaitGroup // more threads than one must lose their privileges
		hold := make(chan struct{})
		for range 4 {
			threads.Go(func() { runtime.LockOSThread(); <-hold })
		}
		fmt.Println("dropped:", DropPrivileges("nobody"))
		statuses, _ := filepath.Glob("/proc/self/task/*/status")
		for _, f := range statuses {
			b, _ := os.ReadFile(f)
			for _, line := range strings.Split(string(b), "\n") {
				if name, rest, _ := strings.Cut(line, ":"); slices.Contains([]string{"Uid", "Gid", "Groups", "CapPrm", "CapEff", "CapInh", "CapAmb", "NoNewPrivs"}, name) {
					fmt.Println(name, strings.Join(strings.Fields(rest), " "))
				}
			}
		}
		close(hold)
		threads.Wait()
		_, err = OpenAFPacket("lo", AFPacketOptions{})
		fmt.Println("again:", err)
		got, stop := take(t, list, nil)
		c, err := net.Dial("udp", "127.0.0.1:5077")
		if err == nil {
			_, err = c.Write(sipRequest(1, 1))
		}
		time.Sleep(200 * time.Millisecond)
		stop()
		fmt.Println("after:", err, strings.Contains(strings.Join(decoded(got.packets), "\n"), "Call-ID: 1@"))
	}
}

func TestPrivileges(t *testing.T) {
	out := runChild(t, "open")
	if strings.Contains(out, "built with cgo") {
		t.Skip("needs a test binary without cgo: the race detector's has it")
	}
	lines := map[string]int{}
	for _, line := range strings.Split(out, "\n") {
		lines[line]++
	}
	threads := lines["Uid 65534 65534 65534 65534"]
	if threads < 5 {
		t.Errorf("%d threads", threads)
	}
	for _, line := range []string{"Gid 65534 65534 65534 65534", "Groups ", "CapPrm 0000000000000000", "CapEff 0000000000000000", "CapInh 0000000000000000", "CapAmb 0000000000000000", "NoNewPrivs 1"} {
		if lines[line] != threads {
			t.Errorf("%q of %d threads of %d", line, lines[line], threads)
		}
	}
	for _, want := range []string{"dropped: <nil>\n", "again: capture on lo: CAP_NET_RAW is missing: run as root, or \"setcap cap_net_raw+ep /", "AmbientCapabilities=CAP_NET_RAW", "after: <nil> true\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q", want)
		}
	}
	if t.Failed() {
		t.Log(out)
	}
}
