package decode

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sipcause/internal/keylog"
	"sipcause/internal/testkit"
	"sipcause/internal/wire"
)

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
			{Up: true, Data: []byte(wsRequest)},
			{Data: []byte(response)},
			{Up: true, Data: cat(frame("a", true), frame("b", true))},
			{Data: frame("c", false)},
			{Up: true, Data: frame("d", true)},
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

// without returns a key log without the lines of a label.
func without(keys, label string) string {
	var b strings.Builder
	for line := range strings.Lines(keys) {
		if !strings.HasPrefix(line, label+" ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// TestDecryptPartialKeys has key logs without the secrets of the handshake, of early data, or of one direction.
func TestDecryptPartialKeys(t *testing.T) {
	rec := recordTLS(t, tls.VersionTLS13, 0, talk())
	keys := without(without(rec.keys, "CLIENT_HANDSHAKE_TRAFFIC_SECRET"), "SERVER_HANDSHAKE_TRAFFIC_SECRET")
	r := play(Options{Keys: mustLog(keys)}, rec.packets(1000))
	if got := r.callIDs(); !slices.Equal(got, talkIDs) {
		t.Errorf("no handshake secrets: %v, undecoded %v", got, r.Stats().Undecoded)
	}
	r = play(Options{Keys: mustLog(without(rec.keys, "SERVER_TRAFFIC_SECRET_0"))}, rec.packets(1000))
	if got := r.callIDs(); !slices.Equal(got, []string{"one@example.com", "long@example.com"}) || r.Stats().Undecoded["tls-no-keys"] == 0 {
		t.Errorf("no secret of the server: %v, undecoded %v", got, r.Stats().Undecoded)
	}
	early := recording{port: 5061}
	early.read(t, "testdata/tls/early-data.txt")
	b, err := os.ReadFile("testdata/tls/early-data.keys")
	if err != nil {
		t.Fatal(err)
	}
	r = play(Options{Keys: mustLog(without(string(b), "CLIENT_EARLY_TRAFFIC_SECRET"))}, early.packets(1000))
	if got := r.callIDs(); !slices.Equal(got, []string{"m1@example.com", "m2@example.com", "m3@example.com"}) || r.Stats().Undecoded["tls-no-keys"] == 0 {
		t.Errorf("no secret of early data: %v, undecoded %v", got, r.Stats().Undecoded)
	}
}

// TestDecryptSecondHello changes the client's random in the middle: that is no way to crash, nor to read with wrong keys.
func TestDecryptSecondHello(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		rec := recordTLS(t, version, 0, talk())
		for at := 1; at < len(rec.data); at++ {
			r := recording{rec.port, slices.Insert(slices.Clone(rec.up), at, true), slices.Insert(slices.Clone(rec.data), at, clientHelloBytes("x")), rec.keys}
			got := play(Options{Keys: rec.log(t)}, r.packets(1000))
			if len(got.payloads) > len(talkIDs) {
				t.Errorf("%#x: %d messages", version, len(got.payloads))
			}
			checkStats(t, got)
		}
	}
}
