package sqlite

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"sipcause/internal/wire"
)

// partition is one file. Its info changes under Store.mu.
type partition struct {
	kind  kind
	id    string // "20261124-0001": its day and which of those
	path  string
	views []string // through which a file of the version before is read

	bad     atomic.Bool // damaged, as a reader found
	dropped atomic.Bool // who meant to read it finds it empty
	info
}

// info is what is known of a partition without reading it.
type info struct {
	tmin, tmax wire.Time // of Batch.At; tmin 0: empty
	bmin, bmax wire.Time // of messages, of the beginning of final cases, of minutes; valid when rows > 0
	rows       uint64    // messages; final cases; cells
	first, seq uint64    // numbers of the batches that it holds
	replaced   uint64    // final cases of partitions before that have a newer revision here
	bytes      int64
	sealed     bool
}

// span widens a partition's times.
func (i *info) at(t wire.Time) {
	if i.tmin == 0 || t < i.tmin {
		i.tmin = t
	}
	i.tmax = max(i.tmax, t)
}

// hold notes that n more rows have times from lo to hi.
func (i *info) hold(n uint64, lo, hi wire.Time) {
	if n == 0 {
		return
	}
	if i.rows == 0 {
		i.bmin, i.bmax = lo, hi
	}
	i.bmin, i.bmax = min(i.bmin, lo), max(i.bmax, hi)
	i.rows += n
}

// touches says whether rows may have times from from to until, inclusive; 0: open, and both 0: any partition does.
func (i *info) touches(from, until wire.Time) bool {
	if from == 0 && until == 0 {
		return true
	}
	return i.rows > 0 && (until == 0 || i.bmin <= until) && i.bmax >= from
}

// dayOf returns the midnight (UTC) before t.
func dayOf(t wire.Time) time.Time { return t.Std().Truncate(24 * time.Hour) }

// over says whether a partition of a day is over at t. A clock that was put back a little does not begin another.
func over(day time.Time, t wire.Time) bool {
	return dayOf(t).After(day) || t.Std().Before(day.Add(-time.Hour))
}

// dayStamp is how a partition is named by its day.
const dayStamp = "20060102"

// idAfter returns a partition's id: the first free one of its day.
func idAfter(day time.Time, taken func(id string) bool) string {
	for n := 1; ; n++ {
		if id := fmt.Sprintf("%s-%04d", day.Format(dayStamp), n); !taken(id) {
			return id
		}
	}
}

func (s *Store) pathOf(k kind, id string) string {
	return filepath.Join(s.dir, kindFacts[k].dir, id+".sqlite")
}

// maxFiles are kept open for reading; more only while searches hold them.
const maxFiles = 8

// handle is a partition opened for reading.
type handle struct {
	*sql.DB
	p    *partition
	refs int
	used uint64
	gone bool // close when nobody uses it any more
}

// files keeps the partitions that were read last open.
type files struct {
	mu    sync.Mutex
	open  map[*partition]*handle
	clock uint64
}

// acquire opens a partition for reading; release gives it back.
func (f *files) acquire(p *partition, isSealed bool) (*handle, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clock++
	if h := f.open[p]; h != nil {
		h.refs++
		h.used = f.clock
		return h, nil
	}
	how := live
	if isSealed {
		how = sealed
	}
	db, err := openFile(p.path, how, false, p.views)
	if err != nil {
		return nil, err
	}
	h := &handle{DB: db, p: p, refs: 1, used: f.clock}
	f.open[p] = h
	f.trim()
	return h, nil
}

// trim closes those that were not used for the longest time.
func (f *files) trim() {
	for len(f.open) > maxFiles {
		var oldest *handle
		for _, h := range f.open {
			if h.refs == 0 && (oldest == nil || h.used < oldest.used) {
				oldest = h
			}
		}
		if oldest == nil {
			return
		}
		delete(f.open, oldest.p)
		oldest.Close()
	}
}

func (f *files) release(h *handle) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if h.refs--; h.refs > 0 {
		return
	}
	if h.gone {
		h.Close()
		return
	}
	f.trim()
}

// forget closes a partition as soon as nobody reads it.
func (f *files) forget(p *partition) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := f.open[p]
	if h == nil {
		return
	}
	delete(f.open, p)
	h.gone = true
	if h.refs == 0 {
		h.Close()
	}
}

// alone does f while nobody reads the partition; false when somebody does.
func (f *files) alone(p *partition, do func() error) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if h := f.open[p]; h != nil {
		if h.refs > 0 {
			return false, nil
		}
		delete(f.open, p)
		h.Close()
	}
	return true, do()
}

func (f *files) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for p, h := range f.open {
		delete(f.open, p)
		h.gone = true
		if h.refs == 0 {
			h.Close()
		}
	}
}
