//go:build linux

package lab

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// How long things may take before they count as broken.
const (
	startWait = 20 * time.Second
	sceneWait = 90 * time.Second
)

// settle is what the scene goes on for when the last caller is done: retransmissions, the 200 to a CANCEL.
const settle = 1500 * time.Millisecond

// playProcess prepares a process that plays the scene inside network and process namespaces of its own: none
// of its packets can leave, and whatever it started ends with it.
func playProcess(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWPID}
	if uid := os.Getuid(); uid != 0 { // a user namespace lends the capabilities that an ordinary user lacks
		const capNetAdmin, capNetRaw = 12, 13
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
		attr.AmbientCaps = []uintptr{capNetAdmin, capNetRaw}
	}
	cmd.SysProcAttr = attr
	return cmd
}

// callerName names a caller's process, and its Call-IDs begin with it.
func callerName(i int) string { return fmt.Sprint("caller", i) }

// stage is a scene being played; it lives inside the namespaces.
type stage struct {
	dir     string // logs, and the capture
	running []*process
}

// process is something that the scene started; what it prints is in dir/name.log.
type process struct {
	name, log string
	cmd       *exec.Cmd
	done      chan struct{} // closed when it ended
	err       error         // of its end; read after done
}

// play plays the scene and leaves its capture in dir/scene.pcap.
func play(s *scene, dir string) error {
	st := &stage{dir: dir}
	defer st.stopAll() //nolint:errcheck // the way out after an error: that one counts
	if err := network(); err != nil {
		return err
	}
	witness, err := st.start("tcpdump", "tcpdump", "-i", "lo", "-s", "0", "-n", "-U", "--immediate-mode", "-Z", "root",
		"-w", filepath.Join(dir, "scene.pcap"), "udp or tcp or icmp")
	if err != nil {
		return err
	}
	if err := witness.waitUntil("it captures", witness.says("listening on")); err != nil {
		return err
	}
	for i, k := range s.proxies {
		if err := st.proxy(i, k); err != nil {
			return err
		}
	}
	for i, e := range s.ends {
		p, err := st.sipp(fmt.Sprint("end", i), e)
		if err != nil {
			return err
		}
		if err := p.waitUntil("it listens", listens(e.at)); err != nil {
			return err
		}
	}
	for i, c := range s.callers {
		time.Sleep(c.after)
		p, err := st.sipp(callerName(i), c)
		if err != nil {
			return err
		}
		if err := p.wait(); err != nil {
			return err
		}
	}
	time.Sleep(settle)
	return st.stopAll()
}

// network gives the namespace's loopback interface the addresses of the scene.
func network() error {
	steps := [][]string{{"link", "set", "lo", "up"}}
	for _, a := range addresses {
		steps = append(steps, []string{"addr", "add", a + "/32", "dev", "lo"})
	}
	for _, s := range steps {
		if out, err := exec.Command("ip", s...).CombinedOutput(); err != nil {
			return fmt.Errorf("set up the namespace's network: ip %s: %w: %s", strings.Join(s, " "), err, out)
		}
	}
	return nil
}

