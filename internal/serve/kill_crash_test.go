package serve

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/capture"
	"sipcause/internal/hep"
	"sipcause/internal/kpi"
	"sipcause/internal/record"
	"sipcause/internal/route"
	"sipcause/internal/store"
	"sipcause/internal/store/sqlite"
	"sipcause/internal/wire"
)

const (
	crashFolder = "SIPCAUSE_TEST_SERVE_FOLDER"
	crashStart  = "SIPCAUSE_TEST_SERVE_START" // of the fast clock, nanoseconds since the epoch
	crashSpeed  = 7                           // seconds of the fast clock in one of ours
)

// fast is a clock that runs crashSpeed times as fast as ours since start.
type fast struct{ start int64 }

func (f fast) now() time.Time {
	return time.Unix(0, f.start+(time.Now().UnixNano()-f.start)*crashSpeed).UTC()
}

// stamped is a HEP source whose packets came when they say that they were seen.
type stamped struct{ capture.Live }

func (s stamped) Run(ctx context.Context, packet func(*wire.Packet), gap func(wire.Gap)) error {
	return s.Live.Run(ctx, func(p *wire.Packet) {
		own := *p
		sec, usec := uint32(0), uint32(0)
		for b, ok := p.Data[hep.HeaderLen:], true; ok; {
			var c hep.Chunk
			c, b, ok = hep.Next(b)
			switch c.Type {
			case hep.ChunkSeconds:
				sec = binary.BigEndian.Uint32(c.Value)
			case hep.ChunkMicros:
				usec = binary.BigEndian.Uint32(c.Value)
			}
		}
		own.Time = wire.Time(sec)*1e9 + wire.Time(usec)*1e3
		packet(&own)
	}, gap)
}

