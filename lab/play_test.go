//go:build linux

package lab

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"sipcause/internal/testkit/b2bua"
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
	stdin     io.WriteCloser
	done      chan struct{} // closed when it ended
	err       error         // of its end; read after done
}

// play plays the scene and leaves its capture in dir/scene.pcap.
func play(s *scene, dir string) error {
	st := &stage{dir: dir}
	defer st.stopAll() //nolint:errcheck // the way out after an error: that one counts
	if err := s.net.setUp(); err != nil {
		return err
	}
	if err := st.witness(); err != nil {
		return err
	}
	if s.tls {
		if err := writeKeys(dir); err != nil {
			return err
		}
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
		if err := p.waitUntil("it listens", listens(e.at, e.tcp)); err != nil {
			return err
		}
	}
	ctx, hangUp := context.WithCancel(context.Background())
	defer hangUp()
	for _, c := range s.b2buas {
		if err := b2bua.Listen(ctx, c); err != nil {
			return err
		}
	}
	phones, err := st.phones(s)
	if err != nil {
		return err
	}
	acted := make(chan error, 1)
	go func() { acted <- act(phones, s.deeds) }()
	var sent streams
	if err := sent.open(s.media); err != nil {
		return err
	}
	for i, c := range s.callers {
		time.Sleep(c.after)
		sent.play(s.media, i)
		if err := st.call(i, c); err != nil {
			return err
		}
	}
	err = <-acted
	time.Sleep(settle)
	cut(phones)
	return errors.Join(err, sent.wait(), st.stopAll())
}

// witness starts the capture. Its buffer holds what a loop between two proxies makes within milliseconds.
func (st *stage) witness() error {
	p, err := st.start("tcpdump", "tcpdump", "-i", "lo", "-s", "16000", "-B", "16384", "-n", "-U", "--immediate-mode", "-Z", "root",
		"-w", filepath.Join(st.dir, "scene.pcap"), "udp or tcp or icmp")
	if err != nil {
		return err
	}
	return p.waitUntil("it captures", p.says("listening on"))
}

// call has a caller play its part to the end.
func (st *stage) call(i int, c sipp) error {
	p, err := st.sipp(callerName(i), c)
	if err != nil {
		return err
	}
	if c.stays {
		return p.waitUntil("it listens", listens(c.at, c.tcp))
	}
	return p.wait(c.fails)
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
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
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
	return p.waitUntil("it listens", listens(at, false))
}

// Values of the scripts' [keywords] where a scene says nothing else. A line that is nothing but a keyword
// without a value is left out.
var defaultKeys = map[string]string{
	"from_uri": "sip:alice@example.com",
	"to_uri":   "sip:bob@example.com",
	"format":   "0",
	"encoding": "PCMU",
	"hops":     "70",
	"header":   "",
	"code":     "500",
	"phrase":   "Server Internal Error",
	"expires":  "60",
	"type":     "application/sdp",
	"body": strings.Join([]string{
		"v=0", "o=lab 53655765 2353687637 IN IP4 [local_ip]", "s=-", "c=IN IP4 [local_ip]", "t=0 0",
		"m=audio 6000 RTP/AVP [format]", "a=rtpmap:[format] [encoding]/8000",
	}, "\n"),
	"why":          "",
	"length":       "[len]",
	"contact_line": "Contact: <sip:lab@[here]>",
	"here":         "[local_ip]:[local_port]",
}

// text is of the end's scenario, with values put for the lab's keywords; SIPp puts its own.
func (e sipp) text() ([]byte, error) {
	var text string
	if e.steps != nil {
		text = string(scenario(e.steps))
	} else {
		file, err := os.ReadFile(filepath.Join("sipp", e.script+".xml"))
		if err != nil {
			return nil, err
		}
		text = string(file)
	}
	keys := maps.Clone(defaultKeys)
	keys["contact"] = e.at
	maps.Copy(keys, e.keys)
	for _, k := range []string{"body", "header", "contact_line"} { // these may hold others
		text = putKey(text, k, keys[k])
		delete(keys, k)
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		text = putKey(text, k, keys[k])
	}
	return []byte(text), nil
}

func putKey(text, key, value string) string {
	if value == "" {
		empty := regexp.MustCompile(`(?m)^ *\[` + key + `\]\n`)
		text = empty.ReplaceAllLiteralString(text, "")
	}
	return strings.ReplaceAll(text, "["+key+"]", value)
}

// sipp starts one end.
func (st *stage) sipp(name string, e sipp) (*process, error) {
	text, err := e.text()
	if err != nil {
		return nil, err
	}
	at := netip.MustParseAddrPort(e.at)
	user := cmp.Or(e.user, "alice")
	script := filepath.Join(st.dir, name+".xml")
	if err := os.WriteFile(script, text, 0o644); err != nil {
		return nil, err
	}
	args := []string{
		proxy, "-sf", script, "-i", at.Addr().String(), "-p", fmt.Sprint(at.Port()), "-m", fmt.Sprint(max(1, e.calls)), "-s", user,
		"-au", user, "-ap", e.secret, "-d", fmt.Sprint(e.talk.Milliseconds()),
		"-cid_str", name + "-%u@%s", "-nostdin", "-trace_err",
		"-mp", fmt.Sprint(20000 + 2*(int(at.Port())&0xfff)), // its own RTP socket, which no scene uses
		"-timeout", fmt.Sprint(int(sceneWait.Seconds())), "-timeout_error",
	}
	if !strings.HasPrefix(name, "caller") {
		args = append(args, "-max_invite_retrans", "7") // of a 2xx: to the end of the scene
	}
	if e.every > 0 {
		args = append(args, "-r", "1", "-rp", fmt.Sprint(e.every.Milliseconds()))
	}
	if e.tcp {
		args = append(args, "-t", "t1")
	}
	return st.start(name, "sipp", args...)
}

// wait waits for the process to end well, or badly where that is its part.
func (p *process) wait(badly bool) error {
	select {
	case <-p.done:
		var exit *exec.ExitError
		if badly && errors.As(p.err, &exit) {
			return nil
		}
		if p.err != nil || badly {
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

// listens returns whether a socket of the namespace has the address, a listening one if it is of TCP.
func listens(at string, tcp bool) func() bool {
	a := netip.MustParseAddrPort(at)
	ip := a.Addr().As4()
	// proc(5): the address as a little-endian number on the machines that we have, the port as a big-endian one
	want := fmt.Sprintf(" %02X%02X%02X%02X:%04X ", ip[3], ip[2], ip[1], ip[0], a.Port())
	file := "/proc/self/net/udp"
	if tcp {
		const listening = "0A"
		file, want = "/proc/self/net/tcp", want+"00000000:0000 "+listening+" "
	}
	return func() bool {
		text, err := os.ReadFile(file)
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
		if p.name == "tcpdump" && !p.says("\n0 packets dropped by kernel")() {
			errs = append(errs, errors.New("the witness lost packets: see "+p.log))
		}
	}
	return errors.Join(errs...)
}
