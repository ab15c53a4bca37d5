package serve

import (
	"context"
	"errors"
	"time"

	"sipcause/internal/store"
)

// How long a batch that the store did not take waits to be tried again, and how long the last ones may take at the end.
const (
	retryAfter = time.Second
	lastWrites = 20 * time.Second
)

// write hands the recorder's batches to the store until ctx ends, and then what is left. A store in trouble is an alarm;
// its batch is tried again and again, and what comes meanwhile waits or is dropped by the recorder.
func (s *Server) write(ctx context.Context) {
	for ctx.Err() == nil {
		b := s.rec.next()
		if b == nil {
			select {
			case <-ctx.Done():
			case <-s.rec.signal:
			}
			continue
		}
		if !s.writeOne(ctx, b) {
			pause(ctx, retryAfter)
		}
	}
	s.rec.Flush()
	last, cancel := context.WithTimeout(context.Background(), lastWrites)
	defer cancel()
	for b := s.rec.next(); b != nil && last.Err() == nil; b = s.rec.next() {
		if !s.writeOne(last, b) {
			pause(last, retryAfter)
		}
	}
}

func (s *Server) writeOne(ctx context.Context, b *store.Batch) bool {
	err := s.opt.Store.Write(ctx, b)
	switch {
	case err == nil:
		s.alarms.set(aboutStore, "")
		s.rec.written(b)
		return true
	case ctx.Err() != nil:
	case errors.Is(err, store.ErrFull):
		s.alarms.set(aboutStore, "no space left: capture and counting go on, and writing as soon as there is room")
	default:
		s.alarms.set(aboutStore, err.Error())
	}
	return false
}

// aboutStore is what alarms of the store are about.
const aboutStore = "store"

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// retain drops what is too old or too much, every minute.
func (s *Server) retain(ctx context.Context) {
	t := time.NewTicker(time.Minute)
	defer t.Stop()
	for {
		freed, err := s.opt.Store.Retain(ctx, s.policy(), s.opt.Now())
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.alarms.set("retention", err.Error())
		default:
			s.alarms.set("retention", "")
			if freed.Partitions > 0 {
				s.opt.Log.Info("dropped old partitions", "partitions", freed.Partitions, "bytes", freed.Bytes)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
