package capture

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sipcause/internal/decode"
	"sipcause/internal/wire"
)

// namespaces is two network namespaces with a cable between: interface "near" in the one, "far" in the other.
type namespaces struct {
	t         *testing.T
	near, far string
}

const (
	near4, far4 = "192.0.2.1", "192.0.2.2"
	near6, far6 = "2001:db8::1", "2001:db8::2"
)

func makeNamespaces(t *testing.T) namespaces {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root for network namespaces")
	}
	for _, tool := range []string{"ip", "tcpdump"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s: %v", tool, err)
		}
	}
	id := fmt.Sprintf("sipcause-%d-%d", os.Getpid(), time.Now().UnixNano()%1e6)
	n := namespaces{t: t, near: id + "-near", far: id + "-far"}
	t.Cleanup(func() {
		for _, name := range []string{n.near, n.far} {
			_ = exec.Command("ip", "netns", "del", name).Run()
		}
	})
	n.ip("netns", "add", n.near)
	n.ip("netns", "add", n.far)
	n.cable()
	return n
}

// cable makes the two interfaces; there may have been others of these names.
func (n namespaces) cable() {
	n.t.Helper()
	const nearMAC, farMAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
	n.ip("-n", n.near, "link", "add", "near", "address", nearMAC, "type", "veth", "peer", "name", "far", "address", farMAC, "netns", n.far)
	for _, e := range []struct{ ns, dev, v4, v6 string }{{n.near, "near", near4, near6}, {n.far, "far", far4, far6}} {
		n.ip("netns", "exec", e.ns, "sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/"+e.dev+"/accept_dad")
		n.ip("-n", e.ns, "addr", "add", e.v4+"/24", "dev", e.dev)
		n.ip("-n", e.ns, "-6", "addr", "add", e.v6+"/64", "dev", e.dev, "nodad")
		n.ip("-n", e.ns, "link", "set", e.dev, "up")
		n.ip("-n", e.ns, "link", "set", "lo", "up")
	}
	for _, e := range [][4]string{{n.near, "near", far4, farMAC}, {n.near, "near", far6, farMAC}, {n.far, "far", near4, nearMAC}, {n.far, "far", near6, nearMAC}} {
		n.ip("-n", e[0], "neigh", "replace", e[2], "lladdr", e[3], "dev", e[1], "nud", "permanent")
	}
}

