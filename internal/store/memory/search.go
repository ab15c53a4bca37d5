package memory

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"sipcause/internal/query"
	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/wire"
)

// position is a place in the order of searches.
type position struct {
	began wire.Time
	id    string
}

// cursor is a position and what the search asked for, so that another search is told.
func cursor(q *store.Search, at position) string {
	b := binary.BigEndian.AppendUint64(nil, fingerprint(q))
	b = binary.BigEndian.AppendUint64(b, uint64(at.began))
	return base64.RawURLEncoding.EncodeToString(append(b, at.id...))
}

func readCursor(q *store.Search) (at position, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(q.After)
	if err != nil || len(b) < 16 || binary.BigEndian.Uint64(b) != fingerprint(q) {
		return at, fmt.Errorf("search after %q: %w", q.After, store.ErrCursor)
	}
	at = position{wire.Time(binary.BigEndian.Uint64(b[8:])), string(b[16:])}
	if q.After != cursor(q, at) {
		return at, fmt.Errorf("search after %q: %w", q.After, store.ErrCursor)
	}
	return at, nil
}

// fingerprint is a hash of what decides which cases are found, the limit not.
func fingerprint(q *store.Search) uint64 {
	zone := "UTC"
	if q.Zone != nil {
		zone = q.Zone.String()
	}
	where := ""
	if q.Where != nil {
		where = q.Where.String()
	}
	return xxhash.Sum64String(fmt.Sprintf("%d %d %v %q %q", q.From, q.Until, q.Open, zone, where))
}

// holds says whether the search is for the case.
func holds(q *store.Search, c *record.Case) bool {
	return c.Began >= q.From && (q.Until == 0 || c.Began < q.Until) && (!q.Open || !c.Final) && (q.Where == nil || q.Where.Match(c, q.Zone))
}

// Search finds cases (store.Store).
func (s *Store) Search(ctx context.Context, q store.Search) (store.Page, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return store.Page{}, store.ErrClosed
	}
	limit := q.Limit
	if limit <= 0 {
		limit = 100
	}
	first := position{1<<63 - 1, "\xff"}
	i := 0
	if q.After != "" {
		at, err := readCursor(&q)
		if err != nil {
			return store.Page{}, err
		}
		var found bool
		if i, found = slices.BinarySearchFunc(s.cases, at, compare); found {
			i++
		}
		first = at
	}
	var p store.Page
	for last := first; i < len(s.cases); i++ {
		c := s.cases[i]
		switch err := ctx.Err(); {
		case errors.Is(err, context.DeadlineExceeded):
			p.Partial, p.Next = true, cursor(&q, last)
			return p, nil
		case err != nil:
			return store.Page{}, err
		}
		p.Scanned++
		if holds(&q, c) {
			if len(p.Cases) == limit {
				p.Next = cursor(&q, last)
				return p, nil
			}
			p.Cases = append(p.Cases, *clone(c))
		}
		last = position{c.Began, c.ID}
	}
	return p, nil
}

// Case finds a case by its ID or a Call-ID (store.Store).
func (s *Store) Case(ctx context.Context, id string) (record.Case, error) {
	unlock, err := s.reading(ctx)
	defer unlock()
	if err != nil {
		return record.Case{}, err
	}
	for _, c := range s.cases {
		if c.ID == id || slices.Contains(c.CallIDs, id) {
			return *clone(c), nil
		}
	}
	return record.Case{}, fmt.Errorf("case %q: %w", id, store.ErrNotFound)
}

// Count counts cases by the values of a field (store.Store).
func (s *Store) Count(ctx context.Context, q store.Search, field query.Field, limit int) ([]store.Count, error) {
	unlock, err := s.reading(ctx)
	defer unlock()
	if err != nil {
		return nil, err
	}
	counts := map[string]uint64{}
	for _, c := range s.cases {
		if !holds(&q, c) {
			continue
		}
		values := c.Value(field).Strings()
		for i, v := range values {
			if !slices.Contains(values[:i], v) {
				counts[v]++
			}
		}
	}
	out := make([]store.Count, 0, len(counts))
	for v, n := range counts {
		out = append(out, store.Count{Value: v, N: n})
	}
	slices.SortFunc(out, func(a, b store.Count) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Value, b.Value)) })
	return out[:min(limit, len(out))], nil
}

// clone copies a case with all that it points to.
func clone(c *record.Case) *record.Case {
	d := *c
	d.Keys, d.Src, d.Dst = slices.Clone(c.Keys), slices.Clone(c.Src), slices.Clone(c.Dst)
	d.Counted, d.Doc = slices.Clone(c.Counted), slices.Clone(c.Doc)
	for _, list := range []*[]string{&d.CallIDs, &d.Numbers, &d.Findings, &d.Servers, &d.UAs, &d.Methods, &d.Transports, &d.Realms, &d.RoutesOut} {
		*list = slices.Clone(*list)
	}
	for _, p := range []**time.Duration{&d.PDD, &d.Setup, &d.Duration, &d.Ring} {
		if *p != nil {
			v := **p
			*p = &v
		}
	}
	return &d
}
