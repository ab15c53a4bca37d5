package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sipcause/internal/capture"
	"sipcause/internal/finding"
	"sipcause/internal/kpi"
	"sipcause/internal/pipeline"
	"sipcause/internal/query"
	"sipcause/internal/record"
	"sipcause/internal/render"
	"sipcause/internal/route"
	"sipcause/internal/store"
	"sipcause/internal/store/memory"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// lab is an Observer over captures: cases and counts come from a store in memory, whole cases from reading the captures
// again. What the tests change of it is under mu.
type lab struct {
	*memory.Store
	files   []string
	routes  []view.RouteState
	follow  chan record.Case
	analyze func(context.Context, string, io.Reader, string, io.Writer) error

	mu      sync.Mutex
	status  view.Status
	ratings map[string]int
	failure error // of every search
}

var _ view.Observer = (*lab)(nil)

var day = wire.Time(time.Date(2026, 11, 23, 10, 30, 0, 0, time.UTC).UnixNano())

// flows are what the lab has seen: name of a file below the rules' tests, and of a flow in it ("" all).
func newLab(t testing.TB, flows ...testkit.Flow) *lab {
	t.Helper()
	l := &lab{Store: memory.New(64 << 20), follow: make(chan record.Case, 16), ratings: map[string]int{}}
	dir := t.TempDir()
	for i := range flows {
		name := filepath.Join(dir, fmt.Sprintf("%03d.pcap", i))
		if err := os.WriteFile(name, flows[i].Pcap(), 0o600); err != nil {
			t.Fatal(err)
		}
		l.files = append(l.files, name)
	}
	b, _, err := recorded(l.files)
	if err != nil {
		t.Fatal(err)
	}
	b.Gaps = []record.Gap{{Gap: wire.Gap{Kind: wire.GapDrops, From: b.Cases[0].Began, Until: b.Cases[0].Began + 5e9, Where: "eth0", Lost: 17}, PointName: "eth0"}}
	if err := l.Write(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	l.routes = []view.RouteState{{Name: "carrier-a", Configured: true, Last: day, KPIs: []view.KPI{
		{Name: "asr", Value: 62.5, Unit: "%", Population: 8, Ref: "ITU-T E.411"},
		{Name: "pdd_p95", Unit: "ms", Ref: "RFC 6076 §4.3", Refused: "no call shows it"},
	}}}
	w := kpi.Watches()[0]
	off := w.Report(kpi.Key{Measure: w.Measure, Route: route.OutKey("carrier-a")}, &kpi.Judgement{
		Value: 31, Z: -9, Off: -1, Since: int64(day) / 60e9, Band: view.Band{Low: 55, Mid: 60, High: 65},
	}, nil, []string{b.Cases[0].ID, b.Cases[1].ID}, nil)
	l.status = view.Status{
		Findings: []finding.Finding{
			{ID: "server.slow", Severity: finding.Warning, Confidence: 0.9, Subject: "192.0.2.7:5060", Summary: "192.0.2.7 answers late."}, off,
		},
		Version: "v0.test", Started: day.Std(), Ready: true, StoreLag: 250 * time.Millisecond, OpenLegs: 3, EventTime: day,
		Sources: []view.SourceState{{
			Name: "hep udp://127.0.0.1:9060", Kind: "hep", Packets: 120, Bytes: 70000, Dropped: []view.Count{{Name: "spoofed", N: 2}},
			Last: day.Std(), Points: []string{"hep:2001"},
		}, {Name: "eth0", Kind: "af-packet", Packets: 7, Bytes: 900, Error: "link is down"}},
		Queue: view.QueueState{Bytes: 1000, Limit: 64 << 20, DroppedMedia: 4}, Counters: []view.Count{{Name: "messages", N: 44}},
	}
	return l
}

// recorded reads captures as the server would, and returns what it would store, each case with the keys of its messages.
func recorded(files []string) (*store.Batch, *view.Summary, error) {
	b := &store.Batch{Seq: 1, At: day}
	src, err := capture.Open(files, nil)
	if err != nil {
		return nil, nil, err
	}
	keys := map[string]uint64{} // by Call-ID
	var subject view.Subject
	routes, err := route.NewTable(nil, 0)
	if err != nil {
		return nil, nil, err
	}
	opt := pipeline.Options{Workers: 1, Routes: routes, Record: func(s *pipeline.Seen) {
		for i := range s.Payloads {
			p := &s.Payloads[i]
			if id := callIDOf(p.Data); id != "" {
				keys[id] = s.Keys[i]
			}
			b.Messages = append(b.Messages, record.Message{
				Key: s.Keys[i], Time: p.Time, Ref: p.Ref, Flow: p.Flow, Point: "eth0", Data: bytes.Clone(p.Data), IPID: p.IPID,
				Truncated: p.Truncated, ViaHEP: p.ViaHEP, Fragments: uint8(min(p.Fragments, 255)),
			})
		}
		for i := range s.Events {
			e := &s.Events[i]
			b.Messages = append(b.Messages, record.Message{
				Key: flowKey(e.Flow), Time: e.Time, Ref: e.Ref, Flow: e.Flow, Point: "eth0", What: record.Event, Data: record.EncodeEvent(nil, e),
			})
		}
	}}
	sum, err := pipeline.Run(context.Background(), src, opt, func(c *view.Case) error {
		rec := view.Record(c, &subject)
		rec.Final, rec.Revision = true, 1
		for _, id := range rec.CallIDs {
			rec.Keys = append(rec.Keys, keys[id])
		}
		for i := range rec.Src {
			f := wire.Flow{Src: rec.Src[i], Dst: rec.Dst[i]}
			rec.Keys = append(rec.Keys, flowKey(f), flowKey(f.Reverse()))
		}
		b.Cases = append(b.Cases, rec)
		kpi.Count(c, func(cell record.Cell) { b.Cells = append(b.Cells, cell) })
		return nil
	})
	slices.SortStableFunc(b.Messages, func(x, y record.Message) int {
		return cmp.Or(cmp.Compare(x.Time, y.Time), x.Ref.Compare(y.Ref))
	})
	return b, sum, err
}

// flowKey stands for the hash of a flow, whatever carried it.
func flowKey(f wire.Flow) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range []byte(f.Src.String() + f.Dst.String()) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

func callIDOf(data []byte) string {
	for line := range bytes.Lines(data) {
		name, value, ok := strings.Cut(strings.TrimSpace(string(line)), ":")
		if ok && (strings.EqualFold(name, "Call-ID") || strings.EqualFold(name, "i")) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func (l *lab) fails() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failure
}

func (l *lab) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failure = err
}

func (l *lab) Cases(ctx context.Context, q store.Search) (store.Page, error) {
	if err := l.fails(); err != nil {
		return store.Page{}, err
	}
	return l.Search(ctx, q)
}

// again reads the captures again and hands on the cases that fit.
func (l *lab) again(fits func(*view.Case) bool, show func(*view.Case) error) (*view.Summary, error) {
	src, err := capture.Open(l.files, nil)
	if err != nil {
		return nil, err
	}
	return pipeline.Run(context.Background(), src, pipeline.Options{Workers: 1}, func(c *view.Case) error {
		if !fits(c) {
			return nil
		}
		return show(c)
	})
}

func (l *lab) Case(ctx context.Context, id string, show func(*view.Case, *view.Summary) error) error {
	if _, err := l.Store.Case(ctx, id); err != nil {
		return err
	}
	_, err := l.again(func(c *view.Case) bool { return c.Is(id) }, func(c *view.Case) error {
		return show(c, &view.Summary{Files: l.files, Calls: 1})
	})
	return err
}

func (l *lab) Whole(_ context.Context, cases []record.Case, show func(*view.Case) error) error {
	for i := range cases {
		if _, err := l.again(func(c *view.Case) bool { return c.Call.ID == cases[i].ID }, show); err != nil {
			return err
		}
	}
	return nil
}

func (l *lab) Messages(ctx context.Context, id string) ([]record.Message, error) {
	c, err := l.Store.Case(ctx, id)
	if err != nil {
		return nil, err
	}
	return l.Store.Messages(ctx, c.Keys, 0, 0)
}

func (l *lab) Count(ctx context.Context, q store.Search, f query.Field, limit int) ([]store.Count, error) {
	if err := l.fails(); err != nil {
		return nil, err
	}
	return l.Store.Count(ctx, q, f, limit)
}

func (l *lab) Series(ctx context.Context, q view.SeriesQuery) ([]view.Series, error) {
	return kpi.Series(q, func(r store.Rollup, visit func(*record.Cell) error) error { return l.Rollup(ctx, r, visit) }, nil)
}

func (l *lab) Routes(context.Context, wire.Time, wire.Time) ([]view.RouteState, error) {
	return l.routes, nil
}

func (l *lab) Registrations(_ context.Context, limit int) ([]view.AccountState, error) {
	return []view.AccountState{
		{AOR: "sip:alice@example.com", State: "failing", Cause: "auth.wrong-credentials", Code: 403, Since: day, CallID: "r1@example.com"},
		{AOR: "sip:bob@example.com", State: "registered", Contact: "sip:bob@192.0.2.9:5060", Since: day, Until: day + 3600e9},
	}[:min(limit, 2)], nil
}

func (l *lab) Rate(ctx context.Context, id string, rating int) error {
	if _, err := l.Store.Case(ctx, id); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ratings[id] = rating
	return nil
}

func (l *lab) Follow(ctx context.Context, filter *query.Expr, told func(*record.Case, uint64) error) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case c, ok := <-l.follow:
			if !ok {
				return nil
			}
			if filter != nil && !filter.Match(&c, time.UTC) {
				continue
			}
			if err := told(&c, uint64(max(0, c.Revision-1))); err != nil {
				return err
			}
		}
	}
}

