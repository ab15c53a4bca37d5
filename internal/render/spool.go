package render

import (
	"bufio"
	"fmt"
	"io"
	"os"
)

const (
	spoolMemory = 1 << 20 // bytes kept before a file is made
	spoolLimit  = 1 << 30 // bytes of one spool in all; records beyond are counted, not kept
)

// spool keeps records, in order, until the summary that has to stand before them is known: the first in
// memory, the rest in a temporary file that is removed as soon as it is open. The zero spool is ready.
type spool struct {
	mem    []byte
	file   *os.File
	out    *bufio.Writer
	bytes  int64
	limit  int64  // 0 = spoolLimit
	Kept   uint64 // records
	Missed uint64 // records that did not fit
}

// add keeps a copy of rec or, when the limit is reached, counts it as missed. ok says which.
func (s *spool) add(rec []byte) (ok bool, err error) {
	limit := s.limit
	if limit == 0 {
		limit = spoolLimit
	}
	if s.Missed > 0 || s.bytes+int64(len(rec)) > limit {
		s.Missed++
		return false, nil
	}
	s.bytes += int64(len(rec))
	s.Kept++
	if s.file == nil && len(s.mem)+len(rec) <= spoolMemory {
		s.mem = append(s.mem, rec...)
		return true, nil
	}
	if s.file == nil {
		if err := s.open(); err != nil {
			return false, err
		}
	}
	if _, err := s.out.Write(rec); err != nil {
		return false, fmt.Errorf("write report to temporary file: %w", err)
	}
	return true, nil
}

func (s *spool) open() error {
	f, err := os.CreateTemp("", "sipcause-report-*")
	if err != nil {
		return fmt.Errorf("make temporary file for report: %w", err)
	}
	// Where an open file cannot be removed (Windows), close does it.
	_ = os.Remove(f.Name())
	s.file, s.out = f, bufio.NewWriterSize(f, 64<<10)
	return nil
}

// copyTo writes the records to w and gives everything back.
func (s *spool) copyTo(w io.Writer) error {
	defer s.close()
	if _, err := w.Write(s.mem); err != nil {
		return err
	}
	if s.file == nil {
		return nil
	}
	if err := s.out.Flush(); err != nil {
		return fmt.Errorf("write report to temporary file: %w", err)
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read report back from temporary file: %w", err)
	}
	_, err := io.Copy(w, s.file)
	return err
}

func (s *spool) close() {
	if s.file != nil {
		s.file.Close()
		_ = os.Remove(s.file.Name())
	}
	s.file, s.out, s.mem = nil, nil, nil
}
