package agent

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sipcause/internal/capture"
	"sipcause/internal/hep"
	"sipcause/internal/wire"
)

// server is a HEP source that remembers which messages came.
type server struct {
	mu   sync.Mutex
	got  []int
	addr string
	stop func()
}

// serve runs a server at addr until it is stopped.
func serve(t *testing.T, spec string, opt capture.HEPOptions) *server {
	t.Helper()
	var l capture.Live
	var err error
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) { // the port may be in use for a moment
		if l, err = capture.OpenHEP(spec, opt); err == nil || time.Now().After(end) {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &server{addr: l.(interface{ Addr() net.Addr }).Addr().String()}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- l.Run(ctx, func(p *wire.Packet) {
			list := numbers(t, p.Data)
			s.mu.Lock()
			s.got = append(s.got, list...)
			s.mu.Unlock()
		}, func(wire.Gap) {})
	}()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.stop)
	return s
}

func (s *server) received() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// wait waits until n messages came.
func (s *server) wait(t *testing.T, n int) []int {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		got := s.received()
		if len(got) >= n {
			return got
		}
		if time.Now().After(end) {
			t.Fatalf("%d of %d messages came", len(got), n)
		}
	}
}

func newSender(t *testing.T, opt Options) *Sender {
	t.Helper()
	s, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sendFrom sends messages number from to to-1.
func sendFrom(t *testing.T, s *Sender, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := s.Send(t.Context(), &hep.Message{Time: 1_700_000_000e9, Type: hep.TypeSIP, Payload: fmt.Appendf(nil, "%08d%s", i, strings.Repeat("x", 600))}); err != nil {
			t.Fatal(err)
		}
	}
}

func finish(t *testing.T, s *Sender, want Stats) {
	t.Helper()
	got, err := s.Close(t.Context())
	if err != nil || got != want {
		t.Errorf("closed: %+v, %v; want %+v", got, err, want)
	}
}

func wantNumbers(t *testing.T, got []int, from, to int) {
	t.Helper()
	if len(got) != to-from {
		t.Errorf("%d messages, want %d", len(got), to-from)
	}
	for i, n := range got {
		if n != from+i {
			t.Fatalf("message %d is number %d, want %d", i, n, from+i)
		}
	}
}

// freePort returns an address where nobody listens.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// keys writes a certificate for 127.0.0.1 and its key.
func keys(t *testing.T) (opt capture.HEPOptions, trust *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	opt.CertFile, opt.KeyFile = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, b := range map[string][]byte{opt.CertFile: text, opt.KeyFile: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	trust = &tls.Config{RootCAs: x509.NewCertPool()}
	trust.RootCAs.AppendCertsFromPEM(text)
	return opt, trust
}

// TestSend: all messages arrive, in order, once.
func TestSend(t *testing.T) {
	opt, trust := keys(t)
	for _, scheme := range []string{"udp", "tcp", "tls"} {
		srv := serve(t, scheme+"://127.0.0.1:0", opt)
		s := newSender(t, Options{To: scheme + "://" + srv.addr, TLS: trust})
		sendFrom(t, s, 0, 3000)
		finish(t, s, Stats{Sent: 3000})
		wantNumbers(t, srv.wait(t, 3000), 0, 3000)
	}
}

// TestServerAway: what comes while the server is away waits on disk, and is sent in order when it is back.
func TestServerAway(t *testing.T) {
	opt, trust := keys(t)
	for _, scheme := range []string{"tcp", "tls"} {
		t.Run(scheme, func(t *testing.T) {
			spec := scheme + "://" + freePort(t)
			dir := t.TempDir()
			s := newSender(t, Options{To: spec, TLS: trust, Buffer: dir})
			sendFrom(t, s, 0, 5000)
			if files, _ := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix)); len(files) == 0 {
				t.Error("nothing is on disk")
			}
			first := serve(t, spec, opt)
			wantNumbers(t, first.wait(t, 5000), 0, 5000)
			sendFrom(t, s, 5000, 6000)
			wantNumbers(t, first.wait(t, 6000), 0, 6000)
			for s.Stats().Sent < 6000 {
				time.Sleep(time.Millisecond)
			}
			first.stop()
			sendFrom(t, s, 6000, 8000)
			second := serve(t, spec, opt)
			sendFrom(t, s, 8000, 9000)
			finish(t, s, Stats{Sent: 9000})
			wantNumbers(t, second.wait(t, 3000), 6000, 9000)
			if files, _ := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix)); len(files) != 0 {
				t.Errorf("%v are left", files)
			}
		})
	}
}

// TestNextRun: what one run could not send the next one does, before its own.
func TestNextRun(t *testing.T) {
	spec, dir := "tcp://"+freePort(t), t.TempDir()
	s := newSender(t, Options{To: spec, Buffer: dir, Wait: 200 * time.Millisecond})
	sendFrom(t, s, 0, 100)
	finish(t, s, Stats{Left: 100})
	s = newSender(t, Options{To: spec, Buffer: dir, Wait: 200 * time.Millisecond})
	sendFrom(t, s, 100, 150)
	finish(t, s, Stats{Left: 150})
	srv := serve(t, spec, capture.HEPOptions{})
	s = newSender(t, Options{To: spec, Buffer: dir})
	sendFrom(t, s, 150, 200)
	finish(t, s, Stats{Sent: 200})
	wantNumbers(t, srv.wait(t, 200), 0, 200)
}

