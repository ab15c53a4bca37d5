package capture

import (
	"bytes"
	"context"
	"sync"
	"testing"

	"sipcause/internal/wire"
)

// harvest is what sources gave until stopped.
type harvest struct {
	mu      sync.Mutex
	packets []wire.Packet
	gaps    []wire.Gap
}

// take runs sources until the function it returns is called. each sees the packets, if it is not nil.
func take(t *testing.T, list []Live, each func(p *wire.Packet)) (*harvest, func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	got := &harvest{}
	var all sync.WaitGroup
	for _, l := range list {
		all.Go(func() {
			err := l.Run(ctx, func(p *wire.Packet) {
				got.mu.Lock()
				defer got.mu.Unlock()
				got.packets = append(got.packets, *p)
				got.packets[len(got.packets)-1].Data = bytes.Clone(p.Data)
				if each != nil {
					each(p)
				}
			}, func(g wire.Gap) {
				got.mu.Lock()
				defer got.mu.Unlock()
				got.gaps = append(got.gaps, g)
			})
			if err != nil {
				t.Errorf("%s: %v", l.Name(), err)
			}
		})
	}
	stop := sync.OnceFunc(func() {
		cancel()
		all.Wait()
	})
	t.Cleanup(stop)
	return got, stop
}
