package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// sending is what the sender says of itself.
type sending struct {
	sent, failed int
	bytes        int
	seconds      float64
	cpu          float64
}

func (s *sending) rate() float64 { return float64(s.sent) / max(s.seconds, 0.001) }

// send plays the large capture to a HEP listener, in a process of its own.
func (b *bench) send(to string, rate, messages int) (s sending, err error) {
	cmd := exec.Command(b.sender, "-to", to, "-rate", strconv.Itoa(rate), "-messages", strconv.Itoa(messages), b.capture(b.large, false).path)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return s, fmt.Errorf("send: %w\n%s", err, errs.Bytes())
	}
	var perSecond float64
	if _, err := fmt.Sscanf(string(out), "sent %d messages, %d bytes in %f s: %f/s; %d failed", &s.sent, &s.bytes, &s.seconds, &perSecond, &s.failed); err != nil {
		return s, fmt.Errorf("read what the sender says: %w: %q", err, out)
	}
	s.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	return s, nil
}

// load is one run of the server under HEP.
type load struct {
	scheme       string
	asked        int // messages a second; 0: as fast as it goes
	sending      sending
	end          state
	disk         disk    // after the server has ended
	buffer       string  // of the socket
	usage        usage   // of the server, until all was stored
	lag          float64 // s, the longest that something waited for the store
	settled      float64 // s from the sender's end until all that was received was stored
	refused      uint64  // packets that the source refused
	kernel       uint64  // datagrams that the kernel dropped
	unstoredCase uint64
}

// How the server is watched, and how long what it took may take to be stored.
const (
	lookEvery = 200 * time.Millisecond
	maxSettle = 90 * time.Second
)

// load starts a server without history, sends messages at a rate and waits until all is stored.
func (b *bench) load(scheme string, rate, messages int) (l *load, err error) {
	data, err := os.MkdirTemp(b.dir, "serve")
	if err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	defer os.RemoveAll(data)
	s, err := b.serve(data, scheme)
	if err != nil {
		return nil, err
	}
	l = &load{scheme: scheme, asked: rate}
	err = l.run(b, s, messages)
	_, stopped := s.stop()
	if err := errors.Join(err, stopped); err != nil {
		return nil, err
	}
	l.disk, err = diskOf(data)
	return l, err
}

func (l *load) run(b *bench, s *server, messages int) error {
	l.buffer = socketBuffer(s.hep)
	sent := make(chan error, 1)
	go func() {
		var err error
		l.sending, err = b.send(s.hep, l.asked, messages)
		sent <- err
	}()
	var done time.Time // of the sender
	var was, cases uint64
	for still := 0; ; still++ {
		select {
		case err := <-sent:
			if err != nil {
				return err
			}
			done = time.Now()
		case <-time.After(lookEvery):
		}
		st, err := s.state()
		if err != nil {
			return err
		}
		l.lag = max(l.lag, st.Store.Lag/1000)
		if done.IsZero() {
			still = 0
			continue
		}
		l.end = *st
		l.read()
		if moved := st.Sources[0].Packets + st.Store.Messages; moved != was {
			was, still = moved, 0
			l.settled = time.Since(done).Seconds()
		}
		if st.Store.Cases != cases { // those that began last are told of a little later
			cases, still = st.Store.Cases, 0
		}
		// All is there and stays so, or nothing moves for 6 s: then the counts do not add up, which is said.
		if still >= 15 && len(l.imbalance()) == 0 || still >= 30 || time.Since(done) > maxSettle {
			break
		}
	}
	var err error
	l.usage, err = s.usage()
	return err
}

// read takes the sums out of the last status.
func (l *load) read() {
	l.kernel, l.refused, l.unstoredCase = 0, 0, 0
	for _, d := range l.end.Sources[0].Dropped {
		if d.Name == "kernel" {
			l.kernel = d.N
		} else {
			l.refused += d.N
		}
	}
	for _, c := range l.end.Counters {
		if c.Name == "cases_not_stored" {
			l.unstoredCase = c.N
		}
	}
}

func (l *load) received() uint64 { return l.end.Sources[0].Packets }

// lost is how many messages, and cases, were not stored, by every counter.
func (l *load) lost() uint64 {
	return l.kernel + l.refused + l.end.Queue.Signalling + l.end.Store.Dropped + l.unstoredCase
}

// losses says where.
func (l *load) losses() string {
	if l.lost() == 0 {
		return "nothing"
	}
	return fmt.Sprintf("%d by the kernel, %d refused, %d in the queue, %d before the store; %d cases before the store",
		l.kernel, l.refused, l.end.Queue.Signalling, l.end.Store.Dropped, l.unstoredCase)
}

// imbalance says which counts do not add up.
func (l *load) imbalance() (bad []string) {
	if sent, accounted := uint64(l.sending.sent), l.received()+l.kernel+l.refused; sent != accounted {
		bad = append(bad, fmt.Sprintf("%s: %d sent, but %d received or dropped", l.scheme, sent, accounted))
	}
	if accounted := l.end.Store.Messages + l.end.Queue.Signalling + l.end.Store.Dropped; l.received() != accounted {
		bad = append(bad, fmt.Sprintf("%s: %d received, but %d stored or counted as dropped", l.scheme, l.received(), accounted))
	}
	return bad
}

