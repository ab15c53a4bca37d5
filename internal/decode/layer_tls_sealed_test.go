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
	"sipcause/internal/wire"
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

// talk is a conversation with several messages in a record, one across records, and keepalives.
func talk() []testkit.Turn {
	long := sipMessage("long", 20_000)
	return []testkit.Turn{
		{Up: true, Data: sipMessage("one", 10)},
		{Up: false, Data: cat(sipMessage("two", 0), sipMessage("three", 300))},
		{Up: true, Data: []byte("\r\n\r\n")},
		{Up: true, Data: long[:7]},
		{Up: true, Data: long[7:]},
		{Up: false, Data: sipMessage("four", 2000)},
	}
}

var talkIDs = []string{"one@example.com", "two@example.com", "three@example.com", "long@example.com", "four@example.com"}

// TestDecrypt records every suite that crypto/tls has and reads it back, whatever the segments; tshark reads the same.
func TestDecrypt(t *testing.T) {
	type scene struct{ version, suite uint16 }
	scenes := []scene{{tls.VersionTLS13, 0}}
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		if slices.Contains(s.SupportedVersions, tls.VersionTLS12) && !strings.Contains(s.Name, "RC4") && !strings.Contains(s.Name, "3DES") {
			scenes = append(scenes, scene{tls.VersionTLS12, s.ID})
		}
	}
	var o oracle
	for _, sc := range scenes {
		name := "TLS 1.3"
		if sc.suite != 0 {
			name = tls.CipherSuiteName(sc.suite)
		}
		t.Run(name, func(t *testing.T) {
			rec := recordTLS(t, sc.version, sc.suite, talk())
			for _, size := range []int{1 << 16, 1000, 1} {
				r := play(Options{Keys: rec.log(t)}, rec.packets(size))
				if got := r.callIDs(); !slices.Equal(got, talkIDs) {
					t.Fatalf("in pieces of %d: %v, undecoded %v", size, got, r.Stats().Undecoded)
				}
				for _, p := range r.payloads {
					if p.Flow.Transport != wire.TLS || p.Truncated {
						t.Errorf("payload of %v, truncated %v", p.Flow, p.Truncated)
					}
				}
				if n := len(r.Stats().Undecoded); n != 0 || len(r.gaps) != 0 || r.Stats().Keepalives == 0 {
					t.Errorf("undecoded %v, gaps %v, keepalives %d", r.Stats().Undecoded, r.gaps, r.Stats().Keepalives)
				}
				wantEvents(t, r, wire.EventTLSHello, wire.EventTLSCert)
				checkStats(t, r)
			}
			o.add(&rec, talkIDs)
		})
	}
	o.check(t)
}

func wantEvents(t *testing.T, r *run, want ...wire.EventKind) {
	t.Helper()
	var kinds []wire.EventKind
	for _, e := range r.events {
		kinds = append(kinds, e.Kind)
	}
	if !slices.Equal(kinds, want) {
		t.Errorf("events %v, want %v", kinds, want)
	}
}

// TestDecryptRecorded reads what crypto/tls cannot make: what openssl did; see testdata/tls/README.md.
func TestDecryptRecorded(t *testing.T) {
	files, err := filepath.Glob("testdata/tls/*.keys")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d recordings: %v", len(files), err)
	}
	var o oracle
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".keys"), func(t *testing.T) {
			keys, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			rec := recording{port: 5061, keys: string(keys)}
			path := strings.TrimSuffix(f, ".keys") + ".txt"
			rec.read(t, path)
			r := play(Options{Keys: rec.log(t)}, rec.packets(1400))
			var want []string
			for i := range len(r.payloads) {
				want = append(want, fmt.Sprintf("m%d@example.com", i))
			}
			if got := r.callIDs(); len(got) != 4 || !slices.Equal(got, want) {
				t.Errorf("%v, undecoded %v", got, r.Stats().Undecoded)
			}
			if len(r.Stats().Undecoded)+len(r.gaps) != 0 {
				t.Errorf("undecoded %v, gaps %v", r.Stats().Undecoded, r.gaps)
			}
			o.add(&rec, want)
		})
	}
	o.check(t)
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

