package sip

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestMaskPasswords(t *testing.T) {
	digest := "Authorization: Digest username=\"alice\", realm=\"example.com\", nonce=\"84a4\", uri=\"sip:example.com\", response=\"7587245234b3434cc3412213e5f113a5\"\r\n"
	for _, c := range []struct{ in, want string }{
		{"Authorization: Basic YWxpY2U6c2VjcmV0\r\nVia: x", "Authorization: Basic xxxxxxxxxxxxxxxx\r\nVia: x"},
		{"Proxy-Authorization:\tBASIC  YWxpY2U=\r\n", "Proxy-Authorization:\tBASIC  xxxxxxx=\r\n"},
		{"AUTHORIZATION : Basic\r\n YWxpY2U6\r\n\tc2Vj\r\nVia: x", "AUTHORIZATION : Basic\r\n xxxxxxxx\r\n\txxxx\r\nVia: x"},
		{"authorization: Bearer abc.def.ghi", "authorization: Bearer xxxxxxxxxxx"},
		{"Authorization: NTLM a=\"b,c\", d=\"e\\\"f\"\n", "Authorization: NTLM x=\"x,x\", x=\"x\\\"x\"\n"},
		{digest, digest},
		{"Authorization: Digest\r\n", "Authorization: Digest\r\n"},
		{"Authorization:", "Authorization:"},
		{"Authorization", "Authorization"},
		{"P-Media-Authorization: 0020 00001002\r\n", "P-Media-Authorization: 0020 00001002\r\n"},
		{"WWW-Authenticate: Basic realm=\"example.com\"\r\n", "WWW-Authenticate: Basic realm=\"example.com\"\r\n"},
		{"12:00 got Authorization: Basic YWxp from 192.0.2.1", "12:00 got Authorization: Basic xxxx xxxx xxxxxxxxx"},
		{`{"Authorization": "Basic YWxp"}`, `{"Authorization": "Basic xxxx"x`},
		{"INVITE sip:alice:secret@example.com SIP/2.0\r\n", "INVITE sip:alice:xxxxxx@example.com SIP/2.0\r\n"},
		{"From: \"a:b\" <SIPS:alice:se;c/%41r:et@example.com:5061;a=b>;tag=1", "From: \"a:b\" <SIPS:alice:xxxxxxxxxxxx@example.com:5061;a=b>;tag=1"},
		{"To: sip:mysip:secret@example.com", "To: sip:mysip:xxxxxx@example.com"},
		{"To: <sip:sip:secret@example.com>", "To: <sip:sip:xxxxxx@example.com>"},
		{"To: <sip:alice:p@s:s@example.com>, b@c", "To: <sip:alice:x@xxx@example.com>, b@c"},
		{"Contact: <sip:alice@192.0.2.1:5060>,<sip:bob@192.0.2.2:5060>", "Contact: <sip:alice@192.0.2.1:5060>,<sip:bob@192.0.2.2:5060>"},
		{"Route: sip:192.0.2.1:5060,sip:b@192.0.2.2", "Route: sip:192.0.2.1:5060,sip:b@192.0.2.2"},
		{"Call-ID: 12:34@192.0.2.1", "Call-ID: 12:34@192.0.2.1"},
		{"o=- 1 1 IN IP4 a:b@c", "o=- 1 1 IN IP4 a:b@c"},
		{"@", "@"},
		{"sip:@", "sip:@"},
		{"sip::@", "sip::@"},
		{"", ""},
	} {
		b := []byte(c.in)
		if MaskPasswords(b); string(b) != c.want {
			t.Errorf("%q:\n got %q\nwant %q", c.in, b, c.want)
		}
		again := bytes.Clone(b)
		if MaskPasswords(again); !bytes.Equal(again, b) {
			t.Errorf("%q: masked twice is %q", c.in, again)
		}
	}
}

// TestMaskKeepsTheMessage: a masked message is parsed as the message was, but for what is masked.
func TestMaskKeepsTheMessage(t *testing.T) {
	raw := "REGISTER sip:alice:secret@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKz\r\nFrom: <sip:alice:pw@example.com>;tag=1\r\n" +
		"To: <sip:alice@example.com>\r\nCall-ID: z@192.0.2.1\r\nCSeq: 1 REGISTER\r\nAuthorization: Basic YWxpY2U6\r\n c2VjcmV0\r\nContent-Length: 4\r\n\r\nbody"
	masked := []byte(raw)
	MaskPasswords(masked)
	for _, bad := range []string{"secret", ":pw@", "YWxpY2U6", "c2VjcmV0"} {
		if bytes.Contains(masked, []byte(bad)) {
			t.Errorf("%q is left in %q", bad, masked)
		}
	}
	r := rand.New(rand.NewPCG(7617, 3261))
	for _, b := range append(seeds(t), []byte(raw)) {
		for range 20 {
			sameMasked(t, b)
			b = bytes.Clone(b)
			if len(b) > 0 {
				b[r.IntN(len(b))] = "@:sip\r\n zZ<>"[r.IntN(11)]
			}
		}
	}
}

func sameMasked(t *testing.T, raw []byte) {
	t.Helper()
	b := bytes.Clone(raw)
	MaskPasswords(b)
	if len(b) != len(raw) {
		t.Fatalf("%d bytes of %d", len(b), len(raw))
	}
	var was, is Message
	errWas, errIs := was.Parse(raw), is.Parse(b)
	if (errWas == nil) != (errIs == nil) || was.Method != is.Method || was.Status != is.Status || was.n != is.n || len(was.Body) != len(is.Body) {
		t.Fatalf("parsed differently: %v, %v\n%q\n%q", errWas, errIs, raw, b)
	}
	for i := range was.n {
		if was.at(i).id != is.at(i).id || len(was.value(was.at(i))) != len(is.value(is.at(i))) {
			t.Fatalf("field %d differs\n%q\n%q", i, raw, b)
		}
	}
	if errWas == nil && !strings.Contains(string(was.CallID()), "sip:") && !bytes.Equal(was.CallID(), is.CallID()) {
		t.Fatalf("Call-ID %q became %q", was.CallID(), is.CallID())
	}
}

// TestMaskAllocatesNothing: it is on the way of every message into a store.
func TestMaskAllocatesNothing(t *testing.T) {
	list := seeds(t)
	if n := testing.AllocsPerRun(5, func() {
		for _, b := range list {
			MaskPasswords(b)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkMaskPasswords(b *testing.B) {
	raw := []byte("INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK74bf9\r\nMax-Forwards: 70\r\nFrom: \"Alice\" <sip:alice@example.com>;tag=9fxced76sl\r\n" +
		"To: <sip:bob@example.com>\r\nCall-ID: 3848276298220188511@192.0.2.1\r\nCSeq: 1 INVITE\r\nContact: <sip:alice@192.0.2.1:5060>\r\n" +
		"Allow: INVITE, ACK, CANCEL, OPTIONS, BYE\r\nContent-Type: application/sdp\r\nContent-Length: 0\r\n\r\n")
	flood := []byte(strings.Repeat("Authorization: Digest ", 3000) + strings.Repeat("sip:a:b", 8000))
	for _, c := range []struct {
		name string
		text []byte
	}{{"plain", raw}, {"flood", flood}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(c.text)))
			for b.Loop() {
				MaskPasswords(c.text)
			}
		})
	}
}
