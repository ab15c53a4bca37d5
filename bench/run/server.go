package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// daemon is a program that runs until it is told to stop.
type daemon struct {
	cmd         *exec.Cmd
	out, stderr bytes.Buffer
	ended       chan error // its end, once
}

func start(name string, args ...string) (*daemon, error) {
	d := &daemon{cmd: exec.Command(name, args...), ended: make(chan error, 1)}
	d.cmd.Stdout, d.cmd.Stderr = &d.out, &d.stderr
	if err := d.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() { d.ended <- d.cmd.Wait() }()
	return d, nil
}

// stop ends the program, which takes its time, and returns what it printed.
func (d *daemon) stop() ([]byte, error) {
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return nil, fmt.Errorf("stop %s: %w", d.cmd.Path, err)
	}
	select {
	case err := <-d.ended:
		if err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", d.cmd.Path, err, d.stderr.Bytes())
		}
		return d.out.Bytes(), nil
	case <-time.After(time.Minute):
		_ = d.cmd.Process.Kill()
		return nil, fmt.Errorf("%s did not end within a minute of SIGTERM\n%s", d.cmd.Path, d.stderr.Bytes())
	}
}

// usage is what a running program has taken so far.
type usage struct {
	cpu  float64 // seconds, user and system
	peak float64 // MB, the most that was resident
}

func (d *daemon) usage() (u usage, err error) {
	proc := filepath.Join("/proc", strconv.Itoa(d.cmd.Process.Pid))
	stat, err := os.ReadFile(filepath.Join(proc, "stat"))
	if err != nil {
		return u, fmt.Errorf("read usage: %w", err)
	}
	status, err := os.ReadFile(filepath.Join(proc, "status"))
	if err != nil {
		return u, fmt.Errorf("read usage: %w", err)
	}
	return readUsage(string(stat), string(status))
}

// ticks is how many make a second in /proc (USER_HZ).
const ticks = 100

func readUsage(stat, status string) (u usage, err error) {
	after := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:]) // from the third field on
	if len(after) < 13 {
		return u, fmt.Errorf("read usage: %q is no stat of a process", stat)
	}
	for _, f := range after[11:13] {
		n, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return u, fmt.Errorf("read usage: %w", err)
		}
		u.cpu += n / ticks
	}
	for line := range strings.Lines(status) {
		if kib, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			if _, err := fmt.Sscan(kib, &u.peak); err != nil {
				return u, fmt.Errorf("read usage: %w", err)
			}
			u.peak *= 1024 / 1e6
			return u, nil
		}
	}
	return u, errors.New("read usage: the status of the process has no VmHWM")
}

// server is a running sipcause serve.
type server struct {
	*daemon
	data, api, hep string
}

// serve starts a server on a folder and waits until it is ready. scheme is that of its HEP listener.
func (b *bench) serve(data, scheme string) (*server, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	s := &server{data: data, api: "http://" + ports[0], hep: scheme + "://" + ports[1]}
	if s.daemon, err = start(b.bin, "serve", "--data", data, "--listen", ports[0], "--hep", s.hep); err != nil {
		return nil, err
	}
	for tries := 0; ; tries++ {
		err := s.get("/readyz", io.Discard)
		if err == nil {
			return s, nil
		}
		select {
		case err := <-s.ended:
			return nil, fmt.Errorf("%s serve ended: %w\n%s", b.bin, err, s.stderr.Bytes())
		case <-time.After(100 * time.Millisecond):
		}
		if tries == 600 {
			_, stopped := s.stop()
			return nil, errors.Join(fmt.Errorf("%s serve was not ready within a minute: %w", b.bin, err), stopped)
		}
	}
}

// freePorts returns loopback addresses of which neither TCP nor UDP is taken.
func freePorts(n int) (list []string, err error) {
	for len(list) < n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		u, err := net.ListenPacket("udp", l.Addr().String())
		if err != nil {
			continue
		}
		defer u.Close()
		list = append(list, l.Addr().String())
	}
	return list, nil
}

// get asks the API and copies the answer.
func (s *server) get(path string, to io.Writer) error {
	resp, err := http.Get(s.api + path)
	if err != nil {
		return err
	}
	var refused bytes.Buffer
	if resp.StatusCode != http.StatusOK {
		to = &refused
	}
	_, err = io.Copy(to, resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s: %.300s", path, resp.Status, refused.Bytes())
	}
	return nil
}

// state is what is read of /api/v1/status.
type state struct {
	Sources []struct {
		Packets uint64
		Dropped []named
	}
	Queue struct {
		Signalling uint64 `json:"dropped_signalling"`
		Media      uint64 `json:"dropped_media"`
	}
	Store struct {
		Messages, Cases, Open, Dropped uint64
		Lag                            float64 `json:"lag_ms"`
	}
	OpenLegs int `json:"open_legs"`
	Counters []named
	Alarms   []string
}

type named struct {
	Name string
	N    uint64
}

func (s *server) state() (*state, error) {
	var body bytes.Buffer
	if err := s.get("/api/v1/status", &body); err != nil {
		return nil, err
	}
	var st state
	if err := json.Unmarshal(body.Bytes(), &st); err != nil {
		return nil, fmt.Errorf("read status: %w", err)
	}
	if len(st.Sources) != 1 {
		return nil, fmt.Errorf("read status: %d sources, want the one of HEP", len(st.Sources))
	}
	return &st, nil
}

// disk is what files take, in bytes.
type disk struct {
	total int64
	by    map[string]int64 // by what is in the files
}

// kindOf names what is in the folders of the store.
var kindOf = map[string]string{"m": "messages", "c": "cases", "r": "roll-ups", ".": "catalog"}

func diskOf(dir string) (disk, error) {
	d := disk{by: map[string]int64{}}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		kind, err := filepath.Rel(dir, filepath.Dir(path))
		if err != nil {
			return err
		}
		d.total += info.Size()
		d.by[cmp.Or(kindOf[kind], kind)] += info.Size()
		return nil
	})
	if err != nil {
		return d, fmt.Errorf("measure the store: %w", err)
	}
	return d, nil
}

// per prints it by message.
func (d *disk) per(messages uint64) string {
	n := float64(max(messages, 1))
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(d.by)) {
		kinds = append(kinds, fmt.Sprintf("%s %.1f", kind, float64(d.by[kind])/n))
	}
	return fmt.Sprintf("%.0f (%s)", float64(d.total)/n, strings.Join(kinds, ", "))
}
