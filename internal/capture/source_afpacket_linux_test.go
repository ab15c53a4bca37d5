package capture

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sipcause/internal/decode"
	"sipcause/internal/wire"
)

// found collects what decode finds, as text.
type found struct{ list []string }

func (f *found) Payload(p *wire.Payload) {
	f.list = append(f.list, fmt.Sprintf("%v %d %d %q", p.Flow, p.IPID, p.Fragments, p.Data))
}

func (f *found) Event(e *wire.Event) {
	f.list = append(f.list, fmt.Sprintf("event %v %v %d/%d from %v", e.Kind, e.Flow, e.ICMPType, e.ICMPCode, e.From))
}

func (f *found) Gap(g wire.Gap)    { f.list = append(f.list, fmt.Sprintf("gap %v %d", g.Kind, g.Lost)) }
func (f *found) Media(*wire.Media) {}

// decoded returns what a decoder finds in packets, each of which may be of one of several sources.
func decoded(packets []wire.Packet) []string {
	f := &found{}
	sources := map[uint32]*decode.Decoder{}
	for i := range packets {
		p := &packets[i]
		if sources[p.Ref.Source] == nil {
			sources[p.Ref.Source] = decode.New(f, decode.Options{})
		}
		sources[p.Ref.Source].Packet(p)
	}
	for _, d := range sources {
		d.Flush(packets[len(packets)-1].Time)
	}
	slices.Sort(f.list)
	return f.list
}

func diff(t *testing.T, what string, got, want []string) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	t.Errorf("%s: %d, want %d", what, len(got), len(want))
	count := map[string]int{}
	for _, s := range got {
		count[s]++
	}
	for _, s := range want {
		count[s]--
	}
	shown := 0
	for s, n := range count {
		if n != 0 && shown < 10 {
			shown++
			t.Logf("%+d: %.400s", n, s)
		}
	}
}

// sameTimes compares the times of frames that are there once: taps of one interface stamp them at nearly the same time,
// if not together.
func sameTimes(t *testing.T, got, want []wire.Packet) {
	t.Helper()
	at := map[string][]wire.Time{}
	for _, p := range got {
		at[string(p.Data)] = append(at[string(p.Data)], p.Time)
	}
	compared := 0
	for _, p := range want {
		if a := at[string(p.Data)]; len(a) == 1 {
			compared++
			if d := a[0].Sub(p.Time).Abs(); d > 100*time.Millisecond {
				t.Errorf("frame at %v is %v off", p.Time.Std(), d)
			}
		}
	}
	if compared < len(want)/2 {
		t.Errorf("only %d times of %d compared", compared, len(want))
	}
}

func frames(packets []wire.Packet) (list []string) {
	for _, p := range packets {
		list = append(list, fmt.Sprintf("%d %d %x", p.Link, p.WireLen, p.Data))
	}
	slices.Sort(list)
	return list
}

// The frames of a source without filter are those of tcpdump to the last byte and nanosecond; what the filter lets
// through has the same payloads and events in it.
func TestAFPacketEqualsTcpdump(t *testing.T) {
	n := makeNamespaces(t)
	all, stopAll := take(t, n.open("far", AFPacketOptions{Filter: Filter{All: true}}), nil)
	some, stopSome := take(t, n.open("far", AFPacketOptions{}), nil)
	stop := n.tcpdump()
	from := now()
	n.sendAll()
	n.sendLast()
	want := stop()
	stopAll()
	stopSome()
	until := want[len(want)-1].Time
	between := func(p wire.Packet) bool { return p.Time < from || p.Time > until }
	want = slices.DeleteFunc(want, between)
	all.packets = slices.DeleteFunc(all.packets, between)
	some.packets = slices.DeleteFunc(some.packets, between)
	diff(t, "frames", frames(all.packets), frames(want))
	sameTimes(t, all.packets, want)
	filtered := func(s string) bool { return strings.HasPrefix(s, "{udp") && strings.Contains(s, "192.0.2.2:443}") }
	diff(t, "payloads and events", decoded(some.packets), slices.DeleteFunc(decoded(want), filtered))
	text := strings.Join(decoded(want), "\n")
	for _, s := range []string{"5000@", "5001@", "5002@", "4099@", "500@example", "1500@example", "event icmp", "3000@", "[2001:db8::2]:5070"} {
		if !strings.Contains(text, s) {
			t.Errorf("tcpdump has no %q", s)
		}
	}
	for _, g := range append(all.gaps, some.gaps...) {
		t.Errorf("gap %v", g)
	}
}

