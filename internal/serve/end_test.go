package serve

import (
	"context"
	"errors"
	"testing"
	"time"

	"sipcause/internal/pipeline"
	"sipcause/internal/store/memory"
	"sipcause/internal/view"
)

// A timeline that fails ends the server: it does not wait for sources that nobody ends.
func TestFailureEnds(t *testing.T) {
	s, err := New(Options{Store: memory.New(0)})
	if err != nil {
		t.Fatal(err)
	}
	failure := errors.New("no more")
	s.main.live = pipeline.NewLive(pipeline.LiveOptions{}, func(*view.Case) error { return failure })
	src := &played{name: "played", packets: load(t, "../../testdata/captures/content-length-not-a-number/capture.pcap"), done: make(chan struct{})}
	if err := s.Add(src, "own", false); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	if err := s.Run(ctx); !errors.Is(err, failure) || ctx.Err() != nil {
		t.Errorf("ended with %v, context %v", err, ctx.Err())
	}
}

// A server whose store takes nothing is not ready.
func TestReadyNeedsTheStore(t *testing.T) {
	s, err := New(Options{Store: memory.New(0)})
	if err != nil {
		t.Fatal(err)
	}
	s.ready.Store(true)
	for _, trouble := range []string{"", "no space left", ""} {
		s.alarms.set(aboutStore, trouble)
		st, err := s.Status(t.Context())
		if err != nil || st.Ready != (trouble == "") {
			t.Errorf("trouble %q: ready %v, %v", trouble, st.Ready, err)
		}
	}
}
