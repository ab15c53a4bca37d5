package agent

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"sipcause/internal/hep"
)

const (
	segmentBytes  = 4 << 20 // of one file of the buffer
	segmentSuffix = ".hep"
	positionFile  = "position"
	saveEvery     = 200 * time.Millisecond
)

// errFull says that there is no room.
var errFull = errors.New("the buffer is full")

// spool keeps packets in files of a directory, first in, first out. What is read stays until it is confirmed. The files
// are one stream, each named by the offset at which it begins.
type spool struct {
	dir      string
	limit    int64 // bytes of all files
	unlock   func()
	segments []segment // oldest first
	tail     *os.File  // the last segment, while it is written to
	head     *os.File  // the segment that is read
	headAt   int64     // its start

	done, read, end int64     // offsets: what is before is confirmed, read, written
	saved           time.Time // when done was written down
	scratch         []byte
}

// segment is one file.
type segment struct{ start, size int64 }

func (s segment) end() int64 { return s.start + s.size }

// openSpool opens the directory, and makes it if need be. It is for one process at a time.
func openSpool(dir string, limit int64) (*spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make buffer: %w", err)
	}
	unlock, err := lockFile(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("lock buffer %s: %w", dir, err)
	}
	s := &spool{dir: dir, limit: limit, unlock: unlock, scratch: make([]byte, batchBytes+packetBytes)}
	if err := s.load(); err != nil {
		unlock()
		return nil, fmt.Errorf("read buffer: %w", err)
	}
	return s, nil
}

// load finds what an earlier run left.
func (s *spool) load() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		base, ours := strings.CutSuffix(e.Name(), segmentSuffix)
		start, err := strconv.ParseInt(base, 10, 64)
		if !ours || err != nil {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		s.segments = append(s.segments, segment{start, info.Size()})
	}
	text, err := os.ReadFile(filepath.Join(s.dir, positionFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s.done, _ = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64) // unreadable: all is sent again
	s.end = s.done
	if len(s.segments) > 0 {
		slices.SortFunc(s.segments, func(a, b segment) int { return cmp.Compare(a.start, b.start) })
		s.end = s.segments[len(s.segments)-1].end()
		s.done = min(max(s.done, s.segments[0].start), s.end)
	}
	s.read = s.done
	return s.drop()
}

func (s *spool) path(start int64) string {
	return filepath.Join(s.dir, fmt.Sprintf("%020d%s", start, segmentSuffix))
}

// bytes returns what the files take.
func (s *spool) bytes() (n int64) {
	for _, g := range s.segments {
		n += g.size
	}
	return n
}

// push appends whole packets, all or none; errFull when there is no room.
func (s *spool) push(b []byte) error {
	if s.bytes()+int64(len(b)) > s.limit {
		return errFull
	}
	last := len(s.segments) - 1
	if s.tail == nil || s.segments[last].size >= segmentBytes {
		s.closeTail()
		f, err := os.OpenFile(s.path(s.end), os.O_CREATE|os.O_WRONLY|os.O_APPEND|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		s.tail, s.segments, last = f, append(s.segments, segment{start: s.end}), last+1
	}
	if _, err := s.tail.Write(b); err != nil {
		return errors.Join(err, s.tail.Truncate(s.segments[last].size))
	}
	s.segments[last].size += int64(len(b))
	s.end += int64(len(b))
	return nil
}

func (s *spool) closeTail() {
	if s.tail != nil {
		s.tail.Close()
		s.tail = nil
	}
}

// next reads whole packets, no more than a batch but at least one, if there is any. n is how far that leads: bytes that
// are no packet are passed over. The batch is valid until the next call.
func (s *spool) next() (batch []byte, n int, err error) {
	for s.read < s.end {
		i := slices.IndexFunc(s.segments, func(g segment) bool { return s.read < g.end() })
		if i < 0 {
			break
		}
		if skip := s.segments[i].start - s.read; skip > 0 { // a file is gone
			s.read, n = s.read+skip, n+int(skip)
		}
		left := s.segments[i].end() - s.read
		var junk, whole int
		var b []byte
		for _, size := range [...]int64{batchBytes, int64(len(s.scratch))} {
			if b, err = s.peek(s.segments[i], min(left, size)); err != nil {
				return nil, n, err
			}
			if junk, whole = wholePackets(b); whole > 0 {
				break
			}
		}
		if whole == 0 && int64(len(b)) == left {
			junk = len(b) // half a packet, of a run that was killed
		}
		s.read, n = s.read+int64(junk+whole), n+junk+whole
		if whole > 0 {
			return b[junk : junk+whole], n, nil
		}
	}
	return nil, n, nil
}

// wholePackets returns how many bytes at the beginning of b are no packet, and how many after them are whole packets,
// no more than a batch unless the first is longer.
func wholePackets(b []byte) (junk, whole int) {
	for {
		j, n := hep.Frame(b[junk+whole:])
		switch {
		case j > 0 && whole > 0:
			return junk, whole
		case n == 0 || junk+whole+j+n > len(b):
			return junk + j, whole
		case whole > 0 && whole+n > batchBytes:
			return junk, whole
		}
		junk, whole = junk+j, whole+n
	}
}

// peek reads n bytes at the place of reading, which is in g.
func (s *spool) peek(g segment, n int64) ([]byte, error) {
	if s.head == nil || s.headAt != g.start {
		s.closeHead()
		f, err := os.Open(s.path(g.start))
		if err != nil {
			return nil, err
		}
		s.head, s.headAt = f, g.start
	}
	b := s.scratch[:n]
	_, err := s.head.ReadAt(b, s.read-g.start)
	return b, err
}

func (s *spool) closeHead() {
	if s.head != nil {
		s.head.Close()
		s.head = nil
	}
}

// confirm says that the n bytes read first are done with.
func (s *spool) confirm(n int) error {
	s.done += int64(n)
	err := s.drop()
	if time.Since(s.saved) >= saveEvery {
		err = errors.Join(err, s.save())
	}
	return err
}

// drop deletes the files that are done with.
func (s *spool) drop() error {
	for len(s.segments) > 0 && s.segments[0].end() <= s.done {
		gone := s.segments[0].start
		if len(s.segments) == 1 {
			s.closeTail()
		}
		if s.headAt == gone {
			s.closeHead()
		}
		s.segments = s.segments[1:]
		if err := os.Remove(s.path(gone)); err != nil {
			return err
		}
	}
	return nil
}

// save writes down what is confirmed.
func (s *spool) save() error {
	s.saved = time.Now()
	name := filepath.Join(s.dir, positionFile)
	if err := os.WriteFile(name+".new", strconv.AppendInt(nil, s.done, 10), 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

func (s *spool) close() error {
	err := s.save()
	s.closeTail()
	s.closeHead()
	s.unlock()
	return err
}
