package sqlite

import (
	"cmp"
	"container/heap"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/wire"
)

// A search walks segments of final cases, and runs of open ones, the one with the newest beginning first, over all
// partitions, and stops when none that is left can hold what is newer than what was found.

const (
	segmentRows  = 1024 // rows of a segment
	openRun      = 256  // open cases that are looked at at once
	defaultLimit = 100
	maxPageCases = 1 << 20 // cases of one page
)

// position is where a page ended: what follows is older, or as old with a lower ID.
type position struct {
	began wire.Time
	id    string
}

// before says whether a case comes after p in the order of searches.
func (p *position) before(began wire.Time, id string) bool {
	return began < p.began || began == p.began && id < p.id
}

// fingerprint tells searches apart whose cursors must not be mixed.
func fingerprint(q *store.Search) string {
	where, zone := "", ""
	if q.Where != nil {
		where = q.Where.String()
	}
	if q.Zone != nil {
		zone = q.Zone.String()
	}
	return fmt.Sprintf("%d %d %v %q %q", q.From, q.Until, q.Open, zone, where)
}

func encodeCursor(q *store.Search, p position) string {
	raw := binary.BigEndian.AppendUint64(nil, uint64(p.began))
	raw = append(raw, p.id...)
	sum := xxhash.Sum64String(fingerprint(q) + string(raw))
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(raw, sum))
}

func decodeCursor(q *store.Search) (position, error) {
	if q.After == "" {
		return position{began: math.MaxInt64, id: "\xff"}, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(q.After)
	if err != nil || len(raw) < 16 {
		return position{}, fmt.Errorf("%w: %q", store.ErrCursor, q.After)
	}
	n := len(raw) - 8
	if xxhash.Sum64String(fingerprint(q)+string(raw[:n])) != binary.BigEndian.Uint64(raw[n:]) {
		return position{}, fmt.Errorf("%w: %q", store.ErrCursor, q.After)
	}
	return position{wire.Time(binary.BigEndian.Uint64(raw)), string(raw[8:n])}, nil
}

// run is what a search looks at in one step: a whole partition that is to be opened, a segment, or a run of open cases.
type run struct {
	bmax    wire.Time // nothing in it begins later
	part    *reading
	segment int64 // -1: the partition, not opened yet; -2: open cases that begin at bmax or before
}

const (
	wholePartition = -1
	openCases      = -2
)

type runs []run

func (r runs) Len() int           { return len(r) }
func (r runs) Less(i, j int) bool { return r[i].bmax > r[j].bmax }
func (r runs) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }
func (r *runs) Push(x any)        { *r = append(*r, x.(run)) }
func (r *runs) Pop() any {
	last := (*r)[len(*r)-1]
	*r = (*r)[:len(*r)-1]
	return last
}

// search is one on its way.
type search struct {
	store       *Store
	q           store.Search
	plan        *plan
	from, until wire.Time // of began; until exclusive, 0 open
	openOnly    bool      // asks for open cases only
	after       position
	limit       int
	runs        runs
	found       []record.Case // in order, at most limit
	scanned     uint64
}

// Search implements store.Store.
func (s *Store) Search(ctx context.Context, q store.Search) (store.Page, error) {
	after, err := decodeCursor(&q)
	if err != nil {
		return store.Page{}, err
	}
	limit := q.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	limit = min(limit, maxPageCases)
	x := &search{store: s, q: q, plan: planOf(q.Where), openOnly: q.Open || asksOpen(q.Where), after: after, limit: limit + 1}
	x.from, x.until = within(q.Where, q.From, q.Until)
	snap, err := s.read(ctx, cases, 0, 0)
	if err != nil {
		return store.Page{}, err
	}
	defer snap.close()
	x.begin(snap)
	for first := true; x.more(); first = false {
		if err := ctx.Err(); errors.Is(err, context.Canceled) {
			return store.Page{}, err
		} else if err != nil && !first {
			return x.partial(limit), nil
		}
		if err := x.step(); err != nil {
			return store.Page{}, err
		}
	}
	page := store.Page{Cases: x.found, Scanned: x.scanned}
	if len(page.Cases) > limit {
		page.Cases = page.Cases[:limit]
		last := &page.Cases[limit-1]
		page.Next = encodeCursor(&q, position{last.Began, last.ID})
	}
	return page, nil
}

