package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/wire"
)

// Gaps implements store.Store.
func (s *Store) Gaps(ctx context.Context, from, until wire.Time, limit int) ([]record.Gap, error) {
	snap, err := s.read(ctx, cases, 0, 0)
	if err != nil {
		return nil, err
	}
	defer snap.close()
	// A gap is written when it is known to end: with a day for clocks that differ, it ends before its partition does.
	snap.parts = slices.DeleteFunc(snap.parts, func(r *reading) bool { return !r.current && r.info.tmax.Add(24*time.Hour) < from })
	var out []record.Gap
	err = s.eachOf(ctx, snap, func(_ *snapshot, db querier) error {
		return eachBody(db, func(body []byte) error {
			var g record.Gap
			if err := json.Unmarshal(body, &g); err != nil {
				return fmt.Errorf("%w: gap: %w", errDamaged, err)
			}
			out = append(out, g)
			return nil
		}, "select body from gap where (? = 0 or tfrom <= ?) and tuntil >= ? order by tfrom, id limit ?", int64(until), int64(until), int64(from), limit)
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(out, func(a, b record.Gap) int { return cmp.Compare(a.From, b.From) })
	return out[:min(limit, len(out))], nil
}

// eachBody hands on the only column of a query; it is valid during the call.
func eachBody(db querier, each func(body []byte) error, q string, args ...any) error {
	rows, err := db.QueryContext(bg, q, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var body sql.RawBytes
		if err := rows.Scan(&body); err != nil {
			return err
		}
		if err := each(body); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Stats implements store.Store.
func (s *Store) Stats(ctx context.Context) (store.Stats, error) {
	snap, err := s.read(ctx, cases, 0, 0)
	if err != nil {
		return store.Stats{}, err
	}
	defer snap.close()
	if err := ctx.Err(); err != nil {
		return store.Stats{}, err
	}
	var lo, hi sql.NullInt64
	for _, r := range snap.parts {
		if r.current {
			if err := r.db.QueryRowContext(bg, "select min(began), max(began) from open").Scan(&lo, &hi); err != nil {
				return store.Stats{}, s.about(r.partition, err)
			}
		}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	st := store.Stats{LastSeq: s.seq.Load(), Open: s.open, Cases: s.open, ByKind: map[string]int64{}, BadPartitions: slices.Clone(s.bad)}
	if lo.Valid {
		st.Oldest, st.Newest = wire.Time(lo.Int64), wire.Time(hi.Int64)
	}
	for k := range kinds {
		for _, p := range s.parts[k] {
			st.Partitions++
			st.ByKind[kindFacts[k].name] += p.size()
			st.Bytes += p.size()
			switch {
			case k == messages && p.rows > 0:
				st.Messages += p.rows
				st.LastMessage = max(st.LastMessage, p.bmax)
			case k == cases && p.rows > 0:
				st.Cases += p.rows - p.replaced
				if st.Oldest == 0 || p.bmin < st.Oldest {
					st.Oldest = p.bmin
				}
				st.Newest = max(st.Newest, p.bmax)
			case k == rollups:
				st.Cells += p.rows
			}
		}
	}
	return st, nil
}

// size returns the bytes on the disk.
func (p *partition) size() int64 {
	if p.sealed {
		return p.info.bytes
	}
	return sizeOf(p.path)
}