// TestAwayWithoutBuffer: then what cannot be sent is lost, and said to be.
func TestAwayWithoutBuffer(t *testing.T) {
	s := newSender(t, Options{To: "tcp://" + freePort(t), Wait: 200 * time.Millisecond})
	sendFrom(t, s, 0, 10)
	got, err := s.Close(t.Context())
	if !errors.Is(err, ErrAway) || !strings.Contains(err.Error(), "connection refused") || got != (Stats{Left: 10}) {
		t.Errorf("%+v, %v", got, err)
	}
	s = newSender(t, Options{To: "tcp://" + freePort(t), Wait: 200 * time.Millisecond})
	n := 0
	for ; err == nil || n == 0; n++ {
		err = s.Send(t.Context(), &hep.Message{Payload: make([]byte, 10000)})
	}
	if !errors.Is(err, ErrAway) || n*10000 > 2*maxQueued {
		t.Errorf("after %d: %v", n, err)
	}
	if got, err := s.Close(t.Context()); !errors.Is(err, ErrAway) || got.Left != uint64(n-1) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestLiveDrops: live messages do not wait: those for which there is no room are dropped, and the rest arrives.
func TestLiveDrops(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		spec := "tcp://" + freePort(t)
		s := newSender(t, Options{To: spec, Buffer: dir, BufferMax: 1 << 20, Live: true})
		sendFrom(t, s, 0, 5000)
		dropped := s.Stats().Dropped
		if dropped < 2000 || dropped > 4000 {
			t.Errorf("%d dropped", dropped)
		}
		srv := serve(t, spec, capture.HEPOptions{})
		got := srv.wait(t, 5000-int(dropped))
		wantNumbers(t, got, 0, 5000-int(dropped))
		finish(t, s, Stats{Sent: 5000 - dropped, Dropped: dropped})
	}
}

// TestStalledServer: a server that takes nothing does not hold back live messages, nor make memory grow.
func TestStalledServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := newSender(t, Options{To: "tcp://" + l.Addr().String(), Buffer: t.TempDir(), Live: true})
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	const sent = 30000
	sendFrom(t, s, 0, sent)
	s.mu.Lock()
	held, onDisk := len(s.queue.mem), s.queue.onDisk()
	s.mu.Unlock()
	if held > maxQueued || !onDisk || s.Stats().Dropped > 0 {
		t.Errorf("%d bytes in memory, on disk %v, %+v", held, onDisk, s.Stats())
	}
	var all []byte
	read := make(chan error, 1)
	go func() {
		var err error
		all, err = io.ReadAll(c)
		read <- err
	}()
	finish(t, s, Stats{Sent: sent})
	if err := <-read; err != nil {
		t.Fatal(err)
	}
	wantNumbers(t, numbers(t, all), 0, sent)
}

// TestBrokenConnections: of a server that breaks connections again and again, nothing comes twice or out of order, and
// what is missing it had been given: it broke off with it unread.
func TestBrokenConnections(t *testing.T) {
	small := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error { // bounds what is acknowledged unread
		return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 64<<10) })
	}}
	l, err := small.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var mu sync.Mutex
	var got []int
	go func() {
		for i := 0; ; i++ { // one after the other
			c, err := l.Accept()
			if err != nil {
				return
			}
			var r io.Reader = c
			if i < 8 {
				r = io.LimitReader(c, int64(100_000+i*7919))
			}
			b, _ := io.ReadAll(r)              // as far as it goes
			time.Sleep(250 * time.Millisecond) // until what was read is acknowledged: that may be delayed
			c.Close()
			whole := 0
			for {
				_, n := hep.Frame(b[whole:])
				if n == 0 || whole+n > len(b) {
					break
				}
				whole += n
			}
			mu.Lock()
			got = append(got, numbers(t, b[:whole])...)
			mu.Unlock()
		}
	}()
	s := newSender(t, Options{To: "tcp://" + l.Addr().String(), Buffer: t.TempDir()})
	const sent = 20000
	sendFrom(t, s, 0, sent)
	stats, err := s.Close(t.Context())
	if err != nil || stats.Sent != sent || stats.Left != 0 {
		t.Fatalf("%+v, %v", stats, err)
	}
	time.Sleep(time.Second) // for the end of the last connection
	mu.Lock()
	defer mu.Unlock()
	for i := range got {
		if i > 0 && got[i] <= got[i-1] {
			t.Fatalf("%d comes after %d", got[i], got[i-1])
		}
	}
	const unread = 8 * (128 << 10) / 600 // of eight connections what the kernel makes of 64 KiB
	if len(got) < sent-unread || got[len(got)-1] != sent-1 {
		t.Errorf("%d of %d messages", len(got), sent)
	}
}

func TestUDPRefused(t *testing.T) {
	s := newSender(t, Options{To: "udp://" + freePort(t)})
	sendFrom(t, s, 0, 50)
	got, err := s.Close(t.Context())
	if err != nil || got.Refused == 0 || got.Sent+got.Refused+got.Dropped != 50 {
		t.Errorf("%+v, %v", got, err)
	}
	s = newSender(t, Options{To: "udp://" + freePort(t)})
	if err := s.Send(t.Context(), &hep.Message{Payload: make([]byte, 65530-79)}); err != nil {
		t.Error(err)
	}
	if err := s.Send(t.Context(), &hep.Message{Payload: make([]byte, 70000)}); err != nil {
		t.Error(err)
	}
	finish(t, s, Stats{TooLong: 2})
}

func TestBufferTakesAConnection(t *testing.T) {
	if _, err := New(Options{To: "udp://127.0.0.1:9", Buffer: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "use tcp or tls") {
		t.Errorf("udp with a buffer: %v", err)
	}
}
