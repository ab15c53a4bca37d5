package retry_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"sipcause/internal/capture"
	"sipcause/internal/pipeline"
	"sipcause/internal/retry"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
)

// play gives the report of a flow, as the pipeline makes it of a capture.
func play(t *testing.T, flow string) retry.Report {
	t.Helper()
	flows, err := testkit.ParseFlows([]byte(flow))
	if err != nil {
		t.Fatal(err)
	}
	src, err := capture.Open([]string{"-"}, bytes.NewReader(testkit.Pcap(flows[0].Packets)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := pipeline.Run(context.Background(), src, pipeline.Options{}, func(*view.Case) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return s.Retries
}

// describe writes what is said of the sources, and the trees.
func describe(r retry.Report) string {
	var b strings.Builder
	for _, s := range r.Sources {
		fmt.Fprintf(&b, "%s failed %d retried %d cured %d", s.Address, s.Failures, s.Retries, s.Recovered)
		if s.Most > 1 {
			fmt.Fprintf(&b, " longest %d %s %v", s.Most, s.Shape, s.Codes)
		}
		if s.Told > 0 {
			fmt.Fprintf(&b, " told %d waited %d", s.Told, s.Honoured)
		}
		if s.Ignored+s.Useless+s.Storms+s.Missed > 0 {
			fmt.Fprintf(&b, " ignored %d useless %d storms %d missed %d", s.Ignored, s.Useless, s.Storms, s.Missed)
		}
		if s.Requests > 0 {
			fmt.Fprintf(&b, " relayed %d in %d failovers %d unwise %d", s.Requests, s.Branches, s.Failovers, s.Unwise)
		}
		b.WriteString("\n")
	}
	var tree func([]*retry.Node, string)
	tree = func(list []*retry.Node, indent string) {
		for _, n := range list {
			fmt.Fprintf(&b, "%s%s %d %v\n", indent, n.Address, n.N, n.Became)
			tree(n.Next, indent+"  ")
		}
	}
	tree(r.Cascades, "503 ")
	return b.String()
}

// refused is n calls of alice at the times given, each refused with the response.
func refused(response string, times ...string) string {
	var b strings.Builder
	for i, at := range times {
		fmt.Fprintf(&b, "@%s alice > proxy INVITE sdp callid=%d\nproxy > alice %s callid=%d\nalice > proxy ACK callid=%d\n", at, i+1, response, i+1, i+1)
	}
	return b.String()
}

func TestReport(t *testing.T) {
	const alice, proxy = "192.0.2.10:5060", "198.51.100.1:5060"
	for name, c := range map[string]struct{ flow, want string }{
		"exponential":      {refused("500", "0s", "4s", "12s", "28s", "60s"), alice + " failed 1 retried 4 cured 0 longest 5 exponential [500 500 500 500 500]\n"},
		"constant":         {refused("500", "0s", "30s", "60s", "90s"), alice + " failed 1 retried 3 cured 0 longest 4 constant [500 500 500 500]\n"},
		"a person":         {refused("500", "0s", "9s", "70s"), ""},
		"an hour apart":    {refused("500", "0s", "2h", "4h", "6h", "8h"), ""},
		"waited, then not": {refused("480 Retry-After: 20", "0s", "30s", "35s"), alice + " failed 1 retried 2 cured 0 longest 3 unknown [480 480 480] told 3 waited 2 ignored 1 useless 0 storms 0 missed 0\n"},
		"cured": {refused("500", "0s", "4s", "12s", "28s") + `+32s alice > proxy INVITE sdp callid=9
proxy > alice 200 sdp callid=9
alice > proxy ACK callid=9
`, alice + " failed 1 retried 4 cured 1 longest 5 exponential [500 500 500 500 200]\n"},
		"pointless": {refused("404", "0s", "500ms"), alice + " failed 1 retried 1 cured 0 longest 2 unknown [404 404] ignored 0 useless 1 storms 0 missed 0\n"},
		"no response at all": {`@0s alice > proxy INVITE sdp callid=1
@2s alice > proxy INVITE sdp callid=2
@4s alice > proxy INVITE sdp callid=3
@6s alice > proxy INVITE sdp callid=4
@8s alice > proxy INVITE sdp callid=5
@60s bob > gw1 OPTIONS
gw1 > bob 200
`, alice + " failed 1 retried 4 cured 0 longest 5 constant [0 0 0 0 0] ignored 0 useless 0 storms 1 missed 0\n"},
		"registrations, in one call": {`alice > proxy REGISTER
proxy > alice 500
+5s alice > proxy REGISTER
proxy > alice 500
+10s alice > proxy REGISTER
proxy > alice 500
+15s alice > proxy REGISTER
proxy > alice 500
+20s alice > proxy REGISTER
proxy > alice 500
`, alice + " failed 1 retried 4 cured 0 longest 5 linear [500 500 500 500 500]\n"},
		"failover": {`alice > proxy INVITE sdp to=+15550100101
proxy > gw1 INVITE relay
gw1 > proxy 500
proxy > gw1 ACK
proxy > gw2 INVITE relay
gw2 > proxy 200 sdp
proxy > alice 200
alice > proxy ACK
proxy > gw2 ACK
`, proxy + " failed 0 retried 0 cured 0 relayed 1 in 2 failovers 1 unwise 0\n"},
		"unwise failover": {`alice > proxy INVITE sdp to=+15550100101
proxy > gw1 INVITE relay
gw1 > proxy 486
proxy > gw1 ACK
proxy > gw2 INVITE relay
gw2 > proxy 486
proxy > gw2 ACK
proxy > alice 486
alice > proxy ACK
`, proxy + " failed 0 retried 0 cured 0 relayed 1 in 2 failovers 1 unwise 1\n"},
		"forwarded to another when busy": {`alice > proxy INVITE sdp to=bob
proxy > bob INVITE relay
bob > proxy 486
proxy > bob ACK
proxy > carol INVITE relay uri=sip:carol@example.com
carol > proxy 200 sdp
proxy > alice 200
alice > proxy ACK
proxy > carol ACK
`, proxy + " failed 0 retried 0 cured 0 relayed 1 in 2 failovers 1 unwise 0\n"},
		"cascade": {`alice > proxy INVITE sdp
proxy > edge INVITE relay
edge > gw1 INVITE relay
gw1 > edge 503
edge > gw1 ACK
edge > proxy 503
proxy > edge ACK
proxy > alice 500 own
alice > proxy ACK
`, "503 203.0.113.61:5060 1 []\n503   198.51.100.101:5060 1 []\n503     198.51.100.1:5060 1 [{500 1}]\n"},
		"healthy": {`alice > proxy INVITE sdp
proxy > alice 407
alice > proxy ACK
alice > proxy INVITE sdp auth
proxy > bob INVITE relay
bob > proxy 200 sdp
proxy > alice 200
alice > proxy ACK
proxy > bob ACK
`, ""},
	} {
		if got := describe(play(t, c.flow)); got != c.want {
			t.Errorf("%s:\n%swant\n%s", name, got, c.want)
		}
	}
}
