package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"time"
)

// taken is what the receiver says.
type taken struct {
	Packets, Payloads, Bytes uint64
	Seconds                  float64
	Dropped                  map[string]uint64
}

func (t *taken) rate() float64 { return float64(t.Packets) / max(t.Seconds, 0.001) }

// receive sends messages to the receiver, which decodes them or, as a sink, throws them away.
func (b *bench) receive(scheme string, rate int, sink bool) (s sending, t taken, u usage, err error) {
	ports, err := freePorts(1)
	if err != nil {
		return s, t, u, err
	}
	to := scheme + "://" + ports[0]
	args := []string{"-from", to}
	if sink {
		args = append(args, "-sink")
	}
	d, err := start(b.receiver, args...)
	if err != nil {
		return s, t, u, err
	}
	time.Sleep(300 * time.Millisecond) // until it listens
	s, err = b.send(to, rate, b.large)
	if err == nil {
		u, err = d.usage()
	}
	out, stopped := d.stop()
	switch {
	case err != nil:
		return s, t, u, err
	case stopped != nil:
		return s, t, u, stopped
	}
	if err := json.Unmarshal(out, &t); err != nil {
		return s, t, u, fmt.Errorf("read what the receiver says: %w: %q", err, out)
	}
	return s, t, u, nil
}

// alone measures what the sender does by itself, in messages a second.
func (b *bench) alone(scheme string) (float64, error) {
	s, _, _, err := b.receive(scheme, 0, true)
	if err != nil {
		return 0, err
	}
	fmt.Printf("  %-44s %9.0f messages/s, %.1f s of its CPU\n", "the sender into a sink over "+scheme, s.rate(), s.cpu)
	return s.rate(), nil
}

// path measures the receive path without a store.
type path struct {
	udpLost, udpRate, tcpRate float64
	peak                      float64 // MB
	bad                       []string
}

func (b *bench) receivePath() (p path, err error) {
	fmt.Printf("\nreceive path without a store: the server's source and decoder alone\n")
	for _, run := range []struct {
		scheme string
		rate   int
	}{{"udp", pathRate}, {"udp", 0}, {"tcp", 0}} {
		s, t, u, err := b.receive(run.scheme, run.rate, false)
		if err != nil {
			return p, err
		}
		lost := t.Dropped["kernel"]
		asked := "as fast as it goes"
		if run.rate > 0 {
			asked = fmt.Sprintf("%d/s asked for", run.rate)
			p.udpLost, p.udpRate = float64(s.sent)-float64(t.Packets), s.rate()
		}
		if run.scheme == "tcp" {
			p.tcpRate = t.rate()
		}
		p.peak = max(p.peak, u.peak)
		fmt.Printf("  %s, %-20s %9d sent (%.0f/s), %9d received (%.0f/s), %d dropped by the kernel, %d decoded; %.1f s of CPU, %.0f MB\n",
			run.scheme, asked, s.sent, s.rate(), t.Packets, t.rate(), lost, t.Payloads, u.cpu, u.peak)
		if uint64(s.sent) != t.Packets+lost || t.Payloads != t.Packets {
			p.bad = append(p.bad, fmt.Sprintf("receive path, %s: %d sent, %d received, %d dropped by the kernel, %d decoded", run.scheme, s.sent, t.Packets, lost, t.Payloads))
		}
	}
	return p, nil
}

// floorOf is what bench/floor says.
type floorOf struct {
	Messages, TextBytes      int
	RowsSeconds, ZlibSeconds float64
	RowsBytes, ZlibBytes     int64
}

// floors measures what is not ours on the same messages; fastest is the sender alone, by scheme.
func (b *bench) floors() (fastest map[string]float64, err error) {
	fmt.Printf("\nfloors of this run, on the messages of %s\n", b.capture(b.large, false).path)
	out, err := exec.Command(b.floor, "-dir", b.dir, b.capture(b.large, false).path).Output()
	if err != nil {
		return nil, fmt.Errorf("run bench/floor: %w", err)
	}
	var f floorOf
	if err := json.Unmarshal(out, &f); err != nil {
		return nil, fmt.Errorf("read what bench/floor says: %w", err)
	}
	n := float64(f.Messages)
	fmt.Printf("  %-44s %9.0f messages/s, %.0f bytes per message\n", "rows of one SQLite table, batches of 20000", n/f.RowsSeconds, float64(f.RowsBytes)/n)
	fmt.Printf("  %-44s %9.0f messages/s, %.0f bytes per message, %.0f MB/s; the text has %.0f\n", "zlib -9, one stream", n/f.ZlibSeconds, float64(f.ZlibBytes)/n,
		float64(f.TextBytes)/1e6/f.ZlibSeconds, float64(f.TextBytes)/n)
	fastest = map[string]float64{}
	for _, scheme := range schemes {
		if fastest[scheme], err = b.alone(scheme); err != nil {
			return nil, err
		}
	}
	return fastest, nil
}
