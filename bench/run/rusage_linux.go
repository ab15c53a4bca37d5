package main

import "syscall"

// maxRSS is in MB; Linux counts in KiB. A child inherits what its parent held at the fork: this program stays small.
func maxRSS(u *syscall.Rusage) float64 { return float64(u.Maxrss) * 1024 / 1e6 }
