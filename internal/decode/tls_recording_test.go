package decode

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sipcause/internal/keylog"
	"sipcause/internal/testkit"
)

// recording is a TLS connection as it went over the wire, and its key log.
type recording struct {
	port int
	up   []bool
	data [][]byte
	keys string
}

// rsaCertificate is for the suites that need one.
func rsaCertificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{"sip.example.com"},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2070, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// recordTLS records a talk with a version and, up to TLS 1.2, a suite.
func recordTLS(t testing.TB, version, suite uint16, talk []testkit.Turn) recording {
	t.Helper()
	client, server := tlsConfigs(t, version, suite)
	return recordWith(t, client, server, talk)
}

func tlsConfigs(t testing.TB, version, suite uint16) (client, server *tls.Config) {
	t.Helper()
	cert, _ := testkit.Certificate(t, 2070, "sip.example.com", "example.com")
	if suite != 0 && !strings.Contains(tls.CipherSuiteName(suite), "ECDSA") {
		cert = rsaCertificate(t)
	}
	client = &tls.Config{ServerName: "sip.example.com", InsecureSkipVerify: true, MinVersion: version, MaxVersion: version}
	server = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: version, MaxVersion: version}
	if suite != 0 {
		client.CipherSuites, server.CipherSuites = []uint16{suite}, []uint16{suite}
	}
	return client, server
}

func recordWith(t testing.TB, client, server *tls.Config, talk []testkit.Turn) recording {
	t.Helper()
	var keys bytes.Buffer
	client.KeyLogWriter = &keys
	up, data := testkit.RecordTalk(t, client, server, talk)
	return recording{5061, up, data, keys.String()}
}

// log returns the key log, read.
func (rec *recording) log(t testing.TB) *keylog.Log {
	t.Helper()
	l := new(keylog.Log)
	if err := l.Add([]byte(rec.keys)); err != nil {
		t.Fatal(err)
	}
	return l
}

// packets returns the connection's packets, in segments of at most size bytes.
func (rec *recording) packets(size int) (list [][]byte) {
	cl, sv := dial(nil, rec.port)
	add := func(s *side, flags byte, data []byte) {
		b := s.packet(s.seq, flags, data)
		other := cl
		if s == cl {
			other = sv
		}
		if flags&tcpACK != 0 {
			copy(b[28:], u32(other.seq))
		}
		list = append(list, b)
		s.seq += uint32(len(data))
		if flags&tcpSYN != 0 {
			s.seq++
		}
	}
	add(cl, tcpSYN, nil)
	add(sv, tcpSYN|tcpACK, nil)
	for i, b := range rec.data {
		s := sv
		if rec.up[i] {
			s = cl
		}
		for c := range slices.Chunk(b, size) {
			add(s, tcpACK, c)
		}
	}
	return list
}

// play gives a decoder packets.
func play(opt Options, packets [][]byte) *run {
	r := newRun(opt)
	for _, p := range packets {
		r.ip(p)
	}
	r.Flush(r.now)
	return r
}

// writePcap writes raw IP packets to a file.
func writePcap(t testing.TB, packets [][]byte) string {
	t.Helper()
	b := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	b = append(b, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0)
	for i, p := range packets {
		for _, v := range []int{1_700_000_000, i * 1000, len(p), len(p)} {
			b = binary.LittleEndian.AppendUint32(b, uint32(v))
		}
		b = append(b, p...)
	}
	path := filepath.Join(t.TempDir(), "tls.pcap")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// oracle holds recordings for tshark to read all at once, each from a port of its own.
type oracle struct {
	packets [][]byte
	keys    string
	want    [][]string
}

func (o *oracle) add(rec *recording, want []string) {
	o.packets = append(o.packets, otherPort(rec.packets(1000), 42000+len(o.want))...)
	o.keys += rec.keys
	o.want = append(o.want, want)
}

// check holds what tshark decrypts against what was wanted.
func (o *oracle) check(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed: nothing to compare with")
	}
	got := o.tshark(t)
	for i, want := range o.want {
		if !slices.Equal(got[i], want) {
			t.Errorf("connection %d: tshark reads %v, want %v", i, got[i], want)
		}
	}
}

// tshark returns the Call-IDs of the SIP messages that tshark decrypts, by connection.
func (o *oracle) tshark(t testing.TB) map[int][]string {
	t.Helper()
	path := writePcap(t, o.packets)
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte(o.keys), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("tshark", "-n", "-r", path, "-o", "tls.keylog_file:"+file, "-Y", "sip", "-T", "fields", "-e", "tcp.stream", "-e", "sip.Call-ID").Output()
	if err != nil {
		t.Fatal(err)
	}
	got := map[int][]string{}
	for line := range strings.Lines(string(out)) {
		n, ids, _ := strings.Cut(strings.TrimSpace(line), "\t")
		k, err := strconv.Atoi(n)
		if err != nil {
			t.Fatalf("tshark says %q", line)
		}
		got[k] = append(got[k], strings.Split(ids, ",")...)
	}
	return got
}

func (r *run) callIDs() (ids []string) {
	for _, p := range r.payloads {
		_, rest, _ := strings.Cut(string(p.Data), "Call-ID: ")
		id, _, _ := strings.Cut(rest, "\r\n")
		ids = append(ids, id)
	}
	return ids
}

// read reads a recording: lines of a direction, > up or < down, and bytes in hexadecimal.
func (rec *recording) read(t testing.TB, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		var dir string
		var data []byte
		if strings.HasPrefix(line, "#") {
			continue
		}
		if _, err := fmt.Sscanf(line, "%s %x", &dir, &data); err != nil {
			t.Fatalf("%s: %q: %v", path, line, err)
		}
		rec.up, rec.data = append(rec.up, dir == ">"), append(rec.data, data)
	}
}

// otherPort returns the packets of a connection as if the client had used another port.
func otherPort(packets [][]byte, port int) (list [][]byte) {
	for _, p := range packets {
		at := 20
		if p[12] != packets[0][12] {
			at = 22
		}
		p = slices.Clone(p)
		binary.BigEndian.PutUint16(p[at:], uint16(port))
		list = append(list, p)
	}
	return list
}
