package anatomy_test

import (
	"fmt"
	"strings"
	"testing"

	"sipcause/internal/anatomy"
	"sipcause/internal/call"
	"sipcause/internal/pipeline"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
)

// flood plays a flow and hands its call to look.
func flood(t *testing.T, flow string, look func(c *call.Call)) {
	t.Helper()
	flows, err := testkit.ParseFlows([]byte(flow + "want callid=1\n"))
	if err != nil {
		t.Fatal(err)
	}
	looked := false
	e := pipeline.NewEngine(pipeline.Options{Workers: 1}, func(c *view.Case) error {
		looked = true
		look(c.Call)
		return nil
	})
	feed(t, e, &flows[0])
	if !looked {
		t.Fatal("no call came out")
	}
}

// TestFlood holds that what is read of one call has bounds, and that what is beyond them is counted.
func TestFlood(t *testing.T) {
	var b strings.Builder
	b.WriteString("alice > proxy INVITE sdp\n")
	for i := range 70 {
		fmt.Fprintf(&b, "proxy > gw%d INVITE\n", i%10)
		fmt.Fprintf(&b, "gw%d > proxy 486\nproxy > gw%d ACK\n", i%10, i%10)
	}
	flood(t, elements()+b.String(), func(c *call.Call) {
		f := anatomy.Forks(c)
		if len(f) != 1 || len(f[0].Branches)+f[0].Cut != 70 || f[0].Cut == 0 {
			t.Errorf("forks: %d, want one with 70 branches, some left out", len(f))
		}
	})

	b.Reset()
	b.WriteString("alice > bob INVITE sdp\nbob > alice 200 sdp\nalice > bob ACK\n")
	for range 79 {
		b.WriteString("+1s alice > bob INVITE sdp\nbob > alice 200 sdp\nalice > bob ACK\n")
	}
	flood(t, b.String(), func(c *call.Call) {
		var o anatomy.Offers
		for range 2 { // its memory is used again
			d := o.Of(c)
			if len(d) != 1 || len(d[0].Exchanges)+d[0].Cut != 80 || d[0].Cut == 0 {
				t.Fatalf("dialogs: %d, want one with 80 exchanges, some left out", len(d))
			}
		}
	})

	b.Reset()
	for range 80 {
		b.WriteString("alice > proxy INVITE sdp\nproxy > alice 407\nalice > proxy ACK\n")
	}
	flood(t, b.String(), func(c *call.Call) {
		if n := len(anatomy.Rounds(c)); n != 64 {
			t.Errorf("rounds: %d, want 64", n)
		}
	})
}

func elements() string {
	var b strings.Builder
	b.WriteString("elements")
	for i := range 10 {
		fmt.Fprintf(&b, " gw%d=203.0.113.%d:5060", i, 60+i)
	}
	return b.String() + "\n"
}