func (st *stage) start(name, bin string, args ...string) (*process, error) {
	p := &process{name: name, log: filepath.Join(st.dir, name+".log"), cmd: exec.Command(bin, args...), done: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	fmt.Fprintln(log, p.cmd.Args)
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Dir = log, log, st.dir
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", bin, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	st.running = append(st.running, p)
	return p, nil
}

// proxy starts one Kamailio and waits until it listens.
func (st *stage) proxy(i int, k kamailio) error {
	name := fmt.Sprint("kamailio", i)
	at := k.listen
	if at == "" {
		at = proxy
	}
	cfg, err := filepath.Abs(filepath.Join("kamailio", k.cfg))
	if err != nil {
		return err
	}
	run := filepath.Join(st.dir, name)
	if err := os.Mkdir(run, 0o755); err != nil {
		return err
	}
	args := []string{"-DD", "-E", "-m", "16", "-M", "4", "-f", cfg, "-Y", run, "-w", run, "-P", filepath.Join(run, "pid"), "-A", "ME=udp:" + at}
	for _, d := range k.define {
		args = append(args, "-A", d)
	}
	p, err := st.start(name, "kamailio", args...)
	if err != nil {
		return err
	}
	return p.waitUntil("it listens", listens(at))
}

// Values of the scripts' [keywords] where a scene says nothing else.
var defaultKeys = map[string]string{
	"from_uri": "sip:alice@example.com",
	"to_uri":   "sip:bob@example.com",
	"format":   "0",
	"encoding": "PCMU",
	"hops":     "70",
	"header":   "Subject: lab",
	"code":     "500",
	"phrase":   "Server Internal Error",
	"expires":  "60",
}

// sipp starts one end for exactly one call.
func (st *stage) sipp(name string, e sipp) (*process, error) {
	text, err := os.ReadFile(filepath.Join("sipp", e.script+".xml"))
	if err != nil {
		return nil, err
	}
	at := netip.MustParseAddrPort(e.at)
	user := e.user
	if user == "" {
		user = "alice"
	}
	keys := maps.Clone(defaultKeys)
	keys["contact"] = e.at
	maps.Copy(keys, e.keys)
	// A status code is the one thing that SIPp wants to read before it puts values for keywords.
	text = bytes.ReplaceAll(text, []byte("[code]"), []byte(keys["code"]))
	script := filepath.Join(st.dir, name+".xml")
	if err := os.WriteFile(script, text, 0o644); err != nil {
		return nil, err
	}
	args := []string{
		proxy, "-sf", script, "-i", at.Addr().String(), "-p", fmt.Sprint(at.Port()), "-m", "1", "-s", user,
		"-au", user, "-ap", e.secret, "-d", fmt.Sprint(e.talk.Milliseconds()),
		"-cid_str", name + "-%u-%p@%s", "-nostdin", "-trace_err",
		"-timeout", fmt.Sprint(int(sceneWait.Seconds())), "-timeout_error",
	}
	if e.tcp {
		args = append(args, "-t", "t1")
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if keys[k] == "" {
			keys[k] = defaultKeys[k]
		}
		args = append(args, "-key", k, keys[k])
	}
	return st.start(name, "sipp", args...)
}

// wait waits for the process to end well.
func (p *process) wait() error {
	select {
	case <-p.done:
		if p.err != nil {
			return fmt.Errorf("%s: %w: see %s", p.name, p.err, p.log)
		}
		return nil
	case <-time.After(sceneWait):
		return fmt.Errorf("%s: not done after %s: see %s", p.name, sceneWait, p.log)
	}
}

// waitUntil waits until ready says so, for a process that goes on.
func (p *process) waitUntil(what string, ready func() bool) error {
	for end := time.Now().Add(startWait); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		select {
		case <-p.done:
			return fmt.Errorf("%s ended before %s: %w: see %s", p.name, what, p.err, p.log)
		default:
		}
		if ready() {
			return nil
		}
	}
	return fmt.Errorf("%s: %s after which %s is still not so: see %s", p.name, startWait, what, p.log)
}

// says returns whether the process has printed words.
func (p *process) says(words string) func() bool {
	return func() bool {
		text, err := os.ReadFile(p.log)
		return err == nil && bytes.Contains(text, []byte(words))
	}
}

// listens returns whether a UDP socket of the namespace has the address.
func listens(at string) func() bool {
	a := netip.MustParseAddrPort(at)
	ip := a.Addr().As4()
	// proc(5): the address as a little-endian number on the machines that we have, the port as a big-endian one
	want := fmt.Sprintf(" %02X%02X%02X%02X:%04X ", ip[3], ip[2], ip[1], ip[0], a.Port())
	return func() bool {
		text, err := os.ReadFile("/proc/self/net/udp")
		return err == nil && bytes.Contains(text, []byte(want))
	}
}

// stopAll stops what still runs, by its process id, the witness last; an end that was waiting for more is no error.
func (st *stage) stopAll() error {
	var errs []error
	for _, p := range slices.Backward(st.running) {
		select {
		case <-p.done:
			continue
		default:
		}
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			errs = append(errs, err)
		}
		select {
		case <-p.done:
		case <-time.After(5 * time.Second):
			if err := p.cmd.Process.Kill(); err != nil {
				errs = append(errs, err)
			}
			<-p.done
			if p.name == "tcpdump" {
				errs = append(errs, errors.New("tcpdump had to be killed: the capture may be cut short"))
			}
		}
	}
	return errors.Join(errs...)
}