func (l *lab) Analyze(ctx context.Context, name string, r io.Reader, format string, w io.Writer) error {
	if l.analyze != nil {
		return l.analyze(ctx, name, r, format, w)
	}
	src, err := capture.Open([]string{"-"}, r)
	if err != nil {
		return err
	}
	to, err := render.New(format, w, render.Options{Files: []string{name}})
	if err != nil {
		return err
	}
	sum, err := pipeline.Run(ctx, src, pipeline.Options{Workers: 1}, to.Case)
	if err != nil {
		return err
	}
	sum.Files = []string{name}
	return to.End(sum)
}

func (l *lab) Status(ctx context.Context) (view.Status, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failure != nil {
		return view.Status{}, l.failure
	}
	s := l.status
	var err error
	s.Store, err = l.Stats(ctx)
	s.Store.ByKind = map[string]int64{"messages": 10, "cases": 20}
	return s, err
}

// strange is a call whose Call-ID and names are made to break what shows them.
func strange() record.Case {
	id := "a/b?c=d&e#f%2F..@2001:db8::1\"<script>"
	return record.Case{
		ID: id, CallIDs: []string{id}, Began: day + 1, Ended: day + 2e9, From: "sip:\u202eevil\u0085@example.com", Outcome: 2, Code: 503,
		Origin: netip.MustParseAddrPort("[2001:db8::1]:5060"), Cause: "server.unavailable", Severity: "error", Final: true, Revision: 2,
	}
}
