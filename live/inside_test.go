//go:build linux

package live

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// insideEnv tells the test binary that it runs in its namespaces.
const insideEnv = "LIVE_TEST_INSIDE"

// atOnce is how many tests run at a time: they mostly wait.
const atOnce = 16

// How long things may take before they count as broken.
const (
	startWait = 30 * time.Second
	finalWait = 120 * time.Second
)

func TestMain(m *testing.M) {
	os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	if os.Getenv(insideEnv) != "" {
		flag.Parse()
		if err := flag.Set("test.parallel", strconv.Itoa(atOnce)); err != nil {
			panic(err)
		}
		os.Exit(m.Run())
	}
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	runtime.LockOSThread() // the child is killed when this thread ends, which is at the end
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), insideEnv+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	if uid := os.Getuid(); uid != 0 { // a user namespace lends the capabilities that an ordinary user lacks
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
		attr.AmbientCaps = []uintptr{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW, unix.CAP_SYS_ADMIN}
	}
	cmd.SysProcAttr = attr
	var exit *exec.ExitError
	switch err := cmd.Run(); {
	case errors.As(err, &exit) && exit.Exited():
		os.Exit(exit.ExitCode())
	case err != nil && os.Getenv("CI") == "":
		fmt.Printf("skipped: no namespaces to be had (be root, or allow user namespaces): %v\n", err)
	case err != nil:
		fmt.Fprintf(os.Stderr, "run inside namespaces: %v\n", err)
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

// place is a network namespace: a thread that lives in it. It goes with the test.
type place struct {
	work chan func()
	ns   *os.File
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{work: make(chan func())}
	made := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			p.ns, err = os.Open("/proc/thread-self/ns/net")
		}
		made <- err
		for do := range p.work {
			do()
		}
	}()
	if err := <-made; err != nil {
		missing(t, fmt.Sprintf("no network namespace to be had: %v", err))
	}
	t.Cleanup(func() {
		close(p.work)
		p.ns.Close()
	})
	return p
}

// inside runs f on the thread of the namespace: what it opens or starts is there.
func (p *place) inside(f func() error) error {
	done := make(chan error)
	p.work <- func() { done <- f() }
	return <-done
}