func TestAFPacketFanout(t *testing.T) {
	n := makeNamespaces(t)
	list := n.open("far", AFPacketOptions{Fanout: 2, Filter: Filter{All: true}})
	if len(list) != 2 || list[0].Name() == list[1].Name() {
		t.Fatalf("%d sources", len(list))
	}
	got, stopAll := take(t, list, nil)
	stop := n.tcpdump()
	from := now()
	n.sendAll()
	n.inside(n.near, func() error { // more flows, so that both members get some
		for i := range 50 {
			c, err := net.Dial("udp", far4+":5060")
			if err != nil {
				return err
			}
			_, _ = c.Write(sipRequest(6000+i, 3000))
			c.Close()
		}
		return nil
	})
	n.sendLast()
	want := stop()
	stopAll()
	until := want[len(want)-1].Time
	between := func(p wire.Packet) bool { return p.Time < from || p.Time > until }
	want = slices.DeleteFunc(want, between)
	got.packets = slices.DeleteFunc(got.packets, between)
	diff(t, "frames", frames(got.packets), frames(want))
	diff(t, "payloads and events", decoded(got.packets), decoded(want))
	for _, l := range list {
		if s := l.State(); s.Packets == 0 || s.Bytes == 0 || s.Last.IsZero() {
			t.Errorf("%s: %+v", l.Name(), s)
		}
	}
}

// A packet on lo comes once, and "any" gives each interface its point.
func TestAFPacketAny(t *testing.T) {
	n := makeNamespaces(t)
	var names []string
	list := n.open(AnyInterface, AFPacketOptions{Points: func(name string) uint16 {
		names = append(names, name)
		return uint16(len(names))
	}})
	got, stop := take(t, list, nil)
	n.sendAll()
	n.inside(n.far, func() error {
		c, err := net.Dial("udp", "127.0.0.1:5060")
		if err == nil {
			defer c.Close()
			_, err = c.Write(sipRequest(7000, 10)) // the port is closed
		}
		return err
	})
	time.Sleep(200 * time.Millisecond)
	stop()
	slices.Sort(names)
	if !slices.Equal(names, []string{"far", "lo"}) {
		t.Errorf("points %q", names)
	}
	text := strings.Join(decoded(got.packets), "\n")
	for id, want := range map[string]int{"Call-ID: 7000@": 1, "Call-ID: 5000@": 1, "Call-ID: 5001@": 1, "Call-ID: 5002@": 1, "Call-ID: 500@": 1, "Call-ID: 4050@": 1, "Call-ID: 1299@": 1} {
		if got := strings.Count(text, id); got != want {
			t.Errorf("%s: %d times, want %d", id, got, want)
		}
	}
}

func TestAFPacketDrops(t *testing.T) {
	n := makeNamespaces(t)
	var stalled atomic.Bool
	list := n.open("far", AFPacketOptions{Ring: 64 << 10})
	got, stop := take(t, list, func(*wire.Packet) {
		if stalled.CompareAndSwap(false, true) {
			time.Sleep(time.Second)
		}
	})
	const sent = 2000
	n.inside(n.far, func() error {
		c, err := net.ListenPacket("udp", far4+":5060")
		if err == nil {
			t.Cleanup(func() { c.Close() })
		}
		return err
	})
	from := now()
	n.inside(n.near, func() error {
		c, err := net.Dial("udp", far4+":5060")
		if err != nil {
			return err
		}
		defer c.Close()
		for i := range sent {
			if i == 10 {
				time.Sleep(150 * time.Millisecond) // the reader stalls at the first
			}
			if _, err := c.Write(sipRequest(i, 500)); err != nil {
				return err
			}
		}
		return nil
	})
	time.Sleep(1200 * time.Millisecond)
	stop()
	var lost uint64
	for _, g := range got.gaps {
		lost += g.Lost
		if g.Kind != wire.GapDrops || g.From >= g.Until || g.Until < from || g.Where == "" {
			t.Errorf("gap %+v", g)
		}
	}
	came := strings.Count(strings.Join(decoded(got.packets), "\n"), "Call-ID")
	state := list[0].State()
	const besides = 20 // ICMPv6 and the like, which may be lost as well
	if all := came + int(lost); lost == 0 || all < sent || all > sent+besides || state.Dropped[0] != (Dropped{Reason: "kernel", Count: lost}) {
		t.Errorf("%d came, %d lost, sent %d, state %+v", came, lost, sent, state)
	}
}

