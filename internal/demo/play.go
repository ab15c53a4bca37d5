package demo

import (
	"context"
	"fmt"
	"net"
	"time"

	"sipcause/internal/hep"
	"sipcause/internal/wire"
)

// encoders are the agents of the nodes, by number.
type encoders map[uint32]*hep.Encoder

// encode appends the HEP packet of what was seen at a time.
func (e encoders) encode(b []byte, p *Packet, at wire.Time) []byte {
	enc := e[p.Node.Number]
	if enc == nil {
		enc = &hep.Encoder{Node: p.Node.Number, NodeName: p.Node.Name}
		e[p.Node.Number] = enc
	}
	b, _ = enc.Append(b, &hep.Message{ // never longer than a packet can be
		Time: at, Flow: wire.Flow{Transport: wire.UDP, Src: p.From, Dst: p.To}, Type: hep.TypeSIP, Payload: p.Data,
	})
	return b
}

// Play sends the traffic as it happens, from now on, to a HEP server at a UDP address until ctx ends.
func Play(ctx context.Context, s *Script, addr string) error {
	conn, err := net.Dial("udp", addr)
	if err != nil {
		return fmt.Errorf("send demo traffic: %w", err)
	}
	defer conn.Close()
	var room []byte
	agents := encoders{}
	begin := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		p := s.Next()
		at := begin.Add(p.At)
		timer.Reset(time.Until(at))
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		room = agents.encode(room[:0], &p, wire.Time(at.UnixNano()))
		if _, err := conn.Write(room); err != nil && ctx.Err() == nil {
			return fmt.Errorf("send demo traffic: %w", err)
		}
	}
}
