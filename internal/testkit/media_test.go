package testkit

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"sipcause/internal/wire"
)

// mediaOf plays lines after a call's beginning and returns what they sent.
func mediaOf(t *testing.T, lines string) []wire.Media {
	t.Helper()
	flows, err := ParseFlows([]byte("alice > bob INVITE sdp\nbob > alice 200 sdp\nalice > bob ACK\n" + lines))
	if err != nil {
		t.Fatal(err)
	}
	var out []wire.Media
	for _, it := range flows[0].Items {
		if it.Media != nil {
			out = append(out, *it.Media)
		}
	}
	return out
}

func TestRTPOptions(t *testing.T) {
	plain := mediaOf(t, "rtp alice > bob 100 PCMU\n")
	if len(plain) != 100 || plain[1].Time.Sub(plain[0].Time) != 20*time.Millisecond || !plain[0].Marker || plain[1].Marker {
		t.Fatalf("%d packets, %+v", len(plain), plain[0])
	}
	if got := mediaOf(t, "rtp alice > bob 200 PCMU loss=5\n"); len(got) != 190 || got[len(got)-1].Seq < 199 {
		t.Errorf("5 %% lost of 200: %d left, the last %d", len(got), got[len(got)-1].Seq)
	}
	late := mediaOf(t, "rtp alice > bob 2 PCMU jitter=5ms after=1s every=10ms\n")
	if late[1].Time.Sub(late[0].Time) != 15*time.Millisecond || late[0].Time.Sub(plain[0].Time) != time.Second {
		t.Errorf("late by %v and %v", late[1].Time.Sub(late[0].Time), late[0].Time.Sub(plain[0].Time))
	}
	m := mediaOf(t, "rtp alice > bob 1 PCMU pt=96 src=192.0.2.99:7 dstport=9 ssrc=5 seq=65535\n")[0]
	if m.PT != 96 || m.Seq != 65535 || m.SSRC != 5 || m.Flow.Src != netip.MustParseAddrPort("192.0.2.99:7") || m.Flow.Dst.Port() != 9 {
		t.Errorf("%+v", m)
	}
	r := mediaOf(t, "rtcp bob > alice 2 loss=50 jitter=10ms\n")
	if len(r) != 2 || !r[0].RTCP || r[0].Flow.Src.Port() != plain[0].Flow.Dst.Port()+1 || len(r[0].Data) != 32 || r[0].Data[12] != 128 || r[1].Time.Sub(r[0].Time) != 5*time.Second {
		t.Errorf("%+v", r)
	}
}

func TestRTPErrors(t *testing.T) {
	for line, want := range map[string]string{
		"rtp alice > bob 5 PCMU loss=x":              "rtp: loss=x: want a number, 0 to 99",
		"rtp alice > bob 5 PCMU color=1":             "rtp: color=1: not known: want pt,",
		"rtp alice > bob 5 PCMU after=soon":          "rtp: after=soon: want a duration",
		"rtp alice > bob 5 PCMU src=[2001:db8::1]:5": "no packet goes from one IP version to the other",
		"rtp alice > bob 5 PCMX":                     `rtp: codec "PCMX": not known`,
		"rtcp alice > bob":                           "rtcp: want how many reports",
		"rtcp alice > bob loss=3":                    "rtcp: want how many reports",
	} {
		if _, err := ParseFlows([]byte(line + "\n")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
}
