package diagnose_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"strings"
	"testing"

	"sipcause/internal/capture"
	"sipcause/internal/pipeline"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// pcapngBlock returns a block with its length before and after (draft-ietf-opsawg-pcapng §3.1).
func pcapngBlock(typ uint32, body []byte) []byte {
	body = append(bytes.Clone(body), make([]byte, (4-len(body)%4)%4)...)
	o := binary.LittleEndian
	b := o.AppendUint32(o.AppendUint32(nil, typ), uint32(len(body)+12))
	return o.AppendUint32(append(b, body...), uint32(len(body)+12))
}

// pcapngWith writes a capture that brings its key log along.
func pcapngWith(keys string, packets []wire.Packet) []byte {
	o := binary.LittleEndian
	fields := func(list ...uint32) (b []byte) {
		for _, v := range list {
			b = o.AppendUint32(b, v)
		}
		return b
	}
	out := pcapngBlock(0x0a0d0d0a, fields(0x1a2b3c4d, 1, 0xffffffff, 0xffffffff))
	out = append(out, pcapngBlock(1, fields(1, 0))...)
	if keys != "" {
		out = append(out, pcapngBlock(10, append(fields(0x544c534b, uint32(len(keys))), keys...))...)
	}
	for _, p := range packets {
		us := uint64(p.Time) / 1000
		out = append(out, pcapngBlock(6, append(fields(0, uint32(us>>32), uint32(us), uint32(len(p.Data)), uint32(p.WireLen)), p.Data...))...)
	}
	return out
}

// TestTLS13Decrypted: what TLS 1.3 hides is found when the capture brings its secrets along, and only then; the
// certificates are listed.
func TestTLS13Decrypted(t *testing.T) {
	for _, s := range tlsScenes(t) {
		if s.reset || strings.Contains(s.name, "in common") || s.name == "TLS 1.2 works" {
			continue
		}
		var keys bytes.Buffer
		s.client.MinVersion, s.client.MaxVersion, s.client.KeyLogWriter = tls.VersionTLS13, tls.VersionTLS13, &keys
		up, data, _ := testkit.RecordTLS(t, s.client, s.server, []byte("OPTIONS sip:gw.example.com SIP/2.0\r\nVia: SIP/2.0/TLS 198.51.100.1;branch=z9hG4bK1\r\n"+
			"From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\nCall-ID: sealed@example.com\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"))
		packets := tlsPackets(tlsStart, tlsProxy, tlsGW, up, data, false)
		for _, with := range []string{keys.String(), ""} {
			src, err := capture.Open([]string{"-"}, bytes.NewReader(pcapngWith(with, packets)))
			if err != nil {
				t.Fatal(err)
			}
			sum, err := pipeline.Run(context.Background(), src, pipeline.Options{Workers: 1}, func(*view.Case) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			got := tlsFindings(sum.Findings)
			if with == "" || s.want == "" {
				if len(got) > 0 {
					t.Errorf("%s, keys %t: found %s: %s", s.name, with != "", got[0].ID, got[0].Summary)
				}
			} else if len(got) != 1 || got[0].ID != s.want || got[0].Severity != s.severity {
				t.Errorf("%s: found %+v, want %s", s.name, got, s.want)
			}
			server := 0
			for _, c := range sum.Certificates {
				if !c.OfClient && c.Holder == tlsGW && c.Handshakes == 1 && c.First >= tlsStart && len(c.Names) == 1 {
					server++
				}
				if c.OfClient && (c.Holder.Addr() != tlsProxy.Addr() || c.Holder.Port() != 0) {
					t.Errorf("%s: %+v", s.name, c)
				}
				if !c.OfClient && (c.Validity == view.Expired) != strings.HasPrefix(s.name, "expired") {
					t.Errorf("%s: %v", s.name, c.Validity)
				}
			}
			if want := len(with) > 0; (server == 1) != want {
				t.Errorf("%s, keys %t: certificates %+v", s.name, want, sum.Certificates)
			}
			if s.want == "" && with != "" && sum.Messages == 0 {
				t.Errorf("%s: no message was decrypted: %v", s.name, sum.Undecoded)
			}
		}
	}
}
