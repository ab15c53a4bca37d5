//go:build unix

package config

import (
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"
)

// canWrite says whether a folder can be written, or be made.
func canWrite(dir string) bool {
	const write = 2 // W_OK of access(2)
	err := syscall.Access(dir, write)
	if errors.Is(err, fs.ErrNotExist) {
		err = syscall.Access(filepath.Dir(dir), write)
	}
	return err == nil
}

// diskSize returns the bytes of the file system that a folder is on, or will be; 0 when that cannot be told.
func diskSize(dir string) int64 {
	var st syscall.Statfs_t
	err := syscall.Statfs(dir, &st)
	for ; errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir); err = syscall.Statfs(dir, &st) {
		dir = filepath.Dir(dir)
	}
	if err != nil {
		return 0
	}
	return int64(st.Blocks) * int64(st.Bsize) //nolint:unconvert // of another type elsewhere
}
