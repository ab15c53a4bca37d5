package diagnose_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sipcause/internal/diagnose"
	"sipcause/internal/finding"
	"sipcause/internal/peer"
	"sipcause/internal/testkit"
	"sipcause/internal/wire"
)

// pings is an OPTIONS of proxy to gw every half a minute: + is answered, - is not.
func pings(pattern string) string {
	var b strings.Builder
	for i, c := range pattern {
		fmt.Fprintf(&b, "+30s proxy > gw OPTIONS callid=ping%d\n", i)
		if c == '+' {
			fmt.Fprintf(&b, "gw > proxy 200 callid=ping%d\n", i)
		}
	}
	return b.String()
}

// tries is n INVITEs of alice that bob never answers.
func tries(n int, more string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "+40s alice > bob INVITE sdp callid=t%d resend=6\n%s", i, strings.ReplaceAll(more, "$", fmt.Sprint("t", i)))
	}
	return b.String() + "+60s alice > carol OPTIONS unseen\n"
}

const end = "+60s carol > dave MESSAGE callid=end\ndave > carol 200 callid=end\n"

func TestSilence(t *testing.T) {
	for name, test := range map[string]struct {
		flow   string
		want   finding.ID // "" nothing
		within string     // what the summary must say
		least  finding.Severity
	}{
		"answers stop":            {pings("+++----") + end, "keepalive.lost", "4 in a row", finding.Error},
		"answers stop and resume": {pings("+++----+++") + end, "keepalive.lost", "it was back", finding.Warning},
		"never answered":          {pings("-----") + end, "keepalive.lost", "answered none", finding.Error},
		"one lost":                {pings("+++-+++") + end, "", "", 0},
		"two lost at the end":     {pings("+++--") + end, "", "", 0},
		"all answered":            {pings("++++++++") + end, "", "", 0},
		"refused is answered":     {strings.ReplaceAll(pings("++++++++"), " 200 ", " 404 ") + end, "", "", 0},
		"still waiting":           {strings.ReplaceAll(pings("+++----"), "+30s", "+2s"), "", "", 0},

		"one way":                {tries(4, "") + end, "transport.one-way-signalling", "no message of 203.0.113.31", finding.Error},
		"two calls are few":      {tries(2, "") + end, "", "", 0},
		"other calls answered":   {tries(4, "") + "alice > bob MESSAGE callid=m\nbob > alice 200 callid=m\n" + end, "", "", 0},
		"a provisional came":     {tries(4, "") + "alice > bob INVITE sdp callid=p\nbob > alice 100 callid=p\n" + end, "", "", 0},
		"the other calls back":   {tries(4, "") + "bob > alice INVITE sdp callid=b\nalice > bob 486 callid=b\nbob > alice ACK callid=b\n" + end, "", "", 0},
		"the callee lives":       {tries(4, "") + "bob > dave MESSAGE callid=m\ndave > bob 200 callid=m\n" + end, "transport.one-way-signalling", "talks to others", finding.Error},
		"ICMP says why":          {tries(4, "icmp port-unreachable from bob for last\n") + end, "", "", 0},
		"half of it is captured": {half(4) + end, "transport.one-way-signalling", "does not see their direction", finding.Warning},
	} {
		t.Run(name, func(t *testing.T) {
			flows, err := testkit.ParseFlows([]byte(test.flow))
			if err != nil {
				t.Fatal(err)
			}
			var got []finding.Finding
			for _, f := range captureFindings(t, flows[0].Pcap()) {
				if f.ID == "keepalive.lost" || f.ID == "transport.one-way-signalling" {
					got = append(got, f)
				}
			}
			if test.want == "" {
				if len(got) > 0 {
					t.Errorf("found %s: %s", got[0].ID, got[0].Summary)
				}
				return
			}
			if len(got) != 1 || got[0].ID != test.want {
				t.Fatalf("found %+v", got)
			}
			f := got[0]
			if !strings.Contains(f.Summary, test.within) || f.Severity != test.least || len(f.Evidence) < 2 || len(f.Actions) == 0 || f.Suspect == nil || strings.Contains(f.Summary+strings.Join(f.Actions, ""), "%!") {
				t.Errorf("%s %s: %s\n%v", f.Severity, f.ID, f.Summary, f.Actions)
			}
		})
	}
}

// half is n answered calls of which only one direction is in the capture.
func half(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "alice > bob INVITE sdp callid=h%d\n+1s bob > alice 200 sdp callid=h%d unseen\nalice > bob ACK callid=h%d\n+5s alice > bob BYE callid=h%d\nbob > alice 200 callid=h%d unseen\n+40s alice > bob MESSAGE callid=x%d unseen\n", i, i, i, i, i, i)
	}
	return b.String()
}

// TestSilenceGap: what the capture lost may have been the answers.
func TestSilenceGap(t *testing.T) {
	const start = wire.Time(1768478400e9)
	client, server := netip.MustParseAddrPort("198.51.100.1:5060"), netip.MustParseAddrPort("203.0.113.60:5060")
	for id, answered := range map[finding.ID]bool{"keepalive.lost": true, "transport.one-way-signalling": false} {
		confidence := func(holed bool) float64 {
			l := peer.New()
			if answered {
				l.Apply(&peer.Fact{Kind: peer.FactAnswered, Time: start, From: client, Server: server, Code: 200})
			}
			for i := range 4 {
				l.AddUnanswered(peer.Unanswered{Client: client.Addr(), Server: server, Time: start.Add(time.Duration(30*i+30) * time.Second), Options: answered, First: true, Retried: true})
			}
			l.AddTraffic(start.Add(200*time.Second), 10)
			if holed {
				l.AddGap(wire.Gap{Kind: wire.GapDrops, From: l.Start, Until: l.End, Lost: 1000})
			}
			for _, f := range diagnose.Capture(l) {
				if f.ID == id {
					return f.Confidence
				}
			}
			t.Fatalf("%s is not found", id)
			return 0
		}
		if whole, holed := confidence(false), confidence(true); holed > whole/2 {
			t.Errorf("%s: confidence %v without and %v with a gap", id, whole, holed)
		}
	}
}
