package anatomy_test

import (
	"fmt"
	"strings"
	"testing"

	"sipcause/internal/anatomy"
	"sipcause/internal/call"
	"sipcause/internal/testkit"
)

const signedParams = ";info=<https://cert.example.net/a.pem>;alg=ES256;ppt=shaken"

// signedFor makes a PASSporT for a caller.
func signedFor(t *testing.T, orig string) string {
	return testkit.NewSigner(t, "a").Sign(t, `{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"https://cert.example.net/a.pem"}`,
		`{"attest":"A","dest":{"tn":["12025550123"]},"iat":1768478400,"orig":{"tn":"`+orig+`"},"origid":"1"}`) + signedParams
}

// TestIdentities: a PASSporT is listed once, and again where a hop changed what it signs.
func TestIdentities(t *testing.T) {
	end := "gw > proxy 486\nproxy > gw ACK\nproxy > alice 486\nalice > proxy ACK\n"
	invite := "alice > proxy INVITE sdp from=+12025550100 to=+12025550123\n\tIdentity: " + signedFor(t, "12025550100") + "\n"
	for _, c := range []struct {
		name, flow, want string
	}{
		{"passed on", invite + "proxy > gw INVITE\n" + end, "A unverified"},
		{"changed", invite + "proxy > gw INVITE\n\tFrom: <sip:+12025550177@example.com>;tag=x\n" + end, "A unverified, A faulty"},
		{"signed again", invite + "proxy > gw INVITE\n\tIdentity: " + signedFor(t, "12025550101") + "\n" + end, "A unverified, A faulty"},
		{"not signed", "alice > proxy INVITE sdp\nproxy > gw INVITE\n" + end, ""},
	} {
		flood(t, c.flow, func(k *call.Call) {
			var got []string
			for _, p := range anatomy.Identities(k, nil) {
				got = append(got, p.Claims.Attest+" "+p.Verdict.String())
			}
			if s := strings.Join(got, ", "); s != c.want {
				t.Errorf("%s: %q, want %q", c.name, s, c.want)
			}
		})
	}
}

// TestIdentitiesFlood: of PASSporTs without end, some are listed.
func TestIdentitiesFlood(t *testing.T) {
	var b strings.Builder
	for i := range 80 {
		fmt.Fprintf(&b, "alice > proxy INVITE sdp\n\tIdentity: a%d.b.c;info=<x>\nproxy > alice 407\nalice > proxy ACK\n", i)
	}
	flood(t, b.String(), func(k *call.Call) {
		if n := len(anatomy.Identities(k, nil)); n != 32 {
			t.Errorf("%d PASSporTs are listed of 80, want 32", n)
		}
	})
}
