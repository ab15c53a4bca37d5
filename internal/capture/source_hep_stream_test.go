package capture

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sipcause/internal/hep"
	"sipcause/internal/wire"
)

// TestHEPStreams: packets come whole however the stream is cut, and junk between them costs only itself.
func TestHEPStreams(t *testing.T) {
	var all []byte
	var want [][]byte
	for i := range 50 {
		m := hepMessage("", i)
		want = append(want, m)
		switch i {
		case 10:
			all = append(all, "junk HEP3 \x00"...) // 3 says 'HEP3' and a length of 0x2000
			all = append(all, make([]byte, 0x2000-6)...)
		case 20:
			all = append(all, "HEP3\x00\x05junkHEHEPHEP"...)
		}
		all = append(all, m...)
	}
	all = append(all, hepMessage("", 51)[:40]...) // cut by the end
	for _, size := range []int{1, 7, 100, 1460, len(all)} {
		r := receive(t, "tcp://127.0.0.1:0", HEPOptions{})
		c := r.dial(t)
		for part := range slices.Chunk(all, size) {
			send(t, c, part)
		}
		c.Close()
		got := r.waitPackets(t, 51)
		r.stop()
		i := 0
		for _, p := range got {
			if i < len(want) && bytes.Equal(p.Data, want[i]) {
				i++
			} else if len(p.Data) != 0x2000 {
				t.Errorf("size %d: a packet of %d bytes that nobody sent", size, len(p.Data))
			}
		}
		if i != len(want) || r.dropped("not-hep") != 2 {
			t.Errorf("size %d: %d of %d packets; %+v", size, i, len(want), r.State())
		}
	}
}

// TestHEPStreamJunk: a connection that carries something else is closed.
func TestHEPStreamJunk(t *testing.T) {
	r := receive(t, "tcp://127.0.0.1:0", HEPOptions{})
	c := r.dial(t)
	junk := bytes.Repeat([]byte("HEP2 "), 1<<12)
	var err error
	for sent := 0; err == nil; sent += len(junk) {
		if sent > 64<<20 {
			t.Fatal("the connection is still open")
		}
		_, err = c.Write(junk)
	}
	if n := r.dropped("not-hep"); n == 0 || r.State().Packets != 0 {
		t.Errorf("%+v", r.State())
	}
}

// TestHEPConnections: one more than the cap is refused, a silent one is closed, and a slow sender delays nobody.
func TestHEPConnections(t *testing.T) {
	r := receive(t, "tcp://127.0.0.1:0", HEPOptions{MaxConns: 5, Idle: time.Second})
	slow := r.dial(t)
	send(t, slow, hepMessage("", 0)[:30])
	var quick []net.Conn
	for i := range 4 {
		c := r.dial(t)
		quick = append(quick, c)
		send(t, c, hepMessage("", i))
	}
	r.waitPackets(t, 4)
	extra := r.dial(t)
	r.waitDropped(t, "connections", 1)
	if _, err := extra.Read(make([]byte, 1)); err == nil {
		t.Error("the connection beyond the cap is open")
	}
	for i := range 15 { // longer than the slow one is waited for
		time.Sleep(100 * time.Millisecond)
		send(t, quick[0], hepMessage("", 10+i))
	}
	r.waitPackets(t, 19)
	if _, err := slow.Read(make([]byte, 1)); err == nil {
		t.Error("the silent connection is open")
	}
	wait(t, "there is room again", func() bool {
		c := r.dial(t)
		defer c.Close()
		_, _ = c.Write(hepMessage("", 99))
		time.Sleep(10 * time.Millisecond)
		return r.State().Packets > 19
	})
}

// certificate writes a certificate for name that signs itself, and its key, into dir.
func certificate(t *testing.T, dir, name string) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	pool = x509.NewCertPool()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	pool.AppendCertsFromPEM(text)
	for file, b := range map[string][]byte{certFile: text, keyFile: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})} {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile, pool
}

// TestHEPTLS: HEP over TLS, a client that speaks none, and a certificate renewed while the source runs.
func TestHEPTLS(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile, pool := certificate(t, dir, "hep.example.com")
	r := receive(t, "tls://127.0.0.1:0", HEPOptions{CertFile: certFile, KeyFile: keyFile})
	talk := func(pool *x509.CertPool, i int) error {
		c, err := tls.Dial("tcp", r.Addr().String(), &tls.Config{RootCAs: pool, ServerName: "hep.example.com"})
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Write(hepMessage("", i))
		return err
	}
	if err := talk(pool, 1); err != nil {
		t.Fatal(err)
	}
	if p := r.waitPackets(t, 1); !bytes.Equal(p[0].Data, hepMessage("", 1)) {
		t.Errorf("packet %q", p[0].Data)
	}
	send(t, r.dial(t), hepMessage("", 2))
	r.waitDropped(t, "tls", 1)

	if err := os.WriteFile(certFile, []byte("half written"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := talk(pool, 3); err != nil {
		t.Errorf("the certificate from before does not hold: %v", err)
	}
	_, _, renewed := certificate(t, dir, "hep.example.com")
	later := time.Now().Add(2 * time.Second)
	if err := os.Chtimes(certFile, later, later); err != nil {
		t.Fatal(err)
	}
	if err := talk(renewed, 4); err != nil {
		t.Errorf("the renewed certificate is not shown: %v", err)
	}
	r.waitPackets(t, 3)
	if _, err := OpenHEP("tls://127.0.0.1:0", HEPOptions{CertFile: filepath.Join(dir, "none.pem"), KeyFile: keyFile}); err == nil || !strings.Contains(err.Error(), "none.pem") {
		t.Errorf("a missing certificate: %v", err)
	}
}

// FuzzHEPStream: a stream gives the same packets however it is cut, none of them longer than it may be, and holds
// nothing but the beginning of one.
func FuzzHEPStream(f *testing.F) {
	f.Add(slices.Concat(hepMessage("", 1), []byte("junk"), hepMessage("", 2)), uint16(5))
	f.Add([]byte("HEHEP3\x00\x06HEP3\x00\x05HEP3\xff\xff"), uint16(1))
	f.Fuzz(func(t *testing.T, b []byte, size uint16) {
		if len(b) > 1<<17 || size == 0 || len(b)/int(size) > 4096 {
			return
		}
		read := func(size int) (packets [][]byte, rest, junk int) {
			s := &hepSource{packet: func(p *wire.Packet) { packets = append(packets, bytes.Clone(p.Data)) }}
			fr := framer{buf: make([]byte, 64)}
			for part := range slices.Chunk(b, size) {
				for len(part) > 0 {
					n := copy(fr.room(), part)
					fr.end += n
					part = part[n:]
					s.frames(&fr, sender{})
					if len(fr.buf) > hepPacketBytes {
						t.Fatalf("%d bytes held", len(fr.buf))
					}
				}
			}
			return packets, fr.end, fr.junk
		}
		whole, rest, junk := read(len(b) + 1)
		total := rest + junk
		for _, p := range whole {
			if total += len(p); len(p) < hep.HeaderLen || string(p[:4]) != hep.Magic {
				t.Errorf("packet %q", p)
			}
		}
		if total != len(b) {
			t.Errorf("%d of %d bytes accounted for", total, len(b))
		}
		cut, cutRest, cutJunk := read(int(size))
		if !slices.EqualFunc(whole, cut, bytes.Equal) || cutRest != rest || cutJunk != junk {
			t.Errorf("cut by %d: %d packets, %d left, %d junk; whole: %d, %d, %d", size, len(cut), cutRest, cutJunk, len(whole), rest, junk)
		}
	})
}
