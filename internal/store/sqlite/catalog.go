package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"

	sqlite3 "modernc.org/sqlite/lib"

	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/wire"
)

// catalog is the file of what is no partition: what is known of those, small documents, annotations. It holds the lock
// on the folder. Its methods may be called from several goroutines.
type catalog struct{ w *writer }

const catalogName = "catalog.sqlite"

// openCatalog opens or makes the catalogue; bad names one that was damaged and set aside.
func openCatalog(dir string, full bool) (c *catalog, bad string, err error) {
	path := filepath.Join(dir, catalogName)
	c, err = tryCatalog(path, full)
	if err != nil && damaged(err) {
		if bad, err = setAside(dir, path); err == nil {
			c, err = tryCatalog(path, full)
		}
	}
	if code(err)&0xff == sqlite3.SQLITE_BUSY {
		return nil, "", fmt.Errorf("open %s: in use by another program", dir)
	}
	return c, bad, err
}

func tryCatalog(path string, full bool) (*catalog, error) {
	w, err := newWriter(path, full, "pragma locking_mode=exclusive", "pragma busy_timeout=200")
	if err != nil {
		return nil, err
	}
	c := &catalog{w}
	if err := c.check(); err != nil {
		w.close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return c, nil
}

func (c *catalog) check() error {
	version, err := versionOf(c.w.conn)
	if err != nil {
		return err
	}
	if version == 0 {
		return catalogLayout.make(c.w)
	}
	if _, err := catalogLayout.reads(version); err != nil {
		return err
	}
	if err := quickCheck(c.w.conn); err != nil {
		return err
	}
	return nil
}

// quickCheck reads through a file.
func quickCheck(db querier) error {
	var said string
	if err := db.QueryRowContext(bg, "pragma quick_check(1)").Scan(&said); err != nil {
		return err
	}
	if said != "ok" {
		return fmt.Errorf("%w: %s", errDamaged, said)
	}
	return nil
}

// number reads a number by name, 0 when there is none.
func number(db querier, name string) (n int64, err error) {
	err = db.QueryRowContext(bg, "select value from meta where name = ?", name).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, err
}

func (c *catalog) set(name string, n int64) error {
	_, err := c.w.conn.ExecContext(bg, "insert or replace into meta values(?, ?)", name, n)
	return err
}

// start says whether the store was closed when it was used last, and notes that it is open now.
func (c *catalog) start() (clean bool, seq uint64, err error) {
	n, err := number(c.w.conn, "clean")
	if err != nil {
		return false, 0, err
	}
	last, err := number(c.w.conn, "seq")
	if err != nil {
		return false, 0, err
	}
	return n == 1, uint64(last), c.set("clean", 0)
}

func (c *catalog) close(seq uint64) error {
	return errors.Join(c.set("seq", int64(seq)), c.set("clean", 1), c.w.close())
}

// partKey names a partition.
type partKey struct {
	kind kind
	id   string
}

func (c *catalog) parts() (map[partKey]info, error) {
	rows, err := c.w.conn.QueryContext(bg, "select kind, id, tmin, tmax, bmin, bmax, rows, first, seq, replaced, bytes, sealed from part")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	m := map[partKey]info{}
	for rows.Next() {
		var k partKey
		var i info
		if err := rows.Scan(&k.kind, &k.id, &i.tmin, &i.tmax, &i.bmin, &i.bmax, &i.rows, &i.first, &i.seq, &i.replaced, &i.bytes, &i.sealed); err != nil {
			return nil, err
		}
		m[k] = i
	}
	return m, rows.Err()
}

func (c *catalog) put(p *partition) error {
	_, err := c.w.conn.ExecContext(bg, "insert or replace into part values(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		p.kind, p.id, int64(p.tmin), int64(p.tmax), int64(p.bmin), int64(p.bmax), int64(p.rows), int64(p.first), int64(p.seq), int64(p.replaced), p.bytes, p.sealed)
	return err
}

func (c *catalog) drop(k kind, id string) error {
	_, err := c.w.conn.ExecContext(bg, "delete from part where kind = ? and id = ?", k, id)
	return err
}

// shared runs do unless the store is closed.
func (s *Store) shared(ctx context.Context, do func(conn *sql.Conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return store.ErrClosed
	}
	return s.full(do(s.catalog.w.conn))
}

// Put implements store.Store.
func (s *Store) Put(ctx context.Context, name string, doc []byte) error {
	return s.shared(ctx, func(conn *sql.Conn) error {
		if doc == nil {
			doc = []byte{}
		}
		_, err := conn.ExecContext(bg, "insert or replace into doc values(?, ?)", name, doc)
		if err != nil {
			return fmt.Errorf("put %s: %w", name, err)
		}
		return nil
	})
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, name string) (doc []byte, err error) {
	err = s.shared(ctx, func(conn *sql.Conn) error {
		err := conn.QueryRowContext(bg, "select body from doc where name = ?", name).Scan(&doc)
		if errors.Is(err, sql.ErrNoRows) {
			err = store.ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("get %s: %w", name, err)
		}
		return nil
	})
	return doc, err
}

// Annotate implements store.Store.
func (s *Store) Annotate(ctx context.Context, a record.Annotation) (id uint64, err error) {
	err = s.shared(ctx, func(conn *sql.Conn) error {
		var known any // null: the next one
		if a.ID != 0 {
			known = int64(a.ID)
		}
		r, err := conn.ExecContext(bg, "insert or replace into annotation values(?, ?, ?, ?, ?, ?)", known, int64(a.From), int64(a.Until), a.Kind, a.Route, a.Text)
		if err != nil {
			return fmt.Errorf("annotate: %w", err)
		}
		n, err := r.LastInsertId()
		id = uint64(n)
		return err
	})
	return id, err
}

// Annotations implements store.Store.
func (s *Store) Annotations(ctx context.Context, from, until wire.Time) (list []record.Annotation, err error) {
	err = s.shared(ctx, func(conn *sql.Conn) error {
		rows, err := conn.QueryContext(bg, "select id, tfrom, tuntil, kind, route, body from annotation where tuntil >= ? and (? = 0 or tfrom <= ?) order by tfrom, id",
			int64(from), int64(until), int64(until))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var a record.Annotation
			if err := rows.Scan(&a.ID, &a.From, &a.Until, &a.Kind, &a.Route, &a.Text); err != nil {
				return err
			}
			list = append(list, a)
		}
		return rows.Err()
	})
	return list, err
}
