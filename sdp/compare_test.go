package sdp

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompare(t *testing.T) {
	fingerprint := "a=fingerprint:sha-1 AB:CD"
	crypto := "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:eA"
	tests := []struct {
		name          string
		offer, answer []string
		result        Result
		common        []string
		codecs        int
		transport     TransportMatch
		direction     Direction
		badDirection  bool
		family        bool
		types         bool
	}{
		{
			name:  "numbers differ, codecs agree",
			offer: []string{"m=audio 1 RTP/AVP 97 0", "a=rtpmap:97 opus/48000/2"}, answer: []string{"m=audio 2 RTP/AVP 111", "a=rtpmap:111 OPUS/48000/2"},
			common: []string{"OPUS/48000/2"}, codecs: 1, direction: SendRecv,
		},
		{
			name:  "static type needs no rtpmap",
			offer: []string{"m=audio 1 RTP/AVP 8 0"}, answer: []string{"m=audio 2 RTP/AVP 0", "a=rtpmap:0 PCMU/8000"},
			common: []string{"PCMU/8000"}, codecs: 1, direction: SendRecv,
		},
		{
			name:  "only events in common",
			offer: []string{"m=audio 1 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000"}, answer: []string{"m=audio 2 RTP/AVP 8 96", "a=rtpmap:96 telephone-event/8000"},
			common: []string{"telephone-event/8000"}, codecs: 0, direction: SendRecv,
		},
		{
			name:  "clock rate differs",
			offer: []string{"m=audio 1 RTP/AVP 97", "a=rtpmap:97 speex/8000"}, answer: []string{"m=audio 2 RTP/AVP 97", "a=rtpmap:97 speex/16000"},
			direction: SendRecv,
		},
		{
			name:  "unmapped dynamic numbers mean nothing",
			offer: []string{"m=audio 1 RTP/AVP 97"}, answer: []string{"m=audio 2 RTP/AVP 97"},
			direction: SendRecv,
		},
		{
			name:  "rejected",
			offer: []string{"m=audio 1 RTP/AVP 0"}, answer: []string{"m=audio 0 RTP/AVP 0"},
			result: Rejected, common: []string{"PCMU/8000"}, codecs: 1, direction: Inactive,
		},
		{
			name:  "not offered",
			offer: []string{"m=audio 0 RTP/AVP 0"}, answer: []string{"m=audio 0 RTP/AVP 0"},
			result: NotOffered, common: []string{"PCMU/8000"}, codecs: 1, direction: Inactive,
		},
		{
			name:  "unanswered",
			offer: []string{"m=audio 1 RTP/AVP 0"}, answer: nil,
			result: Unanswered, direction: Inactive,
		},
		{
			name:  "hold accepted",
			offer: []string{"m=audio 1 RTP/AVP 0", "a=sendonly"}, answer: []string{"m=audio 2 RTP/AVP 0", "a=recvonly"},
			common: []string{"PCMU/8000"}, codecs: 1, direction: SendOnly,
		},
		{
			name:  "sendonly answered by sendrecv",
			offer: []string{"m=audio 1 RTP/AVP 0", "a=sendonly"}, answer: []string{"m=audio 2 RTP/AVP 0"},
			common: []string{"PCMU/8000"}, codecs: 1, direction: SendOnly, badDirection: true,
		},
		{
			name:  "sendrecv answered by sendonly",
			offer: []string{"m=audio 1 RTP/AVP 0"}, answer: []string{"m=audio 2 RTP/AVP 0", "a=sendonly"},
			common: []string{"PCMU/8000"}, codecs: 1, direction: RecvOnly,
		},
		{
			name:  "inactive answered by recvonly",
			offer: []string{"m=audio 1 RTP/AVP 0", "a=inactive"}, answer: []string{"m=audio 2 RTP/AVP 0", "a=recvonly"},
			common: []string{"PCMU/8000"}, codecs: 1, direction: Inactive, badDirection: true,
		},
		{
			name:  "plain against SRTP",
			offer: []string{"m=audio 1 RTP/SAVP 0", crypto}, answer: []string{"m=audio 2 RTP/AVP 0"},
			common: []string{"PCMU/8000"}, codecs: 1, transport: TransportSecurity, direction: SendRecv,
		},
		{
			name:  "DTLS against SDES",
			offer: []string{"m=audio 1 UDP/TLS/RTP/SAVPF 0", fingerprint}, answer: []string{"m=audio 2 RTP/SAVPF 0", crypto},
			common: []string{"PCMU/8000"}, codecs: 1, transport: TransportKeying, direction: SendRecv,
		},
		{
			name:  "both keyings on offer",
			offer: []string{"m=audio 1 RTP/SAVPF 0", fingerprint, crypto}, answer: []string{"m=audio 2 RTP/SAVPF 0", crypto},
			common: []string{"PCMU/8000"}, codecs: 1, transport: TransportSame, direction: SendRecv,
		},
		{
			name:  "feedback",
			offer: []string{"m=audio 1 RTP/AVPF 0"}, answer: []string{"m=audio 2 RTP/AVP 0"},
			common: []string{"PCMU/8000"}, codecs: 1, transport: TransportFeedback, direction: SendRecv,
		},
		{
			name:  "fax against voice",
			offer: []string{"m=image 1 udptl t38"}, answer: []string{"m=audio 2 RTP/AVP 0"},
			transport: TransportProtocol, direction: SendRecv, types: true,
		},
		{
			name:  "families",
			offer: []string{"m=audio 1 RTP/AVP 0", "c=IN IP6 2001:db8::1"}, answer: []string{"m=audio 2 RTP/AVP 0"},
			common: []string{"PCMU/8000"}, codecs: 1, direction: SendRecv, family: true,
		},
	}
	for _, test := range tests {
		offer, answer := parse(t, withHead(test.offer...)), parse(t, withHead(test.answer...))
		match := Compare(offer, answer)
		if len(match.Media) != 1 || match.Extra != 0 {
			t.Fatalf("%s: %d lines, %d extra", test.name, len(match.Media), match.Extra)
		}
		m := &match.Media[0]
		var common []string
		for i := range m.Common {
			common = append(common, m.Common[i].String())
		}
		if diff := cmp.Diff(test.common, common); diff != "" {
			t.Errorf("%s: common formats (-want +got):\n%s", test.name, diff)
		}
		if m.Result != test.result || m.Codecs() != test.codecs || m.Transport != test.transport || m.Direction != test.direction ||
			m.BadDirection != test.badDirection || m.FamilyMismatch != test.family || m.TypeMismatch != test.types {
			t.Errorf("%s: result %v, codecs %d, transport %v, direction %v, bad %v, family %v, type %v", test.name,
				m.Result, m.Codecs(), m.Transport, m.Direction, m.BadDirection, m.FamilyMismatch, m.TypeMismatch)
		}
	}
}

