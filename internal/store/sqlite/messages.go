package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"

	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/wire"
)

const (
	insertBlock = `insert into block(seq, at, part, n, tmin, tmax, head, data) values(?, ?, ?, ?, ?, ?, ?, ?)`
	insertKey   = `insert into key_block(key, block) values(?, ?)`
)

// writeMessages adds a batch's messages to the transaction of their file.
func (s *Store) writeMessages(w *writer, b *batch) (lo, hi wire.Time, err error) {
	var last sql.NullInt64
	if _, err = w.row(`select max(id) from block`, nil, []any{&last}); err != nil {
		return 0, 0, err
	}
	id := last.Int64
	for list := range slices.Chunk(b.Messages, partMessages) {
		part := id + 1
		err = s.packer.part(list, func(k *block) error {
			id++
			if id == last.Int64+1 {
				lo, hi = k.tmin, k.tmax
			}
			lo, hi = min(lo, k.tmin), max(hi, k.tmax)
			if err := w.exec(insertBlock, int64(b.Seq), int64(b.At), part, k.n, int64(k.tmin), int64(k.tmax), k.head, k.data); err != nil {
				return err
			}
			for _, key := range k.keys {
				if err := w.exec(insertKey, int64(key), id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return 0, 0, err
		}
	}
	return lo, hi, nil
}

// takeBack removes the blocks of a batch whose cases could not be written.
func (s *Store) takeBack(w *writer) error {
	return w.tx(func() error {
		seq := int64(s.seq.Load())
		if err := w.exec(`delete from key_block where block in (select id from block where seq > ?)`, seq); err != nil {
			return err
		}
		return w.exec(`delete from block where seq > ?`, seq)
	})
}

// Messages implements store.Store.
func (s *Store) Messages(ctx context.Context, keys []uint64, from, until wire.Time) ([]record.Message, error) {
	var out []record.Message
	size := 0
	wanted := map[uint64]bool{}
	for _, k := range keys {
		wanted[k] = true
	}
	err := s.each(ctx, messages, from, until, func(snap *snapshot, h querier) error {
		blocks := map[int64]bool{}
		for k := range wanted {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := collect(h, blocks, `select block from key_block where key = ?`, int64(k)); err != nil {
				return err
			}
		}
		for _, id := range slices.Sorted(maps.Keys(blocks)) { // what is of one segment stays in the order written
			if err := ctx.Err(); err != nil {
				return err
			}
			if size > store.MaxMessages {
				return nil
			}
			list, err := s.pick(h, snap.seq, id, wanted, from, until)
			if err != nil {
				return err
			}
			for i := range list {
				size += len(list[i].Data)
			}
			out = append(out, list...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(out, func(a, b record.Message) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), a.Ref.Compare(b.Ref))
	})
	return out, nil
}

func collect(db querier, into map[int64]bool, q string, args ...any) error {
	rows, err := db.QueryContext(bg, q, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return err
		}
		into[id] = true
	}
	return rows.Err()
}

// pick reads the wanted messages of one block.
func (s *Store) pick(h querier, seq uint64, id int64, wanted map[uint64]bool, from, until wire.Time) ([]record.Message, error) {
	var head, data []byte
	err := h.QueryRowContext(bg, `select head, data from block where id = ? and seq <= ?`, id, int64(seq)).Scan(&head, &data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil // written, but its batch is not yet
	}
	if err != nil {
		return nil, err
	}
	u, err := s.codec.unpack(head)
	if err != nil {
		return nil, err
	}
	var text []byte
	var out []record.Message
	for i := range u.list {
		m := &u.list[i]
		if !wanted[m.Key] || m.Time < from || until != 0 && m.Time > until {
			continue
		}
		if text == nil {
			if text, err = s.codec.text(u, data); err != nil {
				return nil, err
			}
		}
		m.Data = slices.Clone(text[u.at[i] : u.at[i]+u.size[i]])
		out = append(out, *m)
	}
	return out, nil
}

// Replay implements store.Store.
func (s *Store) Replay(ctx context.Context, from, until wire.Time, visit func(*record.Message) error) error {
	return s.each(ctx, messages, from, until, func(snap *snapshot, h querier) error {
		q := `select distinct part from block where seq <= ? and tmax >= ?`
		args := []any{int64(snap.seq), int64(from)}
		if until != 0 {
			q += ` and tmin <= ?`
			args = append(args, int64(until))
		}
		parts := map[int64]bool{}
		if err := collect(h, parts, q, args...); err != nil {
			return err
		}
		ids := make([]int64, 0, len(parts))
		for id := range parts {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		for _, id := range ids {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := s.replayPart(ctx, h, id, from, until, visit); err != nil {
				return err
			}
		}
		return nil
	})
}

// replayPart hands on the messages that were written together, in the order in which that was.
func (s *Store) replayPart(ctx context.Context, h querier, part int64, from, until wire.Time, visit func(*record.Message) error) error {
	type placed struct {
		record.Message
		place int32
	}
	var list []placed
	// A part is at most so many blocks, and they follow it.
	rows, err := h.QueryContext(bg, `select head, data from block where id between ? and ? and part = ? order by id`,
		part, part+partMessages/blockMessages, part)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		u, text, err := s.codec.scan(rows)
		if err != nil {
			return err
		}
		for i := range u.list {
			m := &u.list[i]
			m.Data = text[u.at[i] : u.at[i]+u.size[i]]
			list = append(list, placed{*m, u.place[i]})
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b placed) int { return cmp.Compare(a.place, b.place) })
	for i := range list {
		if i&1023 == 1023 && ctx.Err() != nil {
			return ctx.Err()
		}
		if m := &list[i].Message; m.Time >= from && (until == 0 || m.Time <= until) {
			if err := visit(m); err != nil {
				return err
			}
		}
	}
	return nil
}
