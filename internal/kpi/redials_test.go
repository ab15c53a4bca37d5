package kpi_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"sipcause/internal/call"
	"sipcause/internal/capture"
	"sipcause/internal/kpi"
	"sipcause/internal/pipeline"
	"sipcause/internal/record"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// Seven calls. b follows a after 10115 ms and fails, c follows b after 20 s and is answered; d is another caller's; e comes
// after c, which did not fail; f comes three minutes after e failed, g to another callee.
const redialed = `
alice > gw INVITE callid=a
+100ms gw > alice 503 callid=a
alice > gw ACK callid=a                    # 115
+10s alice > gw INVITE callid=b
+100ms gw > alice 503 callid=b
alice > gw ACK callid=b                    # 115
+19885ms alice > gw INVITE callid=c
gw > alice 200 callid=c
alice > gw ACK callid=c
+5s alice > gw BYE callid=c
gw > alice 200 BYE callid=c
phone > gw INVITE callid=d
gw > phone 486 callid=d
phone > gw ACK callid=d
+1s alice > gw INVITE callid=e
gw > alice 503 callid=e
alice > gw ACK callid=e
+3m alice > gw INVITE callid=f
gw > alice 503 callid=f
alice > gw ACK callid=f
+1s alice > gw INVITE callid=g to=+15550100199
gw > alice 404 callid=g
alice > gw ACK callid=g
`

func TestRedials(t *testing.T) {
	flows, err := testkit.ParseFlows([]byte(redialed))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "a.pcap")
	if err := os.WriteFile(file, flows[0].Pcap(), 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := capture.Open([]string{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var cells []record.Cell
	var r kpi.Redials
	if _, err := pipeline.Run(context.Background(), src, pipeline.Options{Workers: 1}, func(c *view.Case) error {
		add := func(c record.Cell) { cells = append(cells, c) }
		kpi.Count(c, add)
		r.Count(c, add)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	cells = kpi.Merge(cells)
	for key, want := range map[string]value{
		"redial_rate":         {200.0 / 7, 7, 0}, // b and c
		"redial_success":      {50, 2, 5},
		"redial_interval_p50": {10115, 2, 5}, "redial_interval_p95": {20000, 2, 5}, "redial_interval_p99": {20000, 2, 5},
	} {
		check(t, cells, 5, key, want)
	}
}

// TestRedialsAreBounded: of more failed calls than are remembered the oldest are forgotten.
func TestRedialsAreBounded(t *testing.T) {
	var r kpi.Redials
	n := 0
	of := func(i int, at wire.Time) {
		l := &call.Leg{Txns: []call.Txn{{Method: sip.MethodInvite, Parent: call.None, Client: netip.MustParseAddrPort("192.0.2.1:5060")}}}
		c := &call.Call{Legs: []*call.Leg{l}, From: "sip:a@example.com", To: fmt.Sprintf("sip:%d@example.com", i), Began: at, Outcome: call.Failed}
		r.Count(&view.Case{Call: c}, func(c record.Cell) {
			if c.Counter == "redials" {
				n++
			}
		})
	}
	const many = 40_000
	for i := range many {
		of(i, noon+wire.Time(i))
	}
	of(many-1, noon+2*many)
	of(0, noon+2*many)
	if n != 1 || r.Len() > 1<<14 {
		t.Errorf("%d redials, %d remembered", n, r.Len())
	}
}
