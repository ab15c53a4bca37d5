package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"sipcause/internal/record"
)

// maxEvents is how many revisions wait for one client; while they do, further ones are missed and counted.
const maxEvents = 256

// told is a revision for a client.
type told struct {
	row    row
	missed uint64 // revisions that were left out before it
}

// events streams the revisions of cases (WHATWG server-sent events). The id of an event is when it was sent. Nothing is
// sent again: whoever comes back with a Last-Event-ID is told by an event "missed" to read the list since then. A client
// that does not take an event until the next sign of life is due is dropped.
func (a *api) events(w http.ResponseWriter, r *request) error {
	filter, err := r.filter()
	if err != nil {
		return err
	}
	select {
	case a.follows <- struct{}{}:
		defer func() { <-a.follows }()
	default:
		return busy("as many clients follow the events as may at a time")
	}
	if m := a.opt.Metrics; m != nil {
		m.followers.Inc()
		defer m.followers.Dec()
	}
	ctx, cancel := context.WithCancel(r.Context())
	queue := make(chan told, maxEvents)
	var failure error // of Follow, once it has ended
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		failure = a.obs.Follow(ctx, filter, func(c *record.Case, missed uint64) error {
			select {
			case queue <- told{rowOf(c), missed}:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	defer func() { // the observer's call ends before the request does
		cancel()
		<-ended
	}()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // proxies pass it on at once
	out := &eventStream{w, http.NewResponseController(w), a.now, a.opt.Heartbeat}
	if err := out.begin(r.Header.Get("Last-Event-ID")); err != nil {
		return gone(err)
	}
	beat := time.NewTicker(a.opt.Heartbeat)
	defer beat.Stop()
	for {
		select {
		case e := <-queue:
			err = out.send(e)
		case <-beat.C:
			err = out.write(": \n\n")
		case <-ended:
			return a.endedEvents(out, queue, failure)
		}
		if err != nil {
			return gone(err)
		}
	}
}

// endedEvents tells a client what waits for it still, and that the server has no more to say.
func (a *api) endedEvents(out *eventStream, queue <-chan told, err error) error {
	if err != nil && !errors.Is(err, context.Canceled) { // the client may just have gone
		a.opt.Log.Error("follow cases", "error", err)
	}
	for len(queue) > 0 {
		if err := out.send(<-queue); err != nil {
			return gone(err)
		}
	}
	return gone(out.write("event: end\ndata: {}\n\n"))
}

type eventStream struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	now      func() time.Time
	patience time.Duration
}

// begin tells how soon to come back, and whoever has come back that the time between is to be read elsewhere.
func (s *eventStream) begin(last string) error {
	if last == "" {
		return s.write("retry: 2000\n\n")
	}
	since, err := time.Parse(time.RFC3339, last)
	if err != nil {
		since = s.now() // no id of ours
	}
	return s.write(fmt.Sprintf("retry: 2000\nevent: missed\ndata: {\"since\":%q}\n\n", *wall(since)))
}

func (s *eventStream) send(e told) error {
	line, err := encode(e.row)
	if err != nil {
		return err
	}
	text := ""
	if e.missed > 0 {
		text = "event: missed\ndata: {\"count\":" + strconv.FormatUint(e.missed, 10) + "}\n\n"
	}
	return s.write(text + "id: " + *wall(s.now()) + "\nevent: case\ndata: " + string(line) + "\n")
}

// write hands text to the client.
func (s *eventStream) write(text string) error {
	_ = s.control.SetWriteDeadline(time.Now().Add(s.patience))
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}