func (n namespaces) ip(args ...string) {
	n.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		n.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// inside runs f on a thread of the namespace. Sockets made there stay there.
func (n namespaces) inside(name string, f func() error) {
	n.t.Helper()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		ns, err := os.Open(filepath.Join("/var/run/netns", name))
		if err == nil {
			defer ns.Close()
			err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		n.t.Fatalf("in %s: %v", name, err)
	}
}

func (n namespaces) open(iface string, opt AFPacketOptions) (list []Live) {
	n.t.Helper()
	n.inside(n.far, func() (err error) {
		list, err = OpenAFPacket(iface, opt)
		return err
	})
	return list
}

// tcpdump captures on "far" until the function it returns is called, which reads the file.
func (n namespaces) tcpdump() (stop func() []wire.Packet) {
	n.t.Helper()
	file := filepath.Join(n.t.TempDir(), "dump.pcap")
	cmd := exec.Command("ip", "netns", "exec", n.far, "tcpdump", "-i", "far", "-n", "-s", "0", "-B", "32768", "-U", "--immediate-mode", "-Z", "root", "--time-stamp-precision=nano", "-w", file)
	says, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		n.t.Fatal(err)
	}
	said, b := "", make([]byte, 1024)
	for !strings.Contains(said, "listening on") {
		k, err := says.Read(b)
		if said += string(b[:k]); err != nil {
			n.t.Fatalf("tcpdump: %v: %s", err, said)
		}
	}
	return func() []wire.Packet {
		n.t.Helper()
		for range 100 { // until it has written the last
			if b, _ := os.ReadFile(file); bytes.Contains(b, []byte("Call-ID: 9999@")) {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		_ = cmd.Process.Signal(os.Interrupt)
		rest, _ := io.ReadAll(says)
		_ = cmd.Wait()
		if !strings.Contains(string(rest), "\n0 packets dropped by kernel") {
			n.t.Logf("tcpdump: %s", rest)
		}
		s, err := Open([]string{file}, nil)
		if err != nil {
			n.t.Fatal(err)
		}
		var list []wire.Packet
		err = s.Run(context.Background(), func(p *wire.Packet) error {
			list = append(list, *p)
			list[len(list)-1].Data = bytes.Clone(p.Data)
			return nil
		}, nil, func(g wire.Gap) { n.t.Errorf("gap in tcpdump's file: %v", g) })
		if err != nil {
			n.t.Fatal(err)
		}
		return list
	}
}

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

func sipRequest(id, size int) []byte {
	return fmt.Appendf(nil, "MESSAGE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK%d\r\n"+
		"Call-ID: %d@example.com\r\nCSeq: 1 MESSAGE\r\nContent-Length: %d\r\n\r\n%s", id, id, size, strings.Repeat("x", size))
}

// sendAll sends SIP in every way: bursts of UDP, IPv6, fragments, TCP, SCTP's ports closed, VLAN tags, and web traffic.
func (n namespaces) sendAll() {
	var server net.Listener
	n.inside(n.far, func() (err error) {
		server, err = net.Listen("tcp", far4+":5060")
		if err != nil {
			return err
		}
		for _, a := range []string{far4 + ":5060", "[" + far6 + "]:5060"} {
			c, err := net.ListenPacket("udp", a)
			if err != nil {
				return err
			}
			n.t.Cleanup(func() { c.Close() })
		}
		return nil
	})
	n.t.Cleanup(func() { server.Close() })
	go func() {
		for c, err := server.Accept(); err == nil; c, err = server.Accept() {
			go func() { _, _ = io.Copy(io.Discard, c) }()
		}
	}()
	n.inside(n.near, func() error {
		for i, to := range []string{far4 + ":5060", "[" + far6 + "]:5060"} {
			c, err := net.Dial("udp", to)
			if err != nil {
				return err
			}
			defer c.Close()
			for k := range 300 {
				if _, err := c.Write(sipRequest(1000*i+k, 100)); err != nil {
					return err
				}
			}
			_, _ = c.Write(sipRequest(1000*i+500, 4000)) // in fragments
		}
		for _, to := range []string{far4 + ":5070", "[" + far6 + "]:5070", far4 + ":443"} { // nobody listens
			c, err := net.Dial("udp", to)
			if err != nil {
				return err
			}
			defer c.Close()
			_, _ = c.Write(sipRequest(3000, 10))
			time.Sleep(10 * time.Millisecond)
		}
		c, err := net.Dial("tcp", far4+":5060")
		if err != nil {
			return err
		}
		for k := range 100 {
			if _, err := c.Write(sipRequest(4000+k, 2000)); err != nil {
				return err
			}
		}
		c.Close()
		return sendTagged("near")
	})
}

// sendLast sends what tcpdump is to see at the end.
func (n namespaces) sendLast() {
	n.inside(n.near, func() error {
		c, err := net.Dial("udp", far4+":5060")
		if err == nil {
			defer c.Close()
			_, err = c.Write(sipRequest(9999, 10))
		}
		return err
	})
}

// sendTagged sends frames with one and with two VLAN tags.
func sendTagged(iface string) error {
	dev, err := net.InterfaceByName(iface)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for i, tags := range [][]uint16{{0x8100}, {0x88a8, 0x8100}, {0x8100, 0x8100}} {
		sip := sipRequest(5000+i, 10)
		udp := portsBody(5060, 5060, sip...)
		binary.BigEndian.PutUint16(udp[4:], uint16(len(udp)))
		ip := packet4(17, 0, 0, udp)
		binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
		copy(ip[12:], netip.MustParseAddr(near4).AsSlice())
		copy(ip[16:], netip.MustParseAddr(far4).AsSlice())
		frame := wireFrame(tags, 0x0800, ip)
		copy(frame, "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01")
		if err := unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: dev.Index}); err != nil {
			return err
		}
	}
	return nil
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
			_, _ = c.Write(sipRequest(7000, 10))
			_, err = c.Write(sipRequest(7001, 10))
			err = nil // the port is closed
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
	if all := came + int(lost); lost == 0 || all < sent || all > sent+besides || state.Dropped[0] != (Dropped{"kernel", lost}) {
		t.Errorf("%d came, %d lost, sent %d, state %+v", came, lost, sent, state)
	}
}

