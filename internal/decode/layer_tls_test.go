package decode

import (
	"crypto/tls"
	"crypto/x509"
	"slices"
	"strings"
	"testing"

	"sipcause/internal/testkit"
	"sipcause/internal/wire"
)

func TestTLS(t *testing.T) {
	cert, pool := testkit.Certificate(t, 2070, "sip.example.com", "example.com")
	serve := func(v uint16) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: v, MaxVersion: v}
	}
	hello := func(v uint16, roots *x509.CertPool) *tls.Config {
		return &tls.Config{ServerName: "sip.example.com", RootCAs: roots, MinVersion: v, MaxVersion: v}
	}
	const helloEvent, certEvent, alertEvent = wire.EventTLSHello, wire.EventTLSCert, wire.EventTLSAlert
	for _, tc := range []struct {
		name           string
		client, server *tls.Config
		want           []wire.EventKind
		alert          string
	}{
		{"1.2", hello(tls.VersionTLS12, pool), serve(tls.VersionTLS12), []wire.EventKind{helloEvent, certEvent}, ""},
		{"1.3", hello(tls.VersionTLS13, pool), serve(tls.VersionTLS13), []wire.EventKind{helloEvent}, ""},
		{"1.2 unknown CA", hello(tls.VersionTLS12, x509.NewCertPool()), serve(tls.VersionTLS12), []wire.EventKind{helloEvent, certEvent, alertEvent}, "bad_certificate (42)"},
		{"no version in common", hello(tls.VersionTLS12, pool), serve(tls.VersionTLS13), []wire.EventKind{helloEvent, alertEvent}, "protocol_version (70)"},
	} {
		up, data, err := testkit.RecordTLS(t, tc.client, tc.server, sipMessage("secret", 10))
		if err != nil {
			t.Error(err)
		}
		for _, size := range []int{1 << 16, 100, 1} {
			r := newRun(Options{})
			cl, sv := dial(r, 5061)
			handshake(cl, sv)
			for i, b := range data {
				s := sv
				if up[i] {
					s = cl
				}
				for c := range slices.Chunk(b, size) {
					s.send(c)
				}
			}
			r.Flush(r.now)
			var kinds []wire.EventKind
			for _, e := range r.events {
				kinds = append(kinds, e.Kind)
				if e.Flow != cl.flow() {
					t.Errorf("%s: flow %+v", tc.name, e.Flow)
				}
				switch e.Kind {
				case helloEvent:
					if e.Name != "sip.example.com" || e.From != alice || !strings.HasPrefix(e.Detail, "TLS 1.") {
						t.Errorf("%s: hello %+v", tc.name, e)
					}
				case certEvent:
					if e.Name != "sip.example.com" || e.From != bob || !strings.Contains(e.Detail, "not after 2070-01-01T00:00:00Z") || !strings.Contains(e.Detail, "names sip.example.com, example.com") {
						t.Errorf("%s: certificate %+v", tc.name, e)
					}
				case alertEvent:
					if e.Detail != tc.alert {
						t.Errorf("%s: alert %q, want %q", tc.name, e.Detail, tc.alert)
					}
				}
			}
			if !slices.Equal(kinds, tc.want) {
				t.Errorf("%s in pieces of %d: events %v, want %v", tc.name, size, kinds, tc.want)
			}
			if n := r.Stats().Undecoded["tls-no-keys"]; tc.alert == "" && n == 0 {
				t.Errorf("%s: what was encrypted is not counted: %v", tc.name, r.Stats().Undecoded)
			}
			if len(r.payloads) != 0 {
				t.Errorf("%s: payloads %q", tc.name, r.messages())
			}
			checkStats(t, r)
		}
	}
}

func (s *side) flow() wire.Flow {
	d := Decoder{cur: frame{src: alice, dst: bob}}
	return d.flow(wire.TCP, uint16(s.sport), uint16(s.dport))
}

// clientHelloBytes returns a record with a ClientHello that names a server.
func clientHelloBytes(name string) []byte {
	list := cat([]byte{0}, u16(len(name)), []byte(name))
	sni := cat(u16(len(list)), list)
	ext := cat(u16(0), u16(len(sni)), sni)
	body := cat([]byte{3, 3}, make([]byte, 32), []byte{0}, u16(2), []byte{0x13, 1}, []byte{1, 0}, u16(len(ext)), ext)
	hs := cat([]byte{tlsClientHello, 0}, u16(len(body)), body)
	return cat([]byte{tlsHandshake, 3, 1}, u16(len(hs)), hs)
}

// TestTLSPieces sends a ClientHello in one-byte records: within reason it is read, beyond it the connection is
// given up and counted.
func TestTLSPieces(t *testing.T) {
	hello := clientHelloBytes("sip.example.com")[5:]
	for size, want := range map[int]int{1: 0, 3: 1} {
		r := newRun(Options{})
		cl, sv := dial(r, 5061)
		handshake(cl, sv)
		for c := range slices.Chunk(hello, size) {
			cl.send(cat([]byte{tlsHandshake, 3, 1}, u16(len(c)), c))
		}
		if len(r.events) != want || want == 0 && r.Stats().Undecoded["tls-no-keys"] == 0 {
			t.Errorf("%d bytes in records of %d: events %+v, undecoded %v", len(hello), size, r.events, r.Stats().Undecoded)
		}
	}
}

// TestTLSBegun meets a connection whose handshake is not in the capture: it is counted, and nothing more.
func TestTLSBegun(t *testing.T) {
	r := newRun(Options{})
	cl, _ := dial(r, 5061)
	for range 3 {
		cl.send(cat([]byte{tlsApplicationData, 3, 3}, u16(100), make([]byte, 100)))
	}
	r.Flush(r.now)
	if n := r.Stats().Undecoded["tls-no-keys"]; n != 3 || len(r.events)+len(r.gaps)+len(r.payloads) != 0 {
		t.Errorf("undecoded %v, events %+v", r.Stats().Undecoded, r.events)
	}
}

// TestTLSEnds tells an alert of level warning from a fatal one, and a reset in the handshake from one after it.
func TestTLSEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		after []byte // what the server sends
		reset bool
		want  string
	}{
		"warning":              {[]byte{tlsAlert, 3, 3, 0, 2, 1, 112}, false, "unrecognized_name (112), warning"},
		"fatal":                {[]byte{tlsAlert, 3, 3, 0, 2, 2, 112}, false, "unrecognized_name (112)"},
		"reset in it":          {nil, true, "connection reset in the TLS handshake"},
		"reset when encrypted": {cat([]byte{tlsApplicationData, 3, 3}, u16(100), make([]byte, 100)), true, "connection reset"},
	} {
		r := newRun(Options{})
		cl, sv := dial(r, 5061)
		handshake(cl, sv)
		cl.send(clientHelloBytes("sip.example.com"))
		if tc.after != nil {
			sv.send(tc.after)
		}
		if tc.reset {
			sv.flags(tcpRST | tcpACK)
		}
		if n := len(r.events); n != 2 || r.events[n-1].Detail != tc.want {
			t.Errorf("%s: events %+v, want %q", name, r.events, tc.want)
		}
	}
}
