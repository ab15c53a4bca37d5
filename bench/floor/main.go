// Command floor measures what the messages of a capture cost without sipcause: as rows of one table of SQLite, and
// compressed by zlib at its best.
package main

import (
	"compress/zlib"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver

	"sipcause/internal/capture"
	"sipcause/internal/decode"
	"sipcause/internal/wire"
)

// Floor is what is printed, as JSON.
type Floor struct {
	Messages, TextBytes      int
	RowsSeconds, ZlibSeconds float64
	RowsBytes, ZlibBytes     int64
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

// perBatch is how many rows are in one transaction, as in the server's store under load.
const perBatch = 20_000

func run() error {
	dir := flag.String("dir", "", "folder for the table, which is removed")
	limit := flag.Int("messages", 0, "no more messages than these; 0: all")
	flag.Parse()
	src, err := capture.Open(flag.Args(), os.Stdin)
	if err != nil {
		return err
	}
	at, err := os.MkdirTemp(*dir, "rows")
	if err != nil {
		return err
	}
	defer os.RemoveAll(at)
	f := &floor{limit: *limit}
	if f.zip, err = zlib.NewWriterLevel(&f.size, zlib.BestCompression); err != nil {
		return err
	}
	path := filepath.Join(at, "rows.sqlite")
	if f.db, err = sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)"); err != nil {
		return err
	}
	f.db.SetMaxOpenConns(1)
	if _, err := f.db.Exec(`CREATE TABLE message (time INTEGER, src TEXT, dst TEXT, transport INTEGER, text BLOB)`); err != nil {
		return err
	}
	dec := decode.New(f, decode.Options{})
	err = src.Run(context.Background(), func(p *wire.Packet) error {
		dec.Packet(p)
		return f.err
	}, func(*wire.Payload) error { return nil }, func(wire.Gap) {})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	if err := errors.Join(f.flush(), f.zip.Close(), f.db.Close()); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f.RowsBytes, f.ZlibBytes = info.Size(), int64(f.size)
	return json.NewEncoder(os.Stdout).Encode(&f.Floor)
}

// errEnough ends the reading of the capture.
var errEnough = errors.New("as many messages as were wanted")

// written counts bytes.
type written int64

func (w *written) Write(b []byte) (int, error) {
	*w += written(len(b))
	return len(b), nil
}

// floor is a sink of the decoder.
type floor struct {
	Floor
	limit int
	db    *sql.DB
	zip   *zlib.Writer
	size  written
	batch []row
	err   error
}

type row struct {
	time      wire.Time
	src, dst  string
	transport wire.Transport
	text      []byte
}

func (f *floor) Payload(p *wire.Payload) {
	if f.err != nil {
		return
	}
	f.Messages++
	f.TextBytes += len(p.Data)
	f.batch = append(f.batch, row{p.Time, p.Flow.Src.String(), p.Flow.Dst.String(), p.Flow.Transport, append([]byte(nil), p.Data...)})
	if len(f.batch) == perBatch {
		f.err = f.flush()
	}
	if f.err == nil && f.Messages == f.limit {
		f.err = errEnough
	}
}

func (f *floor) Event(*wire.Event) {}
func (f *floor) Gap(wire.Gap)      {}
func (f *floor) Media(*wire.Media) {}

// flush compresses and inserts what is collected. One stream of zlib runs through all of it.
func (f *floor) flush() error {
	began := time.Now()
	for i := range f.batch {
		if _, err := f.zip.Write(f.batch[i].text); err != nil {
			return err
		}
	}
	zipped := time.Now()
	f.ZlibSeconds += zipped.Sub(began).Seconds()
	tx, err := f.db.Begin()
	if err != nil {
		return err
	}
	insert, err := tx.Prepare(`INSERT INTO message VALUES (?, ?, ?, ?, ?)`)
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	for i := range f.batch {
		r := &f.batch[i]
		if _, err := insert.Exec(int64(r.time), r.src, r.dst, int64(r.transport), r.text); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	if err := errors.Join(insert.Close(), tx.Commit()); err != nil {
		return err
	}
	f.RowsSeconds += time.Since(zipped).Seconds()
	f.batch = f.batch[:0]
	return nil
}
