package correlate

import "syscall"

// wantHugePages asks the kernel to back b by pages of 2 MiB. It is a wish: what the kernel says does not matter.
func wantHugePages(b []byte) { _ = syscall.Madvise(b, syscall.MADV_HUGEPAGE) }
