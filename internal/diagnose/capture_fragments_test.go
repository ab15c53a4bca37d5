package diagnose_test

import (
	"strings"
	"testing"

	"sipcause/internal/testkit"
)

// TestCaptureFragments: messages of which only first fragments came, and what a capture filter makes of healthy ones.
func TestCaptureFragments(t *testing.T) {
	candidates := strings.Repeat("a=candidate:1 1 UDP 2130706430 192.0.2.10 40001 typ host\n", 30)
	long := "-- long.sdp --\nv=0\no=- 1 1 IN IP4 192.0.2.10\ns=-\nc=IN IP4 192.0.2.10\nt=0 0\nm=audio 40000 RTP/AVP 0\n" + candidates
	const after = "+60s alice > carol OPTIONS\ncarol > alice 200\n"
	for name, test := range map[string]struct {
		flow  string
		found bool
	}{
		"never whole, never answered": {"alice > bob INVITE sdp=@long.sdp losefrag=2 resend=6\n" + after, true},
		"two are few":                 {"alice > bob INVITE sdp=@long.sdp losefrag=2 resend=1\n" + after, false},
		"a filter cut them":           {"alice > bob INVITE sdp=@long.sdp losefrag=2 resend=6\n+1s bob > alice 486\nalice > bob ACK\n" + after, false},
		"the other part is missing":   {"alice > bob INVITE sdp=@long.sdp losefrag=1 resend=6\n" + after, false}, // which has the ports
		"whole":                       {"alice > bob INVITE sdp=@long.sdp resend=6\n" + after, false},
	} {
		t.Run(name, func(t *testing.T) {
			flows, err := testkit.ParseFlows([]byte(test.flow + long))
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, f := range captureFindings(t, flows[0].Pcap()) {
				if f.ID != "transport.fragment-lost" {
					continue
				}
				found = true
				if f.Subject != "203.0.113.31:5060" || len(f.Evidence) != 2 || len(f.Actions) == 0 || f.Suspect == nil || !strings.Contains(f.Summary, "7 datagrams") {
					t.Errorf("%+v", f)
				}
			}
			if found != test.found {
				t.Errorf("found %v, want %v", found, test.found)
			}
		})
	}
}
