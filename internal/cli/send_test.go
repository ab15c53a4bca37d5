package cli

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sipcause/internal/capture"
	"sipcause/internal/decode"
	"sipcause/internal/wire"
)

// heard is what came out of a decoder.
type heard struct {
	mu   sync.Mutex
	list []wire.Payload
}

func (h *heard) Payload(p *wire.Payload) {
	h.mu.Lock()
	defer h.mu.Unlock()
	own := *p
	own.Data = bytes.Clone(p.Data)
	h.list = append(h.list, own)
}
func (h *heard) Event(*wire.Event) {}
func (h *heard) Gap(wire.Gap)      {}
func (h *heard) Media(*wire.Media) {}

func (h *heard) all() []wire.Payload {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.list)
}

// hepServer receives and decodes until the test ends; names are the points that it was told of.
func hepServer(t *testing.T, spec string, opt capture.HEPOptions) (h *heard, addr string, names func() []string) {
	t.Helper()
	l, err := capture.OpenHEP(spec, opt)
	if err != nil {
		t.Fatal(err)
	}
	h = &heard{}
	var mu sync.Mutex
	var named []string
	d := decode.New(h, decode.Options{Points: func(name string) uint16 {
		mu.Lock()
		defer mu.Unlock()
		named = append(named, name)
		return uint16(len(named))
	}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- l.Run(ctx, func(p *wire.Packet) {
			old := *p
			old.Time = 0 // as if the capture were of now: its own times are what is looked at
			d.Packet(&old)
		}, func(wire.Gap) {})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return h, l.(interface{ Addr() net.Addr }).Addr().String(), func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(named)
	}
}

// messages decodes a capture.
func messages(t *testing.T, path string) []wire.Payload {
	t.Helper()
	src, err := capture.Open([]string{path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	h := &heard{}
	d := decode.New(h, decode.Options{})
	var last wire.Time
	if err := src.Run(t.Context(), func(p *wire.Packet) error {
		last = max(last, p.Time)
		d.Packet(p)
		return nil
	}, func(p *wire.Payload) error {
		h.Payload(p)
		return nil
	}, func(wire.Gap) {}); err != nil {
		t.Fatal(err)
	}
	d.Flush(last)
	return h.list
}

func sendMain(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if status := Main(append([]string{"send"}, args...), nil, &out, &errs); status != exitOK {
		t.Fatalf("send %v: status %d: %s", args, status, errs.String())
	}
	return out.String()
}

// TestSendArrives: what a capture holds is what a server decodes: flow, time to the microsecond, bytes.
func TestSendArrives(t *testing.T) {
	demo := filepath.Join(t.TempDir(), "demo.pcap.gz")
	if err := os.WriteFile(demo, demoCapture, 0o600); err != nil {
		t.Fatal(err)
	}
	want := messages(t, demo)
	if len(want) < 50 {
		t.Fatalf("only %d messages", len(want))
	}
	for _, tc := range []struct {
		scheme string
		flags  []string
		opt    capture.HEPOptions
		point  string
	}{
		{"udp", []string{"--node", "2001"}, capture.HEPOptions{}, "hep:2001"},
		{"tcp", []string{"--node", "edge-1", "--key", "secret", "--compress"}, capture.HEPOptions{Key: "secret"}, "edge-1"},
		{"tcp", []string{"--node", "edge-2", "--buffer", t.TempDir()}, capture.HEPOptions{}, "edge-2"},
	} {
		h, addr, names := hepServer(t, tc.scheme+"://127.0.0.1:0", tc.opt)
		out := sendMain(t, append(tc.flags, "--to", tc.scheme+"://"+addr, demo)...)
		if !strings.HasPrefix(out, fmt.Sprintf("%d messages sent to %s://", len(want), tc.scheme)) {
			t.Errorf("said %q", out)
		}
		for end := time.Now().Add(20 * time.Second); len(h.all()) < len(want) && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		got := h.all()
		if len(got) != len(want) || !slices.Equal(names(), []string{tc.point}) {
			t.Fatalf("%s: %d messages, want %d; points %q", tc.scheme, len(got), len(want), names())
		}
		for i, p := range got {
			w := want[i]
			if p.Flow != w.Flow || p.Time != w.Time/1000*1000 || !bytes.Equal(p.Data, w.Data) || !p.ViaHEP {
				t.Fatalf("%s: message %d is %v at %d, want %v at %d", tc.scheme, i, p.Flow, p.Time, w.Flow, w.Time)
			}
		}
	}
}

// TestSendPaced: in real time, sending takes as long as the capture.
func TestSendPaced(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "trace.txt")
	var text strings.Builder
	for i := range 3 {
		fmt.Fprintf(&text, "U 2024/01/02 03:04:05.%06d 192.0.2.1:5060 -> 192.0.2.2:5060\nOPTIONS sip:a@example.com SIP/2.0.\nCall-ID: %d@example.com.\nCSeq: 1 OPTIONS.\n.\n\n", i*150_000, i)
	}
	if err := os.WriteFile(trace, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	h, addr, _ := hepServer(t, "udp://127.0.0.1:0", capture.HEPOptions{})
	began := time.Now()
	sendMain(t, "--to", "udp://"+addr, "--pace", trace)
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("sent in %v", took)
	}
	for end := time.Now().Add(20 * time.Second); len(h.all()) < 3 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if got := h.all(); len(got) != 3 || got[2].Time-got[0].Time != 300e6 {
		t.Errorf("%d messages", len(got))
	}
}

// TestSendDecrypted: what keys open is sent as it was inside TLS; without them there is nothing to send.
func TestSendDecrypted(t *testing.T) {
	dir := t.TempDir()
	if err := writeSealed(t, dir); err != nil {
		t.Fatal(err)
	}
	h, addr, _ := hepServer(t, "tcp://127.0.0.1:0", capture.HEPOptions{})
	to := "tcp://" + addr
	if out := sendMain(t, "--to", to, dir+"/sealed.pcap"); out != "0 messages sent to "+to+"\n" {
		t.Errorf("without keys: %q", out)
	}
	if out := sendMain(t, "--to", to, "--keylog", dir+"/sealed.keys", dir+"/sealed.pcap"); out != "3 messages sent to "+to+"\n" {
		t.Errorf("with keys: %q", out)
	}
	for end := time.Now().Add(20 * time.Second); len(h.all()) < 3 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if got := h.all(); len(got) != 3 || got[1].Flow.Transport != wire.TLS || !bytes.HasPrefix(got[1].Data, []byte("SIP/2.0 486 ")) {
		t.Errorf("%d messages", len(got))
	}
}
