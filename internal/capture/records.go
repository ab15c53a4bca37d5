package capture

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"sipcause/internal/wire"
)

// records yields the packets of one stream. next fills *p and returns io.EOF after the last; p.Data is valid
// until the next call.
type records interface {
	next(p *wire.Packet) error
}

// sink takes what a stream has.
type sink struct {
	packet  func(p *wire.Packet) error
	payload func(p *wire.Payload) error
	gap     func(g wire.Gap)
	secret  func(b []byte) bool // keeps b; false when there is no room
}

// errDamaged wraps what a decompressor says of its input: the capture ends there, but what came before is good.
type errDamaged struct{ error }

func (e errDamaged) Unwrap() error { return e.error }

// stream is what the formats have in common: where packets come from, their numbers, and what was lost.
type stream struct {
	block
	to     sink
	name   string
	source uint32
	live   bool // more may come at any time: a record is not held back until the next is there
	packed bool // offsets are of what was uncompressed
	number uint64
	first  wire.Time // of the first packet
	last   wire.Time // of the last packet that has one

	gaps uint64                     // reported so far
	more map[wire.GapKind]*wire.Gap // what came beyond maxGaps, as one

	snapped             uint64 // packets cut by the snap length
	snappedBytes        uint64
	firstSnap, lastSnap wire.Time
	firstSnapRef        wire.PacketRef
}

// ref returns the reference of the packet read last.
func (s *stream) ref() wire.PacketRef { return wire.PacketRef{Source: s.source, Number: s.number} }

// deliver fills p with the next packet. A captured length above the length sent is the writer's mistake:
// what is captured was sent.
func (s *stream) deliver(p *wire.Packet, link wire.LinkType, at wire.Time, data []byte, sent int) {
	if s.number++; s.first == 0 {
		s.first = at
	}
	s.last = at
	p.Ref, p.Time, p.Point, p.Link, p.WireLen, p.Data = s.ref(), at, 0, link, max(sent, len(data)), data
	if sent > len(data) {
		s.countSnapped(p)
	}
}

func (s *stream) countSnapped(p *wire.Packet) {
	if s.snapped == 0 {
		s.firstSnap, s.firstSnapRef = p.Time, p.Ref
	}
	s.snapped++
	s.snappedBytes += uint64(p.WireLen - len(p.Data))
	s.lastSnap = p.Time
}

// bad reports that bytes from offset on make no record; lost is how many were passed over.
func (s *stream) bad(offset, lost int64) {
	s.report(wire.Gap{Kind: wire.GapBadRecord, From: s.last, Until: s.last, Bytes: uint64(lost)}, offset)
}

// maxGaps bounds the bad records and drops that are reported one by one of each stream.
const maxGaps = 1000

// report hands on a gap at an offset, -1 for none; beyond the cap it is counted in one that finish hands on.
func (s *stream) report(g wire.Gap, offset int64) {
	g.Ref = s.ref()
	if s.gaps < maxGaps {
		s.gaps++
		if g.Where == "" {
			g.Where = s.name
		}
		if offset >= 0 {
			g.Where = s.where(offset)
		}
		s.to.gap(g)
		return
	}
	all := s.more[g.Kind]
	if all == nil {
		if s.more == nil {
			s.more = map[wire.GapKind]*wire.Gap{}
		}
		g.Where = s.name + ", many places"
		s.more[g.Kind] = &g
		return
	}
	all.Until = max(all.Until, g.Until)
	all.Lost += g.Lost
	all.Bytes += g.Bytes
}

// find passes over bytes, at least one, until a record begins: one whose first head bytes are there, and of which
// begins is true. It reports what was passed over; false when the stream ends first.
func (s *stream) find(head int, begins func(b []byte) bool) bool {
	at := s.offset()
	for first := 1; ; first = 0 {
		b := s.peek(2 * chainSpan)
		stop := len(b)
		if !s.ended() {
			stop -= chainSpan
		}
		for i := first; i < stop; i++ {
			if len(b)-i >= head && begins(b[i:]) {
				s.take(i)
				s.bad(at, s.offset()-at)
				return true
			}
		}
		s.take(stop)
		if s.ended() {
			s.bad(at, s.offset()-at)
			return false
		}
	}
}

func (s *stream) where(offset int64) string {
	if s.packed {
		return fmt.Sprintf("%s offset %d uncompressed", s.name, offset)
	}
	return fmt.Sprintf("%s offset %d", s.name, offset)
}

// finish ends the stream, in whose last record, if it is cut short, from is the offset. It returns io.EOF, or
// why the file could not be read.
func (s *stream) finish(from int64) error {
	partial := s.base + int64(s.end) - from
	var damaged errDamaged
	switch err := s.err; {
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) && partial > 0:
		s.to.gap(wire.Gap{
			Kind: wire.GapTruncated, Ref: s.ref(), From: s.last, Until: s.last,
			Where: s.where(from), Bytes: uint64(partial),
		})
	case errors.Is(err, io.EOF):
	case errors.As(err, &damaged):
		s.to.gap(wire.Gap{
			Kind: wire.GapBadRecord, Ref: s.ref(), From: s.last, Until: s.last,
			Where: s.where(from) + ": " + damaged.Error(),
		})
	default:
		return fmt.Errorf("read %s: %w", s.name, err)
	}
	s.pos = s.end
	for _, kind := range slices.Sorted(maps.Keys(s.more)) {
		s.to.gap(*s.more[kind])
	}
	s.more = nil
	if s.snapped > 0 {
		s.to.gap(wire.Gap{
			Kind: wire.GapSnapLength, Ref: s.firstSnapRef, From: s.firstSnap, Until: s.lastSnap,
			Where: s.name, Lost: s.snapped, Bytes: s.snappedBytes,
		})
		s.snapped = 0
	}
	s.err = io.EOF
	return io.EOF
}