// partial is the page when time is up: what was found, as far as nothing that was not looked at comes between.
func (x *search) partial(limit int) store.Page {
	rest := x.runs[0].bmax
	n := 0
	for n < len(x.found) && n < limit && x.found[n].Began > rest {
		n++
	}
	next := x.after
	if rest < x.after.began {
		next = position{rest + 1, ""}
	}
	if n == limit {
		next = position{x.found[n-1].Began, x.found[n-1].ID}
	}
	return store.Page{Cases: x.found[:n], Next: encodeCursor(&x.q, next), Partial: true, Scanned: x.scanned}
}

// begin notes all partitions as runs.
func (x *search) begin(snap *snapshot) {
	for _, r := range snap.parts {
		if r.current {
			x.add(run{math.MaxInt64, r, openCases})
		}
		if !x.openOnly && r.info.rows > 0 && r.info.bmax >= x.from && (x.until == 0 || r.info.bmin < x.until) {
			x.add(run{r.info.bmax, r, wholePartition})
		}
	}
}

// add notes a run; of what is behind the page's beginning, or the interval's end, it is the oldest that counts.
func (x *search) add(r run) {
	r.bmax = min(r.bmax, x.after.began)
	if x.until != 0 {
		r.bmax = min(r.bmax, x.until-1)
	}
	heap.Push(&x.runs, r)
}

// more says whether what was not looked at may hold what belongs to the page.
func (x *search) more() bool {
	return len(x.runs) > 0 && x.runs[0].bmax >= x.from && (len(x.found) < x.limit || x.runs[0].bmax >= x.found[x.limit-1].Began)
}

// step looks at the next run.
func (x *search) step() (err error) {
	r := heap.Pop(&x.runs).(run)
	switch r.segment {
	case wholePartition:
		err = x.segments(r.part)
	case openCases:
		err = x.open(r)
	default:
		err = x.final(r)
		if r.part.left--; r.part.left == 0 && !r.part.current {
			r.part.close()
		}
	}
	if err != nil && r.part.dropped.Load() {
		return nil
	}
	return x.store.about(r.part.partition, err)
}

// segments notes those of a partition.
func (x *search) segments(p *reading) error {
	list, err := p.segmentsOf()
	if err != nil {
		return err
	}
	for _, s := range list {
		if s.bmax >= x.from && (x.until == 0 || s.bmin < x.until) && s.bmin <= x.after.began {
			x.add(run{s.bmax, p, s.id})
			p.left++
		}
	}
	if p.left == 0 && !p.current {
		p.close()
	}
	return nil
}

// open looks at the next open cases.
func (x *search) open(r run) error {
	rows, err := r.part.db.QueryContext(bg, `select began, body from open where began <= ? and began >= ? order by began desc, id desc`, int64(r.bmax), int64(x.from))
	if err != nil {
		return err
	}
	defer rows.Close()
	n, last := 0, wire.Time(0)
	for rows.Next() {
		var began int64
		var body sql.RawBytes
		if err := rows.Scan(&began, &body); err != nil {
			return err
		}
		// A run ends between two times: the next one begins there.
		if n >= openRun && wire.Time(began) < last {
			x.add(run{wire.Time(began), r.part, openCases})
			return nil
		}
		n, last = n+1, wire.Time(began)
		if err := x.look(r.part, wire.Time(began), body); err != nil {
			return err
		}
	}
	return rows.Err()
}