// The interface goes down, comes up, is deleted, and is made anew.
func TestAFPacketInterfaceComesBack(t *testing.T) {
	n := makeNamespaces(t)
	list := n.open("far", AFPacketOptions{})
	got, stop := take(t, list, nil)
	wait := func(what string, ok func(s LiveState) bool) {
		t.Helper()
		for range 100 {
			if ok(list[0].State()) {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Fatalf("%s: %+v", what, list[0].State())
	}
	send := func(id int) {
		t.Helper()
		before := list[0].State().Packets
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
	if len(got.gaps) != 1 || got.gaps[0].From >= got.gaps[0].Until {
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

// The test binary runs itself for what cannot be undone.
const childEnv = "SIPCAUSE_TEST_CHILD"

func runChild(t *testing.T, task string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give it up")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestChild$", "-test.v")
	cmd.Env = append(os.Environ(), childEnv+"="+task)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

func TestChild(t *testing.T) {
	switch os.Getenv(childEnv) {
	case "":
		t.Skip("not a child of another test")
	case "open":
		list, err := OpenAFPacket("lo", AFPacketOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var threads sync.WaitGroup // more threads than one must lose their privileges
		hold := make(chan struct{})
		for range 4 {
			threads.Go(func() { runtime.LockOSThread(); <-hold })
		}
		fmt.Println("dropped:", DropPrivileges("nobody"))
		statuses, _ := filepath.Glob("/proc/self/task/*/status")
		for _, f := range statuses {
			b, _ := os.ReadFile(f)
			for _, line := range strings.Split(string(b), "\n") {
				if name, rest, _ := strings.Cut(line, ":"); slices.Contains([]string{"Uid", "Gid", "Groups", "CapPrm", "CapEff", "CapInh", "CapAmb", "NoNewPrivs"}, name) {
					fmt.Println(name, strings.Join(strings.Fields(rest), " "))
				}
			}
		}
		close(hold)
		threads.Wait()
		_, err = OpenAFPacket("lo", AFPacketOptions{})
		fmt.Println("again:", err)
		got, stop := take(t, list, nil)
		c, err := net.Dial("udp", "127.0.0.1:5077")
		if err == nil {
			_, err = c.Write(sipRequest(1, 1))
		}
		time.Sleep(200 * time.Millisecond)
		stop()
		fmt.Println("after:", err, strings.Contains(strings.Join(decoded(got.packets), "\n"), "Call-ID: 1@"))
	}
}

func TestPrivileges(t *testing.T) {
	out := runChild(t, "open")
	if strings.Contains(out, "built with cgo") {
		t.Skip("needs a test binary without cgo: the race detector's has it")
	}
	lines := map[string]int{}
	for _, line := range strings.Split(out, "\n") {
		lines[line]++
	}
	threads := lines["Uid 65534 65534 65534 65534"]
	if threads < 5 {
		t.Errorf("%d threads", threads)
	}
	for _, line := range []string{"Gid 65534 65534 65534 65534", "Groups ", "CapPrm 0000000000000000", "CapEff 0000000000000000", "CapInh 0000000000000000", "CapAmb 0000000000000000", "NoNewPrivs 1"} {
		if lines[line] != threads {
			t.Errorf("%q of %d threads of %d", line, lines[line], threads)
		}
	}
	for _, want := range []string{"dropped: <nil>\n", "again: capture on lo: CAP_NET_RAW is missing: run as root, or \"setcap cap_net_raw+ep /", "AmbientCapabilities=CAP_NET_RAW", "after: <nil> true\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q", want)
		}
	}
	if t.Failed() {
		t.Log(out)
	}
}

// A folder that tcpdump rotates in, with a packed file every second and a ring of files written anew, has each packet
// once: those of the ring of the interface.
func TestWatchRotationByTcpdump(t *testing.T) {
	n := makeNamespaces(t)
	for name, args := range map[string][]string{
		"seconds": {"-G", "1", "-z", "gzip", "-w", "%s.pcap"},
		"ring":    {"-C", "1", "-W", "3", "-w", "ring.pcap"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			folder := startWatch(t, dir, "")
			want, stop := take(t, n.open("far", AFPacketOptions{}), nil)
			cmd := exec.Command("ip", append([]string{"netns", "exec", n.far, "tcpdump", "-i", "far", "-n", "-s", "0", "-B", "32768", "-U", "--immediate-mode", "-Z", "root"}, append(args, "udp and dst port 5060")...)...)
			cmd.Dir = dir
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(500 * time.Millisecond)
			n.inside(n.near, func() error {
				c, err := net.Dial("udp", far4+":5060")
				if err != nil {
					return err
				}
				defer c.Close()
				for i := range 4000 {
					_, _ = c.Write(sipRequest(i, 1000)) // refused at times: nobody listens
					time.Sleep(500 * time.Microsecond)
				}
				return nil
			})
			time.Sleep(300 * time.Millisecond)
			_ = cmd.Process.Signal(os.Interrupt)
			_ = cmd.Wait()
			time.Sleep(3 * time.Second) // the last is packed, and watched for a while
			stop()
			folder.stop()
			sent := func(s string) bool { return !strings.HasPrefix(s, "{udp") }
			diff(t, "messages", slices.DeleteFunc(decoded(folder.packets), sent), slices.DeleteFunc(decoded(want.packets), sent))
			folder.noGaps()
			if len(want.packets) < 4000 {
				t.Errorf("only %d packets", len(want.packets))
			}
		})
	}
}