// TestDecryptNot says what is counted when records cannot be decrypted.
func TestDecryptNot(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		rec := recordTLS(t, version, 0, talk())
		other := recordTLS(t, version, 0, talk())
		// The other's secrets under this one's random.
		wrong := strings.ReplaceAll(other.keys, strings.Fields(other.keys)[1], strings.Fields(rec.keys)[1])
		packets := rec.packets(1 << 16)
		for _, tc := range []struct {
			name    string
			keys    string
			packets [][]byte
			want    string
		}{
			{"no keys", "", packets, "tls-no-keys"},
			{"keys of others", other.keys, packets, "tls-no-keys"},
			{"wrong keys", wrong, packets, "tls-bad-mac"},
			{"begun before", rec.keys, packets[6:], "tls-missed-handshake"},
			{"the server's hello is missing", rec.keys, slices.Concat(packets[:3], packets[4:]), "tls-missed-handshake"},
		} {
			l := new(keylog.Log)
			if err := l.Add([]byte(tc.keys)); err != nil {
				t.Fatal(err)
			}
			r := play(Options{Keys: l}, tc.packets)
			if n := r.Stats().Undecoded[tc.want]; n == 0 || len(r.Stats().Undecoded) != 1 || len(r.payloads) != 0 {
				t.Errorf("%#x, %s: undecoded %v, %d messages", version, tc.name, r.Stats().Undecoded, len(r.payloads))
			}
			checkStats(t, r)
		}
	}
	rec := recordTLS(t, tls.VersionTLS12, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, talk())
	r := play(Options{Keys: rec.log(t)}, rec.packets(1<<16))
	if n := r.Stats().Undecoded["tls-cipher-unsupported"]; n == 0 || len(r.payloads) != 0 {
		t.Errorf("3DES: undecoded %v", r.Stats().Undecoded)
	}
}

// TestDecryptLoss drops one packet of the conversation after another: all messages but those it was part of are read.
func TestDecryptLoss(t *testing.T) {
	var turns []testkit.Turn
	for i := range 12 {
		turns = append(turns, testkit.Turn{Up: i%2 == 0, Data: sipMessage(fmt.Sprint("m", i), 100*i)})
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		rec := recordTLS(t, version, 0, turns)
		packets := rec.packets(1 << 16)
		first := len(packets) - 2 - len(turns) // before the two that close
		for i := first; i < first+len(turns); i++ {
			lost := slices.Delete(slices.Clone(packets), i, i+1)
			r := play(Options{Keys: rec.log(t)}, lost)
			want := make([]string, 0, len(turns))
			for k := range turns {
				if k != i-first {
					want = append(want, fmt.Sprintf("m%d@example.com", k))
				}
			}
			got := r.callIDs() // what was beyond the hole comes when that is given up
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) || len(r.gaps) != 1 || len(r.Stats().Undecoded) != 0 {
				t.Errorf("%#x without packet %d: %v, want %v; gaps %v, undecoded %v", version, i, got, want, r.gaps, r.Stats().Undecoded)
			}
			checkStats(t, r)
		}
	}
}

// TestDecryptHandshakeLoss loses packets of the handshake after the hellos: in TLS 1.3 keys need nothing of them, in
// TLS 1.2 neither.
func TestDecryptHandshakeLoss(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client, server := tlsConfigs(t, version, 0)
		client.CurvePreferences = []tls.CurveID{tls.X25519} // short hellos
		rec := recordWith(t, client, server, talk())
		packets := rec.packets(300)
		for i := 5; i < len(packets) && rec.handshakePacket(packets, i); i++ {
			r := play(Options{Keys: rec.log(t)}, slices.Delete(slices.Clone(packets), i, i+1))
			got := r.callIDs()
			slices.Sort(got)
			want := slices.Sorted(slices.Values(talkIDs))
			if !slices.Equal(got, want) {
				t.Errorf("%#x without packet %d: %v; undecoded %v", version, i, got, r.Stats().Undecoded)
			}
		}
	}
}

// handshakePacket says whether packet i comes before the first of the conversation.
func (rec *recording) handshakePacket(packets [][]byte, i int) bool {
	whole := play(Options{Keys: mustLog(rec.keys)}, packets)
	return whole.payloads[0].Ref.Number > uint64(i+1)
}

func mustLog(keys string) *keylog.Log {
	l := new(keylog.Log)
	if err := l.Add([]byte(keys)); err != nil {
		panic(err)
	}
	return l
}

// TestDecryptReordered has the client's records captured before the server's hello.
func TestDecryptReordered(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		rec := recordTLS(t, version, 0, talk()[:1])
		packets := rec.packets(1 << 16)
		var up, down [][]byte
		for _, p := range packets[2:] {
			if p[12] == packets[0][12] {
				up = append(up, p)
			} else {
				down = append(down, p)
			}
		}
		r := play(Options{Keys: rec.log(t)}, slices.Concat(packets[:2], up, down))
		if got := r.callIDs(); !slices.Equal(got, talkIDs[:1]) {
			t.Errorf("%#x: %v, undecoded %v", version, got, r.Stats().Undecoded)
		}
	}
}

