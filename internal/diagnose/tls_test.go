package diagnose_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"sipcause/internal/capture"
	"sipcause/internal/finding"
	"sipcause/internal/pipeline"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// recordTLS records a connection on which an OPTIONS is sent where the handshake works; a server that wants no such
// client may have closed by then.
func recordTLS(t *testing.T, s *tlsScene) (up []bool, data [][]byte) {
	t.Helper()
	up, data, _ = testkit.RecordTLS(t, s.client, s.server, []byte("OPTIONS sip:gw.example.com SIP/2.0\r\n\r\n"))
	return up, data
}

// tlsPackets makes packets of a recorded connection between two sockets, a millisecond apart; with reset the server
// answers the first of them with a RST.
func tlsPackets(at wire.Time, client, server netip.AddrPort, up []bool, data [][]byte, reset bool) []wire.Packet {
	var out []wire.Packet
	send := func(ip []byte) {
		frame := testkit.Ethernet(ip)
		out = append(out, wire.Packet{Time: at.Add(time.Duration(len(out)) * time.Millisecond), Link: 1, WireLen: len(frame), Data: frame})
	}
	seq := [2]uint32{1000, 5000}
	send(testkit.TCP(client, server, seq[0], 0, testkit.SYN, nil))
	send(testkit.TCP(server, client, seq[1], seq[0]+1, testkit.SYN|testkit.ACK, nil))
	seq[0], seq[1] = seq[0]+1, seq[1]+1
	for i, b := range data {
		from, to, own := server, client, 1
		if up[i] {
			from, to, own = client, server, 0
		}
		for part := range slices.Chunk(b, 1200) {
			send(testkit.TCP(from, to, seq[own], seq[1-own], testkit.PSH|testkit.ACK, part))
			seq[own] += uint32(len(part))
		}
		if reset {
			send(testkit.TCP(server, client, seq[1], seq[0], testkit.RST|testkit.ACK, nil))
			break
		}
	}
	return out
}

// tlsScene is one way in which a handshake goes.
type tlsScene struct {
	name           string
	client, server *tls.Config
	reset          bool
	want           finding.ID // "" nothing
	severity       finding.Severity
	within         string
	suspectClient  bool
}

// tlsScenes are scenes at the time of the flows, 2026-01-15.
func tlsScenes(t *testing.T) []tlsScene {
	good, trusted := testkit.Certificate(t, 2070, "gw.example.com")
	old, oldPool := testkit.Certificate(t, 2025, "gw.example.com")
	other, otherPool := testkit.Certificate(t, 2070, "pbx.example.org")
	now := func() time.Time { return time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC) }
	client := func(pool *x509.CertPool, change func(*tls.Config)) *tls.Config {
		c := &tls.Config{ServerName: "gw.example.com", RootCAs: pool, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, Time: now}
		if change != nil {
			change(c)
		}
		return c
	}
	server := func(cert tls.Certificate, change func(*tls.Config)) *tls.Config {
		c := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, Time: now}
		if change != nil {
			change(c)
		}
		return c
	}
	careless := func(c *tls.Config) { c.InsecureSkipVerify = true }
	return []tlsScene{
		{name: "TLS 1.2 works", client: client(trusted, nil), server: server(good, nil)},
		{name: "TLS 1.3 works", client: client(trusted, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS13 }), server: server(good, nil)},
		{name: "unknown CA", client: client(x509.NewCertPool(), nil), server: server(good, nil), want: "tls.certificate-untrusted", severity: finding.Error, within: "self-signed"},
		{name: "expired", client: client(oldPool, nil), server: server(old, nil), want: "tls.certificate-expired", severity: finding.Error, within: "ran out at 2025-01-01"},
		{name: "expired and tolerated", client: client(oldPool, careless), server: server(old, nil), want: "tls.certificate-expired", severity: finding.Warning, within: "did not mind"},
		{name: "other name", client: client(otherPool, nil), server: server(other, nil), want: "tls.certificate-name", severity: finding.Error, within: "asked for gw.example.com"},
		{name: "other name, tolerated", client: client(otherPool, careless), server: server(other, nil), want: "tls.certificate-name", severity: finding.Warning, within: "pbx.example.org"},
		{name: "no name asked for", client: client(otherPool, func(c *tls.Config) { c.ServerName = ""; c.InsecureSkipVerify = true }), server: server(other, nil)},
		{name: "no version in common", client: client(trusted, nil), server: server(good, func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }), want: "tls.version-mismatch", severity: finding.Error, within: "protocol_version (70)"},
		{name: "no suite in common", client: client(trusted, func(c *tls.Config) { c.CipherSuites = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256} }), server: server(good, nil), want: "tls.handshake-failure", severity: finding.Error, within: "handshake_failure (40)"},
		{name: "client certificate missing", client: client(trusted, nil), server: server(good, func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }), want: "tls.client-certificate", severity: finding.Error, within: "handshake_failure (40)", suspectClient: true},
		{name: "no client certificate that fits", client: client(trusted, func(c *tls.Config) { c.Certificates = []tls.Certificate{other} }), server: server(good, func(c *tls.Config) { c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, trusted }), want: "tls.client-certificate", severity: finding.Error, suspectClient: true},
		{name: "client certificate there", client: client(trusted, func(c *tls.Config) { c.Certificates = []tls.Certificate{good} }), server: server(good, func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert })},
		{name: "reset", client: client(trusted, nil), server: server(good, nil), reset: true, want: "tls.handshake-failure", severity: finding.Error, within: "reset the connection"},
	}
}

