package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// flatness is what was resident with so many messages piped in, and with ten times as many.
type flatness struct{ once, tenfold result }

func (b *bench) memory() (f flatness, err error) {
	fmt.Printf("\nmemory with the generator piped in\n")
	if f.once, err = b.piped(b.large); err != nil {
		return f, err
	}
	fmt.Printf("  %9d messages: %6.1f MB, %.2f s\n", b.large, f.once.rss, f.once.wall)
	if f.tenfold, err = b.piped(10 * b.large); err != nil {
		return f, err
	}
	fmt.Printf("  %9d messages: %6.1f MB, %.2f s\n", 10*b.large, f.tenfold.rss, f.tenfold.wall)
	return f, nil
}

// benchLine is a line of go test -bench with -benchmem.
var benchLine = regexp.MustCompile(`(?m)^(Benchmark\S+)\s+\d+\s+([0-9.]+) ns/op(?:.*?([0-9]+) allocs/op)?`)

// parserSpeed returns the nanoseconds per message of the parser's benchmarks by name.
func parserSpeed() (map[string]float64, error) {
	fmt.Printf("\nparser\n")
	cmd := exec.Command("go", "test", "-run", "^$", "-bench", "Parse", "-benchmem", "./sip")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("run the parser's benchmarks: %w\n%s", err, out)
	}
	speed := map[string]float64{}
	for _, m := range benchLine.FindAllStringSubmatch(string(out), -1) {
		ns, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return nil, fmt.Errorf("read %q: %w", m[0], err)
		}
		speed[m[1]] = ns
		fmt.Printf("  %-36s %8.0f ns, %s allocations\n", m[1], ns, m[3])
	}
	return speed, nil
}

// mallocs asks one analysis how many allocations it made per message; 0 when it does not say.
func (b *bench) mallocs(c capture) (float64, error) {
	r, err := measure(nil, b.bin, "analyze", "--format", "ndjson", "-o", devNull, "--stats", c.path)
	if err != nil {
		return 0, err
	}
	m := regexp.MustCompile(`mallocs (\d+)`).FindStringSubmatch(r.stderr)
	if m == nil {
		return 0, fmt.Errorf("analyze --stats says nothing of mallocs: %q", r.stderr)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, fmt.Errorf("read mallocs: %w", err)
	}
	return n / float64(c.messages), nil
}

// target is one promise of the project on two cores.
type target struct {
	what         string
	value, limit float64
	unit         string
	atLeast      bool
}

func (t target) met() bool {
	if t.atLeast {
		return t.value >= t.limit
	}
	return t.value <= t.limit
}

// targets prints all times, their ratios, and which targets are met.
func (b *bench) targets(all []*contender, flat flatness, parser map[string]float64) error {
	find := func(name string, messages int, tcp bool) *contender {
		for _, c := range all {
			if c.name == name && c.capture.messages == messages && c.capture.tcp == tcp {
				return c
			}
		}
		return nil
	}
	fmt.Printf("\n%-24s %-12s %9s %9s %9s %12s %9s %9s\n", "capture", "program", "wall s", "CPU s", "max MB", "messages/s", "× wall", "× CPU")
	for _, c := range all {
		base := find("analyze", c.capture.messages, c.capture.tcp)
		fmt.Printf("%-24s %-12s %9.3f %9.3f %9.1f %12.0f %9.2f %9.2f\n", filepath.Base(c.capture.path), c.name, c.wall(), c.cpu(), c.rss(),
			float64(c.capture.messages)/c.wall(), c.wall()/base.wall(), c.cpu()/base.cpu())
	}
	udp, tcp := find("analyze", b.large, false), find("analyze", b.large, true)
	mallocs, err := b.mallocs(udp.capture)
	if err != nil {
		return err
	}
	list := []target{
		{"resident at most", udp.rss(), 300, "MB", false},
		{"resident with ten times as much piped in, against once", flat.tenfold.rss / flat.once.rss, 1.2, "×", false},
		{"resident with ten times as much piped in, at most", flat.tenfold.rss, 300, "MB", false},
		{"TCP against UDP, time per message", tcp.wall() / udp.wall(), 1.6, "×", false},
		{"allocations per message, whole engine", mallocs, 3, "", false},
	}
	if c := find("tshark", b.large, false); c != nil {
		list = append(list, target{"faster than tshark", c.wall() / udp.wall(), 12, "×", true})
	}
	if c := find("sngrep", b.large, false); c != nil {
		list = append(list, target{"faster than sngrep", c.wall() / udp.wall(), 18, "×", true})
	}
	for name, ns := range parser {
		list = append(list, target{"parser, " + name, ns, 1400, "ns per message", false})
	}
	fmt.Printf("\ntargets, for two cores and %d messages\n", b.large)
	printTargets(list)
	return nil
}

func printTargets(list []target) {
	for _, t := range list {
		word, sign := "missed", "<="
		if t.met() {
			word = "met"
		}
		if t.atLeast {
			sign = ">="
		}
		fmt.Printf("  %-7s %-58s %9.2f %s %g %s\n", word, t.what, t.value, sign, t.limit, t.unit)
	}
}
