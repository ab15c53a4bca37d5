package testkit

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"
)

// tap hands on what is written through it.
type tap struct {
	net.Conn
	sent func(b []byte)
}

func (c tap) Write(b []byte) (int, error) {
	c.sent(bytes.Clone(b))
	return c.Conn.Write(b)
}

// tape is what went over the wire, in order.
type tape struct {
	mu   sync.Mutex
	up   []bool // from the client
	data [][]byte
}

func (w *tape) note(fromClient bool) func(b []byte) {
	return func(b []byte) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.up, w.data = append(w.up, fromClient), append(w.data, b)
	}
}

// RecordTLS has crypto/tls shake hands and, where that works, the client send a message. It returns what went over
// the wire, in order, with whether the client sent it, and the error of sending the message: a server that wants no
// such client may have closed by then.
func RecordTLS(t testing.TB, client, server *tls.Config, message []byte) (up []bool, data [][]byte, err error) {
	t.Helper()
	var w tape
	a, b := loopback(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s := tls.Server(tap{b, w.note(false)}, server)
		_, _ = io.Copy(io.Discard, s) // ends with the handshake's error where one is wanted
		s.Close()
		b.Close()
	}()
	c := tls.Client(tap{a, w.note(true)}, client)
	if c.Handshake() == nil {
		_, err = c.Write(message)
		c.Close()
	}
	a.Close()
	<-done
	return w.up, w.data, err
}

// Certificate makes a self-signed certificate for the names, the first of them its common name, valid from 2020 until
// the beginning of a year, and the pool that trusts it.
func Certificate(t testing.TB, until int, names ...string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(until, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// loopback returns both ends of a TCP connection, which give up after ten seconds.
func loopback(t testing.TB) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		if c, err := l.Accept(); err == nil {
			accepted <- c
		}
		close(accepted)
	}()
	client, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, ok := <-accepted
	if !ok {
		t.Fatal("accept: no connection")
	}
	for _, end := range []net.Conn{client, server} {
		if err := end.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	return client, server
}

// Turn is what one side of a connection says inside TLS: one record, or several when it is long.
type Turn struct {
	Up   bool // from the client
	Data []byte
}

// RecordTalk has crypto/tls shake hands over the loopback interface and both sides talk in turns. It returns what went
// over the wire, in order, with whether the client sent it.
func RecordTalk(t testing.TB, client, server *tls.Config, talk []Turn) (up []bool, data [][]byte) {
	t.Helper()
	a, b := loopback(t)
	var w tape
	c, s := tls.Client(tap{a, w.note(true)}, client), tls.Server(tap{b, w.note(false)}, server)
	shaken := make(chan error, 1)
	go func() { shaken <- s.Handshake() }()
	if err := errors.Join(c.Handshake(), <-shaken); err != nil {
		t.Fatal(err)
	}
	for _, turn := range talk {
		from, to := s, c
		if turn.Up {
			from, to = c, s
		}
		sent := make(chan error, 1)
		go func() { _, err := from.Write(turn.Data); sent <- err }()
		_, err := io.ReadFull(to, make([]byte, len(turn.Data)))
		if err := errors.Join(err, <-sent); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(c.Close(), s.Close()); err != nil {
		t.Log(err) // the other side may have closed first
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.up, w.data
}
