package serve

import (
	"context"
	"sync"
	"time"

	"sipcause/internal/query"
	"sipcause/internal/record"
)

// Bounds of the live feed: followers at a time, and revisions that wait for one of them.
const (
	maxFollowers = 256
	maxFollowing = 1024
)

// feed hands revisions of cases to those who follow. Nobody is waited for: who is too slow misses some.
type feed struct {
	mu        sync.Mutex
	followers map[*follower]bool
}

type follower struct {
	filter *query.Expr
	zone   *time.Location
	cases  chan *record.Case
	missed uint64 // since the last one that it got; feed.mu
}

// tell hands c to every follower. c must not be changed any more.
func (f *feed) tell(c *record.Case) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for w := range f.followers {
		if w.filter != nil && !w.filter.Match(c, w.zone) {
			continue
		}
		select {
		case w.cases <- c:
		default:
			w.missed++
		}
	}
}

// follow calls told for each revision that the filter holds for, until ctx ends or told fails.
func (f *feed) follow(ctx context.Context, filter *query.Expr, told func(c *record.Case, missed uint64) error) error {
	w := &follower{filter: filter, zone: time.UTC, cases: make(chan *record.Case, maxFollowing)}
	f.mu.Lock()
	if len(f.followers) >= maxFollowers {
		f.mu.Unlock()
		return errFollowers
	}
	if f.followers == nil {
		f.followers = map[*follower]bool{}
	}
	f.followers[w] = true
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.followers, w)
		f.mu.Unlock()
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case c := <-w.cases:
			f.mu.Lock()
			missed := w.missed
			w.missed = 0
			f.mu.Unlock()
			if err := told(c, missed); err != nil {
				return err
			}
		}
	}
}
