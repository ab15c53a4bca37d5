package cli

import (
	"bytes"
	"crypto/tls"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"sipcause/internal/render/schema"
	"sipcause/internal/testkit"
	"sipcause/internal/wire"
)

// writeSealed writes a call that fails inside TLS 1.3, sealed.pcap, and its key log, sealed.keys.
func writeSealed(t testing.TB, dir string) error {
	cert, pool := testkit.Certificate(t, 2026, "sip.example.com") // runs out before what is captured
	var keys strings.Builder
	client := &tls.Config{
		ServerName: "sip.example.com", RootCAs: pool, MinVersion: tls.VersionTLS13, KeyLogWriter: &keys,
		Time: func() time.Time { return time.Date(2025, 12, 24, 0, 0, 0, 0, time.UTC) },
	}
	message := func(first, tag, more string) []byte {
		return []byte(first + "\r\nVia: SIP/2.0/TLS 192.0.2.10:40000;branch=z9hG4bK1\r\nFrom: <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>" + tag +
			"\r\nCall-ID: sealed@example.com\r\nCSeq: 1 " + more + "\r\nContent-Length: 0\r\n\r\n")
	}
	up, data := testkit.RecordTalk(t, client, &tls.Config{Certificates: []tls.Certificate{cert}}, []testkit.Turn{
		{Up: true, Data: message("INVITE sip:bob@example.com SIP/2.0", "", "INVITE\r\nContact: <sip:alice@192.0.2.10>")},
		{Data: message("SIP/2.0 486 Busy Here", ";tag=2", "INVITE")},
		{Up: true, Data: message("ACK sip:bob@example.com SIP/2.0", ";tag=2", "ACK")},
	})
	ends := [2]netip.AddrPort{netip.MustParseAddrPort("203.0.113.60:5061"), netip.MustParseAddrPort("192.0.2.10:40000")}
	seq := [2]uint32{5000, 1000}
	var packets []wire.Packet
	send := func(from int, flags byte, b []byte) {
		frame := testkit.Ethernet(testkit.TCP(ends[from], ends[1-from], seq[from], seq[1-from], flags, b))
		at := wire.Time(1766534400e9).Add(time.Duration(len(packets)) * time.Millisecond) // 2025-12-24
		packets = append(packets, wire.Packet{Time: at, Link: 1, WireLen: len(frame), Data: frame})
		seq[from] += uint32(len(b))
		if flags&testkit.SYN != 0 {
			seq[from]++
		}
	}
	send(1, testkit.SYN, nil)
	send(0, testkit.SYN|testkit.ACK, nil)
	for i, b := range data {
		from := 0
		if up[i] {
			from = 1
		}
		send(from, testkit.PSH|testkit.ACK, b)
	}
	if err := os.WriteFile(dir+"/sealed.pcap", testkit.Pcap(packets), 0o600); err != nil {
		return err
	}
	return os.WriteFile(dir+"/sealed.keys", []byte("# key log\n"+keys.String()), 0o600)
}

// TestGivenIsNotShown: no error and no help shows what was handed over.
func TestGivenIsNotShown(t *testing.T) {
	var out, errs strings.Builder
	for _, args := range [][]string{
		{"--secret", "hunter2"},
		{"--secret", ":hunter2"},
		{"--secret", "alice:hunter2", "--format", "none"},
		{"--secret", "alice:hunter2", "--help"},
		{"--secret", "alice:hunter2", "--secre"},
	} {
		Main(append([]string{"analyze", "-"}, args...), strings.NewReader("INVITE sip:a@example.com SIP/2.0\r\n\r\n"), &out, &errs)
	}
	if said := out.String() + errs.String(); strings.Contains(said, "hunter2") || errs.Len() == 0 {
		t.Error(said)
	}
}

// TestGivenFollowsTheSchema: what is written of a decrypted capture is what the schema says.
func TestGivenFollowsTheSchema(t *testing.T) {
	dir := t.TempDir()
	if err := writeSealed(t, dir); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"json", "ndjson"} {
		var out bytes.Buffer
		var errs strings.Builder
		if status := Main([]string{"analyze", "--all", "--format", format, "--keylog", dir + "/sealed.keys", dir + "/sealed.pcap"}, nil, &out, &errs); status != exitOK {
			t.Fatalf("status %d: %s", status, errs.String())
		}
		validate := schema.ValidateJSON
		if format == "ndjson" {
			validate = schema.ValidateNDJSON
		}
		if err := validate(out.Bytes()); err != nil || !strings.Contains(out.String(), `"certificates":[`) {
			t.Errorf("%s: %v", format, err)
		}
	}
}
