package capture

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"sipcause/internal/hep"
	"sipcause/internal/wire"
)

const (
	shakeWait    = 10 * time.Second      // for a TLS handshake
	acceptRest   = 50 * time.Millisecond // after connections could not be accepted
	hepReadBytes = 32 << 10              // what a connection begins to be read with
)

// accept takes connections, each on a goroutine of its own, so that none waits for another's sender.
func (s *hepSource) accept(ctx context.Context) error {
	var open conns
	defer open.wait()
	defer context.AfterFunc(ctx, func() {
		s.tcp.Close()
		open.close()
	})()
	defer s.tcp.Close()
	for {
		c, err := s.tcp.Accept()
		if err != nil {
			if ctx.Err() != nil || ended(err) {
				return nil
			}
			s.trouble(fmt.Errorf("accept: %w", err)) // too many files, or one that was reset: it passes
			if !pause(ctx, acceptRest) {
				return nil
			}
			continue
		}
		if s.problem.Load() != nil {
			s.trouble(nil)
		}
		from := senderOf(c.RemoteAddr())
		switch {
		case !s.allowed(from.addr):
			s.refuse(refusedAddress, from)
			c.Close()
		case !open.serve(s.opt.MaxConns, c, func() { s.converse(ctx, c, from) }):
			s.refuse(refusedConns, from)
			c.Close()
		}
	}
}

// conns are the open connections.
type conns struct {
	mu   sync.Mutex
	all  map[net.Conn]struct{}
	shut bool
	done sync.WaitGroup
}

// serve runs f on a goroutine and closes c when it ends; false when there are limit already.
func (o *conns) serve(limit int, c net.Conn, f func()) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.shut || len(o.all) >= limit {
		return false
	}
	if o.all == nil {
		o.all = map[net.Conn]struct{}{}
	}
	o.all[c] = struct{}{}
	o.done.Go(func() {
		f()
		c.Close()
		o.mu.Lock()
		delete(o.all, c)
		o.mu.Unlock()
	})
	return true
}

// close ends all connections, and those to come.
func (o *conns) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.shut = true
	for c := range o.all {
		c.Close()
	}
}

func (o *conns) wait() {
	o.close()
	o.done.Wait()
}

// converse reads one connection to its end.
func (s *hepSource) converse(ctx context.Context, c net.Conn, from sender) {
	if s.tls != nil {
		t := tls.Server(c, s.tls)
		shake, cancel := context.WithTimeout(ctx, shakeWait)
		err := t.HandshakeContext(shake)
		cancel()
		if err != nil {
			s.refuse(refusedTLS, from)
			return
		}
		c = t
	}
	f := framer{buf: make([]byte, hepReadBytes)}
	for {
		if c.SetReadDeadline(time.Now().Add(s.opt.Idle)) != nil {
			return
		}
		n, err := c.Read(f.room())
		f.end += n
		if n > 0 && !s.frames(&f, from) || err != nil {
			return
		}
	}
}

// framer holds what came of a stream and was not taken yet.
type framer struct {
	buf  []byte
	end  int
	junk int  // bytes so far that are no HEP
	lost bool // those before what is held are some
}

// room returns where the next bytes go. There is always some: a packet has no more than 64 KiB.
func (f *framer) room() []byte {
	if f.end == len(f.buf) {
		f.buf = append(f.buf, make([]byte, hepPacketBytes-len(f.buf))...)
	}
	return f.buf[f.end:]
}

// frames hands on the whole packets in f; false when the connection carries something else. A packet whose length is
// wrong costs those within it; the next that begins is found again.
func (s *hepSource) frames(f *framer, from sender) bool {
	now := wire.Time(time.Now().UnixNano())
	b := f.buf[:f.end]
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		junk, n := hep.Frame(b)
		if junk > 0 {
			if !f.lost {
				s.refuse(refusedNoHEP, from)
			}
			f.lost = true
			f.junk += junk
			b = b[junk:]
		}
		if n == 0 || n > len(b) {
			break
		}
		f.lost = false
		s.take(from, b[:n], now)
		b = b[n:]
	}
	f.end = copy(f.buf, b)
	return f.junk <= maxHEPJunk
}

// serverTLS returns what a server needs. The files are read at once, and again when they are written anew.
func serverTLS(certFile, keyFile string) (*tls.Config, error) {
	if certFile == "" || keyFile == "" {
		return nil, errors.New("tls needs the files of a certificate and of its key")
	}
	k := &keyPair{certFile: certFile, keyFile: keyFile}
	if _, err := k.get(nil); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: k.get}, nil
}

// keyPair is a certificate and its key, as of when its files were written last.
type keyPair struct {
	certFile, keyFile string

	mu      sync.Mutex
	written time.Time
	pair    *tls.Certificate
}

// get reads the files if they are newer; what they were before holds while they cannot be read.
func (k *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	info, err := os.Stat(k.certFile)
	if err == nil && k.pair != nil && info.ModTime().Equal(k.written) {
		return k.pair, nil
	}
	var pair tls.Certificate
	if err == nil {
		pair, err = tls.LoadX509KeyPair(k.certFile, k.keyFile)
	}
	switch {
	case err == nil:
		k.pair, k.written = &pair, info.ModTime()
	case k.pair == nil:
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	return k.pair, nil
}
