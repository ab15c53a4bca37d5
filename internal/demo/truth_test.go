package demo

import (
	"context"
	"fmt"
	"slices"
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

// played is the traffic of so long as a source of a server, by the clock of the test.
type played struct {
	script *Script
	length time.Duration
	truth  map[string]*Truth
}

func (p *played) Name() string             { return "demo" }
func (p *played) State() capture.LiveState { return capture.LiveState{} }
func (p *played) Run(ctx context.Context, packet func(*wire.Packet), _ func(wire.Gap)) error {
	enc, number := encoders{}, uint64(0)
	start := time.Now()
	for n := p.script.Next(); n.At < p.length; n = p.script.Next() {
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

// TestTruth: through a server, in every revision, sipcause says of the traffic what is meant by it.
func TestTruth(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { testTruth(t, seed) }) })
	}
}

func testTruth(t *testing.T, seed uint64) {
	const long = 2*Period + Period/2
	src := &played{script: New(seed), length: long, truth: map[string]*Truth{}}
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
	compare(t, src.truth, all, long)
}

func rules(t *testing.T) (list []route.Rule) {
	t.Helper()
	cfg, err := config.Load("", func(string) (string, bool) { return "", false }, map[string][]string{"route": Routes})
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Routes
}

// compare holds every revision of what ended before the end against what was meant.
func compare(t *testing.T, truth map[string]*Truth, all map[string][]*record.Case, end time.Duration) {
	finals, early, sound := map[string]int{}, 0, 0
	for id, list := range all {
		for _, c := range list {
			if len(c.CallIDs) != 1 || truth[c.CallIDs[0]] == nil {
				t.Errorf("%s: of %v", id, c.CallIDs)
				continue
			}
			m := truth[c.CallIDs[0]]
			switch {
			case m.Ended >= end:
			case c.Final:
				finals[m.Scene]++
				if m.Kind == aCall && m.Outcome != "failed" && m.Outcome != "challenged" {
					sound++
				}
				final(t, m, c)
				delete(truth, m.CallID)
			case c.Cause != "":
				early++
				if c.Cause != m.Cause {
					t.Errorf("%s at %v: revision %d says %s, meant is %q", m.Scene, m.Began, c.Revision, c.Cause, m.Cause)
				}
			}
		}
	}
	for _, m := range truth {
		if m.Ended < end {
			t.Errorf("%s at %v, %s: has no final revision", m.Scene, m.Began, m.CallID)
		}
	}
	calls := 0
	for scene, n := range finals {
		if scene != "registration" && scene != "keepalive" {
			calls += n
		}
	}
	if sound*4 < calls*3 || early == 0 {
		t.Errorf("of %d calls and the like %d are sound; %d causes were said before the end", calls, sound, early)
	}
	for _, scene := range []string{"overload", "retry storm", "scan", "wrong password", "codec mismatch", "number format", "silence", "not registered", "digits missing", "absent"} {
		if finals[scene] == 0 {
			t.Errorf("%s was never played", scene)
		}
	}
}

// final holds what is said in the end against what was meant.
func final(t *testing.T, m *Truth, c *record.Case) {
	if c.Kind.String() != m.Kind || c.Outcome.String() != m.Outcome || c.Code != m.Code || c.Cause != m.Cause {
		t.Errorf("%s at %v: %s %s %d %q, meant is %s %s %d %q (%v)", m.Scene, m.Began, c.Kind, c.Outcome, c.Code, c.Cause, m.Kind, m.Outcome, m.Code, m.Cause, c.Findings)
	}
	if len(m.In) > 0 && c.RouteIn != m.In[0] || len(m.Out) > 0 && !slices.Equal(c.RoutesOut, m.Out) {
		t.Errorf("%s at %v: by %q to %v, meant is %v to %v", m.Scene, m.Began, c.RouteIn, c.RoutesOut, m.In, m.Out)
	}
	told := slices.DeleteFunc(slices.Clone(c.Findings), func(id string) bool { return id == "retry.ignored-retry-after" || id == "register.expired" })
	if m.Outcome == "answered" && len(m.Out) < 2 && len(told) > 0 {
		t.Errorf("%s at %v: of healthy traffic is said %v", m.Scene, m.Began, told)
	}
}
