package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"syscall"

	driversqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"sipcause/internal/store"
)

// pageSize of every file: with 4 KiB a block of messages would need more pages in chains.
const pageSize = 8192

// access says how a file is opened.
type access int

const (
	writing access = iota // one connection, made when missing
	live                  // read beside the writer
	sealed                // read only; nobody writes any more
)

// bg is the context of single statements: they are short, and one that can end costs the driver a goroutine each.
var bg = context.Background()

// connector sets up each connection of a pool.
type connector struct {
	driver.Connector
	setup []string
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range c.setup {
		if _, err := conn.(driver.ExecerContext).ExecContext(ctx, s, nil); err != nil {
			conn.Close()
			return nil, fmt.Errorf("%s: %w", s, err)
		}
	}
	return conn, nil
}

// openFile returns a pool of connections to a file; each is set up with more: pragmas, or the views of an older layout.
func openFile(path string, how access, full bool, more []string) (*sql.DB, error) {
	mode, setup := "rwc", []string{"pragma busy_timeout=5000"}
	switch how {
	case writing:
		sync := "normal"
		if full {
			sync = "full"
		}
		setup = append(append(setup, more...), fmt.Sprintf("pragma page_size=%d", pageSize), "pragma journal_mode=wal",
			"pragma synchronous="+sync, "pragma cache_size=-16384", "pragma journal_size_limit=67108864", "pragma temp_store=memory")
	case live:
		mode, setup = "rw", append(setup, "pragma cache_size=-4096", "pragma query_only=1")
	case sealed:
		mode, setup = "ro", append(append(setup, "pragma cache_size=-8192"), more...)
	}
	base, err := driversqlite.NewConnector((&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: "mode=" + mode}).String())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db := sql.OpenDB(connector{base, setup})
	switch how {
	case writing:
		db.SetMaxOpenConns(1)
	case sealed:
		db.SetMaxOpenConns(2)
	case live:
		// Each reader holds a transaction: one must not wait for another while it keeps the writer waiting.
		db.SetMaxIdleConns(2)
	}
	return db, nil
}

// writer is the one connection that writes a file.
type writer struct {
	db    *sql.DB
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

func newWriter(path string, full bool, more ...string) (*writer, error) {
	db, err := openFile(path, writing, full, more)
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(bg)
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return &writer{db: db, conn: conn, stmts: map[string]*sql.Stmt{}}, nil
}

func (w *writer) stmt(q string) (*sql.Stmt, error) {
	if st := w.stmts[q]; st != nil {
		return st, nil
	}
	st, err := w.conn.PrepareContext(bg, q)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", q, err)
	}
	w.stmts[q] = st
	return st, nil
}

func (w *writer) exec(q string, args ...any) error {
	st, err := w.stmt(q)
	if err != nil {
		return err
	}
	_, err = st.ExecContext(bg, args...)
	return err
}

// row reads the one row of a query; found is false when there is none.
func (w *writer) row(q string, args, into []any) (found bool, err error) {
	st, err := w.stmt(q)
	if err != nil {
		return false, err
	}
	err = st.QueryRowContext(bg, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// tx does f in a transaction: all of it or, when f or the commit fails, nothing.
func (w *writer) tx(f func() error) error {
	return w.txThen(f, func(commit func() error) error { return commit() })
}

// txThen is tx with something around the commit.
func (w *writer) txThen(f func() error, around func(commit func() error) error) error {
	if err := w.exec("begin immediate"); err != nil {
		return err
	}
	err := f()
	if err == nil {
		err = around(func() error { return w.exec("commit") })
	}
	if err != nil {
		_, _ = w.conn.ExecContext(bg, "rollback") // fails when SQLite did it by itself: SQLITE_FULL
	}
	return err
}

func (w *writer) close() error {
	for _, st := range w.stmts {
		st.Close()
	}
	w.conn.Close()
	return w.db.Close()
}

// code returns SQLite's result code of an error, 0 when it has none.
func code(err error) int {
	var e *driversqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

// damaged says whether err is about what a file holds, not about reading it.
func damaged(err error) bool {
	c := code(err) & 0xff
	return c == sqlite3.SQLITE_CORRUPT || c == sqlite3.SQLITE_NOTADB || errors.Is(err, errDamaged)
}

var errDamaged = errors.New("file is damaged")

// minRoom is what SQLite needs to do anything: with less a failing write is for want of space, whatever it says.
const minRoom = 1 << 20

// full wraps what failed for want of space, or because nothing may be written, in store.ErrFull.
func (s *Store) full(err error) error {
	if err == nil || errors.Is(err, store.ErrFull) {
		return err
	}
	is := false
	switch code(err) & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY:
		is = true
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN:
		free, readOnly := room(s.dir)
		is = readOnly || free < minRoom
	}
	if is || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	}
	return err
}

// sizeOf returns what a database takes on the disk, its log included.
func sizeOf(path string) (n int64) {
	for _, suffix := range suffixes {
		if fi, err := os.Stat(path + suffix); err == nil {
			n += fi.Size()
		}
	}
	return n
}

var suffixes = [...]string{"", "-wal", "-shm", "-journal"}

// remove unlinks a database.
func remove(path string) error {
	for _, suffix := range suffixes {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

const badSuffix = ".bad"

// setAside renames a damaged database and returns its new name, relative to the store.
func setAside(dir, path string) (string, error) {
	to := path + badSuffix
	for n := 2; ; n++ {
		if _, err := os.Lstat(to); errors.Is(err, os.ErrNotExist) {
			break
		}
		to = fmt.Sprintf("%s.%d%s", path, n, badSuffix)
	}
	for _, suffix := range suffixes {
		if err := os.Rename(path+suffix, to+suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
	}
	name, err := filepath.Rel(dir, to)
	if err != nil {
		name = to
	}
	return name, nil
}
