//go:build unix

package sqlite

import "syscall"

// readOnlyFlag is ST_RDONLY of statvfs.
const readOnlyFlag = 1

// room returns the bytes free for us on dir's file system, and whether it is mounted read-only. What cannot be asked is
// plenty.
func room(dir string) (free int64, readOnly bool) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 1 << 62, false
	}
	return int64(st.Bavail) * int64(st.Bsize), uint64(st.Flags)&readOnlyFlag != 0 //nolint:unconvert // of other types elsewhere
}
