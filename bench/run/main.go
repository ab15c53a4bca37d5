// Command run measures sipcause: analyze on generated captures, beside tshark and sngrep where they are installed, with
// what it counts checked against the generator's truth; and serve under HEP from another process, with what was sent,
// received, dropped and stored checked against each other. It fails when a count differs; times are printed, never
// judged but as met or missed.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
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

	sender, receiver, filler, floor string // the programs that the server is measured with
	rate                            int    // messages a second that the server is to take
	stored                          int    // messages that are searched
	probes                          int    // runs that look for the highest rate, and how long each sends
	probe                           time.Duration
}

func run() error {
	var b bench
	flag.StringVar(&b.bin, "bin", "./sipcause", "the binary to measure")
	flag.StringVar(&b.dir, "dir", "bench/out", "where captures are kept")
	flag.IntVar(&b.rounds, "rounds", 3, "how often each program runs; medians are printed")
	flag.IntVar(&b.small, "small", 100_000, "messages of the small captures")
	flag.IntVar(&b.large, "messages", 1_000_000, "messages of the large captures")
	flag.IntVar(&b.rate, "rate", loadRate, "messages a second sent to the server")
	flag.IntVar(&b.stored, "stored", 1_000_000, "messages of the store that is searched; 10000000 for the target's figure")
	flag.IntVar(&b.probes, "probes", 6, "runs that look for the highest rate without a drop")
	flag.DurationVar(&b.probe, "probe", 8*time.Second, "how long each of them sends")
	part := flag.String("part", "all", "what is measured: analyze, serve or all")
	flag.Parse()
	if !slices.Contains([]string{"analyze", "serve", "all"}, *part) {
		return fmt.Errorf("-part %q: want analyze, serve or all", *part)
	}
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	if err := b.prepare(); err != nil {
		return err
	}
	fmt.Printf("%s/%s, %d CPUs (%s), %s, %s\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), fact("/proc/cpuinfo", "model name"), fact("/proc/meminfo", "MemTotal"), runtime.Version())
	var differ, unbalanced error
	if *part != "serve" {
		if differ = b.analyzed(); differ != nil && !errors.Is(differ, errDiffer) {
			return differ
		}
	}
	if *part != "analyze" {
		bad, err := b.served()
		if err != nil {
			return errors.Join(differ, err)
		}
		unbalanced = addUp(bad)
	}
	return errors.Join(differ, unbalanced)
}

// errDiffer is that counts of analyze are not the generator's.
var errDiffer = errors.New("counts differ from the truth")

// analyzed measures analyze.
func (b *bench) analyzed() error {
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
		return fmt.Errorf("%d %w", differ, errDiffer)
	}
	return nil
}

// fact reads the first line of that name in a file of /proc.
func fact(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return name + " not known"
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return name + " not known"
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
	var err error
	if b.gen, err = b.tool("gen"); err != nil {
		return err
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