// final looks at a segment.
func (x *search) final(r run) error {
	wanted := &everyRow
	if x.plan != nil {
		var err error
		if wanted, err = r.part.eval(x.plan, r.segment); err != nil {
			return err
		}
	}
	return r.part.rowsOf(r.segment, wanted, func(_ int64, began wire.Time, body sql.RawBytes) error {
		return x.look(r.part, began, body)
	})
}

// look decides whether a case belongs to the page.
func (x *search) look(p *reading, began wire.Time, body []byte) error {
	if began < x.from || x.until != 0 && began >= x.until || began > x.after.began || len(x.found) == x.limit && began < x.found[x.limit-1].Began {
		return nil
	}
	x.scanned++
	c := record.Case{}
	if err := x.store.decodeCase(body, &c); err != nil {
		return err
	}
	if !x.after.before(c.Began, c.ID) || x.q.Where != nil && !x.q.Where.Match(&c, x.q.Zone) || p.isReplaced(&c) {
		return nil
	}
	i, _ := slices.BinarySearchFunc(x.found, &c, func(a record.Case, b *record.Case) int {
		return cmp.Or(cmp.Compare(b.Began, a.Began), strings.Compare(b.ID, a.ID))
	})
	if i == x.limit {
		return nil
	}
	if len(x.found) == x.limit {
		x.found = x.found[:x.limit-1]
	}
	x.found = slices.Insert(x.found, i, c)
	return nil
}

// Case implements store.Store.
func (s *Store) Case(ctx context.Context, id string) (record.Case, error) {
	snap, err := s.read(ctx, cases, 0, 0)
	if err != nil {
		return record.Case{}, err
	}
	defer snap.close()
	if id == "" {
		return record.Case{}, fmt.Errorf("case %q: %w", id, store.ErrNotFound)
	}
	var best record.Case
	found := false
	look := func(p *reading, body []byte) error {
		var c record.Case
		if err := s.decodeCase(body, &c); err != nil {
			return err
		}
		if (c.ID == id || slices.Contains(c.CallIDs, id)) && (!found || c.Began > best.Began) && !p.isReplaced(&c) {
			best, found = c, true
		}
		return nil
	}
	if err := s.openByID(snap, id, look); err != nil {
		return record.Case{}, err
	}
	byCallID := string(appendCallID(nil, id))
	spans := []span{idSpan(id), {byCallID, byCallID + "\x00"}}
	slices.SortFunc(snap.parts, func(a, b *reading) int { return cmp.Compare(b.info.bmax, a.info.bmax) })
	for _, r := range snap.parts {
		if err := ctx.Err(); err != nil {
			return record.Case{}, err
		}
		if r.info.rows == 0 || found && r.info.bmax < best.Began {
			continue
		}
		err := r.rowsWith(spans, func(_ int64, _ wire.Time, body sql.RawBytes) error { return look(r, body) })
		if err != nil && !r.dropped.Load() {
			return record.Case{}, s.about(r.partition, err)
		}
		if !r.current {
			r.close()
		}
	}
	if !found {
		return record.Case{}, fmt.Errorf("case %q: %w", id, store.ErrNotFound)
	}
	return best, nil
}

// idSpan is the terms of an ID.
func idSpan(id string) span {
	if whole(id) == len(id) {
		return equal(tagID, id)
	}
	cut := string(appendText([]byte{tagID}, id))
	return span{cut, cut + afterAll}
}

// openByID looks at the open cases that have the ID or a leg with that Call-ID.
func (s *Store) openByID(snap *snapshot, id string, look func(*reading, []byte) error) error {
	for _, r := range snap.parts {
		if !r.current {
			continue
		}
		rows, err := r.db.QueryContext(bg, `select body from open where id = ? or n in (select n from open_call where hash = ?)`, id, callHash(id))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var body sql.RawBytes
			if err := rows.Scan(&body); err != nil {
				return err
			}
			if err := look(r, body); err != nil {
				return err
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
	}
	return nil
}
