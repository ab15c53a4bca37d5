package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// stream is RTP that one end sends while the scene is played: 20 ms of silence a packet.
type stream struct {
	from, to string
	call     int           // whose: index of the caller
	after    time.Duration // of that caller's start
	lasts    time.Duration
	payload  uint8 // type; PCMU is 0
	drop     int   // every drop-th packet is lost on the way; 0: none
}

const ptime = 20 * time.Millisecond

// host is the address without its port.
func host(at string) string { return netip.MustParseAddrPort(at).Addr().String() }

// send sends the stream from a socket that has its source.
func (m stream) send(from *net.UDPConn) error {
	time.Sleep(m.after)
	packet := make([]byte, 12+160)
	packet[0], packet[1] = 2<<6, m.payload
	binary.BigEndian.PutUint32(packet[8:], uint32(netip.MustParseAddrPort(m.from).Port())) // SSRC
	for i := range packet[12:] {
		packet[12+i] = 0xff // silence in PCMU
	}
	tick := time.NewTicker(ptime)
	defer tick.Stop()
	to := netip.MustParseAddrPort(m.to)
	for i := range int(m.lasts / ptime) {
		binary.BigEndian.PutUint16(packet[2:], uint16(i))
		binary.BigEndian.PutUint32(packet[4:], uint32(160*i))
		if m.drop == 0 || i%m.drop != m.drop-1 {
			if _, err := from.WriteToUDPAddrPort(packet, to); err != nil {
				return fmt.Errorf("send RTP to %s: %w", m.to, err)
			}
		}
		<-tick.C
	}
	return nil
}

// streams are being sent while the scene goes on. Who is sent to listens from the beginning to the end.
type streams struct {
	sending sync.WaitGroup
	sockets map[string]*net.UDPConn
	errs    [8]error
}

func (g *streams) open(list []stream) error {
	g.sockets = map[string]*net.UDPConn{}
	for _, m := range list {
		for _, at := range []string{m.from, m.to} {
			if g.sockets[at] != nil {
				continue
			}
			conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(at)))
			if err != nil {
				return fmt.Errorf("open a socket for RTP: %w", err)
			}
			g.sockets[at] = conn
		}
	}
	return nil
}

// play starts the streams of a call.
func (g *streams) play(list []stream, call int) {
	for i, m := range list {
		if m.call == call {
			g.sending.Go(func() { g.errs[i] = m.send(g.sockets[m.from]) })
		}
	}
}

func (g *streams) wait() error {
	g.sending.Wait()
	for _, conn := range g.sockets {
		conn.Close()
	}
	return errors.Join(g.errs[:]...)
}