// TestDecryptResumed tells a resumed session, with keys and without, and decrypts it.
func TestDecryptResumed(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client, server := tlsConfigs(t, version, 0)
		client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		before := recordWith(t, client, server, talk())
		rec := recordWith(t, client, server, talk())
		r := play(Options{Keys: rec.log(t)}, rec.packets(1<<16))
		if version == tls.VersionTLS12 { // crypto/tls logs the secret of the first connection only
			r = newRun(Options{Keys: before.log(t)})
			for _, p := range slices.Concat(before.packets(1<<16), otherPort(rec.packets(1<<16), 40001)) {
				r.ip(p)
			}
			r.Flush(r.now)
			r.payloads, r.events = r.payloads[len(talkIDs):], r.events[2:]
		}
		if got := r.callIDs(); !slices.Equal(got, talkIDs) {
			t.Errorf("%#x: %v, undecoded %v", version, got, r.Stats().Undecoded)
		}
		wantEvents(t, r, wire.EventTLSHello, wire.EventTLSResumed)
		if e := r.events[1]; e.From != bob || !strings.HasPrefix(e.Detail, "TLS 1.") || !strings.HasSuffix(e.Detail, "; resumes an earlier session") {
			t.Errorf("%+v", e)
		}
		r = play(Options{}, rec.packets(1<<16))
		wantEvents(t, r, wire.EventTLSHello, wire.EventTLSResumed)
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

// TestDecryptWebSocket reads SIP in a WebSocket inside TLS, compressed and not.
func TestDecryptWebSocket(t *testing.T) {
	z := newDeflater(t, false)
	for name, response := range map[string]string{"plain": wsResponse, "deflate": wsDeflated("")} {
		frame := func(id string, masked bool) []byte {
			if name == "deflate" && masked {
				return wsFrameBytes(0xc1, z.message(sipMessage(id, 200)), true)
			}
			return wsFrameBytes(0x81, sipMessage(id, 200), masked)
		}
		rec := recordTLS(t, tls.VersionTLS13, 0, []testkit.Turn{
			{Up: true, Data: []byte(wsRequest)}, {Data: []byte(response)},
			{Up: true, Data: cat(frame("a", true), frame("b", true))}, {Data: frame("c", false)}, {Up: true, Data: frame("d", true)},
		})
		rec.port = 7443
		r := play(Options{Keys: rec.log(t)}, rec.packets(900))
		if got := r.callIDs(); !slices.Equal(got, []string{"a@example.com", "b@example.com", "c@example.com", "d@example.com"}) {
			t.Errorf("%s: %v, undecoded %v", name, got, r.Stats().Undecoded)
		}
		for _, p := range r.payloads {
			if p.Flow.Transport != wire.WSS {
				t.Errorf("%s: %+v", name, p.Flow)
			}
		}
	}
}

// TestDecryptOther decrypts what is no SIP: the connection is of no interest from then on.
func TestDecryptOther(t *testing.T) {
	rec := recordTLS(t, tls.VersionTLS13, 0, []testkit.Turn{
		{Up: true, Data: []byte("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")}, {Data: []byte("HTTP/1.1 200 OK\r\n\r\n")}, {Data: make([]byte, 5000)},
	})
	r := play(Options{Keys: rec.log(t)}, rec.packets(1400))
	if n := r.Stats().Undecoded["tcp-not-sip"]; n == 0 || len(r.payloads) != 0 || len(r.Stats().Undecoded) != 1 {
		t.Errorf("undecoded %v", r.Stats().Undecoded)
	}
	checkStats(t, r)
}

// TestDecryptClientCertificate shows the certificates of both sides of TLS 1.3, and the alert by which a server refuses
// a client that has none.
func TestDecryptClientCertificate(t *testing.T) {
	client, server := tlsConfigs(t, tls.VersionTLS13, 0)
	server.ClientAuth = tls.RequireAnyClientCert
	mine, _ := testkit.Certificate(t, 2031, "phone.example.com")
	var keys bytes.Buffer
	client.KeyLogWriter = &keys
	up, data, _ := testkit.RecordTLS(t, client, server, sipMessage("x", 0)) // its error is the alert
	rec := recording{5061, up, data, keys.String()}
	r := play(Options{Keys: rec.log(t)}, rec.packets(1<<16))
	wantEvents(t, r, wire.EventTLSHello, wire.EventTLSCert, wire.EventTLSAlert)
	if e := r.events[len(r.events)-1]; e.Detail != "certificate_required (116)" || e.From != bob {
		t.Errorf("%+v", e)
	}
	client.Certificates = []tls.Certificate{mine}
	rec = recordWith(t, client, server, talk())
	r = play(Options{Keys: rec.log(t)}, rec.packets(1<<16))
	wantEvents(t, r, wire.EventTLSHello, wire.EventTLSCert, wire.EventTLSClientCert)
	if c := r.events[2].Cert; c == nil || c.Common != "phone.example.com" || c.NotAfter.Year() != 2031 || r.events[2].From != alice {
		t.Errorf("%+v", r.events[2])
	}
}

// TestSessionCap holds the number of connections that are decrypted at a time, and what goes is counted.
func TestSessionCap(t *testing.T) {
	rec := recordTLS(t, tls.VersionTLS13, 0, talk())
	r := newRun(Options{Keys: rec.log(t), MaxTLSSessions: 3})
	packets := rec.packets(1 << 16)
	for i := range packets {
		for port := range 10 {
			r.ip(otherPort(packets, 41000+port)[i])
		}
		if n := r.tcp.sessions.n; n > 3 {
			t.Fatalf("%d sessions", n)
		}
	}
	r.Flush(r.now)
	if n := r.Stats().Undecoded["tls-evicted"]; n == 0 || len(r.payloads) != 3*len(talkIDs) {
		t.Errorf("undecoded %v, %d messages", r.Stats().Undecoded, len(r.payloads))
	}
	checkStats(t, r)
}

// TestDecryptNoAllocation holds what a record costs.
func TestDecryptNoAllocation(t *testing.T) {
	run := func(n int) float64 {
		turns := make([]testkit.Turn, n)
		for i := range turns {
			turns[i] = testkit.Turn{Up: true, Data: sipMessage("a", 500)}
		}
		rec := recordTLS(t, tls.VersionTLS13, 0, turns)
		packets := rec.packets(1 << 16)
		keys := rec.log(t)
		return testing.AllocsPerRun(5, func() {
			d := New(discard{}, Options{Keys: keys})
			for i, p := range packets {
				d.Packet(&wire.Packet{Ref: wire.PacketRef{Number: uint64(i + 1)}, Time: start, Link: 101, WireLen: len(p), Data: p})
			}
		})
	}
	few, many := run(50), run(250)
	if per := (many - few) / 200; per > 2.1 { // one is the test's packet
		t.Errorf("%.2f allocations for each record", per)
	}
}

// FuzzDecrypt mutates the packets of a connection whose keys are known.
func FuzzDecrypt(f *testing.F) {
	logs := map[bool]*keylog.Log{}
	for i, name := range []string{"dhe-gcm", "key-update"} {
		keys, err := os.ReadFile("testdata/tls/" + name + ".keys")
		if err != nil {
			f.Fatal(err)
		}
		var rec recording
		rec.read(f, "testdata/tls/"+name+".txt")
		logs[i == 1] = mustLog(string(keys))
		f.Add(i == 1, bytes.Join(rec.data, nil), uint16(0))
		f.Add(i == 1, bytes.Join(rec.data, nil), uint16(1))
	}
	f.Fuzz(func(t *testing.T, newer bool, data []byte, cut uint16) {
		l := logs[newer]
		r := newRun(Options{Keys: l, MaxStreamBytes: 64 << 10, MaxBufferedBytes: 1 << 20})
		cl, sv := dial(r, 5061)
		handshake(cl, sv)
		for i := 0; len(data) > 5 && i < 300; i++ { // record by record, in turns where one is a handshake of the server
			n := min(len(data), 5+int(be16(data[3:])))
			s := cl
			if len(data) > 5 && (data[5] == tlsServerHello || (i+int(cut))%3 == 0) {
				s = sv
			}
			if cut%7 == 1 && i%5 == 4 {
				s.seq += uint32(n)
			} else {
				s.send(data[:n])
			}
			data = data[n:]
		}
		r.Flush(r.now)
		checkStats(t, r)
		if r.tcp.buffered != 0 && r.tcp.held.head == nil {
			t.Errorf("%d bytes held by nobody", r.tcp.buffered)
		}
	})
}
