package capture

import (
	"context"
	"errors"
	"io"
	"strings"

	"sipcause/internal/wire"
)

// Lane names what has one clock and one place: a file, or an interface of a pcapng file that has several.
type Lane struct {
	Name   string // of the file, and of the interface where there are several
	Source uint32 // wire.PacketRef.Source
	Stem   string // Name without digits: the files of one series share it

	Text bool // a trace that somebody wrote, maybe not all of it

	in    *input
	iface int // -1: all of the file
}

// Correction puts a lane where it was captured and its times on one clock with the others'. A nil Right leaves them.
type Correction struct {
	Point uint16
	Right func(at wire.Time) wire.Time
}

// maxLanes bounds how many lanes are told apart; a source with more is read as it is.
const maxLanes = 4096

// Lanes returns what may have been captured at different places: nil unless there are two lanes at least that can be
// read twice.
func (s *Source) Lanes() (list []Lane) {
	for _, in := range s.inputs {
		if in.held {
			continue
		}
		n, written := in.glance()
		for i := range n {
			l := Lane{Name: in.name, Source: in.source, Text: written, in: in, iface: -1}
			if n > 1 {
				l.iface = i
				l.Name = ngInterfaceName(in.name, uint32(i))
			}
			l.Stem = stem(l.Name)
			list = append(list, l)
		}
	}
	if len(list) < 2 || len(list) > maxLanes {
		return nil
	}
	return list
}

func stem(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, name)
}

// glance returns how many interfaces a pcapng file names before its first packet, 1 for anything else, and whether it
// is a text.
func (in *input) glance() (interfaces int, written bool) {
	defer in.close()
	if in.begin(&Source{}, sniffBytes, silent) != nil {
		return 1, false
	}
	switch r := in.records.(type) {
	case *pcapng:
		return max(len(r.ifs), 1), false
	case *text:
		return 1, true
	}
	return 1, false
}

// Head hands on the packets and messages of a lane's first budget bytes, as Run does, for a look; frame numbers are
// those of Run. What is damaged is not told.
func (s *Source) Head(ctx context.Context, l Lane, budget int64, packet func(p *wire.Packet) error, payload func(p *wire.Payload) error) error {
	in := &input{name: l.in.name, path: l.in.path, size: l.in.size, source: l.in.source, only: l.iface + 1}
	defer in.close()
	own := &Source{} // what is read here is no progress
	to := sink{packet: packet, payload: payload, gap: silent.gap, secret: silent.secret}
	if err := in.open(own, blockSize(1), to); err != nil {
		return err
	}
	var p wire.Packet
	for n, bytes := 0, int64(0); bytes < budget; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := in.next(&p); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		bytes += int64(len(p.Data)) + pcapRecord
		if err := in.hand(to, &p); err != nil {
			return err
		}
	}
	return nil
}

// Correct says of each lane, as Lanes gave them, where it was captured and what its clock is worth. It is called
// before Run. A file whose interfaces have different clocks is read once for each of them.
func (s *Source) Correct(lanes []Lane, fix []Correction) {
	for i := range lanes {
		in, c := lanes[i].in, fix[i]
		if lanes[i].iface <= 0 {
			in.fix = []Correction{c}
			continue
		}
		in.fix = append(in.fix, c)
	}
	var inputs []*input
	for _, in := range s.inputs {
		inputs = append(inputs, in)
		if len(in.fix) < 2 || !in.unequal() {
			continue
		}
		fix := in.fix
		in.only = 1
		for k := 1; k < len(fix); k++ {
			inputs = append(inputs, &input{name: in.name, path: in.path, size: in.size, source: in.source, fix: fix, only: k + 1})
		}
	}
	s.inputs = inputs
}

// unequal says whether an interface of in needs its times corrected.
func (in *input) unequal() bool {
	for i := range in.fix {
		if in.fix[i].Right != nil {
			return true
		}
	}
	return false
}

// next reads in's next packet, of its own interface where it is one of several, and corrects it.
func (in *input) next(p *wire.Packet) error {
	for {
		if err := in.records.next(p); err != nil {
			return err
		}
		if in.only == 0 && in.fix == nil {
			return nil
		}
		iface := 0
		if r, ok := in.records.(*pcapng); ok {
			iface = int(r.iface)
		}
		if n := len(in.fix); n > 0 {
			iface = min(iface, n-1) // one that is named later goes with the last
		}
		if in.only > 0 && iface != in.only-1 {
			continue
		}
		c := in.correction(iface)
		p.Point, p.Time = c.Point, c.right(p.Time)
		if t, ok := in.records.(*text); ok {
			t.payload.Point, t.payload.Time = p.Point, p.Time
		}
		return nil
	}
}

// correction returns what applies to an interface of in.
func (in *input) correction(iface int) Correction {
	if len(in.fix) == 0 {
		return Correction{}
	}
	return in.fix[iface]
}

func (c *Correction) right(at wire.Time) wire.Time {
	if c.Right == nil || at == 0 {
		return at
	}
	return c.Right(at)
}

// corrected returns the sink of in: gaps on the corrected clock, and once where a file is read for each interface.
func (in *input) corrected(to sink) sink {
	if in.fix == nil {
		return to
	}
	own := to
	own.gap = func(g wire.Gap) {
		c := in.correction(max(in.only-1, 0))
		g.Point, g.From, g.Until = c.Point, c.right(g.From), c.right(g.Until)
		to.gap(g)
	}
	if in.only > 1 {
		own.gap, own.secret = silent.gap, silent.secret
	}
	return own
}
