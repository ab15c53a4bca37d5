package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/binary"
	"math"
	"slices"
	"strconv"

	"sipcause/internal/query"
	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/wire"
)

// counting is a question on its way.
type counting struct {
	*search
	field query.Field
	n     map[string]uint64
}

// Count implements store.Store. Where the index alone decides, cases are counted by it; others are looked at.
func (s *Store) Count(ctx context.Context, q store.Search, field query.Field, limit int) ([]store.Count, error) {
	q.After = ""
	x := &counting{&search{store: s, q: q, plan: planOf(q.Where), openOnly: q.Open || asksOpen(q.Where), after: position{math.MaxInt64, "\xff"}}, field, map[string]uint64{}}
	x.from, x.until = within(q.Where, q.From, q.Until)
	snap, err := s.read(ctx, cases, 0, 0)
	if err != nil {
		return nil, err
	}
	defer snap.close()
	for _, r := range snap.parts {
		if err := x.partition(ctx, r); err != nil && !r.dropped.Load() {
			return nil, s.about(r.partition, err)
		}
		if !r.current {
			r.close()
		}
	}
	out := make([]store.Count, 0, len(x.n))
	for v, n := range x.n {
		out = append(out, store.Count{Value: v, N: n})
	}
	slices.SortFunc(out, func(a, b store.Count) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Value, b.Value))
	})
	return out[:min(limit, len(out))], nil
}

func (x *counting) partition(ctx context.Context, r *reading) error {
	if r.current {
		err := eachBody(r.db, func(body []byte) error { return x.look(r, body) }, "select body from open where began >= ? and (? = 0 or began < ?)", int64(x.from), int64(x.until), int64(x.until))
		if err != nil {
			return err
		}
	}
	if x.openOnly || r.info.rows == 0 || r.info.bmax < x.from || x.until != 0 && r.info.bmin >= x.until {
		return nil
	}
	segments, err := r.segmentsOf()
	if err != nil {
		return err
	}
	_, hasTerms := textFields[x.field]
	exact := (hasTerms || x.field == query.Code) && (x.q.Where == nil || x.plan != nil && x.plan.exact)
	if exact && x.plan != nil {
		if exact, err = r.narrow(x.plan); err != nil {
			return err
		}
	}
	// A case that a later partition replaced is in the index still; one of this partition, in dead.
	exact = exact && !x.mayBeReplaced(r)
	counted := map[int64]*bitset{}
	for _, s := range segments {
		if err := ctx.Err(); err != nil {
			return err
		}
		if s.bmax < x.from || x.until != 0 && s.bmin >= x.until {
			continue
		}
		wanted := &everyRow
		if x.plan != nil {
			if wanted, err = r.eval(x.plan, s.id); err != nil {
				return err
			}
		}
		if exact && s.dead == 0 && s.bmin >= x.from && (x.until == 0 || s.bmax < x.until) {
			counted[s.id] = wanted
			continue
		}
		err := r.rowsOf(s.id, wanted, func(_ int64, began wire.Time, body sql.RawBytes) error {
			if began < x.from || x.until != 0 && began >= x.until {
				return nil
			}
			return x.look(r, body)
		})
		if err != nil {
			return err
		}
	}
	return x.byIndex(r, counted)
}

func (x *counting) mayBeReplaced(r *reading) bool {
	for _, by := range r.snap.over {
		if by > r.first {
			return true
		}
	}
	return false
}

// byIndex counts the rows of whole segments by the terms of the field.
func (x *counting) byIndex(r *reading, counted map[int64]*bitset) error {
	if len(counted) == 0 {
		return nil
	}
	tag := byte(tagCode)
	if x.field != query.Code {
		tag = textFields[x.field].tag
	}
	lo, hi := field(tag).bounds()
	rows, err := r.db.QueryContext(bg, "select term, segment, places from post where term >= ? and term < ?", lo, hi)
	if err != nil {
		return err
	}
	defer rows.Close()
	cut := map[int64]*bitset{} // rows with a value that its term does not have whole
	for rows.Next() {
		var term, places sql.RawBytes
		var segment int64
		if err := rows.Scan(&term, &segment, &places); err != nil {
			return err
		}
		wanted := counted[segment]
		if wanted == nil {
			continue
		}
		var set bitset
		if err := set.add(places); err != nil {
			return err
		}
		set.and(wanted)
		n := uint64(set.count())
		if n == 0 {
			continue
		}
		if x.field == query.Code {
			x.n[strconv.FormatUint(uint64(binary.BigEndian.Uint32(term[1:])), 10)] += n
			continue
		}
		if v, isWhole := valueOf(string(term)); isWhole {
			x.n[v] += n
		} else if cut[segment] == nil {
			cut[segment] = &set
		} else {
			cut[segment].or(&set)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	rows.Close()
	for segment, set := range cut {
		err := r.rowsOf(segment, set, func(_ int64, _ wire.Time, body sql.RawBytes) error {
			var c record.Case
			if err := x.store.decodeCase(body, &c); err != nil {
				return err
			}
			x.add(&c, func(v string) bool { return whole(v) < len(v) })
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// look counts a case if it is asked for.
func (x *counting) look(r *reading, body []byte) error {
	var c record.Case
	if err := x.store.decodeCase(body, &c); err != nil {
		return err
	}
	if (x.q.Where == nil || x.q.Where.Match(&c, x.q.Zone)) && !r.isReplaced(&c) {
		x.add(&c, func(string) bool { return true })
	}
	return nil
}

// add counts a case under each of its values that is wanted.
func (x *counting) add(c *record.Case, wanted func(v string) bool) {
	values := slices.Clone(c.Value(x.field).Strings())
	slices.Sort(values)
	for _, v := range slices.Compact(values) {
		if wanted(v) {
			x.n[v]++
		}
	}
}