// TestServeChild is a server on a folder until it is killed, or told on its input to end everything and stop. It is
// started by TestServeKilled alone.
func TestServeChild(t *testing.T) {
	dir := os.Getenv(crashFolder)
	if dir == "" {
		t.Skipf("%s is not set: this is the server that TestServeKilled kills", crashFolder)
	}
	var start int64
	_, _ = fmt.Sscan(os.Getenv(crashStart), &start)
	st, err := sqlite.Open(dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var later clock
	s, err := New(Options{Store: st, Routes: []route.Rule{{Name: "pbx", Addresses: []netip.Prefix{netip.MustParsePrefix("2001:db8:ff00::/40")}}}, Flush: time.Second, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Now: func() time.Time {
		return fast{start}.now().Add(time.Duration(later.ns.Load()))
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.rec.account, s.mostWarm = true, 150*time.Second
	src, err := capture.OpenHEP("tcp://127.0.0.1:0", capture.HEPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Add(stamped{src}, "hep", false); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		fmt.Println("listening", src.(interface{ Addr() net.Addr }).Addr())
		in := bufio.NewScanner(os.Stdin)
		in.Scan()
		for in.Text() == "end" {
			later.advance(10 * time.Minute)
			time.Sleep(300 * time.Millisecond)
			later.advance(7 * time.Hour)
			time.Sleep(time.Second)
			break
		}
		cancel()
	}()
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
}

// child is a server in a process of its own, and the connection to it.
type child struct {
	dir   string
	start int64
	errs  *os.File
	cmd   *exec.Cmd
	in    *bufio.Writer
	addr  chan string

	mu   sync.Mutex
	conn net.Conn
}

func (c *child) begin(t *testing.T) {
	c.cmd = exec.Command(os.Args[0], "-test.run=^TestServeChild$", "-test.timeout=5m")
	c.cmd.Env = append(os.Environ(), crashFolder+"="+c.dir, fmt.Sprintf("%s=%d", crashStart, c.start), "GOMAXPROCS=2")
	c.cmd.Stderr = c.errs
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := c.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.in = bufio.NewWriter(in)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	addr := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if a, ok := strings.CutPrefix(lines.Text(), "listening "); ok {
				addr <- a
			} else if lines.Text() != "PASS" {
				fmt.Fprintln(c.errs, lines.Text())
			}
		}
		close(addr)
	}()
	c.addr = addr
}

// connect waits until the server listens.
func (c *child) connect(t *testing.T) {
	a, ok := <-c.addr
	if !ok {
		t.Error("the server ended before it listened")
		return
	}
	conn, err := net.Dial("tcp", a)
	if err != nil {
		t.Error(err)
		return
	}
	c.mu.Lock()
	c.conn = conn
	c.mu.Unlock()
}

// send says whether the packet was handed to the kernel.
func (c *child) send(b []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		return false
	}
	if _, err := c.conn.Write(b); err != nil {
		c.conn.Close()
		c.conn = nil
		return false
	}
	return true
}

func (c *child) kill(t *testing.T) {
	if err := c.cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = c.cmd.Wait() // killed
	c.mu.Lock()
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
	c.mu.Unlock()
}

// end lets time go on until everything is over, and stops the server.
func (c *child) end(t *testing.T) {
	fmt.Fprintln(c.in, "end")
	c.in.Flush()
	if err := c.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// kept is what a store says in the end.
type kept struct {
	cases    map[string][]record.Case // by kind and ID, oldest first
	messages map[string]bool          // by time
	cells    []record.Cell            // the roll-ups
	counted  []record.Cell            // the sum of what the cases counted
	gaps     []record.Gap
}

func readKept(t *testing.T, dir string) (k kept) {
	t.Helper()
	ctx := context.Background()
	st, err := sqlite.Open(dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	stats, err := st.Stats(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(stats.BadPartitions) > 0 {
		t.Errorf("damaged: %v", stats.BadPartitions)
	}
	k.cases, k.messages = map[string][]record.Case{}, map[string]bool{}
	q := store.Search{Limit: 5000}
	for {
		page, err := st.Search(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page.Cases {
			id := c.Kind.String() + " " + c.ID
			k.cases[id] = append(k.cases[id], c)
			k.counted = append(k.counted, c.Counted...)
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	for _, list := range k.cases {
		slices.Reverse(list)
	}
	if err := st.Replay(ctx, 0, 0, func(m *record.Message) error {
		if at := fmt.Sprint(m.Time); k.messages[at] {
			t.Errorf("message at %s is stored twice", at)
		} else {
			k.messages[at] = true
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := st.Rollup(ctx, store.Rollup{Step: time.Minute, ByRoute: true, ByLabel: true}, func(c *record.Cell) error {
		k.cells = append(k.cells, *c)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := st.Rollup(ctx, store.Rollup{Step: time.Minute, ByLabel: true}, func(c *record.Cell) error {
		k.cells = append(k.cells, *c)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	k.cells = kpi.Merge(k.cells)
	k.counted = kpi.Merge(k.counted)
	if k.gaps, err = st.Gaps(ctx, 0, 1<<62, 1000); err != nil {
		t.Fatal(err)
	}
	return k
}

// told is what must be the same of a case.
func (k *kept) told(id string) (all []string) {
	for _, c := range k.cases[id] {
		d := func(p *time.Duration) string {
			if p == nil {
				return "-"
			}
			return p.String()
		}
		all = append(all, fmt.Sprintf("%d..%d final %v %s %d %s %v pdd %s setup %s ring %s talk %s by %s, %d messages %d attempts", c.Began, c.Ended, c.Final, c.Outcome, c.Code, c.Cause,
			c.Findings, d(c.PDD), d(c.Setup), d(c.Ring), d(c.Duration), c.HungUpBy, c.Messages, c.Attempts))
	}
	return all
}

// TestServeKilled kills a server twenty times under load and in mid-call. A second one gets the same messages at the
// same times and lives. Never corrupt; what differs is only what a lost message was of; every lost message lies in a gap
// that the server tells; roll-ups are the sum of what the cases counted.
//
// Long because: one story, told in order.
func TestServeKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute: -short is given")
	}
	const kills = 20
	rng := rand.New(rand.NewPCG(20, 9))
	start := time.Now()
	clock := fast{start.UnixNano()}
	dir := t.TempDir()
	errs, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer errs.Close()
	killed := &child{dir: filepath.Join(dir, "killed"), start: clock.start, errs: errs}
	lives := &child{dir: filepath.Join(dir, "lives"), start: clock.start, errs: errs}
	killed.begin(t)
	lives.begin(t)
	killed.connect(t)
	lives.connect(t)
	const span = 400 * time.Second
	all := traffic(1, wire.Time(clock.now().Add(2*time.Second).UnixNano()), span, 20)
	unsent := map[string]bool{} // times of messages that were not handed to the kernel
	done := make(chan struct{})
	go func() {
		defer close(done)
		var e hep.Encoder
		var b []byte
		for i := range all {
			m := &all[i]
			time.Sleep(m.at.Std().Sub(clock.now()) / crashSpeed)
			var ok bool
			if b, ok = e.Append(b[:0], &hep.Message{Time: m.at, Flow: m.flow, Type: hep.TypeSIP, Payload: m.data}); !ok {
				panic("a message that is too long")
			}
			if !lives.send(b) {
				t.Error("the server that lives does not")
				return
			}
			if !killed.send(b) {
				unsent[fmt.Sprint(m.at)] = true
			}
		}
	}()
	var died []wire.Time
	for range kills {
		time.Sleep(span/crashSpeed/(kills+1)/2 + time.Duration(rng.Int64N(int64(span/crashSpeed/(kills+1)/2))))
		killed.kill(t)
		died = append(died, wire.Time(clock.now().UnixNano()))
		time.Sleep(time.Duration(rng.IntN(100)) * time.Millisecond)
		killed.begin(t)
		killed.connect(t)
	}
	<-done
	time.Sleep(time.Second)
	var ends sync.WaitGroup
	for _, c := range []*child{killed, lives} {
		ends.Go(func() { c.end(t) })
	}
	ends.Wait()
	if t.Failed() {
		log, _ := os.ReadFile(errs.Name())
		t.Logf("%s", log)
		return
	}
	for _, c := range []*child{killed, lives} {
		report, ok, err := sqlite.Check(c.dir)
		if err != nil || !ok {
			t.Errorf("check of %s: %v\n%s", filepath.Base(c.dir), err, report)
		}
	}
	got, want := readKept(t, killed.dir), readKept(t, lives.dir)
	for _, at := range died {
		if !slices.ContainsFunc(got.gaps, func(g record.Gap) bool { return g.Kind == wire.GapStopped && g.From <= at && at <= g.Until }) {
			t.Errorf("the server was killed at %d, and no gap says so", at)
		}
	}
	compareKept(t, all, unsent, &got, &want)
	if t.Failed() {
		log, _ := os.ReadFile(errs.Name())
		t.Logf("%s", log)
	}
}

// compareKept compares what two servers kept of the same messages.
//
// Long because: one story, told in order.
func compareKept(t *testing.T, all []said, unsent map[string]bool, got, want *kept) {
	stopped := 0
	for _, g := range got.gaps {
		if g.Kind == wire.GapStopped {
			stopped++
		}
	}
	lost := map[string]int{} // by Call-ID
	n, outside := 0, 0
	for i := range all {
		m := &all[i]
		at := fmt.Sprint(m.at)
		if !want.messages[at] {
			t.Errorf("the server that lives has not stored the message at %s", at)
		}
		if got.messages[at] {
			continue
		}
		n++
		lost[m.callID]++
		if !slices.ContainsFunc(got.gaps, func(g record.Gap) bool { return g.Kind == wire.GapStopped && g.From <= m.at && m.at <= g.Until }) {
			outside++
		}
	}
	if outside > 0 {
		t.Errorf("%d lost messages are in no gap", outside)
	}
	for name, k := range map[string]*kept{"killed": got, "lives": want} {
		if d := kpi.Diff(k.counted, k.cells); len(d) > 0 {
			t.Errorf("%s: roll-ups are not what the cases counted: %d cells, first %+v", name, len(d), d[:min(len(d), 5)])
		}
	}
	ids := map[string]bool{}
	for id := range got.cases {
		ids[id] = true
	}
	for id := range want.cases {
		ids[id] = true
	}
	differ, waited, touched, pieces := 0, 0, 0, 0
	say := func(what, id string) {
		if differ++; differ <= 10 {
			t.Errorf("%s: %s:\n got %v\nwant %v", id, what, got.told(id), want.told(id))
		}
	}
	for id := range ids {
		g, w := got.cases[id], want.cases[id]
		_, callID, _ := strings.Cut(id, " ")
		switch {
		case slices.Equal(got.told(id), want.told(id)) && len(kpi.Diff(countedBy(g), countedBy(w))) == 0:
		case lost[callID] > 0:
			touched++
			if len(g) > 1 {
				pieces++
			}
			for i := range g {
				if len(w) == 0 || !lessOf(&g[i], w, true) {
					say("it says what was not so", id)
				}
			}
		case len(g) == 1 && len(w) == 1 && lessOf(&g[0], w, false) && overGap(got.gaps, &g[0]):
			waited++
		default:
			say("lost nothing, and differs", id)
		}
	}
	if touched == 0 || touched == len(ids) {
		t.Errorf("%d of %d cases lost a message: the test proves nothing", touched, len(ids))
	}
	t.Logf("%d messages, %d never sent, %d lost; %d cases: %d with a lost message differ, %d of them are in pieces; %d were silent over a gap and are less certain; %d gaps",
		len(all), len(unsent), n, len(ids), touched, pieces, waited, stopped)
}

func countedBy(list []record.Case) (cells []record.Cell) {
	for i := range list {
		cells = append(cells, list[i].Counted...)
	}
	return cells
}

// lessOf says whether g tells nothing but what one of the whole says, or that it does not know.
func lessOf(g *record.Case, whole []record.Case, parts bool) bool {
	return slices.ContainsFunc(whole, func(w record.Case) bool {
		same := func(a, b *time.Duration) bool { return a == nil || b != nil && *a == *b }
		known := func(f string) bool { return slices.Contains(w.Findings, f) || f == "" }
		if g.Outcome != w.Outcome && g.Outcome != call.Unknown || !known(g.Cause) && !strings.HasPrefix(g.Cause, "code.") {
			return false
		}
		for _, f := range g.Findings {
			if !known(f) && !strings.HasPrefix(f, "code.") {
				return false
			}
		}
		return same(g.PDD, w.PDD) && (g.Kind == call.KindRegistration || same(g.Setup, w.Setup)) && same(g.Ring, w.Ring) && same(g.Duration, w.Duration) && (parts || g.Began == w.Began && g.Ended == w.Ended)
	})
}

// overGap says whether somebody may have answered in a gap.
func overGap(gaps []record.Gap, c *record.Case) bool {
	return slices.ContainsFunc(gaps, func(g record.Gap) bool {
		return g.Kind == wire.GapStopped && g.From <= c.Ended.Add(call.TimerC) && g.Until >= c.Began
	})
}
