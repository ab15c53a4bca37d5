package main

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// result is what one run of a program took.
type result struct {
	wall, cpu float64 // seconds; CPU is user and system time
	rss       float64 // MB, the most that was resident
	stderr    string
}

// measure runs a program with its output thrown away.
func measure(stdin io.Reader, name string, args ...string) (result, error) {
	cmd := exec.Command(name, args...)
	cmd.Stdin = stdin
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	began := time.Now()
	err := cmd.Run()
	r := result{wall: time.Since(began).Seconds(), stderr: stderr.String()}
	if err != nil {
		return r, fmt.Errorf("run %s %s: %w\n%s", name, strings.Join(args, " "), err, stderr.Bytes())
	}
	r.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.rss = maxRSS(u)
	}
	return r, nil
}

// piped runs the generator into sipcause's standard input and measures sipcause.
func (b *bench) piped(messages int) (result, error) {
	gen := exec.Command(b.gen, "-messages", fmt.Sprint(messages))
	out, err := gen.StdoutPipe()
	if err != nil {
		return result{}, fmt.Errorf("pipe the generator: %w", err)
	}
	if err := gen.Start(); err != nil {
		return result{}, fmt.Errorf("start the generator: %w", err)
	}
	r, err := measure(out, b.bin, "analyze", "--format", "ndjson", "-o", devNull, "-")
	if err != nil {
		_ = gen.Process.Kill()
	}
	if werr := gen.Wait(); err == nil && werr != nil {
		err = fmt.Errorf("run the generator: %w", werr)
	}
	return r, err
}

const devNull = "/dev/null"

// contender is one program on one capture.
type contender struct {
	name    string
	capture capture
	args    []string // the program and its arguments
	results []result
}

func (c *contender) median(of func(result) float64) float64 {
	var v []float64
	for _, r := range c.results {
		v = append(v, of(r))
	}
	slices.Sort(v)
	return v[len(v)/2]
}

func (c *contender) wall() float64 { return c.median(func(r result) float64 { return r.wall }) }
func (c *contender) cpu() float64  { return c.median(func(r result) float64 { return r.cpu }) }
func (c *contender) rss() float64  { return c.median(func(r result) float64 { return r.rss }) }

// programs is the table of what races on a capture. Others than sipcause are left out when not installed. sngrep by
// itself takes no more dialogs than 20000: it is told to take all.
var programs = []struct {
	name string
	tcp  bool // on TCP, too
	args []string
}{
	{"analyze", true, []string{"{bin}", "analyze", "--format", "ndjson", "-o", devNull, "{file}"}},
	{"decode only", true, []string{"{bin}", "analyze", "--decode-only", "{file}"}},
	{"tshark", false, []string{"tshark", "-q", "-z", "sip,stat", "-r", "{file}"}},
	{"sngrep", false, []string{"sngrep", "-N", "-q", "-l", "10000000", "-I", "{file}"}},
}

// race runs everything in turn, round by round, so that a busy moment of the machine hits all alike.
func (b *bench) race() ([]*contender, error) {
	var all []*contender
	missing := map[string]bool{}
	for _, c := range b.captures() {
		for _, p := range programs {
			if c.tcp && !p.tcp {
				continue
			}
			args := slices.Clone(p.args)
			for i := range args {
				args[i] = strings.NewReplacer("{bin}", b.bin, "{file}", c.path).Replace(args[i])
			}
			if _, err := exec.LookPath(args[0]); err != nil {
				missing[p.name] = true
				continue
			}
			all = append(all, &contender{name: p.name, capture: c, args: args})
		}
	}
	for name := range missing {
		fmt.Printf("%s is not installed: not compared\n", name)
	}
	for round := range b.rounds {
		for _, c := range all {
			r, err := measure(nil, c.args[0], c.args[1:]...)
			if err != nil {
				return nil, err
			}
			c.results = append(c.results, r)
			fmt.Printf("round %d: %-11s %-24s %7.2f s\n", round+1, c.name, filepath.Base(c.capture.path), r.wall)
		}
	}
	return all, nil
}
