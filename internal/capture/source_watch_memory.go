package capture

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sipcause/internal/wire"
)

// maxRemembered bounds the files of a watched folder that are known to have been read.
const maxRemembered = 4096

const memoryVersion = 1

// memory is what has been read of a folder, as the position file has it. A file that is not in it and was not changed
// after Horizon was read and is forgotten.
type memory struct {
	Version int       `json:"version"`
	Horizon time.Time `json:"horizon"`
	Files   []mark    `json:"files"`

	changed bool
}

// loadMemory reads a position file; one that is not there yet is an empty one.
func loadMemory(path string) (m memory, err error) {
	if path == "" {
		return m, nil
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err == nil && m.Version != memoryVersion {
		err = fmt.Errorf("version %d, not %d", m.Version, memoryVersion)
	}
	if err != nil {
		return m, fmt.Errorf("read position file %s: %w; without the file all captures are read anew", path, err)
	}
	return m, nil
}

// save writes the position file when there is something new; until it can, the source says so.
func (w *folder) save() {
	w.saved = time.Now()
	if w.opt.Position == "" || !w.memory.changed {
		return
	}
	m := memory{Version: memoryVersion, Horizon: w.memory.Horizon}
	for _, f := range w.files {
		f.remember()
		if f.Packets > 0 || f.Bad || f.Copy {
			m.Files = append(m.Files, f.mark)
		}
	}
	b, err := json.Marshal(m)
	if err == nil {
		err = replaceFile(w.opt.Position, b)
	}
	w.unsaved = ""
	if w.memory.changed = err != nil; err != nil {
		w.unsaved = fmt.Sprintf("what has been read of %s cannot be remembered: %v", w.dir, err)
	}
	w.assess()
}

// replaceFile writes a file so that it is there whole, before or after.
func replaceFile(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".position-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// fresh is a file that is not known by its name.
type fresh struct {
	name string
	info fs.FileInfo
}

// scan looks at what is in the folder: new files, and known ones that changed.
func (w *folder) scan() {
	here, err := w.list()
	w.unreadable = ""
	if err != nil {
		w.unreadable = fmt.Sprintf("folder %s cannot be read: %v", w.dir, err)
	}
	defer w.assess()
	if err != nil {
		return
	}
	was := map[*watched]fs.FileInfo{}
	byName := map[string]*watched{}
	for _, f := range w.files {
		if byName[f.Name] == nil || f.info != nil {
			byName[f.Name] = f
		}
		was[f], f.info = f.info, nil
	}
	var list []fresh
	for name, info := range here {
		f := byName[name]
		switch {
		case f == nil:
		case was[f] != nil && os.SameFile(was[f], info), was[f] == nil && f.Size == info.Size() && f.Modified.Equal(info.ModTime()):
			f.info = info
			continue
		}
		list = append(list, fresh{name, info})
	}
	list = slices.DeleteFunc(list, func(n fresh) bool { return w.renamed(n, was) })
	for _, f := range slices.Clone(w.files) {
		changed := f.info != nil && (f.info.Size() != f.Size || !f.info.ModTime().Equal(f.Modified))
		if changed && f.tail == nil && !f.pending && w.room() {
			w.identify(f)
		}
	}
	slices.SortFunc(list, func(a, b fresh) int { return a.info.ModTime().Compare(b.info.ModTime()) })
	for _, n := range list {
		if n.info.ModTime().After(w.memory.Horizon) && w.room() {
			f := &watched{mark: mark{Name: n.name}, info: n.info}
			w.files = append(w.files, f)
			w.identify(f)
		}
	}
	w.forget()
}

// list returns the files that may be captures, links followed.
func (w *folder) list() (map[string]fs.FileInfo, error) {
	entries, err := os.ReadDir(w.dir)
	if err != nil {
		return nil, err
	}
	position, _ := filepath.Abs(w.opt.Position)
	here := map[string]fs.FileInfo{}
	for _, e := range entries {
		path := filepath.Join(w.dir, e.Name())
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if abs, _ := filepath.Abs(path); abs == position && w.opt.Position != "" {
			continue
		}
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			here[e.Name()] = info
		}
	}
	return here, nil
}

// room says whether another file can be looked at; if not, another scan will.
func (w *folder) room() bool {
	full := len(w.pending) >= maxPending
	w.dirty = w.dirty || full
	return !full
}

// renamed says whether a file is one that had another name before.
func (w *folder) renamed(n fresh, was map[*watched]fs.FileInfo) bool {
	for f, info := range was {
		if f.info == nil && info != nil && os.SameFile(info, n.info) {
			f.Name, f.info = n.name, n.info
			w.memory.changed = true
			return true
		}
	}
	return false
}

// identify looks at how a file begins. One that begins like another that is gone is that one.
func (w *folder) identify(f *watched) {
	head, first, err := glanceAt(w.path(f))
	if err != nil || f.Packets > 0 || f.Copy {
		w.place(f, head, first, err)
		return
	}
	switch same := w.known(head, f.Name); {
	case same == nil:
		w.place(f, head, first, nil)
	case same.info == nil:
		same.Name, same.info = f.Name, f.info
		w.files = slices.DeleteFunc(w.files, func(o *watched) bool { return o == f })
		if same.tail == nil && !same.pending {
			w.place(same, head, first, nil)
		}
	default: // packed, and the file it was made of is still there
		f.Head, f.Hash, f.Copy = same.Head, same.Hash, true
		w.place(f, head, first, nil)
	}
}

// known returns the file that begins with head: one that is not there under its name any more, or one that a packed file
// of this name was made of.
func (w *folder) known(head []byte, name string) *watched {
	for _, f := range w.files {
		f.remember()
		made := f.info != nil && (name == f.Name+".gz" || name == f.Name+".zst")
		if (f.info == nil || made) && f.is(head) {
			return f
		}
	}
	return nil
}

// place puts a file that is not open where it belongs by what a glance at it said.
func (w *folder) place(f *watched, head []byte, first wire.Time, err error) {
	var format *FormatError
	switch {
	case err == nil && f.Copy && f.is(head):
		f.Size, f.Modified = f.info.Size(), f.info.ModTime()
		w.memory.changed = true
	case err == nil:
		if (f.Packets > 0 || f.Copy) && !f.is(head) { // written anew
			f.mark = mark{Name: f.Name}
		}
		f.Bad = false
		w.queue(f, first)
	case errors.As(err, &format):
		f.Size, f.Modified = f.info.Size(), f.info.ModTime()
		w.passOver(f, err)
	case errors.Is(err, fs.ErrPermission): // that it may be read changes neither its size nor its time
		f.Size = unfinished
		w.passOver(f, err)
		w.unreadable = fmt.Sprintf("watch folder %s: %v", w.dir, err)
	case time.Since(f.info.ModTime()) > packedAfter: // nothing in it yet; it is looked at again when it changes
		f.Size, f.Modified = f.info.Size(), f.info.ModTime()
	default:
		w.dirty = true
	}
}

// passOver counts a file that gives nothing, once.
func (w *folder) passOver(f *watched, why error) {
	if f.Bad {
		return
	}
	f.Bad = true
	w.memory.changed = true
	words := why.Error()
	w.badFile.Store(&words)
	w.badFiles.Add(1)
}

// forget drops the files that were changed longest ago from the memory, those that are gone first.
func (w *folder) forget() {
	over := len(w.files) - maxRemembered
	if over <= 0 {
		return
	}
	idle := slices.DeleteFunc(slices.Clone(w.files), func(f *watched) bool { return f.tail != nil || f.pending })
	slices.SortFunc(idle, func(a, b *watched) int {
		if gone := a.info == nil; gone != (b.info == nil) {
			if gone {
				return -1
			}
			return 1
		}
		return a.Modified.Compare(b.Modified)
	})
	out := map[*watched]bool{}
	for _, f := range idle[:min(over, len(idle))] {
		out[f] = true
		if f.info != nil && f.Modified.After(w.memory.Horizon) {
			w.memory.Horizon = f.Modified
		}
	}
	w.files = slices.DeleteFunc(w.files, func(f *watched) bool { return out[f] })
	w.memory.changed = true
}
