package capture

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sipcause/internal/hep"
	"sipcause/internal/wire"
)

// received is what a running source handed on.
type received struct {
	*hepSource
	mu      sync.Mutex
	packets []wire.Packet
	gaps    []wire.Gap
	stop    func() // and waits for Run
}

// receive opens a source on a port of its own and runs it for the time of the test.
func receive(t testing.TB, spec string, opt HEPOptions) *received {
	t.Helper()
	l, err := OpenHEP(spec, opt)
	if err != nil {
		t.Fatal(err)
	}
	r := &received{hepSource: l.(*hepSource)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- l.Run(ctx, func(p *wire.Packet) {
			own := *p
			own.Data = bytes.Clone(p.Data)
			r.mu.Lock()
			r.packets = append(r.packets, own)
			r.mu.Unlock()
		}, func(g wire.Gap) {
			r.mu.Lock()
			r.gaps = append(r.gaps, g)
			r.mu.Unlock()
		})
	}()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

// wait waits until what() holds.
func wait(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func (r *received) waitPackets(t testing.TB, n int) []wire.Packet {
	t.Helper()
	wait(t, fmt.Sprintf("%d packets came; state %+v", n, r.State()), func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.packets) >= n
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.packets)
}

func (r *received) dropped(reason string) uint64 {
	for _, d := range r.State().Dropped {
		if d.Reason == reason {
			return d.Count
		}
	}
	return 0
}

func (r *received) waitDropped(t testing.TB, reason string, n uint64) {
	t.Helper()
	wait(t, fmt.Sprintf("%d dropped for %s", n, reason), func() bool { return r.dropped(reason) >= n })
}

func (r *received) dial(t testing.TB) net.Conn {
	t.Helper()
	a := r.Addr()
	c, err := net.Dial(a.Network(), a.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func send(t testing.TB, c net.Conn, b []byte) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
}

// hepMessage is packet number i of an agent with a key.
func hepMessage(key string, i int) []byte {
	e := hep.Encoder{Node: 5, Key: key}
	b, _ := e.Append(nil, &hep.Message{
		Time: 1_700_000_000e9, Type: hep.TypeSIP,
		Flow:    wire.Flow{Transport: wire.UDP, Src: netip.MustParseAddrPort("192.0.2.1:5060"), Dst: netip.MustParseAddrPort("192.0.2.2:5060")},
		Payload: fmt.Appendf(nil, "OPTIONS sip:%d@example.com SIP/2.0\r\n\r\n", i),
	})
	return b
}

func TestHEPCannotListen(t *testing.T) {
	busy := receive(t, "udp://127.0.0.1:0", HEPOptions{}).Addr().String()
	for spec, want := range map[string]string{
		"tls://127.0.0.1:0": "tls needs the files", "udp://" + busy: "address already in use: another program receives there, perhaps another server; name another address, or receive no HEP with --hep off", "tcp://no-such-host.example:1": "no-such-host.example",
	} {
		if _, err := OpenHEP(spec, HEPOptions{}); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "open hep ") {
			t.Errorf("%s: %v", spec, err)
		}
	}
}

// TestHEPDatagrams: what comes is handed on as it is, with sender, number and time of receipt.
func TestHEPDatagrams(t *testing.T) {
	for _, spec := range []string{"udp://127.0.0.1:0", "udp://[::1]:0"} {
		r := receive(t, spec, HEPOptions{Source: 3, Point: 4})
		before := wire.Time(time.Now().UnixNano())
		c := r.dial(t)
		var sent [][]byte
		for i := range 100 {
			sent = append(sent, hepMessage("", i))
			send(t, c, sent[i])
		}
		send(t, c, []byte{2, 16, 2, 17, 0, 1, 0, 1}) // version 2: whether it is whole, decode says
		send(t, c, []byte("nonsense"))
		send(t, c, []byte("HEP"))
		packets := r.waitPackets(t, 101)
		r.waitDropped(t, "not-hep", 2)
		for i, p := range packets {
			if i < 100 && !bytes.Equal(p.Data, sent[i]) || p.Link != wire.LinkHEP || p.Ref != (wire.PacketRef{Source: 3, Number: uint64(i) + 1}) ||
				p.Point != 4 || p.WireLen != len(p.Data) || p.Sender == 0 || p.Time < before || p.Time > before.Add(time.Minute) {
				t.Fatalf("packet %d: %+v", i, p)
			}
		}
		r.stop()
		if s := r.State(); s.Packets != 101 || s.Last.IsZero() || s.Problem != "" || !strings.HasPrefix(r.Name(), "hep udp://") {
			t.Errorf("%s: %+v", r.Name(), s)
		}
	}
}

// TestHEPRefusals counts by reason what is not taken.
func TestHEPRefusals(t *testing.T) {
	t.Run("address", func(t *testing.T) {
		only := HEPOptions{Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
		r := receive(t, "udp://127.0.0.1:0", only)
		send(t, r.dial(t), hepMessage("", 1))
		r.waitDropped(t, "address", 1)
		s := receive(t, "tcp://127.0.0.1:0", only)
		c := s.dial(t)
		if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Error("the connection is open")
		}
		if d := r.State().Dropped[refusedAddress]; d != (Dropped{Reason: "address", Count: 1, Last: "from 127.0.0.1"}) {
			t.Errorf("%+v", d)
		}
		if s.dropped("address") != 1 || r.State().Packets+s.State().Packets != 0 {
			t.Errorf("%+v %+v", r.State(), s.State())
		}
	})
	t.Run("allowed", func(t *testing.T) {
		r := receive(t, "udp://[::]:0", HEPOptions{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
		port := r.Addr().(*net.UDPAddr).Port
		c, err := net.Dial("udp", fmt.Sprint("127.0.0.1:", port))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		send(t, c, hepMessage("", 1)) // comes from ::ffff:127.0.0.1
		r.waitPackets(t, 1)
	})
	t.Run("key", func(t *testing.T) {
		for _, network := range []string{"udp", "tcp"} {
			r := receive(t, network+"://127.0.0.1:0", HEPOptions{Key: "right"})
			c := r.dial(t)
			for _, key := range []string{"", "wrong", "righ", "rightx", "right"} {
				send(t, c, hepMessage(key, 1))
			}
			r.waitPackets(t, 1)
			r.waitDropped(t, "key", 4)
			if network == "udp" {
				send(t, c, []byte{2, 16, 2, 17, 0, 1, 0, 1}) // version 2 has none
				r.waitDropped(t, "key", 5)
			}
			if n := r.State().Packets; n != 1 {
				t.Errorf("%d packets taken", n)
			}
		}
	})
	t.Run("rate", func(t *testing.T) {
		r := receive(t, "tcp://127.0.0.1:0", HEPOptions{Rate: 50})
		send(t, r.dial(t), slices.Concat(slices.Repeat([][]byte{hepMessage("", 1)}, 500)...))
		wait(t, "500 are dealt with", func() bool { return r.State().Packets+r.dropped("rate") == 500 })
		if n := r.State().Packets; n < 50 || n > 450 {
			t.Errorf("%d packets taken", n)
		}
		r.stop()
		var lost uint64
		for _, g := range r.gaps {
			if g.Kind != wire.GapQueue || !strings.HasSuffix(g.Where, "over the rate, 127.0.0.1 first") || g.From == 0 || g.Until < g.From {
				t.Errorf("gap %+v", g)
			}
			lost += g.Lost
		}
		if lost != r.dropped("rate") {
			t.Errorf("gaps tell %d of %d", lost, r.dropped("rate"))
		}
	})
}

// TestHEPRates: buckets fill as time goes by, and a flood of addresses does not make the table grow.
func TestHEPRates(t *testing.T) {
	l, err := OpenHEP("udp://127.0.0.1:0", HEPOptions{Rate: 10})
	if err != nil {
		t.Fatal(err)
	}
	s := l.(*hepSource)
	defer s.udp.Close()
	a, now := netip.MustParseAddr("192.0.2.1"), wire.Time(1e18)
	count := func() (n int) {
		for range 100 {
			if s.within(a, now) {
				n++
			}
		}
		return n
	}
	for i, tc := range []struct {
		later time.Duration
		want  int
	}{{0, 10}, {0, 0}, {100 * time.Millisecond, 1}, {500 * time.Millisecond, 5}, {time.Hour, 10}, {-time.Hour, 0}, {time.Second, 10}} {
		now = now.Add(tc.later)
		if n := count(); n != tc.want {
			t.Errorf("%d: %d packets, want %d", i, n, tc.want)
		}
	}
	for i := range 3 * maxHEPSenders {
		s.within(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now)
	}
	if n := s.rates.Len(); n != maxHEPSenders {
		t.Errorf("%d addresses known", n)
	}
}

// TestHEPKernelDrops: what the kernel drops while we are busy is a gap, to the datagram.
func TestHEPKernelDrops(t *testing.T) {
	l, err := OpenHEP("udp://127.0.0.1:0", HEPOptions{Buffer: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	s := l.(*hepSource)
	if _, ok := kernelDrops(s.udp); !ok {
		t.Skip("the kernel does not say what it drops (SO_MEMINFO)")
	}
	ctx, cancel := context.WithCancel(context.Background())
	var gaps []wire.Gap
	busy, done := make(chan struct{}), make(chan error, 1)
	first := sync.OnceFunc(func() { <-busy })
	go func() {
		done <- l.Run(ctx, func(*wire.Packet) { first() }, func(g wire.Gap) { gaps = append(gaps, g) })
	}()
	c, err := net.Dial("udp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const sent = 5000
	for i := range sent {
		send(t, c, hepMessage("", i))
	}
	close(busy)
	wait(t, "all are dealt with", func() bool {
		st := s.State()
		return st.Packets+st.Dropped[refusedKernel].Count == sent
	})
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	var lost uint64
	for _, g := range gaps {
		if g.Kind != wire.GapDrops || g.Until <= g.From {
			t.Errorf("gap %+v", g)
		}
		lost += g.Lost
	}
	if st := s.State(); lost != st.Dropped[refusedKernel].Count || lost == 0 {
		t.Errorf("gaps tell %d lost, state %+v", lost, st)
	}
}