// The interface goes down, comes up, is deleted, and is made anew; then the group of a fanout, too.
func TestAFPacketInterfaceComesBack(t *testing.T) {
	n := makeNamespaces(t)
	for _, members := range []int{1, 2} {
		t.Run(fmt.Sprint("members=", members), func(t *testing.T) { comesBack(t, n, members) })
	}
}

func comesBack(t *testing.T, n namespaces, members int) {
	list := n.open("far", AFPacketOptions{Fanout: members})
	for i, l := range list {
		list[i] = there{l, n, n.far}
	}
	got, stop := take(t, list, nil)
	wait := func(what string, ok func(s LiveState) bool) {
		t.Helper()
		for range 100 {
			all := LiveState{}
			for _, l := range list {
				s := l.State()
				all.Packets += s.Packets
				all.Problem = cmp.Or(all.Problem, s.Problem)
			}
			if ok(all) {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Fatalf("%s: %+v", what, list[0].State())
	}
	send := func(id int) {
		t.Helper()
		var before uint64
		for _, l := range list {
			before += l.State().Packets
		}
		n.inside(n.near, func() error {
			c, err := net.Dial("udp", far4+":5060")
			if err == nil {
				defer c.Close()
				_, err = c.Write(sipRequest(id, 10))
			}
			return err
		})
		wait(fmt.Sprint("packet ", id), func(s LiveState) bool { return s.Packets > before })
	}
	healthy := func(s LiveState) bool { return s.Problem == "" }
	send(1)
	n.ip("-n", n.far, "link", "set", "far", "down")
	wait("down", func(s LiveState) bool { return s.Problem == "interface far is down" })
	n.ip("-n", n.far, "link", "set", "far", "up")
	wait("up", healthy)
	time.Sleep(300 * time.Millisecond)
	send(2)
	n.ip("-n", n.far, "link", "del", "far")
	wait("gone", func(s LiveState) bool { return s.Problem == "interface far is gone" })
	n.cable()
	wait("back", healthy)
	send(3)
	stop()
	text := strings.Join(decoded(got.packets), "\n")
	for _, id := range []string{"Call-ID: 1@", "Call-ID: 2@", "Call-ID: 3@"} {
		if strings.Count(text, id) != 1 {
			t.Errorf("%s is missing", id)
		}
	}
	if len(got.gaps) != members || got.gaps[0].From >= got.gaps[0].Until {
		t.Errorf("gaps %+v", got.gaps)
	}
}

// Nothing is allocated for a packet: of thousands, no more objects remain or are made than a few for the run.
func TestAFPacketAllocates(t *testing.T) {
	n := makeNamespaces(t)
	list := n.open("far", AFPacketOptions{})
	n.sendAll() // into the ring
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var count int
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := list[0].Run(ctx, func(*wire.Packet) { count++ }, func(wire.Gap) {})
	runtime.ReadMemStats(&after)
	if made := after.Mallocs - before.Mallocs; err != nil || count < 600 || made > 100 {
		t.Errorf("%d objects made for %d packets, %v", made, count, err)
	}
}

func TestAFPacketRefuses(t *testing.T) {
	for _, c := range []struct {
		iface string
		opt   AFPacketOptions
		want  string
	}{
		{"nosuch0", AFPacketOptions{}, "no such interface; there are: "},
		{"lo", AFPacketOptions{Snap: 10}, "snap length 10"},
		{"lo", AFPacketOptions{Ring: 100}, "ring of 100 bytes"},
		{"lo", AFPacketOptions{Fanout: 1000}, "fanout of 1000"},
	} {
		if _, err := OpenAFPacket(c.iface, c.opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
