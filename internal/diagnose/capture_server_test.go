package diagnose_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"sipcause/internal/capture"
	"sipcause/internal/finding"
	"sipcause/internal/pipeline"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
)

// calls is a flow of n calls that bob confirms; each is ended by a BYE that he answers with the code, the given
// time after the one before.
func calls(n int, every string, code int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "alice > bob INVITE sdp callid=%d\nbob > alice 200 sdp callid=%d\nalice > bob ACK callid=%d\n", i, i, i)
	}
	for i := range n {
		fmt.Fprintf(&b, "+%s alice > bob BYE callid=%d\nbob > alice %d callid=%d\n", every, i, code, i)
	}
	return b.String()
}

func TestServerRestart(t *testing.T) {
	for name, test := range map[string]struct {
		flow  string
		found bool
	}{
		"three calls denied":      {calls(3, "1s", 481), true},
		"two calls denied":        {calls(2, "1s", 481), false},
		"three over half an hour": {calls(3, "600s", 481), false},
		"three calls ended":       {calls(3, "1s", 200), false},
	} {
		t.Run(name, func(t *testing.T) {
			flows, err := testkit.ParseFlows([]byte(test.flow))
			if err != nil {
				t.Fatal(err)
			}
			var restarts []finding.Finding
			for _, f := range captureFindings(t, flows[0].Pcap()) {
				if f.ID == "server.restart" {
					restarts = append(restarts, f)
				}
			}
			if got := len(restarts) == 1; got != test.found {
				t.Fatalf("found %+v", restarts)
			}
			if test.found && (len(restarts[0].Evidence) != 3 || restarts[0].Suspect == nil || restarts[0].Suspect.Address.String() != "203.0.113.31:5060") {
				t.Errorf("evidence %v, suspect %v", restarts[0].Evidence, restarts[0].Suspect)
			}
		})
	}
}

// captureFindings returns what is said of a capture as a whole.
func captureFindings(t *testing.T, pcap []byte) []finding.Finding {
	t.Helper()
	src, err := capture.Open([]string{"-"}, bytes.NewReader(pcap))
	if err != nil {
		t.Fatal(err)
	}
	s, err := pipeline.Run(context.Background(), src, pipeline.Options{Workers: 1}, func(*view.Case) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return s.Findings
}
