package sqlite

import (
	"context"
	"database/sql"
	"fmt"
)

// kind is a kind of partition: what is kept for the same time.
type kind int

const (
	messages kind = iota
	cases
	rollups
	kinds
)

// kindFacts: the name in Stats, the folder, and what share of the bytes it may have when there are too many.
var kindFacts = [kinds]struct {
	name, dir string
	share     float64
}{
	messages: {"messages", "m", 0.70},
	cases:    {"cases", "c", 0.25},
	rollups:  {"rollups", "r", 0.05},
}

// layout is how a kind's files are made. A file has its version in user_version. Files of the version before are read
// through views that show them as of this one; they are not written any more.
type layout struct {
	version int
	tables  []string
	before  []string // views on a file of version-1; nil: there is none
}

var messageLayout = layout{version: 1, tables: []string{
	// part: id of the first block of those that were written together, see Replay.
	`create table block(id integer primary key, seq int, at int, part int, n int, tmin int, tmax int, head blob, data blob)`,
	`create table key_block(key int, block int, primary key(key, block)) without rowid`,
}}

var caseLayout = layout{version: 1, tables: []string{
	`create table meta(name text primary key, value int) without rowid`,
	`create table row(n integer primary key, began int, body blob)`,
	// 1024 rows are a segment; post has the places of those that have a term.
	`create table segment(segment integer primary key, n int, dead int, bmin int, bmax int)`,
	`create table post(term blob, segment int, places blob, primary key(term, segment)) without rowid`,
	`create table open(n integer primary key, id text, began int, revision int, body blob)`,
	`create unique index open_id on open(id, began)`,
	`create index open_began on open(began)`,
	`create table open_call(n int, hash int, primary key(n, hash)) without rowid`,
	`create index open_call_hash on open_call(hash)`,
	`create table replaced(id text, began int, primary key(id, began)) without rowid`,
	`create table gap(id integer primary key, tfrom int, tuntil int, body blob)`,
	`create table outbox(seq integer primary key, cells blob)`,
}}

var rollupLayout = layout{version: 1, tables: []string{
	`create table meta(name text primary key, value int) without rowid`,
	`create table word(id integer primary key, text text unique)`,
	`create table cell(counter int, route int, minute int, label int, sums blob, primary key(counter, route, minute, label)) without rowid`,
}}

var catalogLayout = layout{version: 1, tables: []string{
	`create table meta(name text primary key, value int) without rowid`,
	`create table part(kind int, id text, tmin int, tmax int, bmin int, bmax int, rows int, first int, seq int, replaced int, bytes int, sealed int, primary key(kind, id)) without rowid`,
	`create table doc(name text primary key, body blob) without rowid`,
	`create table annotation(id integer primary key, tfrom int, tuntil int, kind text, route text, body text)`,
	`create index annotation_until on annotation(tuntil)`,
}}

// make lays out an empty file.
func (l *layout) make(w *writer) error {
	return w.tx(func() error {
		for _, t := range l.tables {
			if _, err := w.conn.ExecContext(bg, t); err != nil {
				return fmt.Errorf("%s: %w", t, err)
			}
		}
		_, err := w.conn.ExecContext(bg, fmt.Sprintf("pragma user_version=%d", l.version))
		return err
	})
}

// querier is what reads: a pool or a connection of it.
type querier interface {
	QueryContext(ctx context.Context, q string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, q string, args ...any) *sql.Row
}

// versionOf reads a file's version; 0: it was not laid out to the end.
func versionOf(db querier) (v int, err error) {
	err = db.QueryRowContext(bg, "pragma user_version").Scan(&v)
	return v, err
}

// reads returns the views through which a file of a version is read.
func (l *layout) reads(version int) ([]string, error) {
	switch {
	case version == l.version:
		return nil, nil
	case version == l.version-1 && l.before != nil:
		return l.before, nil
	case version > l.version:
		return nil, fmt.Errorf("written by a later version of the program: format %d, and %d is known", version, l.version)
	}
	return nil, fmt.Errorf("written by a version of the program that is too old: format %d, and %d is known", version, l.version)
}
