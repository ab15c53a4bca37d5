package cli

import (
	"context"
	"errors"
	"sync"
	"time"

	"sipcause/internal/agent"
	"sipcause/internal/capture"
	"sipcause/internal/decode"
	"sipcause/internal/hep"
	"sipcause/internal/keylog"
	"sipcause/internal/wire"
)

// sending reads captures or interfaces and sends what of them is SIP. It is the sink of their decoders.
type sending struct {
	to    *agent.Sender
	lives []capture.Live
	keys  *keylog.Log
	pace  bool
	live  bool

	ctx   context.Context
	mu    sync.Mutex // interfaces are read at the same time
	err   error      // of sending; then nothing more is
	first wire.Time  // of the first message
	began time.Time  // when it was sent
}

// captures sends what is in the source.
func (s *sending) captures(ctx context.Context, src *capture.Source) error {
	s.ctx = ctx
	if s.keys == nil {
		s.keys = new(keylog.Log)
	}
	d := decode.New(s, decode.Options{Keys: s.keys})
	var last wire.Time
	known := 0 // of the secrets in the captures
	err := src.Run(ctx, func(p *wire.Packet) error {
		for blocks := src.Secrets(); known < len(blocks); known++ {
			_ = s.keys.Add(blocks[known]) // what of it is no key log is no fault of the user's
		}
		last = max(last, p.Time)
		d.Packet(p)
		return s.err
	}, func(p *wire.Payload) error {
		s.Payload(p)
		return s.err
	}, func(wire.Gap) {})
	if err == nil {
		d.Flush(last)
		err = s.err
	}
	return err
}

// capture sends what comes on the interfaces until ctx ends.
func (s *sending) capture(ctx context.Context) error {
	s.ctx = context.WithoutCancel(ctx) // live messages do not wait
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	errs := make([]error, len(s.lives))
	var done sync.WaitGroup
	for i, l := range s.lives {
		done.Go(func() {
			d := decode.New(s, decode.Options{Keys: s.keys})
			if errs[i] = l.Run(ctx, d.Packet, func(wire.Gap) {}); errs[i] != nil {
				stop()
			}
		})
	}
	done.Wait()
	return errors.Join(append(errs, s.err)...)
}

// Payload sends one message. What of an interface came inside of HEP has a server already, and may be our own.
func (s *sending) Payload(p *wire.Payload) {
	if s.live && p.ViaHEP {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	if s.pace {
		s.await(p.Time)
	}
	m := hep.Message{Time: p.Time, Flow: p.Flow, Type: hep.TypeSIP, Payload: p.Data}
	if !m.Time.Absolute() {
		m.Time = 0 // a time that a trace does not say: the server takes its own
	}
	s.err = s.to.Send(s.ctx, &m)
}

// await waits until as much time went by since the first message as at its capture.
func (s *sending) await(at wire.Time) {
	if s.first == 0 {
		s.first, s.began = at, time.Now()
	}
	left := time.Until(s.began.Add(at.Sub(s.first)))
	if left <= 0 {
		return
	}
	select {
	case <-s.ctx.Done():
		s.err = s.ctx.Err()
	case <-time.After(left):
	}
}

// Event, Gap and Media are not sent: HEP has no words for them, and a server makes its own of messages.
func (s *sending) Event(*wire.Event) {}

// Gap takes no part in it.
func (s *sending) Gap(wire.Gap) {}

// Media takes no part in it.
func (s *sending) Media(*wire.Media) {}

// openInterfaces begins to capture on each.
func openInterfaces(names []string) (all []capture.Live, err error) {
	for i, name := range names {
		lives, err := capture.OpenAFPacket(name, capture.AFPacketOptions{Source: uint32(i)})
		if err != nil {
			return nil, err
		}
		all = append(all, lives...)
	}
	return all, nil
}
