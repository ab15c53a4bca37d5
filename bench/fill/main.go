// Command fill puts a capture through the engine, as analyze runs it, into a store, as the server has it: with the times
// of the capture, as fast as it goes, waiting for the store.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"sipcause/internal/capture"
	"sipcause/internal/kpi"
	"sipcause/internal/pipeline"
	"sipcause/internal/record"
	"sipcause/internal/route"
	"sipcause/internal/store"
	"sipcause/internal/store/sqlite"
	"sipcause/internal/view"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "fill:", err)
		os.Exit(1)
	}
}

// perBatch is how many messages are written at once, as by the server under load.
const perBatch = 20_000

func run() (err error) {
	dir := flag.String("data", "", "folder of the store")
	flag.Parse()
	src, err := capture.Open(flag.Args(), os.Stdin)
	if err != nil {
		return err
	}
	s, err := sqlite.Open(*dir, sqlite.Options{})
	if err != nil {
		return err
	}
	defer func() {
		if cerr := s.Close(); err == nil {
			err = cerr
		}
	}()
	routes, err := route.NewTable(nil, route.Max)
	if err != nil {
		return err
	}
	ctx := context.Background()
	w := &writer{store: s, ctx: ctx, began: time.Now(), sums: map[record.Cell]int64{}}
	opt := pipeline.Options{Routes: routes, Record: w.seen}
	if _, err := pipeline.Run(ctx, src, opt, w.emit); err != nil {
		return err
	}
	if err := w.write(); err != nil {
		return err
	}
	st, err := s.Stats(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("%d messages, %d cases, %d cells in %d partitions, %s to %s, in %.1f s, %.1f of them writing\n", st.Messages, st.Cases, st.Cells, st.Partitions,
		st.Oldest.Std().UTC().Format(time.DateTime), st.Newest.Std().UTC().Format(time.DateTime), time.Since(w.began).Seconds(), w.spent.Seconds())
	return nil
}

// writer makes batches of what the engine saw and said.
type writer struct {
	store   store.Store
	ctx     context.Context
	began   time.Time
	spent   time.Duration // writing
	batch   store.Batch
	sums    map[record.Cell]int64 // by the cell without its number
	subject view.Subject
	err     error
}

func (w *writer) seen(s *pipeline.Seen) {
	var total int
	for i := range s.Payloads {
		total += len(s.Payloads[i].Data)
	}
	slab := make([]byte, 0, total)
	for i := range s.Payloads {
		p := &s.Payloads[i]
		at := len(slab)
		slab = append(slab, p.Data...)
		w.batch.Messages = append(w.batch.Messages, record.Message{
			Key: s.Keys[i], Time: p.Time, Ref: p.Ref, Flow: p.Flow, Point: "bench", IPID: p.IPID, Fragments: uint8(min(p.Fragments, 255)), Truncated: p.Truncated,
			Data: slab[at:len(slab):len(slab)],
		})
		w.batch.At = max(w.batch.At, p.Time)
	}
	if len(w.batch.Messages) >= perBatch && w.err == nil {
		w.err = w.write()
	}
}

func (w *writer) emit(c *view.Case) error {
	if w.err != nil {
		return w.err
	}
	r := view.Record(c, &w.subject)
	r.Revision, r.Final, r.Keys = 1, true, pipeline.KeysOf(c.Call)
	w.batch.Cases = append(w.batch.Cases, r)
	kpi.Count(c, func(cell record.Cell) {
		n := cell.N
		cell.N = 0
		w.sums[cell] += n
	})
	return nil
}

func (w *writer) write() error {
	for cell, n := range w.sums {
		if cell.N = n; n != 0 {
			w.batch.Cells = append(w.batch.Cells, cell)
		}
	}
	clear(w.sums)
	w.batch.Seq++
	began := time.Now()
	err := w.store.Write(w.ctx, &w.batch)
	w.spent += time.Since(began)
	w.batch = store.Batch{Seq: w.batch.Seq}
	return err
}
