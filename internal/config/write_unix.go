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
