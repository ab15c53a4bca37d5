package sip

import (
	"os"
	"strings"
	"testing"
)

// invite is a request of 14 headers and a session description, as proxies in the field pass it on.
var invite = []byte(strings.ReplaceAll(`INVITE sip:+12025550123@198.51.100.20:5060;transport=udp SIP/2.0
Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-524287-1---8a2f6c1d0b3e4f55;rport
Max-Forwards: 70
From: "Alice Example" <sip:+12025550100@example.com>;tag=8f3a1c5e
To: <sip:+12025550123@example.com>
Call-ID: 0f5a9be2-5b1a-4c0b-9d6b-3a8f17cc1d22@192.0.2.10
CSeq: 20 INVITE
Contact: <sip:+12025550100@192.0.2.10:5060;transport=udp>
Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE
Supported: replaces, norefersub, extended-refer, timer, outbound, path
User-Agent: ExamplePhone/5.6.1
Allow-Events: presence, kpml, talk
P-Asserted-Identity: <sip:+12025550100@example.com>
Content-Type: application/sdp
Content-Length: 162

v=0
o=alice 2890844526 2890844526 IN IP4 192.0.2.10
s=-
c=IN IP4 192.0.2.10
t=0 0
m=audio 49170 RTP/AVP 0 8 101
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
`, "\n", "\r\n"))

// readHot is what every message of a capture is asked for.
func readHot(m *Message, b []byte) int {
	if m.Parse(b) != nil {
		return 0
	}
	via := m.TopVia()
	cseq, _ := m.CSeq()
	return len(via.Branch) + int(cseq) + len(m.FromTag()) + len(m.ToTag()) + len(m.CallID())
}

func BenchmarkParse(b *testing.B) {
	var m Message
	b.ReportAllocs()
	b.SetBytes(int64(len(invite)))
	for b.Loop() {
		if readHot(&m, invite) == 0 {
			b.Fatal("nothing read")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/msg")
}

func BenchmarkParseOnly(b *testing.B) {
	var m Message
	b.ReportAllocs()
	for b.Loop() {
		if m.Parse(invite) != nil {
			b.Fatal("nothing read")
		}
	}
}

func BenchmarkProbe(b *testing.B) {
	for b.Loop() {
		if !Probe(invite) {
			b.Fatal("not seen")
		}
	}
}

func BenchmarkCallIDOf(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if CallIDOf(invite) == nil {
			b.Fatal("nothing found")
		}
	}
}

func BenchmarkFrame(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, n := Frame(invite, false); n != len(invite) {
			b.Fatal(n)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	var m Message
	readHot(&m, invite)
	folded, err := os.ReadFile("testdata/torture/rfc4475/wsinv.dat")
	if err != nil {
		t.Fatal(err)
	}
	broken, err := os.ReadFile("testdata/torture/rfc4475/multi01.dat")
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func(){
		"folded":   func() { readHot(&m, folded) },
		"broken":   func() { readHot(&m, broken) },
		"hot path": func() { readHot(&m, invite) },
		"Probe":    func() { Probe(invite) },
		"CallIDOf": func() { CallIDOf(invite) },
		"Frame":    func() { Frame(invite, false) },
		"addresses": func() {
			readHot(&m, invite)
			for a := range m.Contacts() {
				u, _ := ParseURI(a.URI)
				u.Addr()
			}
			m.Via(1)
			for range m.NameAddrs(HeaderPAssertedIdentity) {
			}
			for range m.Values(HeaderAllow) {
			}
			for range m.Headers(HeaderAllow) {
			}
			for range m.All() {
			}
			for range m.Challenges() {
			}
			for range m.Reasons() {
			}
			m.HeaderByName("x-unknown")
			m.ServerOrUserAgent()
			m.Expires()
		},
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
}