var (
	tlsProxy = netip.MustParseAddrPort("198.51.100.1:40001")
	tlsGW    = netip.MustParseAddrPort("203.0.113.60:5061")
)

const tlsStart = wire.Time(1768478400e9) // of every flow

// numbered puts packets in order of time and writes a capture.
func numbered(packets []wire.Packet) []byte {
	slices.SortStableFunc(packets, func(a, b wire.Packet) int { return cmp.Compare(a.Time, b.Time) })
	return testkit.Pcap(packets)
}

func tlsFindings(list []finding.Finding) (out []finding.Finding) {
	for _, f := range list {
		if strings.HasPrefix(string(f.ID), "tls.") {
			out = append(out, f)
		}
	}
	return out
}

// TestTLSCapture: what a handshake shows is said of the server, once, however often it happens.
func TestTLSCapture(t *testing.T) {
	found := map[finding.ID]bool{}
	for _, s := range tlsScenes(t) {
		t.Run(s.name, func(t *testing.T) {
			up, data := recordTLS(t, &s)
			var packets []wire.Packet
			for i := range 3 {
				from := netip.AddrPortFrom(tlsProxy.Addr(), tlsProxy.Port()+uint16(i))
				packets = append(packets, tlsPackets(tlsStart.Add(time.Duration(i)*time.Minute), from, tlsGW, up, data, s.reset)...)
			}
			got := tlsFindings(captureFindings(t, numbered(packets)))
			if s.want == "" {
				if len(got) > 0 {
					t.Errorf("found %s: %s", got[0].ID, got[0].Summary)
				}
				return
			}
			if len(got) != 1 || got[0].ID != s.want {
				t.Fatalf("found %+v, want %s", got, s.want)
			}
			found[s.want] = true
			f := got[0]
			suspect := tlsGW
			if s.suspectClient {
				suspect = tlsProxy
			}
			if f.Severity != s.severity || !strings.Contains(f.Summary, s.within) || !strings.Contains(f.Summary, "3 times") ||
				len(f.Evidence) < 2 || len(f.Actions) == 0 || f.Suspect.Address != suspect || f.Subject != tlsGW.String() || strings.Contains(f.Summary+f.Actions[0], "%!") {
				t.Errorf("%s, suspect %v: %s\n%v", f.Severity, f.Suspect.Address, f.Summary, f.Actions)
			}
		})
	}
	for _, id := range [...]finding.ID{"tls.handshake-failure", "tls.client-certificate", "tls.certificate-expired", "tls.certificate-name", "tls.certificate-untrusted", "tls.version-mismatch"} {
		if !found[id] {
			t.Errorf("%s: no scene in which it must be found", id)
		}
	}
}

// TestTLSOvercome: a client that falls back and gets through has lost a moment, no more.
func TestTLSOvercome(t *testing.T) {
	var packets []wire.Packet
	at := tlsStart
	for _, s := range tlsScenes(t) {
		if s.name == "no version in common" || s.name == "TLS 1.2 works" {
			up, data := recordTLS(t, &s)
			if s.want == "" {
				at = tlsStart.Add(time.Second)
			}
			packets = append(packets, tlsPackets(at, netip.AddrPortFrom(tlsProxy.Addr(), 40000+uint16(len(s.name))), tlsGW, up, data, false)...)
			at = tlsStart
		}
	}
	got := tlsFindings(captureFindings(t, numbered(packets)))
	if len(got) != 1 || got[0].Severity != finding.Warning || !strings.Contains(got[0].Summary, "got through") {
		t.Errorf("found %+v", got)
	}
}

