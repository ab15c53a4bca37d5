package capture

import (
	"context"
	"errors"
	"io"

	"sipcause/internal/wire"
)

// maxOpen bounds the files that are open at a time; others are opened for each block that is read of them.
const maxOpen = 256

// turn is an input's place in the queue: the time of the packet it has next.
type turn struct {
	at wire.Time
	in *input
}

// before orders by time, then file. Within a file packets come in the file's order.
func (t turn) before(o turn) bool {
	if t.at != o.at {
		return t.at < o.at
	}
	return t.in.source < o.in.source || t.in.source == o.in.source && t.in.only < o.in.only
}

// queue is a binary heap of turns, the earliest first.
type queue []turn

func (q *queue) push(t turn) {
	*q = append(*q, t)
	for i := len(*q) - 1; i > 0; {
		up := (i - 1) / 2
		if !(*q)[i].before((*q)[up]) {
			return
		}
		(*q)[i], (*q)[up] = (*q)[up], (*q)[i]
		i = up
	}
}

// sink moves the first turn down to where it belongs.
func (q queue) sink() {
	for i := 0; ; {
		least := i
		for down := 2*i + 1; down <= 2*i+2 && down < len(q); down++ {
			if q[down].before(q[least]) {
				least = down
			}
		}
		if least == i {
			return
		}
		q[i], q[least] = q[least], q[i]
		i = least
	}
}

// pop takes the first turn out.
func (q *queue) pop() {
	last := len(*q) - 1
	(*q)[0] = (*q)[last]
	(*q)[last] = turn{}
	*q = (*q)[:last]
	q.sink()
}

// merge hands on the packets of all inputs by time. A file waits closed until the turn of its first packet.
func (s *Source) merge(ctx context.Context, to sink) error {
	size := blockSize(len(s.inputs))
	q, err := s.firstTurns(to, size)
	if err != nil {
		return err
	}
	open := 0
	for n := 0; len(q) > 0; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		in := q[0].in
		if in.records == nil { // its turn for the first time: the packet is read again
			if in.parked = open >= maxOpen; !in.parked {
				open++
			}
			if err := in.begin(s, size, to); err != nil {
				return err
			}
		}
		if err := in.hand(to, &in.head); err != nil {
			return err
		}
		switch err := in.next(&in.head); {
		case err == nil:
			q[0].at = in.head.Time
			q.sink()
		case errors.Is(err, io.EOF):
			if in.file != nil && !in.parked {
				open--
			}
			in.close()
			q.pop()
		default:
			return err
		}
	}
	return nil
}

// begin opens in and reads its first packet.
func (in *input) begin(s *Source, size int, to sink) error {
	if err := in.open(s, size, to); err != nil {
		return err
	}
	err := in.next(&in.head)
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF // it had a packet when it was looked at
	}
	return err
}

// firstTurns reads the time of every input's first packet. Files are closed again; one without packets is
// read to its end at once, for what it says of drops.
func (s *Source) firstTurns(to sink, size int) (queue, error) {
	var q queue
	for _, in := range s.inputs {
		if in.held {
			switch err := in.begin(s, size, to); {
			case err == nil:
				q.push(turn{in.head.Time, in})
			case !errors.Is(err, io.ErrUnexpectedEOF):
				return nil, err
			}
			continue
		}
		err := in.begin(&Source{}, sniffBytes, silent)
		at := in.head.Time
		in.close()
		switch {
		case err == nil:
			q.push(turn{at, in})
		case errors.Is(err, io.ErrUnexpectedEOF):
			if err := in.begin(s, sniffBytes, to); !errors.Is(err, io.ErrUnexpectedEOF) {
				return nil, err
			}
			in.close()
		default:
			return nil, err
		}
	}
	return q, nil
}
