package capture

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/ipv4"

	"sipcause/internal/hep"
	"sipcause/internal/wire"
)

// senderEnv makes the test binary a sender of HEP: "network address messages rate".
const senderEnv = "SIPCAUSE_HEP_SENDER"

func TestMain(m *testing.M) {
	if what := os.Getenv(senderEnv); what != "" {
		if err := sendHEP(strings.Fields(what)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// sendHEP sends so many messages, of 600 bytes as SIP mostly are, rate a second or, for 0, as fast as they go.
func sendHEP(what []string) error {
	count, err := strconv.Atoi(what[2])
	if err != nil {
		return err
	}
	rate, err := strconv.Atoi(what[3])
	if err != nil {
		return err
	}
	c, err := net.Dial(what[0], what[1])
	if err != nil {
		return err
	}
	defer c.Close()
	e := hep.Encoder{Node: 2001}
	payload := fmt.Appendf(nil, "OPTIONS sip:bench@example.com SIP/2.0\r\nSubject: %s\r\n\r\n", strings.Repeat("x", 540))
	flow := wire.Flow{Transport: wire.UDP, Src: netip.MustParseAddrPort("192.0.2.1:5060"), Dst: netip.MustParseAddrPort("192.0.2.2:5060")}
	const together = 32
	batch, bufs := make([]ipv4.Message, together), make([][]byte, together)
	for i := range batch {
		batch[i].Buffers = make([][]byte, 1)
	}
	var stream []byte
	began := time.Now()
	for sent := 0; sent < count; sent += together {
		stream = stream[:0]
		for i := range batch {
			bufs[i], _ = e.Append(bufs[i][:0], &hep.Message{Time: wire.Time(time.Now().UnixNano()), Flow: flow, Type: hep.TypeSIP, Payload: payload})
			batch[i].Buffers[0] = bufs[i]
			stream = append(stream, bufs[i]...)
		}
		if u, ok := c.(*net.UDPConn); ok {
			for n := 0; n < together; {
				w, err := ipv4.NewPacketConn(u).WriteBatch(batch[n:], 0)
				if err != nil {
					return err
				}
				n += w
			}
		} else if _, err := c.Write(stream); err != nil {
			return err
		}
		if rate > 0 {
			time.Sleep(time.Until(began.Add(time.Duration(sent) * time.Second / time.Duration(rate))))
		}
	}
	return nil
}

// BenchmarkHEPReceive receives what another process sends over the loopback: UDP at 100 000 a second, where none must be
// lost, and as fast as it goes; TCP as fast as it goes.
func BenchmarkHEPReceive(b *testing.B) {
	for _, bm := range []struct {
		network      string
		rate, buffer int
	}{{"udp", 100_000, 0}, {"udp", 100_000, 4 << 20}, {"udp", 0, 0}, {"tcp", 0, 0}} {
		b.Run(fmt.Sprint(bm.network, "-", bm.rate, "-", bm.buffer), func(b *testing.B) {
			for range b.N {
				benchHEP(b, bm.network, bm.rate, bm.buffer)
			}
		})
	}
}

func benchHEP(b *testing.B, network string, rate, buffer int) {
	l, err := OpenHEP(network+"://127.0.0.1:0", HEPOptions{Buffer: buffer})
	if err != nil {
		b.Fatal(err)
	}
	s := l.(*hepSource)
	count := 500_000
	if network == "tcp" {
		count = 2_000_000
	}
	count = count / 32 * 32
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx, func(*wire.Packet) {}, func(wire.Gap) {}) }()
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d %d", senderEnv, network, s.Addr(), count, rate))
	cmd.Stderr = os.Stderr
	began := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatal(err)
	}
	for last := uint64(0); ; time.Sleep(2 * tellEvery) {
		if n := s.packets.Load(); n == last {
			break
		} else {
			last = n
		}
	}
	took := time.Unix(0, s.last.Load()).Sub(began)
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	st := s.State()
	b.ReportMetric(float64(st.Packets)/took.Seconds(), "msg/s")
	b.ReportMetric(float64(st.Packets), "received")
	b.ReportMetric(float64(count), "sent")
	b.ReportMetric(float64(st.Dropped[refusedKernel].Count), "kernel-drops")
	if s.udp != nil {
		b.ReportMetric(float64(s.buffer), "buffer-bytes")
	}
}