func TestCompareWhole(t *testing.T) {
	two := parse(t, withHead("m=audio 1 RTP/AVP 0", "m=video 2 RTP/AVP 31"))
	none := parse(t, withHead("m=audio 0 RTP/AVP 0", "m=video 0 RTP/AVP 31", "m=image 0 udptl t38"))
	if match := Compare(two, none); !match.AllRejected() || match.Extra != 1 {
		t.Errorf("all rejected %v, extra %d", match.AllRejected(), match.Extra)
	}
	if Compare(two, two).AllRejected() || Compare(none, none).AllRejected() {
		t.Error("nothing was rejected")
	}
}

func TestCommonCodecs(t *testing.T) {
	a := parse(t, withHead("m=audio 1 RTP/AVP 18 8 0 13 101", "a=rtpmap:101 telephone-event/8000"))
	b := parse(t, withHead("m=audio 1 RTP/AVP 0 97 13 101", "a=rtpmap:97 g729a/8000", "a=rtpmap:101 telephone-event/8000"))
	if diff := cmp.Diff([]string{"G729/8000", "PCMU/8000"}, CommonCodecs(&a.Media[0], &b.Media[0])); diff != "" {
		t.Error(diff)
	}
	c := parse(t, withHead("m=audio 1 RTP/AVP 3 13 101", "a=rtpmap:101 telephone-event/8000"))
	if got := CommonCodecs(&a.Media[0], &c.Media[0]); got != nil {
		t.Errorf("common codecs %q, want none: comfort noise and events carry no voice", got)
	}
}

func TestFindSDP(t *testing.T) {
	sdp := string(withHead("m=audio 1 RTP/AVP 0"))
	part := func(boundary, kind, content string) string {
		return "--" + boundary + "\r\nContent-Type: " + kind + "\r\n\r\n" + content + "\r\n"
	}
	mixed := part("b1", "application/isup;version=itu-t92+", "\x01\x00--b1x\r\n--b1y") + part("b1", "application/sdp", sdp) + "--b1--\r\n"
	tests := []struct {
		name, kind, body string
		found            bool
	}{
		{"plain", "application/sdp", sdp, true},
		{"case and parameters", "Application/SDP ; charset=utf-8", sdp, true},
		{"other", "application/pidf+xml", "<presence/>", false},
		{"no type, looks like it", "", sdp, true},
		{"no type", "", "hello", false},
		{"mixed", "multipart/mixed;boundary=b1", mixed, true},
		{"quoted boundary", `multipart/mixed; charset="x;y"; Boundary = "b1"`, mixed, true},
		{"preamble", "multipart/related;boundary=b1", "to be ignored\r\n" + mixed, true},
		{"no boundary said", "multipart/mixed", part("zz", "application/sdp", sdp) + "--zz--", true},
		{"wrong boundary said", "multipart/mixed;boundary=b2", mixed, false},
		{"not closed", "multipart/mixed;boundary=b1", part("b1", "application/sdp", sdp), true},
		{"compact, folded, LF", "multipart/alternative;boundary=b1", "--b1\nMIME-Version: 1.0\nc:\n application/sdp\n\n" + sdp + "\n--b1--", true},
		{"part without type", "multipart/mixed;boundary=b1", "--b1\r\n\r\n" + sdp + "\r\n--b1--", true},
		{"nested", "multipart/mixed;boundary=out", part("out", `multipart/alternative;`+"\r\n boundary=b1", mixed) + "--out--", true},
		{"after the end", "multipart/mixed;boundary=b1", "--b1--\r\n" + part("b1", "application/sdp", sdp), false},
		{"empty", "multipart/mixed;boundary=b1", "", false},
	}
	for _, test := range tests {
		got, found := FindSDP([]byte(test.kind), []byte(test.body))
		if found != test.found {
			t.Errorf("%s: found %v, want %v", test.name, found, test.found)
			continue
		}
		if found && strings.TrimRight(string(got), "\r\n") != strings.TrimRight(sdp, "\r\n") {
			t.Errorf("%s: got %q", test.name, got)
		}
		if s := new(Session); found && (!s.Parse(got) || len(s.Defects) > 0) {
			t.Errorf("%s: the part has defects %v", test.name, rules(s))
		}
	}
	deep := sdp
	kind := "application/sdp"
	for i := range 10 {
		deep, kind = part("d"+strings.Repeat("x", i), kind, deep), "multipart/mixed"
	}
	if _, found := FindSDP([]byte(kind), []byte(deep)); found {
		t.Error("parts within parts without end are followed")
	}
}
