package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"sipcause/internal/store"
)

// TestDiskFull fills a small file system to the last byte and gives it back in steps, so that a batch fails at each of
// the places where it can.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64m"); err != nil {
		t.Skipf("mounting a tmpfs needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	s := open(t, filepath.Join(dir, "data"), Options{fileBytes: 300_000})
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer filler.Close()
	refused := 0
	for round := range 6 {
		write(t, s, s.seq.Load()+uint64(round%4)*10+1)
		size := fill(t, filler)
		for step := 0; ; step++ {
			next := s.seq.Load() + 1
			err := s.Write(context.Background(), numbered(next))
			if err == nil {
				if step > 0 || s.seq.Load() > next+40 {
					break
				}
				step = -1 // there was room in the files as they are
				continue
			}
			if !errors.Is(err, store.ErrFull) {
				t.Fatalf("round %d: %v", round, err)
			}
			refused++
			if refused%8 == 1 {
				if last := prefix(t, s); last != next-1 {
					t.Fatalf("round %d: last batch %d, want %d", round, last, next-1)
				}
			}
			size -= 16 << 10
			if err := filler.Truncate(size); err != nil {
				t.Fatal(err)
			}
		}
		if err := filler.Truncate(0); err != nil {
			t.Fatal(err)
		}
		write(t, s, s.seq.Load()+3)
		prefix(t, s)
		if _, err := s.Retain(context.Background(), store.Policy{}, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if refused < 20 {
		t.Errorf("%d writes were refused: the test proves little", refused)
	}
}

// fill writes to the file until no byte is left, and returns its size.
func fill(t *testing.T, f *os.File) (size int64) {
	t.Helper()
	fi, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	size = fi.Size()
	for chunk := make([]byte, 64<<10); len(chunk) > 0; {
		n, err := f.WriteAt(chunk, size)
		size += int64(n)
		if err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		if err != nil {
			chunk = chunk[:len(chunk)/2]
		}
	}
	return size
}

// TestReadOnly: a folder that may not be written is refused as a full one is.
func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_RDONLY, ""); err != nil {
		t.Skipf("mounting a tmpfs needs root: %v", err)
	}
	defer func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }()
	if _, err := Open(filepath.Join(dir, "data"), Options{}); !errors.Is(err, store.ErrFull) {
		t.Errorf("open: %v", err)
	}
}
