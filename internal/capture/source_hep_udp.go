package capture

import (
	"context"
	"fmt"
	"net"
	"time"

	"golang.org/x/net/ipv4"

	"sipcause/internal/wire"
)

// udpBatch is how many datagrams are read at once, at most.
const udpBatch = 64

func (s *hepSource) listenUDP(addr string) error {
	a, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return err
	}
	if s.udp, err = net.ListenUDP("udp", a); err != nil {
		return err
	}
	s.buffer = growBuffer(s.udp, s.opt.Buffer)
	return nil
}

// readUDP takes datagrams, as many at once as there are.
func (s *hepSource) readUDP(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { _ = s.udp.SetReadDeadline(time.Now()) })()
	conn := ipv4.NewPacketConn(s.udp) // of IPv6 sockets, too: what is read at once knows no family
	batch := make([]ipv4.Message, udpBatch)
	for i := range batch {
		batch[i].Buffers = [][]byte{make([]byte, hepPacketBytes)}
	}
	var known senderCache
	for {
		n, err := conn.ReadBatch(batch, 0)
		if err != nil {
			if ctx.Err() != nil || ended(err) {
				return nil
			}
			s.trouble(fmt.Errorf("receive: %w", err)) // an ICMP error, or memory: it passes
			if !pause(ctx, 10*time.Millisecond) {
				return nil
			}
			continue
		}
		if s.problem.Load() != nil {
			s.trouble(nil)
		}
		now := wire.Time(time.Now().UnixNano())
		s.mu.Lock()
		for i := range batch[:n] {
			m := &batch[i]
			from := known.of(m.Addr)
			if !s.allowed(from.addr) {
				s.refuse(refusedAddress, from)
				continue
			}
			s.take(from, m.Buffers[0][:m.N], now)
		}
		s.mu.Unlock()
	}
}

// senderCache spares most lookups: datagrams of one sender come together.
type senderCache struct {
	last net.UDPAddr
	is   sender
}

func (c *senderCache) of(a net.Addr) sender {
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return senderOf(a)
	}
	if !c.last.IP.Equal(u.IP) || c.is.id == 0 {
		c.last, c.is = *u, senderOf(a)
	}
	return c.is
}

// pause waits for d; false when ctx ended before.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
