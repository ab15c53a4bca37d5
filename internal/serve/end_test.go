package serve

import (
	"context"
	"errors"
	"testing"
	"time"

	"sipcause/internal/pipeline"
	"sipcause/internal/store/memory"
	"sipcause/internal/view"
	"sipcause/internal/wire"
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

// What is on disk can wait: a folder is read no faster than the engine takes it, and nothing of it is dropped.
func TestFilesAreWaitedFor(t *testing.T) {
	packets := load(t, "../../testdata/captures/content-length-not-a-number/capture.pcap")
	var many []wire.Packet
	for i := range 3000 {
		p := packets[0]
		p.Time = p.Time.Add(time.Duration(i) * time.Millisecond)
		many = append(many, p)
	}
	for _, ofFiles := range []bool{true, false} {
		s, err := New(Options{Store: memory.New(0), Engine: pipeline.LiveOptions{MaxWaiting: 1 << 20}})
		if err != nil {
			t.Fatal(err)
		}
		src := &played{name: "watch /files", packets: many, done: make(chan struct{})}
		if err := s.Add(src, "own", ofFiles); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		<-src.done
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if _, _, dropped, _ := s.waiting(); (dropped == 0) != ofFiles {
			t.Errorf("of files %v: %d messages dropped", ofFiles, dropped)
		}
		if ofFiles && s.lineOf("/files") == s.main {
			t.Error("what is kept of a folder is not of its timeline")
		}
	}
}
