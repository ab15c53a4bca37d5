package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sipcause/internal/capture"
	"sipcause/internal/config"
	"sipcause/internal/record"
	"sipcause/internal/route"
	"sipcause/internal/serve"
	"sipcause/internal/store/memory"
	"sipcause/internal/wire"
)

// played is the traffic as a source of a server, by the clock of the test.
type playedX struct {
	script *Script
	for_   time.Duration
	truth  map[string]*Truth
}

func (p *playedX) Name() string             { return "demo" }
func (p *playedX) State() capture.LiveState { return capture.LiveState{} }
func (p *playedX) Run(ctx context.Context, packet func(*wire.Packet), _ func(wire.Gap)) error {
	enc, number := encoders{}, uint64(0)
	start := time.Now()
	for n := p.script.Next(); n.At < p.for_; n = p.script.Next() {
		if n.Begins != nil {
			p.truth[n.Begins.CallID] = n.Begins
		}
		time.Sleep(time.Until(start.Add(n.At)))
		number++
		w := wire.Packet{Time: wire.Time(time.Now().UnixNano()), Link: wire.LinkHEP}
		w.Ref.Number = number
		w.Data = enc.encode(nil, &n, w.Time)
		w.WireLen = len(w.Data)
		packet(&w)
	}
	<-ctx.Done()
	return nil
}

// TestAdhoc: through a server, in every revision, sipcause says of the traffic what is meant by it.
func TestAdhoc(t *testing.T) {
	for seed := range uint64(1) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { testAdhoc(t, seed) }) })
	}
}

func testAdhoc(t *testing.T, seed uint64) {
	const long = 20*Period
	src := &playedX{script: New(seed), for_: long, truth: map[string]*Truth{}}
	var mu sync.Mutex
	all := map[string][]*record.Case{}
	s, err := serve.New(serve.Options{
		Store: memory.New(256 << 20), Routes: rules(t),
		Told: func(c *record.Case) {
			mu.Lock()
			defer mu.Unlock()
			all[c.ID] = append(all[c.ID], c)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Add(src, "test", false); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	time.Sleep(long + 3*time.Minute)
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	compareX(t, src.truth, all, long)
}

func rulesX(t *testing.T) (list []route.Rule) {
	t.Helper()
	cfg, err := config.Load("", func(string) (string, bool) { return "", false }, map[string][]string{"route": Routes})
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Routes
}

// compare holds every revision of what ended before the end against what was meant.
func compareX(t *testing.T, truth map[string]*Truth, all map[string][]*record.Case, end time.Duration) {
	finals, wrong, early := 0, 0, 0
	seen := map[string]bool{}
	notes := map[string]int{}
	scenes := map[string]int{}
	for id, list := range all {
		for _, c := range list {
			if len(c.CallIDs) != 1 || truth[c.CallIDs[0]] == nil {
				t.Errorf("%s: joined or unknown: %v", id, c.CallIDs)
				continue
			}
			m := truth[c.CallIDs[0]]
			if m.Ended >= end {
				continue
			}
			if c.Kind.String() != m.Kind {
				t.Errorf("%s: %s is taken for a %s", m.Scene, m.Kind, c.Kind)
			}
			switch {
			case c.Final:
				finals++
				scenes[m.Scene]++
				seen[m.CallID] = true
				notes[m.Scene+" "+c.Severity+" "+fmt.Sprint(c.Findings)]++
				var out []string
				for _, r := range m.Out {
					if !slices.Contains(out, r) {
						out = append(out, r)
					}
				}
				if c.Outcome.String() != m.Outcome || c.Code != m.Code || c.Cause != m.Cause {
					wrong++
					t.Errorf("%s at %v: final: %s %d %q, meant %s %d %q (%v)", m.Scene, m.Began, c.Outcome, c.Code, c.Cause, m.Outcome, m.Code, m.Cause, c.Findings)
				}
				if in := strings.Join(m.In, ""); c.RouteIn != in && in != "" || !slices.Equal(c.RoutesOut, out) && len(out) > 0 {
					t.Errorf("%s at %v: by %q to %v, meant %v to %v", m.Scene, m.Began, c.RouteIn, c.RoutesOut, m.In, out)
				}
			case c.Cause != "" && c.Cause != m.Cause:
				wrong++
				t.Errorf("%s at %v: revision %d: %s %d %q, meant %s %d %q (%v)", m.Scene, m.Began, c.Revision, c.Outcome, c.Code, c.Cause, m.Outcome, m.Code, m.Cause, c.Findings)
			case c.Cause != "":
				early++
			}
		}
	}
	for id, m := range truth {
		if m.Ended < end && !seen[id] {
			t.Errorf("%s at %v (%s): never final", m.Scene, m.Began, id)
		}
	}
	for k, n := range notes { fmt.Println(n, k) }
	t.Logf("%d cases, %d wrong revisions, %d causes said before the end; %v", finals, wrong, early, scenes)
}
