package capture

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"

	"sipcause/internal/wire"
)

// WatchOptions says how a folder is watched.
type WatchOptions struct {
	Position string                   // file that remembers what has been read; "": a restart reads all there is anew
	Source   uint32                   // wire.PacketRef.Source of all its packets; their numbers count through all files
	Points   func(name string) uint16 // capture point of the folder, which is one; nil: 0
}

const (
	tailEvery   = 200 * time.Millisecond // between two looks at the files that are being written
	coalesce    = 10 * time.Millisecond  // writes that come close together are read together
	rescanEvery = 5 * time.Second        // with notifications, which may be lost or not come at all; else rescanAlone
	rescanAlone = time.Second
	scanSoon    = 100 * time.Millisecond // between two scans when there is news
	saveEvery   = time.Second
	idleAfter   = 10 * time.Minute // a file that does not grow any more is closed; it is opened again if it does
	goneAfter   = 10 * time.Second // the same of one that is not in the folder any more
	atOnce      = 1 << 14          // packets between two looks at the folder

	// maxFollowed bounds the files that are open at a time.
	maxFollowed = 64
	// maxPending bounds the files that wait for their turn; others are taken up later, those changed first before others.
	maxPending = 1024
	// maxEvents bounds the notifications that are taken together.
	maxEvents = 1024
)

// folder reads the captures in a folder as they are written. All but State is for one goroutine.
type folder struct {
	dir     string
	opt     WatchOptions
	point   uint16
	memory  memory
	files   []*watched // known: read, being read, to be read
	open    []*watched
	pending []*watched // by the time of their first packet
	gap     func(g wire.Gap)
	number  uint64
	dirty   bool // something changed since scanned
	scanned time.Time
	saved   time.Time

	unreadable, unsaved string // what is wrong now

	packets, bytes, badFiles, badRecords atomic.Uint64
	last                                 atomic.Int64
	problem, badFile, badRecord          atomic.Pointer[string]
}

// WatchFolder reads the pcap and pcapng files of a folder, not of those below, plain or packed by gzip or zstd: those
// there, by time, and then what is written to them and the files to come, by tcpdump -G, -C or -W, by dumpcap, or moved
// there. It follows a file through renaming, packing and deletion, begins anew with one that is written anew, and reads
// nothing twice. A name that begins with a dot is passed over. A file that is no capture is counted once, as is one that may
// not be read, which is tried again until it may; nothing is missing for that.
func WatchFolder(dir string, opt WatchOptions) (Live, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("watch folder: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("watch folder %s: it is no folder", dir)
	}
	w := &folder{dir: dir, opt: opt, gap: silent.gap}
	if opt.Points != nil {
		w.point = opt.Points(dir)
	}
	if w.memory, err = loadMemory(opt.Position); err != nil {
		return nil, err
	}
	for _, m := range w.memory.Files {
		w.files = append(w.files, &watched{mark: m})
	}
	return w, nil
}

// Name implements Live.
func (w *folder) Name() string { return "watch " + w.dir }

// State implements Live.
func (w *folder) State() LiveState {
	s := LiveState{
		Packets: w.packets.Load(), Bytes: w.bytes.Load(),
		Dropped: []Dropped{{Reason: "bad-file", Count: w.badFiles.Load()}, {Reason: "bad-record", Count: w.badRecords.Load()}},
	}
	for i, last := range []*atomic.Pointer[string]{&w.badFile, &w.badRecord} {
		if p := last.Load(); p != nil {
			s.Dropped[i].Last = *p
		}
	}
	if at := w.last.Load(); at != 0 {
		s.Last = wire.Time(at).Std()
	}
	if p := w.problem.Load(); p != nil {
		s.Problem = *p
	}
	return s
}

// Run implements Live.
func (w *folder) Run(ctx context.Context, packet func(p *wire.Packet), gap func(g wire.Gap)) error {
	w.gap = gap
	defer w.close()
	events := notifications(w.dir)
	every := rescanAlone
	if events != nil {
		defer events.Close()
		every = rescanEvery
	}
	tick := time.NewTicker(tailEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		if since := time.Since(w.scanned); since >= every || w.dirty && since >= scanSoon {
			w.dirty = false
			w.scan()
			w.scanned = time.Now()
		}
		more := w.drain(ctx, packet)
		if time.Since(w.saved) >= saveEvery {
			w.save()
		}
		if !more {
			w.wait(ctx, tick, events)
		}
	}
	w.save()
	return nil
}

// notifications returns what tells of changes, nil where the system cannot.
func notifications(dir string) *fsnotify.Watcher {
	n, err := fsnotify.NewWatcher()
	if err != nil {
		return nil
	}
	if n.Add(dir) != nil {
		n.Close()
		return nil
	}
	return n
}

// wait returns when something was written, or after a while.
func (w *folder) wait(ctx context.Context, tick *time.Ticker, events *fsnotify.Watcher) {
	if events == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		return
	}
	select {
	case <-ctx.Done():
	case <-tick.C:
	case err := <-events.Errors: // some were lost
		w.dirty = w.dirty || err != nil
	case e := <-events.Events:
		time.Sleep(coalesce)
		for range maxEvents {
			if !e.Has(fsnotify.Write) && !e.Has(fsnotify.Chmod) || !w.follows(e.Name) {
				w.dirty = true
			}
			select {
			case e = <-events.Events:
				continue
			default:
			}
			break
		}
	}
}

