package render

import (
	"net/netip"
	"strings"
	"testing"

	"sipcause/internal/anatomy"
	"sipcause/internal/call"
)

// TestRewritesAreMasked: what was rewritten between capture points may be a digest response, a token or an SDES key.
func TestRewritesAreMasked(t *testing.T) {
	a := netip.MustParseAddr("192.0.2.10")
	p := anatomy.Passage{Src: a, Dst: a, FarSrc: a, FarDst: a}
	for _, r := range [][3]string{
		{"Authorization", `Digest username="alice", response="sesame1"`, `Digest username="bob", response=sesame2`},
		{"Proxy-Authorization", "Bearer sesame3", ""},
		{"sdp a=", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:sesame4|2^20", "a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:sesame5"},
		{"sdp a=", "a=ice-pwd:sesame6", "a=ice-pwd:sesame7"},
		{"sdp k=", "k=clear:sesame8", "k=base64:sesame9"},
		{"From", "<sip:carol:sesame10@example.com>;tag=1", "<sip:carol:sesame11@203.0.113.1:5060>;tag=1"},
		{"Route", "<sip:192.0.2.10:5060;lr>, <sip:dave@192.0.2.10>", "<sip:192.0.2.10:5060;lr>, <sip:dave@192.0.2.10>"},
		{"Contact", "<sip:alice@192.0.2.10>", "<sip:alice@203.0.113.9>"},
	} {
		p.Rewrites = append(p.Rewrites, anatomy.Rewrite{What: r[0], Before: []byte(r[1]), After: []byte(r[2]), Near: call.NoMsg, Far: call.NoMsg})
	}
	var e encoder
	e.raw("[")
	e.passage(new(call.Call), &p)
	out := string(e.buf)
	for i := range p.Rewrites {
		r := &p.Rewrites[i]
		out += sideText(maskRewrite(r.What, r.Before)) + sideText(maskRewrite(r.What, r.After))
	}
	if strings.Contains(out, "sesame") {
		t.Errorf("a secret in\n%s", out)
	}
	for _, want := range []string{"alice", "bob", "Bearer", "AES_CM_128_HMAC_SHA1_32", "<sip:alice@203.0.113.9>", "<sip:192.0.2.10:5060;lr>, <sip:dave@192.0.2.10>"} {
		if strings.Count(out, want) < 2 {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
}
