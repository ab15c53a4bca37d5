package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// udpRate is how many datagrams a second are sent at most: nothing holds back a sender that is faster than its server.
const udpRate = 20_000

// pacer spreads datagrams over time.
type pacer struct{ next time.Time }

// wait sleeps when more were sent than udpRate allows; a few milliseconds' worth may go at once.
func (p *pacer) wait() {
	const burst = 5 * time.Millisecond
	now := time.Now()
	if p.next.Before(now.Add(-burst)) {
		p.next = now.Add(-burst)
	}
	p.next = p.next.Add(time.Second / udpRate)
	if ahead := p.next.Sub(now); ahead > 0 {
		time.Sleep(ahead + burst)
	}
}

func (s *Sender) openUDP() error {
	if s.opt.Buffer != "" {
		return errors.New("keep a buffer: by udp nothing tells that the server is away; use tcp or tls")
	}
	a, err := net.ResolveUDPAddr("udp", s.addr)
	if err == nil {
		s.udp, err = net.DialUDP("udp", nil, a)
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", s.opt.To, err)
	}
	return nil
}

// sendUDP sends the packet. An ICMP error that an earlier one provoked is told here: then that one is lost, and this one
// is sent all the same.
func (s *Sender) sendUDP(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.paced.wait()
	_, err := s.udp.Write(s.packet)
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.Is(err, syscall.ECONNREFUSED) {
		s.stats.Refused++
		s.stats.Sent--
		_, err = s.udp.Write(s.packet)
	}
	switch {
	case err == nil:
		s.stats.Sent++
	case errors.Is(err, syscall.EMSGSIZE):
		s.stats.TooLong++
	case errors.Is(err, syscall.ENOBUFS), errors.Is(err, syscall.ECONNREFUSED):
		s.stats.Dropped++
	default:
		return fmt.Errorf("send to %s: %w", s.opt.To, err)
	}
	return nil
}

// refusalWait is how long an ICMP error may take that the last datagram provokes.
const refusalWait = 100 * time.Millisecond

func (s *Sender) closeUDP() (Stats, error) {
	_ = s.udp.SetReadDeadline(time.Now().Add(refusalWait))
	if _, err := s.udp.Read(make([]byte, 1)); errors.Is(err, syscall.ECONNREFUSED) {
		s.stats.Refused++
		s.stats.Sent--
	}
	return s.stats, s.udp.Close()
}
