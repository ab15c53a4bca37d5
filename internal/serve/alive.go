package serve

import (
	"context"
	"errors"
	"strconv"
	"time"

	"sipcause/internal/pipeline"
	"sipcause/internal/store"
	"sipcause/internal/wire"
)

// When the server was last seen to run is kept under aliveDoc, every aliveEvery: after a crash it is not known better.
const (
	aliveDoc   = "serve.alive"
	aliveEvery = 2 * time.Second
)

// alive keeps saying that the server runs, until ctx ends.
func (s *Server) alive(ctx context.Context) {
	t := time.NewTicker(aliveEvery)
	defer t.Stop()
	for ctx.Err() == nil {
		s.putAlive(ctx, s.opt.Flush+onTheWay)
		select {
		case <-ctx.Done():
		case <-t.C:
		}
	}
}

// onTheWay is how long what was seen may take to the recorder.
const onTheWay = time.Second

// putAlive says that all until so long ago was seen, but for what waits to be written.
func (s *Server) putAlive(ctx context.Context, ago time.Duration) {
	at := s.opt.Now()
	if _, since, _ := s.rec.waiting(); !since.IsZero() && since.Before(at) {
		at = since
	}
	if ago > 0 { // what waits in sockets is seen late
		s.main.live.Ask(ctx, func(e *pipeline.Engine) {
			if t := e.EventTime(); t != 0 && t.Std().Before(at) {
				at = t.Std()
			}
		})
	}
	at = at.Add(-ago)
	if at.Before(s.started) {
		at = s.started
	}
	err := s.opt.Store.Put(ctx, aliveDoc, strconv.AppendInt(nil, at.UnixNano(), 10))
	if err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrFull) { // a full disk is an alarm already
		s.opt.Log.Error("keep when the server ran last", "problem", err.Error())
	}
}

// lastAlive returns until when the server is known to have run: as it said, or as the last message shows.
func (s *Server) lastAlive(ctx context.Context, st store.Stats) wire.Time {
	doc, err := s.opt.Store.Get(ctx, aliveDoc)
	if err != nil {
		return st.LastMessage
	}
	at, err := strconv.ParseInt(string(doc), 10, 64)
	if err != nil {
		return st.LastMessage
	}
	return max(st.LastMessage, wire.Time(at))
}

// firstDoc keeps when the server ran for the first time: what was before, it cannot know.
const firstDoc = "serve.first"

// first finds out when the server ran for the first time; it is now when the store is empty.
func (s *Server) first(ctx context.Context, st store.Stats) error {
	doc, err := s.opt.Store.Get(ctx, firstDoc)
	switch {
	case err == nil:
		s.firstRun, err = strconv.ParseInt(string(doc), 10, 64)
		return err
	case !errors.Is(err, store.ErrNotFound):
		return err
	case st.Messages > 0 || st.Cases > 0:
		return nil // imported, or of a time when this was not kept
	}
	s.firstRun = s.opt.Now().UnixNano()
	if err := s.opt.Store.Put(ctx, firstDoc, strconv.AppendInt(nil, s.firstRun, 10)); err != nil {
		s.opt.Log.Error("keep when the server ran first", "problem", err.Error())
	}
	return nil
}