// TestTLSWarning: an alert of level warning, or a reset long after the handshake, has failed nothing.
func TestTLSWarning(t *testing.T) {
	s := tlsScenes(t)[0]
	up, data := recordTLS(t, &s)
	warned := slices.Insert(slices.Clone(data), 1, []byte{21, 3, 3, 0, 2, 1, 112})
	packets := tlsPackets(tlsStart, tlsProxy, tlsGW, slices.Insert(slices.Clone(up), 1, false), warned, false)
	frame := testkit.Ethernet(testkit.TCP(tlsGW, tlsProxy, 6000, 2000, testkit.RST|testkit.ACK, nil))
	packets = append(packets, wire.Packet{Time: tlsStart.Add(time.Minute), Link: 1, WireLen: len(frame), Data: frame})
	if got := tlsFindings(captureFindings(t, numbered(packets))); len(got) > 0 {
		t.Errorf("found %s: %s", got[0].ID, got[0].Summary)
	}
}

// TestTLSClientRefused: the server does not take the certificate of the client.
func TestTLSClientRefused(t *testing.T) {
	s := tlsScenes(t)[0]
	up, data := recordTLS(t, &s)
	refused := append(slices.Clone(data[:2]), []byte{21, 3, 3, 0, 2, 2, 48})
	got := tlsFindings(captureFindings(t, numbered(tlsPackets(tlsStart, tlsProxy, tlsGW, append(slices.Clone(up[:2]), false), refused, false))))
	if len(got) != 1 || got[0].ID != "tls.client-certificate" || !strings.Contains(got[0].Summary, "refused the certificate of the client") || got[0].Suspect.Address != tlsProxy {
		t.Errorf("found %+v", got)
	}
}

// TestTLSElsewhere: TLS on a port where no SIP is to be expected is none of ours.
func TestTLSElsewhere(t *testing.T) {
	for _, s := range tlsScenes(t) {
		up, data := recordTLS(t, &s)
		if got := tlsFindings(captureFindings(t, numbered(tlsPackets(tlsStart, tlsProxy, netip.AddrPortFrom(tlsGW.Addr(), 443), up, data, s.reset)))); len(got) > 0 {
			t.Errorf("%s: found %s: %s", s.name, got[0].ID, got[0].Summary)
		}
	}
}

// TestTLSCall: a proxy that answers 503 while its own TLS connection fails has that as the call's root cause; not when
// it was another element's connection, when the connection failed before the call, or when the callee decided.
func TestTLSCall(t *testing.T) {
	const failing = "alice > proxy INVITE sdp\nproxy > alice 100\n+1s proxy > alice 503 own\nalice > proxy ACK\n"
	const busy = "alice > proxy INVITE sdp\nproxy > alice 100\nproxy > bob INVITE\n+1s bob > proxy 486\nproxy > bob ACK\nproxy > alice 486\nalice > proxy ACK\n"
	const barred = "alice > proxy INVITE sdp\nproxy > alice 100\n+1s proxy > alice 403 own\nalice > proxy ACK\n"
	for _, s := range tlsScenes(t) {
		up, data := recordTLS(t, &s)
		for name, c := range map[string]struct {
			flow string
			from netip.AddrPort
			at   time.Duration
			root bool
		}{
			"while it works":    {failing, tlsProxy, 200 * time.Millisecond, s.want != "" && s.severity == finding.Error},
			"another element":   {failing, netip.MustParseAddrPort("198.51.100.9:40001"), 200 * time.Millisecond, false},
			"before the call":   {"+10s " + failing, tlsProxy, 200 * time.Millisecond, false},
			"the callee busy":   {busy, tlsProxy, 200 * time.Millisecond, false},
			"a policy's answer": {barred, tlsProxy, 200 * time.Millisecond, false},
		} {
			t.Run(s.name+"/"+name, func(t *testing.T) {
				flows, err := testkit.ParseFlows([]byte(c.flow))
				if err != nil {
					t.Fatal(err)
				}
				packets := append(slices.Clone(flows[0].Packets), tlsPackets(tlsStart.Add(c.at), c.from, tlsGW, up, data, s.reset)...)
				src, err := capture.Open([]string{"-"}, bytes.NewReader(numbered(packets)))
				if err != nil {
					t.Fatal(err)
				}
				calls := 0
				_, err = pipeline.Run(context.Background(), src, pipeline.Options{Workers: 1}, func(x *view.Case) error {
					calls++
					sound(t, x)
					list := tlsFindings(x.Verdict.Findings)
					switch {
					case c.root && (x.Verdict.Root == nil || x.Verdict.Root.ID != s.want || len(list) != 1):
						t.Errorf("want %s as root cause:\n%s", s.want, describe(x))
					case !c.root && len(list) > 0:
						t.Errorf("found %s:\n%s", list[0].ID, describe(x))
					}
					return nil
				})
				if err != nil || calls != 1 {
					t.Errorf("%d calls, %v", calls, err)
				}
			})
		}
	}
}
