package serve

import (
	"sipcause/internal/record"
)

// Bounds of a tally: the kinds of cells that it has a number for; then it forgets those that nothing has. And the sums that
// wait for the store: then those of new minutes are dropped.
const (
	maxTallyKeys = 1 << 17
	maxTallySums = 1 << 20
)

// tally adds up cells, and keeps those of one revision of a case in little memory.
type tally struct {
	ids     map[cellKind]uint32
	keys    []cellKind // by id
	sums    map[cellAt]int64
	owed    map[cellAt]int64 // told, and not yet of a batch
	maxKeys int
	maxSums int
	lost    uint64 // sums dropped
}

// cellKind is a cell but for its minute and number.
type cellKind struct {
	counter, route, label string
	bucket                int16
}

type cellAt struct {
	kind   uint32
	minute int32
}

// counted is one cell of a revision.
type counted struct {
	cellAt
	n int32
}

func newTally() *tally {
	return &tally{ids: map[cellKind]uint32{}, sums: map[cellAt]int64{}, owed: map[cellAt]int64{}, maxKeys: maxTallyKeys, maxSums: maxTallySums}
}

// count appends a cell to those of a revision.
func (t *tally) count(list []counted, c *record.Cell) []counted {
	return append(list, counted{cellAt{t.kind(c), int32(c.Minute)}, int32(c.N)})
}

func (t *tally) kind(c *record.Cell) uint32 {
	k := cellKind{c.Counter, c.Route, c.Label, c.Bucket}
	id, ok := t.ids[k]
	if !ok {
		id = uint32(len(t.keys))
		t.ids[k], t.keys = id, append(t.keys, k)
	}
	return id
}

// add adds the cells of a revision to the sums, sign times.
func (t *tally) add(list []counted, sign int64) {
	for i := range list {
		t.sums[list[i].cellAt] += sign * int64(list[i].n)
	}
}

// cell returns a cell as others know it.
func (t *tally) cell(at cellAt, n int64) record.Cell {
	k := &t.keys[at.kind]
	return record.Cell{Minute: int64(at.minute), Counter: k.counter, Route: k.route, Label: k.label, Bucket: k.bucket, N: n}
}

// cells returns the cells of a revision.
func (t *tally) cells(list []counted) []record.Cell {
	out := make([]record.Cell, len(list))
	for i := range list {
		out[i] = t.cell(list[i].cellAt, int64(list[i].n))
	}
	return out
}

// tell returns the sums that are not 0 and were not told before.
func (t *tally) tell() (out []record.Cell) {
	for at, n := range t.sums {
		if n == 0 {
			continue
		}
		out = append(out, t.cell(at, n))
		if _, ok := t.owed[at]; !ok && len(t.owed) >= t.maxSums {
			t.lost++
			continue
		}
		t.owed[at] += n
	}
	clear(t.sums)
	return out
}

// take returns what was told since the last time, and begins anew.
func (t *tally) take() (out []record.Cell) {
	out = make([]record.Cell, 0, len(t.owed))
	for at, n := range t.owed {
		if n != 0 {
			out = append(out, t.cell(at, n))
		}
	}
	clear(t.owed)
	return out
}

// prune forgets the kinds that none of the revisions has, when there are too many. What was counted must have been taken.
func (t *tally) prune(open map[caseKey]*revision) {
	if len(t.keys) < t.maxKeys {
		return
	}
	old := t.keys
	t.ids, t.keys = map[cellKind]uint32{}, nil
	for _, r := range open {
		for i := range r.cells {
			k := old[r.cells[i].kind]
			id, ok := t.ids[k]
			if !ok {
				id = uint32(len(t.keys))
				t.ids[k], t.keys = id, append(t.keys, k)
			}
			r.cells[i].kind = id
		}
	}
}