// perMessage is how many bytes on disk a stored message takes.
func (l *load) perMessage() float64 { return float64(l.disk.total) / float64(l.end.Store.Messages) }

func (l *load) print() {
	s, st := &l.sending, &l.end.Store
	fmt.Printf("\nserve, HEP over %s, %d messages/s asked for\n", l.scheme, l.asked)
	row := func(name, format string, args ...any) {
		fmt.Printf("  %-28s "+format+"\n", append([]any{name}, args...)...)
	}
	row("sent", "%d messages, %.1f MB of HEP in %.1f s: %.0f/s; %d could not be sent", s.sent, float64(s.bytes)/1e6, s.seconds, s.rate(), s.failed)
	row("received", "%d packets; socket buffer %s", l.received(), l.buffer)
	row("dropped", "%s", l.losses())
	row("stored", "%d messages, %d cases, %d of them still open; longest wait for the store %.1f s, all messages stored %.1f s after the last was sent",
		st.Messages, st.Cases, st.Open, l.lag, l.settled)
	row("CPU", "server %.1f s, sender %.1f s: %.1f µs per message in the server", l.usage.cpu, s.cpu, 1e6*l.usage.cpu/float64(max(l.received(), 1)))
	row("memory", "%.0f MB resident at most; %d legs open at the end", l.usage.peak, l.end.OpenLegs)
	row("bytes per message on disk", "%s", l.disk.per(st.Messages))
	for _, a := range l.end.Alarms {
		row("alarm", "%s", a)
	}
	for _, bad := range l.imbalance() {
		row("DOES NOT ADD UP", "%s", bad)
	}
}

// How far a rate may be missed by the sender, and how soon after it all must be stored, for the rate to be sustained: what
// only waits in queues is not.
const (
	maxShort   = 0.02
	maxSettled = 3.0 // s; one of them is the interval of flushing
)

// verdict says whether the server keeps up, or why not.
func (l *load) verdict() (word string, sustained bool) {
	switch {
	case l.lost() > 0:
		return "dropped", false
	case l.settled > maxSettled:
		return "fell behind", false
	case l.sending.rate() < (1-maxShort)*float64(l.asked):
		return "the sender was late", false
	}
	return "sustained", true
}

// highest finds the highest sustained rate by so many runs: from a first guess up to most by doubling, then by halves.
func highest(first, most, runs int, sustained func(rate int) (bool, error)) (low int, err error) {
	high, rate := 0, min(first, most)
	for range runs {
		ok, err := sustained(rate)
		if err != nil {
			return 0, err
		}
		if ok {
			low = rate
		} else {
			high = rate
		}
		if low == most {
			break
		}
		if rate = (low + high) / 2; high == 0 {
			rate = min(2*low, most)
		}
	}
	return low, nil
}

// climb finds the highest sustained rate of a scheme; fastest is what the sender alone does.
func (b *bench) climb(scheme string, fastest float64) (rate int, bad []string, err error) {
	fmt.Printf("\nhighest rate over %s without a drop, by runs of %.0f s\n", scheme, b.probe.Seconds())
	rate, err = highest(b.rate, int(fastest), b.probes, func(rate int) (bool, error) {
		l, err := b.load(scheme, rate, min(b.large, int(float64(rate)*b.probe.Seconds())))
		if err != nil {
			return false, err
		}
		bad = append(bad, l.imbalance()...)
		word, ok := l.verdict()
		fmt.Printf("  %7d/s %-19s  %d sent at %.0f/s, all stored %.1f s after the last, %.0f MB; dropped: %s\n", rate, word, l.sending.sent, l.sending.rate(), l.settled, l.usage.peak, l.losses())
		return ok, nil
	})
	return rate, bad, err
}

// socketBuffer asks ss for the receive buffer that the kernel gave a UDP socket.
func socketBuffer(hep string) string {
	address, udp := strings.CutPrefix(hep, "udp://")
	if !udp {
		return "the kernel's own for TCP"
	}
	path, err := exec.LookPath("ss")
	if err != nil {
		return "not known: ss is not installed"
	}
	_, port, _ := strings.Cut(address, ":")
	out, err := exec.Command(path, "-H", "-u", "-a", "-n", "-m", "sport", "=", ":"+port).Output()
	if err != nil {
		return "not known: " + err.Error()
	}
	return readBuffer(string(out))
}

func readBuffer(ss string) string {
	var n int
	_, after, ok := strings.Cut(ss, ",rb")
	if _, err := fmt.Sscanf(after, "%d", &n); !ok || err != nil {
		return "not known: ss does not say"
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/2/(1<<20)) // the kernel doubles it for its own needs (socket(7))
}

// tool builds a program of the benchmark.
func (b *bench) tool(name string) (string, error) {
	path := filepath.Join(b.dir, name)
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", path, "./bench/"+name)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build bench/%s: %w", name, err)
	}
	return path, nil
}
