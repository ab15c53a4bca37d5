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
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sipcause/internal/wire"
)

// namespaces is two network namespaces with a cable between: interface "near" in the one, "far" in the other.
type namespaces struct {
	t         testing.TB
	near, far string
}

const (
	near4, far4 = "192.0.2.1", "192.0.2.2"
	near6, far6 = "2001:db8::1", "2001:db8::2"
)

func makeNamespaces(t testing.TB) namespaces {
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

// there is a source that runs in a namespace.
type there struct {
	Live
	n  namespaces
	ns string
}

func (l there) Run(ctx context.Context, packet func(p *wire.Packet), gap func(g wire.Gap)) (err error) {
	l.n.inside(l.ns, func() error {
		err = l.Live.Run(ctx, packet, gap)
		return nil
	})
	return err
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
