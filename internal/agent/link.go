package agent

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"time"
)

const (
	dialWait  = 10 * time.Second // for a connection and its TLS handshake
	writeWait = 30 * time.Second // a server that takes nothing for so long is away
	firstRest = 200 * time.Millisecond
	longRest  = 30 * time.Second
	ackEvery  = 20 * time.Millisecond // how often it is asked what has arrived
	ackWait   = 10 * time.Second      // for a sign that more of what is on its way has arrived, when all is written
	aliveWait = time.Minute           // of silence before we say that we are there
)

// write connects, writes, and connects again, until all is sent and the sender closed, or ctx ends.
func (s *Sender) write(ctx context.Context) {
	rest := firstRest
	for {
		c, err := s.dial(ctx)
		if err == nil {
			before := s.Stats().Sent
			if err = s.converse(ctx, c); s.Stats().Sent > before {
				rest = firstRest
			}
		}
		if err == nil || ctx.Err() != nil {
			return
		}
		s.away(err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(rest/2 + rand.N(rest)): // not all agents at once
		}
		rest = min(2*rest, longRest)
	}
}

// away says that the server is, and why. What waits goes to disk, if there is one.
func (s *Sender) away(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.up {
		s.up, s.since = false, time.Now()
	}
	s.err = err
	s.queue.rewind()
	if s.queue.disk != nil {
		if err := s.queue.spill(); err != nil {
			s.err = fmt.Errorf("write buffer: %w", err)
		}
	}
}

// link is one connection.
type link struct {
	tcp     *net.TCPConn
	conn    net.Conn // tcp, or TLS over it
	written *counter
	broken  chan struct{} // closed when the other side ended it
	flights []flight      // written, not known to have arrived
}

// flight is a batch on its way: where it lies in the bytes of the connection, what it is, and how much of the queue, of
// which it is the end.
type flight struct {
	start, end int64
	batch      []byte
	n          int // 0: it is not of the queue
}

// counter counts what is written to the connection below TLS.
type counter struct {
	net.Conn
	bytes int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.bytes += int64(n)
	return n, err
}

func (s *Sender) dial(ctx context.Context) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, dialWait)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", s.addr)
	if err != nil {
		return nil, err
	}
	l := &link{tcp: c.(*net.TCPConn), written: &counter{Conn: c}, broken: make(chan struct{})}
	l.conn = l.written
	if s.scheme == "tls" {
		conf := &tls.Config{}
		if s.opt.TLS != nil {
			conf = s.opt.TLS.Clone()
		}
		if conf.ServerName == "" {
			conf.ServerName, _, _ = net.SplitHostPort(s.addr)
		}
		conf.DynamicRecordSizingDisabled = true // a batch is a record, which arrives whole or not at all
		t := tls.Client(l.written, conf)
		if err := t.HandshakeContext(ctx); err != nil {
			c.Close()
			return nil, err
		}
		l.conn = t
	}
	go func() { // servers say nothing: this ends when they go
		b := make([]byte, 512)
		for {
			if _, err := l.conn.Read(b); err != nil {
				close(l.broken)
				return
			}
		}
	}()
	return l, nil
}

// converse writes what there is until the connection breaks, which is an error, or all is sent and the sender closed.
func (s *Sender) converse(ctx context.Context, l *link) error {
	defer l.tcp.Close()
	defer s.settle(l)
	defer context.AfterFunc(ctx, func() { _ = l.tcp.SetDeadline(time.Now()) })() // ends a write under way
	s.mu.Lock()
	s.up, s.since, s.err = true, time.Now(), nil
	s.mu.Unlock()
	quiet := time.Now()
	for {
		b, n, closed, err := s.next()
		if err != nil {
			return fmt.Errorf("read buffer: %w", err)
		}
		if n > 0 {
			quiet = time.Now()
			if err := l.send(b, n); err != nil {
				return err
			}
			s.arrived(l)
			continue
		}
		if s.arrived(l) {
			quiet = time.Now()
		}
		if closed && (len(l.flights) == 0 || time.Since(quiet) > ackWait) {
			return s.finish(l)
		}
		wait := aliveWait - time.Since(quiet)
		if len(l.flights) > 0 {
			wait = ackEvery
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.broken:
			return fmt.Errorf("%s closed the connection", s.addr)
		case <-s.more:
		case <-time.After(wait):
			if time.Since(quiet) < aliveWait {
				continue
			}
			quiet = time.Now()
			if err := l.send(s.opt.Encoder.AppendKeepAlive(nil, uint16(aliveWait/time.Second)), 0); err != nil {
				return err
			}
		}
	}
}

// next returns what to send, as queue.next.
func (s *Sender) next() (b []byte, n int, closed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, n, err = s.queue.next()
	return append([]byte(nil), b...), n, s.closed, err
}

func (l *link) send(b []byte, n int) error {
	if err := l.tcp.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
		return err
	}
	f := flight{start: l.written.bytes, batch: b, n: n}
	_, err := l.conn.Write(b)
	if f.end = l.written.bytes; err != nil {
		f.end = never
	}
	l.flights = append(l.flights, f)
	return err
}

// never is where a flight ends that was not written to its end.
const never = 1 << 62

// acked returns how many bytes of the connection have arrived; all that are written, where that is not known.
func (l *link) acked() int64 {
	left, _ := unsent(l.tcp)
	return l.written.bytes - left
}

// arrived confirms what has; false when nothing more has.
func (s *Sender) arrived(l *link) bool {
	acked := l.acked()
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(l.flights)
	for len(l.flights) > 0 && l.flights[0].end <= acked {
		if f := l.flights[0]; f.n > 0 {
			s.confirm(f.n, count(f.batch))
		}
		l.flights = l.flights[1:]
	}
	return len(l.flights) < before
}

// settle confirms what has arrived by a connection that ends: of a batch that did in part, the packets that did. Of
// TLS, part of a batch is nothing.
func (s *Sender) settle(l *link) {
	s.arrived(l)
	if len(l.flights) == 0 || l.flights[0].n == 0 || l.conn != net.Conn(l.written) {
		return
	}
	f := l.flights[0]
	part := f.batch[:min(max(0, l.acked()-f.start), int64(len(f.batch)))]
	_, whole := wholePackets(part)
	s.mu.Lock()
	defer s.mu.Unlock()
	if whole > 0 {
		s.confirm(f.n-len(f.batch)+whole, count(part[:whole]))
	}
}

// confirm says that n bytes of the queue, so many packets, are done with. s.mu is held.
func (s *Sender) confirm(n, packets int) {
	s.stats.Sent += uint64(packets)
	if err := s.queue.confirm(n); err != nil {
		s.err = fmt.Errorf("write buffer: %w", err)
	}
	signal(s.room)
}

// finish ends the connection when all is sent.
func (s *Sender) finish(l *link) error {
	if t, ok := l.conn.(*tls.Conn); ok {
		_ = t.CloseWrite() // the server need not be told, or is gone
	}
	return l.tcp.CloseWrite()
}
