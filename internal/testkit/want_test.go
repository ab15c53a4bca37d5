package testkit

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"sipcause/internal/call"
	"sipcause/internal/finding"
)

// TestCheck: every kind of difference is reported, and nothing else.
func TestCheck(t *testing.T) {
	bob := netip.MustParseAddrPort("203.0.113.31:5060")
	c := &call.Call{Outcome: call.Busy, Code: 486, Origin: &call.Origin{Address: bob, Role: call.RoleUAS}}
	root := finding.Finding{ID: "callee.busy", Severity: finding.Info, Confidence: 0.95}
	v := &finding.Verdict{
		Root: &root, Suspect: &finding.Suspect{Address: bob, Role: call.RoleUAS},
		Findings: []finding.Finding{root, {ID: "auth.stale-nonce", Severity: finding.Warning, Confidence: 1}},
	}
	healthy := &finding.Verdict{}
	for _, x := range []struct {
		want string
		v    *finding.Verdict
		miss []string // beginnings
	}{
		{"callee.busy origin=bob suspect=bob role=uas suspect-role=uas outcome=busy code=486 max=warning confidence>=0.9 also auth.stale-nonce not auth.wrong-credentials", v, nil},
		{"none", healthy, nil},
		{"outcome=busy", v, nil},
		{"callee.declined", v, []string{"root cause callee.busy, want callee.declined"}},
		{"none", v, []string{"root cause callee.busy, want none"}},
		{"callee.busy", healthy, []string{"root cause none, want callee.busy"}},
		{"callee.busy confidence<=0.9", v, []string{"confidence 0.95, want 0 to 0.9"}},
		{"also auth.wrong-credentials", v, []string{"finding missing, want auth.wrong-credentials"}},
		{"not auth.stale-nonce", v, []string{"finding auth.stale-nonce, want not auth.stale-nonce"}},
		{"not auth.*", v, []string{"finding auth.stale-nonce, want not auth.*"}},
		{"max=info", v, []string{"auth.stale-nonce has severity warning, want at most info"}},
		{"origin=alice suspect=alice", v, []string{"origin 203.0.113.31:5060, want alice", "suspect 203.0.113.31:5060, want alice"}},
		{"role=proxy suspect-role=timer", v, []string{"role uas, want proxy", "suspect's role uas, want timer"}},
		{"suspect=bob", healthy, []string{"suspect invalid AddrPort, want bob"}},
		{"outcome=failed code=503", v, []string{"outcome busy, want failed", "code 486, want 503"}},
	} {
		flows, err := ParseFlows([]byte("alice > bob INVITE\nwant " + x.want + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		got := flows[0].Wants[0].Check(c, x.v)
		if !slices.EqualFunc(got, x.miss, strings.HasPrefix) {
			t.Errorf("want %s: got %q, want %q", x.want, got, x.miss)
		}
	}
}