// dial is net.Dial from there. Addresses must be numbers.
func (p *place) dial(ctx context.Context, network, address string) (c net.Conn, err error) {
	err = p.inside(func() error {
		c, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return c, err
}

// ip runs ip(8) there; other namespaces are files 3 and following of it.
func (p *place) ip(t *testing.T, others []*os.File, args ...string) {
	t.Helper()
	cmd := exec.Command("ip", args...)
	cmd.ExtraFiles = others
	err := p.inside(func() error {
		out, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Who is where: phones and gateways at the near end of the cable, the proxy and the server at the far one.
const (
	caller = "192.0.2.10"
	callee = "198.51.100.31"
	proxy  = "192.0.2.20"
)

// stage is two namespaces with a cable between, and what runs in them.
type stage struct {
	t         *testing.T
	near, far *place
	dir       string // logs and the capture
	running   []*process
}

// newStage makes them. What was started is stopped at the end of the test, last first.
func newStage(t *testing.T) *stage {
	t.Helper()
	need(t, "ip", "tcpdump")
	dir, err := filepath.Abs(filepath.Join("../build/live", t.Name()))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, dir: dir, near: newPlace(t), far: newPlace(t)}
	t.Cleanup(s.stopAll)
	const nearMAC, farMAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
	s.near.ip(t, []*os.File{s.far.ns}, "link", "add", "near", "address", nearMAC, "type", "veth", "peer", "name", "far", "address", farMAC, "netns", "/proc/self/fd/3")
	for _, e := range []struct {
		at         *place
		dev        string
		ours, them []string
		theirMAC   string
	}{{s.near, "near", []string{caller, callee}, []string{proxy}, farMAC}, {s.far, "far", []string{proxy}, []string{caller, callee}, nearMAC}} {
		e.at.ip(t, nil, "link", "set", "lo", "up")
		e.at.ip(t, nil, "link", "set", e.dev, "up")
		for _, a := range e.ours {
			e.at.ip(t, nil, "addr", "add", a+"/32", "dev", e.dev)
		}
		for _, a := range e.them { // no ARP: who is where is known
			e.at.ip(t, nil, "route", "add", a+"/32", "dev", e.dev)
			e.at.ip(t, nil, "neigh", "replace", a, "lladdr", e.theirMAC, "dev", e.dev, "nud", "permanent")
		}
	}
	return s
}

// process is something that a test started; what it prints is in log.
type process struct {
	name, log string
	cmd       *exec.Cmd
	done      chan struct{} // closed when it ended
	err       error         // of its end; read after done
}

// start starts a program in a place.
func (s *stage) start(at *place, name, bin string, args ...string) *process {
	s.t.Helper()
	p := &process{name: name, log: filepath.Join(s.dir, name+".log"), cmd: exec.Command(bin, args...), done: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	fmt.Fprintln(log, p.cmd.Args)
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Dir = log, log, s.dir
	if err := at.inside(p.cmd.Start); err != nil {
		s.t.Fatalf("start %s: %v", bin, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	s.running = append(s.running, p)
	return p
}

// until waits for a condition that comes by itself.
func (s *stage) until(what string, most time.Duration, ready func() bool) {
	s.t.Helper()
	for end := time.Now().Add(most); !ready(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("after %s it is still not so that %s; logs are in %s", most, what, s.dir)
		}
	}
}

// ready waits until a process that goes on is ready.
func (s *stage) ready(p *process, what string, ready func() bool) {
	s.t.Helper()
	s.until(p.name+" "+what, startWait, func() bool {
		select {
		case <-p.done:
			s.t.Fatalf("%s ended before it %s: %v: %s", p.name, what, p.err, p.text())
		default:
		}
		return ready()
	})
}

func (p *process) text() string {
	b, _ := os.ReadFile(p.log) // without a log there is nothing to say
	return string(b)
}

// says returns whether the process has printed words.
func (p *process) says(words string) func() bool {
	return func() bool { return strings.Contains(p.text(), words) }
}

// ends waits for the end of the process.
func (s *stage) ends(p *process, most time.Duration) error {
	s.t.Helper()
	select {
	case <-p.done:
		return p.err
	case <-time.After(most):
		s.t.Fatalf("%s has not ended after %s: see %s", p.name, most, p.log)
		return nil
	}
}

// stop ends a process that still runs.
func (p *process) stop() {
	select {
	case <-p.done:
		return
	default:
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

func (s *stage) stopAll() {
	for i := len(s.running) - 1; i >= 0; i-- {
		s.running[i].stop()
	}
}

// listens returns whether a socket there has the address, a listening one if it is of TCP.
func (p *place) listens(network, address string) func() bool {
	a, _ := net.ResolveUDPAddr("udp", address)
	ip := a.IP.To4()
	// proc(5): the address as a little-endian number on the machines that we have, the port as a big-endian one
	want := fmt.Sprintf(" %02X%02X%02X%02X:%04X ", ip[3], ip[2], ip[1], ip[0], a.Port)
	if network == "tcp" {
		const listening = "0A"
		want += "00000000:0000 " + listening + " "
	}
	return func() bool {
		var text []byte
		err := p.inside(func() (err error) {
			text, err = os.ReadFile("/proc/thread-self/net/" + network)
			return err
		})
		return err == nil && bytes.Contains(text, []byte(want))
	}
}

// witness starts tcpdump on the far end of the cable; the function it returns stops it, and returns its file.
func (s *stage) witness() (stop func() string) {
	s.t.Helper()
	file := filepath.Join(s.dir, "scene.pcap")
	p := s.start(s.far, "tcpdump", "tcpdump", "-i", "far", "-s", "0", "-B", "16384", "-n", "-U", "--immediate-mode", "-Z", "root",
		"--time-stamp-precision=nano", "-w", file, "udp or tcp or icmp")
	s.ready(p, "captures", p.says("listening on"))
	return func() string {
		s.t.Helper()
		p.stop()
		if !p.says("\n0 packets dropped by kernel")() {
			s.t.Fatalf("the witness lost packets: %s", p.text())
		}
		return file
	}
}
