package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"sipcause/code/playbooks"
	"sipcause/internal/pipeline"
	"sipcause/internal/query"
	"sipcause/internal/record"
	"sipcause/internal/render"
	"sipcause/internal/store"
	"sipcause/internal/store/sqlite"
	"sipcause/internal/view"
)

// pageSize is how many cases are asked for at once.
const pageSize = 500

// local is the folder of a server that is not running.
type local struct {
	store store.Store
	book  func() *playbooks.Book
}

func openLocal(dir string, book func() *playbooks.Book) (history, error) {
	s, err := openStore(dir)
	if err != nil {
		return nil, err
	}
	return &local{s, book}, nil
}

// openStore opens the history in a folder that has one.
func openStore(dir string) (store.Store, error) {
	if err := hasHistory(dir); err != nil {
		return nil, err
	}
	s, err := sqlite.Open(dir, sqlite.Options{})
	if err != nil {
		return nil, fmt.Errorf("open history: %w; of a server that runs ask the server: --server URL", err)
	}
	return s, nil
}

// hasHistory says what keeps a folder from being one that serve made.
func hasHistory(dir string) error {
	if !isFolder(dir) {
		return fmt.Errorf("open history: %s is no folder", dir)
	}
	if found, err := filepath.Glob(filepath.Join(dir, "*.sqlite")); err != nil || len(found) == 0 {
		return fmt.Errorf("open history: %s holds none; serve --data makes one", dir)
	}
	return nil
}

func (l *local) close() error { return l.store.Close() }

// search is the question to the store.
func (l *local) search(s *search) (q store.Search, err error) {
	if q.From, q.Until, err = s.interval(time.Now()); err != nil {
		return q, err
	}
	if s.filter != "" {
		if q.Where, err = query.Parse(s.filter); err != nil {
			return q, filterError(err)
		}
	}
	q.Zone = s.zone
	return q, nil
}

func (l *local) list(ctx context.Context, s *search, show func(*record.Case) (bool, error)) error {
	q, err := l.search(s)
	if err != nil {
		return err
	}
	q.Limit = pageSize
	if s.limit > 0 {
		q.Limit = min(pageSize, s.limit+1)
	}
	for {
		page, err := l.store.Search(ctx, q)
		if err != nil {
			return err
		}
		for i := range page.Cases {
			if on, err := show(&page.Cases[i]); !on || err != nil {
				return err
			}
		}
		if q.After = page.Next; q.After == "" {
			return nil
		}
	}
}

func (l *local) report(ctx context.Context, s *search, w io.Writer) (more bool, err error) {
	r, err := render.New(s.format, w, render.Options{Width: s.width, Color: s.color, Zone: s.zone, All: true, Brief: true})
	if err != nil {
		return false, err
	}
	var sum view.Summary
	adviser := view.NewAdviser(l.book)
	n := 0
	err = l.list(ctx, s, func(c *record.Case) (bool, error) {
		if s.limit > 0 && n == s.limit {
			more = true
			return false, nil
		}
		n++
		return true, l.reopen(ctx, c, adviser, func(k *view.Case, _ []string) error {
			sum.Add(k)
			return r.Case(k)
		})
	})
	if err != nil {
		return false, err
	}
	return more, r.End(&sum)
}

// reopen hands on one case whole, and the names of the sources of its messages.
func (l *local) reopen(ctx context.Context, c *record.Case, adviser *view.Adviser, show func(*view.Case, []string) error) error {
	messages, err := l.of(ctx, c)
	if err != nil {
		return err
	}
	return pipeline.Reopen(c, messages, pipeline.Options{}, func(k *view.Case) error {
		adviser.Advise(k)
		return show(k, pipeline.FilesOf(messages))
	})
}

func (l *local) of(ctx context.Context, c *record.Case) ([]record.Message, error) {
	from, until, err := pipeline.Window(c)
	if err != nil {
		return nil, err
	}
	return l.store.Messages(ctx, c.Keys, from, until)
}

// find returns the case of an ID or Call-ID.
func (l *local) find(ctx context.Context, id string) (record.Case, error) {
	c, err := l.store.Case(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return c, noCall(id)
	}
	return c, err
}

func noCall(id string) error { return fmt.Errorf("find call: none has the id or Call-ID %q", id) }

func (l *local) one(ctx context.Context, s *search, id string, w io.Writer) error {
	c, err := l.find(ctx, id)
	if err != nil {
		return err
	}
	return l.reopen(ctx, &c, view.NewAdviser(l.book), func(k *view.Case, files []string) error {
		r, err := render.New(s.format, w, render.Options{Width: s.width, Color: s.color, Zone: s.zone, All: true, Brief: true, Files: files})
		if err != nil {
			return err
		}
		if err := r.Case(k); err != nil {
			return err
		}
		sum := view.Summary{Files: files}
		sum.Add(k)
		return r.End(&sum)
	})
}

func (l *local) count(ctx context.Context, s *search, f query.Field) ([]store.Count, error) {
	q, err := l.search(s)
	if err != nil {
		return nil, err
	}
	limit := s.limit
	if limit == 0 {
		limit = maxCounted
	}
	return l.store.Count(ctx, q, f, limit)
}

// maxCounted is how many values are counted when no limit is given.
const maxCounted = 1 << 20

func (l *local) messages(ctx context.Context, c *record.Case) ([]record.Message, error) {
	if len(c.Keys) == 0 {
		found, err := l.find(ctx, c.ID)
		if err != nil {
			return nil, err
		}
		c = &found
	}
	return l.of(ctx, c)
}
