package diagnose_test

import (
	"bytes"
	"testing"

	"sipcause/internal/finding"
	"sipcause/internal/pipeline"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
)

// TestTruncatedInALine: a request that ends in the middle of a line of its body is cut, whatever the hop before shows;
// one that ends with a line has a wrong length.
func TestTruncatedInALine(t *testing.T) {
	for _, c := range []struct {
		name string
		cut  string // the body ends before this
		code string
		want finding.ID
	}{
		{"in a line, refused", "VP 0", "400", "transport.truncated"},
		{"in a line, silence", "VP 0", "", "transport.truncated"},
		{"at a line, refused", "m=audio", "400", "protocol.content-length"},
		{"whole, refused", "", "400", "code.400"},
		{"in a line, busy", "VP 0", "486", "callee.busy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			flow := "alice > gw INVITE sdp\n"
			if c.code != "" {
				flow += "gw > alice " + c.code + "\nalice > gw ACK\n"
			} else {
				flow = "alice > gw INVITE sdp resend=6\n@40s alice > gw OPTIONS unseen\n"
			}
			flows, err := testkit.ParseFlows([]byte(flow))
			if err != nil {
				t.Fatal(err)
			}
			var root finding.ID
			e := pipeline.NewEngine(pipeline.Options{Workers: 1}, func(x *view.Case) error {
				sound(t, x)
				root = x.Verdict.Root.ID
				return nil
			})
			for _, it := range flows[0].Items {
				p := *it.Payload
				if at := bytes.Index(p.Data, []byte(c.cut)); c.cut != "" && at >= 0 {
					p.Data = p.Data[:at]
				}
				e.Payload(&p)
			}
			e.Reached(flows[0].End)
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			if root != c.want {
				t.Errorf("root cause %s, want %s", root, c.want)
			}
		})
	}
}
