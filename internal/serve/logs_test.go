package serve

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"sipcause/internal/capture"
	"sipcause/internal/decode"
)

// One line when a source begins to drop, then one a minute with what came since, of each reason.
func TestLogDrops(t *testing.T) {
	var out bytes.Buffer
	now := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	plain := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}}
	s, err := New(Options{Log: slog.New(slog.NewTextHandler(&out, plain)), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	edge := s.Points("edge-1")
	seen := dropLog{}
	for _, step := range []struct {
		after       time.Duration
		source      string
		key, notHEP uint64
		steps       uint64
		want        string
	}{
		{0, "hep a", 0, 0, 0, ""},
		{2 * time.Second, "hep a", 5, 0, 0, `msg=dropped source="hep a" reason=key count=5 total=5 last="from 192.0.2.1"`},
		{2 * time.Second, "hep a", 50, 0, 0, ""},
		{2 * time.Second, "hep a", 60, 1, 0, `msg=dropped source="hep a" reason=not-hep count=1 total=1 last="x\x1b[2J"`},
		{2 * time.Second, "hep b", 1, 0, 0, `msg=dropped source="hep b" reason=key count=1 total=1 last="from 192.0.2.1"`},
		{54 * time.Second, "hep a", 60, 1, 0, `msg=dropped source="hep a" reason=key count=55 total=60 last="from 192.0.2.1"`},
		{time.Hour, "hep a", 60, 1, 0, ""},
		{2 * time.Second, "hep a", 61, 1, 0, `msg=dropped source="hep a" reason=key count=1 total=61 last="from 192.0.2.1"`},
		{2 * time.Second, "hep a", 61, 1, 2, `msg="an agent's clock was found wrong, or right again; its times are corrected" source="hep a" count=2 agent=edge-1 "slow by"=-1h0m0s`},
		{2 * time.Second, "hep a", 61, 1, 3, ""},
	} {
		now = now.Add(step.after)
		out.Reset()
		s.logDrops(seen, step.source, capture.LiveState{Dropped: []capture.Dropped{
			{Reason: "key", Count: step.key, Last: "from 192.0.2.1"}, {Reason: "not-hep", Count: step.notHEP, Last: "x\x1b[2J"},
		}}, decode.AgentStats{Steps: step.steps, Stepped: edge, Slow: -time.Hour})
		if got := strings.TrimSpace(out.String()); got != step.want {
			t.Errorf("%+v: got %s", step, got)
		}
	}
}