// follows says whether a file is open already, so that what is written to it is seen anyway.
func (w *folder) follows(path string) bool {
	return slices.ContainsFunc(w.open, func(f *watched) bool { return f.Name == filepath.Base(path) })
}

// drain hands on what is there, by time; true when it stopped before the end.
func (w *folder) drain(ctx context.Context, packet func(p *wire.Packet)) (more bool) {
	for _, f := range slices.Clone(w.open) {
		w.refresh(f)
	}
	for n := range atOnce {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return false
		}
		f := w.earliest()
		if len(w.pending) > 0 && (f == nil || w.pending[0].first <= f.head.Time) && w.openNext() {
			continue
		}
		if f == nil {
			return false
		}
		w.hand(f, packet)
		w.advance(f)
	}
	return true
}

// earliest returns the open file whose packet is next in turn, nil when none has one.
func (w *folder) earliest() (first *watched) {
	for _, f := range w.open {
		if f.ready && (first == nil || f.head.Time < first.head.Time) {
			first = f
		}
	}
	return first
}

func (w *folder) hand(f *watched, packet func(p *wire.Packet)) {
	w.number++
	p := &f.head
	p.Ref, p.Point = wire.PacketRef{Source: w.opt.Source, Number: w.number}, w.point
	w.packets.Add(1)
	w.bytes.Add(uint64(len(p.Data)))
	w.last.Store(int64(p.Time))
	f.Packets++
	w.memory.changed = true
	packet(p)
}

// advance reads the next packet of an open file; one that has ended is closed.
func (w *folder) advance(f *watched) {
	err := f.tail.next(&f.head)
	f.ready = err == nil
	switch {
	case err == nil || errors.Is(err, errMore):
		return
	case !errors.Is(err, io.EOF):
		f.tail.failed = true
		w.tell(wire.Gap{Kind: wire.GapBadRecord, From: f.head.Time, Until: f.head.Time, Where: err.Error()})
	}
	w.shut(f)
}

// openNext opens the file whose turn it is, false when as many are open as may be and all have packets.
func (w *folder) openNext() bool {
	if len(w.open) >= maxFollowed {
		var idle *watched
		for _, f := range w.open {
			if !f.ready && (idle == nil || f.grown.Before(idle.grown)) {
				idle = f
			}
		}
		if idle == nil {
			return false
		}
		if time.Since(idle.grown) > idleAfter {
			idle.tail.end()
			w.advance(idle)
		} else {
			w.shut(idle)
		}
	}
	f := w.pending[0]
	w.pending = slices.Delete(w.pending, 0, 1)
	f.pending = false
	skipping := true // what is passed over was told already
	t, err := openTail(w.path(f), w.opt.Source, func(g wire.Gap) {
		if !skipping {
			w.tell(g)
		}
	})
	if err != nil {
		return true // it is gone again, or written anew: the next scan sees
	}
	f.tail, f.grown = t, f.info.ModTime()
	w.open = append(w.open, f)
	for range f.Packets {
		if err := t.next(&f.head); err != nil {
			break
		}
	}
	skipping = false
	w.advance(f)
	return true
}

// refresh looks whether a file has more, and closes one that will not.
func (w *folder) refresh(f *watched) {
	if f.ready {
		return
	}
	switch grew, anew := f.tail.refresh(); {
	case anew:
		f.tail.end()
		for w.advance(f); f.tail != nil; w.advance(f) { // what was read and not handed on; there is no more than half a record
		}
		f.mark = mark{Name: f.Name}
		w.dirty = true
		return
	case grew:
		f.grown = time.Now()
	case time.Since(f.grown) > idleAfter, f.info == nil && time.Since(f.grown) > goneAfter:
		f.tail.end()
	}
	w.advance(f)
}

// shut closes an open file and remembers how far it was read.
func (w *folder) shut(f *watched) {
	f.remember()
	f.tail.close()
	f.tail, f.ready = nil, false
	w.open = slices.DeleteFunc(w.open, func(o *watched) bool { return o == f })
	w.memory.changed = true
}

// tell hands on what is missing in a file.
func (w *folder) tell(g wire.Gap) {
	if g.Kind == wire.GapBadRecord || g.Kind == wire.GapTruncated {
		w.badRecords.Add(1)
		w.badRecord.Store(&g.Where)
	}
	g.Point, g.Ref = w.point, wire.PacketRef{Source: w.opt.Source, Number: w.number}
	w.gap(g)
}

// assess makes what is wrong now visible.
func (w *folder) assess() {
	words := cmp.Or(w.unreadable, w.unsaved)
	w.problem.Store(&words)
}

func (w *folder) path(f *watched) string { return filepath.Join(w.dir, f.Name) }

func (w *folder) close() {
	for _, f := range w.open {
		f.tail.close()
	}
	w.open = nil
}

// queue puts a file among those whose turn comes by time.
func (w *folder) queue(f *watched, first wire.Time) {
	f.first, f.pending = first, true
	at, _ := slices.BinarySearchFunc(w.pending, f, func(a, b *watched) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.Name, b.Name))
	})
	w.pending = slices.Insert(w.pending, at, f)
}
