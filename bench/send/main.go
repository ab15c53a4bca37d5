// Command send plays a capture as HEP version 3 to a server, at a rate or as fast as it goes, and says what it sent. The
// messages have the time at which they are sent.
package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	"sipcause/internal/capture"
	"sipcause/internal/decode"
	"sipcause/internal/hep"
	"sipcause/internal/wire"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "send:", err)
		os.Exit(1)
	}
}

func run() error {
	to := flag.String("to", "udp://127.0.0.1:9060", "where to")
	rate := flag.Int("rate", 0, "messages a second; 0: as fast as it goes")
	limit := flag.Int("messages", 0, "no more messages than these; 0: all")
	flag.Parse()
	src, err := capture.Open(flag.Args(), os.Stdin)
	if err != nil {
		return err
	}
	u, err := url.Parse(*to)
	if err != nil {
		return err
	}
	c, err := net.Dial(u.Scheme, u.Host)
	if err != nil {
		return err
	}
	s := &sender{rate: *rate, limit: *limit, began: time.Now(), conn: c}
	if u.Scheme != "udp" {
		s.stream = bufio.NewWriterSize(c, 1<<20)
	}
	dec := decode.New(s, decode.Options{})
	if err := src.Run(context.Background(), func(p *wire.Packet) error {
		dec.Packet(p)
		return s.err
	}, func(*wire.Payload) error { return nil }, func(wire.Gap) {}); err != nil && !errors.Is(err, errEnough) {
		return err
	}
	if s.stream != nil {
		if err := s.stream.Flush(); err != nil {
			return err
		}
	}
	took := time.Since(s.began)
	fmt.Printf("sent %d messages, %d bytes in %.3f s: %.0f/s; %d failed\n", s.n, s.bytes, took.Seconds(), float64(s.n)/took.Seconds(), s.failed)
	return c.Close()
}

// errEnough ends the reading of the capture.
var errEnough = errors.New("as many messages as were wanted")

// sender is a sink of the decoder.
type sender struct {
	rate   int
	limit  int
	began  time.Time
	conn   net.Conn
	stream *bufio.Writer // nil: datagrams
	enc    hep.Encoder
	buf    []byte
	n      int
	bytes  int
	failed int // messages that could not be sent
	err    error
}

func (s *sender) Payload(p *wire.Payload) {
	if s.limit > 0 && s.n+s.failed >= s.limit {
		s.err = cmp.Or(s.err, errEnough)
	}
	if s.err != nil {
		return
	}
	now := time.Now()
	if s.rate > 0 {
		if due := s.began.Add(time.Duration(s.n+s.failed) * time.Second / time.Duration(s.rate)); due.Sub(now) > time.Millisecond {
			if s.stream != nil {
				s.err = s.stream.Flush()
			}
			time.Sleep(due.Sub(now))
			now = time.Now()
		}
	}
	var ok bool
	if s.buf, ok = s.enc.Append(s.buf[:0], &hep.Message{Type: hep.TypeSIP, Time: wire.Time(now.UnixNano()), Flow: p.Flow, Payload: p.Data}); !ok {
		s.failed++
		return
	}
	if s.stream != nil {
		if _, err := s.stream.Write(s.buf); err != nil {
			s.err = err
			return
		}
	} else if _, err := s.conn.Write(s.buf); err != nil {
		s.failed++ // nobody listens any more: the error is of the datagram before
		return
	}
	s.n++
	s.bytes += len(s.buf)
}

func (s *sender) Event(*wire.Event) {}
func (s *sender) Gap(wire.Gap)      {}
func (s *sender) Media(*wire.Media) {}
