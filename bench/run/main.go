// Command run measures sipcause on generated captures, beside tshark and sngrep where they are installed, and checks
// what it counts against the generator's truth. It fails when a count differs; times are printed, never judged
// but as met or missed.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is what a run is about.
type bench struct {
	bin, dir, gen string
	rounds        int
	small, large  int // messages of the captures
}

func run() error {
	var b bench
	flag.StringVar(&b.bin, "bin", "./sipcause", "the binary to measure")
	flag.StringVar(&b.dir, "dir", "bench/out", "where captures are kept")
	flag.IntVar(&b.rounds, "rounds", 3, "how often each program runs; medians are printed")
	flag.IntVar(&b.small, "small", 100_000, "messages of the small captures")
	flag.IntVar(&b.large, "messages", 1_000_000, "messages of the large captures")
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	if err := b.prepare(); err != nil {
		return err
	}
	fmt.Printf("%s/%s, %d CPUs, %s\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	differ := 0
	for _, c := range b.captures() {
		n, err := b.check(c)
		if err != nil {
			return err
		}
		differ += n
	}
	times, err := b.race()
	if err != nil {
		return err
	}
	flat, err := b.memory()
	if err != nil {
		return err
	}
	parser, err := parserSpeed()
	if err != nil {
		return err
	}
	if err := b.targets(times, flat, parser); err != nil {
		return err
	}
	if differ > 0 {
		return fmt.Errorf("%d counts differ from the truth", differ)
	}
	return nil
}

// capture is one generated file.
type capture struct {
	messages    int
	tcp         bool
	path, truth string
}

func (c *capture) transport() string {
	if c.tcp {
		return "tcp"
	}
	return "udp"
}

func (b *bench) capture(messages int, tcp bool) capture {
	c := capture{messages: messages, tcp: tcp}
	name := filepath.Join(b.dir, fmt.Sprintf("%s-%d", c.transport(), messages))
	c.path, c.truth = name+".pcap", name+".json"
	return c
}

func (b *bench) captures() []capture {
	cs := []capture{b.capture(b.small, false), b.capture(b.small, true)}
	if b.large != b.small {
		cs = append(cs, b.capture(b.large, false), b.capture(b.large, true))
	}
	return cs
}

// prepare builds the generator and writes the captures that are not there yet or were made by another generator.
func (b *bench) prepare() error {
	if _, err := os.Stat(b.bin); err != nil {
		return fmt.Errorf("find the binary to measure: %w; make build makes it", err)
	}
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	b.gen = filepath.Join(b.dir, "gen")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", b.gen, "./bench/gen")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build the generator: %w", err)
	}
	code, err := os.ReadFile(b.gen)
	if err != nil {
		return fmt.Errorf("read the generator: %w", err)
	}
	sum := sha256.Sum256(code)
	stamp := hex.EncodeToString(sum[:])
	for _, c := range b.captures() {
		made, err := os.ReadFile(c.path + ".by")
		if err == nil && string(made) == stamp {
			continue
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("read stamp: %w", err)
		}
		args := []string{"-messages", fmt.Sprint(c.messages), "-o", c.path, "-truth", c.truth}
		if c.tcp {
			args = append(args, "-tcp")
		}
		r, err := measure(nil, b.gen, args...)
		if err != nil {
			return err
		}
		info, err := os.Stat(c.path)
		if err != nil {
			return fmt.Errorf("generate: %w", err)
		}
		fmt.Printf("generated %s: %d messages, %.1f MB in %.2f s, %.0f MB/s\n", c.path, c.messages, float64(info.Size())/1e6, r.wall, float64(info.Size())/1e6/r.wall)
		if err := os.WriteFile(c.path+".by", []byte(stamp), 0o644); err != nil {
			return fmt.Errorf("write stamp: %w", err)
		}
	}
	return nil
}
