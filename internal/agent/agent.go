// Package agent sends messages to a HEP server, and keeps them in memory or on disk while it is away. Its one rule: what
// is not sent is counted, and nothing is sent twice that can be known to have arrived.
package agent

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"sipcause/internal/hep"
)

// Options say where to and how.
type Options struct {
	To        string      // udp://host:port, tcp://host:port or tls://host:port; port 9060, of tls 9061
	TLS       *tls.Config // of tls; nil: the system's authorities
	Encoder   hep.Encoder
	Buffer    string        // directory for what cannot be sent now, not with udp; "": only memory
	BufferMax int64         // bytes of it: 256 MiB
	Live      bool          // messages do not wait: where there is no room for one it is dropped
	Wait      time.Duration // how long the server may be away before Send, unless Live, and Close give up: 30 s
}

// Stats counts messages.
type Stats struct {
	Sent    uint64 // by tcp and tls: and acknowledged, as far as that can be known
	TooLong uint64 // for a packet
	Dropped uint64 // there was no room
	Refused uint64 // by udp: nobody listened
	Left    uint64 // not sent when the sender was closed: in the buffer, or lost if there is none
}

// ErrAway says that the server was away for too long.
var ErrAway = errors.New("the server is away")

// Sender sends messages to one server. It is for one goroutine.
type Sender struct {
	opt     Options
	scheme  string
	addr    string
	udp     *net.UDPConn
	packet  []byte
	paced   pacer
	writing sync.WaitGroup
	stop    context.CancelFunc

	mu     sync.Mutex
	queue  queue
	stats  Stats
	up     bool
	since  time.Time // up or away
	err    error     // why it is away, or what is wrong with the buffer
	more   chan struct{}
	room   chan struct{}
	closed bool
}

// New returns a sender; Close must be called. By udp an error is an address that cannot be; by tcp and tls the server
// may be away.
func New(opt Options) (*Sender, error) {
	if opt.BufferMax <= 0 {
		opt.BufferMax = 256 << 20
	}
	if opt.Wait <= 0 {
		opt.Wait = 30 * time.Second
	}
	s := &Sender{opt: opt, since: time.Now(), more: make(chan struct{}, 1), room: make(chan struct{}, 1)}
	var err error
	if s.scheme, s.addr, err = hep.Address(opt.To); err != nil {
		return nil, err
	}
	if s.scheme == "udp" {
		return s, s.openUDP()
	}
	if opt.Buffer != "" {
		if s.queue.disk, err = openSpool(opt.Buffer, opt.BufferMax); err != nil {
			return nil, err
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.writing.Go(func() { s.write(ctx) })
	return s, nil
}

// Send sends one message, or has it wait for the server. An error is that of ctx, or ErrAway, and then the message is
// not sent; what is wrong with one message is only counted.
func (s *Sender) Send(ctx context.Context, m *hep.Message) error {
	var ok bool
	if s.packet, ok = s.opt.Encoder.Append(s.packet[:0], m); !ok {
		s.mu.Lock()
		s.stats.TooLong++
		s.mu.Unlock()
		return nil
	}
	if s.udp != nil {
		return s.sendUDP(ctx)
	}
	for {
		err := s.push()
		if err == nil {
			return nil
		}
		if s.opt.Live {
			s.mu.Lock()
			s.stats.Dropped++
			s.mu.Unlock()
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.room:
		case <-time.After(100 * time.Millisecond):
			if err := s.givenUp(); err != nil {
				return err
			}
		}
	}
}

// push puts the packet into the queue.
func (s *Sender) push() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.queue.push(s.packet, !s.up)
	if err == nil {
		signal(s.more)
	} else if !errors.Is(err, errFull) {
		s.err = fmt.Errorf("write buffer: %w", err)
	}
	return err
}

// givenUp returns ErrAway, and why, once the server is away for too long.
func (s *Sender) givenUp() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.up || time.Since(s.since) < s.opt.Wait {
		return nil
	}
	if s.err != nil {
		return fmt.Errorf("%w: %w", ErrAway, s.err)
	}
	return ErrAway
}

// Close waits until all is sent; what is not when the server is away for too long, or ctx ends, stays in the buffer for
// the next sender, and that is no error if there is one. It returns what became of all messages.
func (s *Sender) Close(ctx context.Context) (Stats, error) {
	if s.udp != nil {
		return s.closeUDP()
	}
	s.mu.Lock()
	s.closed = true
	signal(s.more)
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.writing.Wait()
		close(done)
	}()
	var err error
	for waiting := true; waiting; {
		select {
		case <-done:
			waiting = false
		case <-ctx.Done():
			err, waiting = ctx.Err(), false
		case <-time.After(100 * time.Millisecond):
			if err = s.givenUp(); err != nil {
				waiting = false
			}
		}
	}
	s.stop()
	<-done
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Left = uint64(s.queue.packets())
	if s.queue.disk != nil {
		err = errors.Join(s.queue.spill(), s.queue.disk.close())
	}
	return s.stats, err
}

// Stats returns the counts so far.
func (s *Sender) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// signal wakes who waits on c, now or next.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
